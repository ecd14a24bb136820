"""Frames on the socket between a service and an engine process: kind, length, content."""

from __future__ import annotations

import select
import socket
import struct
import time
from typing import Final

import pyarrow as pa

__all__ = [
    "BATCH",
    "CHECK",
    "END",
    "ERROR",
    "HELLO",
    "QUERY",
    "STARTED",
    "TABLES",
    "UPLOAD",
    "ConnectionOver",
    "FrameReader",
    "TimeOver",
    "frame",
]

FRAME: Final = struct.Struct("<cQ")
"""Kind and length in bytes of a frame's content."""

TABLES, UPLOAD, QUERY, CHECK = b"T", b"U", b"Q", b"C"
"""To the engine process: a table set, an uploaded table, the query; or a check of the engine."""

HELLO, STARTED, BATCH, END, ERROR = b"H", b"F", b"B", b"E", b"X"
"""From it: ready, the query was understood, rows, the query is over, the query failed."""

SOCKET_BYTES: Final = 2**20
"""Buffer of a socket in each direction: some batches of rows of a usual width."""

_READ_BYTES: Final = 65_536


class ConnectionOver(Exception):
    """The other side is gone."""


class TimeOver(Exception):
    """Nothing came in time."""


def frame(kind: bytes, content: bytes = b"") -> bytes:
    """Write a small frame."""
    return FRAME.pack(kind, len(content)) + content


class FrameReader:
    """Reads frames.

    Parameters
    ----------
    connection
        A stream.
    content_bytes
        Longest content that is taken; the other side is not trusted.

    Attributes
    ----------
    waited_s
        Seconds spent waiting for the other side, in all.
    """

    def __init__(self, connection: socket.socket, content_bytes: int) -> None:
        self._connection = connection
        self._content_bytes = content_bytes
        self._buffer = b""
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)
        self.waited_s = 0.0

    def read(self, limit_s: float | None = None) -> tuple[bytes, pa.Buffer]:
        """Give the next frame.

        Parameters
        ----------
        limit_s
            Seconds that the other side may take; any number by default.

        Raises
        ------
        ConnectionOver
            If the other side is gone, or sends what cannot be.
        TimeOver
            If it takes too long.
        """
        until = None if limit_s is None else time.monotonic() + limit_s
        while len(self._buffer) < FRAME.size:
            self._buffer += self._receive(until)
        kind, length = FRAME.unpack_from(self._buffer)
        if length > self._content_bytes:
            raise ConnectionOver
        end = FRAME.size + length
        if len(self._buffer) >= end:
            content = pa.py_buffer(self._buffer[FRAME.size : end])
            self._buffer = self._buffer[end:]
            return kind, content
        return kind, self._rest(length, until)

    def _rest(self, length: int, until: float | None) -> pa.Buffer:
        """Read a content of which the buffer holds the beginning."""
        buffer = pa.allocate_buffer(length)
        view = memoryview(buffer).cast("B")
        done = len(self._buffer) - FRAME.size
        view[:done] = self._buffer[FRAME.size :]
        self._buffer = b""
        while done < length:
            try:
                count = self._connection.recv_into(view[done:], 0, socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._wait(until)
                continue
            except OSError as error:
                raise ConnectionOver from error
            if count == 0:
                raise ConnectionOver
            done += count
        return buffer

    def _receive(self, until: float | None) -> bytes:
        while True:
            try:
                found = self._connection.recv(_READ_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._wait(until)
                continue
            except OSError as error:
                raise ConnectionOver from error
            if not found:
                raise ConnectionOver
            return found

    def _wait(self, until: float | None) -> None:
        began = time.monotonic()
        left_ms = None if until is None else max(0.0, until - began) * 1000
        ready = self._poll.poll(left_ms)
        self.waited_s += time.monotonic() - began
        if not ready:
            raise TimeOver
