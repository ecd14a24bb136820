"""Routes of DataLink: what belongs to the products of identifiers (DataLink 1.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
from flask import Blueprint, Response, request

from registry.formats.writers.base import ResultInfo
from registry.formats.writers.descriptors import (
    LINKS_STANDARD,
    ServiceDescriptor,
    ServiceParameter,
)
from registry.formats.writers.stream import ResultStream
from registry.formats.writers.tabledata import TabledataWriter
from registry.model.dataset import LINKS_TYPE
from registry.model.field import Datatype, Field, ValueType
from registry.model.principal import Principal
from registry.model.product import Product
from registry.model.table import Table
from registry.products.links import ProductLinks
from vo_service.dali.errors import InvalidParameter
from vo_service.dali.params import Parameters
from vo_service.dali.request import RequestLimits, parse_maxrec, parse_responseformat
from vo_service.http.bodies import refuse_cut_form
from vo_service.http.errors import install_errors, votable_error

__all__ = ["datalink_blueprint"]

_IDS_MAX = 200
"""Identifiers of one request; what is left over is an overflow (DataLink 1.1, section 3.4)."""

_LIMITS = RequestLimits(100_000, 100_000)
"""Rows of an answer: more than the identifiers of one request can have."""

_TEXT = ValueType(Datatype.UNICODE_CHAR, "*")
_WORD = ValueType(Datatype.CHAR, "*")

_FIELDS = (
    Field("ID", _TEXT, ucd="meta.id;meta.main"),
    Field("access_url", _TEXT, ucd="meta.ref.url"),
    Field("service_def", _WORD, ucd="meta.ref"),
    Field("error_message", _TEXT, ucd="meta.code.error"),
    Field("description", _TEXT, ucd="meta.note"),
    Field("semantics", _WORD, ucd="meta.code"),
    Field("content_type", _WORD, ucd="meta.code.mime"),
    Field("content_length", ValueType(Datatype.LONG), "byte", "phys.size;meta.file"),
    Field("link_auth", _WORD, ucd="meta.code"),
    Field("link_authorized", ValueType(Datatype.BOOLEAN), ucd="meta.code"),
)
"""Columns of the answer (DataLink 1.1, section 3.2)."""

_FORMATS = frozenset(
    {"votable", "application/x-votable+xml", LINKS_TYPE.lower(), "text/xml", "votable/td"}
)

_Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    rows: list[_Row]
    services: list[ServiceDescriptor]
    overflow: bool


def datalink_blueprint(
    *,
    links: ProductLinks,
    table: Callable[[Principal, str], Table | None],
    principal: Callable[[], Principal],
    base_url: str,
    name: str = "datalink",
) -> Blueprint:
    """Make the route ``/links``.

    Parameters
    ----------
    links
        Finds what belongs to products.
    table
        Gives the table of a qualified name, if the caller may see it.
    principal
        Who asks, for the request at hand.
    base_url
        Public URL above all services, without trailing slash.
    name
        Name of the blueprint, unique in the application.
    """
    blueprint = Blueprint(name, __name__)
    writer = TabledataWriter()

    @blueprint.route("/links", methods=["GET", "POST"], strict_slashes=False)
    def show_links() -> Response:
        parameters = _parameters()
        _check_format(parameters)
        maxrec = parse_maxrec(parameters, _LIMITS)
        who = principal()
        given = list(dict.fromkeys(parameters.all("ID")))
        answer = _answer(links, table, base_url, who, given)
        limit = len(answer.rows) - 1 if answer.overflow else len(answer.rows)
        stream = ResultStream(
            _FIELDS,
            _batches(answer.rows),
            maxrec=min(maxrec, limit) if given else maxrec or None,
            infos=(ResultInfo("standardID", LINKS_STANDARD),),
            services=answer.services or (_own_descriptor(base_url),),
        )
        response = Response(b"".join(writer.write(stream)), content_type=LINKS_TYPE)
        response.vary.add("Authorization")
        return response

    install_errors(blueprint, _fault)
    return blueprint


def _parameters() -> Parameters:
    form = request.form.to_dict(flat=False)
    refuse_cut_form()
    return Parameters(request.args.to_dict(flat=False), form)


def _check_format(parameters: Parameters) -> None:
    asked = parse_responseformat(parameters)
    if asked is not None and asked.lower().replace(" ", "") not in _FORMATS:
        raise InvalidParameter("RESPONSEFORMAT", asked, f"links come as {LINKS_TYPE} alone")


def _answer(
    links: ProductLinks,
    table: Callable[[Principal, str], Table | None],
    base_url: str,
    who: Principal,
    given: Sequence[str],
) -> _Answer:
    answer = _Answer([], [], len(given) > _IDS_MAX)
    for number, identifier in enumerate(given[:_IDS_MAX]):
        product = links.product(who, identifier)
        if product is None:
            answer.rows.append(_unknown(identifier))
            continue
        auth = "false" if links.is_public(product) else "true"
        of_map = links.map_links(product, identifier)
        if of_map == []:
            answer.rows.append(_unknown(identifier))
        for link in links.links(who, product) if of_map is None else of_map:
            rights = (auth, True) if link.ours else ("false", True)
            where = (identifier, link.url, None, None, link.description, link.semantics)
            answer.rows.append((*where, link.media_type, link.size_bytes, *rights))
        no_table = product.version is None or of_map is not None
        queried = None if no_table else table(who, product.table_name)
        if queried is not None:
            services = list(_descriptors(product, queried, number, base_url))
            answer.services.extend(services)
            for service in services:
                what = (identifier, None, service.id, None, service.description, "#proc")
                answer.rows.append((*what, "application/x-votable+xml", None, auth, True))
    if answer.overflow:
        answer.rows.append(_unknown("more"))
    return answer


def _unknown(identifier: str) -> _Row:
    message = f"NotFoundFault: there is no product {identifier[:200]}"
    return (identifier, None, None, message, None, "#this", None, None, None, None)


def _batches(rows: Iterable[_Row]) -> Iterator[pa.RecordBatch]:
    columns = list(zip(*rows, strict=True))
    if columns:
        arrays = [pa.array(c, f.type.arrow) for c, f in zip(columns, _FIELDS, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, names=[field.name for field in _FIELDS])


def _descriptors(
    product: Product, table: Table, number: int, base_url: str
) -> Iterator[ServiceDescriptor]:
    double = Datatype.DOUBLE
    if table.position is not None:
        yield ServiceDescriptor(
            f"cone{number}",
            f"{base_url}/scs/{table.name}",
            (
                ServiceParameter("RA", double, unit="deg", ucd="pos.eq.ra"),
                ServiceParameter("DEC", double, unit="deg", ucd="pos.eq.dec"),
                ServiceParameter("SR", double, unit="deg", ucd="pos.angDistance"),
            ),
            "ivo://ivoa.net/std/ConeSearch",
            f"Rows of {product.display_name} around a position",
        )
    yield ServiceDescriptor(
        f"query{number}",
        f"{base_url}/tap/sync",
        (
            ServiceParameter("LANG", value="ADQL"),
            ServiceParameter("REQUEST", value="doQuery"),
            ServiceParameter(
                "QUERY",
                value=f"SELECT TOP 1000 * FROM {table.name}",  # noqa: S608 - shown to users
                description="ADQL; add conditions on redshift and position.",
            ),
        ),
        "ivo://ivoa.net/std/TAP",
        f"Rows of {product.display_name} by a query",
    )


def _own_descriptor(base_url: str) -> ServiceDescriptor:
    parameter = ServiceParameter("ID", ucd="meta.id;meta.main", description="Publisher DID")
    return ServiceDescriptor("links", f"{base_url}/datalink/links", (parameter,), LINKS_STANDARD)


def _fault(message: str, status: int) -> Response:
    """Answer with a fault of DataLink 1.1, section 3.5."""
    if status in (429, 503):
        return votable_error(f"TransientFault: {message}", status)
    kind = "UsageFault" if status < 500 else "FatalFault"
    return votable_error(message if status in (401, 403) else f"{kind}: {message}", status)
