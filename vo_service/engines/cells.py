"""Cells of the positional index: the ranges of HEALPix cells that hold a cone or a polygon.

The same for every engine. The ranges are always a superset, so that an exact test decides.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import numpy as np

__all__ = [
    "HEALPIX_ORDER",
    "MAX_INDEXED_RADIUS_DEG",
    "bounding_cone",
    "cone_ranges",
    "envelope_suffices",
]

HEALPIX_ORDER = 29
"""Order of the HEALPix index of tables: the finest that fits 64 bits (0.4 mas cells)."""

MAX_INDEXED_RADIUS_DEG = 90.0
"""Above it ``cdshealpix.cone_search`` loses cells (measured), so the index is not used."""

_RADIUS_PADDING = 1e-9
"""Relative and absolute (in degrees: 4 microarcseconds) widening of the range step, far above the
rounding of the exact test and far below any cell that matters."""

_MAX_RANGES = 32
"""More ranges cost more to test than the rows that they spare; the smallest gaps are closed."""

_CELLS = 12 * 4**HEALPIX_ORDER

_CHEAP_ROWS = 20_000
"""The exact test of so many rows costs as much as a handful of ranges (0.4 ms, measured)."""


def envelope_suffices(ranges: tuple[tuple[int, int], ...], rows: int) -> bool:
    """Tell whether it is cheaper to test all rows between the first and the last range.

    Parameters
    ----------
    ranges
        As `cone_ranges` gives them.
    rows
        Rows of the table, taken as spread over the sky.
    """
    covered = sum(last - first + 1 for first, last in ranges)
    span = ranges[-1][1] - ranges[0][0] + 1
    spared: float = rows * (span - covered) / _CELLS
    return spared < _CHEAP_ROWS


@lru_cache(maxsize=1024)
def cone_ranges(
    ra_deg: float, dec_deg: float, radius_deg: float
) -> tuple[tuple[int, int], ...] | None:
    """Give the ranges of the HEALPix index that hold every point of a cone.

    Parameters
    ----------
    ra_deg, dec_deg
        Centre, ICRS degrees; the declination in [-90, 90].
    radius_deg
        Radius in degrees.

    Returns
    -------
    tuple or None
        First and last cell of each range, both included, ascending; none where the index cannot
        help (radius not in [0, 90], or a centre that is no position).

    Notes
    -----
    The depth of the cells is chosen so that a cell is about as large as the cone: a handful of
    ranges. Cells come from ``cdshealpix`` as a multi-order list.
    """
    from astropy import units
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix import nested

    if not (0 <= radius_deg <= MAX_INDEXED_RADIUS_DEG - _RADIUS_PADDING and abs(dec_deg) <= 90):
        return None
    if not math.isfinite(ra_deg):
        return None
    padded_deg = radius_deg * (1 + _RADIUS_PADDING) + _RADIUS_PADDING
    cells, depths, _ = nested.cone_search(
        Longitude(ra_deg, units.deg),
        Latitude(dec_deg, units.deg),
        padded_deg * units.deg,
        _depth(padded_deg),
    )
    # A handful of cells: plain integers are faster than arrays.
    spans = []
    for cell, depth in zip(cells.tolist(), depths.tolist(), strict=True):
        shift = 2 * (HEALPIX_ORDER - depth)
        spans.append((cell << shift, ((cell + 1) << shift) - 1))
    return _merge(sorted(spans))


def bounding_cone(
    vertices_deg: tuple[tuple[float, float], ...],
) -> tuple[float, float, float] | None:
    """Give a cone that holds a polygon of great-circle arcs.

    Parameters
    ----------
    vertices_deg
        Longitude and latitude of the vertices, in degrees.

    Returns
    -------
    tuple or None
        Longitude, latitude and radius in degrees; none where the vertices have no middle, or
        lie farther than 90 degrees from it (a cone up to there is convex, and so holds the
        arcs between its points).
    """
    lon, lat = np.radians(np.array(vertices_deg, dtype=float)).T
    vectors = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    middle = vectors.sum(axis=1)
    length = float(np.linalg.norm(middle))
    if not length > 1e-6:
        return None
    middle /= length
    apart = np.linalg.norm(vectors - middle[:, None], axis=0)
    radius_deg = float(np.degrees(2 * np.arcsin(np.clip(apart.max() / 2, 0, 1)))) + 1e-9
    if not radius_deg < MAX_INDEXED_RADIUS_DEG:
        return None
    x, y, z = middle
    return (
        float(np.degrees(np.arctan2(y, x))) % 360,
        float(np.degrees(np.arctan2(z, np.hypot(x, y)))),
        radius_deg,
    )


def _depth(radius_deg: float) -> int:
    # A cell of depth d is about 58.6 / 2**d degrees wide; one depth finer than the radius.
    # cdshealpix itself looks two depths deeper, and must not pass the finest.
    depth = math.ceil(math.log2(58.6 / radius_deg)) + 1
    return min(max(depth, 0), HEALPIX_ORDER - 2)


def _merge(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Join neighbouring spans, and close the smallest gaps while there are too many."""
    gaps = sorted(
        (after[0] - before[1] - 1 for before, after in itertools.pairwise(spans)), reverse=True
    )
    widest = gaps[_MAX_RANGES - 1] if len(gaps) >= _MAX_RANGES else 0
    merged = [spans[0]]
    for first, last in spans[1:]:
        if first - merged[-1][1] - 1 > widest:
            merged.append((first, last))
        else:
            merged[-1] = (merged[-1][0], last)
    return tuple(merged)
