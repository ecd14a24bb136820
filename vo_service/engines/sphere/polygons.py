"""Polygons of great-circle arcs, many at once.

A `Polygons` holds k polygons of n vertices each. The inside is the smaller of the two regions
that the arcs bound, whatever the sense of rotation; vertices are turned so that the inside is on
the left. A polygon may be concave, hold a pole, and stretch over more than 90 degrees, but may
not cross itself. Arcs are shorter than 180 degrees.

Whether a point is inside is decided by counting the arcs that a great circle from it to a
reference position crosses. Everything is a sign of a triple product of unit vectors, so that it
is as exact as the vectors are (about 1e-16 rad).
"""

from __future__ import annotations

import functools

import numpy as np

from vo_service.engines.sphere.vectors import Counts, Floats, Truths, angles, cross, unit_vectors

__all__ = ["BORDER_RAD", "Polygons"]

BORDER_RAD = 1e-12
"""Half width of the border, which counts as inside: 0.2 microarcseconds, far above the rounding
of double precision and far below the 0.25 milliarcseconds that are asked for."""

_SMALL_RAD = 1e-4
"""Below it the centroid is that of plane triangles, above it that of arcs: there both are wrong
by 1e-12 rad."""

_REFERENCES = np.array(
    [[0.23570226, -0.57131241, 0.78615138], [-0.61237244, 0.35355339, -0.70710678]]
)
_REFERENCES = _REFERENCES / np.linalg.norm(_REFERENCES, axis=1)[:, None]
# Two positions that no catalogue has its edges at; the second serves the antipode of the first.


