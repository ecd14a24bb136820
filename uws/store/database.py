"""The connection to the database of the jobs: SQLite on this host, or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from threading import Lock

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from uws.errors import JobStoreUnavailable, StorageFull
from uws.store.migration import is_current, migrate

__all__ = ["JobDatabase"]

_WRITES = "uws_writes"

_BUSY_TIMEOUT_MS = 30_000
"""How long a writer waits for another process: transactions hold the lock for milliseconds."""

_IDLE_TIMEOUT_MS = 30_000
"""After how long PostgreSQL ends a transaction whose process does nothing, being frozen or cut off:
its locks would stop all other workers.
"""


class JobDatabase:
    """Short transactions on the job tables; nothing is open between `prepare` and use.

    Parameters
    ----------
    url
        SQLAlchemy URL, ``sqlite:///path/to/file`` or ``postgresql+psycopg2://...``; other
        packages may keep their tables in the same database.

    Notes
    -----
    Connections are made on first use, so that an instance may cross a fork before it. SQLite
    runs in WAL mode with every commit flushed, because a job that was acknowledged must survive
    a power failure; writers start with BEGIN IMMEDIATE, so that a read never has to become a
    write and fail.
    """

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._engine = self._create_engine()
        self._turn = Lock()

    def prepare(self) -> None:
        """Make or upgrade the tables, safely when several processes start at once.

        Raises
        ------
        JobStoreUnavailable
            If the database cannot be reached.
        StorageFull
            If its disk is full.
        """
        if self._is_sqlite and self._url.database:
            Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        try:
            if self._is_current():
                return
            with self.writing() as connection:
                migrate(connection)
        finally:
            self.close()

    def _is_current(self) -> bool:
        """Tell whether nothing is to be done, or nothing can be: a full disk is told later."""
        try:
            with self.reading() as connection:
                return is_current(connection)
        except JobStoreUnavailable as error:
            cause = error.__cause__
            return isinstance(cause, OperationalError) and "disk I/O" in str(cause.orig)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open one consistent snapshot for reading.

        Raises
        ------
        JobStoreUnavailable
            If the database cannot be reached.
        """
        with self._errors(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction for writing, the only one on SQLite; it commits on a clean exit.

        Raises
        ------
        JobStoreUnavailable
            If the database cannot be reached, or another process keeps it locked.
        StorageFull
            If its disk is full.
        """
        with self._errors(), self._my_turn(), self._engine.connect() as plain:
            connection = plain.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection

    def glance(self, statement: str) -> int:
        """Read one number by one statement, at a tenth of what a snapshot costs.

        Parameters
        ----------
        statement
            SQL that both databases understand.

        Raises
        ------
        JobStoreUnavailable
            If the database cannot be reached.
        """
        driver = self._engine.dialect.loaded_dbapi
        with self._errors():
            try:
                with closing(self._engine.raw_connection()) as connection:
                    cursor = connection.cursor()
                    cursor.execute(statement)
                    (number,) = cursor.fetchone() or (0,)
            except driver.OperationalError as error:
                # Its connection is tried before it is used again.
                raise OperationalError(statement, None, error) from error
            return int(number)

    def close(self) -> None:
        """Close all connections; the next use opens new ones."""
        self._engine.dispose()

    @property
    def _is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    def _my_turn(self) -> AbstractContextManager[object]:
        # SQLite lets writers sleep and try again; threads of one process can simply queue up.
        return self._turn if self._is_sqlite else nullcontext()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            if "disk is full" in str(error.orig) or "No space left" in str(error.orig):
                raise StorageFull(
                    "no space left on the disk of the job table; free some space and try again"
                ) from error
            raise JobStoreUnavailable(
                f"the job table cannot be used now ({_first_line(error)}); try again later"
            ) from error
        except PoolTimeout as error:
            raise JobStoreUnavailable(
                "all connections to the job table are in use; try again later"
            ) from error

    def _create_engine(self) -> Engine:
        if not self._is_sqlite:
            server = create_engine(self._url, pool_pre_ping=True, hide_parameters=True)
            event.listen(server, "connect", _configure_postgres)
            return server
        # Errors reach logs: not with the queries that people wrote.
        engine = create_engine(self._url, max_overflow=-1, hide_parameters=True)
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine


def _first_line(error: OperationalError) -> str:
    lines = str(error.orig).splitlines()
    return lines[0] if lines else type(error.orig).__name__


def _configure_postgres(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute(f"SET idle_in_transaction_session_timeout = {_IDLE_TIMEOUT_MS}")
    cursor.close()
    # A setting of a session is forgotten when its transaction is rolled back.
    connection.commit()


def _configure_sqlite(connection: SqliteConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver's own transaction handling would start reads late and writes as reads.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
