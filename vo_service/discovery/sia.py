"""Routes of image search (SIA 2.0): the maps of catalogues, from `ivoa.ObsCore`."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from registry.formats.writers.base import ResultInfo
from registry.formats.writers.registry import content_type, writer_for
from registry.model.capability import Capability, Interface, UrlUse
from registry.model.principal import Principal
from vo_service.adql.errors import QueryTooComplex
from vo_service.dali.errors import InvalidParameter
from vo_service.dali.params import Parameters
from vo_service.dali.request import RequestLimits
from vo_service.discovery.image_query import ImageRequest
from vo_service.http.bodies import refuse_cut_form
from vo_service.http.errors import install_errors, votable_error
from vo_service.http.streaming import ResultStreaming
from vo_service.queries import QueryService
from vosi import availability as availability_document
from vosi.availability import Availability
from vosi.capabilities import render
from vosi.document import XML_TYPE

__all__ = ["SIA_STANDARD", "sia_blueprint", "sia_capability"]

SIA_STANDARD = "ivo://ivoa.net/std/SIA#query-2.0"
"""Identifier of the standard (SIA 2.0, section 2.3)."""

_MEDIA_TYPE = "application/x-votable+xml"
"""Of an answer whose format was not asked for (SIA 2.0, section 3.1)."""


def sia_blueprint(
    *,
    queries: QueryService,
    streaming: ResultStreaming,
    limits: RequestLimits,
    time_limit_s: float,
    availability: Callable[[], Availability],
    principal: Callable[[], Principal],
    visitor: Callable[[], str],
    sia_url: str,
    name: str = "sia",
) -> Blueprint:
    """Make the routes ``/query``, ``/capabilities`` and ``/availability``.

    Parameters
    ----------
    queries
        Answers ADQL.
    streaming
        Turns running queries into answers.
    limits
        What requests may ask for.
    time_limit_s
        Seconds that the engine may work on one.
    availability
        Checks whether the service works.
    principal, visitor
        Who asks, and who shares slots with others, for the request at hand.
    sia_url
        Public URL above these routes, without trailing slash.
    name
        Name of the blueprint, unique in the application.
    """
    blueprint = Blueprint(name, __name__)

    @blueprint.route("/query", methods=["GET", "POST"], strict_slashes=False)
    def search() -> Response:
        asked = ImageRequest.parse(_parameters(), limits)
        writer = writer_for(asked.responseformat or "votable/td")
        kind = _MEDIA_TYPE if asked.responseformat is None else content_type(asked.responseformat)
        try:
            running = queries.run(
                principal(),
                asked.query,
                maxrec=asked.maxrec,
                time_limit_s=time_limit_s,
                visitor=visitor(),
            )
        except QueryTooComplex as error:
            # Its words are those for people who write ADQL.
            raise InvalidParameter(
                "POS", "all values together", "give fewer values in one request, of any parameter"
            ) from error
        said = (ResultInfo("standardID", SIA_STANDARD),)
        return streaming.respond(running, writer, kind, said)

    @blueprint.get("/capabilities", strict_slashes=False)
    def show_capabilities() -> Response:
        vosi = (
            Capability(
                f"ivo://ivoa.net/std/VOSI#{resource}",
                (Interface(f"{sia_url}/{resource}", role="std", version="1.1"),),
            )
            for resource in ("capabilities", "availability")
        )
        return Response(render((*vosi, sia_capability(sia_url))), content_type=XML_TYPE)

    @blueprint.get("/availability", strict_slashes=False)
    def show_availability() -> Response:
        response = Response(availability_document.render(availability()), content_type=XML_TYPE)
        response.cache_control.no_store = True
        return response

    install_errors(blueprint, _fault)
    return blueprint


def sia_capability(sia_url: str) -> Capability:
    """Describe the image search below an address."""
    query = Interface(f"{sia_url}/query", UrlUse.BASE, role="std", version="2.0")
    return Capability(SIA_STANDARD, (query,))


def _parameters() -> Parameters:
    form = request.form.to_dict(flat=False)
    refuse_cut_form()
    return Parameters(request.args.to_dict(flat=False), form)


def _fault(message: str, status: int) -> Response:
    """Answer with a fault of SIA 2.0, section 3.2."""
    if status in (401, 403):
        return votable_error(message, status)
    if status in (429, 503):
        return votable_error(f"TransientFault: {message}", status)
    return votable_error(f"{'UsageFault' if status < 500 else 'FatalFault'}: {message}", status)
