"""Pairs of shapes: which contains which, which touch; and their areas and centres.

Shapes are rows of numbers in degrees as DALI writes them: a point has 2 (longitude, latitude), a
circle 3 (with the radius), a polygon 6 or more (pairs of its vertices). All functions take
arrays of shape (k, numbers), so that one call answers for many rows; where one side has a single
row, it goes with every row of the other.

Notes
-----
DALI 1.1, section 3.3. A polygon lies within a circle when the antipode of the centre is no nearer
to it than 180 degrees less the radius, which holds for circles of any size.
"""

from __future__ import annotations

import functools

import numpy as np

from vo_service.engines.sphere.polygons import BORDER_RAD, Polygons
from vo_service.engines.sphere.vectors import Floats, Truths, angles, lonlat, unit_vectors

__all__ = ["area_deg2", "centroids", "contains", "intersects", "points_inside"]

POINT_NUMBERS = 2
"""Numbers of a point."""
CIRCLE_NUMBERS = 3
"""Numbers of a circle."""

_CHUNK = 2**21
"""Products of points and vertices that are held at once (16 MiB each)."""


def points_inside(lon_deg: Floats, lat_deg: Floats, vertices_deg: Floats) -> Truths:
    """Tell which points are inside polygons or on their borders.

    Parameters
    ----------
    lon_deg, lat_deg
        Positions in degrees, shape (k,).
    vertices_deg
        Polygons, shape (k, 2n), or (1, 2n) for one and all points.
    """
    points = unit_vectors(lon_deg, lat_deg)
    if len(vertices_deg) > 1:
        return Polygons(vertices_deg).contains(points[:, None])[:, 0]
    polygon = _polygon(tuple(vertices_deg[0].tolist()))
    inside = np.zeros(len(points), bool)
    near = np.flatnonzero(polygon.may_contain(points))
    step = max(1, _CHUNK // vertices_deg.shape[1])
    for start in range(0, len(near), step):
        part = near[start : start + step]
        inside[part] = polygon.contains(points[None, part])[0]
    return inside


@functools.lru_cache(maxsize=64)
def _polygon(vertices_deg: tuple[float, ...]) -> Polygons:
    """Prepare one polygon, which a query asks for with every 2,048 rows."""
    return Polygons(np.array([vertices_deg]))


def contains(inner: Floats, outer: Floats) -> Truths:
    """Tell which shapes lie in regions, borders included.

    Parameters
    ----------
    inner
        Points, circles or polygons.
    outer
        Circles or polygons.
    """
    if outer.shape[1] == CIRCLE_NUMBERS:
        return _in_circles(inner, outer)
    polygons = Polygons(outer)
    if inner.shape[1] <= CIRCLE_NUMBERS:
        centre = _places(inner)[:, None]
        inside = polygons.contains(centre)[:, 0]
        if inner.shape[1] == POINT_NUMBERS:
            return inside
        radius = np.radians(inner[:, 2])
        apart = polygons.border_distances(centre)[:, 0]
        found: Truths = inside & (radius >= 0) & (apart >= radius - BORDER_RAD)
        return found
    others = Polygons(inner)
    within = polygons.contains(np.concatenate([others.vertices, others.middles], axis=1)).all(1)
    # A vertex of the outer polygon deep inside the inner one shows a notch that the latter fills.
    deep = others.contains(polygons.vertices)
    deep &= others.border_distances(polygons.vertices) > 2 * BORDER_RAD
    filled: Truths = within & ~deep.any(axis=1) & ~others.crosses(polygons)
    return filled


def intersects(first: Floats, second: Floats) -> Truths:
    """Tell which pairs of shapes have a position in common, borders included."""
    if first.shape[1] > second.shape[1]:
        first, second = second, first
    if second.shape[1] <= CIRCLE_NUMBERS:
        apart = angles(_places(first), _places(second))
        within = np.radians(_radii(first) + _radii(second))
        met: Truths = (apart <= within + BORDER_RAD) & _valid(first) & _valid(second)
        return met
    polygons = Polygons(second)
    if first.shape[1] <= CIRCLE_NUMBERS:
        centre = _places(first)[:, None]
        apart = np.where(polygons.contains(centre), 0, polygons.border_distances(centre))[:, 0]
        near: Truths = (apart <= np.radians(_radii(first)) + BORDER_RAD) & _valid(first)
        return near
    others = Polygons(first)
    touching = polygons.contains(others.vertices).any(1) | others.contains(polygons.vertices).any(1)
    touching |= others.crosses(polygons)
    return touching


def area_deg2(shapes: Floats) -> Floats:
    """Give the areas of shapes in square degrees."""
    scale = np.degrees(np.degrees(1.0))
    if shapes.shape[1] == POINT_NUMBERS:
        return np.zeros(len(shapes))
    if shapes.shape[1] == CIRCLE_NUMBERS:
        radius = np.radians(np.minimum(shapes[:, 2], 180))
        cap: Floats = 4 * np.pi * np.sin(radius / 2) ** 2 * scale
        return np.where(shapes[:, 2] >= 0, cap, np.nan)
    area: Floats = Polygons(shapes).area_sr * scale
    return area


def centroids(shapes: Floats) -> Floats:
    """Give the centres of the areas of shapes, shape (k, 2)."""
    if shapes.shape[1] <= CIRCLE_NUMBERS:
        return shapes[:, :2]
    return np.stack(lonlat(Polygons(shapes).centroids), axis=-1)


def _in_circles(inner: Floats, circles: Floats) -> Truths:
    radius = np.radians(circles[:, 2])
    whole = circles[:, 2] >= 180
    if inner.shape[1] <= CIRCLE_NUMBERS:
        reach = angles(_places(inner), _places(circles)) + np.radians(_radii(inner))
        held: Truths = (reach <= radius + BORDER_RAD) & _valid(inner)
        return held | (whole & _valid(inner))
    polygons = Polygons(inner)
    opposite = -_places(circles)[:, None]
    apart = np.where(polygons.contains(opposite), 0, polygons.border_distances(opposite))[:, 0]
    outside = np.pi - apart
    return whole | ((outside <= radius + BORDER_RAD) & (radius >= 0))


def _places(shapes: Floats) -> Floats:
    return unit_vectors(shapes[:, 0], shapes[:, 1])


def _radii(shapes: Floats) -> Floats:
    return shapes[:, 2] if shapes.shape[1] == CIRCLE_NUMBERS else np.zeros(len(shapes))


def _valid(shapes: Floats) -> Truths:
    valid: Truths = _radii(shapes) >= 0
    return valid
