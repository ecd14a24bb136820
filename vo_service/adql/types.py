"""Types of values in ADQL: which go together, and what comes out.

The rules are written for people in ``docs/reference/adql-values.md``.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from functools import lru_cache

from registry.model.field import Datatype, ValueType

__all__ = [
    "BOOLEAN",
    "CIRCLE",
    "DOUBLE",
    "FLOAT",
    "INT",
    "LONG",
    "MOC",
    "POINT",
    "POLYGON",
    "SHORT",
    "TEXT",
    "TIMESTAMP",
    "UNICODE_TEXT",
    "Kind",
    "arithmetic_type",
    "bounded_text",
    "common_type",
    "concatenation_type",
    "integer_type",
    "kind_of",
    "literal_type",
    "rounded_type",
    "text_type",
]

SHORT = ValueType(Datatype.SHORT)
"""Result of CAST to SMALLINT."""
INT = ValueType(Datatype.INT)
"""Small whole literals and the truth of CONTAINS."""
LONG = ValueType(Datatype.LONG)
"""Whole-number arithmetic, COUNT and SUM."""
FLOAT = ValueType(Datatype.FLOAT)
"""Result of CAST to REAL."""
DOUBLE = ValueType(Datatype.DOUBLE)
"""Floating literals, arithmetic and functions."""
BOOLEAN = ValueType(Datatype.BOOLEAN)
"""Boolean columns; ADQL has no literal for them."""
TEXT = ValueType(Datatype.CHAR, "*")
"""ASCII text."""
UNICODE_TEXT = ValueType(Datatype.UNICODE_CHAR, "*")
"""Text with any character."""
TIMESTAMP = ValueType(Datatype.CHAR, "*", "timestamp")
"""Points in time (DALI 1.1, section 3.3.3)."""
POINT = ValueType(Datatype.DOUBLE, "2", "point")
"""Longitude and latitude (DALI 1.1, section 3.3.5)."""
CIRCLE = ValueType(Datatype.DOUBLE, "3", "circle")
"""Longitude, latitude and radius (DALI 1.1, section 3.3.6)."""
POLYGON = ValueType(Datatype.DOUBLE, "*", "polygon")
"""Pairs of longitude and latitude (DALI 1.1, section 3.3.7)."""
MOC = ValueType(Datatype.CHAR, "*", "moc")
"""Coverage map in its ASCII form (DALI 1.1, section 3.3.9)."""

INT_MAX = 2**31 - 1
"""Largest value of a 32-bit integer."""
LONG_MAX = 2**63 - 1
"""Largest value of a 64-bit integer."""


class Kind(StrEnum):
    """What a value is, as error messages name it."""

    NUMBER = "numbers"
    TEXT = "text"
    TIMESTAMP = "timestamps"
    BOOLEAN = "booleans"
    POINT = "points"
    REGION = "regions"
    ARRAY = "arrays"

    @property
    def is_comparable(self) -> bool:
        """Whether values can be compared, grouped and ordered."""
        return self in _COMPARABLE

    @property
    def is_geometry(self) -> bool:
        """Whether values are shapes on the sky."""
        return self in (Kind.POINT, Kind.REGION)


_COMPARABLE = frozenset((Kind.NUMBER, Kind.TEXT, Kind.TIMESTAMP, Kind.BOOLEAN))
_GEOMETRIES = {"point": Kind.POINT, "circle": Kind.REGION, "polygon": Kind.REGION}
_INTEGER_ORDER = (Datatype.UNSIGNED_BYTE, Datatype.SHORT, Datatype.INT, Datatype.LONG)


@lru_cache(1024)
def kind_of(value_type: ValueType) -> Kind:
    """Give the kind of the values of a type."""
    if value_type.is_timestamp:
        return Kind.TIMESTAMP
    if value_type.datatype.is_text:
        return Kind.TEXT
    if value_type.is_array:
        return _GEOMETRIES.get(value_type.xtype or "", Kind.ARRAY)
    return Kind.BOOLEAN if value_type.datatype is Datatype.BOOLEAN else Kind.NUMBER


def integer_type(value: int) -> ValueType:
    """Give the type of a whole literal: int where it fits, then long, then double."""
    if -INT_MAX - 1 <= value <= INT_MAX:
        return INT
    return LONG if -LONG_MAX - 1 <= value <= LONG_MAX else DOUBLE


def rounded_type(value_type: ValueType) -> ValueType:
    """Give the type of a whole-number function (ABS, ROUND, FLOOR ...) of a number.

    Whole numbers give long, floating numbers give double: no value overflows that did not
    before, and 64-bit identifiers never pass through floating point.
    """
    return LONG if value_type.datatype.is_integer else DOUBLE


def arithmetic_type(left: ValueType, right: ValueType) -> ValueType:
    """Give the type of ``+ - * /`` on numbers: long of whole numbers, otherwise double."""
    both_integer = left.datatype.is_integer and right.datatype.is_integer
    return LONG if both_integer else DOUBLE


def text_type(*value_types: ValueType) -> ValueType:
    """Give the type of text of any length made of other texts."""
    if any(t.datatype is Datatype.UNICODE_CHAR for t in value_types):
        return UNICODE_TEXT
    return TEXT


def concatenation_type(left: ValueType, right: ValueType) -> ValueType:
    """Give the type of ``||``; the lengths add up where both are known."""
    whole = text_type(left, right)
    if left.bound is None or right.bound is None:
        return whole
    both_fixed = left.length is not None and right.length is not None
    return bounded_text(whole, left.bound + right.bound, fixed=both_fixed)


def literal_type(text: str) -> ValueType:
    """Give the type of a literal, which has just its own length."""
    whole = TEXT if text.isascii() else UNICODE_TEXT
    return whole if "\0" in text else bounded_text(whole, len(text.encode("utf-16-be")) // 2)


def bounded_text(value_type: ValueType, bound: int, *, fixed: bool = False) -> ValueType:
    """Give a type of text a largest length: its characters, for unicodeChar units of UTF-16.

    Parameters
    ----------
    value_type
        Of text.
    bound
        Not negative; a text of length 0 is declared as one of at most 1.
    fixed
        Whether all texts have just this length.
    """
    size = f"{max(1, bound)}" if fixed and bound else f"{max(1, bound)}*"
    return replace(value_type, arraysize=size)


@lru_cache(1024)
def common_type(left: ValueType, right: ValueType) -> ValueType | None:
    """Give the type that holds the values of both types.

    Returns
    -------
    ValueType | None
        The wider type, or None when the kinds differ or no type holds both.
    """
    if left == right:
        return left
    if kind_of(left) is not kind_of(right):
        return None
    match kind_of(left):
        case Kind.NUMBER:
            return ValueType(_common_datatype(left.datatype, right.datatype))
        case Kind.TEXT:
            return _common_text(left, right)
        case Kind.ARRAY:
            return _common_array(left, right)
        case Kind.REGION if left.xtype != right.xtype:
            return None
        case _:
            return left


def _common_text(left: ValueType, right: ValueType) -> ValueType:
    whole = text_type(left, right)
    if left.bound is None or right.bound is None:
        return whole
    same = left.length is not None and left.length == right.length
    return bounded_text(whole, max(left.bound, right.bound), fixed=same)


def _common_datatype(left: Datatype, right: Datatype) -> Datatype:
    if left is right:
        return left
    if left.is_integer and right.is_integer:
        return max(left, right, key=_INTEGER_ORDER.index)
    return Datatype.DOUBLE


def _common_array(left: ValueType, right: ValueType) -> ValueType | None:
    if left.datatype is not right.datatype and not (
        left.datatype.is_numeric and right.datatype.is_numeric
    ):
        return None
    size = left.arraysize if left.arraysize == right.arraysize else "*"
    xtype = left.xtype if left.xtype == right.xtype else None
    return ValueType(_common_datatype(left.datatype, right.datatype), size, xtype)
