"""Rows in the binary forms of VOTable, BINARY2 and BINARY.

A batch is encoded by column. Neighbouring columns of fixed width are packed into one
structured numpy array; these runs and the columns of variable length between them are then
joined row by row in Arrow, whose joined buffer is the byte stream of the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from registry.formats.writers.cells import VOTABLE_TEXT, ascii_text, cell_text
from registry.formats.writers.elements import (
    cell_lengths,
    cell_offsets,
    encoded_elements,
    padded_cells,
    text_bytes,
)
from registry.model.field import Datatype, Field, ValueType

__all__ = ["binary_fields", "packed_rows"]

PADDED_CHARACTERS = 512
"""Longest text that is filled up to a fixed width; a result of longer ones would grow too much."""

_COUNT = ">i4"
"""The number of elements before a value of variable length (VOTable 1.4, section 5.3)."""


def packed_rows(
    columns: Sequence[pa.Array], fields: Sequence[Field], *, null_flags: bool = True
) -> bytes:
    """Encode rows as BINARY2: null flags first, then the values, big-endian.

    Parameters
    ----------
    columns
        Columns of the fields' Arrow types, of equal length greater than 0.
    fields
        Their meaning, at least one.
    null_flags
        Whether the flags are there; without them the rows are those of BINARY.

    Notes
    -----
    VOTable 1.4, sections 5.3 and 5.4. A null of fixed width is NaN, ``?``, zero characters or the
    smallest integer beside its flag; one of variable length has no elements.
    """
    rows = len(columns[0])
    run: list[npt.NDArray[Any]] = [_null_flags(columns)] if null_flags else []
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


def binary_fields(fields: Sequence[Field]) -> list[Field]:
    """Give the fields as the binary forms declare them: text of a known bound has fixed width.

    Notes
    -----
    VOTable also has ``n*``, a count before at most ``n`` characters, but astropy up to 7.1 reads
    it as ``n`` and gives other rows without a word. All clients read fixed widths, filled up with
    zeros, and ``*``; only the former become columns of text that astropy saves as FITS.
    """
    return [replace(field, type=_binary_type(field.type)) for field in fields]


def _binary_type(value_type: ValueType) -> ValueType:
    if not value_type.datatype.is_text or value_type.length is not None:
        return value_type
    bound = value_type.bound
    # A size of 1 says nothing in VOTable (Erratum 3 of 1.3), and one character needs no padding.
    padded = bound is not None and 1 < bound <= PADDED_CHARACTERS
    size = str(bound) if padded else "*"
    return replace(value_type, arraysize=size)


def _has_count(value_type: ValueType) -> bool:
    """Whether the values are of variable length, as `votable` declares them."""
    listed = value_type.is_array or value_type.datatype.is_text
    return listed and value_type.length is None


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
        return encoded_elements(column, value_type.datatype)
    length = value_type.length or 0
    if value_type.datatype.is_text:
        letters, counts = _letters(column, value_type)
        if len(counts) and counts.max() > length:
            raise ValueError(f"a text has {counts.max()} characters where {length} were declared")
        return padded_cells(letters, counts, length, 0)
    elements = encoded_elements(column.flatten(), value_type.datatype)
    missing = encoded_elements(pa.nulls(1, value_type.arrow.value_type), value_type.datatype)[0]
    return padded_cells(elements, cell_lengths(column), length, missing)


def _variable(column: pa.Array, value_type: ValueType) -> tuple[pa.Array, npt.NDArray[Any]]:
    """Give the values of a column of variable length as bytes, and their numbers of elements."""
    if value_type.datatype.is_text:
        elements, counts = _letters(column, value_type)
    else:
        elements = encoded_elements(column.flatten(), value_type.datatype)
        counts = cell_lengths(column)
    offsets = cell_offsets(counts) * elements.itemsize
    return _binary(elements.view(np.uint8), offsets), counts.astype(_COUNT)


def _letters(
    column: pa.Array, value_type: ValueType
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Give the bytes of ``char`` or the units of ``unicodeChar`` end to end, and their numbers."""
    text = ascii_text(cell_text(column, value_type, VOTABLE_TEXT), value_type)
    data, counts = text_bytes(text)
    if value_type.datatype is not Datatype.UNICODE_CHAR:
        return data, counts
    data, counts = _utf16(data, counts)
    return data.view(">u2"), counts


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
    sums = cell_offsets(units)
    data = np.frombuffer(text.tobytes().decode("utf-8").encode("utf-16-be"), np.uint8)
    return data, np.diff(sums[cell_offsets(counts)])
