"""One connection: requests that arrive, one that is answered, answers that leave."""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, auto
from types import SimpleNamespace
from typing import Any, Protocol

from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.channel import ClientDisconnected
from waitress.utilities import InternalServerError

from vo_service.server.limits import ServerLimits
from vo_service.server.outlet import Outlet
from vo_service.server.request import RefusalTask, RequestParser, RequestTask
from vo_service.server.spool import SpoolQuota
from vo_service.server.threads import FairThreads

__all__ = ["Connection", "Host", "State"]

_LOG = logging.getLogger("pzvo.server")

_BODY_GRACE_S = 15.0
"""Seconds that a body may take however small it is."""

_DISCARD_S = 10.0
"""Seconds for which a client may go on sending a body that was refused: it reads the answer
behind it."""

_RECEIVE_BYTES = 65_536

_QUIET = select.EPOLLRDHUP | select.EPOLLONESHOT


class State(Enum):
    """Whose turn it is."""

    READING = auto()
    """The client's: a request is to come, or comes."""
    WORKING = auto()
    """That of a thread."""
    FLUSHING = auto()
    """That of the loop: the rest of an answer leaves."""
    DISCARDING = auto()
    """The client's: what it still sends is thrown away."""
    CLOSED = auto()


class Host(Protocol):
    """What a connection needs of its server; methods but `visitor` are for any thread."""

    limits: ServerLimits
    adj: SimpleNamespace
    quota: SpoolQuota
    threads: FairThreads
    stopping: bool
    visitor: Callable[[str, Mapping[str, str]], str]

    def call(self, action: Callable[[], None]) -> None:
        """Call something from the loop, soon."""

    def listen_for(self, connection: Connection, events: int) -> None:
        """Say what a connection waits for."""

    def forget(self, connection: Connection) -> None:
        """Leave out a connection that closes."""


