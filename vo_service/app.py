"""The web application: routes over the services of an installation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from flask import Blueprint, Flask, Response, request

from registry.formats.writers.registry import WRITERS
from registry.model.capability import Capability, TimeLimits
from registry.model.principal import Principal
from registry.user_tables.service import UserTableService
from uws.blueprint import uws_blueprint
from uws.model import Job
from uws.service import JobService
from vo_service.api.blueprint.answers import json_error
from vo_service.dali.request import RequestLimits
from vo_service.discovery.capabilities import discovery_capabilities
from vo_service.http.authentication import Authentication
from vo_service.http.browsers import PAGE_TYPE, show_errors_as_pages, wants_page
from vo_service.http.errors import install_errors, text_error
from vo_service.http.headers import install_headers
from vo_service.http.paths import take_paths_as_written
from vo_service.http.requests import TextRequest
from vo_service.http.rights import Right, install_rights
from vo_service.http.streaming import ResultStreaming
from vo_service.http.visitors import ForwardedHeaders, TrustedProxies
from vo_service.queries import QueryService
from vo_service.settings import Settings
from vo_service.tap.blueprint import tap_blueprint
from vo_service.tap.capabilities import TapMount, tap_capabilities
from vo_service.tap.examples import examples
from vo_service.tap.jobs import KIND, job_error_document
from vo_service.tap.page import render_error_page
from vo_service.tap.provenance import request_infos
from vo_service.tap.uploads import Uploads, accept_bodies, is_reference, merge_uploads
from vo_service.tap.user_tables import table_update_blueprint, user_table_blueprint
from vosi.availability import Availability
from vosi.blueprint import vosi_blueprint

__all__ = ["TAP_PATHS", "create_app", "tap_description"]

TAP_PATHS = ("/tap", "/auth/tap")
"""Where TAP is: for everybody, and for those who log in, who are challenged there.

TOPCAT and STILTS send a password only to a service that has asked for it."""

_BODY_OVERHEAD_BYTES = 2**20
"""What a form may carry beside the query."""

_RULES_BYTES = 2**21
"""What a form may carry beside the parameters of a pipeline: files of its user."""


def create_app(
    settings: Settings,
    queries: QueryService,
    jobs: JobService,
    availability: Callable[[], Availability],
    authentication: Authentication,
    *,
    uploads: Uploads | None = None,
    user_tables: UserTableService | None = None,
    blueprints: Sequence[tuple[Blueprint, str]] = (),
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
    authentication
        Tells who asks.
    uploads
        Takes the tables that come with queries; without it none may come.
    user_tables
        Tables that users keep; without it, or without uploads, they keep none.
    blueprints
        Other parts of the service, each with the path below which it is.
    """
    app = Flask(__name__, static_folder=None)
    app.request_class = TextRequest
    # A character of a query is up to four bytes, and three times as many when percent-encoded.
    body_bytes = 12 * settings.query_max_characters + _BODY_OVERHEAD_BYTES
    app.config.update(
        MAX_CONTENT_LENGTH=body_bytes, MAX_FORM_MEMORY_SIZE=body_bytes, MAX_FORM_PARTS=100
    )
    take_paths_as_written(app)
    open_mount, closed_mount = TAP_PATHS
    proxies = TrustedProxies(settings.trusted_proxies)
    app.wsgi_app = ForwardedHeaders(  # type: ignore[method-assign] # as Flask advises
        app.wsgi_app, proxies, settings.proxy_headers
    )
    install_headers(app)
    authentication.install(app)
    install_rights(app, authentication, _granted(settings), body_bytes)
    install_errors(app, _error)
    show_errors_as_pages(app, partial(_error_page, settings))
    parts = _TapParts(
        settings,
        queries,
        jobs,
        availability,
        uploads,
        RequestLimits(
            settings.maxrec_default_rows,
            settings.maxrec_hard_rows,
            uploads_offered=uploads is not None,
        ),
        ResultStreaming(),
        user_tables,
        authentication.visitor,
    )
    for path, principal, name in (
        (open_mount, authentication.principal, ""),
        (closed_mount, authentication.required, "auth_"),
    ):
        if uploads is not None:
            bytes_max = body_bytes + settings.upload_max_bytes
            accept_bodies(app, (f"{path}/sync", f"{path}/async"), bytes_max)
        _mount_tap(app, parts, path, principal, name)
    if uploads is not None:
        accept_bodies(app, ("/query",), body_bytes + settings.upload_max_bytes)
    # Pipelines take small files of their own: rules by which flags are translated.
    accept_bodies(app, ("/pipelines",), body_bytes + _RULES_BYTES)
    for blueprint, prefix in blueprints:
        app.register_blueprint(blueprint, url_prefix=prefix or None)

    return app


def _error_page(settings: Settings, message: str, sent: Mapping[str, str]) -> str:
    below = f"{request.path}/".startswith(f"{TAP_PATHS[1]}/")
    tap_url = f"{settings.base_url}{TAP_PATHS[below]}"
    method = "post" if request.method == "POST" else "get"
    return render_error_page(settings.title, tap_url, message, sent, method)


