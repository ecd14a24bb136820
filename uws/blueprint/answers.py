"""Answers of the job routes: documents, single values, redirects, results, errors."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from flask import Response, request
from werkzeug.wsgi import FileWrapper, wrap_file

from uws.documents import XML_TYPE, iso_time
from uws.errors import (
    InvalidJobParameter,
    InvalidTransition,
    JobForbidden,
    JobNotFound,
    JobsExceeded,
    JobStoreUnavailable,
    ResultNotFound,
    StorageFull,
    UwsError,
)
from uws.model import Job, JobResult
from uws.results.base import StoredResult

__all__ = [
    "STATUS",
    "error_answer",
    "mark_private",
    "see_other",
    "stream_result",
    "text_answer",
    "time_text",
    "xml_answer",
]

STATUS: tuple[tuple[type[UwsError], int], ...] = (
    (JobNotFound, 404),
    (ResultNotFound, 404),
    (JobForbidden, 403),
    (InvalidTransition, 403),
    (InvalidJobParameter, 400),
    (JobsExceeded, 429),
    (JobStoreUnavailable, 503),
    (StorageFull, 507),
    (UwsError, 500),
)
"""Statuses by class of error; the first that fits counts."""

_RETRY_AFTER_S = 10

_BLOCK_BYTES = 65536


def stream_result(job: Job, result: JobResult, stored: StoredResult) -> Response:  # noqa: ARG001 - the job is for other answers
    """Answer with a stored result: whole or in ranges, or that it has not changed.

    Raises
    ------
    RequestedRangeNotSatisfiable
        If the client asks for bytes past the end.

    Notes
    -----
    RFC 9110, section 14.2: Range counts for GET alone; other units than bytes, several ranges
    and what is no range are ignored, and the whole result is sent.
    """
    body: Iterable[bytes]
    environ = request.environ
    if _asks_for_part():
        # The server's own wrapper may not seek.
        body = FileWrapper(stored.content, _BLOCK_BYTES)
    else:
        body = wrap_file(environ, stored.content, _BLOCK_BYTES)
        environ = {name: value for name, value in environ.items() if name != "HTTP_RANGE"}
    response = Response(body, content_type=result.media_type, direct_passthrough=True)
    response.call_on_close(stored.content.close)
    response.content_length = stored.size_bytes
    response.last_modified = stored.modified
    response.set_etag(stored.etag)
    try:
        response.make_conditional(environ, accept_ranges=True, complete_length=stored.size_bytes)
    except BaseException:
        stored.content.close()
        raise
    return response


def _asks_for_part() -> bool:
    asked = request.range
    one = asked is not None and asked.units == "bytes" and len(asked.ranges) == 1
    return one and request.method == "GET"


def time_text(moment: datetime | None) -> str:
    """Write a time, or nothing."""
    return "" if moment is None else iso_time(moment)


def xml_answer(body: bytes) -> Response:
    """Answer with a document."""
    return Response(body, content_type=XML_TYPE)


def text_answer(value: str, status: int = 200) -> Response:
    """Answer with a single value, or a message."""
    return Response(value, status=status, content_type="text/plain; charset=utf-8")


def see_other(url: str) -> Response:
    """Send the client to an absolute address by GET."""
    response = text_answer(f"See {url}\n", 303)
    response.headers["Location"] = url
    return response


def error_answer(error: UwsError) -> Response:
    """Answer with the message of an error, and its status."""
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    message = str(error)
    response = text_answer(f"{message[:1].upper()}{message[1:]}\n", status)
    if isinstance(error, JobsExceeded):
        response.headers["Retry-After"] = str(error.retry_after_s)
    elif status == 503:
        response.headers["Retry-After"] = str(_RETRY_AFTER_S)
    return response


def mark_private(response: Response) -> Response:
    """Say that the answer depends on who asks, and must not be kept for others."""
    response.vary.add("Authorization")
    response.cache_control.private = True
    response.cache_control.no_cache = True
    return response
