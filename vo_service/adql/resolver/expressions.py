"""Values: literals, columns, arithmetic and calls, with type, unit and UCD."""

from __future__ import annotations

import math

from registry.model.field import Field
from vo_service.adql import tree, typed
from vo_service.adql.errors import TypeMismatch, UnknownFunction
from vo_service.adql.functions import FUNCTIONS, CallSite, Function
from vo_service.adql.functions.arguments import is_null, is_pure_number, retyped_null
from vo_service.adql.resolver.casts import make_cast
from vo_service.adql.resolver.environment import Environment
from vo_service.adql.resolver.scopes import Scope
from vo_service.adql.resolver.spelling import near
from vo_service.adql.types import (
    DOUBLE,
    INT,
    TEXT,
    Kind,
    arithmetic_type,
    concatenation_type,
    integer_type,
    kind_of,
    literal_type,
)
from vo_service.adql.units import UNKNOWN_UNIT, product_unit, quotient_unit, sum_unit

__all__ = ["ExpressionResolver"]

_ZERO = typed.Constant(0, Field("", INT))
_NULL = typed.Constant(None, Field("", TEXT))

MAX_DIGITS = 19
"""Digits of the largest 64-bit integer; longer literals are floating."""

_SYNONYMS = {
    "CEIL": "CEILING",
    "IFNULL": "COALESCE",
    "LN": "LOG",
    "MEAN": "AVG",
    "NVL": "COALESCE",
    "POW": "POWER",
    "RANDOM": "RAND",
    "STDDEV_SAMP": "STDDEV",
    "STDEV": "STDDEV",
    "STRING_AGG": "ivo_string_agg",
    "TRUNC": "TRUNCATE",
    "VAR_SAMP": "VARIANCE",
}
"""Names of other dialects of SQL."""


class ExpressionResolver:
    """Resolves the values of one clause of a query.

    Parameters
    ----------
    env
        The resolution.
    scope
        Names that can be used.
    clause
        Name of the clause where it cannot have aggregates, such as ``WHERE``.

    Attributes
    ----------
    aggregated
        Whether an aggregate was met.
    """

    __slots__ = ("_inside", "aggregated", "clause", "env", "scope")

    def __init__(self, env: Environment, scope: Scope, clause: str | None = None) -> None:
        self.env = env
        self.scope = scope
        self.clause = clause
        self.aggregated = False
        self._inside: str | None = None

    def resolve(self, node: tree.Expression) -> typed.Expression:
        """Resolve a value.

        Parameters
        ----------
        node
            The value as written.

        Returns
        -------
        typed.Expression
            The value with its meaning.

        Raises
        ------
        AdqlError
            One of its subclasses but the syntax error: a name, a function, a type or the size.
        """
        match node:
            case tree.ColumnReference():
                return self.scope.column(self.env, node)
            case tree.NumericLiteral():
                return _number(self.env, node)
            case tree.StringLiteral():
                return typed.Constant(node.value, Field("", literal_type(node.value)))
            case tree.NullLiteral():
                return _NULL
            case _:
                self.env.descend(node, 1)
                value = self._compound(node)
                self.env.depth -= 1
                return value

    def _compound(
        self,
        node: tree.FunctionCall
        | tree.Arithmetic
        | tree.Concatenation
        | tree.SignedExpression
        | tree.Cast,
    ) -> typed.Expression:
        match node:
            case tree.FunctionCall():
                return self._call(node)
            case tree.Arithmetic():
                return self._arithmetic(node)
            case tree.SignedExpression():
                return self._signed(node)
            case tree.Concatenation():
                return self._concatenation(node)
            case tree.Cast():
                return make_cast(self.env, node, self.resolve(node.operand))

    def _arithmetic(self, node: tree.Arithmetic) -> typed.Expression:
        levels = len(node.operators) - 1
        self.env.descend(node, levels)
        value = self._operand(node.operands[0], node.operators[0])
        for operator, right in zip(node.operators, node.operands[1:], strict=True):
            value = _combine(operator, value, self._operand(right, operator))
        self.env.depth -= levels
        return value

    def _operand(self, node: tree.Expression, operator: str) -> typed.Expression:
        """Resolve an operand and require a number; the word NULL is one."""
        value = self.resolve(node)
        if is_null(value):
            return retyped_null(DOUBLE)
        kind = kind_of(value.field.type)
        if kind is not Kind.NUMBER:
            advice = "; texts are joined with ||" if kind is Kind.TEXT and operator == "+" else ""
            raise self.env.error(
                TypeMismatch, f'The operator "{operator}" takes numbers, not {kind}{advice}', node
            )
        return value

    def _signed(self, node: tree.SignedExpression) -> typed.Expression:
        if node.sign == "-" and isinstance(node.operand, tree.NumericLiteral):
            return _number(self.env, node.operand, -1)
        value = self._operand(node.operand, node.sign)
        if node.sign == "+" or is_null(value):
            return value
        if isinstance(value, typed.Constant) and isinstance(value.value, int | float):
            negative = -value.value
            value_type = integer_type(negative) if isinstance(negative, int) else DOUBLE
            if value_type is not DOUBLE:
                return typed.Constant(negative, Field("", value_type))
            return typed.Constant(float(negative), Field("", DOUBLE))
        value_type = arithmetic_type(value.field.type, INT)
        return typed.Arithmetic("-", _ZERO, value, Field("", value_type, value.field.unit))

    def _concatenation(self, node: tree.Concatenation) -> typed.Expression:
        levels = len(node.operands) - 2
        self.env.descend(node, levels)
        value = self._text(node.operands[0])
        for operand in node.operands[1:]:
            right = self._text(operand)
            field = Field("", concatenation_type(value.field.type, right.field.type))
            value = typed.Arithmetic("||", value, right, field)
        self.env.depth -= levels
        return value

    def _text(self, node: tree.Expression) -> typed.Expression:
        value = self.resolve(node)
        kind = kind_of(value.field.type)
        if kind is not Kind.TEXT:
            message = f'The operator "||" joins text, not {kind}; convert with CAST(... AS VARCHAR)'
            raise self.env.error(TypeMismatch, message, node)
        return value

    def _call(self, node: tree.FunctionCall) -> typed.Expression:
        function = FUNCTIONS.get(node.name.upper())
        if function is None:
            raise self._unknown(node)
        outer = self._inside
        if function.aggregate:
            self._enter(node, function)
        arguments = [self.resolve(argument) for argument in node.arguments]
        self._inside = outer
        offsets = [argument.span.start for argument in node.arguments]
        site = CallSite(
            function.name, arguments, offsets, node.span.start, self.env.source, node.distinct
        )
        return function.apply(site)

    def _enter(self, node: tree.FunctionCall, function: Function) -> None:
        """Enter the arguments of an aggregate."""
        if self.clause is not None:
            advice = "; put the condition into HAVING" if self.clause == "WHERE" else ""
            message = f"{function.name} works on groups and cannot stand in {self.clause}{advice}"
            raise self.env.error(TypeMismatch, message, node)
        if self._inside is not None:
            message = (
                f"{function.name} cannot stand inside {self._inside}; compute it in a sub-query"
            )
            raise self.env.error(TypeMismatch, message, node)
        self._inside = function.name
        self.aggregated = True

    def _unknown(self, node: tree.FunctionCall) -> UnknownFunction:
        name = node.name.upper()
        suggestions = near(name, FUNCTIONS)
        if name in _SYNONYMS:
            suggestions = (_SYNONYMS[name],)
        return self.env.error(UnknownFunction, f'Unknown function "{node.name}"', node, suggestions)


