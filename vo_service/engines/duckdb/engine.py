"""The embedded engine: typed queries answered by DuckDB, as Arrow batches."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Mapping
from typing import TypeVar

import duckdb
import pyarrow as pa

from vo_service.adql.typed import Query
from vo_service.engines.base import (
    EngineUnavailable,
    QueryCancelled,
    QueryRejected,
    QueryTimeout,
    Statement,
)
from vo_service.engines.duckdb.errors import engine_error
from vo_service.engines.duckdb.instance import DuckdbInstance
from vo_service.engines.duckdb.printer import print_statement
from vo_service.engines.watchdog import Watchdog

__all__ = ["DuckdbEngine"]

_T = TypeVar("_T")

BATCH_ROWS = 32_768
"""Rows of a batch: a few MB of a wide table, and the encoders are at full speed."""

BATCH_VALUES = 2**21
"""Values of a batch: those of thousands of columns would fill the memory of a query."""

SMALL_ROWS = 10_000
"""Up to here a result is copied once more instead of streamed, which spares the engine from
planning twice (0.7 ms of 3 ms, measured)."""

INTERRUPT_AGAIN_S = 0.2
"""Time between two requests to stop a query: DuckDB forgets one that comes before it begins."""

# The driver advises to stream where the house has decided to copy.
warnings.filterwarnings("ignore", message="Arrow output on a DB-API result", category=UserWarning)


_STOPPED = "the query was stopped"


class DuckdbEngine:
    """Queries over table files and Arrow tables, in this process.

    Parameters
    ----------
    open_instance
        Makes the database; called at the first query, never before a fork.
    """

    def __init__(self, open_instance: Callable[[], DuckdbInstance]) -> None:
        self._open = open_instance
        self._instance: DuckdbInstance | None = None
        self._watchdog = Watchdog()

    @property
    def instance(self) -> DuckdbInstance:
        """The database, opened at the first use."""
        if self._instance is None:
            self._instance = self._open()
        return self._instance

    def translate(self, query: Query, row_limit: int | None = None) -> Statement:
        """Print a query in DuckDB's SQL."""
        return print_statement(query, row_limit)

    def execute(
        self, statement: Statement, temporaries: Mapping[str, pa.Table], time_limit_s: float
    ) -> DuckdbExecution:
        """Start a statement; see `vo_service.engines.base.Engine.execute`."""
        return DuckdbExecution(self.instance, self._watchdog, statement, temporaries, time_limit_s)

    def check(self) -> None:
        """Answer a small query.

        Raises
        ------
        EngineUnavailable
            If that fails.
        """
        try:
            cursor = self.instance.cursor()
            try:
                cursor.sql("SELECT 1").fetchall()
            finally:
                cursor.close()
        except (duckdb.Error, OSError) as error:
            msg = "the embedded database does not answer"
            raise EngineUnavailable(msg) from error

    def close(self) -> None:
        """Close the database."""
        if self._instance is not None:
            self._instance.close()


class DuckdbExecution:
    """A running query.

    The time limit counts the time in which the engine works for the query, not that in which
    the reader of the result takes its rows.
    """

    def __init__(
        self,
        instance: DuckdbInstance,
        watchdog: Watchdog,
        statement: Statement,
        temporaries: Mapping[str, pa.Table],
        time_limit_s: float,
    ) -> None:
        self._instance = instance
        self._watchdog = watchdog
        self._schema = pa.schema([field.arrow for field in statement.fields])
        self._limit_s = time_limit_s
        self._left_s = time_limit_s
        self._timed_out = self._cancelled = self._closed = self._at_work = False
        self._statement = statement
        self._reader: pa.RecordBatchReader | None = None
        self._files = sorted(
            {t.storage.file for t in statement.tables if t.storage.file is not None}
        )
        instance.acquire(self._files)
        self._cursor = instance.cursor()
        try:
            for name, rows in temporaries.items():
                self._cursor.register(name, rows)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> DuckdbExecution:
        return self

    def __next__(self) -> pa.RecordBatch:
        """Give the next batch; see `vo_service.engines.base.Execution`."""
        batch = self._working(self._read)
        if batch.schema.types == self._schema.types:
            return pa.RecordBatch.from_arrays(batch.columns, schema=self._schema)
        try:
            columns = [
                column.cast(field.type)
                for column, field in zip(batch.columns, self._schema, strict=True)
            ]
        except pa.ArrowInvalid as error:
            msg = f"a value does not fit into the type of its column: {error}"
            raise QueryRejected(msg) from error
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)

    def cancel(self) -> None:
        """Stop the query."""
        self._cancelled = True
        self._interrupt()

    def close(self) -> None:
        """Stop the query if it still runs, and release the table files."""
        if self._closed:
            return
        self._closed = True
        self._interrupt()
        self._reader = None
        self._cursor.close()
        self._instance.release(self._files)

    def _read(self) -> pa.RecordBatch:
        if self._reader is None:
            self._reader = self._start()
        return self._reader.read_next_batch()

    def _start(self) -> pa.RecordBatchReader:
        sql, parameters = self._statement.sql, list(self._statement.parameters)
        rows = self._statement.rows_at_most
        if rows is not None and rows <= SMALL_ROWS:
            return self._cursor.execute(sql, parameters).to_arrow_reader(BATCH_ROWS)
        batch_rows = max(2048, min(BATCH_ROWS, BATCH_VALUES // max(1, len(self._schema))))
        return self._cursor.sql(sql, params=parameters).to_arrow_reader(batch_rows)

    def _working(self, work: Callable[[], _T]) -> _T:
        """Let the engine work, and count the time against the limit."""
        alarm = self._watchdog.alarm(max(self._left_s, 0.0), self._time_out)
        started = time.monotonic()
        self._at_work = True
        try:
            # After the line above: who cancels sees the one, or is seen here.
            if self._cancelled:
                raise QueryCancelled(_STOPPED)
            return work()
        except StopIteration:
            raise
        except Exception as error:
            translated = self._error(error)
            if translated is error:
                raise
            raise translated from error
        finally:
            self._at_work = False
            self._left_s -= time.monotonic() - started
            self._watchdog.withdraw(alarm)

    def _time_out(self) -> None:
        self._timed_out = True
        self._interrupt()

    def _interrupt(self) -> None:
        # Who cancels may come a moment after the query was closed.
        with contextlib.suppress(duckdb.ConnectionException):
            self._cursor.interrupt()
            if self._at_work:
                self._watchdog.alarm(INTERRUPT_AGAIN_S, self._interrupt)

    def _error(self, error: Exception) -> Exception:
        if self._timed_out:
            return QueryTimeout(self._limit_s)
        if self._cancelled:
            return QueryCancelled(_STOPPED)
        return engine_error(error) or error
