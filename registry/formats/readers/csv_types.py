"""Types of CSV columns, from all their values.

The narrowest of these that holds every value of the column, an empty value being null:

1. 64-bit integer: digits with an optional sign; ``NaN`` counts as null. In a column of whole
   numbers one with leading zeros (``007``) makes the column text, since the zeros would be
   lost, and so does one beyond 64 bits: whole numbers never pass through floating point.
2. unsigned 64-bit integer, where a signed one is too small.
3. double: anything that C reads as a number, ``nan`` and ``inf`` in any case included.
4. boolean: ``true`` and ``false`` in any case.
5. timestamp in microseconds: complete ISO dates with time (``2026-01-31T12:00:00[.ffffff][Z]``).
6. text, exactly as it stands between quotation marks, else without blanks at its ends.

Spaces around a number do not count. In a column of numbers, booleans or times ``""`` and the
words of `_MISSING` (``NA``, ``null``, ``--`` ...) are null; in a column of text they are text.
Fortran's ``1.5D+03`` is a number, and so is ``1,5`` where `find_dialect` found decimal commas.
Fortran writes a point in every number: where there is none in the column, ``2D0`` is a name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["OddCell", "TypeGuess", "convert", "is_missing", "is_number"]

_ISO = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z?$"

_WHOLE_OR_NAN = r"^([+-]?\d+|[nN][aA][nN])$"

_MISSING = ("null", "none", "na", "n/a", "<na>", "#n/a", "nil", "-", "--", "---", "?", "masked")
"""Words for a missing value, in lower case, as pandas, R, astropy, Topcat and people write it."""

_FORTRAN_EXPONENT = r"^([+-]?[\d.]+)[dD]([+-]?\d+)$"

_DECIMAL_COMMA = r"^([+-]?\d*),(\d+(?:[eE][+-]?\d+)?)$"

_CANDIDATES: tuple[pa.DataType, ...] = (
    pa.int64(),
    pa.uint64(),
    pa.float64(),
    pa.bool_(),
    pa.timestamp("us"),
)
"""Types other than text, the preferred ones first."""


_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?$|^[+-]?(?i:nan|inf|infinity)$"

_PLAIN_WHOLE = r"^[+-]?(0|[1-9]\d{0,17}|(?i:nan))$"

_ODD_SHARE = 0.05
"""Share of the values of a column, at most, that are called odd among its numbers."""


@dataclass(frozen=True, slots=True)
class OddCell:
    """The first of the few values that make a column of numbers text.

    Attributes
    ----------
    row
        Of the data, counted from 0.
    text
        What stands there.
    count
        How many there are.
    """

    row: int
    text: str
    count: int


class _OddCells:
    """Counts the values that match an expression, and keeps the first that does not."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._rows = 0
        self._like = 0
        self._first = OddCell(0, "", 0)

    def see(self, values: pa.Array) -> None:
        like = pc.match_substring_regex(values, self._pattern)
        odd = pc.sum(pc.invert(like)).as_py() or 0
        if odd and not self._first.count:
            place = pc.index(like, False).as_py()
            self._first = OddCell(self._rows + place, values[place].as_py(), 0)
        self._first = replace(self._first, count=self._first.count + odd)
        self._rows += len(values)
        self._like += pc.sum(like).as_py() or 0

    def result(self) -> OddCell | None:
        few = max(1, _ODD_SHARE * (self._like + self._first.count))
        return self._first if self._like > 1 and 0 < self._first.count <= few else None


