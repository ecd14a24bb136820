"""What the two kinds of FITS tables have in common: keywords of a column, and the heap."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["Bytes", "FitsColumn", "Heap", "Keywords", "texts"]

Bytes = npt.NDArray[np.uint8]

_BOILERPLATE = re.compile(
    r"(label for )?(field|column) *\d*|name of (field|column) *\d*|column (name|label)|ttype\d*",
    re.IGNORECASE,
)
"""Comments that programs put behind a TTYPE; they describe nothing."""


class FitsColumn(Protocol):
    """Reads one column from rows of bytes."""

    name: str
    type: pa.DataType
    unit: str | None
    ucd: str | None
    utype: str | None
    xtype: str | None
    description: str | None
    warnings: list[str]

    def read(self, rows: Bytes, heap: Heap) -> pa.Array:
        """Read the values of some rows.

        Parameters
        ----------
        rows
            Bytes of the table, one row of the array per row of the table.
        heap
            What follows the table.
        """
        ...


@dataclass(frozen=True, slots=True)
class Heap:
    """The area behind a table where variable arrays are."""

    data: Bytes


@dataclass(frozen=True, slots=True)
class Keywords:
    """The keywords of one column.

    Parameters
    ----------
    header
        Of the table.
    number
        Of the column, from 1.
    """

    header: Header
    number: int

    def text(self, keyword: str) -> str | None:
        """Give a text, without the blanks around it; absent if it is empty."""
        value = self.header.get(f"{keyword}{self.number}")
        if value is None or type(value).__name__ == "Undefined":
            return None
        return str(value).strip() or None

    def number_of(self, keyword: str, otherwise: float) -> int | float:
        """Give a number."""
        value = self.header.get(f"{keyword}{self.number}", otherwise)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError(f"{keyword}{self.number} is {value!r}, not a number")
        return value

    @property
    def name(self) -> str:
        """Name of the column; FITS allows to leave it out."""
        return self.text("TTYPE") or f"col{self.number}"

    @property
    def description(self) -> str | None:
        """What is said of the column in TCOMM, or in the comment of its name."""
        said = self.text("TCOMM") or self.text("TDESC")
        if said is None and f"TTYPE{self.number}" in self.header:
            comment = self.header.comments[f"TTYPE{self.number}"].strip()
            said = comment if not _BOILERPLATE.fullmatch(comment) else None
        return said or None


def texts(cells: Bytes, width: int) -> pa.Array:
    """Read fixed-width text: blanks at the end do not count, a leading NUL means null.

    Parameters
    ----------
    cells
        Bytes, of shape (n, width).
    width
        Characters of a cell.

    Notes
    -----
    FITS 4.0, section 7.3.3.1: text ends at a NUL; one at the beginning is the null string. It is
    ASCII; files that break this are taken as UTF-8, or else as Latin-1.
    """
    if width == 0 or len(cells) == 0:
        return pa.nulls(len(cells), pa.string())
    values = np.ascontiguousarray(cells)
    nulls = values[:, 0] == 0
    if np.any(values[:, :-1] == 0):
        # What follows the first NUL is not defined.
        values = np.where(np.cumsum(values == 0, axis=1) > 0, 0, values).astype(np.uint8)
    fixed = values.view(f"S{width}").reshape(-1)
    binary = pa.array(fixed, pa.binary(), mask=nulls)
    try:
        text = binary.cast(pa.string())
    except pa.ArrowInvalid:
        text = pa.array([None if v is None else v.decode("latin-1") for v in binary.to_pylist()])
    return pc.utf8_rtrim(text, " ")
