"""Objects that lie closer to redshifts than the radius, block by block of a catalogue.

The redshifts look up every cell that they can reach, so that it does not matter in which
partition an object is: no margin is needed, and a match at a border is found where its object is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from registry.healpix import HEALPIX_ORDER, healpix_index

__all__ = ["Block", "Doubles", "Pairs", "Places", "Positions", "nearest"]

Doubles: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.int64]

_NARROWEST_CELL_RAD = 0.7
"""Distance between opposite edges of the narrowest cell of order k, times 2^k, rounded down: a
circle of this radius around any point of a cell lies within the cell and its neighbours
(cdshealpix: SMALLEST_EDGE2OPEDGE_DIST, 0.711 from order 7 on)."""

_CANDIDATES = 2_000_000
"""Distances that are computed at once: 100 MB."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Redshifts and objects that match.

    Attributes
    ----------
    rows
        Numbers of redshifts.
    objects
        Places of objects in their block.
    separation_arcsec
        Great-circle distance.
    """

    rows: Places
    objects: Places
    separation_arcsec: Doubles

    def kept(self, which: npt.NDArray[np.bool_] | Places) -> Pairs:
        """Give some of the pairs."""
        return Pairs(self.rows[which], self.objects[which], self.separation_arcsec[which])


@dataclass(frozen=True, slots=True)
class Block:
    """Positions of objects, in the order of their index.

    Attributes
    ----------
    index
        Nested HEALPix index of order 29, ascending.
    ra, dec
        Degrees, ICRS.
    places
        Of the objects, in the block as it was read.
    """

    index: Places
    ra: Doubles
    dec: Doubles
    places: Places

    @classmethod
    def of(cls, ra: pa.Array, dec: pa.Array, index: Places | None = None) -> Block:
        """Sort positions; those that are none are left out.

        Parameters
        ----------
        ra, dec
            Degrees, ICRS; numbers of any type.
        index
            Of the positions, where it is known for all of them.

        Raises
        ------
        ValueError
            If a declination is beyond the poles.
        """
        places = np.arange(len(ra))
        if index is None:
            found = healpix_index(ra, dec)
            index = found.fill_null(-1).to_numpy(zero_copy_only=False)
        longitude, latitude = doubles(ra), doubles(dec)
        if len(index) and (index[0] < 0 or np.any(index[1:] < index[:-1])):
            places = np.argsort(index, kind="stable")
            places = places[np.searchsorted(index[places], 0) :]
            index, longitude, latitude = index[places], longitude[places], latitude[places]
        return cls(index, longitude, latitude, places)


class Positions:
    """Positions of redshifts, with the cells in which their objects may be.

    Parameters
    ----------
    rows
        Numbers of the redshifts.
    ra, dec
        Degrees, ICRS, finite.
    radius_arcsec
        Pairs at this distance are no match; at most 90.
    """

    def __init__(self, rows: Places, ra: Doubles, dec: Doubles, radius_arcsec: float) -> None:
        from cdshealpix.nested import neighbours

        radius = math.radians(radius_arcsec / 3600)
        order = min(HEALPIX_ORDER - 1, int(math.log2(_NARROWEST_CELL_RAD / radius)))
        self._radius_arcsec = radius_arcsec
        self._shift = 2 * (HEALPIX_ORDER - order)
        own = healpix_index(pa.array(ra), pa.array(dec)).to_numpy(zero_copy_only=False)
        cells = neighbours((own >> self._shift).astype(np.uint64), order).astype(np.int64)
        reached = cells.ravel()
        which = np.repeat(np.arange(len(rows)), cells.shape[1])
        there = reached >= 0
        reached, which = reached[there], which[there]
        by_cell = np.argsort(reached, kind="stable")
        self._cells, self._which = reached[by_cell], which[by_cell]
        self._rows, self._ra, self._dec = rows, ra, dec

    def __len__(self) -> int:
        return len(self._rows)

    def reaching(self, start: int, stop: int) -> Positions | None:
        """Give those that may have an object in a range of the index; none if there are none.

        Parameters
        ----------
        start, stop
            Of the nested index of order 29; `stop` is outside.
        """
        part = self._part(start, stop)
        if part.start == part.stop:
            return None
        chosen, which = np.unique(self._which[part], return_inverse=True)
        found = object.__new__(Positions)
        found._radius_arcsec, found._shift = self._radius_arcsec, self._shift
        found._cells, found._which = self._cells[part], which.astype(np.int64)
        found._rows, found._ra, found._dec = (
            self._rows[chosen], self._ra[chosen], self._dec[chosen],
        )  # fmt: skip
        return found

    def pairs(self, block: Block) -> Pairs:
        """Find all pairs with the objects of a block.

        Parameters
        ----------
        block
            Of a catalogue.
        """
        empty = np.empty(0, np.int64)
        if not len(block.index):
            return Pairs(empty, empty, np.empty(0))
        part = self._part(int(block.index[0]), int(block.index[-1]) + 1)
        cells, which = self._cells[part], self._which[part]
        first = np.searchsorted(block.index, cells << self._shift)
        counts = np.searchsorted(block.index, (cells + 1) << self._shift) - first
        found = [
            self._near(block, first[piece], counts[piece], which[piece])
            for piece in _pieces(counts)
        ]
        if not found:
            return Pairs(empty, empty, np.empty(0))
        return Pairs(*(np.concatenate([getattr(f, name) for f in found]) for name in _PARTS))

    def matched(self, block: Block) -> Places:
        """Find the numbers of the redshifts that have an object in a block."""
        return np.unique(self.pairs(block).rows)

    def _part(self, start: int, stop: int) -> slice:
        low = np.searchsorted(self._cells, start >> self._shift)
        high = np.searchsorted(self._cells, (stop - 1) >> self._shift, side="right")
        return slice(int(low), int(high))

    def _near(self, block: Block, first: Places, counts: Places, which: Places) -> Pairs:
        rows = np.repeat(which, counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        objects = np.repeat(first, counts) + within
        steps = _vectors(self._ra[rows], self._dec[rows])
        steps -= _vectors(block.ra[objects], block.dec[objects])
        chord = np.sqrt(np.einsum("ij,ij->j", steps, steps))
        separation = np.degrees(2 * np.arcsin(np.minimum(chord / 2, 1))) * 3600
        near = separation < self._radius_arcsec
        return Pairs(self._rows[rows[near]], block.places[objects[near]], separation[near])


_PARTS = ("rows", "objects", "separation_arcsec")


def nearest(pairs: Pairs, count: int | None) -> Pairs:
    """Keep the nearest objects of each redshift, and those that are as near as the last of them.

    Parameters
    ----------
    pairs
        In any order.
    count
        For each redshift at most, ties aside; none keeps all.

    Returns
    -------
    Pairs
        By redshift, then by distance.
    """
    order = np.lexsort((pairs.separation_arcsec, pairs.rows))
    pairs = pairs.kept(order)
    if count is None or not len(order):
        return pairs
    begins = np.flatnonzero(np.diff(pairs.rows, prepend=pairs.rows[0] - 1))
    lengths = np.diff(np.append(begins, len(order)))
    last = begins + np.minimum(lengths, count) - 1
    limit = np.repeat(pairs.separation_arcsec[last], lengths)
    return pairs.kept(pairs.separation_arcsec <= limit)


def doubles(values: pa.Array) -> Doubles:
    """Give numbers as doubles; what is none is NaN.

    Parameters
    ----------
    values
        Numbers.
    """
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    found: Doubles = values.cast(pa.float64()).fill_null(math.nan).to_numpy(zero_copy_only=False)
    return found


def _vectors(ra: Doubles, dec: Doubles) -> Doubles:
    longitude, latitude = np.radians(ra), np.radians(dec)
    flat = np.cos(latitude)
    return np.stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)])


def _pieces(counts: Places) -> list[slice]:
    """Cut cells into pieces with so many candidates as fit into memory."""
    total = np.cumsum(counts)
    if not len(total) or not total[-1]:
        return []
    steps = np.arange(_CANDIDATES, int(total[-1]), _CANDIDATES)
    cuts = np.unique(
        np.concatenate([[0], np.searchsorted(total, steps, side="right"), [len(total)]])
    )
    return [slice(int(a), int(b)) for a, b in pairwise(cuts)]
