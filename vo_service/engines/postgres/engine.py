"""The engine over a database server: typed queries answered by PostgreSQL, as Arrow batches."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import psycopg2
import pyarrow as pa
from psycopg2.extensions import connection

from vo_service.adql.typed import Query
from vo_service.engines.base import (
    EngineUnavailable,
    QueryCancelled,
    QueryRejected,
    QueryTimeout,
    Statement,
)
from vo_service.engines.postgres.context import Prefilter
from vo_service.engines.postgres.errors import engine_error, engine_errors
from vo_service.engines.postgres.printer import print_statement
from vo_service.engines.postgres.reading import Answer
from vo_service.engines.postgres.sessions import SessionPool, SessionSettings
from vo_service.engines.postgres.temporaries import load_temporaries
from vo_service.engines.postgres.transfer import batch_from_csv
from vo_service.engines.watchdog import Watchdog

__all__ = ["PostgresEngine"]


class PostgresEngine:
    """Queries over tables in a database server and Arrow tables that come with them.

    Parameters
    ----------
    url
        Of the database, in SQLAlchemy's form; nothing is opened before the first query.
    settings
        What each session may use.
    prefilter
        What finds the candidates of positional joins; the tables must have been stored with the
        same.
    """

    def __init__(
        self,
        url: str,
        settings: SessionSettings | None = None,
        prefilter: Prefilter = Prefilter.NONE,
    ) -> None:
        self._pool = SessionPool(url, settings or SessionSettings())
        self._prefilter = prefilter
        self._watchdog = Watchdog()

    def translate(self, query: Query, row_limit: int | None = None) -> Statement:
        """Print a query in PostgreSQL's SQL.

        Raises
        ------
        QueryRejected
            When it would be too long, or has a text that PostgreSQL cannot hold.
        """
        return print_statement(query, row_limit, self._prefilter)

    def execute(
        self, statement: Statement, temporaries: Mapping[str, pa.Table], time_limit_s: float
    ) -> PostgresExecution:
        """Start a statement; see `vo_service.engines.base.Engine.execute`.

        Raises
        ------
        QueryRejected, QueryTimeout, ResourceExhausted, EngineUnavailable
            As the classes say.
        """
        return PostgresExecution(self._pool, self._watchdog, statement, temporaries, time_limit_s)

    def check(self) -> None:
        """Answer a small query.

        Raises
        ------
        EngineUnavailable
            If that fails.
        """
        try:
            session = self._pool.take()
            try:
                with session.cursor() as cursor:
                    cursor.execute("SELECT 1")
                    cursor.fetchall()
            finally:
                self._pool.give_back(session)
        except psycopg2.Error as error:
            msg = "the database server does not answer"
            raise EngineUnavailable(msg) from error

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


class PostgresExecution:
    """A running query.

    The time limit counts the time in which the reader waits for the server, not that in which it
    takes its rows.
    """

    def __init__(
        self,
        pool: SessionPool,
        watchdog: Watchdog,
        statement: Statement,
        temporaries: Mapping[str, pa.Table],
        time_limit_s: float,
    ) -> None:
        self._pool = pool
        self._watchdog = watchdog
        self._schema = pa.schema([field.arrow for field in statement.fields])
        self._limit_s = self._left_s = time_limit_s
        self._timed_out = self._cancelled = False
        self._answer: Answer | None = None
        self._closing = threading.Lock()
        self._session: connection | None = pool.take()
        try:
            with engine_errors():
                load_temporaries(self._session, statement, temporaries, time_limit_s)
            self._answer = Answer(self._session, statement)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> PostgresExecution:
        return self

    def __next__(self) -> pa.RecordBatch:
        """Give the next batch; see `vo_service.engines.base.Execution`."""
        text = self._next_part()
        if text is None:
            raise StopIteration
        try:
            return batch_from_csv(text, self._schema)
        except pa.ArrowInvalid as error:
            msg = f"a value does not fit into the type of its column: {error}"
            raise QueryRejected(msg) from error

    def cancel(self) -> None:
        """Stop the query."""
        self._cancelled = True
        if self._answer is not None:
            self._answer.interrupt()

    def close(self) -> None:
        """Stop the query if it still runs, and give the connection back."""
        if self._answer is not None:
            self._answer.close()
        with self._closing:
            session, self._session = self._session, None
        if session is not None:
            self._pool.give_back(session)

    def _next_part(self) -> bytes | None:
        """Wait for rows, and count the time against the limit."""
        if self._answer is None:
            return None
        alarm = self._watchdog.alarm(max(self._left_s, 0.0), self._time_out)
        started = time.monotonic()
        try:
            return self._answer.next_part()
        except Exception as error:
            translated = self._error(error)
            if translated is error:
                raise
            raise translated from error
        finally:
            self._left_s -= time.monotonic() - started
            self._watchdog.withdraw(alarm)

    def _time_out(self) -> None:
        self._timed_out = True
        if self._answer is not None:
            self._answer.interrupt()

    def _error(self, error: Exception) -> Exception:
        if self._timed_out:
            return QueryTimeout(self._limit_s)
        if self._cancelled:
            return QueryCancelled("the query was stopped")
        return engine_error(error) or error
