"""Columns of a mapped catalogue in the types that the pipeline works with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.combine_redshift_dedup.cells import clean_text, parse_numbers, parse_truth
from pipelines.combine_redshift_dedup.mapping import FLAG, NUMBERS, TEXTS, TYPE

__all__ = ["convert_columns"]

_LETTERS: dict[str, dict[str, str]] = {
    "JADES": {"A": "4", "B": "3", "C": "2", "D": "1", "E": "0"},
    "VIMOS": {
        "LRB_X": "0",
        "MR_X": "0",
        "LRB_B": "1",
        "LRB_C": "1",
        "MR_C": "1",
        "MR_B": "3",
        "LRB_A": "4",
        "MR_A": "4",
    },
}
"""Flags that two surveys write as words, and the numbers that their rules expect (contract,
part 1.4, step 6)."""

_EXAMPLES = 5


def convert_columns(
    columns: Mapping[str, pa.Array], schema: Mapping[str, str], is_csv: bool
) -> tuple[dict[str, pa.Array], list[str]]:
    """Convert the columns.

    Parameters
    ----------
    columns
        As in the file, under standard names.
    schema
        Types (``str``, ``float``, ``int``, ``bool``) of columns that conditions name.
    is_csv
        Whether words of text files for missing values count.

    Returns
    -------
    tuple
        The columns: numbers are doubles, texts are stripped, and what stands for a missing value
        is null; and what is wrong, by column.
    """
    converted: dict[str, pa.Array] = {}
    problems: list[str] = []
    for name in TEXTS:
        converted[name] = clean_text(columns[name], is_csv)
    converted["survey"] = pc.utf8_upper(converted["survey"])
    if "type" in columns:
        converted["type"] = pc.utf8_lower(clean_text(columns["type"], is_csv))
    if TYPE in columns:
        converted[TYPE] = pc.utf8_lower(clean_text(columns[TYPE], is_csv))
    for name in (*NUMBERS, FLAG):
        if name not in columns:
            continue
        source = columns[name]
        if name == "z_flag" and pa.types.is_string(source.type):
            source = _replaced_letters(source, converted["survey"])
        values, wrong = parse_numbers(source)
        converted[name] = pa.array(values, from_pandas=True)
        if len(wrong):
            examples = pc.unique(wrong).to_pylist()[:_EXAMPLES]
            hint = "; positions are decimal degrees" if name in ("ra", "dec") else ""
            problems.append(
                f"column {name!r} cannot be read as numbers: {len(wrong)} cell(s) are none, "
                f"for example {examples}{hint}"
            )
    for name, source in columns.items():
        if name not in converted:
            converted[name] = _as_declared(source, schema.get(name), is_csv)
    return converted, problems


def _replaced_letters(flags: pa.Array, surveys: pa.Array) -> pa.Array:
    for survey, words in _LETTERS.items():
        rows = pc.fill_null(pc.equal(surveys, survey), False)
        if not pc.any(rows).as_py():
            continue
        places = pc.index_in(
            pc.utf8_upper(pc.utf8_trim_whitespace(flags)), pa.array([*words])
        ).fill_null(-1)
        known = pc.and_(rows, pc.greater_equal(places, 0))
        numbers = pa.array([*words.values()]).take(pc.max_element_wise(places, 0))
        flags = pc.if_else(known, numbers, flags)
    return flags


def _as_declared(array: pa.Array, declared: str | None, is_csv: bool) -> pa.Array:
    kind = array.type
    is_plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    if declared == "bool":
        return parse_truth(array)
    if declared in ("float", "int"):
        values, _ = parse_numbers(array)
        if declared == "int":
            values = np.trunc(values)
        return pa.array(values, from_pandas=True)
    return array if is_plain and declared is None else clean_text(array, is_csv)
