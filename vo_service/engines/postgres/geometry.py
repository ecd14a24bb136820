"""Spherical geometry in PostgreSQL's SQL: the haversine of DuckDB's, term by term.

PostgreSQL refuses to square a number whose square is too small for a double, so differences of
less than 1e-100 radians are made 0 first.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from vo_service.adql.typed import Expression
from vo_service.engines.context import Point
from vo_service.engines.spatial import constant_number

__all__ = ["Point", "distance", "separation_test"]

_TINY = "'1e-100'::float8"


def _squared(number: str) -> str:
    return f"power(({number} + {_TINY}) - {_TINY}, 2)"


def _haversine(a: Point, b: Point) -> str:
    """Print the haversine of the angle between two points."""
    return (
        f"({_squared(f'sin(radians({a[1]} - {b[1]}) / 2)')}"
        f" + cos(radians({a[1]})) * cos(radians({b[1]}))"
        f" * {_squared(f'sin(radians({a[0]} - {b[0]}) / 2)')})"
    )


def _antipodal(a: Point, b: Point) -> str:
    """Print the haversine of the angle between a point and the antipode of another."""
    return (
        f"({_squared(f'sin(radians({a[1]} + {b[1]}) / 2)')}"
        f" + cos(radians({a[1]})) * cos(radians({b[1]}))"
        f" * {_squared(f'cos(radians({a[0]} - {b[0]}) / 2)')})"
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
        Prints the radius; called where it depends on the row.
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
        limit = math.sin(math.radians(number) / 2) ** 2
        return f"({_haversine(a, b)} {less} {_literal(limit)})"
    if number <= 180:
        limit = math.cos(math.radians(number) / 2) ** 2
        return f"({_antipodal(a, b)} {greater} {_literal(limit)})"
    return f"({_haversine(a, b)} >= 0)"


def _literal(number: float) -> str:
    return f"'{number!r}'::float8"
