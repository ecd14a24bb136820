"""Columns of binary tables (FITS 4.0, section 7.3)."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from registry.formats.readers.fits_column import Bytes, FitsColumn, Heap, Keywords, texts

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["BinaryColumn", "binary_columns"]

_TFORM = re.compile(r"(\d*)([LXBIJKAEDCMPQ])(.*)")
_VARIABLE = re.compile(r"([LXBIJKAEDCM])(?:\(\d*\))?.*")

_BYTES = {"L": 1, "B": 1, "A": 1, "I": 2, "J": 4, "K": 8, "E": 4, "D": 8, "C": 8, "M": 16}
_BYTES |= {"P": 8, "Q": 16}
"""Bytes of an element (table 18 of the standard); a bit has its own rule."""

_NUMPY = {"B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_NUMPY |= {"C": ">f4", "M": ">f8"}

_ARROW = {"B": pa.uint8(), "I": pa.int16(), "J": pa.int32(), "K": pa.int64()}
_ARROW |= {"E": pa.float32(), "D": pa.float64(), "C": pa.float32(), "M": pa.float64()}
_ARROW |= {"L": pa.bool_(), "X": pa.bool_(), "A": pa.string()}

_OTHER_SIGN = {
    ("B", -128): pa.int8(),
    ("I", 2**15): pa.uint16(),
    ("J", 2**31): pa.uint32(),
    ("K", 2**63): pa.uint64(),
}
"""Values of TZERO that mean the other signedness (table 19)."""


def binary_columns(header: Header) -> list[FitsColumn]:
    """Read the descriptions of the columns of a binary table.

    Raises
    ------
    ValueError
        If a format is none of the standard's, or the columns do not fill the row.
    """
    columns: list[BinaryColumn] = []
    offset = 0
    for number in range(1, int(header["TFIELDS"]) + 1):
        column = BinaryColumn(Keywords(header, number), offset)
        offset += column.row_bytes
        columns.append(column)
    if offset != int(header["NAXIS1"]):
        raise ValueError(f"its columns have {offset} bytes, but NAXIS1 is {header['NAXIS1']}")
    empty = [column.name for column in columns if column.row_bytes == 0]
    kept = [column for column in columns if column.row_bytes]
    if empty and kept:
        listed = ", ".join(map(repr, empty[:10]))
        kept[0].warnings.append(f"columns without any data are left out: {listed}")
    return [*kept]


class BinaryColumn:
    """A column of a binary table.

    Parameters
    ----------
    keywords
        Of the column.
    offset
        Of its first byte in a row.
    """

    def __init__(self, keywords: Keywords, offset: int) -> None:
        self.name, self.description = keywords.name, keywords.description
        self.unit, self.ucd, self.utype = map(keywords.text, ("TUNIT", "TUCD", "TUTYP"))
        self.xtype = keywords.text("TXTYP")
        self.warnings: list[str] = []
        form = keywords.text("TFORM") or ""
        match = _TFORM.fullmatch(form.upper())
        if match is None:
            raise ValueError(f"TFORM{keywords.number} is {form!r}")
        self._repeat = int(match[1] or 1)
        self._code, rest = match[2], match[3]
        self._pointer = ""
        if self._code in "PQ":
            variable = _VARIABLE.fullmatch(rest)
            if variable is None or self._repeat > 1:
                raise ValueError(f"TFORM{keywords.number} is {form!r}")
            self._pointer, self._code = self._code, variable[1]
        self._offset = offset
        self.row_bytes = self._width(self._pointer or self._code, self._repeat)
        self._null = self._declared_null(keywords)
        self._scale = keywords.number_of("TSCAL", 1)
        self._zero = keywords.number_of("TZERO", 0)
        self._element = self._element_type()
        self._shape(keywords, rest)
        self.type = self._column_type()

    def read(self, rows: Bytes, heap: Heap) -> pa.Array:
        """Read the values of some rows."""
        cells = rows[:, self._offset : self._offset + self.row_bytes]
        if self._pointer:
            return self._variable(cells, heap)
        if self._code == "A":
            if self._strings == 1:
                return texts(cells, self.row_bytes)
            length = self.row_bytes // self._strings
            used = np.ascontiguousarray(cells[:, : length * self._strings])
            return pa.FixedSizeListArray.from_arrays(
                texts(used.reshape(-1, length), length), self._strings
            )
        values = self._values(np.ascontiguousarray(cells), self._repeat)
        if pa.types.is_fixed_size_list(self.type):
            return pa.FixedSizeListArray.from_arrays(values, self.type.list_size)
        return values

    def _element_type(self) -> pa.DataType:
        if self._code not in "BIJKED" or (self._scale, self._zero) == (1, 0):
            return _ARROW[self._code]
        if self._scale == 1 and (self._code, self._zero) in _OTHER_SIGN:
            return _OTHER_SIGN[(self._code, int(self._zero))]
        return pa.float64()

    def _column_type(self) -> pa.DataType:
        if self._pointer:
            return pa.string() if self._code == "A" else pa.list_(self._element)
        if self._code == "A":
            return pa.string() if self._strings == 1 else pa.list_(pa.string(), self._strings)
        count = self._repeat * (2 if self._code in "CM" else 1)
        return self._element if count == 1 else pa.list_(self._element, count)

    def _declared_null(self, keywords: Keywords) -> int | None:
        if self._code not in "BIJK" or f"TNULL{keywords.number}" not in keywords.header:
            return None
        return int(keywords.number_of("TNULL", 0))

    def _shape(self, keywords: Keywords, rest: str) -> None:
        dimensions = [int(d) for d in re.findall(r"\d+", keywords.text("TDIM") or "")]
        self._strings = 1
        if self._code == "A" and not self._pointer:
            width = int(rest) if rest.isdecimal() else 0
            length = dimensions[0] if len(dimensions) > 1 else width
            if 0 < length < self._repeat:
                self._strings = self._repeat // length
        elif len(dimensions) > 1 and math.prod(dimensions) == self._repeat and not self._pointer:
            shape = "x".join(map(str, reversed(dimensions)))
            self.warnings.append(
                f"column {self.name!r}: arrays of {shape} become flat ones of {self._repeat}, the "
                "last index running fastest"
            )
        if self._code in "CM":
            self.warnings.append(
                f"column {self.name!r}: complex numbers become pairs (real, imaginary)"
            )

    def _variable(self, cells: Bytes, heap: Heap) -> pa.Array:
        dtype = ">i4" if self._pointer == "P" else ">i8"
        pointers = np.ascontiguousarray(cells).view(dtype).astype(np.int64)
        counts, starts = pointers[:, 0], pointers[:, 1]
        widths = np.array([self._width(self._code, int(n)) for n in counts], np.int64)
        ends = starts + widths
        used = widths > 0
        if np.any(counts < 0) or np.any(used & ((starts < 0) | (ends > len(heap.data)))):
            raise ValueError(f"an array of column {self.name!r} lies outside of the heap")
        parts = [heap.data[s:e] for s, e in zip(starts[used], ends[used], strict=True)]
        if self._code == "A":
            found = [
                bytes(heap.data[s:e]) if e > s else b"" for s, e in zip(starts, ends, strict=True)
            ]
            return pa.array([_heap_text(value) for value in found], pa.string())
        if self._code == "X":
            bits = [
                np.unpackbits(heap.data[s:e])[:n]
                for s, e, n in zip(starts, ends, counts, strict=True)
            ]
            flat = np.concatenate(bits) if bits else np.empty(0, np.uint8)
            values = pa.array(flat.astype(bool))
        else:
            data = np.concatenate(parts) if parts else np.empty(0, np.uint8)
            values = self._values(data.reshape(1, -1), int(counts.sum()))
        factor = 2 if self._code in "CM" else 1
        offsets = np.concatenate([[0], np.cumsum(counts * factor)])
        return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values)

    def _values(self, cells: Bytes, repeat: int) -> pa.Array:
        """Read elements from contiguous bytes, row after row."""
        if self._code == "L":
            letters = cells.reshape(-1)
            true = (letters == ord("T")) | (letters == 1)
            return pa.array(true, mask=~(true | (letters == ord("F"))))
        if self._code == "X":
            return pa.array(np.unpackbits(cells, axis=1)[:, :repeat].reshape(-1).astype(bool))
        raw = cells.reshape(-1).view(_NUMPY[self._code])
        mask = None if self._null is None else raw == self._null
        return pa.array(self._scaled(raw), self._element, mask=mask)

    def _scaled(self, raw: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        native = raw.astype(raw.dtype.newbyteorder("="))
        if self._code not in "BIJKED" or (self._scale, self._zero) == (1, 0):
            return native
        if self._element in _OTHER_SIGN.values():
            bits = native.dtype.itemsize * 8
            unsigned = native.view(f"u{native.dtype.itemsize}")
            flipped = unsigned ^ unsigned.dtype.type(1 << (bits - 1))
            return np.asarray(flipped.view("i1")) if self._code == "B" else flipped
        return native.astype(np.float64) * float(self._scale) + float(self._zero)

    @staticmethod
    def _width(code: str, count: int) -> int:
        return (count + 7) // 8 if code == "X" else _BYTES[code] * count


def _heap_text(value: bytes) -> str | None:
    if value.startswith(b"\0"):
        return None
    ended = value.split(b"\0", 1)[0].rstrip(b" ")
    try:
        return ended.decode("utf-8")
    except UnicodeDecodeError:
        return ended.decode("latin-1")
