"""The connection to the metadata database: SQLite on this host, or PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from registry.errors import MetadataUnavailable, StorageFull
from registry.stores.metadata.changes import Changes, watch
from registry.stores.metadata.full_disk import is_full, still_engine
from registry.stores.metadata.migration import is_current, migrate

__all__ = ["MetadataDatabase"]

_WRITES = "pzvo_writes"

_BUSY_TIMEOUT_MS = 30_000
"""How long a writer waits for another one: publishing holds the lock for milliseconds."""


class MetadataDatabase:
    """Short transactions on the metadata database; nothing is open between `prepare` and use.

    Parameters
    ----------
    url
        SQLAlchemy URL, ``sqlite:///path/to/file`` or ``postgresql+psycopg2://...``.

    Attributes
    ----------
    on_change
        Told, after the commit, which products a transaction has changed.

    Notes
    -----
    Connections are made on first use, so that an instance may cross a fork before it. SQLite
    runs in WAL mode; writers start with BEGIN IMMEDIATE, so that a read never has to become a
    write and fail.
    """

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._engine = self._create_engine()
        watch(self._engine)
        self.on_change: Callable[[Collection[int]], None] | None = None

    @classmethod
    def in_folder(cls, folder: Path) -> MetadataDatabase:
        """Give the SQLite database of an installation's home folder."""
        return cls(f"sqlite:///{folder / 'metadata.sqlite'}")

    def exists(self) -> bool:
        """Tell whether there is a database, without making one."""
        if not self._is_sqlite or not self._url.database:
            return True
        return Path(self._url.database).exists()

    def prepare(self) -> None:
        """Make or upgrade the tables, safely when several processes start at once."""
        if self._is_sqlite and self._url.database:
            Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        try:
            if self.exists() and self._is_current():
                # On a full disk, what needs no change can still be read.
                return
            with self.writing(quiet=True) as connection:
                migrate(connection)
        finally:
            self.close()

    def _is_current(self) -> bool:
        with self.reading() as connection:
            return is_current(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open one consistent snapshot for reading.

        Raises
        ------
        MetadataUnavailable
            If the database cannot be reached.
        """
        # A transaction of SQLite is a snapshot; one of PostgreSQL must be told to be.
        options = {} if self._is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with self._transaction(options) as connection:
            yield connection

    @contextmanager
    def writing(self, *, quiet: bool = False) -> Iterator[Connection]:
        """Open a writing transaction; it commits on a clean exit.

        On SQLite it is the only one; on PostgreSQL it waits for others where it changes or
        locks the same rows.

        Parameters
        ----------
        quiet
            Do not count as a change of products what it does to their records.

        Raises
        ------
        StorageFull
            If the disk of the database is full.
        MetadataUnavailable
            If the database cannot be reached.
        """
        changed: Collection[int] = ()
        with self._transaction({_WRITES: True}) as connection:
            if quiet:
                yield connection
            else:
                changes = Changes(connection)
                try:
                    yield connection
                    changed = changes.finish()
                finally:
                    changes.drop()
        if changed and self.on_change is not None:
            self.on_change(changed)

    @contextmanager
    def _transaction(self, options: dict[str, Any]) -> Iterator[Connection]:
        begun = False
        try:
            with self._connected(writes=_WRITES in options) as plain:
                connection = plain.execution_options(**options)
                with connection.begin():
                    begun = True
                    yield connection
        except OperationalError as error:
            if "disk is full" in str(error.orig) or "No space left" in str(error.orig):
                raise StorageFull(
                    f"no space left on the disk of the metadata database {self._url.database!r}; "
                    "free some space and try again"
                ) from error
            if not begun or error.connection_invalidated:
                raise MetadataUnavailable(
                    "the metadata database cannot be reached; try again in a moment"
                ) from error
            raise

    def _connected(self, *, writes: bool) -> Connection:
        try:
            return self._engine.connect()
        except OperationalError as error:
            path = self._url.database
            if not self._is_sqlite or not path or not is_full(error):
                raise
            if writes:
                raise StorageFull(
                    f"no space left on the disk of the metadata database {path!r}; free some "
                    "space and try again"
                ) from error
            still = still_engine(Path(path))
            if still is None:
                raise
            return still.connect()

    def close(self) -> None:
        """Close all connections; the next use opens new ones."""
        self._engine.dispose()

    @property
    def _is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    def _create_engine(self) -> Engine:
        # Errors reach logs: not with what people wrote, nor with hashes of their secrets.
        if not self._is_sqlite:
            return create_engine(self._url, pool_pre_ping=True, hide_parameters=True)
        engine = create_engine(self._url, hide_parameters=True)
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine


def _configure_sqlite(connection: SqliteConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver's own transaction handling would start reads late and writes as reads.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
