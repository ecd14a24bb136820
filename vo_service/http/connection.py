"""The connection of a request, as far as the web server shows it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

__all__ = ["ClientConnection", "client_connection", "watch_hangup"]


class ClientConnection(Protocol):
    """What the web server offers beside WSGI, under ``pzvo.connection``."""

    def watch(self, action: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `action` once, from another thread, if the client hangs up meanwhile."""

    def set_visitor(self, visitor: str) -> None:
        """Say whose quota pays for answers that wait for their client."""


def client_connection(environ: dict[str, Any]) -> ClientConnection | None:
    """Give the connection of a request; none under a server that does not show it."""
    found: ClientConnection | None = environ.get("pzvo.connection")
    return found


def watch_hangup(
    environ: dict[str, Any], action: Callable[[], None]
) -> AbstractContextManager[None]:
    """Call `action` once if the client of a request hangs up meanwhile.

    Parameters
    ----------
    environ
        Of the request.
    action
        Must be quick and must not raise; it is called in another thread.

    Notes
    -----
    A web server learns that a client is gone when it writes to it; a query may have minutes of
    work before its first byte.
    """
    connection = client_connection(environ)
    return contextlib.nullcontext() if connection is None else connection.watch(action)
