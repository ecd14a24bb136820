"""Cells of a column turned into what the pipeline works with: numbers, texts, truth values."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = [
    "ABSENT_WORDS",
    "clean_text",
    "doubles",
    "numbers_of_text",
    "parse_numbers",
    "parse_truth",
    "text_of",
]

Doubles: TypeAlias = npt.NDArray[np.float64]

ABSENT_WORDS = ("", "none", "null", "nan")
"""Texts, in any case, that stand for a missing value (contract, part 1.4, step 6)."""

_CSV_ABSENT = ("na", "<na>")
"""Words that stand for a missing value in text files besides (contract, part 1.3)."""

_TRUE = ("true", "t", "1", "1.0", "yes")
_FALSE = ("false", "f", "0", "0.0", "no")


def text_of(array: pa.Array) -> pa.Array:
    """Write the cells of a column of any type as texts."""
    kind = array.type
    if pa.types.is_string(kind):
        return array
    if pa.types.is_null(kind):
        return pa.nulls(len(array), pa.string())
    try:
        return array.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # Bytes that are no text, and lists: such cells are only ever shown in messages.
        cells = [None if cell is None else str(cell) for cell in array.to_pylist()]
        return pa.array(cells, pa.string())


def clean_text(array: pa.Array, from_csv: bool = False) -> pa.Array:
    """Strip texts, and make those that mean "no value" null.

    Parameters
    ----------
    array
        Of any type.
    from_csv
        Whether the words of text files for a missing value count as well.
    """
    texts = pc.utf8_trim_whitespace(text_of(array))
    words = ABSENT_WORDS + _CSV_ABSENT if from_csv else ABSENT_WORDS
    absent = pc.is_in(pc.utf8_lower(texts), pa.array(words))
    return pc.if_else(absent, pa.scalar(None, pa.string()), texts)


def doubles(array: pa.Array) -> Doubles:
    """Give numbers or truth values as doubles, NaN where there is none."""
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.uint8())
    values = array.cast(pa.float64(), safe=False)
    if values.null_count:
        values = values.fill_null(float("nan"))
    result: Doubles = values.to_numpy(zero_copy_only=False)
    return result


def numbers_of_text(texts: pa.Array) -> Doubles:
    """Read texts as numbers, NaN where a text is none."""
    trimmed = pc.utf8_trim_whitespace(texts)
    try:
        return doubles(trimmed.cast(pa.float64()))
    except pa.ArrowInvalid:
        encoded = trimmed.dictionary_encode()
        values = np.array([*(_float(word) for word in encoded.dictionary.to_pylist()), np.nan])
        places = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        result: Doubles = values[places]
        return result


def parse_numbers(array: pa.Array) -> tuple[Doubles, pa.Array]:
    """Read a column as numbers.

    Parameters
    ----------
    array
        Numbers, truth values or texts.

    Returns
    -------
    tuple
        The numbers, NaN where there is none; and the cells that are neither a number nor stand
        for a missing one, as texts.
    """
    kind = array.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return doubles(array), pa.array([], pa.string())
    if pa.types.is_null(kind):
        return np.full(len(array), np.nan), pa.array([], pa.string())
    if pa.types.is_decimal(kind):
        return doubles(array.cast(pa.float64())), pa.array([], pa.string())
    texts = clean_text(array, from_csv=True)
    values = numbers_of_text(texts)
    wrong = texts.is_valid().to_numpy(zero_copy_only=False) & np.isnan(values)
    return values, texts.filter(pa.array(wrong))


def parse_truth(array: pa.Array) -> pa.Array:
    """Read a column as truth values, null where a cell says neither true nor false."""
    if pa.types.is_boolean(array.type):
        return array
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
        values = doubles(array)
        return pa.array(values != 0, mask=np.isnan(values))
    words = pc.utf8_lower(clean_text(array))
    yes, no = pc.is_in(words, pa.array(_TRUE)), pc.is_in(words, pa.array(_FALSE))
    return pc.if_else(pc.or_(yes, no), yes, pa.scalar(None, pa.bool_()))


def _float(word: str | None) -> float:
    try:
        return float("nan") if word is None or "_" in word else float(word)
    except ValueError:
        return float("nan")
