"""The seam between products and the engine that holds their rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from registry.model.table import Column, Position, Storage
from registry.stores.quarantine import Quarantine

__all__ = ["HEALPIX_COLUMN", "ORDER_COLUMN", "StagedTable", "StoredFile", "TableStore"]

HEALPIX_COLUMN = "hpx"
"""Physical name of the hidden column with the HEALPix index; users' columns are ``c<n>``."""

ORDER_COLUMN = "_row"
"""Physical name of the hidden column with the position in the user's file, from 0."""


@dataclass(frozen=True, slots=True)
class StagedTable:
    """A table that is complete and safe on disk, but that nobody can see yet.

    Attributes
    ----------
    storage
        Where it will be after `TableStore.publish`.
    path
        Where it is now.
    n_rows
        Rows that were counted in.
    """

    storage: Storage
    path: Path
    n_rows: int


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A table file in the store.

    Attributes
    ----------
    name
        As in `Storage.file`.
    modified
        UTC.
    """

    name: str
    modified: datetime


class TableStore(Protocol):
    """Holds the rows of published tables under immutable names."""

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
        relation
            Physical name of the table, never given before (``t6_v1_5b0c9e17a2f4``).
        columns
            Columns in order; their physical names and types are those of the batches.
        batches
            Rows in file order, any number of them; each is taken once and not kept.
        folder
            Folder for the staged file and for temporary data, on the file system of the store.
        position
            The columns to index; rows are sorted by the index, nulls last, then by file order.

        Notes
        -----
        The table has two hidden columns beside those given: the HEALPix index of order 29
        (`HEALPIX_COLUMN`, null without a position) and the position in the file
        (`ORDER_COLUMN`, from 0). A floating NaN is stored as null, except inside arrays.

        Raises
        ------
        StorageFull
            If the disk is full; what was written is removed.
        RegistryError
            Whatever the batches raise.
        """
        ...

    def publish(self, staged: StagedTable) -> None:
        """Move a staged table to its immutable place, durably; nothing is ever overwritten.

        Raises
        ------
        StorageFull
            If the disk is full.
        """
        ...

    def drop(self, file: str) -> None:
        """Remove a table file that no query can use any more; a missing one is no error."""
        ...

    def files(self) -> Iterator[StoredFile]:
        """List all table files, published or orphaned."""
        ...

    def set_aside(self, file: str, quarantine: Quarantine, reason: str) -> None:
        """Move a table file that no record names to where no query looks.

        Raises
        ------
        StorageFull
            If the disk is full.
        FileNotFoundError
            If it is gone.
        """
        ...

    def drop_aside(self, file: str) -> None:
        """Remove a table that `set_aside` left in the database of the tables, for good."""
        ...

    def count(self, storage: Storage) -> int:
        """Read a whole table, and give the number of its rows.

        Raises
        ------
        TableDamaged
            If it is not there, or cannot be read to its end.
        """
        ...
