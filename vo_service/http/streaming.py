"""Results as bodies: small ones whole, large ones as they are computed."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import time
from collections.abc import Iterator
from types import TracebackType

from flask import Response, request

from registry.formats.writers.base import ResultInfo, ResultWriter
from registry.formats.writers.errors import ResultIncomplete
from registry.formats.writers.stream import ResultStream
from vo_service.http.connection import watch_hangup
from vo_service.queries import RunningQuery

__all__ = ["ResultStreaming"]

_LOG = logging.getLogger("pzvo.query")

SPOOL_BYTES = 65_536
"""A result up to this size is sent whole: its query is over before the first byte leaves."""

PIECE_BYTES = 131_072
"""A send carries no more, so that its time limit means a client that reads nothing."""


class ResultStreaming:
    """Turns running queries into answers, and stops them when their clients hang up."""

    def respond(
        self,
        running: RunningQuery,
        writer: ResultWriter,
        content_type: str,
        infos: tuple[ResultInfo, ...] = (),
    ) -> Response:
        """Answer with the result of a query.

        Parameters
        ----------
        running
            The query; it is closed when the answer is over, however it ends.
        writer
            Of the format.
        content_type
            Of the answer.
        infos
            Statements that precede the table.

        Raises
        ------
        EngineError
            If the query fails before its first rows.
        """
        body = _Body(running, writer, infos)
        try:
            body.enter(watch_hangup(request.environ, running.cancel))
            whole = body.spool(SPOOL_BYTES)
        except BaseException as error:
            body.__exit__(type(error), error, error.__traceback__)
            raise
        response = Response(body if whole is None else whole, content_type=content_type)
        response.vary.add("Authorization")
        return response


class _Body:
    """The bytes of a result, with everything that ends when they do."""

    def __init__(
        self, running: RunningQuery, writer: ResultWriter, infos: tuple[ResultInfo, ...]
    ) -> None:
        self._started = time.perf_counter()
        self._running = running
        self._result: ResultStream = running.result(infos)
        self._pieces = _cut(writer.write(self._result))
        self._ready: list[bytes] = []
        self._sent = 0
        self._format = writer.name
        self._stack = contextlib.ExitStack()
        self._stack.callback(running.close)
        self._closed = False

    def enter(self, manager: contextlib.AbstractContextManager[None]) -> None:
        self._stack.enter_context(manager)

    def spool(self, limit_bytes: int) -> bytes | None:
        """Produce the beginning; give the whole body, closed, if it is no larger than that."""
        size = 0
        for piece in self._pieces:
            if not self._ready:
                self._running.timings.first_row_s = time.perf_counter() - self._started
            self._ready.append(piece)
            size += len(piece)
            if size > limit_bytes:
                return None
        self._sent = size
        self.close()
        return b"".join(self._ready)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            piece = self._ready.pop(0) if self._ready else next(self._pieces)
        except BaseException as error:
            # It is over, well or not: the slot is free although the last bytes are still on their
            # way.
            self.close()
            if isinstance(error, ResultIncomplete):
                # Web servers take this as a connection that is over: they send no last chunk, by
                # which the client knows that it has a part, and write no traceback.
                raise ConnectionResetError(errno.ECONNRESET, str(error)) from error
            raise
        self._sent += len(piece)
        return piece

    def close(self) -> None:
        self.__exit__(None, None, None)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._closed:
            return
        self._closed = True
        self._stack.close()
        timings = self._running.timings
        _LOG.info(
            json.dumps(
                {
                    "event": "query",
                    "format": self._format,
                    "rows": self._result.rows,
                    "bytes": self._sent,
                    "parse_ms": round(timings.parse_s * 1e3, 3),
                    "resolve_ms": round(timings.resolve_s * 1e3, 3),
                    "first_row_ms": round(timings.first_row_s * 1e3, 3),
                    "total_ms": round((time.perf_counter() - self._started) * 1e3, 3),
                    "error": self._late_error() if kind is None else kind.__name__,
                }
            )
        )

    def _late_error(self) -> str | None:
        """Give the message of an error behind the first rows, if there was one."""
        # Of a result that was not read to its end nothing is known.
        with contextlib.suppress(RuntimeError):
            return self._result.outcome().error
        return None


def _cut(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if len(piece) <= PIECE_BYTES:
            yield piece
            continue
        for start in range(0, len(piece), PIECE_BYTES):
            yield piece[start : start + PIECE_BYTES]
