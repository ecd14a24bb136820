"""Rows of TABLEDATA (VOTable 1.4, section 5.1): an empty cell is null."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from registry.formats.readers.votable_document import DataEvents
from registry.formats.readers.votable_field import VotableField

__all__ = ["TextRows"]

_TRUE = ("t", "true", "1")
_FALSE = ("f", "false", "0")


class TextRows:
    """Collects rows of text and turns them into batches.

    Parameters
    ----------
    fields
        Of the table.
    """

    def __init__(self, fields: list[VotableField]) -> None:
        self._fields = fields
        self._rows: list[list[str]] = []

    @property
    def complete(self) -> int:
        """Number of rows that can be taken."""
        return len(self._rows)

    def feed(self, events: DataEvents) -> None:
        """Take more of the document."""
        self._rows += events.rows

    def finish(self) -> None:
        """Do nothing: a row without its end is not well-formed."""

    def take(self, count: int) -> pa.RecordBatch:
        """Give the next rows.

        Raises
        ------
        ValueError
            If a row has another number of cells, or a cell no value of its type.
        """
        rows, self._rows = self._rows[:count], self._rows[count:]
        width = len(self._fields)
        for row in rows:
            if len(row) != width:
                raise ValueError(f"a row has {len(row)} cells, but there are {width} fields")
        columns = zip(*rows, strict=True)
        arrays = [
            _array(field, pa.array(column, pa.string()))
            for field, column in zip(self._fields, columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, names=[f"c{i}" for i in range(width)])


def _array(field: VotableField, texts: pa.Array) -> pa.Array:
    if field.is_text and not field.is_array:
        filled = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
        return field.moments(filled)
    trimmed = pc.utf8_trim_whitespace(texts)
    known = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    if field.is_array:
        return _lists(field, known)
    try:
        return _scalars(field, known)
    except pa.ArrowInvalid as error:
        raise ValueError(f"field {field.name!r}: {error}") from error


def _scalars(field: VotableField, texts: pa.Array) -> pa.Array:
    if field.null is not None:
        texts = pc.if_else(pc.equal(texts, field.null), pa.scalar(None, pa.string()), texts)
    if pa.types.is_boolean(field.element):
        lower = pc.utf8_lower(texts)
        true = pc.is_in(lower, pa.array(_TRUE))
        known = pc.or_(true, pc.is_in(lower, pa.array(_FALSE)))
        unknown = pc.and_(pc.is_valid(texts), pc.and_(pc.invert(known), pc.not_equal(texts, "?")))
        if pc.any(unknown).as_py():
            value = texts.filter(unknown)[0].as_py()
            raise ValueError(f"field {field.name!r} has the boolean {value!r}")
        return pc.if_else(known, true, pa.scalar(None, pa.bool_()))
    plain = pc.utf8_ltrim(texts, "+")
    if pa.types.is_integer(field.element):
        # STILTS writes NaN where an integer is missing.
        plain = pc.if_else(pc.equal(plain, "NaN"), pa.scalar(None, pa.string()), plain)
    return plain.cast(field.element)


def _lists(field: VotableField, texts: pa.Array) -> pa.Array:
    length = field.string_length
    if length is not None:
        cells = [
            None if t is None else [t[i : i + length].rstrip() for i in range(0, len(t), length)]
            for t in texts.to_pylist()
        ]
        return pa.array(cells, pa.list_(pa.string()))
    if field.datatype == "bit":
        # Bits may stand without blanks between them.
        texts = pc.replace_substring_regex(pc.replace_substring(texts, " ", ""), "([01])", r"\1 ")
        texts = pc.utf8_rtrim(texts, " ")
    parts = pc.split_pattern_regex(texts, r"[\s,]+")
    values = _scalars(field, parts.flatten())
    offsets = parts.offsets
    if parts.null_count:
        # The offset of a null list must be null itself.
        mask = pa.concat_arrays([parts.is_null(), pa.array([False])])
        offsets = pc.if_else(mask, pa.scalar(None, pa.int32()), offsets)
    return pa.ListArray.from_arrays(offsets, values)
