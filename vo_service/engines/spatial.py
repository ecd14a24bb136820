"""Conditions on the sky that an engine need not test row by row.

This half is the same for every engine: it recognises in a typed tree the conditions that the
positional index can answer, and those that join two tables by position. An engine prints the
ranges of `vo_service.engines.cells` as a condition on the hidden index column, and the exact test
beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeGuard

import numpy as np

from registry.model.field import Field
from vo_service.adql.typed import (
    Arithmetic,
    Between,
    Call,
    Cast,
    ColumnValue,
    Comparison,
    Constant,
    Expression,
    Predicate,
)
from vo_service.adql.types import DOUBLE
from vo_service.engines.sphere import box_vertices

__all__ = [
    "Enclosure",
    "IndexedColumns",
    "IndexedPoint",
    "Separation",
    "constant_number",
    "constant_shape",
    "enclosure",
    "indexed_point",
    "proximity",
    "separation",
]

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
class Enclosure:
    """The condition that a point is in a region that is not a circle.

    Attributes
    ----------
    point
        Expression of a point.
    region
        Call of POLYGON, BOX or MOC.
    margin_deg
        How far from the region the point may be, in degrees.
    """

    point: Expression
    region: Call
    margin_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class IndexedColumns:
    """The columns of a relation that hold positions and their cells.

    Attributes
    ----------
    ra, dec
        Names of the coordinates.
    healpix
        Name of the column of cells.
    rows
        Rows of the table, as far as they are known.
    """

    ra: str
    dec: str
    healpix: str
    rows: int


@dataclass(frozen=True, slots=True)
class IndexedPoint:
    """A point that is the main position of a relation.

    Attributes
    ----------
    relation
        Number of the relation.
    columns
        Its columns.
    """

    relation: int
    columns: IndexedColumns


def separation(predicate: Predicate) -> Separation | None:
    """Recognise a condition that says just that two points are near each other.

    Parameters
    ----------
    predicate
        Any predicate.

    Returns
    -------
    Separation or None
        For ``DISTANCE(a, b) < r``, ``<=``, ``BETWEEN 0 AND r``, ``1 = CONTAINS(a, CIRCLE(b, r))``
        and their mirror images; none for anything else.
    """
    if isinstance(predicate, Between):
        low = constant_number(predicate.low)
        return _distance_below(predicate) if low is not None and low <= 0 else None
    for call, operator, other in _sides(predicate):
        if call.function == "DISTANCE" and operator in ("<", "<="):
            left, right = call.arguments
            return Separation(left, right, other, strict=operator == "<")
        if call.function == "CONTAINS" and _is_true(operator, other):
            inner, outer = call.arguments
            if inner.field.type.xtype == "point" and _is_circle(outer):
                centre, radius = outer.arguments
                return Separation(inner, centre, radius, strict=False)
    return None


def proximity(predicate: Predicate) -> Separation | None:
    """Recognise a condition that does not hold unless two points are near each other.

    Parameters
    ----------
    predicate
        Any predicate.

    Returns
    -------
    Separation or None
        That of `separation`, and those of ``DISTANCE(a, b) BETWEEN s AND r``, ``= r``, and of
        circles that contain or meet each other.
    """
    exact = separation(predicate)
    if exact is not None:
        return exact
    if isinstance(predicate, Between):
        return _distance_below(predicate)
    for call, operator, other in _sides(predicate):
        if call.function == "DISTANCE" and operator == "=":
            first, second = call.arguments
            return Separation(first, second, other, strict=False)
        if call.function in ("CONTAINS", "INTERSECTS") and _is_true(operator, other):
            first, second = call.arguments
            if _is_circle(first) and _is_circle(second):
                (a, r), (b, s) = first.arguments, second.arguments
                reach = s
                if call.function == "INTERSECTS":
                    reach = Arithmetic("+", _floating(r), _floating(s), Field("", DOUBLE))
                return Separation(a, b, reach, strict=False)
    return None


def enclosure(predicate: Predicate) -> Enclosure | None:
    """Recognise a condition that does not hold unless a point is in or near a region.

    Parameters
    ----------
    predicate
        Any predicate.

    Returns
    -------
    Enclosure or None
        For a point in a polygon, box or coverage map, and for circles of constant radius that
        lie in a polygon or box or meet one.
    """
    for call, operator, other in _sides(predicate):
        if call.function not in ("CONTAINS", "INTERSECTS") or not _is_true(operator, other):
            continue
        pairs = [call.arguments]
        if call.function == "INTERSECTS":
            pairs.append((call.arguments[1], call.arguments[0]))
        for inner, outer in pairs:
            if not (isinstance(outer, Call) and outer.function in ("POLYGON", "BOX", "MOC")):
                continue
            if inner.field.type.xtype == "point":
                return Enclosure(inner, outer)
            radius = constant_number(inner.arguments[1]) if _is_circle(inner) else None
            if _is_circle(inner) and radius is not None:
                margin = radius if call.function == "INTERSECTS" else 0.0
                return Enclosure(inner.arguments[0], outer, max(margin, 0.0))
    return None


def _distance_below(predicate: Between) -> Separation | None:
    operand = predicate.operand
    if predicate.negated or not (isinstance(operand, Call) and operand.function == "DISTANCE"):
        return None
    first, second = operand.arguments
    return Separation(first, second, predicate.high, strict=False)


def _is_circle(node: Expression) -> TypeGuard[Call]:
    return isinstance(node, Call) and node.function == "CIRCLE"


def _is_true(operator: str, other: Expression) -> bool:
    """Whether comparing 1 or 0 with a constant holds for 1 alone."""
    number = constant_number(other)
    if number is None:
        return False
    match operator:
        case "=":
            return number == 1
        case "<>":
            return number == 0
        case ">":
            return 0 <= number < 1
        case ">=":
            return 0 < number <= 1
        case _:
            return False


def _floating(node: Expression) -> Expression:
    return node if node.field.type == DOUBLE else Cast(node, replace(node.field, type=DOUBLE))


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


def constant_shape(node: Expression) -> tuple[float, ...] | None:
    """Compute a shape of literals.

    Parameters
    ----------
    node
        Any expression.

    Returns
    -------
    tuple or None
        Its numbers as DALI writes them, a box as a polygon; none if it depends on a row.
    """
    if not isinstance(node, Call) or node.function not in ("POINT", "CIRCLE", "POLYGON", "BOX"):
        return None
    numbers: list[float] = []
    for argument in node.arguments:
        inner = constant_shape(argument) if isinstance(argument, Call) else None
        number = constant_number(argument)
        if inner is None and number is None:
            return None
        numbers += inner if inner is not None else [number] if number is not None else []
    if node.function == "BOX":
        corners = box_vertices(*(np.array([number]) for number in numbers))[0]
        return tuple(corners.tolist()) if np.isfinite(corners).all() else None
    return tuple(numbers)


def indexed_point(
    expression: Expression, positions: Mapping[int, IndexedColumns]
) -> IndexedPoint | None:
    """Tell whether a point is the main position of a relation with an index.

    Parameters
    ----------
    expression
        Any expression.
    positions
        Indexed columns of the relations of the query, by number.
    """
    match expression:
        case Call(
            function="POINT",
            arguments=(
                ColumnValue(relation=number, physical=ra),
                ColumnValue(relation=other, physical=dec),
            ),
        ) if number == other and number in positions:
            columns = positions[number]
            if (columns.ra, columns.dec) == (ra, dec):
                return IndexedPoint(number, columns)
    return None
