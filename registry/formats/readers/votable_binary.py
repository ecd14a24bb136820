"""Rows of BINARY and BINARY2 (VOTable 1.4, sections 5.3 and 5.4)."""

from __future__ import annotations

import binascii
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from registry.formats.readers.votable_document import DataEvents
from registry.formats.readers.votable_field import VotableField

__all__ = ["BinaryRows"]

_Bytes = npt.NDArray[np.uint8]
_Index = npt.NDArray[np.int64]


class BinaryRows:
    """Collects bytes of a STREAM and turns them into batches.

    Parameters
    ----------
    fields
        Of the table.
    has_flags
        Whether each row begins with its null flags (BINARY2).
    """

    def __init__(self, fields: list[VotableField], has_flags: bool) -> None:
        self._fields = fields
        self._flags = (len(fields) + 7) // 8 if has_flags else 0
        self._text = ""
        self._data = b""
        self._used = 0
        self._starts: list[list[int]] = []
        self._fixed = [None if f.is_variable else _fixed_bytes(f) for f in fields]

    @property
    def complete(self) -> int:
        """Number of rows that can be taken."""
        return len(self._starts)

    def feed(self, events: DataEvents) -> None:
        """Take more of the document."""
        text = DataEvents.base64_text(self._text, events)
        whole = len(text) - len(text) % 4
        self._text = text[whole:]
        self._data += binascii.a2b_base64(text[:whole])
        self._walk()

    def finish(self) -> None:
        """Check that the data end with a row.

        Raises
        ------
        ValueError
            If they do not.
        """
        if self._text or self._used < len(self._data):
            raise ValueError("its data end within a row")

    def take(self, count: int) -> pa.RecordBatch:
        """Give the next rows.

        Raises
        ------
        ValueError
            If a value is none of its type.
        """
        rows = np.array(self._starts[:count], np.int64).reshape(-1, 1 + len(self._fields))
        data = np.frombuffer(self._data, np.uint8)
        nulls = self._null_flags(data, rows[:, 0])
        arrays = [
            _column(_cells(field, data, rows[:, index + 1], nulls[:, index]), bool(self._flags))
            for index, field in enumerate(self._fields)
        ]
        self._drop(count)
        return pa.RecordBatch.from_arrays(arrays, names=[f"c{i}" for i in range(len(arrays))])

    def _walk(self) -> None:
        """Find where the rows and their values begin."""
        data, size = self._data, len(self._data)
        plan = [
            (fixed, 0) if fixed is not None else (None, field.width)
            for field, fixed in zip(self._fields, self._fixed, strict=True)
        ]
        bits = {i for i, f in enumerate(self._fields) if f.datatype == "bit"}
        if all(fixed is not None for fixed in self._fixed):
            self._walk_fixed(size)
            return
        while True:
            offset = self._used + self._flags
            starts = [self._used]
            for index, (fixed, width) in enumerate(plan):
                starts.append(offset)
                if fixed is not None:
                    offset += fixed
                    continue
                if offset + 4 > size:
                    return
                count = int.from_bytes(data[offset : offset + 4], "big", signed=True)
                if count < 0:
                    raise ValueError(f"field {self._fields[index].name!r} has {count} elements")
                offset += 4 + ((count + 7) // 8 if index in bits else count * width)
            if offset > size:
                return
            self._starts.append(starts)
            self._used = offset

    def _walk_fixed(self, size: int) -> None:
        widths = [self._flags, *(fixed or 0 for fixed in self._fixed)]
        row = sum(widths)
        count = (size - self._used) // row if row else 0
        if row == 0 and size:
            raise ValueError("its rows have no bytes")
        inner = np.concatenate([[0], np.cumsum(widths)[:-1]])
        begins = self._used + row * np.arange(count)
        self._starts += (begins[:, None] + inner).tolist()
        self._used += row * count

    def _null_flags(self, data: _Bytes, begins: _Index) -> npt.NDArray[np.bool_]:
        if not self._flags:
            return np.zeros((len(begins), len(self._fields)), bool)
        flags = data[begins[:, None] + np.arange(self._flags)]
        return np.unpackbits(flags, axis=1)[:, : len(self._fields)].astype(bool)

    def _drop(self, count: int) -> None:
        rest = self._starts[count:]
        begin = rest[0][0] if rest else self._used
        self._data = self._data[begin:]
        self._used -= begin
        self._starts = [[start - begin for start in row] for row in rest]


def _fixed_bytes(field: VotableField) -> int:
    return (field.count + 7) // 8 if field.datatype == "bit" else field.count * field.width


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of one column: where they begin, how many elements they have, which are null."""

    field: VotableField
    data: _Bytes
    starts: _Index
    sizes: _Index
    nulls: npt.NDArray[np.bool_]

    @property
    def parts(self) -> list[_Bytes]:
        """Bytes of each cell."""
        is_bit = self.field.datatype == "bit"
        widths = (self.sizes + 7) // 8 if is_bit else self.sizes * self.field.width
        pairs = zip(self.starts.tolist(), widths.tolist(), strict=True)
        return [self.data[start : start + width] for start, width in pairs]


def _cells(
    field: VotableField, data: _Bytes, starts: _Index, nulls: npt.NDArray[np.bool_]
) -> _Cells:
    if not field.is_variable:
        return _Cells(field, data, starts, np.full(len(starts), field.count, np.int64), nulls)
    sizes = data[starts[:, None] + np.arange(4)].view(">i4").reshape(-1).astype(np.int64)
    return _Cells(field, data, starts + 4, sizes, nulls)


def _column(cells: _Cells, has_flags: bool) -> pa.Array:
    field = cells.field
    if field.is_text:
        return _texts(cells, has_flags)
    if field.is_array:
        return _lists(cells, has_flags)
    raw = cells.data[cells.starts[:, None] + np.arange(field.width)]
    return _flat(field, _elements(field, raw, 1), cells.nulls)


def _lists(cells: _Cells, has_flags: bool) -> pa.Array:
    field = cells.field
    # As for text: without flags there is no other way to write a missing array.
    nulls = cells.nulls if has_flags else cells.nulls | (cells.sizes == 0)
    if field.datatype == "bit":
        counted = zip(cells.parts, cells.sizes.tolist(), strict=True)
        bits = [np.unpackbits(part)[:count] for part, count in counted]
        values = np.concatenate([*bits, np.empty(0, np.uint8)]).astype(bool)
    else:
        raw = np.concatenate([*cells.parts, np.empty(0, np.uint8)])
        values = _elements(field, raw[None, :], 0)
    flat = _flat(field, values, np.zeros(len(values), bool))
    factor = 2 if field.is_complex else 1
    offsets = np.concatenate([[0], np.cumsum(cells.sizes * factor)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets, mask=np.append(nulls, False)), flat)


def _elements(field: VotableField, cells: _Bytes, count: int) -> npt.NDArray[np.generic]:
    if field.datatype == "bit" and count == 1:
        # The standard has the bit first in its byte, astropy writes it as 8.
        return np.asarray(cells.reshape(-1) != 0)
    if field.datatype == "bit":
        bits: npt.NDArray[np.generic] = np.unpackbits(cells, axis=1)[:, :count].reshape(-1)
        return bits.astype(bool)
    if field.datatype == "boolean":
        letters = cells.reshape(-1)
        true, false = np.isin(letters, list(b"Tt1")), np.isin(letters, list(b"Ff0"))
        return np.where(true, 1, np.where(false, 0, 2)).astype(np.uint8)
    raw = np.ascontiguousarray(cells).reshape(-1).view(field.numpy)
    return raw.astype(raw.dtype.newbyteorder("="))


def _flat(
    field: VotableField, values: npt.NDArray[np.generic], nulls: npt.NDArray[np.bool_]
) -> pa.Array:
    if field.datatype == "boolean":
        # Codes: 0 is false, 1 is true, 2 is neither.
        return pa.array(values == 1, mask=nulls | (values == 2))
    return pa.array(values, mask=nulls | _mask(field, values))


def _mask(field: VotableField, values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    if field.null is None or values.dtype.kind not in "iu":
        return np.zeros(len(values), bool)
    return np.asarray(values == int(field.null, 0))


def _texts(cells: _Cells, has_flags: bool) -> pa.Array:
    field = cells.field
    found: list[str | None] = []
    for part, null in zip(cells.parts, cells.nulls.tolist(), strict=True):
        text = None if null else _decoded(field, part.tobytes())
        # Without flags an empty text is the only way to write a missing one.
        found.append(None if text == "" and not has_flags else text)
    length = field.string_length
    if length is None:
        return field.moments(pa.array(found, pa.string()))
    split = [
        None if t is None else [t[i : i + length].rstrip() for i in range(0, len(t), length)]
        for t in found
    ]
    return pa.array(split, pa.list_(pa.string()))


def _decoded(field: VotableField, value: bytes) -> str:
    if field.datatype == "unicodeChar":
        text = value.decode("utf-16-be", "replace")
    else:
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            text = value.decode("latin-1")
    return text if field.string_length is not None else text.split("\0", 1)[0]
