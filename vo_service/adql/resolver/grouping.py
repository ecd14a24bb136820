"""Grouped queries: what may stand in them beside the grouping expressions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass

from registry.model.field import Field
from registry.model.table import Table
from vo_service.adql import tree, typed
from vo_service.adql.errors import TypeMismatch
from vo_service.adql.functions import FUNCTIONS
from vo_service.adql.resolver.environment import Environment
from vo_service.adql.resolver.sources import Frame
from vo_service.adql.resolver.spelling import quoted

__all__ = ["GroupCheck", "contains_aggregate"]


class GroupCheck:
    """Checks that values of a grouped query have one value in a group.

    Parameters
    ----------
    env
        The resolution.
    keys
        Grouping expressions.
    frame
        FROM of the query; columns of enclosing queries are constants in it.
    """

    __slots__ = ("_env", "_keys", "_own")

    def __init__(self, env: Environment, keys: Iterable[typed.Expression], frame: Frame) -> None:
        self._env = env
        self._keys = frozenset(keys)
        self._own = {source.number for source in frame.sources()}

    def require(self, value: object, node: tree.Node) -> None:
        """Refuse a value or condition that uses a column outside aggregates and keys.

        Parameters
        ----------
        value
            Typed expression or predicate.
        node
            What the error points at.

        Raises
        ------
        TypeMismatch
            When it does.
        """
        column = next(self._loose(value), None)
        if column is not None:
            name = quoted(column.field.name).strip('"')
            raise self._env.error(
                TypeMismatch,
                f'"{name}" has many values in a group; add it to GROUP BY, or use an aggregate '
                f"such as AVG({quoted(column.field.name)})",
                node,
            )

    def _loose(self, value: object) -> Iterator[typed.ColumnValue]:
        if isinstance(value, typed.Expression) and value in self._keys:
            return
        if isinstance(value, typed.ColumnValue):
            if value.relation in self._own:
                yield value
        elif not _is_aggregate(value):
            for child in _children(value):
                yield from self._loose(child)


def contains_aggregate(value: typed.Expression) -> bool:
    """Whether an aggregate stands anywhere in a value."""
    return _is_aggregate(value) or any(
        contains_aggregate(child)
        for child in _children(value)
        if isinstance(child, typed.Expression)
    )


def _is_aggregate(value: object) -> bool:
    return isinstance(value, typed.Call) and FUNCTIONS[value.function.upper()].aggregate


def _children(node: object) -> Iterator[object]:
    """Give the nodes right below one, whatever its class."""
    if not is_dataclass(node):
        return
    for attribute in fields(node):
        value = getattr(node, attribute.name)
        if isinstance(value, tuple):
            yield from value
        elif not isinstance(value, Field | Table):
            yield value
