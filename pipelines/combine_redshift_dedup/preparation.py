"""One catalogue from its file to homogenised rows, with everything that is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.combine_redshift_dedup.cells import doubles, parse_numbers
from pipelines.combine_redshift_dedup.conversion import convert_columns
from pipelines.combine_redshift_dedup.evaluation import holds
from pipelines.combine_redshift_dedup.expressions import Expression, parse_expression
from pipelines.combine_redshift_dedup.footprints import in_dp1_fields, in_rubin_footprint
from pipelines.combine_redshift_dedup.homogenisation import Homogenised, homogenise
from pipelines.combine_redshift_dedup.mapping import (
    FLAG,
    PIPELINE_COLUMNS,
    TYPE,
    MappedCatalogue,
    map_columns,
    wanted_columns,
)
from pipelines.combine_redshift_dedup.parameters import CombineParameters
from pipelines.combine_redshift_dedup.reading import CatalogueInput, RawCatalogue
from pipelines.combine_redshift_dedup.remarks import remarks_on
from pipelines.combine_redshift_dedup.translation import FlagsTranslation

__all__ = ["CatalogueSummary", "Preparation", "PreparedCatalogue"]

Doubles: TypeAlias = npt.NDArray[np.float64]

_EXAMPLES = 5

_MAX_COUNTED = 100
"""Different values that a summary counts."""


@dataclass(frozen=True, slots=True)
class CatalogueSummary:
    """What was found in a catalogue: the answer to "which flags will my file get".

    Attributes
    ----------
    internal_name
        Of the input.
    rows, rows_kept
        Rows of the file, and those that pass the cuts.
    surveys
        Rows by upper-case survey name; under ``null`` those without one.
    flags, types
        Rows by homogenised flag and instrument type, before the cuts.
    flags_from, types_from
        ``column``, ``confidence``, ``type``, ``instrument_type`` or ``translation``.
    remarks
        What looks odd without being wrong.
    """

    internal_name: str
    rows: int
    rows_kept: int = 0
    surveys: Mapping[str, int] = field(default_factory=dict)
    flags: Mapping[str, int] = field(default_factory=dict)
    types: Mapping[str, int] = field(default_factory=dict)
    flags_from: str = ""
    types_from: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreparedCatalogue:
    """Rows of a catalogue that take part.

    Attributes
    ----------
    number
        Of the catalogue.
    row_numbers
        Of the rows in their file, from 1.
    columns
        Standard columns, priority, condition and extra columns.
    summary
        Of the whole catalogue.
    """

    number: int
    row_numbers: npt.NDArray[np.int64]
    columns: dict[str, pa.Array]
    summary: CatalogueSummary

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.row_numbers)


class Preparation:
    """Prepares catalogues by one configuration.

    Parameters
    ----------
    parameters
        Of the run.
    translation
        The flags file, with the parameters' own values already in it.
    """

    def __init__(self, parameters: CombineParameters, translation: FlagsTranslation) -> None:
        self._parameters = parameters
        self._translation = translation
        self._cuts: list[Expression] = [parse_expression(cut) for cut in parameters.row_cuts]
        self._condition_names = translation.names().union(*(cut.names for cut in self._cuts))

    def problems(self) -> list[str]:
        """Say what is wrong with the parameters, whatever the catalogues are."""
        return [
            f"extra_columns: {name!r} is the name of a column of the pipeline; choose another "
            "name and give the column as source"
            for name in self._parameters.extra_columns
            if name in PIPELINE_COLUMNS
        ]

    def wanted(self, catalogue: CatalogueInput) -> frozenset[str]:
        """Name the columns of a file that may be needed."""
        return wanted_columns(catalogue, self._parameters, self._translation, self._condition_names)

    def prepare(
        self, raw: RawCatalogue, catalogue: CatalogueInput
    ) -> tuple[PreparedCatalogue | None, list[str]]:
        """Prepare a catalogue.

        Parameters
        ----------
        raw
            What was read of it.
        catalogue
            Its name and mapping.

        Returns
        -------
        tuple
            The prepared catalogue, none if anything is wrong; and what is.
        """
        mapped, problems = map_columns(raw, catalogue, self._parameters.extra_columns)
        if mapped is None:
            return None, problems
        columns, problems = convert_columns(
            mapped.columns, self._translation.expr_column_schema, raw.is_csv
        )
        columns["source"] = pa.repeat(pa.scalar(catalogue.internal_name), raw.rows)
        problems += self._priority_problems(columns)
        if raw.rows == 0:
            return self._assembled(catalogue, columns, mapped, np.zeros(0, np.intp), None), problems
        found, wrong = homogenise(
            columns, self._translation, mapped.moved, self._translation.tiebreaking_priority
        )
        problems += wrong
        columns[FLAG] = pa.array(found.flags, from_pandas=True)
        columns[TYPE] = found.types
        if found.takes_type:
            columns["instrument_type"] = columns["type"]
        kept, wrong = self._kept(columns, mapped.moved)
        problems += wrong + _position_problems(columns, kept)
        if problems:
            return None, problems
        return self._assembled(catalogue, columns, mapped, kept, found), []

    def _priority_problems(self, columns: dict[str, pa.Array]) -> list[str]:
        """Check the columns of the priority, and make them numbers."""
        problems = []
        for name in self._translation.tiebreaking_priority:
            if name in (FLAG, TYPE):
                continue
            if name not in columns:
                problems.append(
                    f"column {name!r} of tiebreaking_priority does not exist; map it, or take it "
                    "out of the list"
                )
                continue
            values, wrong = parse_numbers(columns[name])
            columns[name] = pa.array(values, from_pandas=True)
            if len(wrong):
                problems.append(
                    f"column {name!r} of tiebreaking_priority is not of numbers: {len(wrong)} "
                    f"cell(s), for example {pc.unique(wrong).to_pylist()[:_EXAMPLES]}"
                )
        return problems

    def _kept(
        self, columns: Mapping[str, pa.Array], moved: Mapping[str, str]
    ) -> tuple[npt.NDArray[np.intp], list[str]]:
        rows = len(columns["source"])
        kept = np.ones(rows, np.bool_)
        cut = self._parameters.flag_cut
        if cut is not None:
            kept &= doubles(columns[FLAG]) >= cut
        problems = []
        for condition in self._cuts:
            absent = sorted(condition.names - columns.keys())
            if absent:
                names = [
                    f"{n!r}" + (f" (mapped to {moved[n]!r})" if n in moved else "") for n in absent
                ]
                problems.append(
                    f"row_cuts: {condition.text!r} names columns that do not exist: "
                    f"{', '.join(names)}"
                )
                continue
            kept &= holds(condition, {n: columns[n] for n in condition.names}, rows)
        return np.flatnonzero(kept), problems

    def _assembled(
        self,
        catalogue: CatalogueInput,
        columns: dict[str, pa.Array],
        mapped: MappedCatalogue,
        kept: npt.NDArray[np.intp],
        found: Homogenised | None,
    ) -> PreparedCatalogue:
        rows = len(columns["source"])
        summary = CatalogueSummary(catalogue.internal_name, rows)
        if found is not None:
            summary = CatalogueSummary(
                catalogue.internal_name,
                rows,
                len(kept),
                _counts(columns["survey"]),
                _counts(columns[FLAG]),
                _counts(columns[TYPE]),
                found.flag_origin,
                found.type_origin,
                tuple(remarks_on(columns, kept, found)),
            )
        numbers = kept + 1
        product = self._product_columns(columns, mapped.extras)
        if len(kept) != rows:
            places = pa.array(kept)
            product = {name: array.take(places) for name, array in product.items()}
        product["CRD_ID"] = pc.binary_join_element_wise(
            f"CRD{catalogue.digits}_", pa.array(numbers).cast(pa.string()), ""
        )
        product |= self._footprints(doubles(product["ra"]), doubles(product["dec"]))
        return PreparedCatalogue(catalogue.number, numbers, product, summary)

    def _product_columns(
        self, columns: Mapping[str, pa.Array], extras: Mapping[str, pa.Array]
    ) -> dict[str, pa.Array]:
        names = [name for name in PIPELINE_COLUMNS if name in columns]
        names += [n for n in self._translation.tiebreaking_priority if n not in names]
        if self._translation.save_expr_columns:
            names += sorted(self._translation.names() & columns.keys() - {*names})
        return {name: columns[name] for name in names if name in columns} | dict(extras)

    def _footprints(self, ra: Doubles, dec: Doubles) -> dict[str, pa.Array]:
        found: dict[str, Any] = {}
        if self._parameters.insert_DP1_footprint_flag:
            found["is_in_DP1_fields"] = in_dp1_fields(ra, dec)
        if self._parameters.insert_rubin_footprint_flag:
            found["is_in_rubin_footprint"] = in_rubin_footprint(ra, dec)
        return {name: pa.array(values) for name, values in found.items()}


def _position_problems(columns: Mapping[str, pa.Array], kept: npt.NDArray[np.intp]) -> list[str]:
    ra, dec = doubles(columns["ra"])[kept], doubles(columns["dec"])[kept]
    bad_ra = ~((ra >= 0) & (ra < 360))
    bad_dec = ~((dec >= -90) & (dec <= 90))
    problems = []
    for name, bad, values, allowed in (
        ("ra", bad_ra, ra, "[0, 360)"),
        ("dec", bad_dec, dec, "[-90, 90]"),
    ):
        if bad.any():
            rows = np.flatnonzero(bad)[:_EXAMPLES]
            examples = [f"row {kept[row] + 1}: {values[row]!s}" for row in rows]
            problems.append(
                f"{name} is not a number of degrees in {allowed} in {int(bad.sum())} row(s): "
                f"{', '.join(examples)}"
            )
    return problems


def _counts(array: pa.Array) -> dict[str, int]:
    """Count values by their text; the many rare ones of a column of identifiers together."""
    counts: Counter[str] = Counter()
    for pair in pc.value_counts(array).to_pylist():
        value = pair["values"]
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        counts["null" if value is None else shown] += pair["counts"]
    common = dict(sorted(counts.most_common(_MAX_COUNTED)))
    others = counts.total() - sum(common.values())
    return common | ({"others": others} if others else {})
