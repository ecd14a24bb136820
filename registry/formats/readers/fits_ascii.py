"""Columns of ASCII tables (FITS 4.0, section 7.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from registry.formats.readers.fits_column import Bytes, FitsColumn, Heap, Keywords, texts

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["AsciiColumn", "ascii_columns"]

_TFORM = re.compile(r"([AIFED])(\d+)(?:\.(\d+))?")


def ascii_columns(header: Header) -> list[FitsColumn]:
    """Read the descriptions of the columns of an ASCII table.

    Raises
    ------
    ValueError
        If a format is none of the standard's, or a column leaves its row.
    """
    count = int(header["TFIELDS"])
    return [AsciiColumn(Keywords(header, number)) for number in range(1, count + 1)]


class AsciiColumn:
    """A column of characters: text, whole numbers or decimal numbers; blank is null.

    Parameters
    ----------
    keywords
        Of the column.
    """

    def __init__(self, keywords: Keywords) -> None:
        self.name, self.description = keywords.name, keywords.description
        self.unit, self.ucd, self.utype = map(keywords.text, ("TUNIT", "TUCD", "TUTYP"))
        self.xtype = keywords.text("TXTYP")
        self.warnings: list[str] = []
        form = keywords.text("TFORM") or ""
        match = _TFORM.fullmatch(form.upper())
        if match is None:
            raise ValueError(f"TFORM{keywords.number} is {form!r}")
        self._kind, self._width = match[1], int(match[2])
        self._decimals = int(match[3] or 0)
        self._start = int(keywords.number_of("TBCOL", 0)) - 1
        row_bytes = int(keywords.header["NAXIS1"])
        if self._start < 0 or self._start + self._width > row_bytes:
            raise ValueError(f"column {self.name!r} leaves its row")
        self._null = keywords.text("TNULL")
        self._scale = keywords.number_of("TSCAL", 1)
        self._zero = keywords.number_of("TZERO", 0)
        plain = (self._scale, self._zero) == (1, 0)
        self.type = {"A": pa.string(), "I": pa.int64() if plain else pa.float64()}.get(
            self._kind, pa.float64()
        )

    def read(self, rows: Bytes, heap: Heap) -> pa.Array:  # noqa: ARG002 - there is no heap
        """Read the values of some rows."""
        text = texts(rows[:, self._start : self._start + self._width], self._width)
        if self._null is not None:
            null = pc.equal(pc.utf8_trim(text, " "), self._null)
            text = pc.if_else(null, pa.scalar(None, pa.string()), text)
        if self._kind == "A":
            return text
        trimmed = pc.utf8_ltrim(pc.utf8_trim(text, " "), "+")
        trimmed = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
        if self._kind == "I" and self.type == pa.int64():
            return trimmed.cast(pa.int64())
        numbers = pc.replace_substring_regex(trimmed, "[dD]", "E").cast(pa.float64())
        if self._kind != "I" and self._decimals:
            # Without a point the last digits are decimals (section 4.2.4 of the Fortran rules).
            whole = pc.invert(pc.match_substring(trimmed, "."))
            numbers = pc.if_else(whole, pc.divide(numbers, 10.0**self._decimals), numbers)
        if (self._scale, self._zero) != (1, 0):
            numbers = pc.add(pc.multiply(numbers, float(self._scale)), float(self._zero))
        return numbers
