"""What visitors without an account may do: one table for every route, asked before each request."""

from __future__ import annotations

from enum import Enum

from flask import Flask, request

from registry.errors import LoginRequired
from vo_service.http.authentication import Authentication

__all__ = ["Right", "install_rights", "right_of"]


class Right(Enum):
    """What the settings ``anonymous_read``, ``_query``, ``_upload`` and ``_jobs`` give."""

    READ = "this needs an account here"
    QUERY = "queries need an account here"
    UPLOAD = "queries with tables of your own need an account here"
    JOBS = "asynchronous queries need an account here"


_PUBLIC = frozenset(
    {
        # What a client must read before it can log in (VOSI 1.1; SSO 2.0), and ways to do that.
        "vosi.show_availability",
        "vosi.show_capabilities",
        "vosi.show_flags_schema",
        "environment.show_environment",
        # The start page shows what who looks may see; the rest of these is the same for all.
        "web.show_landing",
        "web.show_asset",
        "web.choose_language",
        "web.show_about",
        "web.show_contact",
        "web.show_help",
        "web.show_acknowledgement",
        # It asks who sends the form once it has read its secret.
        "web.receive_file",
        # Which tables there are depends on who asks; without rights those of TAP_SCHEMA alone.
        "vosi.show_tables",
        "vosi.show_table",
        "tap.show_page",
        "tap.show_examples",
        "scs.show_capabilities",
        "sia.show_capabilities",
        "sia.show_availability",
        # Records are of what everybody may see.
        "oai.harvest_records",
        "web.show_query",
        "web.show_code",
        "web.send_words",
        "web.send_columns",
        "web.list_tables",
    }
)

_OWN_CHECKS = frozenset({"login", "api", "pipelines", "user_tables", "table_update"})
"""Parts whose views ask for an account themselves, or are the way to one."""

_PAGE_QUERIES = frozenset(
    f"web.{view}" for view in ("answer_query", "send_rows", "check_query", "send_file", "draw_plot")
)

_QUERIES = (
    frozenset({"tap.query", "scs.search", "sia.search", "web.draw_product_plot"}) | _PAGE_QUERIES
)
"""Views that make the engine work."""

_UPLOADS = (
    frozenset({"tap.query", "uws.create_job", "uws.change_job", "uws.change_child"})
    | _PAGE_QUERIES
    | {"web.start_query_job"}
)
"""Views that take tables."""

_JOBS = frozenset(
    f"web.{view}"
    for view in (
        "start_query_job", "list_jobs", "show_job", "send_log", "abort_job", "delete_job",
        "repeat_job",
    )
)  # fmt: skip
"""Views of jobs, which visitors know by their addresses alone."""


def right_of(endpoint: str) -> Right | None:
    """Tell what somebody without an account must be given for a view; none for all.

    Parameters
    ----------
    endpoint
        Of Flask: ``<blueprint>.<view>``; both mounts of TAP count alike.

    Notes
    -----
    What is not known here counts as reading.
    """
    name = endpoint.removeprefix("auth_")
    part = name.partition(".")[0]
    if name in _PUBLIC or part in _OWN_CHECKS or part.startswith("jobs_") or "web.old_" in name:
        return None
    if name in _QUERIES:
        return Right.QUERY
    return Right.JOBS if part == "uws" or name in _JOBS else Right.READ


def install_rights(
    app: Flask, authentication: Authentication, granted: frozenset[Right], form_bytes: int
) -> None:
    """Ask for an account where a visitor without one has no right.

    Parameters
    ----------
    app
        The application; `authentication` is installed.
    authentication
        Tells who asks.
    granted
        What everybody may do.
    form_bytes
        Size of a request without tables.
    """

    @app.before_request
    def check() -> None:
        endpoint = request.endpoint
        if endpoint is None or request.method == "OPTIONS":
            return
        right = right_of(endpoint)
        may_upload = Right.UPLOAD in granted or endpoint.removeprefix("auth_") not in _UPLOADS
        if (right is None or right in granted) and may_upload:
            return
        if authentication.principal().user is not None:
            return
        if right is not None and right not in granted:
            raise _refusal(right)
        request.max_content_length = form_bytes
        named = any(name.upper() == "UPLOAD" for name in request.values)
        if named or any(file.filename for file in request.files.values()):
            raise _refusal(Right.UPLOAD)


def _refusal(right: Right) -> LoginRequired:
    return LoginRequired(
        f"{right.value}: send a token as `Authorization: Bearer TOKEN`, or your user name with "
        "the token as password"
    )
