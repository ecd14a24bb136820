"""Bounds on the work that a resolved query asks for, before anybody does it.

What a text of some hundred characters can make of itself is counted here without making it: common
tables that use the one before twice, names of values that stand for sums of names, texts that are
set beside themselves. What cannot be counted from the text (how many rows a join gives) is left to
the limits of time and memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from vo_service.adql import typed
from vo_service.adql.errors import QueryTooComplex
from vo_service.adql.functions import FUNCTIONS
from vo_service.adql.limits import Limits

__all__ = ["check_bounds", "check_columns", "check_sql"]

_COLUMN_CHARACTERS = 1_000
"""Taken for the length of a text in a column whose description does not tell it."""

_VALUE_CHARACTERS = 32
"""Length of a number, a truth or a moment as text."""


def check_bounds(query: typed.Query, limits: Limits) -> None:
    """Refuse a query that would be too much work.

    Parameters
    ----------
    query
        Resolved.
    limits
        Of its size.

    Raises
    ------
    QueryTooComplex
        If it passes one of them; the message says which.
    """
    _Count(limits).whole(query)


def check_columns(count: int, limits: Limits) -> None:
    """Refuse a SELECT with too many columns; raises `QueryTooComplex`."""
    if count > limits.columns:
        raise _passed(f"A SELECT has more than {limits.columns} columns", "columns")


def check_sql(sql: str, parameters: Sequence[object], limits: Limits) -> None:
    """Refuse a query whose printed form is too long; raises `QueryTooComplex`."""
    length = len(sql) + sum(len(value) for value in parameters if isinstance(value, str))
    if length > limits.sql_characters:
        raise _passed(
            f"The query has {length} characters when it is written out for the engine, more than"
            f" {limits.sql_characters}",
            "sql_characters",
        )


def _passed(message: str, limit: str) -> QueryTooComplex:
    return QueryTooComplex(f"{message}; the limit is named {limit}")


@dataclass(frozen=True, slots=True)
class _Size:
    """Size of a value when all names in it are written out.

    Attributes
    ----------
    values
        Number of its parts.
    characters
        Length of the text that it may be; 0 for what is no text.
    """

    values: int
    characters: int


class _Count:
    """Counts what one query is made of."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._relations = self._conditions = self._values = 0
        self._commons: dict[str, tuple[list[_Size], int, int, int]] = {}
        self._columns: dict[int, list[_Size]] = {}
        self._sizes: dict[int, _Size] = {}

    def whole(self, query: typed.Query) -> None:
        """Count a query with its common tables."""
        for common in query.with_:
            before = self._relations, self._conditions, self._values
            columns = self._query(common.query)
            self._commons[common.name] = (
                columns,
                self._relations - before[0],
                self._conditions - before[1],
                self._values - before[2],
            )
            # It is work where it is used, as often as it is.
            self._relations, self._conditions, self._values = before
        self._query(query)

    def _query(self, query: typed.Query) -> list[_Size]:
        """Count a query, and give the sizes of its columns."""
        body = query.body
        if isinstance(body, typed.Select):
            columns = self._select(body)
        else:
            pairs = zip(self._query(body.left), self._query(body.right), strict=True)
            columns = [
                _Size(max(a.values, b.values), max(a.characters, b.characters)) for a, b in pairs
            ]
        self._keys("ORDER BY", query.order_by)
        for key in query.order_by:
            if not isinstance(key.key, int):
                self._add(key.key)
        return columns

    def _select(self, select: typed.Select) -> list[_Size]:
        check_columns(len(select.outputs), self._limits)
        for relation in select.relations:
            self._relation(relation)
        self._keys("GROUP BY", select.group_by)
        columns = [self._add(output.expression) for output in select.outputs]
        for key in select.group_by:
            self._add(key)
        for condition in (select.where, select.having):
            if condition is not None:
                self._predicate(condition)
        return columns

    def _keys(self, clause: str, keys: Sequence[object]) -> None:
        if len(keys) > self._limits.keys:
            raise _passed(f"{clause} has more than {self._limits.keys} items", "keys")

    def _relation(self, relation: typed.Relation) -> None:
        match relation:
            case typed.Join(left=left, right=right, condition=condition):
                self._relation(left)
                self._relation(right)
                if condition is not None:
                    self._predicate(condition)
            case typed.TableRelation():
                self._more(relations=1)
            case typed.CommonTableRelation(number=number, name=name):
                self._columns[number], *more = self._commons[name]
                self._more(*more)
            case typed.DerivedRelation(number=number, query=query):
                self._columns[number] = self._query(query)

    def _more(self, relations: int = 0, conditions: int = 0, values: int = 0) -> None:
        limits = self._limits
        self._relations += relations
        if self._relations > limits.relations:
            raise _passed(
                f"The query reads more than {limits.relations} tables when its common tables are"
                " written out where they are used",
                "relations",
            )
        self._conditions += conditions
        if self._conditions > limits.conditions:
            raise _passed(
                f"The query has more than {limits.conditions} conditions; write lists of values"
                " with IN, or upload them as a table and join it",
                "conditions",
            )
        self._values += values
        if self._values > limits.expanded_values:
            raise _passed(
                f"The query has more than {limits.expanded_values} values when each name of a value"
                " is written out",
                "expanded_values",
            )

    def _predicate(self, node: typed.Predicate) -> None:
        match node:
            case typed.And(operands=operands) | typed.Or(operands=operands):
                for operand in operands:
                    self._predicate(operand)
                return
            case typed.Not(operand=negated):
                self._predicate(negated)
                return
            case typed.InList(values=values):
                # One comparison for the planner, and not one value.
                self._more(conditions=1, values=len(values))
                self._add(node.operand)
                return
            case typed.Exists(query=query):
                self._query(query)
            case typed.InQuery(operand=operand, query=query):
                self._add(operand)
                self._query(query)
            case _:
                self._add_all(_values_of(node))
        self._more(conditions=1)

    def _add_all(self, nodes: Iterable[typed.Expression]) -> None:
        for node in nodes:
            self._add(node)

    def _add(self, node: typed.Expression) -> _Size:
        size = self._size(node)
        self._more(values=size.values)
        return size

    def _size(self, node: typed.Expression) -> _Size:
        """Give the size of a value; each is looked at once, however often it is named."""
        known = self._sizes.get(id(node))
        if known is None:
            known = self._sizes[id(node)] = self._measured(node)
            if known.characters > self._limits.text_characters:
                raise _passed(
                    f"An expression may make a text of {known.characters} characters, more than"
                    f" {self._limits.text_characters}",
                    "text_characters",
                )
            self._more(values=0 if known.values <= self._limits.expanded_values else known.values)
        return known

    def _measured(self, node: typed.Expression) -> _Size:
        match node:
            case typed.Constant(value=value):
                return _Size(1, len(value) if isinstance(value, str) else 0)
            case typed.ColumnValue(relation=relation, physical=physical):
                inside = self._columns.get(relation)
                if inside is not None:
                    return inside[int(physical.removeprefix("c"))]
                return _Size(1, _column_characters(node))
            case typed.Cast(operand=operand, length=length, padded=padded):
                return self._cast(operand, length, padded=padded, is_text=node.field.type.is_text)
            case typed.Arithmetic(operator=operator, left=left, right=right):
                sizes = [self._size(left), self._size(right)]
                characters = sum(_as_text(size) for size in sizes) if operator == "||" else 0
                return _Size(1 + sum(size.values for size in sizes), characters)
            case typed.Call(function=function, arguments=arguments):
                sizes = [self._size(argument) for argument in arguments]
                longest = 0
                if node.field.type.is_text and not FUNCTIONS[function].aggregate:
                    longest = max((size.characters for size in sizes), default=0)
                return _Size(1 + sum(size.values for size in sizes), longest)

    def _cast(
        self, operand: typed.Expression, length: int | None, *, padded: bool, is_text: bool
    ) -> _Size:
        inner = self._size(operand)
        if not is_text:
            return _Size(1 + inner.values, 0)
        characters = _as_text(inner)
        if length is not None:
            characters = length if padded else min(length, characters)
        return _Size(1 + inner.values, characters)


def _as_text(size: _Size) -> int:
    return size.characters or _VALUE_CHARACTERS


def _column_characters(node: typed.ColumnValue) -> int:
    kind = node.field.type
    if not kind.is_text:
        return 0
    size = (kind.arraysize or "").removesuffix("*")
    return int(size) if size.isdigit() else _COLUMN_CHARACTERS


def _values_of(node: Any) -> list[typed.Expression]:  # noqa: ANN401 - any predicate of values
    names = ("left", "right", "operand", "low", "high", "pattern")
    return [getattr(node, name) for name in names if hasattr(node, name)]
