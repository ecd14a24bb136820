"""NATURAL and USING: columns of two sides that become one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vo_service.adql import tree, typed
from vo_service.adql.errors import AmbiguousColumn, UnknownColumn
from vo_service.adql.functions.alignment import common_field
from vo_service.adql.resolver.environment import Environment
from vo_service.adql.resolver.predicates import aligned
from vo_service.adql.resolver.sources import Frame, Visible
from vo_service.adql.resolver.spelling import near, quoted, shown

__all__ = ["Merged", "common_names", "merge_columns"]


@dataclass(frozen=True, slots=True)
class Merged:
    """What NATURAL or USING makes of two sides.

    Attributes
    ----------
    condition
        Equality of the columns.
    columns
        The columns that stand for both sides.
    hidden
        The columns that they stand for.
    """

    condition: typed.Predicate
    columns: tuple[Visible, ...]
    hidden: frozenset[typed.Expression]


def common_names(node: tree.Node, left: Frame, right: Frame) -> tuple[tree.Identifier, ...]:
    """Give the names of the columns that both sides have, in the order of the left side.

    Names that differ in case alone are equal, unless a side has both spellings.
    """
    right_names = {v.name.name.lower() for v in right.columns()}
    found: dict[str, tree.Identifier] = {}
    for visible in left.columns():
        key = visible.name.name.lower()
        if key in right_names:
            found.setdefault(key, tree.Identifier(visible.name.name, span=node.span))
    return tuple(found.values())


def merge_columns(
    env: Environment,
    kind: typed.JoinKind,
    names: tuple[tree.Identifier, ...],
    left: Frame,
    right: Frame,
) -> Merged:
    """Join two sides on equal columns.

    Parameters
    ----------
    env
        The resolution.
    kind
        Rows that are kept.
    names
        Names of the columns.
    left, right
        The sides.

    Returns
    -------
    Merged
        Condition and columns.

    Raises
    ------
    UnknownColumn
        When a side has no such column.
    AmbiguousColumn
        When a side has several.
    TypeMismatch
        When the columns cannot be compared.
    """
    tests: list[typed.Predicate] = []
    columns: list[Visible] = []
    hidden: set[typed.Expression] = set()
    for name in names:
        first, second = _one(env, name, left, "left"), _one(env, name, right, "right")
        hidden |= {first.expression, second.expression}
        test = aligned(env, name, first.expression, second.expression)
        tests.append(typed.Comparison("=", *test))
        columns.append(_merged(env, kind, name, first, second))
    condition = tests[0] if len(tests) == 1 else typed.And(tuple(tests))
    return Merged(condition, tuple(columns), frozenset(hidden))


def _merged(
    env: Environment, kind: typed.JoinKind, node: tree.Node, first: Visible, second: Visible
) -> Visible:
    """Give the column of the side whose rows are all kept, or the first that has a value."""
    if kind is typed.JoinKind.RIGHT:
        return second
    if kind is not typed.JoinKind.FULL:
        return first
    left = first.expression.field
    with env.misfits_at(node):
        common, values = common_field(left.name, [first.expression, second.expression])
    field = replace(left, type=common.type, unit=common.unit, ucd=common.ucd, frame=common.frame)
    return Visible(first.name, typed.Call("COALESCE", tuple(values), field))


def _one(env: Environment, name: tree.Identifier, frame: Frame, side: str) -> Visible:
    found = frame.find(name)
    if len(found) == 1:
        return found[0]
    if found:
        message = f"The {side} side of the join has several columns {shown([name])}"
        raise env.error(AmbiguousColumn, f"{message}; join with ON", name)
    candidates = near(name.name, (quoted(v.name.name) for v in frame.columns()))
    message = f"The {side} side of the join has no column {shown([name])}"
    raise env.error(UnknownColumn, message, name, candidates)
