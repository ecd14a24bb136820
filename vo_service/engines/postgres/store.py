"""Published tables as tables of a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
import pyarrow as pa
import pyarrow.compute as pc
from psycopg2 import errorcodes
from psycopg2.extensions import connection

from registry.durability import NO_SPACE
from registry.errors import RegistryError, StorageFull, TableDamaged
from registry.healpix import healpix_index
from registry.model.table import Column, Position, Storage
from registry.stores.quarantine import Quarantine
from registry.stores.table import HEALPIX_COLUMN, ORDER_COLUMN, StagedTable, StoredFile
from vo_service.engines.postgres.context import Prefilter, quoted
from vo_service.engines.postgres.printer import TABLES_SCHEMA
from vo_service.engines.postgres.sessions import connect
from vo_service.engines.postgres.transfer import CsvSource
from vo_service.engines.postgres.types import column_type, sql_type
from vo_service.engines.postgres.zones import index_expressions

__all__ = ["STAGING_SCHEMA", "PostgresTableStore", "StoreUnavailable", "TableNotWritten"]

STAGING_SCHEMA = "pzvo_staging"
"""Schema of tables that are complete and that nobody can see yet."""

QUARANTINE_SCHEMA = "pzvo_quarantine"
"""Schema of tables that no record of the metadata database names."""

LOCK_TIMEOUT_MS = 10_000
"""How long a table that is dropped may still be read."""

SORT_MEMORY_BYTES = 256 * 2**20
"""Memory for the sort and for building an index; beyond it, they use temporary files."""


class TableNotWritten(RegistryError):
    """Say that the database refused to store a table, with its reason."""


class StoreUnavailable(RegistryError):
    """Say that the database cannot be reached now; it may be later."""


class PostgresTableStore:
    """Tables of a database that serving processes read.

    Parameters
    ----------
    url
        Of the database, in SQLAlchemy's form, with a role that owns the schemas that
        `vo_service.engines.postgres.installation.prepare` makes.
    prefilter
        What positional joins are served by; its index is made beside the others.
    memory_limit_bytes
        Memory that a sort may use.
    """

    def __init__(
        self,
        url: str,
        prefilter: Prefilter = Prefilter.NONE,
        memory_limit_bytes: int = SORT_MEMORY_BYTES,
    ) -> None:
        self._url = url
        self._prefilter = prefilter
        self._memory_limit_bytes = memory_limit_bytes

    def stage(
        self,
        relation: str,
        columns: Sequence[Column],
        batches: Iterable[pa.RecordBatch],
        folder: Path,
        position: Position | None = None,
    ) -> StagedTable:
        """Write a table aside: sorted, counted, committed.

        Parameters
        ----------
        relation, columns, batches, folder, position
            As `TableStore.stage` says; the folder names the table, and gets no file.

        Raises
        ------
        StorageFull
            If the disk is full; what was written is removed.
        StoreUnavailable
            If the database cannot be reached.
        TableNotWritten
            If the database refuses the table for another reason.
        RegistryError
            Whatever the batches raise.
        """
        rows = CsvSource(_indexed(columns, batches, position))
        with _mapped_errors(rows), self._session() as session, session.cursor() as cursor:
            memory = f"{max(1024, self._memory_limit_bytes // 1024)}kB"
            for setting in ("work_mem", "maintenance_work_mem"):
                cursor.execute("SELECT set_config(%s, %s, true)", (setting, memory))
            cursor.execute(_source_statement(columns))
            cursor.copy_expert("COPY pg_temp.source FROM STDIN (FORMAT csv)", rows)
            target = f"{STAGING_SCHEMA}.{quoted(relation)}"
            cursor.execute(f"DROP TABLE IF EXISTS {target}")
            cursor.execute(
                f"CREATE TABLE {target} AS SELECT * FROM pg_temp.source"
                f" ORDER BY {quoted(HEALPIX_COLUMN)} NULLS LAST, {quoted(ORDER_COLUMN)}"
            )
            cursor.execute("DROP TABLE pg_temp.source")
            for index in self._indexes(columns, position):
                cursor.execute(f"CREATE INDEX ON {target} USING {index}")
            cursor.execute(f"ANALYZE {target}")
            _date(cursor, target)
        return StagedTable(Storage(relation, relation), folder / relation, rows.count)

    def publish(self, staged: StagedTable) -> None:
        """Move a staged table to its immutable place, durably.

        Raises
        ------
        StorageFull
            If the disk is full.
        StoreUnavailable
            If the database cannot be reached.
        TableNotWritten
            If the table is not there, or its name is taken.
        """
        name = quoted(staged.storage.relation)
        with _mapped_errors(), self._session() as session, session.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {STAGING_SCHEMA}.{name} SET SCHEMA {TABLES_SCHEMA}")
            _date(cursor, f"{TABLES_SCHEMA}.{name}")

    def drop(self, file: str) -> None:
        """Remove a table that no query can use any more; a missing one is no error.

        Raises
        ------
        StoreUnavailable
            If the database cannot be reached, or the table is still read.
        TableNotWritten
            If the database refuses for another reason.
        """
        with _mapped_errors(), self._session() as session, session.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = %s", (LOCK_TIMEOUT_MS,))
            cursor.execute(f"DROP TABLE IF EXISTS {TABLES_SCHEMA}.{quoted(file)}")

    def files(self) -> Iterator[StoredFile]:
        """List all published tables, in use or orphaned.

        Raises
        ------
        StoreUnavailable
            If the database cannot be reached.
        """
        with _mapped_errors(), self._session() as session, session.cursor() as cursor:
            cursor.execute(
                "SELECT relname, obj_description(c.oid, 'pg_class') FROM pg_class AS c"
                " WHERE relnamespace = %s::regnamespace AND relkind = 'r'"
                " AND obj_description(c.oid, 'pg_class') IS NOT NULL ORDER BY relname",
                (TABLES_SCHEMA,),
            )
            found = cursor.fetchall()
        for name, dated in found:
            yield StoredFile(name, datetime.fromisoformat(dated))

    def set_aside(self, file: str, quarantine: Quarantine, reason: str) -> None:
        """Move a table that no record names to a schema that no query reads.

        Raises
        ------
        StorageFull
            If the disk is full.
        StoreUnavailable
            If the database cannot be reached, or the table is still read.
        TableNotWritten
            If the database refuses for another reason.
        """
        with _mapped_errors(), self._session() as session, session.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = %s", (LOCK_TIMEOUT_MS,))
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {QUARANTINE_SCHEMA}")
            cursor.execute(
                f"ALTER TABLE {TABLES_SCHEMA}.{quoted(file)} SET SCHEMA {QUARANTINE_SCHEMA}"
            )
            quarantine.note_table(file, f"{reason}; it is {QUARANTINE_SCHEMA}.{file} now")

    def drop_aside(self, file: str) -> None:
        """Remove a table that was set aside, for good; a missing one is no error.

        Raises
        ------
        StoreUnavailable
            If the database cannot be reached.
        """
        with _mapped_errors(), self._session() as session, session.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {QUARANTINE_SCHEMA}.{quoted(file)}")

    def count(self, storage: Storage) -> int:
        """Read a whole table, and give the number of its rows.

        Raises
        ------
        TableDamaged
            If it is not there, or cannot be read to its end.
        StoreUnavailable
            If the database cannot be reached.
        """
        name = f"{TABLES_SCHEMA}.{quoted(storage.relation)}"
        session = connect(self._url)
        try:
            with session, session.cursor() as cursor:
                cursor.execute(f"SELECT count(*), max(length(t::text)) FROM {name} AS t")
                row = cursor.fetchone()
        except psycopg2.Error as error:
            if isinstance(error, psycopg2.OperationalError) and error.pgcode is None:
                raise StoreUnavailable("the database of the tables cannot be reached") from error
            reason = (error.diag.message_primary or str(error)).strip()
            raise TableDamaged(reason) from error
        finally:
            session.close()
        return 0 if row is None else int(row[0])

    @contextmanager
    def _session(self) -> Iterator[connection]:
        """Open a connection for one transaction, which is committed at the end."""
        session = connect(self._url)
        try:
            with session:
                yield session
        finally:
            session.close()

    def _indexes(self, columns: Sequence[Column], position: Position | None) -> Iterator[str]:
        if position is None:
            return
        yield f"btree ({quoted(HEALPIX_COLUMN)})"
        types = {column.physical: sql_type(column.field.type) for column in columns}
        ra, dec = (
            quoted(name) if types[name] == "float8" else f"({quoted(name)})::float8"
            for name in (position.ra, position.dec)
        )
        yield from index_expressions(ra, dec, quoted(HEALPIX_COLUMN), self._prefilter)


def _indexed(
    columns: Sequence[Column], batches: Iterable[pa.RecordBatch], position: Position | None
) -> Iterator[pa.RecordBatch]:
    """Give the rows as they are stored, with the two hidden columns."""
    count = 0
    names = [*(column.physical for column in columns), HEALPIX_COLUMN, ORDER_COLUMN]
    for batch in batches:
        cells = pa.nulls(batch.num_rows, pa.int64())
        if position is not None:
            cells = healpix_index(batch.column(position.ra), batch.column(position.dec))
        order = pa.array(range(count, count + batch.num_rows), pa.int64())
        count += batch.num_rows
        arrays = [*map(_stored, batch.columns), cells, order]
        yield pa.RecordBatch.from_arrays(arrays, names=names)


def _stored(column: pa.Array) -> pa.Array:
    """Make NULL of NaN, except inside arrays."""
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)


def _source_statement(columns: Sequence[Column]) -> str:
    stored = [f"{quoted(column.physical)} {column_type(column.field.type)}" for column in columns]
    stored += [f"{quoted(HEALPIX_COLUMN)} int8", f"{quoted(ORDER_COLUMN)} int8"]
    return f"CREATE TEMPORARY TABLE source ({', '.join(stored)}) ON COMMIT DROP"


def _date(cursor: psycopg2.extensions.cursor, relation: str) -> None:
    """Write down when a table came to its place; the server does not know."""
    cursor.execute(f"COMMENT ON TABLE {relation} IS %s", (datetime.now(UTC).isoformat(),))


@contextmanager
def _mapped_errors(rows: CsvSource | None = None) -> Iterator[None]:
    try:
        yield
    except psycopg2.Error as error:
        if rows is not None and rows.failure is not None:
            raise rows.failure from error
        if error.pgcode == errorcodes.DISK_FULL:
            raise StorageFull(NO_SPACE) from error
        reason = (error.diag.message_primary or str(error)).strip()
        transient = isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
        if error.pgcode == errorcodes.LOCK_NOT_AVAILABLE or (transient and error.pgcode is None):
            raise StoreUnavailable(f"the database cannot do it now: {reason}") from error
        raise TableNotWritten(f"the table could not be stored: {reason}") from error
