"""JSON: one object with the columns, the rows as arrays, and the outcome at its end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from registry.formats.writers.base import Outcome, Result, started
from registry.formats.writers.cells import PLAIN_TEXT, cell_text, joined_elements
from registry.formats.writers.markup import bytes_present
from registry.formats.writers.tabledata import joined_rows
from registry.formats.writers.votable import overflow_text
from registry.model.field import Datatype, Field, ValueType

__all__ = ["JsonWriter"]


class JsonWriter:
    """Write ``{"infos": ..., "metadata": ..., "data": ..., "status": ...}``, UTF-8.

    The keys ``metadata`` (the columns) and ``data`` (the rows) are those of other TAP services.
    """

    name = "json"
    media_type = "application/json"
    aliases: tuple[str, ...] = (name, media_type)
    ivo_id: str | None = None
    extension = "json"

    def write(self, result: Result) -> Iterator[bytes]:
        """Produce the object; its end tells overflow and mid-stream errors."""
        batches = started(result.batches)
        yield _head(result).encode()
        first = True
        for batch in batches:
            rows = _rows(batch, result.fields)
            yield rows[1:] if first else rows
            first = False
        yield _tail(result.outcome(), result.maxrec).encode()


def _head(result: Result) -> str:
    infos = [
        {"name": info.name, "value": info.value, "text": info.text, "ucd": info.ucd}
        for info in result.infos
    ]
    columns = ",\n".join(_text(_described(field)) for field in result.fields)
    return f'{{"infos":{_text(infos)},\n"metadata":[\n{columns}],\n"data":['


def _described(field: Field) -> dict[str, str | None]:
    """Give everything that is said of a column, null where nothing is: readers find each key."""
    return {
        "name": field.name,
        "datatype": field.type.datatype.value,
        "arraysize": field.type.arraysize,
        "xtype": field.type.xtype,
        "unit": field.unit,
        "ucd": field.ucd,
        "utype": field.utype,
        "description": field.description,
    }


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _tail(outcome: Outcome, maxrec: int | None) -> str:
    status: dict[str, str | None] = {"value": "OK", "message": None}
    if outcome.error is not None:
        status = {"value": "ERROR", "message": outcome.error}
    elif outcome.overflow:
        status = {"value": "OVERFLOW", "message": overflow_text(maxrec)}
    return f'],\n"status":{_text(status)}}}\n'


def _rows(batch: pa.RecordBatch, fields: Sequence[Field]) -> bytes:
    """Write rows, each after a comma and a line feed."""
    columns = [
        _cells(column, field.type).fill_null("null")
        for column, field in zip(batch.columns, fields, strict=True)
    ]
    return joined_rows(columns, ",\n[", ",", "]")


def _cells(column: pa.Array, value_type: ValueType) -> pa.Array:
    if value_type.is_text:
        return pc.binary_join_element_wise('"', _escaped(column), '"', "")
    if value_type.is_timestamp:
        text = cell_text(column, value_type, PLAIN_TEXT)
        return pc.binary_join_element_wise('"', text, '"', "")
    if not value_type.is_array:
        return _numbers(column, value_type.datatype)
    elements = _numbers(column.flatten(), value_type.datatype).fill_null("null")
    return pc.binary_join_element_wise("[", joined_elements(column, elements, ","), "]", "")


def _numbers(column: pa.Array, datatype: Datatype) -> pa.Array:
    """Write numbers and truth values; JSON has no NaN and no infinity."""
    text = cell_text(column, ValueType(datatype), PLAIN_TEXT)
    if not datatype.is_floating:
        return text
    if pc.all(pc.is_finite(column)).as_py() is False:
        text = pc.if_else(pc.is_finite(column), text, None)
    # Whole numbers get a point: readers would take them for integers and lose the sign of -0
    whole = pc.invert(pc.match_substring_regex(text, "[.e]"))
    if pc.any(whole).as_py():
        text = pc.if_else(whole, pc.binary_join_element_wise(text, ".0", ""), text)
    return text


def _escaped(column: pa.Array) -> pa.Array:
    """Escape what JSON strings cannot hold (RFC 8259, section 7), touching it only where needed."""
    present = bytes_present(column)
    for character in ("\\", '"', *map(chr, range(32))):
        if present[ord(character)]:
            column = pc.replace_substring(column, character, json.dumps(character)[1:-1])
    return column
