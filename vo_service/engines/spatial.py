"""Sky predicates: HEALPix ranges first, exact spherical geometry second.

This half is the same for every engine: it recognises in a typed tree the conditions that the
positional index can answer, and computes the ranges of HEALPix cells that hold a cone. An engine
prints the ranges as a condition on the hidden index column, and the exact test beside it. The
ranges are always a superset, so that the exact test alone decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from registry.model.table import Position
from vo_service.adql.typed import (
    Arithmetic,
    Call,
    Cast,
    ColumnValue,
    Comparison,
    Constant,
    Expression,
    Predicate,
    TableRelation,
)

__all__ = [
    "HEALPIX_ORDER",
    "MAX_INDEXED_RADIUS_DEG",
    "IndexedPoint",
    "Separation",
    "bounding_cone",
    "cone_ranges",
    "constant_number",
    "containment",
    "envelope_suffices",
    "indexed_point",
    "separation",
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

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}


@dataclass(frozen=True, slots=True)
class Separation:
    """The condition that two points are near each other.

    Attributes
    ----------
    left, right
        Expressions of points.
    radius_deg
        Largest separation, in degrees.
    strict
        Whether the separation itself is excluded (``<``), as ``CONTAINS`` does not.
    """

    left: Expression
    right: Expression
    radius_deg: Expression
    strict: bool


@dataclass(frozen=True, slots=True)
class IndexedPoint:
    """A point that is the main position of a table.

    Attributes
    ----------
    relation
        Number of the relation.
    position
        The physical columns.
    rows
        Rows of the table, as far as they are known.
    """

    relation: int
    position: Position
    rows: int


def separation(predicate: Predicate) -> Separation | None:
    """Recognise a condition that two points are near each other.

    Parameters
    ----------
    predicate
        Any predicate.

    Returns
    -------
    Separation or None
        For ``DISTANCE(a, b) < r``, ``<=``, ``1 = CONTAINS(a, CIRCLE(b, r))`` and their mirror
        images; none for anything else.
    """
    contained = containment(predicate)
    if contained is not None:
        inner, outer = contained
        if (
            inner.field.type.xtype == "point"
            and isinstance(outer, Call)
            and outer.function == "CIRCLE"
        ):
            centre, radius = outer.arguments
            return Separation(inner, centre, radius, strict=False)
        return None
    for call, operator, other in _sides(predicate):
        if call.function == "DISTANCE" and operator in ("<", "<="):
            left, right = call.arguments
            return Separation(left, right, other, strict=operator == "<")
    return None


def containment(predicate: Predicate) -> tuple[Expression, Expression] | None:
    """Recognise ``1 = CONTAINS(a, b)`` and its mirror image; give the two geometries."""
    for call, operator, other in _sides(predicate):
        if call.function == "CONTAINS" and operator == "=" and constant_number(other) == 1:
            inner, outer = call.arguments
            return inner, outer
    return None


def _sides(predicate: Predicate) -> Iterator[tuple[Call, str, Expression]]:
    """Give the calls that are compared, each as if it stood on the left."""
    if isinstance(predicate, Comparison):
        if isinstance(predicate.left, Call):
            yield predicate.left, predicate.operator, predicate.right
        if isinstance(predicate.right, Call):
            yield predicate.right, _MIRRORED[predicate.operator], predicate.left


def constant_number(expression: Expression) -> float | None:
    """Compute an expression of literals.

    Parameters
    ----------
    expression
        Any expression.

    Returns
    -------
    float or None
        Its value, or none if it depends on a row, is not a number or has no value.
    """
    match expression:
        case Constant(value=int() | float() as literal):
            return float(literal)
        case Cast(operand=operand, field=field) if field.type.is_numeric:
            return None if field.type.datatype.is_integer else constant_number(operand)
        case Arithmetic(operator=operator, left=left, right=right, field=field):
            return _arithmetic(operator, left, right, integer=field.type.datatype.is_integer)
        case _:
            return None


def _arithmetic(
    operator: str, left: Expression, right: Expression, *, integer: bool
) -> float | None:
    a, b = constant_number(left), constant_number(right)
    if a is None or b is None:
        return None
    match operator:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/" if b != 0:
            return float(int(a / b)) if integer else a / b
        case _:
            return None


def indexed_point(
    expression: Expression, relations: Mapping[int, TableRelation]
) -> IndexedPoint | None:
    """Tell whether a point is the main position of a table with an index.

    Parameters
    ----------
    expression
        Any expression.
    relations
        Tables of the query, by number.
    """
    match expression:
        case Call(
            function="POINT",
            arguments=(
                ColumnValue(relation=number, physical=ra),
                ColumnValue(relation=other, physical=dec),
            ),
        ) if number == other and number in relations:
            table = relations[number].table
            position = table.position
            if position is not None and (position.ra, position.dec) == (ra, dec):
                return IndexedPoint(number, position, table.nrows or 0)
    return None


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
    shift = 2 * (HEALPIX_ORDER - depths.astype(np.int64))
    first = cells.astype(np.int64) << shift
    return _merge(first, first + (np.int64(1) << shift) - 1)


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
    return int(np.clip(math.ceil(math.log2(58.6 / radius_deg)) + 1, 0, HEALPIX_ORDER - 2))


def _merge(
    first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]
) -> tuple[tuple[int, int], ...]:
    order = np.argsort(first)
    first, last = first[order], last[order]
    gaps = first[1:] - last[:-1] - 1
    open_gaps = np.flatnonzero(gaps > 0)
    if open_gaps.size >= _MAX_RANGES:
        widest = np.argsort(gaps[open_gaps])[-(_MAX_RANGES - 1) :]
        open_gaps = np.sort(open_gaps[widest])
    starts = np.concatenate(([0], open_gaps + 1))
    ends = np.concatenate((open_gaps, [len(last) - 1]))
    return tuple(zip(first[starts].tolist(), last[ends].tolist(), strict=True))
