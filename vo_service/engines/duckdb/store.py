"""Published tables as native DuckDB files, one file and one table each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from registry.durability import NO_SPACE, rename_anew, sync_file
from registry.errors import RegistryError, StorageFull, TableDamaged
from registry.healpix import healpix_index
from registry.model.table import Column, Position, Storage
from registry.stores.quarantine import Quarantine
from registry.stores.table import HEALPIX_COLUMN, ORDER_COLUMN, StagedTable, StoredFile

if TYPE_CHECKING:
    import duckdb

__all__ = ["DuckdbTableStore", "TableNotWritten"]

_SUFFIX = ".duckdb"

_DISK_FULL = ("No space left", "Disk quota exceeded", "File too large", "max_temp_directory_size")
"""Words in DuckDB's messages when the disk, a quota or its temporary space is used up."""


class TableNotWritten(RegistryError):
    """Say that the engine refused to store a table, with the engine's reason."""


class DuckdbTableStore:
    """A folder of DuckDB files that serving processes attach read-only.

    Parameters
    ----------
    folder
        Folder of the published files; made when the first table comes.
    memory_limit_bytes
        Memory that the sort may use; beyond it, it goes through the staging folder.
    threads
        Threads of the sort.
    """

    def __init__(
        self, folder: Path, memory_limit_bytes: int = 1_000_000_000, threads: int = 2
    ) -> None:
        self._folder = folder
        self._memory_limit_bytes = memory_limit_bytes
        self._threads = threads

    def stage(
        self,
        relation: str,
        columns: Sequence[Column],
        batches: Iterable[pa.RecordBatch],
        folder: Path,
        position: Position | None = None,
    ) -> StagedTable:
        """Write a table aside: sorted, counted, flushed to disk.

        Parameters
        ----------
        relation, columns, batches, folder, position
            As `TableStore.stage` says.

        Raises
        ------
        StorageFull
            If the disk is full; what was written is removed.
        TableNotWritten
            If DuckDB refuses the table for another reason.
        RegistryError
            Whatever the batches raise.
        """
        path = folder / f"{relation}{_SUFFIX}"
        rows = _IndexedRows(columns, batches, position)
        try:
            with _mapped_errors(rows), self._writer(path, folder) as connection:
                connection.register("source", rows.reader())
                connection.execute(_create_statement(relation, columns))
                connection.unregister("source")
                connection.execute("CHECKPOINT")
            sync_file(path)
        except BaseException:
            path.unlink(missing_ok=True)
            path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
            raise
        return StagedTable(Storage(relation, path.name), path, rows.count)

    def publish(self, staged: StagedTable) -> None:
        """Move a staged table to its immutable place, durably.

        Raises
        ------
        StorageFull
            If the disk is full.
        TableNotWritten
            If its name is taken; the other table stays.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            rename_anew(staged.path, self._folder / staged.path.name)
        except FileExistsError as error:
            raise TableNotWritten(f"there is a table {staged.path.name!r} already") from error

    def drop(self, file: str) -> None:
        """Remove a table file that no query can use any more; a missing one is no error."""
        (self._folder / Path(file).name).unlink(missing_ok=True)

    def files(self) -> Iterator[StoredFile]:
        """List all table files, published or orphaned."""
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            yield StoredFile(path.name, modified)

    def set_aside(self, file: str, quarantine: Quarantine, reason: str) -> None:
        """Move a table file that no record names to the quarantine.

        Raises
        ------
        StorageFull
            If the disk is full.
        FileNotFoundError
            If it is gone.
        """
        quarantine.take(self._folder / Path(file).name, reason)

    def drop_aside(self, file: str) -> None:
        """Do nothing: table files are in the quarantine themselves."""

    def count(self, storage: Storage) -> int:
        """Read a whole table, and give the number of its rows.

        Raises
        ------
        TableDamaged
            If it is not there, or cannot be read to its end.
        """
        path = self._folder / Path(storage.file or "").name
        if not path.is_file():
            raise TableDamaged("it is not there")
        if path.stat().st_size == 0:
            raise TableDamaged("it is empty")
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{self._memory_limit_bytes // 1_000_000}MB",
            "threads": self._threads,
        }
        name = _quoted(storage.relation)
        import duckdb

        try:
            with duckdb.connect(str(path), read_only=True, config=config) as connection:
                # Each block has a checksum, which is looked at when the block is read.
                row = connection.execute(
                    f"SELECT COUNT(*), BIT_XOR(HASH(stored)) FROM {name} AS stored"
                ).fetchone()
        except duckdb.Error as error:
            raise TableDamaged(str(error).partition("\n")[0][:200]) from error
        return 0 if row is None else int(row[0])

    @contextmanager
    def _writer(self, path: Path, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
        # Processes that answer requests store tables now and then, if ever.
        import duckdb

        connection = duckdb.connect(
            str(path),
            config={
                "memory_limit": f"{self._memory_limit_bytes // 1_000_000}MB",
                "threads": self._threads,
                "temp_directory": str(folder / "spill"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        try:
            yield connection
        finally:
            connection.close()


class _IndexedRows:
    """Batches with the two hidden columns; remembers the count and the source's failure."""

    def __init__(
        self,
        columns: Sequence[Column],
        batches: Iterable[pa.RecordBatch],
        position: Position | None,
    ) -> None:
        self._batches = batches
        self._position = position
        hidden = [pa.field(HEALPIX_COLUMN, pa.int64()), pa.field(ORDER_COLUMN, pa.int64())]
        visible = [pa.field(column.physical, column.field.type.arrow) for column in columns]
        self._schema = pa.schema(visible + hidden)
        self.count = 0
        self.failure: BaseException | None = None

    def reader(self) -> pa.RecordBatchReader:
        """Give the rows to DuckDB."""
        return pa.RecordBatchReader.from_batches(self._schema, self._indexed())

    def _indexed(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self._batches:
                order = pa.array(np.arange(self.count, self.count + batch.num_rows))
                arrays = [*batch.columns, self._index(batch), order]
                self.count += batch.num_rows
                yield pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        except BaseException as failure:
            self.failure = failure
            raise

    def _index(self, batch: pa.RecordBatch) -> pa.Array:
        if self._position is None:
            return pa.nulls(batch.num_rows, pa.int64())
        return healpix_index(batch.column(self._position.ra), batch.column(self._position.dec))


def _create_statement(relation: str, columns: Sequence[Column]) -> str:
    selected = [_stored(column) for column in columns]
    selected += [_quoted(HEALPIX_COLUMN), _quoted(ORDER_COLUMN)]
    return (
        f"CREATE TABLE {_quoted(relation)} AS SELECT {', '.join(selected)} FROM source "
        f"ORDER BY {_quoted(HEALPIX_COLUMN)} NULLS LAST, {_quoted(ORDER_COLUMN)}"
    )


def _stored(column: Column) -> str:
    name = _quoted(column.physical)
    value_type = column.field.type
    if value_type.datatype.is_floating and not value_type.is_array:
        return f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END AS {name}"
    return name


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def _mapped_errors(rows: _IndexedRows) -> Iterator[None]:
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        if rows.failure is not None:
            raise rows.failure from error
        text = str(error)
        if any(sign in text for sign in _DISK_FULL):
            raise StorageFull(NO_SPACE) from error
        raise TableNotWritten(f"the table could not be stored: {text}") from error
