"""Cells as arrays of numpy: the binary forms that VOTable and FITS share, big-endian."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from registry.formats.writers.cells import missing_integer
from registry.model.field import Datatype

__all__ = ["cell_lengths", "cell_offsets", "encoded_elements", "padded_cells", "text_bytes"]

_WIRE: dict[Datatype, str] = {
    Datatype.BOOLEAN: "u1",
    Datatype.UNSIGNED_BYTE: "u1",
    Datatype.SHORT: ">i2",
    Datatype.INT: ">i4",
    Datatype.LONG: ">i8",
    Datatype.FLOAT: ">f4",
    Datatype.DOUBLE: ">f8",
}
"""Form of one element (VOTable 1.4, section 6; FITS 4.0, table 18)."""

_TRUTH = np.frombuffer(b"FT", np.uint8)


def encoded_elements(
    values: pa.Array, datatype: Datatype, *, null: int | None = None, unknown: bytes = b"?"
) -> npt.NDArray[Any]:
    """Give numbers or truth values in their binary form, missing ones by their stand-in.

    Parameters
    ----------
    values
        Not nested.
    datatype
        Decides the form.
    null
        Stands for a missing integer; `missing_integer` when absent.
    unknown
        Stands for a missing truth value, one byte.
    """
    nulls = values.null_count > 0
    if datatype is Datatype.BOOLEAN:
        filled = values.fill_null(False) if nulls else values
        letters: npt.NDArray[Any] = _TRUTH[filled.to_numpy(zero_copy_only=False).view(np.uint8)]
        if nulls:
            letters[values.is_null().to_numpy(zero_copy_only=False)] = unknown[0]
        return letters
    if nulls:
        stand_in = float("nan") if datatype.is_floating else null
        if stand_in is None:
            stand_in = missing_integer(datatype)
        values = values.fill_null(pa.scalar(stand_in, values.type))
    numbers: npt.NDArray[Any] = values.to_numpy(zero_copy_only=False)
    encoded: npt.NDArray[Any] = numbers.astype(_WIRE[datatype])
    return encoded


def cell_lengths(column: pa.Array) -> npt.NDArray[np.int64]:
    """Count the elements of each array, 0 for a null."""
    counts = pc.fill_null(pc.list_value_length(column), 0)
    numbers: npt.NDArray[np.int64] = counts.to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers


def cell_offsets(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Give the start of each cell and the end of the last, in elements."""
    starts = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts


def text_bytes(column: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Give the UTF-8 bytes of a string column end to end and the bytes of each cell."""
    if column.null_count:
        column = column.fill_null("")
    _, offset_buffer, data = column.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[column.offset :][: len(column) + 1]
    if data is None:
        return np.zeros(0, np.uint8), np.zeros(len(column), np.int64)
    text = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
    return text, np.diff(offsets).astype(np.int64)


def padded_cells(
    values: npt.NDArray[Any],
    counts: npt.NDArray[np.int64],
    length: int,
    missing: np.generic | int,
) -> npt.NDArray[Any]:
    """Bring cells to a common length: short ones and nulls are filled up, long ones cut.

    Parameters
    ----------
    values
        Elements of all cells end to end.
    counts
        Elements of each cell.
    length
        Elements of each cell that is returned.
    missing
        What short cells are filled with.
    """
    if np.all(counts == length):
        return values.reshape(len(counts), length)
    cells = np.full((len(counts), length), missing, values.dtype)
    row = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(values)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = place < length
    cells[row[kept], place[kept]] = values[kept]
    return cells