class TypeGuess:
    """Finds the type of a column while its values go by.

    Parameters
    ----------
    decimal_comma
        Whether ``1,5`` is a number.
    """

    def __init__(self, decimal_comma: bool = False) -> None:
        self._decimal_comma = decimal_comma
        self._possible = list(_CANDIDATES)
        self._only_whole = True
        self._has_number = False
        self._has_point = False
        self._has_fortran = False
        self._odd = _OddCells(_NUMBER)
        self._odd_whole = _OddCells(_PLAIN_WHOLE)

    def see(self, values: pa.Array) -> None:
        """Take the next values into account.

        Parameters
        ----------
        values
            Strings; null where the file has nothing.
        """
        cleaned = _cleaned(values, self._decimal_comma)
        self._odd.see(cleaned)
        if self._only_whole:
            self._odd_whole.see(cleaned)
        if not self._possible or cleaned.null_count == len(cleaned):
            return
        self._possible = [arrow for arrow in self._possible if _fits(cleaned, arrow)]
        known = cleaned.drop_null()
        self._has_number |= bool(pc.any(pc.not_equal(pc.utf8_lower(known), "nan")).as_py())
        if self._only_whole and pa.float64() in self._possible:
            whole = pa.int64() in self._possible or _all_match(cleaned, _WHOLE_OR_NAN)
            self._only_whole = whole
        if pa.float64() in self._possible and not self._has_point:
            self._has_point = bool(pc.any(pc.match_substring(known, ".")).as_py())
            self._has_fortran |= bool(
                pc.any(pc.match_substring_regex(known, _FORTRAN_EXPONENT)).as_py()
            )

    def result(self) -> pa.DataType:
        """Give the type; a column without any value is text."""
        if len(self._possible) == len(_CANDIDATES):
            return pa.string()
        for arrow in self._possible:
            if pa.types.is_integer(arrow) and not self._has_number:
                continue
            if pa.types.is_floating(arrow) and self._only_whole and self._has_number:
                return pa.string()
            if pa.types.is_floating(arrow) and self._has_fortran and not self._has_point:
                return pa.string()
            return arrow
        return pa.string()

    def odd_cell(self) -> OddCell | None:
        """Give the value that makes the column text where nearly all others are numbers."""
        if not pa.types.is_string(self.result()):
            return None
        return self._odd.result() or (self._odd_whole.result() if self._only_whole else None)


def convert(values: pa.Array, arrow: pa.DataType, decimal_comma: bool = False) -> pa.Array:
    """Turn strings into the type that `TypeGuess` found.

    Parameters
    ----------
    values
        Strings.
    arrow
        Their type.
    decimal_comma
        As it was given to `TypeGuess`.

    Raises
    ------
    pa.ArrowInvalid
        If a value does not fit.
    """
    if pa.types.is_string(arrow):
        return values
    return _converted(_cleaned(values, decimal_comma), arrow)


def is_number(text: str) -> bool:
    """Tell whether a text reads as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_missing(text: str) -> bool:
    """Tell whether a text stands for a missing number."""
    return text.lower() in ("", "nan", *_MISSING)


def _cleaned(values: pa.Array, decimal_comma: bool) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(values)
    if decimal_comma:
        trimmed = pc.replace_substring_regex(trimmed, _DECIMAL_COMMA, r"\1.\2")
    # Some programs write a missing number as "".
    missing = pc.is_in(pc.utf8_lower(trimmed), _MISSING_WORDS)
    return pc.if_else(missing, pa.scalar(None, pa.string()), trimmed)


_MISSING_WORDS = pa.array(["", *_MISSING])


def _fits(values: pa.Array, arrow: pa.DataType) -> bool:
    if pa.types.is_integer(arrow) and not _keeps_digits(values):
        return False
    if pa.types.is_boolean(arrow):
        words = pc.is_in(pc.utf8_lower(values), pa.array(["true", "false"]))
        return bool(pc.all(pc.or_(words, values.is_null())).as_py())
    if pa.types.is_timestamp(arrow) and not _all_match(values, _ISO):
        return False
    try:
        _converted(values, arrow)
    except pa.ArrowInvalid:
        return False
    return True


def _converted(values: pa.Array, arrow: pa.DataType) -> pa.Array:
    if pa.types.is_integer(arrow):
        return _plain_integers(values).cast(arrow)
    if pa.types.is_timestamp(arrow):
        return pc.utf8_rtrim(values, "Z").cast(arrow)
    if pa.types.is_floating(arrow):
        return _floats(values, arrow)
    return values.cast(arrow)


def _floats(values: pa.Array, arrow: pa.DataType) -> pa.Array:
    try:
        return values.cast(arrow)
    except pa.ArrowInvalid:
        return pc.replace_substring_regex(values, _FORTRAN_EXPONENT, r"\1e\2").cast(arrow)


def _plain_integers(values: pa.Array) -> pa.Array:
    missing = pc.equal(pc.utf8_lower(values), "nan")
    known = pc.if_else(missing, pa.scalar(None, pa.string()), values)
    return pc.utf8_ltrim(known, "+")


def _keeps_digits(values: pa.Array) -> bool:
    # Arrow reads 0x10 as sixteen and 007 as seven.
    digits = pc.utf8_ltrim(values, "+-")
    padded = pc.and_(pc.starts_with(digits, "0"), pc.greater(pc.utf8_length(digits), 1))
    return not pc.any(padded).as_py()


def _all_match(values: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, pattern)).as_py())
