"""Spherical geometry in DuckDB's SQL.

Separations are computed from the haversine of the angle between two positions,
``h = sin²(Δδ/2) + cos δ₁ cos δ₂ sin²(Δα/2)``, and from that of the angle to the antipode,
``h' = sin²((δ₁+δ₂)/2) + cos δ₁ cos δ₂ cos²(Δα/2)``; each is a sum of positive terms, so that
``2 atan2(√h, √h')`` is good to a few units of the last place from zero to 180 degrees.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from vo_service.adql.typed import Call, Expression
from vo_service.engines.duckdb.context import Context
from vo_service.engines.spatial import (
    IndexedPoint,
    Separation,
    cone_ranges,
    constant_number,
    envelope_suffices,
    indexed_point,
)

__all__ = ["Point", "cone_condition", "distance", "index_ranges", "separation_test"]

Point = tuple[str, str]
"""Longitude and latitude of a point in degrees, printed."""


def _haversine(a: Point, b: Point) -> str:
    """Print the haversine of the angle between two points."""
    return (
        f"(pow(sin(radians({a[1]} - {b[1]}) / 2), 2) + cos(radians({a[1]})) * cos(radians({b[1]}))"
        f" * pow(sin(radians({a[0]} - {b[0]}) / 2), 2))"
    )


def _antipodal(a: Point, b: Point) -> str:
    """Print the haversine of the angle between a point and the antipode of another."""
    return (
        f"(pow(sin(radians({a[1]} + {b[1]}) / 2), 2) + cos(radians({a[1]})) * cos(radians({b[1]}))"
        f" * pow(cos(radians({a[0]} - {b[0]}) / 2), 2))"
    )


def distance(a: Point, b: Point) -> str:
    """Print the angle between two points in degrees."""
    return f"degrees(2 * atan2(sqrt({_haversine(a, b)}), sqrt({_antipodal(a, b)})))"


def separation_test(
    a: Point, b: Point, radius: Expression, print_radius: Callable[[], str], *, strict: bool
) -> str:
    """Print the exact condition that two points are within a radius.

    Parameters
    ----------
    a, b
        The points.
    radius
        Radius in degrees.
    print_radius
        Prints the radius; called where it depends on the row, so that no value is bound in vain.
    strict
        Whether a separation equal to the radius is outside.
    """
    less, greater = ("<", ">") if strict else ("<=", ">=")
    number = constant_number(radius)
    if number is None:
        return f"({distance(a, b)} {less} {print_radius()})"
    if number < 0:
        return f"({_haversine(a, b)} < 0)"
    if number <= 90:
        return f"({_haversine(a, b)} {less} {math.sin(math.radians(number) / 2) ** 2!r})"
    if number <= 180:
        limit = math.cos(math.radians(number) / 2) ** 2
        return f"({_antipodal(a, b)} {greater} {limit!r})"
    return f"({_haversine(a, b)} >= 0)"


def cone_condition(test: Separation, context: Context) -> str | None:
    """Print the ranges of the index that hold a constant cone around an indexed position.

    Parameters
    ----------
    test
        The condition.
    context
        Of the query.

    Returns
    -------
    str or None
        None where the index cannot help.
    """
    radius_deg = constant_number(test.radius_deg)
    if radius_deg is None:
        return None
    for near, centre in ((test.left, test.right), (test.right, test.left)):
        indexed = indexed_point(near, context.relations)
        position = _constant_point(centre)
        if indexed is not None and position is not None:
            ranges = cone_ranges(*position, radius_deg)
            return None if ranges is None else index_ranges(indexed, ranges)
    return None


def _constant_point(node: Expression) -> tuple[float, float] | None:
    if isinstance(node, Call) and node.function == "POINT":
        lon, lat = (constant_number(argument) for argument in node.arguments)
        if lon is not None and lat is not None:
            return lon, lat
    return None


def index_ranges(indexed: IndexedPoint, ranges: tuple[tuple[int, int], ...]) -> str:
    """Print the condition that an indexed position is in one of the ranges of cells."""
    column = f'r{indexed.relation}."{indexed.position.healpix}"'
    envelope = f"{column} BETWEEN {ranges[0][0]} AND {ranges[-1][1]}"
    if len(ranges) == 1 or envelope_suffices(ranges, indexed.rows):
        return envelope
    # The envelope lets the engine skip blocks of rows before it looks at the single ranges.
    parts = " OR ".join(f"{column} BETWEEN {first} AND {last}" for first, last in ranges)
    return f"{envelope} AND ({parts})"
