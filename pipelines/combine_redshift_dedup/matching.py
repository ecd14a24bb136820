"""Rows that lie closer together than the radius: pairs on the sphere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from pipelines.errors import PipelineFailed

__all__ = ["Links", "find_links"]

Doubles: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.int64]

_MAX_PAIRS_PER_ROW = 50
_FREE_PAIRS = 5_000_000
"""Pairs beyond which positions are placeholders rather than sky: memory would go with the square
of the rows at one place. Real combinations have less than one pair per row."""


@dataclass(frozen=True, slots=True)
class Links:
    """Neighbours, each pair in both directions, ordered by `rows`.

    Attributes
    ----------
    rows, neighbours
        Places of rows.
    separation_arcsec
        Great-circle distance.
    """

    rows: Places
    neighbours: Places
    separation_arcsec: Doubles


def find_links(ra_deg: Doubles, dec_deg: Doubles, radius_arcsec: float) -> Links:
    """Find all pairs of rows that are closer than a radius.

    Parameters
    ----------
    ra_deg, dec_deg
        Positions, ICRS.
    radius_arcsec
        Pairs at exactly this distance are not linked.

    Raises
    ------
    PipelineFailed
        If so many rows are at one place that they cannot be positions.

    Notes
    -----
    Distances are chords between unit vectors, ``2 sin(r / 2)`` for the angle r; the result does
    not depend on the order of the rows. Nothing bounds the neighbours of a row.
    """
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    vectors = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)
    chord = 2 * np.sin(np.radians(radius_arcsec / 3600) / 2)
    _refuse_heaps(vectors, chord, ra_deg, dec_deg)
    tree = cKDTree(vectors, balanced_tree=False, compact_nodes=False)
    pairs = tree.query_pairs(chord * (1 + 1e-9), output_type="ndarray").astype(np.int64, copy=False)
    steps = vectors[pairs[:, 0]] - vectors[pairs[:, 1]]
    squares = np.einsum("ij,ij->i", steps, steps)
    inside = squares < chord * chord
    pairs, squares = pairs[inside], squares[inside]
    separation = np.degrees(2 * np.arcsin(np.sqrt(squares) / 2)) * 3600
    rows = np.concatenate([pairs[:, 0], pairs[:, 1]])
    neighbours = np.concatenate([pairs[:, 1], pairs[:, 0]])
    order = np.lexsort((neighbours, rows))
    both = np.concatenate([separation, separation])
    return Links(rows[order], neighbours[order], both[order])


def _refuse_heaps(vectors: Doubles, chord: float, ra_deg: Doubles, dec_deg: Doubles) -> None:
    """Refuse positions that are shared by so many rows that their pairs would fill the memory."""
    # All rows in a cube of this side are linked with each other.
    side = chord / np.sqrt(3) * 0.999
    cells = np.floor(vectors / side).astype(np.int64)
    keys = (cells[:, 0] * 73_856_093) ^ (cells[:, 1] * 19_349_663) ^ (cells[:, 2] * 83_492_791)
    order = np.argsort(keys)
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counts = np.diff(np.append(starts, len(ordered))).astype(np.float64)
    if (counts * (counts - 1) / 2).sum() > _FREE_PAIRS + _MAX_PAIRS_PER_ROW * len(vectors):
        most = int(np.argmax(counts))
        row = order[starts[most]]
        raise PipelineFailed(
            f"{int(counts[most])} rows lie within the matching radius of ra {ra_deg[row]}, dec "
            f"{dec_deg[row]}: placeholders instead of positions? Remove these rows with row_cuts"
        )
