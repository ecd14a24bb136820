"""Positional joins: pairs of rows within a radius, without a cross product.

The sphere is cut into zones of declination as high as the radius. Two positions within the
radius are in the same zone or in neighbouring ones, so one side of the join is repeated three
times, for its own zone and for the two beside it, and the sides are joined by equality of zone,
which an engine does with a hash table. The exact condition stays beside it. Right at the poles,
where rows of a zone are close in declination whatever their right ascension, it is slower but
still exact.

Where the radius is a column, the side that has it is repeated for all zones that its circles
reach. The zones are as high as the mean radius, so that it is repeated three times on average,
whatever the radii. Where it may not be repeated, the zones are as high as the largest radius.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vo_service.adql.typed import Join, Relation, Select
from vo_service.engines.context import Context
from vo_service.engines.duckdb.shapes import point_coordinates
from vo_service.engines.positional_joins import (
    MAX_ZONE_DEG,
    MIN_ZONE_DEG,
    PositionalPair,
    positional_pairs,
)

__all__ = ["Zones"]


@dataclass(frozen=True, slots=True)
class Zones:
    """The positional joins of one SELECT."""

    pairs: tuple[PositionalPair, ...]

    @classmethod
    def of(cls, select: Select) -> Zones:
        """Find the positional joins of a SELECT."""
        return cls(positional_pairs(select))

    def prepared(
        self, number: int, text: str, context: Context, plain: Callable[[Relation], str]
    ) -> str:
        """Print a relation with the columns that its positional joins need.

        Parameters
        ----------
        number
            Number of the relation.
        text
            The relation itself, printed.
        context
            Of the query.
        plain
            Prints any other relation.
        """
        alias = f"r{number}"
        columns = []
        for index, pair in enumerate(self.pairs):
            if isinstance(pair.radius_deg, float):
                if pair.relation == number:
                    columns.append("unnest([-1, 0, 1]) AS _zone")
            elif pair.relation == number:
                columns.append(f"{_reached(pair, context, plain)} AS _zone")
            elif pair.other == number:
                latitude = point_coordinates(pair.fixed, context)[1]
                height = _height(pair, context, plain)
                columns.append(f"{_zone(latitude, height)} AS _zone_{index}")
        if not columns:
            return f"{text} AS {alias}"
        return f"(SELECT {alias}.*, {', '.join(columns)} FROM {text} AS {alias}) AS {alias}"

    def conditions(self, join: Join | None, context: Context) -> list[str]:
        """Print the equality of zones that belongs to a join, or to WHERE."""
        key = None if join is None else id(join)
        printed = []
        for index, pair in enumerate(self.pairs):
            if pair.join != key:
                continue
            if isinstance(pair.radius_deg, float):
                height = repr(max(pair.radius_deg * (1 + 1e-9) + 1e-12, MIN_ZONE_DEG))
                fixed = _zone(point_coordinates(pair.fixed, context)[1], height)
                repeated = _zone(point_coordinates(pair.repeated, context)[1], height)
                printed.append(f"({fixed} = {repeated} + r{pair.relation}._zone)")
            else:
                printed.append(f"(r{pair.other}._zone_{index} = r{pair.relation}._zone)")
        return printed


def _zone(latitude: str, height: str) -> str:
    return f"floor(({latitude} + 90) / {height})::BIGINT"


def _height(pair: PositionalPair, context: Context, plain: Callable[[Relation], str]) -> str:
    """Print the height of the zones of a radius that is a column: its mean, or its maximum."""
    if isinstance(pair.radius_deg, float) or isinstance(pair.owner, Join) or pair.owner is None:
        return repr(MAX_ZONE_DEG)
    column = context.value(pair.radius_deg)
    radius = f"CASE WHEN {column} IS NOT NULL THEN least(greatest({column}, 0), 180) END"
    number = pair.owner.number
    function = "avg" if number == pair.relation else "max"
    return (
        f"(SELECT greatest(coalesce({function}({radius}), 1) * {1 + 1e-9!r} + 1e-12,"
        f" {MIN_ZONE_DEG!r}) FROM {plain(pair.owner)} AS r{number})"
    )


def _reached(pair: PositionalPair, context: Context, plain: Callable[[Relation], str]) -> str:
    """Print the zones that a row of the repeated side reaches."""
    latitude = point_coordinates(pair.repeated, context)[1]
    height = _height(pair, context, plain)
    if pair.owner is None or isinstance(pair.owner, Join) or isinstance(pair.radius_deg, float):
        return "NULL::BIGINT"
    if pair.owner.number != pair.relation:
        return f"unnest([-1, 0, 1]) + {_zone(latitude, height)}"
    radius = f"(least({context.value(pair.radius_deg)}, 180) * {1 + 1e-9!r} + 1e-12)"
    first = _zone(f"greatest({latitude} - {radius}, -90)", height)
    last = _zone(f"least({latitude} + {radius}, 90)", height)
    # The least of a number and NULL is the number; rows without radius or position reach nothing.
    missing = f"{context.value(pair.radius_deg)} IS NULL OR {latitude} IS NULL"
    return f"unnest(CASE WHEN {missing} THEN [] ELSE range({first}, {last} + 1) END)"
