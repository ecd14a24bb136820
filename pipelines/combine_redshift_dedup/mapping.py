"""From the columns of a file to those of the pipeline: names, previous products, extra columns."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipelines.combine_redshift_dedup.cells import parse_numbers, parse_truth, text_of
from pipelines.combine_redshift_dedup.parameters import CombineParameters, ExtraColumn
from pipelines.combine_redshift_dedup.reading import CatalogueInput, RawCatalogue
from pipelines.combine_redshift_dedup.translation import FlagsTranslation

__all__ = ["FLAG", "PIPELINE_COLUMNS", "TYPE", "MappedCatalogue", "map_columns", "wanted_columns"]

FLAG = "z_flag_homogenized"
TYPE = "instrument_type_homogenized"

TEXTS = ("id", "instrument_type", "survey")
NUMBERS = ("ra", "dec", "z", "z_flag", "z_err")

PIPELINE_COLUMNS = (
    "CRD_ID",
    "id",
    "ra",
    "dec",
    "z",
    "z_flag",
    "z_err",
    "instrument_type",
    "survey",
    "source",
    "tie_result",
    "is_in_DP1_fields",
    "is_in_rubin_footprint",
    "compared_to",
    FLAG,
    TYPE,
    "group_id",
    "n_group_members",
    "nearest_separation_arcsec",
)
"""Names that no extra column may have."""

_PRODUCT = {"CRD_ID", "ra", "dec", "z", "source"}
_PRODUCT_SIGNS = {"tie_result", "compared_to", "group_id", FLAG, TYPE}

_OWN = re.compile(r"(CRD_ID|compared_to|group_id)(_prev.*)?")
"""Columns of an earlier run, which mean nothing in this one."""


@dataclass(frozen=True, slots=True)
class MappedCatalogue:
    """A catalogue under standard names.

    Attributes
    ----------
    columns
        Standard columns, and those that conditions and priorities may name; types as in the file.
    extras
        Extra columns of the product, of their types.
    moved
        Name in `columns` by name in the file, where the two differ.
    """

    columns: dict[str, pa.Array]
    extras: dict[str, pa.Array]
    moved: dict[str, str]


def wanted_columns(
    catalogue: CatalogueInput,
    parameters: CombineParameters,
    translation: FlagsTranslation,
    condition_names: frozenset[str],
) -> frozenset[str]:
    """Name the columns of a file that may be needed.

    Parameters
    ----------
    catalogue
        The input.
    parameters, translation
        Of the run.
    condition_names
        Columns that flags and cuts name.
    """
    extras = {extra.source or name for name, extra in parameters.extra_columns.items()}
    return frozenset(
        {*catalogue.columns.values(), *TEXTS, *NUMBERS, FLAG, TYPE, "CRD_ID", "type"}
        | extras
        | condition_names
        | {*translation.tiebreaking_priority}
    )


def map_columns(
    raw: RawCatalogue, catalogue: CatalogueInput, extra_columns: Mapping[str, ExtraColumn]
) -> tuple[MappedCatalogue | None, list[str]]:
    """Rename the columns of a catalogue as its configuration says.

    Parameters
    ----------
    raw
        What was read.
    catalogue
        Its mapping of names.
    extra_columns
        By name in the product.

    Returns
    -------
    tuple
        The catalogue, none if a mapped column or a position does not exist; and what is wrong.
    """
    mapping = _mapping(raw, catalogue)
    problems = [
        _missing(standard, source, raw.names)
        for standard, source in mapping.items()
        if source not in raw.columns
    ]
    problems += [
        f"there is no column {name!r}, and none is mapped to it; name it in columns"
        for name in ("ra", "dec")
        if name not in mapping and name not in raw.columns
    ]
    if problems:
        return None, problems
    columns = _renamed(raw, mapping)
    if mapping.get("z_flag") == FLAG:
        columns[FLAG] = columns["z_flag"]
    if mapping.get("instrument_type") == TYPE:
        columns[TYPE] = columns["instrument_type"]
    for name in TEXTS:
        columns.setdefault(name, pa.nulls(raw.rows, pa.string()))
    for name in NUMBERS:
        columns.setdefault(name, pa.nulls(raw.rows, pa.float64()))
    extras = {
        name: _extra(raw.columns.get(extra.source or name), extra.type, raw.rows)
        for name, extra in extra_columns.items()
    }
    moved = {source: target for target, source in mapping.items() if source != target}
    return MappedCatalogue(columns, extras, moved), []


def _mapping(raw: RawCatalogue, catalogue: CatalogueInput) -> dict[str, str]:
    mapping = dict(catalogue.columns)
    names = set(raw.names)
    signs = names & _PRODUCT_SIGNS or any(name.startswith("is_in_") for name in names)
    if names >= _PRODUCT and signs:
        mapping["id"] = "id" if "id" in names else "CRD_ID"
    return mapping


def _missing(standard: str, source: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(source, names, n=3, cutoff=0.5)
    close += [name for name in names if name.lower() == source.lower() and name not in close]
    hint = f"; similar ones are {', '.join(map(repr, close))}" if close else ""
    return f"column {source!r}, mapped to {standard!r}, does not exist in the file{hint}"


def _renamed(raw: RawCatalogue, mapping: Mapping[str, str]) -> dict[str, pa.Array]:
    sources = set(mapping.values())
    columns = {}
    for name, array in raw.columns.items():
        if name in sources or _OWN.fullmatch(name):
            continue
        columns[_parked(name, raw.names) if name in mapping else name] = array
    return columns | {target: raw.columns[source] for target, source in mapping.items()}


def _parked(name: str, names: Sequence[str]) -> str:
    """Give the name under which a column goes on whose own name another one gets."""
    parked, number = f"{name}__orig", 1
    while parked in names:
        number += 1
        parked = f"{name}__orig{number}"
    return parked


def _extra(array: pa.Array | None, kind: str, rows: int) -> pa.Array:
    types = {"str": pa.string(), "float": pa.float64(), "int": pa.int64(), "bool": pa.bool_()}
    if array is None:
        return pa.nulls(rows, types[kind])
    if kind == "str":
        return text_of(array)
    if kind == "bool":
        return parse_truth(array)
    if kind == "int" and pa.types.is_integer(array.type):
        return array.cast(pa.int64(), safe=False)
    values, _ = parse_numbers(array)
    numbers = pa.array(values, from_pandas=True)
    return numbers.cast(pa.int64(), safe=False) if kind == "int" else numbers
