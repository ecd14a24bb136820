"""Spherical geometry in DuckDB's SQL.

Separations are computed from the haversine of the angle between two positions,
``h = sin²(Δδ/2) + cos δ₁ cos δ₂ sin²(Δα/2)``, and from that of the angle to the antipode,
``h' = sin²((δ₁+δ₂)/2) + cos δ₁ cos δ₂ cos²(Δα/2)``; each is a sum of positive terms, so that
``2 atan2(√h, √h')`` is good to a few units of the last place from zero to 180 degrees.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from vo_service.adql.typed import Expression
from vo_service.engines.context import Point
from vo_service.engines.spatial import constant_number

__all__ = ["distance", "separation_test"]


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
