"""From the types of a file to the types of a published table.

Every column is first brought to a *simple* Arrow type (`simple_type`, `simplify`); what the
whole column holds then decides the VOTable type (`value_type`) and its Arrow form (`finish`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from registry.formats.readers.base import FileColumn
from registry.ingestion.iso_times import in_calendar, iso_texts, seconds, without_nat
from registry.ingestion.nested_values import is_list, json_texts
from registry.model.field import Datatype, ValueType

__all__ = [
    "BECOMES_TEXT",
    "TypeChoice",
    "finish",
    "fits_column",
    "longest_text",
    "marked_type",
    "simple_type",
    "simplify",
    "value_type",
]

_XTYPE = re.compile(r"[A-Za-z][A-Za-z0-9:._-]{0,63}")

_NOT_OF_TEXT = ("timestamp", "adql:TIMESTAMP", "point", "circle", "polygon", "interval")
"""Of values that are no text; a text that is so marked is not what it says."""

_SHAPES = {"point": ValueType(Datatype.DOUBLE, "2"), "circle": ValueType(Datatype.DOUBLE, "3")}

_LONG_MAX = 2**63 - 1

_LONG_DIGITS = 18
"""Decimal digits that a 64-bit integer surely holds."""

_DATATYPES: dict[pa.DataType, Datatype] = {
    pa.bool_(): Datatype.BOOLEAN,
    pa.uint8(): Datatype.UNSIGNED_BYTE,
    pa.int16(): Datatype.SHORT,
    pa.int32(): Datatype.INT,
    pa.int64(): Datatype.LONG,
    pa.float32(): Datatype.FLOAT,
    pa.float64(): Datatype.DOUBLE,
}

_WIDENED: dict[pa.DataType, pa.DataType] = {
    pa.int8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.float16(): pa.float32(),
}
"""Types that VOTable lacks, and the narrowest that holds all their values."""


BECOMES_TEXT: dict[pa.DataType, str] = {
    pa.uint64(): "unsigned 64-bit integers beyond 2**63 - 1 become text",
    pa.timestamp("us"): "moments outside of the years 1 to 9999 become text (+12000-01-01)",
}
"""What is said of a column that does not fit (`fits_column`), by its simple type."""


@dataclass(frozen=True, slots=True)
class TypeChoice:
    """What becomes of a type of a file.

    Attributes
    ----------
    type
        Simple Arrow type; absent if such columns cannot be published.
    remark
        What the user should know: a change of type, or why it is refused and what to do.
    """

    type: pa.DataType | None
    remark: str | None = None


def simple_type(arrow: pa.DataType) -> TypeChoice:
    """Choose the simple type for an Arrow type of a file."""
    if arrow in _DATATYPES or arrow == pa.uint64():
        return TypeChoice(arrow)
    if arrow in _WIDENED:
        return TypeChoice(_WIDENED[arrow])
    if _is_string(arrow) or pa.types.is_null(arrow):
        return TypeChoice(pa.string())
    if pa.types.is_decimal(arrow):
        return _simple_decimal(arrow)
    if pa.types.is_temporal(arrow):
        return _simple_temporal(arrow)
    if is_list(arrow):
        return _simple_list(arrow)
    if pa.types.is_struct(arrow) or pa.types.is_map(arrow):
        return _as_json(arrow)
    if pa.types.is_binary(arrow) or pa.types.is_large_binary(arrow) or _is_other_binary(arrow):
        return TypeChoice(
            None,
            "holds binary data, which VOTable columns cannot; leave it out or write it as text",
        )
    return TypeChoice(None, f"has the type {arrow}, which cannot be published; write it as text")


def simplify(values: pa.Array, simple: pa.DataType) -> pa.Array:
    """Bring values of a file to their simple type.

    Parameters
    ----------
    values
        As the reader gives them.
    simple
        What `simple_type` chose.

    Raises
    ------
    pa.ArrowInvalid
        If a value is out of range: a moment before the year -290000 or after 294000, an array of
        uint64 beyond 63 bits.
    """
    if values.type == simple:
        return values
    if pa.types.is_string(simple):
        return _texts(values)
    if pa.types.is_timestamp(simple):
        return _timestamps(values)
    if pa.types.is_duration(values.type):
        return seconds(values)
    if pa.types.is_decimal(values.type) or pa.types.is_decimal(_element(values.type)):
        return values.cast(simple, safe=False)
    return values.cast(simple)


def fits_column(values: pa.Array | pa.ChunkedArray) -> bool:
    """Tell whether simple values fit the type that such columns have; else they become text.

    Unsigned integers must fit 64 signed bits, moments the years 1 to 9999 of ISO 8601.
    """
    if values.type == pa.uint64():
        highest = pc.max(values).as_py()
        return highest is None or highest <= _LONG_MAX
    return not pa.types.is_timestamp(values.type) or in_calendar(values)


def value_type(simple: pa.DataType, non_ascii: bool, fits: bool, length: int | None) -> ValueType:
    """Choose the VOTable type of a column.

    Parameters
    ----------
    simple
        Its simple type.
    non_ascii
        Whether a text has a character beyond ASCII.
    fits
        What `fits_column` tells of all values.
    length
        The common length of all arrays, none of them null, or that of the longest text, see
        `longest_text`; absent if it is not known.
    """
    if pa.types.is_list(simple):
        datatype = _DATATYPES[simple.value_type]
        return ValueType(datatype, "*" if length is None else str(length))
    text_size = "*" if length is None else f"{max(1, length)}*"
    if not fits:
        return ValueType(Datatype.CHAR, text_size)
    if pa.types.is_timestamp(simple):
        return ValueType(Datatype.CHAR, "*", "timestamp")
    if simple == pa.uint64():
        return ValueType(Datatype.LONG)
    if pa.types.is_string(simple):
        return ValueType(Datatype.UNICODE_CHAR if non_ascii else Datatype.CHAR, text_size)
    return ValueType(_DATATYPES[simple])


def marked_type(value_type: ValueType, column: FileColumn) -> ValueType:
    """Give the type of a column the extended type that its file says, where the values keep it.

    Nested values of a file become JSON, with the xtype ``x:json``. Points and circles are marked
    where all have the numbers that DALI 1.1, section 3.3, asks for; polygons of any length are not.

    Parameters
    ----------
    value_type
        What `value_type` chose.
    column
        What the file says.
    """
    said = column.xtype
    if value_type.is_text:
        if pa.types.is_nested(column.type):
            return replace(value_type, xtype="x:json")
        if said is not None and _XTYPE.fullmatch(said) and said not in _NOT_OF_TEXT:
            return replace(value_type, xtype=said)
    if said is not None and value_type == _SHAPES.get(said):
        return replace(value_type, xtype=said)
    return value_type


def longest_text(values: pa.Array | pa.ChunkedArray) -> int | None:
    """Give the length of the longest text, in units of UTF-16: of ASCII, its characters.

    Returns
    -------
    int | None
        At least 0; none if a text holds the character zero, which ends texts of a declared length
        in VOTable (section 2.1).
    """
    if pc.any(pc.match_substring(values, "\0")).as_py():
        return None
    units = pc.utf8_length(values)
    if not pc.all(pc.string_is_ascii(values)).as_py():
        beyond = pc.count_substring_regex(values, r"[\x{10000}-\x{10FFFF}]")
        units = pc.add(units, beyond)
    return int(pc.max(units).as_py() or 0)


def finish(values: pa.Array, target: ValueType) -> pa.Array:
    """Bring simple values to the Arrow form of their VOTable type."""
    if pa.types.is_timestamp(values.type) and pa.types.is_string(target.arrow):
        return iso_texts(values)
    return values if values.type == target.arrow else values.cast(target.arrow)


def _is_string(arrow: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(arrow)
        or pa.types.is_large_string(arrow)
        or pa.types.is_string_view(arrow)
    )


def _is_other_binary(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_fixed_size_binary(arrow) or pa.types.is_binary_view(arrow))


def _element(arrow: pa.DataType) -> pa.DataType:
    return arrow.value_type if is_list(arrow) else arrow


def _simple_decimal(arrow: pa.DataType) -> TypeChoice:
    if arrow.scale > 0:
        return TypeChoice(pa.float64(), f"{arrow} becomes double: digits beyond the 15th are lost")
    if arrow.scale == 0 and arrow.precision <= _LONG_DIGITS:
        return TypeChoice(pa.int64())
    return TypeChoice(pa.string(), f"{arrow} becomes text, so that no digit is lost")


def _simple_temporal(arrow: pa.DataType) -> TypeChoice:
    if pa.types.is_time(arrow):
        return TypeChoice(pa.string())
    if pa.types.is_duration(arrow):
        return TypeChoice(pa.float64(), "durations become double, in seconds")
    if pa.types.is_timestamp(arrow):
        if arrow.unit == "ns":
            return TypeChoice(pa.timestamp("us"), "nanoseconds are cut to microseconds")
        return TypeChoice(pa.timestamp("us"))
    if pa.types.is_date(arrow):
        return TypeChoice(pa.timestamp("us"))
    return TypeChoice(None, f"has the type {arrow}, which cannot be published; write it as text")


def _simple_list(arrow: pa.DataType) -> TypeChoice:
    element = arrow.value_type
    if element == pa.uint64():
        return TypeChoice(pa.list_(pa.int64()))
    if pa.types.is_decimal(element):
        return TypeChoice(pa.list_(pa.float64()), f"elements of {element} become double")
    simple = _WIDENED.get(element, element)
    if simple in _DATATYPES:
        return TypeChoice(pa.list_(simple))
    return _as_json(arrow)


def _as_json(arrow: pa.DataType) -> TypeChoice:
    return TypeChoice(pa.string(), f"{arrow} becomes text with JSON")


def _texts(values: pa.Array) -> pa.Array:
    arrow = values.type
    if pa.types.is_nested(arrow) or is_list(arrow):
        return json_texts(values)
    return iso_texts(values) if pa.types.is_time(arrow) else values.cast(pa.string())


def _timestamps(values: pa.Array) -> pa.Array:
    if pa.types.is_date(values.type):
        return values.cast(pa.timestamp("us"))
    # Moments with a zone are stored in UTC: the cast drops the zone and keeps the moment.
    naive = without_nat(values.cast(pa.timestamp(values.type.unit)))
    return naive.cast(pa.timestamp("us"), safe=values.type.unit != "ns")