class Polygons:
    """Polygons with the same number of vertices.

    Parameters
    ----------
    vertices_deg
        Longitudes and latitudes in degrees, shape (k, 2n).
    """

    def __init__(self, vertices_deg: Floats) -> None:
        vertices = unit_vectors(vertices_deg[:, 0::2], vertices_deg[:, 1::2])
        area = _signed_area(vertices)
        # Reduced to the nearer side of zero, so that small clockwise areas keep their digits.
        area -= 4 * np.pi * np.round(area / (4 * np.pi))
        self.area_sr: Floats = np.abs(area)
        large = area < 0
        self.vertices: Floats = np.where(large[:, None, None], vertices[:, ::-1], vertices)
        self.ends: Floats = np.roll(self.vertices, -1, axis=1)
        normals = cross(self.vertices, self.ends)
        length = np.linalg.norm(normals, axis=-1, keepdims=True)
        # Repeated vertices make no arc; NaN compares as neither side.
        with np.errstate(invalid="ignore", divide="ignore"):
            self.normals: Floats = np.where(length > 1e-15, normals / length, np.nan)

    @functools.cached_property
    def centroids(self) -> Floats:
        """Directions to the centres of the areas, not normalised, shape (k, 3)."""
        a, b = self.vertices, self.ends
        whole = np.nansum(angles(a, b)[..., None] * self.normals, axis=1)
        first = self.vertices[:, :1]
        parts = _triangles(first, a, b)[..., None] * (first + a + b)
        extent = angles(first, a).max(axis=1)
        chosen: Floats = np.where((extent < _SMALL_RAD)[:, None], parts.sum(axis=1), whole)
        return chosen

    def contains(self, points: Floats) -> Truths:
        """Tell which points are inside or on the border.

        Parameters
        ----------
        points
            Unit vectors, shape (k, q, 3): q points for each polygon.

        Returns
        -------
        Truths
            Shape (k, q).
        """
        inside = self._parity(points, _REFERENCES[0])
        opposite = points @ _REFERENCES[0] < -1 + 1e-9
        if opposite.any():
            inside = np.where(opposite, self._parity(points, _REFERENCES[1]), inside)
        near = np.abs(_dots(points, self.normals)) <= BORDER_RAD
        if near.any():
            inside |= self._border_distances(points) <= BORDER_RAD
        return inside

    def may_contain(self, points: Floats) -> Truths:
        """Tell which points are near the only polygon: in a cap that holds it, if any does.

        Parameters
        ----------
        points
            Unit vectors, shape (q, 3).
        """
        middle, cosine = self._cap
        near: Truths = points @ middle >= cosine
        return near

    @functools.cached_property
    def _cap(self) -> tuple[Floats, float]:
        """Middle of a cap that holds the first polygon, and the cosine of its radius.

        A cap up to a hemisphere is convex, and so holds the arcs between its points.
        """
        middle = self.vertices[0].sum(axis=0)
        length = float(np.linalg.norm(middle))
        if length < 1e-6:
            return middle, -2.0
        middle = middle / length
        lowest = float((self.vertices[0] @ middle).min())
        return middle, lowest - 1e-14 if lowest > 1e-6 else -2.0

    def border_distances(self, points: Floats) -> Floats:
        """Give the angles from points to the border in radians, shape (k, q)."""
        return self._border_distances(points)

    def crosses(self, other: Polygons) -> Truths:
        """Tell which pairs of polygons have arcs that cross; touching is not crossing."""
        a, b = self.vertices[:, :, None], self.ends[:, :, None]
        c, d = other.vertices[:, None], other.ends[:, None]
        n, m = self.normals[:, :, None], other.normals[:, None]
        from_c, from_d = (c * n).sum(-1), (d * n).sum(-1)
        from_a, from_b = (a * m).sum(-1), (b * m).sum(-1)
        beyond = BORDER_RAD
        first = (from_c > beyond) & (from_d < -beyond) & (from_a < -beyond) & (from_b > beyond)
        second = (from_c < -beyond) & (from_d > beyond) & (from_a > beyond) & (from_b < -beyond)
        found: Truths = (first | second).any(axis=(1, 2))
        return found

    @property
    def middles(self) -> Floats:
        """Middles of the arcs as unit vectors, shape (k, n, 3)."""
        sums = self.vertices + self.ends
        middles: Floats = sums / np.linalg.norm(sums, axis=-1, keepdims=True)
        return middles

    def _parity(self, points: Floats, reference: Floats) -> Truths:
        """Count the arcs between points and a reference, and compare with the reference."""
        crossings = self._crossings(points, np.broadcast_to(reference, points.shape))
        inside = self._reference_inside(reference)
        parity: Truths = (crossings % 2 == 1) ^ inside[:, None]
        return parity

    def _reference_inside(self, reference: Floats) -> Truths:
        """Tell which polygons hold the reference: cross to the middle of an arc, and look left."""
        lengths = angles(self.vertices, self.ends)
        longest = lengths.argmax(axis=1)
        rows = np.arange(len(longest))
        target = self.middles[rows, longest]
        count = self._crossings(
            target[:, None], np.broadcast_to(reference, (len(rows), 1, 3)), skip=longest
        )[:, 0]
        left = self.normals[rows, longest] @ reference > 0
        inside: Truths = left ^ (count % 2 == 1)
        return inside

    def _crossings(self, points: Floats, others: Floats, skip: Counts | None = None) -> Counts:
        """Count the arcs that the arcs from points to others cross, shape (k, q)."""
        path = cross(points, others)
        from_start = _dots(points, self.normals)
        from_end = _dots(others, self.normals)
        side = _dots(path, self.vertices) >= 0
        next_side = np.roll(side, -1, axis=-1)
        # An arc is crossed on this side of the sphere, not opposite to it, when the sense in
        # which the path passes it is the one in which it passes the path.
        upwards = (from_start < 0) & (from_end > 0) & side & ~next_side
        downwards = (from_start > 0) & (from_end < 0) & ~side & next_side
        crossed = upwards | downwards
        if skip is not None:
            crossed[np.arange(len(skip)), :, skip] = False
        counts: Counts = crossed.sum(axis=-1)
        return counts

    def _border_distances(self, points: Floats) -> Floats:
        """Give the smallest angle from each point to an arc."""
        ahead = _dots(points, np.cross(self.normals, self.vertices)) >= 0
        behind = _dots(points, np.cross(self.ends, self.normals)) >= 0
        height = np.abs(_dots(points, self.normals))
        across = np.arcsin(np.clip(height, 0, 1))
        corner = angles(points[:, :, None], self.vertices[:, None])
        corner = np.minimum(corner, np.roll(corner, -1, axis=-1))
        distances: Floats = np.where(ahead & behind, across, corner).min(axis=-1)
        return distances


def _dots(points: Floats, others: Floats) -> Floats:
    """Give the products of each of q points with each of n others, shape (k, q, n)."""
    products: Floats = points @ np.swapaxes(others, -1, -2)
    return products


def _triangles(a: Floats, b: Floats, c: Floats) -> Floats:
    """Give the signed areas of triangles in steradian.

    Notes
    -----
    Eriksson 1990, Mathematics Magazine 63, 184: ``tan(E/2) = a.(b x c) / (1 + a.b + b.c + c.a)``.
    """
    volume = (a * np.cross(b - a, c - a)).sum(-1)
    area: Floats = 2 * np.arctan2(volume, 1 + (a * b).sum(-1) + (b * c).sum(-1) + (c * a).sum(-1))
    return area


def _signed_area(vertices: Floats) -> Floats:
    """Give the area on the left of the arcs in steradian, but for multiples of the sphere."""
    ends = np.roll(vertices, -1, axis=1)
    total: Floats = _triangles(vertices[:, :1], vertices, ends).sum(axis=1)
    return total
