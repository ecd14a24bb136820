"""Queries: SELECT, set operations, ORDER BY, OFFSET, WITH, and the query as a whole."""

from __future__ import annotations

from dataclasses import replace

from vo_service.adql.errors import AdqlSyntaxError
from vo_service.adql.lexer import DELIMITED, END, IDENTIFIER, NUMBER
from vo_service.adql.parser.tables import TableParser
from vo_service.adql.tree import (
    AllColumns,
    ColumnPosition,
    CommonTable,
    DerivedColumn,
    Expression,
    OrderTerm,
    Query,
    QueryExpression,
    Select,
    SelectItem,
    SetOperation,
    SetOperator,
    Span,
)

_CLAUSES = ("SELECT", "FROM", "WHERE", "GROUP BY", "HAVING", "ORDER BY", "OFFSET")
_CLAUSE_OF = {clause.split()[0]: clause for clause in _CLAUSES[1:]}
_SET_WORDS = ("UNION", "EXCEPT", "INTERSECT")


class QueryParser(TableParser):
    """Grammar of queries: ``<query_specification>``, ``<select_expression>`` and below."""

    def parse(self) -> Query:
        """Parse the whole text as one query.

        Raises
        ------
        AdqlSyntaxError
            If it is not one.
        """
        if self.kind == END:
            raise self.error_at(self.token.start, "The query is empty: write SELECT ... FROM ...")
        start = self.token.start
        common_tables = self._with_clause() if self.kind == "WITH" else ()
        body = self._query_expression()
        span = self.span_from(start)
        if self.accept(";"):
            if self.kind != END:
                raise self.error_at(
                    self.token.start, "Text after the semicolon: only one statement is allowed"
                )
        elif self.kind != END:
            raise self.unexpected(self._expected_next(body))
        return Query(body, common_tables, span=span)

    # WITH

    def _with_clause(self) -> tuple[CommonTable, ...]:
        self.advance()
        tables = [self._common_table()]
        while self.accept(","):
            tables.append(self._common_table())
        return tuple(tables)

    def _common_table(self) -> CommonTable:
        start = self.token.start
        name = self.identifier("a name for the table of WITH")
        columns = self.names_in_parentheses("a column name") if self.kind == "(" else ()
        self.expect("AS", "AS and a query in parentheses")
        self.count_table()
        self.open_parenthesis("a query in parentheses")
        query = self.nested_query()
        self.close_parenthesis(self._expected_in_subquery(query))
        return CommonTable(name, query, columns, span=self.span_from(start))

    # Query expressions

    def nested_query(self) -> QueryExpression:
        """Parse a query inside parentheses that are open already."""
        with self.subquery_level():
            if self.kind == "WITH":
                raise self.error_at(
                    self.token.start,
                    "WITH inside a sub-query is not ADQL: put all of WITH at the very beginning",
                )
            query = self._query_expression()
            if self.kind not in {")", ";", END}:
                raise self.unexpected(self._expected_in_subquery(query))
            return query

    def _query_expression(self) -> QueryExpression:
        """Parse ``<select_expression>``."""
        start = self.token.start
        in_parentheses = self.kind == "("
        return self._rest_of_query(self._query_primary(), start, in_parentheses)

    def continue_query(self, first: QueryExpression, start: int) -> QueryExpression:
        """Parse what follows a query in parentheses: set operators, ORDER BY, OFFSET."""
        return self._rest_of_query(first, start, in_parentheses=True)

    def _rest_of_query(
        self, first: QueryExpression, start: int, in_parentheses: bool
    ) -> QueryExpression:
        combined = self._set_operation(first, start)
        order_by = self._order_by_clause()
        offset = self._offset_clause()
        if self.kind in _CLAUSE_OF:
            raise self._clause_error(combined, order_by, offset)
        if not order_by and offset is None:
            return combined
        if self.kind in _SET_WORDS:
            raise self.error_at(
                self.token.start,
                f"A query with ORDER BY or OFFSET before {self.kind} must stand in parentheses",
            )
        span = self.span_from(start)
        if in_parentheses and combined is first:
            return SetOperation((first,), (), order_by, offset, span=span)
        return replace(combined, order_by=order_by, offset=offset, span=span)

    def _set_operation(self, first: QueryExpression, start: int) -> QueryExpression:
        """Parse UNION and EXCEPT behind a query; INTERSECT binds tighter."""
        operands = [self._intersection(first, start)]
        operators: list[SetOperator] = []
        while self.kind in {"UNION", "EXCEPT"}:
            operators.append(self._set_operator())
            operand_start = self.token.start
            operands.append(self._intersection(self._query_primary(), operand_start))
        if not operators:
            return operands[0]
        return SetOperation(tuple(operands), tuple(operators), span=self.span_from(start))

    def _intersection(self, first: QueryExpression, start: int) -> QueryExpression:
        operands = [first]
        operators: list[SetOperator] = []
        while self.kind == "INTERSECT":
            operators.append(self._set_operator())
            operands.append(self._query_primary())
        if not operators:
            return first
        return SetOperation(tuple(operands), tuple(operators), span=self.span_from(start))

    def _set_operator(self) -> SetOperator:
        word = self.advance().kind
        return SetOperator(f"{word} ALL" if self.accept("ALL") else word)

    def _query_primary(self) -> QueryExpression:
        """Parse one SELECT, or a query in parentheses."""
        if self.kind != "(":
            return self._select()
        self.open_parenthesis()
        query = self.nested_query()
        self.close_parenthesis()
        return query

    # SELECT

    def _select(self) -> Select:
        start = self.expect("SELECT").start
        distinct = self.accept("DISTINCT")
        if not distinct:
            self.accept("ALL")
        top = self.unsigned_integer("the number of rows of TOP") if self.accept("TOP") else None
        items = self._select_list()
        self.expect("FROM", "a comma, an operator, AS or FROM")
        tables = [self.table_reference()]
        while self.accept(","):
            tables.append(self.table_reference())
        where = self.condition() if self.accept("WHERE") else None
        group_by = self._group_by_clause()
        having = self.condition() if self.accept("HAVING") else None
        return Select(
            items,
            tuple(tables),
            distinct,
            top,
            where,
            group_by,
            having,
            span=self.span_from(start),
        )

    def _select_list(self) -> tuple[SelectItem, ...]:
        items = [self._select_item()]
        while self.accept(","):
            items.append(self._select_item())
        return tuple(items)

    def _select_item(self) -> SelectItem:
        """Parse an item of the SELECT list.

        Notes
        -----
        The grammar has ``*`` alone only; ``*`` beside other items is an extension that ADQL
        services share and that queries in use rely on.
        """
        token = self.token
        if self.accept("*"):
            return AllColumns(span=Span(token.start, token.end))
        if token.kind in {IDENTIFIER, DELIMITED} and self._names_all_columns():
            qualifier = self.table_name_of(self.dotted_name("a table name", 4))
            self.expect(".")
            self.expect("*")
            return AllColumns(qualifier, span=self.span_from(token.start))
        expression = self.value()
        return DerivedColumn(expression, self.alias(), span=self.span_from(token.start))

    def _names_all_columns(self) -> bool:
        """Whether the dotted name at the cursor ends with ``.*``."""
        distance = 1
        while self.peek(distance) == ".":
            if self.peek(distance + 1) == "*":
                return True
            distance += 2
        return False

    # Clauses

    def _group_by_clause(self) -> tuple[Expression, ...]:
        if not self.accept("GROUP"):
            return ()
        self.expect("BY", "BY after GROUP")
        terms = [self.value()]
        while self.accept(","):
            terms.append(self.value())
        return tuple(terms)

    def _order_by_clause(self) -> tuple[OrderTerm, ...]:
        if not self.accept("ORDER"):
            return ()
        self.expect("BY", "BY after ORDER")
        terms = [self._order_term()]
        while self.accept(","):
            terms.append(self._order_term())
        return tuple(terms)

    def _order_term(self) -> OrderTerm:
        token = self.token
        key = self.value()
        key_end = self._index
        position = None
        if token.kind == NUMBER and token.text.isdigit() and self._tokens[key_end - 1] is token:
            position = ColumnPosition(self.whole_number(token), span=key.span)
        descending = self.accept("DESC")
        if not descending:
            self.accept("ASC")
        return OrderTerm(position or key, descending, span=self.span_from(token.start))

    def _offset_clause(self) -> int | None:
        if not self.accept("OFFSET"):
            return None
        return self.unsigned_integer("the number of rows of OFFSET")

    # Words for refusals

    def _clause_error(
        self, query: QueryExpression, order_by: tuple[OrderTerm, ...], offset: int | None
    ) -> AdqlSyntaxError:
        """Make the error for a clause that stands too late or twice."""
        clause = _CLAUSE_OF[self.kind]
        last = "OFFSET" if offset is not None else "ORDER BY" if order_by else _last_clause(query)
        if clause == last:
            return self.error_at(self.token.start, f"{clause} stands twice in one SELECT")
        return self.error_at(self.token.start, f"{clause} must stand before {last}")

    def _expected_next(self, query: QueryExpression) -> str:
        return f"{_following(query)} or the end of the query"

    def _expected_in_subquery(self, query: QueryExpression) -> str:
        return f"{_following(query)} or a closing parenthesis"


def _last_clause(query: QueryExpression) -> str:
    """Name the last clause of a query."""
    if query.offset is not None:
        return "OFFSET"
    if query.order_by:
        return "ORDER BY"
    if isinstance(query, SetOperation):
        return _last_clause(query.operands[-1])
    if query.having is not None:
        return "HAVING"
    if query.group_by:
        return "GROUP BY"
    return "FROM" if query.where is None else "WHERE"


def _following(query: QueryExpression) -> str:
    """List what may follow the last clause of a query."""
    last = _last_clause(query)
    words = list(_CLAUSES[_CLAUSES.index(last) + 1 :])
    if last not in {"ORDER BY", "OFFSET"}:
        words += _SET_WORDS
    return ", ".join(words) or "nothing more"
