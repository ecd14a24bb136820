"""Cells as text: every supported column type to a string column, by column.

Floating-point numbers are written with the fewest digits that read back to the same value
of their own precision.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from registry.model.field import Datatype, ValueType

__all__ = [
    "PLAIN_TEXT",
    "VOTABLE_TEXT",
    "TextStyle",
    "ascii_text",
    "cell_text",
    "joined_elements",
    "missing_element",
    "missing_integer",
]


@dataclass(frozen=True, slots=True)
class TextStyle:
    """How a text format spells the values that have no digits.

    Attributes
    ----------
    true, false
        The truth values.
    unknown
        A missing truth value inside an array.
    infinity
        Positive infinity, without a sign.
    positive
        Sign of positive infinity.
    """

    true: str
    false: str
    unknown: str
    infinity: str
    positive: str


VOTABLE_TEXT = TextStyle(true="T", false="F", unknown="?", infinity="Inf", positive="+")
"""As VOTable 1.4, sections 6 and 2.1, spells them."""

PLAIN_TEXT = TextStyle(true="true", false="false", unknown="null", infinity="Infinity", positive="")
"""As the readers of Java, Python, JavaScript, Arrow and PostgreSQL all understand them."""


def missing_integer(datatype: Datatype) -> int:
    """Give the value that stands for a missing element inside an array of integers.

    Returns
    -------
    int
        The smallest value of the type; for ``unsignedByte``, which has none to spare, 255.

    Notes
    -----
    VOTable can mark a whole cell as null, an element of an array only by such a value. Those of
    ``short``, ``int`` and ``long`` are declared by ``VALUES null=``; 255 is not, because there it
    is more often a value than a gap.
    """
    bits = {Datatype.SHORT: 16, Datatype.INT: 32, Datatype.LONG: 64}
    if datatype in bits:
        return int(-(2 ** (bits[datatype] - 1)))
    return 255


def missing_element(datatype: Datatype, style: TextStyle) -> str:
    """Give the text of a missing element inside an array."""
    if datatype is Datatype.BOOLEAN:
        return style.unknown
    return "NaN" if datatype.is_floating else str(missing_integer(datatype))


def cell_text(column: pa.Array, value_type: ValueType, style: TextStyle) -> pa.Array:
    """Render a column as strings; a null cell stays null.

    Parameters
    ----------
    column
        Values of exactly ``value_type.arrow``.
    value_type
        Their VOTable type.
    style
        Spelling of truth values and infinities.

    Returns
    -------
    pyarrow.Array
        Strings, not escaped. An array is its elements with single blanks between them, an
        empty one the empty string.
    """
    if value_type.is_timestamp:
        return _timestamps(column)
    if value_type.is_text:
        return column
    if value_type.is_array:
        return _arrays(column, value_type.datatype, style)
    return _scalars(column, value_type.datatype, style)


def ascii_text(column: pa.Array, value_type: ValueType) -> pa.Array:
    """Replace what ``char`` cannot hold by question marks, one for each character.

    Notes
    -----
    ``char`` is ASCII up to VOTable 1.5, and clients break on anything else in BINARY2. A column
    with other characters is to be declared ``unicodeChar``; this is the safety net.
    """
    if value_type.datatype is not Datatype.CHAR or pc.all(pc.string_is_ascii(column)).as_py():
        return column
    return pc.replace_substring_regex(column, r"[^\x00-\x7F]", "?")


def _timestamps(column: pa.Array) -> pa.Array:
    """Render as ``YYYY-MM-DDThh:mm:ss[.f]`` without zone and without trailing zeros."""
    text = pc.cast(column, pa.string())
    text = pc.replace_substring(text, " ", "T", max_replacements=1)
    return pc.ascii_rtrim(pc.ascii_rtrim(text, "0"), ".")


def _scalars(column: pa.Array, datatype: Datatype, style: TextStyle) -> pa.Array:
    if datatype is Datatype.BOOLEAN:
        return pc.if_else(column, style.true, style.false)
    text = pc.cast(column, pa.string())
    if not datatype.is_floating or pc.all(pc.is_finite(column)).as_py() is not False:
        return text
    text = pc.if_else(pc.is_nan(column), "NaN", text)
    infinity = pc.if_else(
        pc.greater(column, 0), style.positive + style.infinity, "-" + style.infinity
    )
    return pc.if_else(pc.is_inf(column), infinity, text)


def _arrays(column: pa.Array, datatype: Datatype, style: TextStyle) -> pa.Array:
    text = _scalars(column.flatten(), datatype, style)
    return joined_elements(column, text.fill_null(missing_element(datatype, style)), " ")


def joined_elements(column: pa.Array, text: pa.Array, separator: str) -> pa.Array:
    """Join the elements of arrays to one text per cell; a null array stays null.

    Parameters
    ----------
    column
        The arrays.
    text
        Their elements end to end as text, none of them null.
    separator
        What stands between elements.
    """
    lengths = pc.fill_null(pc.list_value_length(column), 0)
    offsets = pa.concat_arrays(
        [pa.array([0], pa.int32()), pc.cast(pc.cumulative_sum(lengths), pa.int32())]
    )
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, text), separator)
    return joined if column.null_count == 0 else pc.if_else(column.is_valid(), joined, None)
