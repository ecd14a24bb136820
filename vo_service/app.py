"""The web application: routes over the services of an installation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask, Response

from registry.formats.writers.registry import WRITERS
from registry.model.capability import Capability, TimeLimits
from uws.blueprint import uws_blueprint
from uws.service import JobService
from vo_service.dali.request import RequestLimits
from vo_service.http.authentication import request_principal
from vo_service.http.connection import HangupWatcher
from vo_service.http.errors import install_errors
from vo_service.http.headers import install_headers
from vo_service.http.streaming import ResultStreaming
from vo_service.queries import QueryService
from vo_service.settings import Settings
from vo_service.tap.blueprint import tap_blueprint
from vo_service.tap.capabilities import tap_capabilities
from vo_service.tap.examples import examples
from vo_service.tap.jobs import KIND, job_error_document
from vo_service.tap.provenance import request_infos
from vo_service.tap.uploads import Uploads, accept_bodies, is_reference
from vosi.availability import Availability
from vosi.blueprint import vosi_blueprint

__all__ = ["create_app"]

_BODY_OVERHEAD_BYTES = 2**20
"""What a form may carry beside the query."""


def create_app(
    settings: Settings,
    queries: QueryService,
    jobs: JobService,
    availability: Callable[[], Availability],
    uploads: Uploads | None = None,
) -> Flask:
    """Make the application.

    Parameters
    ----------
    settings
        Of the installation.
    queries
        Answers ADQL.
    jobs
        Asynchronous queries.
    availability
        Checks whether the service works.
    uploads
        Takes the tables that come with queries; without it none may come.
    """
    app = Flask(__name__, static_folder=None)
    # A character of a query is up to four bytes, and three times as many when percent-encoded.
    body_bytes = 12 * settings.query_max_characters + _BODY_OVERHEAD_BYTES
    app.config.update(
        MAX_CONTENT_LENGTH=body_bytes, MAX_FORM_MEMORY_SIZE=body_bytes, MAX_FORM_PARTS=100
    )
    tap_url = f"{settings.base_url}/tap"
    limits = RequestLimits(
        settings.maxrec_default_rows, settings.maxrec_hard_rows, uploads_offered=uploads is not None
    )
    if uploads is not None:
        accept_bodies(app, ("/tap/sync", "/tap/async"), body_bytes + settings.upload_max_bytes)
    capabilities = _capabilities(settings, tap_url, limits)
    started = datetime.now(UTC)
    install_headers(app)
    install_errors(app)
    app.register_blueprint(
        tap_blueprint(
            queries=queries,
            streaming=ResultStreaming(HangupWatcher(), settings.send_timeout_s),
            limits=limits,
            time_limit_s=settings.sync_timeout_s,
            principal=request_principal,
            examples=examples,
            tap_url=tap_url,
            title=settings.title,
            infos=request_infos(settings.publisher, tap_url),
            uploads=None if uploads is None else uploads.service,
        ),
        url_prefix="/tap",
    )
    app.register_blueprint(
        uws_blueprint(
            jobs,
            kind=KIND,
            jobs_url=f"{tap_url}/async",
            owner=lambda: request_principal().user,
            error_document=job_error_document,
            accept_upload=None if uploads is None else uploads.inputs.keep,
            by_reference=is_reference,
        ),
        url_prefix="/tap/async",
    )
    app.register_blueprint(
        vosi_blueprint(
            availability=availability,
            capabilities=lambda: capabilities,
            capabilities_modified=lambda: started,
            tables=queries.tables,
            principal=request_principal,
        ),
        url_prefix="/tap",
    )

    @app.get("/")
    def show_root() -> Response:
        return Response(status=303, headers={"Location": tap_url})

    return app


def _capabilities(
    settings: Settings, tap_url: str, limits: RequestLimits
) -> tuple[Capability, ...]:
    return tap_capabilities(
        tap_url,
        limits,
        WRITERS,
        _time_limits(settings.job_retention_default_s, settings.job_retention_hard_s),
        _time_limits(settings.async_duration_default_s, settings.async_duration_hard_s),
        upload_bytes=settings.upload_max_bytes if limits.uploads_offered else None,
    )


def _time_limits(default_s: int, hard_s: int) -> TimeLimits:
    return TimeLimits(min(default_s, hard_s), hard_s)
