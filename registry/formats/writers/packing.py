"""Rows in the binary form of VOTable's BINARY2.

A batch is encoded by column. Neighbouring columns of fixed width are packed into one
structured numpy array; these runs and the columns of variable length between them are then
joined row by row in Arrow, whose joined buffer is the byte stream of the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from registry.formats.writers.cells import VOTABLE_TEXT, ascii_text, cell_text, missing_integer
from registry.model.field import Datatype, Field, ValueType

__all__ = ["packed_rows"]

_WIRE: dict[Datatype, str] = {
    Datatype.BOOLEAN: "u1",
    Datatype.UNSIGNED_BYTE: "u1",
    Datatype.SHORT: ">i2",
    Datatype.INT: ">i4",
    Datatype.LONG: ">i8",
    Datatype.FLOAT: ">f4",
    Datatype.DOUBLE: ">f8",
}
"""Form of one element (VOTable 1.4, section 6)."""

_COUNT = ">i4"
"""The number of elements before a value of variable length (VOTable 1.4, section 5.3)."""

_TRUTH = np.frombuffer(b"FT", np.uint8)

_UNKNOWN_TRUTH = ord("?")


def packed_rows(columns: Sequence[pa.Array], fields: Sequence[Field]) -> bytes:
    """Encode rows as BINARY2: null flags first, then the values, big-endian.

    Parameters
    ----------
    columns
        Columns of the fields' Arrow types, of equal length greater than 0.
    fields
        Their meaning, at least one.

    Notes
    -----
    VOTable 1.4, section 5.4. A null of fixed width is NaN, ``?``, zero characters or the
    smallest integer beside its flag; one of variable length has no elements.
    """
    rows = len(columns[0])
    run: list[npt.NDArray[Any]] = [_null_flags(columns)]
    parts: list[pa.Array] = []
    for column, field in zip(columns, fields, strict=True):
        if _has_count(field.type):
            payload, counts = _variable(column, field.type)
            run.append(counts)
            parts += [_packed(run, rows), payload]
            run = []
        else:
            run.append(_fixed(column, field.type))
    if run:
        parts.append(_packed(run, rows))
    return _joined(parts)


def _has_count(value_type: ValueType) -> bool:
    """Whether the values are of variable length, as `votable` declares them."""
    if value_type.datatype.is_text:
        return (
            value_type.datatype is Datatype.UNICODE_CHAR
            or value_type.is_timestamp
            or value_type.length is None
        )
    return value_type.is_array and value_type.length is None


def _null_flags(columns: Sequence[pa.Array]) -> npt.NDArray[np.uint8]:
    """Set one bit per column, most significant first, for every null; padded to bytes."""
    flags = np.zeros((len(columns[0]), (len(columns) + 7) // 8), np.uint8)
    for position, column in enumerate(columns):
        if column.null_count:
            nulls = column.is_null().to_numpy(zero_copy_only=False).view(np.uint8)
            flags[:, position // 8] |= nulls << (7 - position % 8)
    return flags


def _packed(run: list[npt.NDArray[Any]], rows: int) -> pa.Array:
    """Lay arrays of fixed width side by side, one binary value per row."""
    layout = np.dtype([(f"f{i}", part.dtype, part.shape[1:]) for i, part in enumerate(run)])
    table = np.empty(rows, layout)
    for position, part in enumerate(run):
        table[f"f{position}"] = part
    return _binary(table.view(np.uint8), np.arange(rows + 1, dtype=np.int64) * layout.itemsize)


def _binary(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> pa.Array:
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def _joined(parts: list[pa.Array]) -> bytes:
    rows = pc.binary_join_element_wise(*parts, pa.scalar(b"", pa.large_binary()))
    _, offsets, data = rows.buffers()
    bounds = memoryview(offsets).cast("q")
    return bytes(memoryview(data)[bounds[rows.offset] : bounds[rows.offset + len(rows)]])


def _fixed(column: pa.Array, value_type: ValueType) -> npt.NDArray[Any]:
    """Give the values of a column of fixed width: one element or one row of them per cell."""
    if not value_type.is_array and not value_type.datatype.is_text:
        return _elements(column, value_type.datatype)
    length = value_type.length or 0
    if value_type.datatype.is_text:
        data, counts = _text_bytes(ascii_text(column, value_type))
        return _padded(data, counts, length, 0)
    elements = _elements(column.flatten(), value_type.datatype)
    missing = _elements(pa.nulls(1, value_type.arrow.value_type), value_type.datatype)[0]
    return _padded(elements, _lengths(column), length, missing)


def _padded(
    elements: npt.NDArray[Any],
    counts: npt.NDArray[np.int64],
    length: int,
    missing: np.generic | int,
) -> npt.NDArray[Any]:
    """Bring cells to a common length: short ones and nulls are filled up, long ones cut."""
    if np.all(counts == length):
        return elements.reshape(len(counts), length)
    cells = np.full((len(counts), length), missing, elements.dtype)
    row = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(elements)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = place < length
    cells[row[kept], place[kept]] = elements[kept]
    return cells


def _variable(column: pa.Array, value_type: ValueType) -> tuple[pa.Array, npt.NDArray[Any]]:
    """Give the values of a column of variable length as bytes, and their numbers of elements."""
    if value_type.datatype.is_text:
        text = ascii_text(cell_text(column, value_type, VOTABLE_TEXT), value_type)
        data, counts = _text_bytes(text)
        if value_type.datatype is Datatype.UNICODE_CHAR:
            data, counts = _utf16(data, counts)
            width = 2
        else:
            width = 1
    else:
        elements = _elements(column.flatten(), value_type.datatype)
        data, counts, width = elements.view(np.uint8), _lengths(column), elements.itemsize
    return _binary(data, _offsets(counts) * width), counts.astype(_COUNT)


def _elements(values: pa.Array, datatype: Datatype) -> npt.NDArray[Any]:
    """Give numbers or truth values in their binary form, missing ones by their stand-in."""
    nulls = values.null_count > 0
    if datatype is Datatype.BOOLEAN:
        filled = values.fill_null(False) if nulls else values
        letters: npt.NDArray[Any] = _TRUTH[filled.to_numpy(zero_copy_only=False).view(np.uint8)]
        if nulls:
            letters[values.is_null().to_numpy(zero_copy_only=False)] = _UNKNOWN_TRUTH
        return letters
    if nulls:
        stand_in = float("nan") if datatype.is_floating else missing_integer(datatype)
        values = values.fill_null(pa.scalar(stand_in, values.type))
    numbers: npt.NDArray[Any] = values.to_numpy(zero_copy_only=False)
    encoded: npt.NDArray[Any] = numbers.astype(_WIRE[datatype])
    return encoded


def _lengths(column: pa.Array) -> npt.NDArray[np.int64]:
    """Count the elements of each array, 0 for a null."""
    counts = pc.fill_null(pc.list_value_length(column), 0)
    lengths: npt.NDArray[np.int64] = counts.to_numpy(zero_copy_only=False).astype(np.int64)
    return lengths


def _offsets(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Give the start of each cell and the end of the last, in elements."""
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def _text_bytes(column: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Give the UTF-8 bytes of a string column end to end and the bytes of each cell."""
    if column.null_count:
        column = column.fill_null("")
    _, offset_buffer, data = column.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[column.offset :][: len(column) + 1]
    if data is None:
        return np.zeros(0, np.uint8), np.zeros(len(column), np.int64)
    text = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
    return text, np.diff(offsets).astype(np.int64)


def _utf16(
    text: npt.NDArray[np.uint8], counts: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Turn UTF-8 into big-endian UTF-16, and bytes per cell into 16-bit units per cell.

    Notes
    -----
    VOTable names UCS-2; a character beyond it becomes two units (a surrogate pair), which
    astropy and STILTS read back as that character.
    """
    units = ((text & 0xC0) != 0x80).astype(np.int64) + (text >= 0xF0)
    sums = _offsets(units)
    data = np.frombuffer(text.tobytes().decode("utf-8").encode("utf-16-be"), np.uint8)
    return data, np.diff(sums[_offsets(counts)])
