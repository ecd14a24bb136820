"""What an engine process does: one query after the other, for the service that owns it."""

from __future__ import annotations

import os
import pickle
import socket
import traceback
from collections import OrderedDict
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Final

import pyarrow as pa

from registry.model.table import TableSet
from vo_service.engines.base import Execution
from vo_service.engines.process.frames import (
    BATCH,
    CHECK,
    END,
    ERROR,
    FRAME,
    HELLO,
    QUERY,
    STARTED,
    TABLES,
    ConnectionOver,
    FrameReader,
    frame,
)
from vo_service.engines.process.messages import QueryMessage, write_error, write_started
from vo_service.engines.processor import (
    LocalProcessor,
    QueryRequest,
    StartedQuery,
    UploadedTable,
)

__all__ = ["KNOWN_TABLE_SETS", "EngineServer", "remember"]

KNOWN_TABLE_SETS: Final = 4
"""Table sets that a process keeps: callers with different rights take turns."""

_UNLIMITED: Final = 2**62

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")

_SMALL_BYTES: Final = 65_536
"""A result up to this size leaves in one piece."""


def remember(known: OrderedDict[int, object], number: int, tables: object) -> None:
    """Keep a table set, and forget the one that was used least lately; both sides do the same."""
    known[number] = tables
    known.move_to_end(number)
    while len(known) > KNOWN_TABLE_SETS:
        known.popitem(last=False)


class EngineServer:
    """Answers queries on a socket.

    Parameters
    ----------
    connection
        To the service.
    processor
        Answers them.
    memory_bytes
        Limit of this process, for its messages.
    statistics
        Descriptor of the file in which the kernel says how much it uses.
    """

    def __init__(
        self,
        connection: socket.socket,
        processor: LocalProcessor,
        memory_bytes: int,
        statistics: int,
    ) -> None:
        self._statistics = statistics
        self._connection = connection
        self._processor = processor
        self._memory_bytes = memory_bytes
        self._frames = FrameReader(connection, _UNLIMITED)
        self._tables: OrderedDict[int, object] = OrderedDict()
        self._waiting = b""

    def run(self) -> None:
        """Answer until the service closes the connection."""
        self._connection.sendall(frame(HELLO))
        while True:
            try:
                kind, content = self._frames.read()
                if kind == TABLES:
                    # The service made it: nobody else can write to this socket.
                    number, tables = pickle.loads(content)  # noqa: S301
                    remember(self._tables, number, tables)
                elif kind == QUERY:
                    self._answer(partial(self._run, pickle.loads(content)))  # noqa: S301
                elif kind == CHECK:
                    self._answer(self._processor.check)
            except (ConnectionOver, BrokenPipeError, ConnectionResetError):
                return

    def _run(self, message: QueryMessage) -> None:
        try:
            request = self._request(message)
        except (MemoryError, pa.ArrowMemoryError) as error:
            # Uploads that are left unread are no frames; the service sees how this ends.
            raise ConnectionOver from error
        if message.translated:
            prepared = self._processor.prepare(request)
            self._later(STARTED, write_started(prepared.started, prepared.statement))
        else:
            self._send_rows(self._processor.start(request))

    def _answer(self, work: Callable[[], None]) -> None:
        """Do a piece of work, and say how it ended and what the process uses now."""
        try:
            work()
        except (ConnectionOver, BrokenPipeError, ConnectionResetError):
            raise
        except BaseException as error:  # noqa: BLE001 - the service decides what it means
            trace = "".join(traceback.format_exception(error, limit=20))
            self._later(ERROR, write_error(error, trace, self._memory_bytes))
        self._later(END, self._memory_used())
        self._flush()

    def _request(self, message: QueryMessage) -> QueryRequest:
        tables = self._tables[message.tables]
        if not isinstance(tables, TableSet):
            raise TypeError("a table set was expected")
        self._tables.move_to_end(message.tables)
        uploads = []
        for table in message.uploads:
            _, content = self._frames.read()
            uploads.append(UploadedTable(table, pa.ipc.open_stream(content).read_all()))
        return QueryRequest(
            message.text,
            tables,
            message.time_limit_s,
            message.row_limit,
            tuple(uploads),
            message.check_only,
            message.shaped,
        )

    def _send_rows(self, started: StartedQuery) -> None:
        self._later(STARTED, write_started(started))
        execution = started.execution
        if execution is None:
            return
        with closing(execution):
            self._send_batches(execution)

    def _send_batches(self, execution: Execution) -> None:
        # What the service waits for first are the columns, unless the rows come at once.
        self._flush()
        for batch in execution:
            content = batch.serialize()
            if len(content) < _SMALL_BYTES:
                self._later(BATCH, content.to_pybytes())
                if len(self._waiting) > _SMALL_BYTES:
                    self._flush()
                continue
            self._flush()
            self._connection.sendall(FRAME.pack(BATCH, len(content)))
            self._connection.sendall(content)

    def _later(self, kind: bytes, content: bytes) -> None:
        self._waiting += frame(kind, content)

    def _flush(self) -> None:
        if self._waiting:
            self._connection.sendall(self._waiting)
            self._waiting = b""

    def _memory_used(self) -> bytes:
        """Give the private memory of this process in bytes, as text."""
        pages = os.pread(self._statistics, 200, 0).split()
        return str((int(pages[1]) - int(pages[2])) * _PAGE_BYTES).encode()
