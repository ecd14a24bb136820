"""Positional joins: pairs of rows within a radius, without a cross product.

The sphere is cut into zones of declination as high as the radius. Two positions within the
radius are in the same zone or in neighbouring ones, so one side of the join is repeated three
times, for its own zone and for the two beside it, and the sides are joined by equality of zone,
which an engine does with a hash table. The exact condition stays beside it. Right at the poles,
where rows of a zone are close in declination whatever their right ascension, it is slower but
still exact.

Which side is repeated does not matter for an inner join (the smaller is); in an outer join it is
the one whose unmatched rows are dropped. A full join is left alone.

Where the radius is a column, the side that has it is repeated for all zones that its circles
reach. The zones are as high as the mean radius, so that it is repeated three times on average,
whatever the radii. Where it may not be repeated, the zones are as high as the largest radius.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from vo_service.adql.typed import (
    And,
    Arithmetic,
    Call,
    Cast,
    ColumnValue,
    Expression,
    Join,
    JoinKind,
    Predicate,
    Relation,
    Select,
    TableRelation,
)
from vo_service.engines.duckdb.context import Context
from vo_service.engines.duckdb.shapes import point_coordinates
from vo_service.engines.spatial import constant_number, proximity

__all__ = ["Zones"]

MAX_ZONE_DEG = 10.0
"""Above it there are too few zones for the repetition to pay."""

MIN_ZONE_DEG = 1e-6
"""Zones thinner than 4 mas hold no fewer rows in any catalogue."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two points of two relations that must be near each other.

    Attributes
    ----------
    join
        Identity of the join whose condition says so, none for WHERE.
    fixed, repeated
        Points, of the side that stays and of the side that is repeated.
    relation, other
        Numbers of the repeated relation and of the one that stays.
    radius_deg
        Radius, a number or an expression over one of the two relations.
    owner
        The relation that a radius is computed from.
    """

    join: int | None
    fixed: Expression
    repeated: Expression
    relation: int
    other: int
    radius_deg: float | Expression
    owner: Relation | None


@dataclass(slots=True)
class Zones:
    """The positional joins of one SELECT."""

    pairs: list[_Pair] = field(default_factory=list)

    @classmethod
    def of(cls, select: Select) -> Zones:
        """Find the positional joins of a SELECT."""
        zones = cls()
        known: dict[int, Relation] = {}
        free: dict[int, Relation] = {}
        for relation in select.relations:
            inside, repeatable = zones._visit(relation)
            known |= inside
            free |= repeatable
        if select.where is not None:
            zones._find(select.where, None, known, free)
        return zones

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

    def _visit(self, relation: Relation) -> tuple[dict[int, Relation], dict[int, Relation]]:
        """Find joins inside a relation; give all relations, and those that may be repeated."""
        if not isinstance(relation, Join):
            return {relation.number: relation}, {relation.number: relation}
        left, free_left = self._visit(relation.left)
        right, free_right = self._visit(relation.right)
        known = left | right
        kept_left = relation.kind not in (JoinKind.RIGHT, JoinKind.FULL)
        kept_right = relation.kind not in (JoinKind.LEFT, JoinKind.FULL)
        if relation.condition is not None and relation.kind is not JoinKind.FULL:
            # In an outer join only the side whose unmatched rows are dropped may be repeated.
            first = free_left if kept_right else {}
            second = free_right if kept_left else {}
            self._find(relation.condition, relation, known, first | second)
        return known, (free_left if kept_left else {}) | (free_right if kept_right else {})

    def _find(
        self,
        condition: Predicate,
        join: Join | None,
        known: dict[int, Relation],
        repeatable: dict[int, Relation],
    ) -> None:
        key = None if join is None else id(join)
        for part in _conjuncts(condition):
            test = proximity(part)
            if test is None:
                continue
            left, right = _relations(test.left), _relations(test.right)
            if len(left) != 1 or len(right) != 1 or left == right or not left | right <= set(known):
                continue
            sides = [(min(left), test.left, test.right), (min(right), test.right, test.left)]
            sides = [side for side in sides if side[0] in repeatable and not self._repeats(side[0])]
            number = constant_number(test.radius_deg)
            owners = _relations(test.radius_deg)
            if number is not None:
                radius: float | Expression = number
                usable = 0 <= number <= MAX_ZONE_DEG
            else:
                radius = test.radius_deg
                usable = len(owners) == 1 and owners <= left | right
            if not sides or not usable:
                continue
            # The side that has the radius is repeated where it may be, otherwise the smaller one.
            one, repeated, fixed = min(
                sides, key=lambda side: (side[0] not in owners, _rows(known[side[0]]))
            )
            other = min((left | right) - {one})
            owner = known[min(owners)] if owners else None
            self.pairs.append(_Pair(key, fixed, repeated, one, other, radius, owner))

    def _repeats(self, number: int) -> bool:
        return any(pair.relation == number for pair in self.pairs)


def _conjuncts(condition: Predicate) -> Iterator[Predicate]:
    if isinstance(condition, And):
        for operand in condition.operands:
            yield from _conjuncts(operand)
    else:
        yield condition


def _relations(node: Expression) -> set[int]:
    match node:
        case ColumnValue(relation=relation):
            return {relation}
        case Arithmetic(left=left, right=right):
            return _relations(left) | _relations(right)
        case Call(arguments=arguments):
            return set().union(*map(_relations, arguments)) if arguments else set()
        case Cast(operand=operand):
            return _relations(operand)
        case _:
            return set()


def _rows(relation: Relation) -> int:
    if isinstance(relation, TableRelation):
        return relation.table.nrows or 0
    return 0


def _zone(latitude: str, height: str) -> str:
    return f"floor(({latitude} + 90) / {height})::BIGINT"


def _height(pair: _Pair, context: Context, plain: Callable[[Relation], str]) -> str:
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


def _reached(pair: _Pair, context: Context, plain: Callable[[Relation], str]) -> str:
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
