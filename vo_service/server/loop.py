"""The loop of a web process: one thread that looks after all connections.

It accepts, reads requests until they are whole, gives them to threads, and sends what slow clients
have not taken yet. Only threads wait for queries, and none waits for a client that is idle.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from vo_service.server.connection import Connection, State
from vo_service.server.limits import ServerLimits
from vo_service.server.spool import SpoolQuota
from vo_service.server.threads import FairThreads

__all__ = ["HttpServer"]

_LOG = logging.getLogger("pzvo.server")

_TICK_S = 0.5
_GRACE_S = 10.0
"""Seconds that running answers get when the server is told to stop."""


class HttpServer:
    """Answers requests on one listening socket.

    Parameters
    ----------
    listener
        Listens; other processes may accept from it too.
    application
        Of WSGI.
    limits
        Of this process.
    ident
        Value of the header ``Server``.
    visitor
        Names who asks, by the address of the other end and the headers: visitors share threads
        and files fairly.
    is_proxy
        Tells whether many visitors come from an address.
    """

    def __init__(
        self,
        listener: socket.socket,
        application: Callable[..., Iterable[bytes]],
        limits: ServerLimits,
        *,
        ident: str,
        visitor: Callable[[str, Mapping[str, str]], str],
        is_proxy: Callable[[str], bool],
    ) -> None:
        listener.setblocking(False)
        self.limits = limits
        self.application = application
        self.visitor = visitor
        self.stopping = False
        self.adj = SimpleNamespace(
            ident=ident,
            url_prefix="",
            url_scheme="http",
            log_socket_errors=False,
            max_request_header_size=limits.head_bytes,
            # Bodies are limited by the application, which knows what they are for.
            max_request_body_size=2**62,
            inbuf_overflow=2**30,
        )
        self.server_name, self.effective_port = listener.getsockname()[:2]
        self.quota = SpoolQuota(
            limits.spool_folder, limits.spool_bytes, limits.spool_bytes_per_visitor
        )
        self.threads = FairThreads(limits.threads)
        self._listener = listener
        self._is_proxy = is_proxy
        self._epoll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._calls: deque[Callable[[], None]] = deque()
        self._connections: dict[int, Connection] = {}
        self._by_address: dict[str, OrderedDict[int, Connection]] = {}
        self._next_tick = 0.0

    def run(self) -> None:
        """Serve until `stop`; then let running answers end."""
        self._epoll.register(self._wake, select.EPOLLIN)
        self._epoll.register(self._listener, select.EPOLLIN)
        while not self.stopping:
            self._turn()
        self._epoll.unregister(self._listener)
        deadline = time.monotonic() + _GRACE_S
        while self._close_idle() and time.monotonic() < deadline:
            self._turn()

    def stop(self) -> None:
        """End `run`; may be called from any thread and from a signal handler."""
        self.stopping = True
        self._notify()

    def call(self, action: Callable[[], None]) -> None:
        """Call something from the loop, soon; from any thread."""
        self._calls.append(action)
        self._notify()

    def listen_for(self, connection: Connection, events: int) -> None:
        """Say what a connection waits for; from any thread."""
        # A connection that was just closed is no longer known.
        with contextlib.suppress(OSError, ValueError):
            self._epoll.modify(connection.descriptor, events)

    def forget(self, connection: Connection) -> None:
        """Leave out a connection that closes."""
        with contextlib.suppress(OSError, ValueError):
            self._epoll.unregister(connection.descriptor)
        self._connections.pop(connection.descriptor, None)
        of_address = self._by_address.get(connection.addr[0])
        if of_address is not None:
            of_address.pop(connection.descriptor, None)
            if not of_address:
                del self._by_address[connection.addr[0]]

    def _notify(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_write(self._wake, 1)

    def _turn(self) -> None:
        for descriptor, events in self._epoll.poll(_TICK_S):
            if descriptor == self._listener.fileno():
                self._accept()
            elif descriptor == self._wake:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(self._wake)
            else:
                self._serve(descriptor, events)
        while self._calls:
            self._safely(self._calls.popleft())
        now = time.monotonic()
        if now >= self._next_tick:
            self._next_tick = now + _TICK_S
            for connection in list(self._connections.values()):
                if connection.is_over(now):
                    self._safely(connection.close)

    def _serve(self, descriptor: int, events: int) -> None:
        connection = self._connections.get(descriptor)
        if connection is None:
            return
        if connection.state is State.WORKING:
            if events & (select.EPOLLHUP | select.EPOLLERR):
                connection.outlet.gone = True
            if events & (select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR):
                self._safely(connection.on_hangup)
            if events & select.EPOLLOUT:
                self._safely(connection.on_writable)
        elif connection.state is State.FLUSHING:
            self._safely(connection.on_writable)
        else:
            self._safely(connection.on_readable)

    def _safely(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except Exception:  # noqa: BLE001 - one connection is not the end of the others
            _LOG.exception("a connection failed")
            connection = getattr(action, "__self__", None)
            if isinstance(connection, Connection) and connection.state is not State.WORKING:
                connection.close()

    def _accept(self) -> None:
        try:
            accepted, peer = self._listener.accept()
        except BlockingIOError:
            return
        except OSError as error:
            _LOG.warning("a connection was not accepted: %s", error)
            self._make_room(self._connections.values())
            return
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        address = peer[0]
        of_address = self._by_address.get(address, OrderedDict())
        if len(of_address) >= self.limits.connections_per_address and not self._is_proxy(address):
            room = self._make_room(of_address.values())
        elif len(self._connections) >= self.limits.connections:
            room = self._make_room(self._connections.values())
        else:
            room = True
        if not room:
            _refuse(accepted)
            return
        connection = Connection(self, accepted, peer[:2])
        self._connections[connection.descriptor] = connection
        self._by_address.setdefault(address, OrderedDict())[connection.descriptor] = connection
        self._epoll.register(connection.descriptor, select.EPOLLIN)

    def _make_room(self, connections: Iterable[Connection]) -> bool:
        """Close the connection that has been idle the longest; tell whether there was one."""
        idle = [each for each in connections if each.is_idle]
        if not idle:
            return False
        min(idle, key=lambda each: each.since).close()
        return True

    def _close_idle(self) -> bool:
        """Close what is idle; tell whether others are left."""
        for connection in list(self._connections.values()):
            if connection.is_idle:
                self._safely(connection.close)
        return bool(self._connections)


def _refuse(accepted: socket.socket) -> None:
    text = b"Too many connections of your address are at work; try again soon.\n"
    head = (
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nConnection: close\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    with accepted, contextlib.suppress(OSError):
        accepted.setblocking(False)
        accepted.send(head.encode() + text)