def _number(env: Environment, node: tree.NumericLiteral, sign: int = 1) -> typed.Constant:
    if node.is_integer and len(node.text) <= MAX_DIGITS:
        whole = sign * int(node.text)
        value_type = integer_type(whole)
        if value_type is not DOUBLE:
            return typed.Constant(whole, Field("", value_type))
    value = float(node.text)
    if math.isinf(value):
        raise env.error(TypeMismatch, f"The number {node.text[:20]} is too large", node)
    return typed.Constant(sign * value, Field("", DOUBLE))


def _combine(operator: str, left: typed.Expression, right: typed.Expression) -> typed.Arithmetic:
    """Apply an operator to numbers.

    A number that was written takes the unit of what it is added to. As a factor it may be a
    conversion to another unit (``distance * 3600``), so nothing is known of the product's.
    """
    first, second = left.field, right.field
    numbers = is_pure_number(left), is_pure_number(right)
    match operator:
        case "*" | "/" if any(numbers):
            unit = _multiple(operator, left, right, numbers)
        case "*":
            unit = product_unit(first.unit, second.unit)
        case "/":
            unit = quotient_unit(first.unit, second.unit)
        case _ if numbers[0]:
            unit = second.unit
        case _ if numbers[1]:
            unit = first.unit
        case _:
            unit = sum_unit(first.unit, second.unit)
    value_type = arithmetic_type(first.type, second.type)
    return typed.Arithmetic(operator, left, right, Field("", value_type, unit))


def _multiple(
    operator: str, left: typed.Expression, right: typed.Expression, numbers: tuple[bool, bool]
) -> str | None:
    """Give the unit of a value multiplied or divided by a number that was written, or of both."""
    if all(numbers):
        return None
    number = left if numbers[0] else right
    if not (isinstance(number, typed.Constant) and number.value in (1, -1)):
        return UNKNOWN_UNIT
    combined = product_unit if operator == "*" else quotient_unit
    return combined(left.field.unit, right.field.unit)
