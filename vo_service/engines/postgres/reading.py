"""The rows of a running query, as parts of CSV, with bounded memory.

The driver pushes rows while it copies, and the reader of a result pulls them, so the copy runs in
a thread of its own that waits whenever enough rows are ahead.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque

import psycopg2
from psycopg2.extensions import connection

from vo_service.engines.base import Statement
from vo_service.engines.postgres.context import parameter_names

__all__ = ["Answer"]

PART_ROWS = 32_768
"""Rows of a part: a few MB of a wide table, and the encoders are at full speed."""

PART_BYTES = 4 * 2**20
"""Larger rows are given in parts of this size."""

PARTS_AHEAD = 3
"""Parts that wait for the reader, beside the one that is being filled."""

RETRY_S = 0.2
"""Time between two requests to stop."""

STOP_S = 10.0
"""A server that has not stopped a query after this time has its connection cut."""


class Answer:
    """The result of a query on one connection.

    Parameters
    ----------
    session
        Connection in a transaction; nothing else uses it until `close`.
    statement
        The query.
    """

    def __init__(self, session: connection, statement: Statement) -> None:
        self._session = session
        self._changed = threading.Condition()
        self._parts: deque[bytes] = deque()
        self._rows: list[bytes] = []
        self._size = 0
        self._failure: BaseException | None = None
        self._done = self._abandoned = self._stopped = False
        # One at a time: a request to stop must not reach the next query of the connection.
        self._stopping = threading.Lock()
        self._thread = threading.Thread(
            target=self._copy, args=(statement,), name="postgres-copy", daemon=True
        )
        self._thread.start()

    def next_part(self) -> bytes | None:
        """Wait for rows.

        Returns
        -------
        bytes or None
            Whole rows as CSV; none after the last.

        Raises
        ------
        psycopg2.Error
            What the server or the driver says.
        """
        while not self._waited(RETRY_S):
            if self._stopped:
                self.interrupt()
        with self._changed:
            if self._parts:
                part = self._parts.popleft()
                self._changed.notify_all()
                return part
            if self._failure is not None:
                raise self._failure
            return None

    def interrupt(self) -> None:
        """Ask the server to stop, from any thread.

        Who waits for rows asks again, since the query may not have begun when it was asked.
        """
        with self._stopping:
            with self._changed:
                self._stopped = True
                self._changed.notify_all()
                if self._done:
                    return
            try:
                self._session.cancel()
            except psycopg2.Error:
                self._cut()

    def close(self) -> None:
        """Stop the query if it still runs; the connection is free afterwards."""
        with self._changed:
            self._abandoned = True
            self._parts.clear()
            self._changed.notify_all()
        deadline = time.monotonic() + STOP_S
        while self._thread.is_alive():
            self.interrupt()
            self._thread.join(RETRY_S)
            if time.monotonic() > deadline:
                self._cut()

    def _waited(self, limit_s: float) -> bool:
        """Wait until there are rows or the end, but no longer than a while once stopped."""
        with self._changed:
            while not self._parts and not self._done:
                if not self._changed.wait(limit_s if self._stopped else None):
                    return False
            return True

    def write(self, row: bytes) -> None:
        """Take a row; the driver calls this."""
        self._rows.append(row)
        self._size += len(row)
        if len(self._rows) >= PART_ROWS or self._size >= PART_BYTES:
            self._give()

    def _copy(self, statement: Statement) -> None:
        try:
            with self._session.cursor() as cursor:
                sql = cursor.mogrify(statement.sql, parameter_names(statement.parameters))
                copy = b"COPY (" + sql + b") TO STDOUT (FORMAT csv)"
                cursor.copy_expert(copy, self)
            self._give()
        except BaseException as failure:  # noqa: BLE001 - given to the reader as it is
            self._failure = failure
        finally:
            with self._changed:
                self._done = True
                self._changed.notify_all()

    def _give(self) -> None:
        """Give the rows so far to the reader, and wait while there are enough."""
        part = b"".join(self._rows)
        self._rows, self._size = [], 0
        with self._changed:
            while len(self._parts) >= PARTS_AHEAD and not self._abandoned:
                self._changed.wait()
            if part and not self._abandoned:
                self._parts.append(part)
                self._changed.notify_all()

    def _cut(self) -> None:
        """Break the connection under the driver, which then gives up."""
        try:
            copied = socket.socket(fileno=self._session.fileno())
        except (OSError, psycopg2.Error):
            return
        try:
            with contextlib.suppress(OSError):
                copied.shutdown(socket.SHUT_RDWR)
        finally:
            copied.detach()
