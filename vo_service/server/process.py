"""A web process: a loop and threads over the socket of the service, until a signal."""

from __future__ import annotations

import resource
import signal
import socket
from collections.abc import Callable, Iterable

from vo_service.http.visitors import TrustedProxies, address_visitor
from vo_service.server.limits import ServerLimits
from vo_service.server.loop import HttpServer
from vo_service.settings import Settings
from vo_service.version import release

__all__ = ["SERVER_HEADER", "answer"]

SERVER_HEADER = f"pzvo/{release()} (IVOA-TAP/1.1)"
"""Value of the Server header: product and the protocol that VO clients look for."""

_OPEN_FILES = 65_536
"""Open files of a process that are asked of the system: thousands of connections, and tables."""


def _raise_file_limit() -> None:
    """Ask for as many open files as this process may have, up to a number that will do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def answer(
    settings: Settings, listener: socket.socket, application: Callable[..., Iterable[bytes]]
) -> None:
    """Answer requests, as one of the processes that listen, until a signal says to stop.

    Parameters
    ----------
    settings
        Of the installation.
    listener
        Socket of the service.
    application
        Of WSGI; makes the answers.
    """
    _raise_file_limit()
    proxies = TrustedProxies(settings.trusted_proxies)
    server = HttpServer(
        listener,
        application,
        _limits(settings),
        ident=SERVER_HEADER,
        visitor=lambda peer, headers: address_visitor(
            proxies.address(peer, headers.get("X_FORWARDED_FOR", ""))
        ),
        is_proxy=proxies.__contains__,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    server.run()


def _limits(settings: Settings) -> ServerLimits:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return ServerLimits(
        spool_folder=settings.uploads_folder,
        threads=settings.web_threads,
        # Tables, uploads and pipes need descriptors too.
        connections=min(settings.connections_max, max(64, files // 2)),
        connections_per_address=settings.connections_per_address,
        head_timeout_s=settings.request_timeout_s,
        idle_timeout_s=settings.request_timeout_s,
        send_timeout_s=settings.send_timeout_s,
        body_min_bytes_per_s=settings.body_min_bytes_per_s,
        stream_min_bytes_per_s=settings.stream_min_bytes_per_s,
        spool_bytes=settings.spool_max_bytes,
        spool_bytes_per_visitor=settings.spool_max_bytes_per_visitor,
    )
