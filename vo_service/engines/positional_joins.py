"""Positional joins: where a query asks for pairs of rows within a radius of each other.

How the pairs are found without a cross product is the engine's; what they have in common is that
one side of the join is repeated for every zone of the sky that its circles meet.

Which side is repeated does not matter for an inner join (the smaller is); in an outer join it is
the one whose unmatched rows are dropped. A full join is left alone. Where the radius is a column,
the side that has it is repeated where it may be.
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
from vo_service.engines.spatial import constant_number, proximity

__all__ = ["MAX_ZONE_DEG", "MIN_ZONE_DEG", "PositionalPair", "positional_pairs"]

MAX_ZONE_DEG = 10.0
"""Above it there are too few zones for the repetition to pay."""

MIN_ZONE_DEG = 1e-6
"""Zones thinner than 4 mas hold no fewer rows in any catalogue."""


@dataclass(frozen=True, slots=True)
class PositionalPair:
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


def positional_pairs(select: Select) -> tuple[PositionalPair, ...]:
    """Find the positional joins of a SELECT."""
    search = _Search()
    known: dict[int, Relation] = {}
    free: dict[int, Relation] = {}
    for relation in select.relations:
        inside, repeatable = search.visit(relation)
        known |= inside
        free |= repeatable
    if select.where is not None:
        search.find(select.where, None, known, free)
    return tuple(search.pairs)


@dataclass(slots=True)
class _Search:
    """The pairs found so far."""

    pairs: list[PositionalPair] = field(default_factory=list)

    def visit(self, relation: Relation) -> tuple[dict[int, Relation], dict[int, Relation]]:
        """Find joins inside a relation; give all relations, and those that may be repeated."""
        if not isinstance(relation, Join):
            return {relation.number: relation}, {relation.number: relation}
        left, free_left = self.visit(relation.left)
        right, free_right = self.visit(relation.right)
        known = left | right
        kept_left = relation.kind not in (JoinKind.RIGHT, JoinKind.FULL)
        kept_right = relation.kind not in (JoinKind.LEFT, JoinKind.FULL)
        if relation.condition is not None and relation.kind is not JoinKind.FULL:
            # In an outer join only the side whose unmatched rows are dropped may be repeated.
            first = free_left if kept_right else {}
            second = free_right if kept_left else {}
            self.find(relation.condition, relation, known, first | second)
        return known, (free_left if kept_left else {}) | (free_right if kept_right else {})

    def find(
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
            self.pairs.append(PositionalPair(key, fixed, repeated, one, other, radius, owner))

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
