"""Web processes: one that keeps the others, each with a loop and threads, stopped by a signal."""

from __future__ import annotations

import gc
import logging
import os
import resource
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from flask import Flask

from vo_service.http.visitors import TrustedProxies, address_visitor
from vo_service.server.limits import ServerLimits
from vo_service.server.loop import HttpServer
from vo_service.settings import Settings
from vo_service.supervisor import follow_parent
from vo_service.version import release

__all__ = ["SERVER_HEADER", "AddressUnavailable", "listen", "raise_file_limit", "serve"]

_LOG = logging.getLogger("pzvo")

SERVER_HEADER = f"pzvo/{release()} (IVOA-TAP/1.1)"
"""Value of the Server header: product and the protocol that VO clients look for."""

_BACKLOG = 4096
"""Connections that the kernel keeps until they are accepted; it may keep fewer (somaxconn)."""

_GRACE_S = 12.0
"""Seconds that web processes get to stop: what running answers get, and a little more."""

_OPEN_FILES = 65_536
"""Open files of a process that are asked of the system: thousands of connections, and tables."""

_PAUSE_S = 0.5
"""Rest before a process that ended at its very start is started again."""


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
        listener.listen(_BACKLOG)
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


def raise_file_limit() -> None:
    """Ask for as many open files as this process may have, up to a number that will do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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
    raise_file_limit()
    # What is loaded by now is shared by the processes; the collector would copy it.
    gc.freeze()
    _Processes(settings.web_processes, lambda: _answer(settings, listener, make_app)).run(ready)


def _answer(
    settings: Settings, listener: socket.socket, make_app: Callable[[Settings], Flask]
) -> None:
    """Be a web process."""
    proxies = TrustedProxies(settings.trusted_proxies)
    server = HttpServer(
        listener,
        make_app(settings).wsgi_app,
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


class _Processes:
    """Keeps a number of forks of this process at work."""

    def __init__(self, number: int, work: Callable[[], None]) -> None:
        self._number = number
        self._work = work
        self._started: dict[int, float] = {}
        self._stopping = False

    def run(self, ready: Callable[[], None]) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for _ in range(self._number):
            self._fork()
        ready()
        while self._started:
            try:
                process, status = os.wait()
            except ChildProcessError:
                break
            self._ended(process, os.waitstatus_to_exitcode(status))

    def _ended(self, process: int, code: int) -> None:
        started = self._started.pop(process, None)
        if started is None or self._stopping:
            return
        _LOG.warning("a web process ended with code %d; it is started again", code)
        if time.monotonic() - started < _PAUSE_S * 4:
            time.sleep(_PAUSE_S)
        if not self._stopping:
            self._fork()

    def _fork(self) -> None:
        parent = os.getpid()
        process = os.fork()
        if process:
            self._started[process] = time.monotonic()
            return
        code = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
                signal.signal(number, signal.SIG_DFL)
            follow_parent(parent)
            self._work()
            code = 0
        except SystemExit:
            raise
        except BaseException:  # noqa: BLE001 - the end of the process, with its reason
            _LOG.exception("a web process failed")
        finally:
            logging.shutdown()
            os._exit(code)

    def _stop(self, *_: object) -> None:
        if self._stopping:
            return
        self._stopping = True
        for process in self._started:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
        signal.signal(signal.SIGALRM, self._kill)
        signal.setitimer(signal.ITIMER_REAL, _GRACE_S)

    def _kill(self, *_: object) -> None:
        for process in self._started:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
