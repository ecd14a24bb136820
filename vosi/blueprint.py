"""Routes of VOSI: availability, capabilities and tables, beside the service they describe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from flask import Blueprint, Response, request

from registry.model.capability import Capability
from registry.model.principal import ANONYMOUS, Principal
from registry.model.table import TableSet
from vosi import availability as availability_document
from vosi import capabilities as capabilities_document
from vosi.availability import Availability
from vosi.document import XML_TYPE
from vosi.tables import (
    FLAGS_SCHEMA,
    Detail,
    TablesCache,
    find_table,
    render,
    render_table,
    split_names,
)

__all__ = ["vosi_blueprint"]

_DETAIL_CHOICES = " or ".join(f"detail={detail.value}" for detail in Detail)


def _anonymous() -> Principal:
    return ANONYMOUS


def vosi_blueprint(
    *,
    availability: Callable[[], Availability],
    capabilities: Callable[[], Sequence[Capability]],
    capabilities_modified: Callable[[], datetime],
    tables: Callable[[Principal], TableSet],
    principal: Callable[[], Principal] = _anonymous,
    name: str = "vosi",
) -> Blueprint:
    """Make the routes ``/availability``, ``/capabilities``, ``/tables`` and ``/tables/<name>``.

    Parameters
    ----------
    availability
        Checks the service, each time it is called.
    capabilities
        What the service offers.
    capabilities_modified
        Aware time of the last change of the capabilities.
    tables
        Everything that a caller may query.
    principal
        Who asks, for the request at hand.
    name
        Name of the blueprint, unique in the application.

    Notes
    -----
    VOSI 1.1, sections 3 and 4. Availability and capabilities are the same for everybody and
    never ask for credentials (TAP 1.1, section 2). ESA's TAP+ adds to ``/tables`` the parameters
    ``tables`` (the names of those that are described) and ``only_tables``.
    """
    blueprint = Blueprint(name, __name__)
    cache = TablesCache()

    @blueprint.get("/availability", strict_slashes=False)
    def show_availability() -> Response:
        response = _xml(availability_document.render(availability()))
        response.cache_control.no_store = True
        return response

    @blueprint.get("/capabilities", strict_slashes=False)
    def show_capabilities() -> Response:
        response = _xml(capabilities_document.render(capabilities()))
        response.last_modified = capabilities_modified()
        response.make_conditional(request)
        return response

    @blueprint.get("/tables", strict_slashes=False)
    def show_tables() -> Response:
        asked = _detail()
        if asked not in list(Detail):
            message = f"detail={asked[:40]} is not known: give {_DETAIL_CHOICES}.\n"
            return _plain(message, 400)
        visible, named = tables(principal()), _table_names()
        chosen = {each: find_table(visible, each) for each in named}
        missing = next((each for each, table in chosen.items() if table is None), None)
        if missing is not None:
            return _unknown(missing)
        # TapPlus of astroquery alone comes without a name, and cannot do without the flags.
        flags = not request.headers.get("User-Agent")
        found = [table for table in chosen.values() if table is not None]
        draw = partial(render, chosen=found) if named else cache.render
        response = _private(_xml(draw(visible, Detail(asked), flags=flags)))
        response.vary.add("User-Agent")
        return response

    @blueprint.get("/esatapplus.xsd")
    def show_flags_schema() -> Response:
        return _xml(FLAGS_SCHEMA)

    @blueprint.get("/tables/<path:table_name>", strict_slashes=False)
    def show_table(table_name: str) -> Response:
        visible = tables(principal())
        table = find_table(visible, table_name.removesuffix("/"))
        if table is None:
            return _unknown(table_name)
        return _private(_xml(render_table(visible, table)))

    return blueprint


def _arguments(name: str) -> list[str]:
    pairs = request.args.items(multi=True)
    return [value.strip() for key, value in pairs if key.lower() == name and value.strip()]


def _detail() -> str:
    for value in _arguments("detail"):
        return value.lower()
    if "true" in map(str.lower, _arguments("only_tables")):
        return Detail.MIN.value
    return Detail.MAX.value


def _table_names() -> list[str]:
    """Give the tables that are asked for by name, as TapPlus of astroquery does; none is all."""
    return [name for value in _arguments("tables") for name in split_names(value)]


def _unknown(table_name: str) -> Response:
    message = f"There is no table {table_name[:200]}: see the list under /tables.\n"
    return _private(_plain(message, 404))


def _xml(body: bytes) -> Response:
    return Response(body, content_type=XML_TYPE)


def _plain(message: str, status: int) -> Response:
    return Response(message, status=status, content_type="text/plain; charset=utf-8")


def _private(response: Response) -> Response:
    response.vary.add("Authorization")
    return response
