"""Reader of HATS catalogues and collections: folders of Parquet files by HEALPix cell.

The main catalogue alone is read: margins repeat its rows. Its partitions come in the order of
their cells on the sky. The columns that older catalogues add for the partition (``Norder``,
``Dir``, ``Npix``) are left out; the index column (``_healpix_29``) is a column like others.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from registry.errors import UnreadableFile
from registry.formats.readers.base import BATCH_ROWS, FileColumn
from registry.formats.readers.hats_layout import hats_root, read_layout
from registry.formats.readers.parquet import ParquetTable

__all__ = ["HatsTable", "hats_root"]

_PARTITION_COLUMNS = ("Norder", "Dir", "Npix")


class HatsTable:
    """The rows of a HATS catalogue.

    Parameters
    ----------
    folder
        Of a collection or a catalogue.

    Raises
    ------
    UnreadableFile
        If it is incomplete, or not a catalogue of objects.
    """

    warnings: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        layout = read_layout(folder)
        self._name = layout.name
        self._expected_rows = layout.n_rows
        self._files = [partition.path for partition in layout.partitions]
        self._rows = 0
        schema: pa.Schema | None = None
        said: tuple[FileColumn, ...] = ()
        for path in self._files:
            with ParquetTable(path) as table:
                if schema is None:
                    schema, self.description = table.schema, table.description
                    said = table.columns
                elif not table.schema.equals(schema):
                    raise UnreadableFile(
                        f"{self._name!r} has partitions with different columns: {path.name!r} "
                        f"differs from {self._files[0].name!r}; import the catalogue again"
                    )
                self._rows += table.n_rows or 0
        self._kept = [i for i, c in enumerate(said) if not _is_partition_column(c)]
        self.columns: tuple[FileColumn, ...] = tuple(said[i] for i in self._kept)
        self._check_rows()

    @property
    def n_rows(self) -> int | None:
        """Number of rows of all partitions."""
        return self._rows

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Read the rows, partition by partition.

        Parameters
        ----------
        batch_rows
            Rows per batch at most.

        Raises
        ------
        UnreadableFile
            If a partition is damaged.
        """
        for path in self._files:
            with ParquetTable(path) as table:
                for batch in table.batches(batch_rows):
                    yield batch.select(self._kept)

    def close(self) -> None:
        """Do nothing: a partition is open only while it is read."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _check_rows(self) -> None:
        if self._expected_rows is not None and self._expected_rows != self._rows:
            raise UnreadableFile(
                f"{self._name!r} has {self._rows} rows, but its properties tell of "
                f"{self._expected_rows}: partitions are missing; transfer it again"
            )


def _is_partition_column(column: FileColumn) -> bool:
    return column.name in _PARTITION_COLUMNS and bool(pa.types.is_integer(column.type))
