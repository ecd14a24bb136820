"""Routes of cone search: one service for each table with positions."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from registry.formats.writers.base import ResultInfo
from registry.formats.writers.registry import content_type, writer_for
from registry.formats.writers.votable import error_document
from registry.healpix import covered_place
from registry.model.capability import Capability, ConeCapability, ConeExample, Interface, UrlUse
from registry.model.principal import Principal
from registry.model.table import Table
from vo_service.dali.params import Parameters
from vo_service.dali.request import RequestLimits
from vo_service.discovery.cone import MAX_RADIUS_DEG, ConeRequest, ConeSearch, NoConeSearch
from vo_service.http.bodies import refuse_cut_form
from vo_service.http.browsers import remember_message
from vo_service.http.errors import install_errors
from vo_service.http.streaming import ResultStreaming
from vosi.capabilities import render
from vosi.document import XML_TYPE

__all__ = ["CONE_STANDARD", "cone_capability", "scs_blueprint"]

CONE_STANDARD = "ivo://ivoa.net/std/ConeSearch"
"""Identifier of the standard (SCS 1.03, section 3)."""

_MEDIA_TYPE = "text/xml;content=x-votable"
"""Of an answer whose format was not asked for (SCS 1.03, section 2.2)."""


def scs_blueprint(
    *,
    cones: ConeSearch,
    streaming: ResultStreaming,
    limits: RequestLimits,
    principal: Callable[[], Principal],
    visitor: Callable[[], str],
    scs_url: str,
    name: str = "scs",
) -> Blueprint:
    """Make the routes ``/<table>`` and ``/<table>/capabilities``.

    Parameters
    ----------
    cones
        Answers the searches.
    streaming
        Turns running queries into answers.
    limits
        What requests may ask for.
    principal, visitor
        Who asks, and who shares slots with others, for the request at hand.
    scs_url
        Public URL above the tables, without trailing slash.
    name
        Name of the blueprint, unique in the application.
    """
    blueprint = Blueprint(name, __name__)

    @blueprint.route("/<table_name>", methods=["GET", "POST"], strict_slashes=False)
    def search(table_name: str) -> Response:
        table = cones.table(principal(), table_name)
        asked = ConeRequest.parse(_parameters(), limits)
        writer = writer_for(asked.responseformat or "votable/td")
        running = cones.run(principal(), table, asked, visitor())
        kind = _MEDIA_TYPE if asked.responseformat is None else content_type(asked.responseformat)
        return streaming.respond(running, writer, kind, (ResultInfo("standardID", CONE_STANDARD),))

    @blueprint.get("/<table_name>/capabilities", strict_slashes=False)
    def show_capabilities(table_name: str) -> Response:
        table = cones.table(principal(), table_name)
        capabilities = (
            Capability(
                "ivo://ivoa.net/std/VOSI#capabilities",
                (Interface(f"{scs_url}/{table.name}/capabilities", role="std", version="1.1"),),
            ),
            cone_capability(table, scs_url, limits),
        )
        response = Response(render(capabilities), content_type=XML_TYPE)
        response.vary.add("Authorization")
        return response

    @blueprint.errorhandler(NoConeSearch)
    def answer_missing(error: NoConeSearch) -> Response:
        response = _error(str(error), 404)
        response.vary.add("Authorization")
        return response

    install_errors(blueprint, _error)
    return blueprint


def cone_capability(table: Table, scs_url: str, limits: RequestLimits) -> ConeCapability:
    """Describe the cone search of a table.

    Parameters
    ----------
    table
        With positions.
    scs_url
        Public URL above the tables.
    limits
        What requests may ask for.
    """
    place = None if table.coverage is None else covered_place(table.coverage)
    return ConeCapability(
        CONE_STANDARD,
        (Interface(f"{scs_url}/{table.name}?", UrlUse.BASE, role="std", version="1.03"),),
        max_radius_deg=MAX_RADIUS_DEG,
        max_records=limits.maxrec_hard_rows,
        verbosity=True,
        # Some row is there, since the map was made of the rows.
        test=ConeExample(*place) if place else ConeExample(0.0, 0.0, MAX_RADIUS_DEG),
    )


def _parameters() -> Parameters:
    form = request.form.to_dict(flat=False)
    refuse_cut_form()
    return Parameters(request.args.to_dict(flat=False), form)


def _error(message: str, status: int) -> Response:
    """Answer in the way of SCS 1.03, section 2.3: what is asked wrongly is no error of HTTP."""
    if status != 400:
        remember_message(message)
    document = error_document(message, (ResultInfo("Error", message),))
    return Response(
        document,
        status=200 if status == 400 else status,
        content_type=_MEDIA_TYPE if status == 400 else "application/x-votable+xml",
    )
