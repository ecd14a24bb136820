"""The seam between files and everything that reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import pyarrow as pa

from registry.formats.readers.options import DEFAULT_OPTIONS, ReadOptions
from registry.model.frame import UTC

__all__ = ["BATCH_ROWS", "FileColumn", "OpenedTable", "TableReader"]

BATCH_ROWS = 65_536
"""Rows per batch: some megabytes for usual tables, enough to work by column at full speed."""


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column as a file describes it.

    Attributes
    ----------
    name
        As spelt in the file.
    type
        Arrow type of the batches; dictionaries are decoded, extension types unwrapped.
    unit, ucd, utype, description
        What the file says, unchecked.
    frame
        Frame of a position or scale of a time that the file says, as `registry.model.frame`
        writes it.
    xtype
        Extended type that the file says of texts or arrays (``adql:POINT``, ``point``, ``uuid``),
        unchecked; moments have none, they are told by their type.
    """

    name: str
    type: pa.DataType
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    description: str | None = None
    frame: str | None = None
    xtype: str | None = None

    @property
    def stated_frame(self) -> str | None:
        """What the file says of frame or scale; moments with a zone are stored in UTC."""
        if self.frame is None and pa.types.is_timestamp(self.type) and self.type.tz is not None:
            return UTC
        return self.frame


class OpenedTable(Protocol):
    """A table in an open file; a context manager that closes it."""

    @property
    def columns(self) -> tuple[FileColumn, ...]:
        """Columns in file order; the names may repeat (the caller refuses that)."""
        ...

    @property
    def description(self) -> str | None:
        """What the file says about the table."""
        ...

    @property
    def n_rows(self) -> int | None:
        """Number of rows, where the file tells it without being read."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know of the reading: a change of shape, a part left out."""
        ...

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Read the rows in file order; may be called again to read once more.

        Parameters
        ----------
        batch_rows
            Rows per batch at most; a reader gives fewer where rows are long.

        Notes
        -----
        What the format or the file declares to mean "no value" comes as null; values that only
        people know to mean it (-99) come as they are.

        Raises
        ------
        UnreadableFile
            If the file turns out to be damaged, at any batch.
        """
        ...

    def close(self) -> None:
        """Release the file."""
        ...

    def __enter__(self) -> Self:
        """Give the table itself."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        ...


class TableReader(Protocol):
    """Reads one format."""

    @property
    def name(self) -> str:
        """Name of the format for people."""
        ...

    @property
    def options(self) -> frozenset[str]:
        """Names of the `ReadOptions` that mean something for this format."""
        ...

    def recognises(self, head: bytes, suffix: str) -> bool:
        """Tell whether a file is of this format.

        Parameters
        ----------
        head
            First bytes of the file, 4096 at most.
        suffix
            Lower-case suffix with its dot; a hint for formats without a signature.
        """
        ...

    def open(self, path: Path, options: ReadOptions = DEFAULT_OPTIONS) -> OpenedTable:
        """Open a file and read what it says about its columns.

        Parameters
        ----------
        path
            The file.
        options
            Which table of the file, where it holds several.

        Raises
        ------
        UnreadableFile
            If the file is damaged or holds no table that can be published.
        """
        ...
