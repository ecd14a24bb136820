"""Prepared catalogues put together: duplicates found, resolved, and removed where asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.combine_redshift_dedup.cells import doubles
from pipelines.combine_redshift_dedup.conflicts import ConflictReport, count_conflicts
from pipelines.combine_redshift_dedup.mapping import FLAG, TYPE
from pipelines.combine_redshift_dedup.matching import Links, find_links
from pipelines.combine_redshift_dedup.parameters import (
    CombineParameters,
    CombineType,
    TieTreatment,
)
from pipelines.combine_redshift_dedup.preparation import PreparedCatalogue
from pipelines.combine_redshift_dedup.ties import (
    HARD_TIE,
    WINNER,
    linked_rows,
    resolve_ties,
    type_ranks,
)
from pipelines.combine_redshift_dedup.translation import STAR, FlagsTranslation
from pipelines.errors import PipelineFailed

__all__ = ["ROWS_PER_CATALOGUE", "Combination", "combine"]

Places: TypeAlias = npt.NDArray[np.int64]
Report: TypeAlias = Callable[[str, float | None, str | None], None]

ROWS_PER_CATALOGUE = 10_000_000_000
"""What the number of a catalogue is multiplied with in a group's number, to make room for the
number of the row: the group of CRD012_34 is 120000000034."""

_LEADING = (
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
)
_TRAILING = ("group_id", "n_group_members", "nearest_separation_arcsec")


@dataclass(frozen=True, slots=True)
class Combination:
    """The product and what there is to say of it.

    Attributes
    ----------
    table
        Rows in the order of the inputs and of their files.
    conflicts
        Of rows of the same object; none where the catalogues were put together only.
    counts
        Numbers for the report: rows read and kept, pairs, groups, rows by result.
    """

    table: pa.Table
    conflicts: ConflictReport | None
    counts: Mapping[str, Any] = field(default_factory=dict)


def combine(
    catalogues: Sequence[PreparedCatalogue],
    parameters: CombineParameters,
    translation: FlagsTranslation,
    report: Report = lambda _step, _fraction, _text: None,
    keeps_null_columns: bool = False,
) -> Combination:
    """Combine prepared catalogues.

    Parameters
    ----------
    catalogues
        In the order of the inputs.
    parameters, translation
        Of the run; the parameters' own values are already in the translation.
    report
        Is told how far it is, and may raise to stop.
    keeps_null_columns
        Whether columns without any value stay.

    Raises
    ------
    PipelineFailed
        If no row is left, or positions are placeholders.
    """
    used = [catalogue for catalogue in catalogues if catalogue.rows]
    if not used:
        raise PipelineFailed(
            "no row of any catalogue passes the cuts; lower z_flag_homogenized_value_to_cut or "
            "change row_cuts"
        )
    columns = _stacked(used)
    keys = np.concatenate([c.number * ROWS_PER_CATALOGUE + c.row_numbers for c in used])
    counts: dict[str, Any] = {"rows_combined": len(keys)}
    conflicts = None
    if parameters.marks_duplicates:
        report("crossmatch", 0.5, f"{len(keys)} rows")
        links = find_links(
            doubles(columns["ra"]), doubles(columns["dec"]), translation.crossmatch_radius_arcsec
        )
        report("deduplication", 0.65, f"{len(links.rows) // 2} pairs")
        counts |= _mark(columns, links, keys, parameters, translation)
        conflicts = count_conflicts(columns, links, _conflict_step(parameters, translation))
        if parameters.combine_type is CombineType.REMOVE:
            columns = _removed(columns, parameters)
    table = pa.table(_ordered(columns, parameters, keeps_null_columns))
    counts["rows_of_product"] = table.num_rows
    if not table.num_rows:
        raise PipelineFailed(
            "no row is left: every row is a star or an undecided tie; choose keep_all or draw_one "
            "as tie_treatment_option"
        )
    return Combination(table, conflicts, counts)


def _conflict_step(parameters: CombineParameters, translation: FlagsTranslation) -> float:
    own = parameters.conflict_delta_z
    return translation.delta_z_threshold if own is None else own


def _stacked(catalogues: Sequence[PreparedCatalogue]) -> dict[str, pa.Array]:
    """Put the columns of all catalogues behind each other, null where one has no such column."""
    kinds: dict[str, pa.DataType] = {}
    for catalogue in catalogues:
        for name, array in catalogue.columns.items():
            known = kinds.get(name)
            kinds[name] = array.type if known is None else _common(known, array.type)
    stacked = {}
    for name, kind in kinds.items():
        parts = [
            _cast(catalogue.columns.pop(name), kind)
            if name in catalogue.columns
            else pa.nulls(catalogue.rows, kind)
            for catalogue in catalogues
        ]
        stacked[name] = parts[0] if len(parts) == 1 else pa.concat_arrays(parts)
    return stacked


def _common(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if pa.types.is_integer(one) and pa.types.is_integer(other):
        return pa.int64()
    numeric = all(pa.types.is_integer(k) or pa.types.is_floating(k) for k in (one, other))
    return pa.float64() if numeric else pa.string()


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    return array if array.type == kind else array.cast(kind, safe=False)


def _mark(
    columns: dict[str, pa.Array],
    links: Links,
    keys: Places,
    parameters: CombineParameters,
    translation: FlagsTranslation,
) -> dict[str, Any]:
    """Add the columns that say which rows are of one object, and which is the best."""
    priorities = [
        type_ranks(columns[name], translation.instrument_type_priority)
        if name == TYPE
        else doubles(columns[name])
        for name in translation.tiebreaking_priority
    ]
    found = resolve_ties(
        (links.rows, links.neighbours),
        is_star=doubles(columns[FLAG]) == STAR,
        priorities=priorities,
        redshift=doubles(columns["z"]),
        delta_z_threshold=translation.delta_z_threshold,
        identifiers=columns["CRD_ID"],
        keys=keys,
    )
    columns["tie_result"] = pa.array(found.tie_result)
    columns["group_id"] = pa.array(keys[found.group])
    firsts = np.flatnonzero(np.diff(links.rows, prepend=-1))
    columns["compared_to"] = _neighbour_lists(columns["CRD_ID"], links, firsts)
    if parameters.insert_match_columns:
        columns["n_group_members"] = pa.array(found.group_members)
        nearest = np.full(len(keys), np.nan)
        if len(firsts):
            nearest[links.rows[firsts]] = np.minimum.reduceat(links.separation_arcsec, firsts)
        columns["nearest_separation_arcsec"] = pa.array(nearest, from_pandas=True)
    per_row = np.diff(np.append(firsts, len(links.rows)))
    is_head = found.group == np.arange(len(keys))
    results = np.bincount(found.tie_result, minlength=4)
    return {
        "pairs": len(links.rows) // 2,
        "groups": int(is_head.sum()),
        "groups_of_several_rows": int((found.group_members[is_head] > 1).sum()),
        "tie_result": {str(value): int(count) for value, count in enumerate(results)},
        "rows_with_more_neighbours_than_crossmatch_n_neighbors": int(
            (per_row > translation.crossmatch_n_neighbors).sum()
        ),
    }


def _neighbour_lists(identifiers: pa.Array, links: Links, firsts: Places) -> pa.Array:
    """Write, for each row, the identifiers of its neighbours in their order as texts."""
    rows = len(identifiers)
    if not len(firsts):
        return pa.nulls(rows, pa.string())
    # Links go both ways, so every neighbour is among the linked rows.
    linked, (neighbours,) = linked_rows((links.neighbours,), rows)
    order = pc.sort_indices(identifiers.take(pa.array(linked))).to_numpy(zero_copy_only=False)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    by_name = np.lexsort((rank[neighbours], links.rows))
    names = identifiers.take(pa.array(links.neighbours[by_name]))
    offsets = np.append(firsts, len(names)).astype(np.int32)
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), names), ", ")
    places = np.full(rows, -1, np.int64)
    places[linked] = np.arange(len(linked))
    return joined.take(pa.array(places, mask=places < 0))


def _removed(columns: dict[str, pa.Array], parameters: CombineParameters) -> dict[str, pa.Array]:
    result = columns["tie_result"].to_numpy().copy()
    keeps = result == WINNER
    if parameters.tie_treatment_option is TieTreatment.KEEP_ALL:
        keeps |= result == HARD_TIE
    elif parameters.tie_treatment_option is TieTreatment.DRAW_ONE:
        drawn = _drawn(columns, np.flatnonzero(result == HARD_TIE), parameters.random_seed)
        result[drawn] = WINNER
        columns["tie_result"] = pa.array(result)
        keeps[drawn] = True
    places = pa.array(np.flatnonzero(keeps))
    return {name: array.take(places) for name, array in columns.items()}


def _drawn(columns: Mapping[str, pa.Array], ties: Places, seed: int) -> Places:
    """Draw one row of each group: the one with the smallest hash of seed and identifier.

    So a draw depends on the seed and the rows of the group alone, not on the order of the rows.
    """
    if not len(ties):
        return ties
    salt = seed.to_bytes(8, "big")
    texts = columns["CRD_ID"].take(pa.array(ties)).to_pylist()
    hashes = np.array(
        [
            int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, key=salt).digest(), "big")
            for text in texts
        ],
        np.uint64,
    )
    groups = columns["group_id"].take(pa.array(ties)).to_numpy()
    order = np.lexsort((hashes, groups))
    firsts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    return ties[order[firsts]]


def _ordered(
    columns: Mapping[str, pa.Array], parameters: CombineParameters, keeps_null_columns: bool
) -> dict[str, pa.Array]:
    leading = [name for name in _LEADING if name in columns]
    trailing = [name for name in _TRAILING if name in columns]
    extras = [name for name in parameters.extra_columns if name in columns]
    others = [name for name in columns if name not in {*leading, *trailing, *extras}]
    return {
        name: columns[name]
        for name in (*leading, *others, *extras, *trailing)
        if keeps_null_columns
        or name in parameters.extra_columns
        or columns[name].null_count < len(columns[name])
    }
