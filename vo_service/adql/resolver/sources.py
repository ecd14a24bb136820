"""What names can refer to: the columns of tables, of queries and of joins in one FROM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from registry.model.field import Field
from registry.model.table import Column, Table
from vo_service.adql import tree, typed
from vo_service.adql.resolver.spelling import column_matches, table_matches

__all__ = ["Frame", "JoinFrame", "QuerySource", "Source", "TableSource", "Visible"]


class Visible(NamedTuple):
    """A column that a name can refer to.

    Attributes
    ----------
    name
        Its name, delimited where its case counts.
    expression
        Its value: a column, or what USING made of two.
    """

    name: tree.Identifier
    expression: typed.Expression


class Frame(Protocol):
    """A FROM clause, or a part of one."""

    def find(self, reference: tree.Identifier) -> list[Visible]:
        """Give the columns that an unqualified name can refer to."""

    def columns(self) -> Iterator[Visible]:
        """Give the columns that ``*`` stands for, in order."""

    def sources(self) -> Iterator[Source]:
        """Give the tables and queries, in order."""


class Source(Frame, Protocol):
    """A table or a query in FROM."""

    @property
    def number(self) -> int:
        """Number of the relation."""

    @property
    def alias(self) -> tree.Identifier | None:
        """Name that the query gives it."""

    @property
    def exposed(self) -> str:
        """Name that qualifiers use, for errors."""

    def answers(self, qualifier: tree.TableName) -> bool:
        """Whether a qualifier means this source."""


@dataclass(frozen=True, slots=True)
class TableSource:
    """A table of the table set.

    Attributes
    ----------
    number
        Number of the relation.
    table
        The table.
    alias
        Name that the query gives it, which then hides its own.
    """

    number: int
    table: Table
    alias: tree.Identifier | None

    @property
    def exposed(self) -> str:
        """Name that qualifiers use, for errors."""
        return self.alias.name if self.alias else self.table.name

    def answers(self, qualifier: tree.TableName) -> bool:
        """Whether a qualifier means this source."""
        if self.alias is not None:
            return qualifier.schema is None and table_matches(qualifier.table, self.alias)
        if not column_matches(qualifier.table, _fixed(self.table.table_name)):
            return False
        schema = qualifier.schema
        return schema is None or column_matches(schema, _fixed(self.table.schema_name))

    def find(self, reference: tree.Identifier) -> list[Visible]:
        """Give the columns that an unqualified name can refer to."""
        found = self.table.by_name.get(reference.name.lower(), ())
        if reference.delimited:
            return [self._visible(c) for c in found if c.field.name == reference.name]
        return [self._visible(column) for column in found]

    def columns(self) -> Iterator[Visible]:
        """Give the visible columns in display order."""
        return map(self._visible, self.table.columns)

    def sources(self) -> Iterator[Source]:
        """Give itself."""
        yield self

    def _visible(self, column: Column) -> Visible:
        value = typed.ColumnValue(self.number, column.physical, column.field)
        return Visible(_fixed(column.field.name), value)


@dataclass(frozen=True, slots=True)
class QuerySource:
    """A derived table, or a use of a common table.

    Attributes
    ----------
    number
        Number of the relation.
    alias
        Name that the query gives it.
    names
        Names of its columns.
    fields
        Meaning of its columns.
    """

    number: int
    alias: tree.Identifier
    names: tuple[tree.Identifier, ...]
    fields: tuple[Field, ...]

    @property
    def exposed(self) -> str:
        """Name that qualifiers use, for errors."""
        return self.alias.name

    def answers(self, qualifier: tree.TableName) -> bool:
        """Whether a qualifier means this source."""
        return qualifier.schema is None and table_matches(qualifier.table, self.alias)

    def find(self, reference: tree.Identifier) -> list[Visible]:
        """Give the columns that an unqualified name can refer to."""
        return [v for v in self.columns() if column_matches(reference, v.name)]

    def columns(self) -> Iterator[Visible]:
        """Give the columns in order."""
        for index, (name, field) in enumerate(zip(self.names, self.fields, strict=True)):
            yield Visible(name, typed.ColumnValue(self.number, f"c{index}", field))

    def sources(self) -> Iterator[Source]:
        """Give itself."""
        yield self


@dataclass(frozen=True, slots=True)
class JoinFrame:
    """Two parts of FROM side by side.

    Attributes
    ----------
    left, right
        The parts.
    merged
        Columns of USING and NATURAL, which stand for one of each side.
    hidden
        The columns that they stand for.
    """

    left: Frame
    right: Frame
    merged: tuple[Visible, ...] = ()
    hidden: frozenset[typed.Expression] = frozenset()

    def find(self, reference: tree.Identifier) -> list[Visible]:
        """Give the columns that an unqualified name can refer to."""
        found = [*self.left.find(reference), *self.right.find(reference)]
        if not self.merged:
            return found
        rest = [v for v in found if v.expression not in self.hidden]
        return [v for v in self.merged if column_matches(reference, v.name)] + rest

    def columns(self) -> Iterator[Visible]:
        """Give the merged columns, then the others of the left, then of the right side."""
        yield from self.merged
        for side in (self.left, self.right):
            for visible in side.columns():
                if not self.merged or visible.expression not in self.hidden:
                    yield visible

    def sources(self) -> Iterator[Source]:
        """Give the tables and queries, in order."""
        yield from self.left.sources()
        yield from self.right.sources()


def _fixed(name: str) -> tree.Identifier:
    """Make the name of something that the table set spells."""
    return tree.Identifier(name, delimited=True)