class Connection:
    """A client's connection; also what waitress calls the channel of a task.

    Methods run in the loop's thread, but for those that say otherwise.

    Parameters
    ----------
    server
        Whose it is.
    connection
        Open; from now on it does not block.
    peer
        Address and port of the other end.
    """

    def __init__(self, server: Host, connection: socket.socket, peer: tuple[str, int]) -> None:
        connection.setblocking(False)
        self.server = server
        self.limits = server.limits
        self.adj: SimpleNamespace = server.adj
        self.socket = connection
        self.descriptor = connection.fileno()
        self.addr = peer
        self.unread = b""
        self.state = State.READING
        self.since = time.monotonic()
        self.deadline = self.since + self.limits.head_timeout_s
        self.outlet = Outlet(connection, self.limits, server.quota, self._wait_for_room)
        self._parser = RequestParser(self.adj)
        self._keep = False
        self._lock = threading.Lock()
        self._hung_up = False
        self._actions: list[Callable[[], None]] = []

    # What tasks of waitress ask of a channel, in the thread of the request.

    @property
    def connected(self) -> bool:
        """Whether the client may still get an answer."""
        return not self.outlet.gone

    @property
    def must_close(self) -> bool:
        """Whether nothing can follow the request at hand."""
        return self.server.stopping or not self._parser.completed or self._parser.error is not None

    def check_client_disconnected(self) -> bool:
        """Tell whether the client is gone."""
        return self.outlet.gone or self._hung_up

    def write_soon(self, data: bytes | Any) -> int:  # noqa: ANN401 - or a file of waitress
        """Send a piece of the answer; raises `ClientDisconnected`."""
        if isinstance(data, ReadOnlyFileBasedBuffer):
            self.outlet.write_file(data.file, data.remain)
            return int(data.remain)
        if data:
            self.outlet.write(data)
        return len(data)

    # What the application asks, in the thread of the request.

    @contextlib.contextmanager
    def watch(self, action: Callable[[], None]) -> Iterator[None]:
        """Call `action` once, from the loop, if the client hangs up meanwhile."""
        with self._lock:
            gone = self._hung_up
            self._actions.append(action)
        if gone:
            action()
        try:
            yield
        finally:
            with self._lock:
                self._actions.remove(action)

    def set_visitor(self, visitor: str) -> None:
        """Say whose quota pays for answers that wait."""
        self.outlet.visitor = visitor

    def take_unread(self) -> bytes:
        """Take what has come behind the part of the request that was read."""
        data, self.unread = self.unread, b""
        return data

    # Arriving

    def on_readable(self) -> None:
        """Take what has come."""
        try:
            data = self.socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
        elif self.state is State.READING:
            self.feed(data)

    def feed(self, data: bytes) -> None:
        """Take bytes of requests; once one is whole, or large, a thread answers it."""
        parser = self._parser
        if not parser.header_bytes_received:
            self.since = time.monotonic()
            self.deadline = self.since + self.limits.head_timeout_s
        while data:
            data = data[parser.received(data) :]
            if parser.completed and parser.empty:
                parser = self._parser = RequestParser(self.adj)
                continue
            if parser.completed or (parser.headers_finished and parser.is_large):
                self.unread = data
                self._begin()
                return
        if parser.headers_finished:
            if parser.expect_continue:
                parser.expect_continue = False
                with contextlib.suppress(OSError):
                    self.socket.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            received_s = parser.body_bytes_received / self.limits.body_min_bytes_per_s
            self.deadline = self.since + self.limits.head_timeout_s + _BODY_GRACE_S + received_s

    def _begin(self) -> None:
        self.state = State.WORKING
        visitor = self.server.visitor(self.addr[0], self._parser.headers)
        self.outlet.visitor = visitor
        self.server.listen_for(self, _QUIET)
        self.server.threads.submit(visitor, self._work)

    def on_hangup(self) -> None:
        """Stop what works for a client that is gone, or sends nothing more."""
        with self._lock:
            self._hung_up = True
            actions = list(self._actions)
        for action in actions:
            action()

    # Answering, in a thread

    def _work(self) -> None:
        parser = self._parser
        self.outlet.begin()
        kind = RequestTask if parser.error is None else RefusalTask
        task = kind(self, parser)
        try:
            task.service()
            self.outlet.flush()
        except ClientDisconnected:
            task.close_on_finish = True
        except Exception:  # noqa: BLE001 - whatever fails is not the end of the thread
            _LOG.exception("a request failed outside of the application")
            task.close_on_finish = True
            if not task.wrote_header:
                self._apologise(parser)
        finally:
            parser.close()
            keep = parser.completed and not task.close_on_finish and not self.server.stopping
            self._leave(keep=keep)

    def _apologise(self, parser: RequestParser) -> None:
        parser.error = InternalServerError("The server encountered an unexpected internal error")
        with contextlib.suppress(ClientDisconnected):
            RefusalTask(self, parser).service()
            self.outlet.flush()

    def _leave(self, *, keep: bool) -> None:
        """Give the connection back to the loop."""
        self._keep = keep
        self.since = time.monotonic()
        if self.outlet.gone:
            self.server.call(self.close)
        elif not self.outlet.empty:
            self.state = State.FLUSHING
            self.server.listen_for(self, select.EPOLLOUT | select.EPOLLONESHOT)
        elif keep and not self.unread:
            self.outlet.finish()
            self._read_next()
        else:
            self.server.call(self.go_on)

    def _read_next(self) -> None:
        self._parser = RequestParser(self.adj)
        self.deadline = self.since + self.limits.idle_timeout_s
        self.state = State.READING
        self.server.listen_for(self, select.EPOLLIN)

    # Leaving

    def _wait_for_room(self) -> None:
        quiet = 0 if self._hung_up else select.EPOLLRDHUP
        self.server.listen_for(self, select.EPOLLOUT | select.EPOLLONESHOT | quiet)

    def on_writable(self) -> None:
        """Send some of what waits."""
        self.outlet.pump()
        if self.state is State.WORKING:
            if not self._hung_up:
                self.server.listen_for(self, _QUIET)
            # Looked at afterwards: the thread may have written more meanwhile.
            if not self.outlet.empty:
                self._wait_for_room()
            self._listen_again()
        elif self.outlet.gone:
            self.close()
        elif self.outlet.empty:
            self.go_on()
        else:
            self.server.listen_for(self, select.EPOLLOUT | select.EPOLLONESHOT)

    def _listen_again(self) -> None:
        """Listen as the state wants it: a thread may have given the connection back meanwhile."""
        if self.state is State.FLUSHING:
            self.server.listen_for(self, select.EPOLLOUT | select.EPOLLONESHOT)
        elif self.state is State.READING:
            self.server.listen_for(self, select.EPOLLIN)

    def go_on(self) -> None:
        """Turn to the next request behind an answer that has left, or close."""
        if self.state is State.CLOSED:
            return
        self.outlet.finish()
        self.since = time.monotonic()
        whole = self._parser.completed and self._parser.error is None
        if self._keep:
            self._read_next()
            self.feed(self.take_unread())
        elif whole and not self.unread:
            self.close()
        else:
            self._discard()

    def _discard(self) -> None:
        # Closed at once, what the client has sent would reset the connection under the answer.
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
            return
        self.unread = b""
        self.state = State.DISCARDING
        self.deadline = self.since + _DISCARD_S
        self.server.listen_for(self, select.EPOLLIN)

    def is_over(self, now: float) -> bool:
        """Tell whether the client has used up its time."""
        if self.state in (State.READING, State.DISCARDING):
            return now > self.deadline
        return self.state is State.FLUSHING and self.outlet.is_stalled(now)

    @property
    def is_idle(self) -> bool:
        """Whether the connection may be closed for another one."""
        return self.state in (State.READING, State.DISCARDING)

    def close(self) -> None:
        """Close the connection; may be called twice."""
        if self.state is State.CLOSED:
            return
        self.state = State.CLOSED
        self.outlet.finish()
        self._parser.close()
        self.server.forget(self)
        self.socket.close()
