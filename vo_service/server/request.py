"""Requests as they come, and the task that answers each: waitress's, with ways of our own."""

from __future__ import annotations

import io
import select
import socket
import time
from typing import Any, Protocol

from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.parser import HTTPRequestParser
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import BadRequest, Error
from werkzeug.exceptions import RequestTimeout

from vo_service.server.limits import ServerLimits

__all__ = [
    "WHOLE_BODY_BYTES",
    "ArrivingBody",
    "Channel",
    "RefusalTask",
    "RequestParser",
    "RequestTask",
]

WHOLE_BODY_BYTES = 131_072
"""A body up to this size waits in memory until it is whole; larger ones are read as they come."""

_LINE_BYTES = 32_768
"""Length of a request line: a query of some 10,000 characters, percent-encoded."""

_RECEIVE_BYTES = 262_144

_JUDGED_S = 10.0
"""Seconds of waiting over which the rate of a client is judged."""


class _UriTooLong(Error):  # type: ignore[misc] # waitress has no types
    code = 414
    reason = "URI Too Long"


_TOO_LONG = _UriTooLong(
    f"Request Line is too large: {_LINE_BYTES} bytes at most; send a long query by POST"
)


class RequestParser(HTTPRequestParser):  # type: ignore[misc] # waitress has no types
    """A request that arrives."""

    completed: bool
    error: Error | None
    command = ""

    def received(self, data: bytes) -> int:
        """Take bytes; give how many were of this request."""
        used: int = super().received(data)
        if not self.headers_finished and not self.completed and self._line_is_too_long():
            self._refuse(_TOO_LONG)
        return used

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head, and refuse two lengths for one body (RFC 9112, section 6.1)."""
        super().parse_header(header_plus)
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            self._refuse(BadRequest("Content-Length beside Transfer-Encoding"))
        elif header_plus.find(b"\r\n") > _LINE_BYTES:
            self._refuse(_TOO_LONG)

    @property
    def is_large(self) -> bool:
        """Whether the body is too large to wait for in memory."""
        if self.chunked:
            return bool(self.body_bytes_received > WHOLE_BODY_BYTES)
        return bool(self.content_length > WHOLE_BODY_BYTES)

    def _refuse(self, error: Error) -> None:
        self.error = error
        self.completed = True

    def _line_is_too_long(self) -> bool:
        start = self.header_plus
        return len(start) > _LINE_BYTES and start.find(b"\r\n", 0, _LINE_BYTES) < 0


class Channel(Protocol):
    """The connection of a request whose body still comes.

    Attributes
    ----------
    socket
        Does not block.
    unread
        What has come and belongs to no part of the request that was read.
    """

    socket: socket.socket
    limits: ServerLimits
    unread: bytes

    def take_unread(self) -> bytes:
        """Take what has come behind the part of the request that was read."""


class _Pieces:
    """What has come of a body and was not read: the buffer of a receiver of waitress."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def append(self, data: bytes) -> None:
        self.data = self.data + data if self.data else bytes(data)

    def close(self) -> None:
        self.data = b""


