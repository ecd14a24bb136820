"""Rows of the same object that disagree in redshift, counted by pair of surveys and by flag.

The fraction of pairs that disagree is an empirical rate of outliers: it tells how far the flags
of a survey, and their translation, can be trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.combine_redshift_dedup.cells import doubles
from pipelines.combine_redshift_dedup.mapping import FLAG
from pipelines.combine_redshift_dedup.matching import Links
from pipelines.combine_redshift_dedup.ties import linked_rows
from pipelines.combine_redshift_dedup.translation import STAR

__all__ = ["ConflictReport", "FlagConflicts", "SurveyConflicts", "count_conflicts"]

Places: TypeAlias = npt.NDArray[np.int64]


_MAX_ENTRIES = 1_000
"""Entries of a report: somebody may have mapped a column of identifiers as the survey."""


@dataclass(frozen=True, slots=True)
class SurveyConflicts:
    """Pairs of rows of two surveys.

    Attributes
    ----------
    survey_1, survey_2
        In the order of their names; the name of the input where a row has no survey.
    n_pairs, n_conflicts
        Pairs of neighbours with two redshifts, and those of them that differ too much.
    fraction
        Of conflicts.
    median_delta_z, max_delta_z
        Of the absolute differences of all pairs.
    n_star_pairs
        Further pairs in which one row is a star and the other is not.
    """

    survey_1: str
    survey_2: str
    n_pairs: int
    n_conflicts: int
    fraction: float | None
    median_delta_z: float | None
    max_delta_z: float | None
    n_star_pairs: int


@dataclass(frozen=True, slots=True)
class FlagConflicts:
    """Rows of one survey with one homogenised flag, by their pairs with any survey."""

    survey: str
    z_flag_homogenized: float | None
    n_pairs: int
    n_conflicts: int
    fraction: float


@dataclass(frozen=True, slots=True)
class ConflictReport:
    """All counts.

    Attributes
    ----------
    delta_z
        Differences beyond it are conflicts.
    surveys, flags
        Sorted by name; of very many surveys those with the most pairs, of flags the first.
    n_omitted
        Pairs of surveys that are left out of `surveys`.
    """

    delta_z: float
    surveys: tuple[SurveyConflicts, ...]
    flags: tuple[FlagConflicts, ...]
    n_omitted: int = 0


def count_conflicts(
    columns: Mapping[str, pa.Array], links: Links, delta_z: float
) -> ConflictReport:
    """Count the conflicts among neighbours.

    Parameters
    ----------
    columns
        ``survey``, ``source``, ``z`` and the homogenised flag of all rows.
    links
        Neighbours, both ways.
    delta_z
        Largest difference that is none.
    """
    once = links.rows < links.neighbours
    linked, (first, second) = linked_rows(
        (links.rows[once], links.neighbours[once]), len(columns["z"])
    )
    picked = pa.array(linked)
    texts, survey = _named(columns, picked)
    redshift = doubles(columns["z"].take(picked))
    flag = doubles(columns[FLAG].take(picked))
    star = flag == STAR
    with np.errstate(invalid="ignore"):
        step = np.abs(redshift[first] - redshift[second])
    compared = ~star[first] & ~star[second] & ~np.isnan(step)
    mixed = star[first] != star[second]
    counted = np.flatnonzero(compared | mixed)
    low = np.minimum(survey[first], survey[second])
    high = np.maximum(survey[first], survey[second])
    groups = _groups(counted, low[counted] * len(texts) + high[counted])
    largest = sorted(range(len(groups)), key=lambda place: -len(groups[place]))[:_MAX_ENTRIES]
    most = [groups[place] for place in sorted(largest)]
    surveys = [
        _of_surveys(str(texts[low[own[0]]]), str(texts[high[own[0]]]), step[own[compared[own]]],
                    delta_z, int(mixed[own].sum()))
        for own in most
    ]  # fmt: skip
    ends = np.concatenate([first[compared], second[compared]])
    differs = np.concatenate([step[compared], step[compared]]) > delta_z
    flags = _of_flags(texts, survey[ends], flag[ends], differs)
    return ConflictReport(delta_z, tuple(surveys), flags, len(groups) - len(most))


def _named(columns: Mapping[str, pa.Array], rows: pa.Array) -> tuple[npt.NDArray[Any], Places]:
    """Name the survey of each row, by its place in a sorted list."""
    names = pc.coalesce(columns["survey"].take(rows), columns["source"].take(rows))
    encoded = names.dictionary_encode()
    texts = np.array(encoded.dictionary.to_pylist(), object)
    order = np.argsort(texts)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return texts[order], rank[encoded.indices.to_numpy(zero_copy_only=False)]


def _groups(values: Places, codes: Places) -> list[Places]:
    """Split values by their codes, in the order of these."""
    if not len(values):
        return []
    order = np.argsort(codes, kind="stable")
    borders = np.flatnonzero(np.diff(codes[order])) + 1
    return np.split(values[order], borders)


def _of_surveys(
    low: str, high: str, steps: npt.NDArray[np.float64], delta_z: float, stars: int
) -> SurveyConflicts:
    conflicts = int((steps > delta_z).sum())
    some = len(steps) > 0
    return SurveyConflicts(
        low,
        high,
        len(steps),
        conflicts,
        conflicts / len(steps) if some else None,
        float(np.median(steps)) if some else None,
        float(steps.max()) if some else None,
        stars,
    )


def _of_flags(
    texts: npt.NDArray[Any],
    survey: Places,
    flag: npt.NDArray[np.float64],
    differs: npt.NDArray[np.bool_],
) -> tuple[FlagConflicts, ...]:
    coded = survey * 10 + np.where(np.isnan(flag), 9, flag).astype(np.int64)
    found = []
    for own in _groups(np.arange(len(coded)), coded)[:_MAX_ENTRIES]:
        place, code = divmod(int(coded[own[0]]), 10)
        conflicts = int(differs[own].sum())
        value = None if code == 9 else float(code)
        found.append(
            FlagConflicts(str(texts[place]), value, len(own), conflicts, conflicts / len(own))
        )
    return tuple(found)
