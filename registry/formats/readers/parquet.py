"""Reader of Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from registry.errors import UnreadableFile
from registry.formats.readers.base import BATCH_ROWS, FileColumn
from registry.formats.readers.voparquet import FileMetadata, file_metadata

__all__ = ["ParquetReader", "ParquetTable"]

_MAGIC = b"PAR1"

_BATCH_BYTES = 64 * 1024 * 1024
"""Bytes that a batch aims at: wide tables and long arrays come with fewer rows per batch."""

_MIN_BATCH_ROWS = 64


class ParquetReader:
    """Recognises and opens Parquet files."""

    name = "Parquet"

    def recognises(self, head: bytes, suffix: str) -> bool:  # noqa: ARG002 - the signature decides
        """Tell whether a file starts as Parquet does."""
        return head.startswith(_MAGIC)

    def open(self, path: Path) -> ParquetTable:
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
            self._file = pq.ParquetFile(path, memory_map=True)
        self._path = path
        self._schema = _decoded_schema(self._file.schema_arrow)
        metadata = file_metadata(self._file.schema_arrow)
        self.columns = tuple(_file_column(field, metadata) for field in self._schema)
        self.description = metadata.description

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
        with _readable(self._path):
            for batch in self._file.iter_batches(min(batch_rows, fitting_rows)):
                yield _decoded(batch, self._schema)

    def _row_bytes(self) -> int:
        metadata = self._file.metadata
        groups = range(metadata.num_row_groups)
        encoded: int = sum(metadata.row_group(group).total_byte_size for group in groups)
        # Encoded pages may be much smaller than the values that they stand for.
        n_rows: int = max(1, metadata.num_rows)
        return max(8 * len(self._schema), encoded // n_rows, 1)

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


def _file_column(field: pa.Field, metadata: FileMetadata) -> FileColumn:
    said = metadata.columns.get(field.name)
    if said is None:
        return FileColumn(field.name, field.type)
    return FileColumn(field.name, field.type, said.unit, said.ucd, said.utype, said.description)


def _decoded_schema(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(field.name, _decoded_type(field.type)) for field in schema])


def _decoded_type(arrow: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(arrow):
        return _decoded_type(arrow.value_type)
    if isinstance(arrow, pa.BaseExtensionType):
        return _decoded_type(arrow.storage_type)
    return arrow


def _decoded(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    arrays = []
    for array, field in zip(batch.columns, schema, strict=True):
        plain = array.storage if isinstance(array, pa.ExtensionArray) else array
        if pa.types.is_dictionary(plain.type):
            plain = plain.dictionary_decode()
        arrays.append(plain if plain.type == field.type else plain.cast(field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableFile(
            f"{path.name!r} is a damaged Parquet file ({first}); write or transfer it again"
        ) from error
