"""Columns of a FITS binary table: their declared form and their bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from registry.formats.writers.cells import missing_integer
from registry.formats.writers.elements import (
    cell_lengths,
    cell_offsets,
    encoded_elements,
    padded_cells,
    text_bytes,
)
from registry.formats.writers.spooling import Spool, is_wasteful, spare_integer
from registry.model.field import Datatype, Field, ValueType

__all__ = ["FitsColumn", "fits_columns", "fits_text", "heap_pieces", "table_pieces"]

_CODES: dict[Datatype, tuple[str, int]] = {
    Datatype.BOOLEAN: ("L", 1),
    Datatype.UNSIGNED_BYTE: ("B", 1),
    Datatype.SHORT: ("I", 2),
    Datatype.INT: ("J", 4),
    Datatype.LONG: ("K", 8),
    Datatype.FLOAT: ("E", 4),
    Datatype.DOUBLE: ("D", 8),
    Datatype.CHAR: ("A", 1),
    Datatype.UNICODE_CHAR: ("A", 1),
}
"""Letter of TFORM and bytes of an element (FITS 4.0, table 18)."""

_WIDER = {
    Datatype.UNSIGNED_BYTE: Datatype.SHORT,
    Datatype.SHORT: Datatype.INT,
    Datatype.INT: Datatype.LONG,
}

_HEAP_LIMIT_BYTES = 2**31
"""Offsets of P descriptors are 32-bit; a larger heap has Q descriptors (FITS 4.0, 7.3.5)."""


@dataclass(frozen=True, slots=True)
class FitsColumn:
    """One column as the file declares it.

    Attributes
    ----------
    field
        Its name and meaning.
    datatype
        Of its elements; wider than the field's where no value was left to stand for null.
    width
        Elements of a cell in the table, characters of text; absent where they are in the heap.
    longest
        Elements of the longest cell.
    null
        Value of TNULL, absent where nothing is null.
    descriptor
        ``P`` or ``Q``, for cells in the heap.
    """

    field: Field
    datatype: Datatype
    width: int | None
    longest: int
    null: int | None = None
    descriptor: str = "P"

    @property
    def tform(self) -> str:
        """Value of TFORM."""
        code = _CODES[self.datatype][0]
        if self.width is None:
            return f"1{self.descriptor}{code}({self.longest})"
        listed = self.datatype.is_text or self.field.type.is_array
        return f"{self.width}{code}" if listed else code

    @property
    def layout(self) -> tuple[str, tuple[int, ...]]:
        """Form of a cell in the table for numpy, and its shape."""
        if self.width is None:
            return (">i4" if self.descriptor == "P" else ">i8"), (2,)
        size = _CODES[self.datatype][1]
        wire = "u1" if size == 1 else f">{'f' if self.datatype.is_floating else 'i'}{size}"
        listed = self.datatype.is_text or self.field.type.is_array
        return wire, (self.width,) if listed else ()

    @property
    def size_bytes(self) -> int:
        """Bytes of a cell in the table."""
        wire, shape = self.layout
        return int(np.dtype((wire, shape)).itemsize)

    @property
    def element(self) -> pa.DataType:
        """Arrow type of an element, of a byte for text."""
        return pa.uint8() if self.datatype.is_text else ValueType(self.datatype).arrow

    def values(self, column: pa.Array) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        """Give the elements of text or arrays end to end, and the number in each cell."""
        if self.datatype.is_text:
            return text_bytes(column)
        return self._encoded(column.flatten()), cell_lengths(column)

    def cells(self, column: pa.Array) -> npt.NDArray[Any]:
        """Give the cells of a column that is not in the heap."""
        if self.datatype.is_text:
            return padded_cells(*self.values(column), self.width or 0, 0)
        if not self.field.type.is_array:
            return self._encoded(column)
        missing = self._encoded(pa.nulls(1, self.element))[0]
        return padded_cells(*self.values(column), self.width or 0, missing)

    def _encoded(self, values: pa.Array) -> npt.NDArray[Any]:
        if values.type != self.element:
            values = values.cast(self.element)
        return encoded_elements(values, self.datatype, null=self.null, unknown=b"\0")


def fits_columns(fields: Sequence[Field], spool: Spool) -> tuple[list[FitsColumn], int]:
    """Decide the form of every column, and give the bytes of the heap.

    Parameters
    ----------
    fields
        The columns, with the names that they have in the file.
    spool
        Their rows, with text as it is written.
    """
    columns = [_column(field, spool, position) for position, field in enumerate(fields)]
    heap_bytes = sum(
        spool.extents[position].total * _CODES[column.datatype][1]
        for position, column in enumerate(columns)
        if column.width is None
    )
    if heap_bytes >= _HEAP_LIMIT_BYTES:
        columns = [replace(column, descriptor="Q") for column in columns]
    return columns, heap_bytes


def fits_text(column: pa.Array) -> pa.Array:
    """Bring text to printable ASCII: tab and line break to a blank, others to ``?``.

    Notes
    -----
    FITS 4.0, section 7.3.3.1: the characters of a string are restricted to 0x20 to 0x7E.
    """
    if pc.any(pc.match_substring_regex(column, r"[\t\r\n]")).as_py():
        column = pc.replace_substring_regex(column, r"\r\n|[\t\r\n]", " ")
    if pc.any(pc.match_substring_regex(column, r"[^ -~]")).as_py():
        column = pc.replace_substring_regex(column, r"[^ -~]", "?")
    return column


def table_pieces(columns: Sequence[FitsColumn], spool: Spool, piece_bytes: int) -> Iterator[bytes]:
    """Encode the rows without the heap, in pieces of about `piece_bytes`."""
    layout = np.dtype([(f"f{i}", *column.layout) for i, column in enumerate(columns)])
    heap_offset = 0
    for batch in spool.batches(max(1, piece_bytes // layout.itemsize)):
        table = np.empty(batch.num_rows, layout)
        for i, column in enumerate(columns):
            if column.width is not None:
                table[f"f{i}"] = column.cells(batch.column(i))
                continue
            values, counts = column.values(batch.column(i))
            starts = heap_offset + cell_offsets(counts) * values.itemsize
            table[f"f{i}"][:, 0] = counts
            table[f"f{i}"][:, 1] = starts[:-1]
            heap_offset = int(starts[-1])
        yield table.tobytes()


def heap_pieces(columns: Sequence[FitsColumn], spool: Spool, piece_bytes: int) -> Iterator[bytes]:
    """Encode the cells of variable length in the order in which `table_pieces` counts them."""
    layout = np.dtype([(f"f{i}", *column.layout) for i, column in enumerate(columns)])
    for batch in spool.batches(max(1, piece_bytes // layout.itemsize)):
        for i, column in enumerate(columns):
            if column.width is None:
                values, _ = column.values(batch.column(i))
                yield values.tobytes()


def _column(field: Field, spool: Spool, position: int) -> FitsColumn:
    extent = spool.extents[position]
    datatype, null = field.type.datatype, None
    if datatype.is_text:
        heaped = is_wasteful(extent, spool.rows)
        return FitsColumn(
            field, datatype, None if heaped else max(1, extent.longest), extent.longest
        )
    width: int | None = 1
    if field.type.is_array:
        width = field.type.length
        if width is None and extent.longest == extent.shortest > 0:
            width = extent.longest
    if datatype.is_integer and (extent.gaps or (extent.nulls and width is not None)):
        datatype, null = _with_null(datatype, spool, position)
    return FitsColumn(field, datatype, width, extent.longest, null)


def _with_null(datatype: Datatype, spool: Spool, position: int) -> tuple[Datatype, int]:
    """Choose the value for TNULL, in a wider type if every value of the narrow one occurs."""
    null = spare_integer(spool, position, ValueType(datatype).arrow)
    if null is not None:
        return datatype, null
    wider = _WIDER[datatype]
    return wider, missing_integer(wider)
