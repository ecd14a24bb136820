"""Reader of Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa

from registry.errors import UnreadableFile
from registry.formats.readers.base import BATCH_ROWS, FileColumn
from registry.formats.readers.options import DEFAULT_OPTIONS, ReadOptions
from registry.formats.readers.pandas_index import has_index, index_notes, named_range
from registry.formats.readers.plain_arrow import plain_batch, plain_schema
from registry.formats.readers.voparquet import file_metadata

__all__ = ["ParquetReader", "ParquetTable"]

_MAGIC = b"PAR1"

_BATCH_BYTES = 64 * 1024 * 1024
"""Bytes that a batch aims at: wide tables and long arrays come with fewer rows per batch."""

_MIN_BATCH_ROWS = 64


class ParquetReader:
    """Recognises and opens Parquet files."""

    name = "Parquet"
    options: frozenset[str] = frozenset()

    def recognises(self, head: bytes, suffix: str) -> bool:  # noqa: ARG002 - the signature decides
        """Tell whether a file starts as Parquet does."""
        return head.startswith(_MAGIC)

    def open(
        self,
        path: Path,
        options: ReadOptions = DEFAULT_OPTIONS,  # noqa: ARG002 - there is nothing to choose
    ) -> ParquetTable:
        """Open a file and read its footer.

        Raises
        ------
        UnreadableFile
            If the footer is missing or damaged, as in a file whose transfer broke off.
        """
        return ParquetTable(path)


class ParquetTable:
    """A Parquet file; the columns of HATS and of pandas' index are columns like others.

    Parameters
    ----------
    path
        The file; it stays open until `close`.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as handle:
            handle.seek(-min(4, path.stat().st_size), 2)
            if handle.read(4) != _MAGIC:
                raise UnreadableFile(
                    f"{path.name!r} is a Parquet file without its end: it is cut off or still "
                    "being written; transfer it again"
                )
        with _readable(path):
            # Here, since it takes as long to import as all readers together.
            from pyarrow.parquet import ParquetFile

            self._file = ParquetFile(path, memory_map=True)
        self._path = path
        self._refuse_summary()
        said = self._file.schema_arrow
        self.warnings: tuple[str, ...] = index_notes(said)
        self._stored: pa.Schema = plain_schema(said)
        self._range = named_range(said, self._file.metadata.num_rows)
        first = [] if self._range is None else [pa.field(self._range.name, pa.int64())]
        self.schema = pa.schema([*first, *self._stored])
        metadata = file_metadata(said)
        self.columns = tuple(
            FileColumn(field.name, field.type, *metadata.said_of(field.name))
            for field in self.schema
        )
        self.description = metadata.description

        self.layout = {
            "is_plain": not has_index(said) and not any(_is_object(f.type) for f in self.schema)
        }

    @property
    def n_rows(self) -> int | None:
        """Number of rows, from the footer."""
        rows: int = self._file.metadata.num_rows
        return rows

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Read the rows in file order, with dictionaries decoded.

        Parameters
        ----------
        batch_rows
            Rows per batch at most.

        Raises
        ------
        UnreadableFile
            If a data page is damaged.
        """
        fitting_rows = max(_MIN_BATCH_ROWS, _BATCH_BYTES // self._row_bytes())
        stored = self._file.iter_batches(min(batch_rows, fitting_rows))
        with _readable(self._path):
            plain = (plain_batch(batch, self._stored) for batch in stored)
            yield from plain if self._range is None else self._range.before(plain, self.schema)

    def _refuse_summary(self) -> None:
        metadata = self._file.metadata
        if metadata.num_row_groups and metadata.num_columns:
            rows_in = metadata.row_group(0).column(0).file_path
            if rows_in:
                self._file.close()
                raise UnreadableFile(
                    f"{self._path.name!r} is the summary of several Parquet files, whose rows are "
                    f"in others ({rows_in!r} ...); publish the folder of the catalogue"
                )

    def _row_bytes(self) -> int:
        metadata = self._file.metadata
        groups = range(metadata.num_row_groups)
        encoded: int = sum(metadata.row_group(group).total_byte_size for group in groups)
        # Encoded pages may be much smaller than the values that they stand for.
        n_rows: int = max(1, metadata.num_rows)
        return max(8 * len(self.schema), encoded // n_rows, 1)

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _is_object(kind: pa.DataType) -> bool:
    """Tell whether values are objects in pandas, of which tables_io makes columns of two axes."""
    if pa.types.is_fixed_size_list(kind):
        return _is_object(kind.value_type)
    return not (pa.types.is_primitive(kind) and kind.to_pandas_dtype() is not np.object_)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        # Arrow's is an ArrowException as well, but tells nothing of the file.
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableFile(
            f"{path.name!r} is a damaged Parquet file ({first}); write or transfer it again"
        ) from error
