"""VOTable fields: what a column of numbers or words means.

A `Field` is the metadata that travels with every column, from the file of a user through
ADQL expressions to the result document. `ValueType` is the VOTable type of its values; each
one has exactly one Arrow type, in which the values move through the service.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

import pyarrow as pa

__all__ = ["Datatype", "Field", "ValueType"]


class Datatype(StrEnum):
    """Primitive datatypes of VOTable that the service uses (VOTable 1.4, section 2.1)."""

    BOOLEAN = "boolean"
    UNSIGNED_BYTE = "unsignedByte"
    SHORT = "short"
    INT = "int"
    LONG = "long"
    FLOAT = "float"
    DOUBLE = "double"
    CHAR = "char"
    UNICODE_CHAR = "unicodeChar"

    @property
    def is_text(self) -> bool:
        """Whether values are strings."""
        return self in (Datatype.CHAR, Datatype.UNICODE_CHAR)

    @property
    def is_integer(self) -> bool:
        """Whether values are whole numbers."""
        return self in _INTEGERS

    @property
    def is_floating(self) -> bool:
        """Whether values are binary floating-point numbers."""
        return self in (Datatype.FLOAT, Datatype.DOUBLE)

    @property
    def is_numeric(self) -> bool:
        """Whether values are numbers."""
        return self.is_integer or self.is_floating


_INTEGERS = (Datatype.UNSIGNED_BYTE, Datatype.SHORT, Datatype.INT, Datatype.LONG)

_ARROW_SCALARS: dict[Datatype, pa.DataType] = {
    Datatype.BOOLEAN: pa.bool_(),
    Datatype.UNSIGNED_BYTE: pa.uint8(),
    Datatype.SHORT: pa.int16(),
    Datatype.INT: pa.int32(),
    Datatype.LONG: pa.int64(),
    Datatype.FLOAT: pa.float32(),
    Datatype.DOUBLE: pa.float64(),
    Datatype.CHAR: pa.string(),
    Datatype.UNICODE_CHAR: pa.string(),
}


@dataclass(frozen=True, slots=True)
class ValueType:
    """The VOTable type of a column's values.

    Attributes
    ----------
    datatype
        Primitive type of one value or of one element of an array.
    arraysize
        VOTable arraysize: absent for a scalar, ``n`` or ``*`` (at most ``n*``) otherwise.
        Text has ``n*`` where the longest value is known, ``n`` where every value has exactly that
        many characters, otherwise ``*``. ``unicodeChar`` counts 16-bit units of UTF-16, in which
        VOTable writes it.
    xtype
        DALI extended type (``timestamp``, ``point``, ``circle``, ``polygon`` ...).

    Notes
    -----
    A ``timestamp`` has datatype ``char`` and arraysize ``*``; its Arrow type is a timestamp
    in microseconds without zone (UTC is meant), and writers print DALI's ISO form. Geometries
    are arrays of ``double`` (DALI 1.1, section 3.3). Multi-dimensional arrays are not offered.
    """

    datatype: Datatype
    arraysize: str | None = None
    xtype: str | None = None

    @property
    def is_text(self) -> bool:
        """Whether values are plain strings (a timestamp is not)."""
        return self.datatype.is_text and not self.is_timestamp

    @property
    def is_timestamp(self) -> bool:
        """Whether values are points in time."""
        return self.xtype == "timestamp"

    @property
    def is_array(self) -> bool:
        """Whether a value is a one-dimensional array of numbers or booleans."""
        return self.arraysize is not None and not self.datatype.is_text

    @property
    def is_numeric(self) -> bool:
        """Whether a value is one number."""
        return self.arraysize is None and self.datatype.is_numeric

    @property
    def length(self) -> int | None:
        """Number of elements where `arraysize` fixes it, otherwise none."""
        if self.arraysize is not None and re.fullmatch(r"\d+", self.arraysize):
            return int(self.arraysize)
        return None

    @property
    def bound(self) -> int | None:
        """Largest number of elements that a value may have, otherwise none."""
        if self.arraysize is not None and re.fullmatch(r"\d+\*?", self.arraysize):
            return int(self.arraysize.removesuffix("*"))
        return None

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type in which the values move; arrays are variable lists."""
        if self.is_timestamp:
            return pa.timestamp("us")
        scalar = _ARROW_SCALARS[self.datatype]
        return pa.list_(scalar) if self.is_array else scalar


@dataclass(frozen=True, slots=True)
class Field:
    """Name, type and meaning of one column of a table or of a result.

    Attributes
    ----------
    name
        As it is shown to users, without quotes of ADQL.
    type
        Type of the values.
    unit
        VOUnits string, absent for dimensionless values.
    ucd
        UCD1+ string (controlled vocabulary 1.6).
    utype
        Data-model pointer.
    description
        One sentence for people.
    frame
        Frame of positions or scale of times, as `registry.model.frame` writes it; absent where
        nobody has said it.
    """

    name: str
    type: ValueType
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    description: str | None = None
    frame: str | None = None

    def renamed(self, name: str) -> Field:
        """Give the same meaning another name."""
        return replace(self, name=name)

    @property
    def arrow(self) -> pa.Field:
        """The Arrow field of the column: name and type, always nullable."""
        return pa.field(self.name, self.type.arrow)
