"""FROM: named tables, sub-queries, joins."""

from __future__ import annotations

from abc import abstractmethod

from vo_service.adql.lexer import DELIMITED, IDENTIFIER
from vo_service.adql.parser.conditions import ConditionParser
from vo_service.adql.tree import (
    AllColumns,
    DerivedTable,
    Identifier,
    JoinedTable,
    JoinKind,
    NamedTable,
    QueryExpression,
    Select,
    SetOperation,
    TableReference,
)

_JOIN_STARTS = frozenset({"NATURAL", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "JOIN"})
_OUTER_KINDS = {"LEFT": JoinKind.LEFT, "RIGHT": JoinKind.RIGHT, "FULL": JoinKind.FULL}
_TABLE = "a table name, or a sub-query or a join in parentheses"


class TableParser(ConditionParser):
    """Grammar of FROM: ``<table_reference>`` and below."""

    @abstractmethod
    def nested_query(self) -> QueryExpression:
        """Parse a query inside parentheses that are open already."""

    @abstractmethod
    def continue_query(self, first: QueryExpression, start: int) -> QueryExpression:
        """Parse what follows a query in parentheses: set operators, ORDER BY, OFFSET."""

    def table_reference(self) -> TableReference:
        """Parse a table with the joins behind it."""
        start = self.token.start
        return self._joins(self._table_primary(), start)

    def subquery(self) -> QueryExpression:
        """Parse a query, or a join that is read as ``SELECT * FROM`` it, in parentheses."""
        if self.kind != "(":
            raise self.unexpected("a sub-query in parentheses")
        start = self.token.start
        content = self._query_or_join()
        if isinstance(content, JoinedTable):
            return self._all_of(content, start)
        return content

    # Joins

    def _joins(self, left: TableReference, start: int) -> TableReference:
        """Parse the joins behind a table."""
        while self.kind in _JOIN_STARTS:
            left = self._join(left, start)
        return left

    def _join(self, left: TableReference, start: int) -> JoinedTable:
        """Parse one join behind a table."""
        natural = self.accept("NATURAL")
        kind = self._join_kind(natural)
        right_start = self.token.start
        right = self._table_primary()
        if natural or kind is JoinKind.CROSS:
            if self.kind in {"ON", "USING"}:
                word = "A NATURAL JOIN" if natural else "A CROSS JOIN"
                raise self.error_at(self.token.start, f"{word} has no {self.kind}")
            return JoinedTable(left, right, kind, natural, span=self.span_from(start))
        while self.kind in _JOIN_STARTS:
            right = self._join(right, right_start)
        if self.accept("ON"):
            condition = self.condition()
            return JoinedTable(left, right, kind, condition=condition, span=self.span_from(start))
        if self.accept("USING"):
            using = self.names_in_parentheses("a column name")
            return JoinedTable(left, right, kind, using=using, span=self.span_from(start))
        raise self.unexpected("ON or USING: a JOIN needs a condition")

    def _join_kind(self, natural: bool) -> JoinKind:
        kind = JoinKind.INNER
        if self.kind == "CROSS" and not natural:
            self.advance()
            kind = JoinKind.CROSS
        elif self.kind in _OUTER_KINDS:
            kind = _OUTER_KINDS[self.advance().kind]
            self.accept("OUTER")
        else:
            self.accept("INNER")
        self.expect("JOIN")
        return kind

    # Tables

    def _table_primary(self) -> TableReference:
        """Parse a table without joins behind it."""
        if self.kind == "(":
            return self._table_in_parentheses()
        start = self.token.start
        self.count_table()
        name = self.table_name_of(self.dotted_name(_TABLE, 4))
        if self.kind == "(":
            raise self.error_at(self.token.start, "ADQL has no functions that give tables")
        return NamedTable(name, self.alias(), span=self.span_from(start))

    def _table_in_parentheses(self) -> TableReference:
        start = self.token.start
        content = self._query_or_join()
        if isinstance(content, JoinedTable):
            if not self._alias_follows():
                return content
            content = self._all_of(content, start)
        return self._derived_table(content, start)

    def _query_or_join(self) -> QueryExpression | JoinedTable:
        """Parse a parenthesis of FROM; what is inside decides whether it is a query or a join."""
        opening = self.open_parenthesis()
        content: QueryExpression | TableReference
        if self.kind in {"SELECT", "WITH"}:
            content = self.nested_query()
        elif self.kind == "(":
            start = self.token.start
            content = self._query_or_join()
            if isinstance(content, JoinedTable):
                content = self._joins(self._named(content, start), start)
            elif self._alias_follows():
                content = self._joins(self._derived_table(content, start), start)
            else:
                content = self.continue_query(content, start)
        else:
            content = self.table_reference()
        if not isinstance(content, Select | SetOperation | JoinedTable):
            if self.kind == ")":
                raise self.error_at(
                    opening.start,
                    "Parentheses in FROM hold a sub-query or a join, not a single table",
                )
            raise self.unexpected("JOIN")
        self.close_parenthesis(
            "JOIN or a closing parenthesis"
            if isinstance(content, JoinedTable)
            else "the rest of the sub-query or a closing parenthesis"
        )
        return content

    def _named(self, join: JoinedTable, start: int) -> TableReference:
        """Give a join in parentheses its alias, if one follows."""
        if self._alias_follows():
            return self._derived_table(self._all_of(join, start), start)
        return join

    def _derived_table(self, query: QueryExpression, start: int) -> DerivedTable:
        self.count_table()
        alias = self.alias()
        if alias is None:
            raise self.unexpected(
                "an alias: a sub-query in FROM needs a name, (SELECT ...) AS name"
            )
        return DerivedTable(query, alias, span=self.span_from(start))

    def _all_of(self, table: TableReference, start: int) -> Select:
        """Make ``SELECT * FROM table``."""
        span = self.span_from(start)
        return Select((AllColumns(span=span),), (table,), span=span)

    # Names

    def _alias_follows(self) -> bool:
        return self.kind in {"AS", IDENTIFIER, DELIMITED}

    def alias(self) -> Identifier | None:
        """Parse ``[AS] name``, if it is there."""
        if self.accept("AS"):
            return self.identifier("a name after AS")
        if self.kind in {IDENTIFIER, DELIMITED}:
            return self.identifier("a name")
        return None

    def names_in_parentheses(self, expected: str) -> tuple[Identifier, ...]:
        """Parse names separated by commas, in parentheses.

        Parameters
        ----------
        expected
            What is named.
        """
        self.open_parenthesis(f"{expected} in parentheses")
        names = [self.identifier(expected)]
        while self.accept(","):
            names.append(self.identifier(expected))
        self.close_parenthesis("a comma or a closing parenthesis")
        return tuple(names)
