"""Processors whose work is done in engine processes."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from typing import Any

import pyarrow as pa

from registry.model.field import Field
from vo_service.adql.errors import AdqlError
from vo_service.engines.base import Engine, EngineError, EngineUnavailable, QueryRejected
from vo_service.engines.process.frames import BATCH, END, STARTED
from vo_service.engines.process.messages import (
    EngineFault,
    QueryMessage,
    read_started,
    read_statement,
)
from vo_service.engines.process.pool import EnginePool
from vo_service.engines.process.worker import EngineProcess
from vo_service.engines.processor import QueryRequest, Snapshots, StartedQuery

__all__ = ["ProcessProcessor", "TranslatingProcessor"]

_LARGE_BYTES = 2**24
"""Results beyond this give the memory of their rows back to the system."""

_CHECK_S = 10.0
"""Seconds for a small piece of work, also where the service is busy."""


class ProcessProcessor:
    """Understands and answers queries in engine processes.

    Parameters
    ----------
    pool
        Of the processes.
    """

    def __init__(self, pool: EnginePool) -> None:
        self._pool = pool

    def start(self, request: QueryRequest) -> StartedQuery:
        """Understand a query, and begin to compute its rows; see `QueryProcessor.start`."""
        exchange = _Exchange(self._pool, request)
        started, _ = exchange.begin()
        if request.check_only:
            exchange.finish()
            return started
        return replace(started, execution=ProcessExecution(exchange, started.fields))

    def check(self) -> None:
        """Let a process answer a small query.

        Raises
        ------
        EngineUnavailable
            If that fails.
        """
        process = self._pool.take()
        try:
            process.check(_CHECK_S)
        except BaseException as error:
            self._pool.discard(process)
            if isinstance(error, EngineError | EngineFault):
                raise EngineUnavailable("the query engine does not answer") from error
            raise
        self._pool.give_back(process, 0)

    def close(self) -> None:
        """End the processes."""
        self._pool.close()


class TranslatingProcessor:
    """Understands queries in engine processes, and lets a database server answer them.

    Parameters
    ----------
    pool
        Of processes that translate.
    engine
        Executes what they print.
    """

    def __init__(self, pool: EnginePool, engine: Engine) -> None:
        self._pool = pool
        self._engine = engine
        self._snapshots = Snapshots()

    def start(self, request: QueryRequest) -> StartedQuery:
        """Understand a query, and begin to compute its rows; see `QueryProcessor.start`."""
        exchange = _Exchange(self._pool, request, translated=True)
        started, said = exchange.begin()
        exchange.finish()
        if request.check_only:
            return started
        statement = read_statement(started, said)
        temporaries = self._snapshots.temporaries(request, started.tables)
        execution = self._engine.execute(statement, temporaries, request.time_limit_s)
        return replace(started, execution=execution)

    def check(self) -> None:
        """Ask the server; raises `EngineUnavailable` if it does not answer."""
        self._engine.check()

    def close(self) -> None:
        """End the processes and close the connections."""
        self._pool.close()
        self._engine.close()


class _Exchange:
    """One query in one process, until it is over."""

    def __init__(
        self, pool: EnginePool, request: QueryRequest, *, translated: bool = False
    ) -> None:
        self._pool = pool
        self._tables = request.tables
        self._uploads = tuple(each.table for each in request.uploads)
        self._closing = threading.Lock()
        message = QueryMessage(
            request.text,
            (known := pool.known(request.tables)).number,
            request.time_limit_s,
            request.row_limit,
            request.check_only,
            request.shaped,
            self._uploads,
            translated,
        )
        self._process: EngineProcess | None = pool.take()
        try:
            self._process.ask(message, known, tuple(each.rows for each in request.uploads))
        except BaseException:
            self.close()
            raise

    def begin(self) -> tuple[StartedQuery, dict[str, Any]]:
        """Wait until the query is understood; raises what is wrong with it."""
        content = self.receive(STARTED)
        try:
            return read_started(content or pa.py_buffer(b""), self._tables, self._uploads)
        except (KeyError, ValueError, TypeError) as error:
            self.close()
            raise EngineFault("an engine process said something else than a query") from error

    def receive(self, expected: bytes) -> pa.Buffer | None:
        """Give the content of the next frame; none if the query is over.

        Raises
        ------
        AdqlError, EngineError, EngineFault
            Whatever ended the query; the process is given back or ended.
        """
        process = self._process
        if process is None:
            return None
        try:
            kind, content = process.receive()
            if kind == expected:
                return content
            if kind != END:
                raise EngineFault("an engine process answered out of order")
        except (AdqlError, QueryRejected):
            # The query is at fault, and its process is as good as before.
            self._end(process)
            raise
        except BaseException:
            self.close()
            raise
        self._give_back(content)
        return None

    def _end(self, process: EngineProcess) -> None:
        try:
            _, content = process.receive()
        except (EngineError, EngineFault):
            self.close()
        else:
            self._give_back(content)

    def finish(self) -> None:
        """Wait for the end of a query without rows."""
        if self.receive(b"") is not None:
            self.close()

    def cancel(self) -> None:
        """Stop the query from any thread."""
        # Inside the lock: one that is given back may have another query already.
        with self._closing:
            if self._process is not None:
                self._process.cancel()

    def close(self) -> None:
        """Stop the query if it is not over."""
        with self._closing:
            process, self._process = self._process, None
        if process is not None:
            self._pool.discard(process)

    def _give_back(self, said: pa.Buffer) -> None:
        with self._closing:
            process, self._process = self._process, None
        if process is not None:
            text = said.to_pybytes()
            self._pool.give_back(process, int(text) if text.isdigit() else sys.maxsize)


class ProcessExecution:
    """The rows of a query in an engine process; see `vo_service.engines.base.Execution`.

    The time limit counts the time in which the reader waits for rows, not that in which it takes
    them.
    """

    def __init__(self, exchange: _Exchange, fields: tuple[Field, ...]) -> None:
        self._exchange = exchange
        self._schema = pa.schema([field.arrow for field in fields])
        self._received_bytes = 0

    def __iter__(self) -> ProcessExecution:
        return self

    def __next__(self) -> pa.RecordBatch:
        """Give the next batch; see `vo_service.engines.base.Execution`."""
        content = self._exchange.receive(BATCH)
        if content is None:
            raise StopIteration
        self._received_bytes += content.size
        try:
            batch = pa.ipc.read_record_batch(content, self._schema)
            # The process may have been taken over by the text that it has read.
            batch.validate(full=True)
        except pa.ArrowException as error:
            self._exchange.close()
            raise EngineFault("an engine process sent rows that are none") from error
        return batch

    def cancel(self) -> None:
        """Stop the query."""
        self._exchange.cancel()

    def close(self) -> None:
        """Stop the query if it still runs."""
        self._exchange.close()
        if self._received_bytes > _LARGE_BYTES:
            # The allocator would keep for the next large result what a small service does not need.
            self._received_bytes = 0
            pa.default_memory_pool().release_unused()
