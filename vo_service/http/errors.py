"""Errors as answers: one table from class to status.

The bottom raises typed errors that know nothing of HTTP; here each gets its status, and the
document of the protocol that was spoken. What is not in the table is a fault of ours: it is
logged under an incident number, and the user sees the number alone.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from urllib.parse import quote

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import HTTPException

from registry.errors import (
    CredentialsRejected,
    HostBusy,
    LoginRequired,
    LoginsExceeded,
    MetadataUnavailable,
    NotAllowed,
    RegistryError,
    ShareExceeded,
    StorageFull,
)
from registry.formats.writers.errors import UnsupportedFormat
from registry.formats.writers.votable import error_document
from vo_service.adql.errors import AdqlError
from vo_service.dali.errors import DaliError
from vo_service.engines.base import (
    EngineError,
    EngineUnavailable,
    QueryTimeout,
)
from vo_service.http.browsers import remember_message
from vo_service.slots import ServiceBusy, VisitorBusy

__all__ = ["STATUS", "install_errors", "text_error", "votable_error"]

_LOG = logging.getLogger("pzvo.http")

STATUS: tuple[tuple[type[Exception], int], ...] = (
    (CredentialsRejected, 401),
    (LoginRequired, 401),
    (LoginsExceeded, 429),
    (ShareExceeded, 429),
    (HostBusy, 503),
    (NotAllowed, 403),
    (VisitorBusy, 429),
    (ServiceBusy, 503),
    (EngineUnavailable, 503),
    (MetadataUnavailable, 503),
    (QueryTimeout, 408),
    (EngineError, 400),
    (AdqlError, 400),
    (DaliError, 400),
    (UnsupportedFormat, 400),
    (StorageFull, 507),
    (RegistryError, 400),
)
"""Statuses by class of error; the first that fits counts."""

_RETRY_AFTER_S = 10


def votable_error(message: str, status: int) -> Response:
    """Answer with a DALI error document (DALI 1.1, section 4.2)."""
    remember_message(message)
    return Response(
        error_document(message), status=status, content_type="application/x-votable+xml"
    )


def text_error(message: str, status: int) -> Response:
    """Answer with one line of text."""
    return Response(f"{message}\n", status=status, content_type="text/plain; charset=utf-8")


def install_errors(
    target: Flask | Blueprint, render: Callable[[str, int], Response] = text_error
) -> None:
    """Let errors of an application or of a blueprint be answered.

    Parameters
    ----------
    target
        Whose views raise.
    render
        Makes the document from a message and a status.
    """

    @target.errorhandler(Exception)
    def answer(error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return _http(error, render)
        for kind, status in STATUS:
            if isinstance(error, kind):
                return _known(error, status, render)
        incident = secrets.token_hex(4)
        _LOG.exception("incident %s at %s %s", incident, request.method, quote(request.path))
        message = f"The service failed; please report incident {incident}."
        return render(message, 500)


def _http(error: HTTPException, render: Callable[[str, int], Response]) -> Response:
    status = error.code or 500
    response = render(_words(error, status), status)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _words(error: HTTPException, status: int) -> str:
    if status == 404:
        return f"There is nothing at {request.path[:200]}; the service is described at its root."
    if status == 405:
        return f"{request.method} is not possible at {request.path[:200]}."
    if status == 413:
        return "The request is too large for this service."
    return error.description or error.name


def _known(error: Exception, status: int, render: Callable[[str, int], Response]) -> Response:
    message = str(error)
    if isinstance(error, QueryTimeout):
        message += "; ask for less: a smaller region, fewer rows, simpler joins"
    response = render(message[:1].upper() + message[1:], status)
    if status == 503 and not isinstance(error, ServiceBusy | HostBusy):
        _LOG.error("%s %s: %s", request.method, quote(request.path), error, exc_info=error)
    if isinstance(error, ServiceBusy | LoginsExceeded | HostBusy):
        response.headers["Retry-After"] = str(error.retry_after_s)
    elif status == 503:
        response.headers["Retry-After"] = str(_RETRY_AFTER_S)
    return response
