"""Positional joins: pairs of rows within a radius, without a cross product.

The sphere is cut into zones of declination as high as the radius. Two positions within the
radius are in the same zone or in neighbouring ones, so one side of the join is repeated three
times, for its own zone and for the two beside it, and the sides are joined by equality of zone,
which an engine does with a hash table. The exact condition stays beside it. Right at the poles,
where rows of a zone are close in declination whatever their right ascension, it is slower but
still exact.

Which side is repeated does not matter for an inner join (the smaller is); in an outer join it is
the one whose unmatched rows are dropped. A full join is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from vo_service.engines.duckdb.expressions import point_coordinates
from vo_service.engines.spatial import constant_number, separation

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
    relation
        Number of the repeated relation.
    height_deg
        Height of a zone.
    """

    join: int | None
    fixed: Expression
    repeated: Expression
    relation: int
    height_deg: float


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

    def repeats(self, number: int) -> bool:
        """Whether a relation is repeated for its neighbouring zones."""
        return any(pair.relation == number for pair in self.pairs)

    def conditions(self, join: Join | None, context: Context) -> list[str]:
        """Print the equality of zones that belongs to a join, or to WHERE."""
        key = None if join is None else id(join)
        printed = []
        for pair in self.pairs:
            if pair.join == key:
                fixed = _zone(point_coordinates(pair.fixed, context)[1], pair.height_deg)
                repeated = _zone(point_coordinates(pair.repeated, context)[1], pair.height_deg)
                printed.append(f"({fixed} = {repeated} + r{pair.relation}._zone)")
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
        for part in _conjuncts(condition):
            test = separation(part)
            radius_deg = None if test is None else constant_number(test.radius_deg)
            if test is None or radius_deg is None or not 0 <= radius_deg <= MAX_ZONE_DEG:
                continue
            left, right = _relations(test.left), _relations(test.right)
            if len(left) != 1 or len(right) != 1 or left == right or not left | right <= set(known):
                continue
            sides = [(min(left), test.left, test.right), (min(right), test.right, test.left)]
            sides = [side for side in sides if side[0] in repeatable and not self.repeats(side[0])]
            if not sides:
                continue
            number, repeated, fixed = min(sides, key=lambda side: _rows(known[side[0]]))
            height_deg = max(radius_deg * (1 + 1e-9) + 1e-12, MIN_ZONE_DEG)
            key = None if join is None else id(join)
            self.pairs.append(_Pair(key, fixed, repeated, number, height_deg))


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


def _zone(latitude: str, height_deg: float) -> str:
    return f"floor(({latitude} + 90) / {height_deg!r})::BIGINT"
