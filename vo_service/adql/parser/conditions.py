"""Truths: comparisons, BETWEEN, IN, LIKE, IS NULL, EXISTS, and AND, OR, NOT over them."""

from __future__ import annotations

from abc import ABC, abstractmethod

from vo_service.adql.errors import AdqlSyntaxError
from vo_service.adql.parser.expressions import ExpressionParser
from vo_service.adql.parser.functions import Form, form_of
from vo_service.adql.tree import (
    Between,
    ColumnReference,
    Comparison,
    ComparisonOperator,
    Condition,
    Conjunction,
    Disjunction,
    Exists,
    Expression,
    FunctionCall,
    InList,
    InQuery,
    IsNull,
    Like,
    Negation,
    Predicate,
    QueryExpression,
)

_COMPARISONS: dict[str, ComparisonOperator] = {
    "=": "=",
    "<>": "<>",
    "!=": "<>",
    "<": "<",
    ">": ">",
    "<=": "<=",
    ">=": ">=",
}
_PREDICATE_STARTS = frozenset(_COMPARISONS) | {"BETWEEN", "IN", "LIKE", "ILIKE", "IS", "NOT"}
_VALUE_OPERATORS = frozenset({"+", "-", "*", "/", "||"})
_CONDITION = "a comparison (=, <>, <, >, <=, >=, BETWEEN, IN, LIKE, ILIKE or IS NULL)"

Truth = (
    Comparison,
    Between,
    InList,
    InQuery,
    Like,
    IsNull,
    Exists,
    Negation,
    Conjunction,
    Disjunction,
)
"""Classes of `Condition`, for a test at run time."""


class ConditionParser(ExpressionParser, ABC):
    """Grammar of truths: ``<search_condition>`` and below.

    A parenthesis may hold a value or a truth, and nothing before its end tells which. So both are
    read by one method, `_truth_or_value`, and what came out decides how to go on: nothing is
    read twice.
    """

    @abstractmethod
    def subquery(self) -> QueryExpression:
        """Parse a query in parentheses."""

    def condition(self) -> Condition:
        """Parse a condition."""
        result = self._truth_or_value()
        if isinstance(result, Truth):
            return result
        raise self._value_error(result)

    def _truth_or_value(self) -> Condition | Expression:
        """Parse a chain of OR over chains of AND, or a value."""
        start = self.token.start
        alternatives: list[Condition] = []
        while True:
            first = self._truth_or_value_of_and()
            if not isinstance(first, Truth):
                if alternatives or self.kind == "OR":
                    raise self._value_error(first)
                return first
            alternatives.append(first)
            if not self.accept("OR"):
                break
        if len(alternatives) == 1:
            return alternatives[0]
        return Disjunction(tuple(alternatives), span=self.span_from(start))

    def _truth_or_value_of_and(self) -> Condition | Expression:
        """Parse a chain of AND, or a value."""
        start = self.token.start
        factors: list[Condition] = []
        while True:
            first = self._factor()
            if not isinstance(first, Truth):
                if factors or self.kind == "AND":
                    raise self._value_error(first)
                return first
            factors.append(first)
            if not self.accept("AND"):
                break
        if len(factors) == 1:
            return factors[0]
        return Conjunction(tuple(factors), span=self.span_from(start))

    def _factor(self) -> Condition | Expression:
        """Parse ``[NOT] <boolean_primary>``, or a value."""
        if self.kind != "NOT":
            return self._primary()
        start = self.advance().start
        if self.kind == "NOT":
            raise self.error_at(self.token.start, "NOT twice: write NOT (NOT ...)")
        operand = self._primary()
        if not isinstance(operand, Truth):
            raise self._value_error(operand)
        return Negation(operand, span=self.span_from(start))

    def _primary(self) -> Condition | Expression:
        """Parse a predicate, something in parentheses, or a value."""
        if self.kind == "EXISTS":
            start = self.advance().start
            return Exists(self.subquery(), span=self.span_from(start))
        start = self.token.start
        if self.kind == "(" and not self.starts_query():
            self.open_parenthesis()
            inner = self._truth_or_value()
            if isinstance(inner, Truth):
                self.close_parenthesis("AND, OR or a closing parenthesis")
                return inner
            self.close_parenthesis("an operator, a comparison or a closing parenthesis")
            value = self.value(inner, start) if self.kind in _VALUE_OPERATORS else inner
        else:
            value = self.value()
        if self.kind in _PREDICATE_STARTS:
            return self._predicate(value, start)
        return value

    def _value_error(self, value: Expression) -> AdqlSyntaxError:
        """Make the error for a value where a truth must stand."""
        if isinstance(value, FunctionCall) and value.name in {"CONTAINS", "INTERSECTS"}:
            return self.error_at(
                value.span.start,
                f"{value.name} gives a number, 1 or 0: write 1 = {value.name}(...)",
            )
        return self.unexpected(_CONDITION)

    # Predicates

    def _predicate(self, left: Expression, start: int) -> Predicate:
        """Parse the rest of a predicate after its first value."""
        operator = _COMPARISONS.get(self.kind)
        if operator is not None:
            self.advance()
            if self.kind in {"ANY", "ALL", "SOME"}:
                raise self.error_at(
                    self.token.start, f"ADQL has no {self.kind} with a sub-query: use IN or EXISTS"
                )
            return Comparison(left, operator, self.value(), span=self.span_from(start))
        if self.kind == "IS":
            return self._is_null(left, start)
        negated = self.accept("NOT")
        if self.accept("BETWEEN"):
            low = self.value()
            self.expect("AND", "AND and the upper bound of BETWEEN")
            high = self.value()
            return Between(left, low, high, negated, span=self.span_from(start))
        if self.accept("IN"):
            return self._in(left, negated, start)
        if self.kind in {"LIKE", "ILIKE"}:
            ignore_case = self.advance().kind == "ILIKE"
            pattern = self.value()
            self._check_string(left)
            self._check_string(pattern)
            return Like(left, pattern, negated, ignore_case, span=self.span_from(start))
        raise self.unexpected("BETWEEN, IN, LIKE or ILIKE after NOT")

    def _is_null(self, operand: Expression, start: int) -> IsNull:
        self.advance()
        negated = self.accept("NOT")
        self.expect("NULL", "NULL or NOT NULL after IS")
        if not isinstance(operand, ColumnReference):
            raise self.error_at(
                start, "IS NULL tests columns only: give the value a name in a sub-query"
            )
        return IsNull(operand, negated, span=self.span_from(start))

    def _in(self, operand: Expression, negated: bool, start: int) -> InList | InQuery:
        if self.starts_query():
            return InQuery(operand, self.subquery(), negated, span=self.span_from(start))
        self.open_parenthesis("a list or a sub-query in parentheses after IN")
        items = [self.value()]
        while self.accept(","):
            items.append(self.value())
        self.check_in_items(len(items))
        self.close_parenthesis("a comma or a closing parenthesis")
        return InList(operand, tuple(items), negated, span=self.span_from(start))

    def _check_string(self, operand: Expression) -> None:
        """Refuse an operand of LIKE that is no string."""
        form = form_of(operand)
        if form in {Form.NUMBER, Form.GEOMETRY}:
            raise self.error_at(operand.span.start, f"LIKE compares strings, not a {form}")