def _job_error(settings: Settings, job: Job) -> tuple[bytes, str]:
    if not wants_page() or job.error is None:
        return job_error_document(job)
    sent = {each.name.upper(): each.value for each in job.parameters}
    return _error_page(settings, job.error.message, sent).encode(), PAGE_TYPE


def _granted(settings: Settings) -> frozenset[Right]:
    given = {
        Right.READ: settings.anonymous_read,
        Right.QUERY: settings.anonymous_query,
        Right.UPLOAD: settings.anonymous_upload,
        Right.JOBS: settings.anonymous_jobs,
    }
    return frozenset(right for right, is_given in given.items() if is_given)


def _error(message: str, status: int) -> Response:
    render = json_error if f"{request.path}/".startswith("/api/") else text_error
    return render(message, status)


@dataclass(frozen=True, slots=True)
class _TapParts:
    """What each mount of the TAP service is made of."""

    settings: Settings
    queries: QueryService
    jobs: JobService
    availability: Callable[[], Availability]
    uploads: Uploads | None
    limits: RequestLimits
    streaming: ResultStreaming
    user_tables: UserTableService | None
    visitor: Callable[[], str]


def _mount_tap(
    app: Flask, parts: _TapParts, path: str, principal: Callable[[], Principal], name: str
) -> None:
    """Put TAP, UWS and VOSI below a path; documents and redirects stay below it."""
    settings, queries, uploads = parts.settings, parts.queries, parts.uploads
    tap_url = f"{settings.base_url}{path}"
    capabilities = _capabilities(settings, path, parts.limits)
    started = datetime.now(UTC)
    app.register_blueprint(
        tap_blueprint(
            queries=queries,
            streaming=parts.streaming,
            limits=parts.limits,
            time_limit_s=settings.sync_timeout_s,
            principal=principal,
            examples=examples,
            tap_url=tap_url,
            title=settings.title,
            infos=request_infos(settings.publisher, tap_url),
            visitor=parts.visitor,
            uploads=None if uploads is None else uploads.service,
            name=f"{name}tap",
        ),
        url_prefix=path,
    )
    jobs = uws_blueprint(
        parts.jobs,
        kind=KIND,
        jobs_url=f"{tap_url}/async",
        owner=lambda: principal().user,
        address=lambda: parts.visitor().removeprefix("address "),
        error_document=partial(_job_error, settings),
        accept_upload=None if uploads is None else uploads.keep,
        by_reference=is_reference,
        merge=merge_uploads,
        name=f"{name}uws",
    )
    app.register_blueprint(jobs, url_prefix=f"{path}/async")
    app.register_blueprint(
        vosi_blueprint(
            availability=parts.availability,
            capabilities=lambda: capabilities,
            capabilities_modified=lambda: started,
            tables=queries.tables,
            principal=principal,
            name=f"{name}vosi",
        ),
        url_prefix=path,
    )
    _mount_user_tables(app, parts, path, principal, name)


def _mount_user_tables(
    app: Flask, parts: _TapParts, path: str, principal: Callable[[], Principal], name: str
) -> None:
    uploads, tap_url = parts.uploads, f"{parts.settings.base_url}{path}"
    if parts.user_tables is not None and uploads is not None:
        own = user_table_blueprint(
            parts.user_tables,
            uploads.service,
            principal=principal,
            tap_url=tap_url,
            name=f"{name}user_tables",
        )
        app.register_blueprint(own, url_prefix=path)
        updates = table_update_blueprint(
            parts.jobs,
            principal=principal,
            jobs_url=f"{tap_url}/table-update",
            name=f"{name}table_update",
        )
        app.register_blueprint(updates, url_prefix=f"{path}/table-update")


def tap_description(settings: Settings) -> tuple[Capability, ...]:
    """List what the service can do at its first address, as its record in the registry says."""
    limits = RequestLimits(
        settings.maxrec_default_rows, settings.maxrec_hard_rows, uploads_offered=True
    )
    return _capabilities(settings, TAP_PATHS[0], limits)


def _capabilities(settings: Settings, path: str, limits: RequestLimits) -> tuple[Capability, ...]:
    mounts = [TapMount(f"{settings.base_url}{each}", each == TAP_PATHS[1]) for each in TAP_PATHS]
    mounts.sort(key=lambda mount: mount.url != f"{settings.base_url}{path}")
    own = tap_capabilities(
        mounts,
        limits,
        WRITERS,
        _time_limits(settings.job_retention_default_s, settings.job_retention_hard_s),
        _time_limits(settings.async_duration_default_s, settings.async_duration_hard_s),
        upload_bytes=settings.upload_max_bytes if limits.uploads_offered else None,
    )
    return *own, *discovery_capabilities(settings.base_url)


def _time_limits(default_s: int, hard_s: int) -> TimeLimits:
    return TimeLimits(min(default_s, hard_s), hard_s)