class ArrivingBody(io.RawIOBase):
    """A large body, read by the thread that answers.

    Parameters
    ----------
    connection
        Of the client.
    parser
        Of the request; its head is read.
    """

    def __init__(self, connection: Channel, parser: RequestParser) -> None:
        super().__init__()
        self._connection = connection
        self._parser = parser
        receiver = parser.body_rcv
        self._pieces = _Pieces(receiver.getbuf().get())
        receiver.getbuf().close()
        receiver.buf = self._pieces
        self._waited = (0.0, 0)

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, target: Any) -> int:  # noqa: ANN401 - a writable buffer
        """Read what is there, at least one byte before the end.

        Raises
        ------
        RequestTimeout
            If the client sends too slowly.
        OSError
            If it hangs up, or sends what is no body.
        """
        while not self._pieces.data:
            if self._parser.completed:
                if self._parser.error is not None:
                    raise OSError(str(self._parser.error.body))
                return 0
            self._receive()
        count = min(len(target), len(self._pieces.data))
        target[:count] = self._pieces.data[:count]
        self._pieces.data = self._pieces.data[count:]
        return count

    def _receive(self) -> None:
        if self._parser.expect_continue:
            self._parser.expect_continue = False
            self._connection.socket.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        data = self._connection.take_unread() or self._wait_for_data()
        used = self._parser.received(data)
        self._connection.unread = data[used:]

    def _wait_for_data(self) -> bytes:
        poll = select.poll()
        poll.register(self._connection.socket, select.POLLIN)
        while True:
            try:
                data = self._connection.socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                started = time.monotonic()
                poll.poll(_JUDGED_S * 1000)
                self._judge(time.monotonic() - started)
                continue
            if not data:
                raise ConnectionResetError("the client hung up within its request")
            return data

    def _judge(self, waited_s: float) -> None:
        waited, received = self._waited
        waited += waited_s
        if waited < _JUDGED_S:
            self._waited = (waited, received)
            return
        came = self._parser.body_bytes_received
        if came - received < self._connection.limits.body_min_bytes_per_s * waited:
            raise RequestTimeout("the body of the request comes too slowly; send it again")
        self._waited = (0.0, came)


class _Persistence:
    """Keeps connections open where waitress would close them."""

    channel: Any
    request: Any
    version: str
    content_length: int | None
    wrote_header: bool

    def set_close_on_finish(self) -> None:
        """Close the connection behind the answer, where its end would not be plain otherwise."""
        asked = self.request.headers.get("CONNECTION", "").lower()
        plain = self.version == "1.1" and asked != "close" and not self.channel.must_close
        if plain and not self.wrote_header and self.content_length is None:
            # The end of a chunked body is plain, and so is that of none.
            return
        super().set_close_on_finish()  # type: ignore[misc] # of waitress

    def build_response_header(self) -> bytes:
        """Write the head of the answer."""
        if self.channel.must_close:
            super().set_close_on_finish()  # type: ignore[misc] # of waitress
        head: bytes = super().build_response_header()  # type: ignore[misc] # of waitress
        return head

    def write(self, data: bytes) -> None:
        """Send a piece of the answer; to HEAD there is none."""
        super().write(b"" if self.request.command == "HEAD" else data)  # type: ignore[misc]

    def finish(self) -> None:
        """End the answer; to HEAD there is no body, not even the end of one."""
        if self.request.command == "HEAD":
            self.chunked_response = False
        super().finish()  # type: ignore[misc] # of waitress


class RequestTask(_Persistence, WSGITask):  # type: ignore[misc] # waitress has no types
    """Answers a request through the application."""

    def get_environment(self) -> dict[str, Any]:
        """Describe the request to the application."""
        fresh = self.environ is None
        environ: dict[str, Any] = super().get_environment()
        if fresh:
            del environ["REMOTE_HOST"]
            environ["wsgi.multiprocess"] = True
            environ["wsgi.file_wrapper"] = _file_wrapper
            environ["pzvo.connection"] = self.channel
            if not self.request.completed:
                body = ArrivingBody(self.channel, self.request)
                environ["wsgi.input"] = io.BufferedReader(body, _RECEIVE_BYTES)
        return environ


class RefusalTask(_Persistence, ErrorTask):  # type: ignore[misc] # waitress has no types
    """Answers what is no request."""


def _file_wrapper(file: Any, block_size: int = 65_536) -> Any:  # noqa: ANN401 - of WSGI
    """Let files of the disk be sent by the loop, without a thread; others are read here."""
    try:
        file.fileno()
    except (AttributeError, OSError):
        return iter(lambda: file.read(block_size), b"")
    return ReadOnlyFileBasedBuffer(file, block_size)
