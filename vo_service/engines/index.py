"""Conditions on the positional index: which rows are read at all.

They are comparisons of whole numbers, which every SQL writes alike.
"""

from __future__ import annotations

from vo_service.adql.functions.coverage import moc_ranges
from vo_service.adql.typed import Call, Constant, Expression, Predicate
from vo_service.engines.cells import bounding_cone, cone_ranges, envelope_suffices
from vo_service.engines.context import Context
from vo_service.engines.spatial import (
    IndexedPoint,
    constant_number,
    constant_shape,
    enclosure,
    indexed_point,
    proximity,
)

__all__ = ["in_ranges", "index_condition", "moc_condition"]

_Ranges = tuple[tuple[int, int], ...]

FEW_RANGES = 16
"""Up to so many ranges are compared one after the other; more are searched by halves."""


def index_condition(node: Predicate, context: Context) -> str | None:
    """Print what the index can say about a condition: that its cells hold what may fulfil it.

    Parameters
    ----------
    node
        Any predicate.
    context
        Of the query.

    Returns
    -------
    str or None
        None where the index cannot help.
    """
    near = proximity(node)
    if near is not None:
        radius_deg = constant_number(near.radius_deg)
        if radius_deg is None:
            return None
        for place, centre in ((near.left, near.right), (near.right, near.left)):
            indexed = indexed_point(place, context.positions)
            position = constant_shape(centre)
            if indexed is not None and position is not None:
                return _printed(indexed, cone_ranges(position[0], position[1], radius_deg))
        return None
    held = enclosure(node)
    indexed = None if held is None else indexed_point(held.point, context.positions)
    if held is None or indexed is None:
        return None
    return _printed(indexed, _region_ranges(held.region, held.margin_deg))


def moc_condition(node: Predicate, context: Context) -> str | None:
    """Print the exact condition that an indexed position is in a coverage map.

    Parameters
    ----------
    node
        Any predicate.
    context
        Of the query.

    Returns
    -------
    str or None
        None for any other condition, and for positions without index.
    """
    held = enclosure(node)
    if held is None or held.region.function != "MOC":
        return None
    indexed = indexed_point(held.point, context.positions)
    if indexed is None:
        return None
    ranges = moc_ranges(_text(held.region.arguments[0]))
    column = f'r{indexed.relation}."{indexed.columns.healpix}"'
    exact = in_ranges(column, ranges)
    if len(ranges) < 2:
        return exact
    return f"({column} BETWEEN {ranges[0][0]} AND {ranges[-1][1]} AND {exact})"


def in_ranges(column: str, ranges: _Ranges) -> str:
    """Print the condition that a cell of order 29 is in one of the ranges."""
    if not ranges:
        return f"({column} < 0)"
    if len(ranges) <= FEW_RANGES:
        parts = (f"{column} BETWEEN {first} AND {last}" for first, last in ranges)
        return f"({' OR '.join(parts)})"
    middle = len(ranges) // 2
    lower, upper = in_ranges(column, ranges[:middle]), in_ranges(column, ranges[middle:])
    return f"CASE WHEN {column} < {ranges[middle][0]} THEN {lower} ELSE {upper} END"


def _region_ranges(region: Call, margin_deg: float) -> _Ranges | None:
    numbers = None if region.function == "MOC" else constant_shape(region)
    if numbers is None:
        return None
    cone = bounding_cone(tuple(zip(numbers[0::2], numbers[1::2], strict=True)))
    return None if cone is None else cone_ranges(cone[0], cone[1], cone[2] + margin_deg)


def _text(node: Expression) -> str:
    return str(node.value) if isinstance(node, Constant) else ""


def _printed(indexed: IndexedPoint, ranges: _Ranges | None) -> str | None:
    """Print the condition that an indexed position is in one of the ranges of cells."""
    if ranges is None:
        return None
    column = f'r{indexed.relation}."{indexed.columns.healpix}"'
    envelope = f"{column} BETWEEN {ranges[0][0]} AND {ranges[-1][1]}"
    if len(ranges) == 1 or envelope_suffices(ranges, indexed.columns.rows):
        return envelope
    # The envelope lets the engine skip blocks of rows before it looks at the single ranges.
    parts = " OR ".join(f"{column} BETWEEN {first} AND {last}" for first, last in ranges)
    return f"{envelope} AND ({parts})"
