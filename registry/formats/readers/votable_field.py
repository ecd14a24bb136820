"""FIELDs of a VOTable and the Arrow types of their values."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

__all__ = ["VotableField"]

_ARROW: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "bit": pa.bool_(),
    "unsignedByte": pa.uint8(),
    "short": pa.int16(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "floatComplex": pa.float32(),
    "doubleComplex": pa.float64(),
    "char": pa.string(),
    "unicodeChar": pa.string(),
}

_WIDTHS = {"boolean": 1, "bit": 1, "unsignedByte": 1, "short": 2, "int": 4, "long": 8}
_WIDTHS |= {"float": 4, "double": 8, "floatComplex": 8, "doubleComplex": 16}
_WIDTHS |= {"char": 1, "unicodeChar": 2}
"""Bytes of an element in the binary serialisations (VOTable 1.4, section 6)."""

_NUMPY = {"unsignedByte": "u1", "short": ">i2", "int": ">i4", "long": ">i8"}
_NUMPY |= {"float": ">f4", "double": ">f8", "floatComplex": ">f4", "doubleComplex": ">f8"}

_ARRAYSIZE = re.compile(r"(\d+x)*(\d+|\d*\*)")


@dataclass
class VotableField:
    """A column of a VOTable.

    Attributes
    ----------
    name, datatype, arraysize, unit, ucd, utype, xtype
        Attributes of the FIELD.
    reference
        ID of a COOSYS, a TIMESYS or another element.
    description
        Its DESCRIPTION.
    null
        The value that stands for null.
    frame
        Frame of its COOSYS, or scale of its TIMESYS.
    """

    name: str
    datatype: str
    arraysize: str | None = None
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    xtype: str | None = None
    reference: str | None = None
    description: str | None = None
    null: str | None = None
    frame: str | None = None

    def __post_init__(self) -> None:
        if self.datatype not in _ARROW:
            raise ValueError(f"field {self.name!r} has the datatype {self.datatype!r}")
        self.arraysize = (self.arraysize or "").replace(" ", "") or None
        if self.arraysize is not None and not _ARRAYSIZE.fullmatch(self.arraysize):
            raise ValueError(f"field {self.name!r} has the arraysize {self.arraysize!r}")

    @property
    def is_text(self) -> bool:
        """Whether an element is a character."""
        return self.datatype in ("char", "unicodeChar")

    @property
    def is_complex(self) -> bool:
        """Whether an element has two numbers."""
        return self.datatype in ("floatComplex", "doubleComplex")

    @property
    def is_timestamp(self) -> bool:
        """Whether the text is a moment (DALI 1.1, section 3.3.3)."""
        return self.is_text and self.xtype in ("timestamp", "adql:TIMESTAMP")

    @property
    def is_array(self) -> bool:
        """Whether a value is an array in Arrow."""
        if self.is_text:
            return self.string_length is not None
        return self.is_complex or self.arraysize not in (None, "1")

    @property
    def is_variable(self) -> bool:
        """Whether the number of elements is with each value."""
        return self.arraysize is not None and self.arraysize.endswith("*")

    @property
    def count(self) -> int:
        """Number of elements of every value; of those before the star if it varies."""
        product = 1
        for size in (self.arraysize or "1").rstrip("*").split("x"):
            product *= int(size or 1)
        return product

    @property
    def string_length(self) -> int | None:
        """Characters of each text in an array of texts; none for a single text."""
        if not self.is_text or self.arraysize is None or "x" not in self.arraysize:
            return None
        return int(self.arraysize.split("x")[0])

    @property
    def width(self) -> int:
        """Bytes of an element."""
        return _WIDTHS[self.datatype]

    @property
    def numpy(self) -> str:
        """Big-endian type of an element's numbers."""
        return _NUMPY[self.datatype]

    @property
    def element(self) -> pa.DataType:
        """Arrow type of an element."""
        return _ARROW[self.datatype]

    @property
    def arrow(self) -> pa.DataType:
        """Arrow type of the column."""
        if self.is_timestamp:
            return pa.timestamp("us")
        return pa.list_(self.element) if self.is_array else self.element

    def moments(self, texts: pa.Array) -> pa.Array:
        """Read timestamps from texts, or give the texts back where they are not such."""
        if not self.is_timestamp:
            return texts
        try:
            return pa.compute.utf8_rtrim(texts, "Z").cast(pa.timestamp("us"))
        except pa.ArrowInvalid as error:
            raise ValueError(f"field {self.name!r} of xtype timestamp: {error}") from error
