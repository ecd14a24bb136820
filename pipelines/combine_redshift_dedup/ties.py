"""Groups of rows of one object, and which row of each is the best (contract, part 1.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = [
    "HARD_TIE",
    "LOSER",
    "STAR_ROW",
    "WINNER",
    "Resolution",
    "linked_rows",
    "resolve_ties",
    "type_ranks",
]

Doubles: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

LOSER, WINNER, HARD_TIE, STAR_ROW = 0, 1, 2, 3
"""Values of ``tie_result``: another row is better; alone or best; equally good rows with
different redshifts; a star, which is never compared."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What became of each row.

    Attributes
    ----------
    tie_result
        One of the four values.
    group
        Place of the row that gives its group its name: the first in the order of `keys`.
    group_members
        Number of rows of the group, stars included.
    """

    tie_result: npt.NDArray[np.int8]
    group: Places
    group_members: npt.NDArray[np.int32]


def resolve_ties(
    links: tuple[Places, Places],
    *,
    is_star: Bools,
    priorities: Sequence[Doubles],
    redshift: Doubles,
    delta_z_threshold: float,
    identifiers: pa.Array,
    keys: Places,
) -> Resolution:
    """Group linked rows and choose the best of each group.

    Parameters
    ----------
    links
        Rows and their neighbours; a link in one direction is enough to group two rows.
    is_star
        Rows that are compared with nothing.
    priorities
        Values by which rows are compared, the decisive one first; larger ones are better, NaN is
        worst.
    redshift
        NaN where there is none.
    delta_z_threshold
        Largest step between redshifts of the same measurement; 0 to compare no redshifts.
    identifiers
        Texts whose order decides between rows of the same measurement.
    keys
        A different number for each row; the smallest of a group names it.

    Notes
    -----
    Steps are compared as the doubles that they are, as the original does: 0.501 - 0.500 is more
    than 0.001. Redshifts are chained: each is compared with the next larger one of its group.
    """
    rows = len(is_star)
    result = np.ones(rows, np.int8)
    # Everything below concerns linked rows alone, which are few.
    linked, (source, target) = linked_rows(links, rows)
    star = is_star[linked]
    edges = ~star[source] & ~star[target]
    labels = _components(source[edges], target[edges], len(linked))
    sizes = np.bincount(labels, minlength=len(linked))
    contested = ~star & (sizes[labels] > 1)
    places = np.flatnonzero(contested)
    picked = linked[places]
    outcome = _outcome(
        labels[places],
        [values[picked] for values in priorities],
        redshift[picked],
        delta_z_threshold,
        _ranks(identifiers.take(pa.array(picked))),
    )
    # A row that names no neighbour but stars keeps its place, whoever names it.
    has_rival = np.zeros(len(linked), np.bool_)
    has_rival[source[edges]] = True
    result[picked] = np.where(has_rival[places], outcome, WINNER)
    result[is_star] = STAR_ROW
    group = np.arange(rows, dtype=np.int64)
    heads = _group_heads(labels, contested, keys[linked])
    _adopt_stars(heads, source[~edges], target[~edges], contested, keys[linked])
    group[linked] = linked[heads]
    members = np.bincount(group, minlength=rows)[group].astype(np.int32)
    return Resolution(result, group, members)


def linked_rows(links: tuple[Places, ...], rows: int) -> tuple[Places, tuple[Places, ...]]:
    """Give numbers to the rows that have neighbours.

    Parameters
    ----------
    links
        Rows, one array for each end.
    rows
        Number of all rows.

    Returns
    -------
    tuple
        Those that occur, in their order; and the links as places among them.
    """
    occurs = np.zeros(rows, np.bool_)
    for ends in links:
        occurs[ends] = True
    linked = np.flatnonzero(occurs)
    place = np.zeros(rows, np.int64)
    place[linked] = np.arange(len(linked))
    return linked, tuple(place[ends] for ends in links)


def type_ranks(types: pa.Array, priority: Mapping[str, float]) -> Doubles:
    """Rank instrument types; unknown and missing ones are 0."""
    places = pc.index_in(types, pa.array([*priority])).fill_null(len(priority))
    ranks = np.array([*priority.values(), 0.0])
    result: Doubles = ranks[places.to_numpy(zero_copy_only=False)]
    return result


def _components(source: Places, target: Places, size: int) -> Places:
    graph = coo_array((np.ones(len(source), np.int8), (source, target)), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    result: Places = labels.astype(np.int64)
    return result


def _ranks(identifiers: pa.Array) -> Places:
    order = pc.sort_indices(identifiers).to_numpy(zero_copy_only=False).astype(np.int64)
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def _outcome(
    labels: Places,
    priorities: Sequence[Doubles],
    redshift: Doubles,
    delta_z_threshold: float,
    ranks: Places,
) -> npt.NDArray[np.int8]:
    """Choose among rows that are all in groups of several."""
    if not len(labels):
        return np.zeros(0, np.int8)
    groups, (label,) = linked_rows((labels,), int(labels.max()) + 1)
    survives = np.ones(len(label), np.bool_)
    for values in priorities:
        candidates = np.where(survives & ~np.isnan(values), values, -np.inf)
        best = np.full(len(groups), -np.inf)
        np.maximum.at(best, label, candidates)
        survives &= candidates == best[label]
    if delta_z_threshold > 0:
        survives &= ~_repeats(
            label, survives & ~np.isnan(redshift), redshift, delta_z_threshold, ranks
        )
    left = np.bincount(label[survives], minlength=len(groups))
    outcome = np.where(left[label] == 1, WINNER, HARD_TIE)
    return np.where(survives, outcome, LOSER).astype(np.int8)


def _repeats(
    label: Places, compared: Bools, redshift: Doubles, threshold: float, ranks: Places
) -> Bools:
    """Find rows whose redshift is that of another row with a smaller identifier."""
    places = np.flatnonzero(compared)
    repeats = np.zeros(len(label), np.bool_)
    if not len(places):
        return repeats
    order = places[np.lexsort((ranks[places], redshift[places], label[places]))]
    with np.errstate(invalid="ignore"):
        step = np.diff(redshift[order]) > threshold
    starts = np.concatenate([[True], step | (np.diff(label[order]) != 0)])
    cluster = np.cumsum(starts) - 1
    smallest = np.minimum.reduceat(ranks[order], np.flatnonzero(starts))
    repeats[order] = ranks[order] != smallest[cluster]
    return repeats


def _group_heads(labels: Places, contested: Bools, keys: Places) -> Places:
    """Give for each row the one that names its group: the first of it in the order of the keys."""
    heads = np.arange(len(labels))
    order = np.argsort(keys)
    in_order = order[contested[order]][::-1]
    head_of_label = np.zeros(len(labels), np.int64)
    # Of several rows of a label the one that is written last stays: the first by its key.
    head_of_label[labels[in_order]] = in_order
    heads[contested] = head_of_label[labels[contested]]
    return heads


def _adopt_stars(
    heads: Places, source: Places, target: Places, contested: Bools, keys: Places
) -> None:
    """Let stars share the lowest group among their neighbours, where several rows form one.

    `source` and `target` are the links in which at least one end is a star, and stars are not
    contested themselves.
    """
    stars = np.concatenate([source[contested[target]], target[contested[source]]])
    found = np.concatenate([target[contested[target]], source[contested[source]]])
    by_key = np.argsort(keys[heads[found]])[::-1]
    heads[stars[by_key]] = heads[found[by_key]]
