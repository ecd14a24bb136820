"""Web processes: gunicorn with threads, in the foreground, stopped by a signal."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.http import wsgi

from vo_service.settings import Settings
from vo_service.version import release

__all__ = ["SERVER_HEADER", "AddressUnavailable", "listen", "serve"]

_LOG = logging.getLogger("pzvo")

SERVER_HEADER = f"pzvo/{release()} (IVOA-TAP/1.1)"
"""Value of the Server header: product and the protocol that VO clients look for."""

_GRACE_S = 10
"""Seconds that running answers get when the service is told to stop."""


class AddressUnavailable(Exception):
    """The service cannot listen where it should."""


def listen(host: str, port: int) -> socket.socket:
    """Open the socket of the service, before anything else is started.

    Parameters
    ----------
    host, port
        Where to listen; port 0 takes a free one.

    Raises
    ------
    AddressUnavailable
        If the address is in use or is not of this machine.
    """
    listener = None
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        if listener is not None:
            listener.close()
        msg = (
            f"cannot listen on {host} port {port}: {error.strerror};"
            " choose another with --port (0 takes a free one)"
        )
        raise AddressUnavailable(msg) from error
    listener.set_inheritable(True)
    return listener


class _Application(BaseApplication):  # type: ignore[misc] # gunicorn has no types
    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        make_app: Callable[[Settings], Flask],
        ready: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._make_app = make_app
        self._ready = ready
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        for key, value in {
            "bind": f"fd://{self._listener.fileno()}",
            "workers": settings.web_processes,
            "threads": settings.web_threads,
            "worker_class": "gthread",
            "worker_connections": 1000,
            "keepalive": 15,
            # The longest that gunicorn takes: queries by GET, such as those of web pages.
            "limit_request_line": 8190,
            "graceful_timeout": _GRACE_S,
            "loglevel": "warning",
            "proc_name": "pzvo",
            "control_socket_disable": True,
            "when_ready": lambda _: self._ready(),
        }.items():
            if key in self.cfg.settings:
                self.cfg.set(key, value)

    def load(self) -> Flask:
        return self._make_app(self._settings)


def serve(
    settings: Settings,
    listener: socket.socket,
    make_app: Callable[[Settings], Flask],
    ready: Callable[[], None],
) -> None:
    """Answer requests until a signal says to stop.

    Parameters
    ----------
    settings
        Of the installation.
    listener
        Socket of the service.
    make_app
        Makes the application, in each web process after the fork.
    ready
        Is called once the service listens.
    """
    # gunicorn names itself; VO validators look for a product that says what the service is.
    wsgi.SERVER = SERVER_HEADER
    _Application(settings, listener, make_app, ready).run()
