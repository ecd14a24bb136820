"""Polygons that are written out: whether their sides bound an inside, and if not, why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vo_service.adql.typed import Call, Constant, Expression

__all__ = ["VERTICES_CHECKED", "polygon_problem"]

VERTICES_CHECKED = 1000
"""Vertices of a polygon at most that is checked: the worst takes a tenth of a second."""

_Floats = NDArray[np.float64]

_SAME = 1e-15
"""Distance of unit vectors below which they are one: the rounding of double precision."""

_BEYOND = 1e-12
"""How far a side must go past another to cross it: the border of polygons, which is inside."""


def polygon_problem(points: Sequence[Expression]) -> str | None:
    """Tell what is wrong with a polygon; nothing of one that depends on a row.

    Parameters
    ----------
    points
        Its vertices, calls of POINT. One that is repeated at once, such as the first one at the
        end, counts once.

    Notes
    -----
    The time grows with the square of the number of vertices. Polygons of more than
    `VERTICES_CHECKED` are taken as they are.
    """
    if len(points) > VERTICES_CHECKED:
        return None
    numbers = [_numbers(point) for point in points]
    if any(each is None for each in numbers):
        return None
    lon, lat = np.radians(np.array(numbers, dtype=np.float64)).T
    vertices = np.stack((np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)), 1)
    changed = np.linalg.norm(vertices - np.roll(vertices, 1, axis=0), axis=1) > _SAME
    places = np.flatnonzero(changed)
    if len(places) < 3:
        return "POLYGON needs 3 different vertices"
    return _problem(vertices[places], places + 1)


def _numbers(point: Expression) -> tuple[float, float] | None:
    if not isinstance(point, Call):
        return None
    values = [each.value for each in point.arguments if isinstance(each, Constant)]
    if len(values) != 2 or not all(isinstance(value, int | float) for value in values):
        return None
    return float(values[0]), float(values[1])  # type: ignore[arg-type] # checked above


def _problem(starts: _Floats, places: NDArray[np.intp]) -> str | None:
    ends = np.roll(starts, -1, axis=0)
    following = np.roll(places, -1)
    cosines = (starts * ends).sum(1)
    straight = np.flatnonzero(np.linalg.norm(starts + ends, axis=1) < _BEYOND)
    if len(straight):
        side = f"from vertex {places[straight[0]]} to {following[straight[0]]}"
        return f"the side of POLYGON {side} is 180 degrees long: set a vertex between them"
    normals = np.cross(starts, ends)
    size = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = normals / size
    if np.abs(starts @ normals[np.argmax(size)]).max() <= _SAME:
        return "the vertices of POLYGON are on one great circle: it has no inside"
    # An arc leaves the box of its ends by no more than its height above the chord.
    height = (1 - np.sqrt((1 + cosines.clip(-1, 1)) / 2))[:, None] + _BEYOND
    low, high = np.minimum(starts, ends) - height, np.maximum(starts, ends) + height
    for i in range(len(starts) - 1):
        near = ((low[i + 1 :] <= high[i]) & (high[i + 1 :] >= low[i])).all(1)
        others = np.flatnonzero(near) + i + 1
        same = others[np.linalg.norm(starts[others] - starts[i], axis=1) <= _SAME]
        if len(same):
            return f"the vertices {places[i]} and {places[same[0]]} of POLYGON are the same place"
        crossed = others[_crosses(starts, ends, normals, i, others)]
        if len(crossed):
            j = crossed[0]
            return (
                f"POLYGON crosses itself: its side from vertex {places[i]} to {following[i]} "
                f"crosses that from {places[j]} to {following[j]}"
            )
    return None


def _crosses(
    starts: _Floats, ends: _Floats, normals: _Floats, i: int, others: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Tell which other sides one crosses; what only touches does not."""
    before, behind = starts[others] @ normals[i], ends[others] @ normals[i]
    start, end = normals[others] @ starts[i], normals[others] @ ends[i]
    one = (before > _BEYOND) & (behind < -_BEYOND) & (start < -_BEYOND) & (end > _BEYOND)
    two = (before < -_BEYOND) & (behind > _BEYOND) & (start > _BEYOND) & (end < -_BEYOND)
    found: NDArray[np.bool_] = one | two
    return found
