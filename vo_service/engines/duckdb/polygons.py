"""Polygons and boxes in DuckDB's SQL.

A point is inside a polygon of great-circle arcs when the azimuths of the vertices, as seen from
the point, go round it once: the differences from vertex to vertex, each less than half a turn, add
up to a full one. They do so around the antipode of the inside as well, which a test of the
hemisphere excludes; polygons are therefore smaller than a hemisphere. The shape may be concave,
hold a pole, or straddle RA 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from vo_service.adql.typed import Call, Expression
from vo_service.engines.duckdb.context import Context
from vo_service.engines.duckdb.geometry import Point, index_ranges
from vo_service.engines.spatial import bounding_cone, cone_ranges, constant_number, indexed_point

__all__ = ["BOX_CORNERS", "constant_vertices", "inside_polygon", "polygon_ranges"]

_TURN = repr(2 * math.pi)


def inside_polygon(point: Point, vertices: Sequence[Point]) -> str:
    """Print the condition that a point is inside a polygon.

    Parameters
    ----------
    point
        Longitude and latitude in degrees, printed.
    vertices
        The same of three or more vertices, in either sense of rotation.
    """
    azimuths = [_azimuth(point, vertex) for vertex in vertices]
    steps = [
        f"(({b}) - ({a})) - {_TURN} * round((({b}) - ({a})) / {_TURN})"
        for a, b in zip(azimuths, [*azimuths[1:], azimuths[0]], strict=True)
    ]
    turned = " + ".join(f"({step})" for step in steps)
    return f"(abs({turned}) > pi() AND {_same_hemisphere(point, vertices)})"


def _azimuth(point: Point, vertex: Point) -> str:
    lon = f"radians({vertex[0]} - {point[0]})"
    own, other = f"radians({point[1]})", f"radians({vertex[1]})"
    return (
        f"atan2(sin({lon}) * cos({other}),"
        f" cos({own}) * sin({other}) - sin({own}) * cos({other}) * cos({lon}))"
    )


def _same_hemisphere(point: Point, vertices: Sequence[Point]) -> str:
    """Print the condition that a point is within 90 degrees of the middle of the vertices."""
    own = f"radians({point[1]})"
    terms = (
        f"cos({own}) * cos(radians({vertex[1]})) * cos(radians({vertex[0]} - {point[0]}))"
        f" + sin({own}) * sin(radians({vertex[1]}))"
        for vertex in vertices
    )
    return f"({' + '.join(terms)}) > 0"


def constant_vertices(region: Expression) -> tuple[tuple[float, float], ...] | None:
    """Give the vertices of a polygon or box of literals, in degrees, and none of any other."""
    if not isinstance(region, Call):
        return None
    if region.function == "BOX":
        centre, width, height = region.arguments
        numbers = [constant_number(e) for e in (*_coordinates(centre), width, height)]
        if len(numbers) != 4 or None in numbers:
            return None
        lon, lat, wide, high = (number for number in numbers if number is not None)
        return tuple((lon + dx * wide / 2, lat + dy * high / 2) for dx, dy in BOX_CORNERS)
    if region.function != "POLYGON":
        return None
    found = []
    for vertex in region.arguments:
        pair = [constant_number(e) for e in _coordinates(vertex)]
        if len(pair) != 2 or pair[0] is None or pair[1] is None:
            return None
        found.append((pair[0], pair[1]))
    return tuple(found)


BOX_CORNERS = ((-1, -1), (-1, 1), (1, 1), (1, -1))
"""Corners of a box from its centre: ADQL 2.1 defines it as the polygon through them."""


def _coordinates(point: Expression) -> tuple[Expression, ...]:
    return point.arguments if isinstance(point, Call) and point.function == "POINT" else ()


def polygon_ranges(inner: Expression, region: Expression, context: Context) -> str | None:
    """Print the ranges of the index that hold a constant polygon around an indexed position."""
    indexed = indexed_point(inner, context.relations)
    vertices = constant_vertices(region)
    if indexed is None or vertices is None:
        return None
    cone = bounding_cone(vertices)
    ranges = None if cone is None else cone_ranges(*cone)
    return None if ranges is None else index_ranges(indexed, ranges)
