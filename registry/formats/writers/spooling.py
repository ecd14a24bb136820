"""Rows on disk for formats that must know all of them before their first byte.

FITS and HDF5 state the number of rows and the width of text in front. The rows are kept in a
temporary file that has no name, so that nothing of it outlives the process.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from registry.durability import disk_errors
from registry.errors import StorageFull
from registry.formats.writers.cells import PLAIN_TEXT, cell_text
from registry.model.field import Field

__all__ = [
    "Extent",
    "Spool",
    "is_wasteful",
    "spare_integer",
    "spooled_schema",
    "temporary_disk",
    "text_columns",
]

MEMORY_BYTES = 8_000_000
"""Size up to which a spool stays in memory: one slice of a stream."""

FIXED_BYTES = 64_000_000
"""Size up to which a column of text always has a fixed width, which readers like best: astropy
needs memory with the square of the length for text in the heap of FITS."""

WASTE_FACTOR = 8
"""A larger one has it as long as that takes no more than so many times the bytes of its text."""

_SPARE_CANDIDATES = 65_536
"""Integers that are tried at once for one that a column lacks."""


class Extent:
    """What is known of a column after its last row.

    Attributes
    ----------
    nulls
        Whether a cell is null.
    gaps
        Whether an element of an array is missing.
    longest, shortest
        Bytes of text, or elements of an array, over the cells that are not null; 0 if none is.
    total
        Sum of these lengths.
    lowest, highest
        The extremes of integers, in cells or in arrays; absent if there is none.
    """

    def __init__(self) -> None:
        self.nulls = False
        self.gaps = False
        self.longest = 0
        self.total = 0
        self.lowest: int | None = None
        self.highest: int | None = None
        self._shortest: int | None = None

    @property
    def shortest(self) -> int:
        """Length of the shortest cell that is not null, 0 if there is none."""
        return self._shortest or 0

    def see(self, column: pa.Array) -> None:
        """Take note of further cells."""
        self.nulls = self.nulls or column.null_count > 0
        values = column
        if pa.types.is_list(column.type):
            self._see_lengths(pc.list_value_length(column))
            values = column.flatten()
            self.gaps = self.gaps or values.null_count > 0
        elif pa.types.is_string(column.type):
            self._see_lengths(pc.binary_length(column))
        if pa.types.is_integer(values.type):
            extremes = pc.min_max(values).as_py()
            if extremes["min"] is not None:
                self.lowest = min([extremes["min"], *_known(self.lowest)])
                self.highest = max([extremes["max"], *_known(self.highest)])

    def _see_lengths(self, lengths: pa.Array) -> None:
        extremes = pc.min_max(lengths).as_py()
        if extremes["min"] is None:
            return
        self.longest = max(self.longest, extremes["max"])
        self._shortest = min([extremes["min"], *_known(self._shortest)])
        self.total += pc.sum(lengths).as_py()


@contextmanager
def temporary_disk() -> Iterator[None]:
    """Turn the errors of a full disk of temporary files into `StorageFull`.

    Raises
    ------
    StorageFull
        If the disk is full.
    """
    try:
        with disk_errors():
            yield
    except StorageFull as error:
        raise StorageFull(
            "no space left for temporary files, in which this format is prepared; try later, ask"
            " for fewer rows, or take another format"
        ) from error


class Spool:
    """Batches that can be read again and again; a context manager that forgets them.

    Parameters
    ----------
    batches
        The rows; read to the end at once.
    schema
        Of the batches.

    Raises
    ------
    StorageFull
        If the disk of temporary files is full.
    """

    def __init__(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
        self.rows = 0
        self.extents = [Extent() for _ in schema]
        # no "with": the file lives as long as the spool
        self._file = tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115
        try:
            with (
                temporary_disk(),
                pa.ipc.new_stream(pa.PythonFile(self._file, "w"), schema) as writer,
            ):
                for batch in batches:
                    self.rows += batch.num_rows
                    for extent, column in zip(self.extents, batch.columns, strict=True):
                        extent.see(column)
                    writer.write_batch(batch)
        except BaseException:
            self._file.close()
            raise

    def batches(self, max_rows: int | None = None) -> Iterator[pa.RecordBatch]:
        """Read the rows once more.

        Parameters
        ----------
        max_rows
            Rows per batch at most.
        """
        self._file.seek(0)
        for batch in pa.ipc.open_stream(pa.PythonFile(self._file, "r")):
            step = max_rows or max(1, batch.num_rows)
            for start in range(0, batch.num_rows, step):
                yield batch.slice(start, step)

    def close(self) -> None:
        """Forget the rows."""
        self._file.close()

    def __enter__(self) -> Self:
        """Give the spool itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Forget the rows."""
        self.close()


def text_columns(
    batch: pa.RecordBatch, fields: Iterable[Field], clean: Callable[[pa.Array], pa.Array]
) -> pa.RecordBatch:
    """Turn timestamps into ISO text and text into what the format can hold."""
    columns = []
    for column, field in zip(batch.columns, fields, strict=True):
        if field.type.is_timestamp:
            columns.append(cell_text(column, field.type, PLAIN_TEXT))
        else:
            columns.append(clean(column) if field.type.is_text else column)
    return pa.RecordBatch.from_arrays(columns, names=[str(i) for i in range(len(columns))])


def spooled_schema(fields: Iterable[Field]) -> pa.Schema:
    """Give the schema of what `text_columns` makes."""
    return pa.schema(
        [
            (str(i), pa.string() if field.type.is_timestamp else field.type.arrow)
            for i, field in enumerate(fields)
        ]
    )


def is_wasteful(extent: Extent, rows: int) -> bool:
    """Tell whether text of a fixed width would be mostly padding: one novel among short names."""
    fixed_bytes = extent.longest * rows
    return fixed_bytes > max(FIXED_BYTES, WASTE_FACTOR * extent.total)


def spare_integer(spool: Spool, position: int, kind: pa.DataType) -> int | None:
    """Find an integer of a type that does not occur in a column, to stand for its nulls.

    Parameters
    ----------
    spool
        The rows.
    position
        Of the column.
    kind
        Type of its integers.

    Returns
    -------
    int | None
        The end of the range that readers expect where it is free (the smallest, or 255);
        otherwise another; absent if every value of the type occurs.
    """
    extent = spool.extents[position]
    limits = np.iinfo(kind.to_pandas_dtype())
    low, high = int(limits.min), int(limits.max)
    if kind == pa.uint8() and (extent.highest is None or extent.highest < high):
        return high
    if extent.lowest is None or extent.lowest > low:
        return low
    if extent.highest is not None and extent.highest < high:
        return high
    for start in range(low, high + 1, _SPARE_CANDIDATES):
        free = _absent(spool, position, start, min(high + 1, start + _SPARE_CANDIDATES))
        if len(free):
            return start + int(free[0])
    return None


def _absent(spool: Spool, position: int, start: int, stop: int) -> npt.NDArray[np.intp]:
    """Give which of the integers from `start` to before `stop` are missing, from 0."""
    absent = np.ones(stop - start, bool)
    for batch in spool.batches():
        column = batch.column(position)
        values = column.flatten() if pa.types.is_list(column.type) else column
        numbers = values.drop_null().to_numpy()
        found = numbers[(numbers >= start) & (numbers <= stop - 1)]
        absent[found.astype(np.int64) - start] = False
    return np.flatnonzero(absent)


def _known(value: int | None) -> tuple[int, ...]:
    return () if value is None else (value,)
