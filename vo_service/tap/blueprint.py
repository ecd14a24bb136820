"""Routes of TAP: sync, examples, and a page for people; VOSI's are beside them."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from registry.formats.writers.base import ResultInfo
from registry.formats.writers.registry import content_type, writer_for
from registry.model.principal import Principal
from registry.model.table import TableSet
from vo_service.dali.params import Parameters
from vo_service.dali.request import RequestLimits, TapRequest
from vo_service.http.bodies import refuse_cut_form
from vo_service.http.errors import install_errors, votable_error
from vo_service.http.streaming import ResultStreaming
from vo_service.queries import QueryService
from vo_service.tap.capabilities import LANGUAGE
from vo_service.tap.example_page import render
from vo_service.tap.examples import Example
from vo_service.tap.page import render_page
from vo_service.tap.uploads import request_part
from vo_service.uploads.service import UploadService

__all__ = ["tap_blueprint"]


def tap_blueprint(
    *,
    queries: QueryService,
    streaming: ResultStreaming,
    limits: RequestLimits,
    time_limit_s: float,
    principal: Callable[[], Principal],
    examples: Callable[[TableSet], list[Example]],
    tap_url: str,
    title: str,
    infos: Callable[[TapRequest], tuple[ResultInfo, ...]],
    visitor: Callable[[], str],
    uploads: UploadService | None = None,
    name: str = "tap",
) -> Blueprint:
    """Make the routes ``/sync``, ``/examples`` and the page at the root.

    Parameters
    ----------
    queries
        Answers ADQL.
    streaming
        Turns running queries into answers.
    limits
        What requests may ask for.
    time_limit_s
        Seconds that the engine may work on a query.
    principal
        Who asks, for the request at hand.
    examples
        Chooses examples for what a caller may query.
    tap_url
        Public URL of the service, without trailing slash.
    title
        Name of the service, for people.
    infos
        Statements that precede the table of a result.
    visitor
        Who shares slots with others, for the request at hand.
    uploads
        Reads the tables that come with requests, where `limits` offers that.
    name
        Name of the blueprint, unique in the application.
    """
    blueprint = Blueprint(name, __name__)

    @blueprint.get("")
    def show_page() -> Response:
        visible = queries.tables(principal())
        page = render_page(title, tap_url, visible, examples(visible))
        return _private(Response(page, content_type="text/html; charset=utf-8"))

    @blueprint.get("/examples")
    def show_examples() -> Response:
        document = render(examples(queries.tables(principal())))
        return _private(Response(document, content_type="application/xhtml+xml"))

    @blueprint.route("/sync", methods=["GET", "POST"])
    def query() -> Response:
        asked = TapRequest.parse(_parameters(), limits, LANGUAGE.lang_values)
        writer, said = writer_for(asked.responseformat), infos(asked)
        # From here on a slot is taken until the answer is sent: nothing may fail in between.
        running = queries.run(
            principal(),
            asked.query,
            maxrec=asked.maxrec,
            time_limit_s=time_limit_s,
            uploads=() if uploads is None else uploads.read(asked.uploads, request_part),
            visitor=visitor(),
        )
        return streaming.respond(running, writer, content_type(asked.responseformat), said)

    install_errors(blueprint, votable_error)
    return blueprint


def _parameters() -> Parameters:
    form = request.form.to_dict(flat=False)
    refuse_cut_form()
    return Parameters(request.args.to_dict(flat=False), form)


def _private(response: Response) -> Response:
    response.vary.add("Authorization")
    return response
