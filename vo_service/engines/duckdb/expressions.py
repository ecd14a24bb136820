"""Typed expressions in DuckDB's SQL.

Undefined results (the root of a negative number, the logarithm of zero, a division by zero) are
NULL. DuckDB computes NaN or infinity for most of them; those flow through arithmetic as NULL
would, and become NULL where a value is looked at: in a comparison, an aggregate, a result. See
`value`. Where an infinity would vanish, as in ``1 / infinity``, it is made NaN first. See `_kept`.
"""

from __future__ import annotations

import math
from typing import assert_never

from registry.model.field import Datatype, ValueType
from vo_service.adql.functions import FUNCTIONS as DECLARED
from vo_service.adql.typed import (
    Arithmetic,
    Call,
    Cast,
    ColumnValue,
    Constant,
    Expression,
)
from vo_service.engines.base import QueryRejected
from vo_service.engines.context import Context, quoted
from vo_service.engines.duckdb.comparison import compared
from vo_service.engines.duckdb.functions import (
    FUNCTIONS,
    INFINITE_TO_FINITE,
    UNDEFINED_SOMEWHERE,
    WHOLE_FUNCTIONS,
)
from vo_service.engines.duckdb.shapes import SHAPES
from vo_service.engines.duckdb.userdefined import CALLS
from vo_service.engines.spatial import constant_number

LONGEST_CHARACTERS = 400_000
"""Longest text of an expression. Some printers repeat an argument, so that calls in calls in calls
grow beyond all bounds; twice the longest query is far beyond what people write."""

_WHOLE = r"'\s*[+-]?\d+\s*'"

__all__ = ["expression", "sql_type", "value"]

_LOOKING = frozenset(("COALESCE", "COUNT", "MIN", "MAX", "SUM", "AVG", "POWER"))
"""Functions that make a value of NaN: the power 0 of anything is 1."""

_WIDENED = {"MOD": 2, "ABS": 1, "ROUND": 1, "TRUNCATE": 1, "CEILING": 1, "FLOOR": 1}
"""Functions computed in the type of their result, with the number of such arguments: the absolute
value of the least 32-bit number has more bits."""

_SCALARS = {
    Datatype.BOOLEAN: "BOOLEAN",
    Datatype.UNSIGNED_BYTE: "UTINYINT",
    Datatype.SHORT: "SMALLINT",
    Datatype.INT: "INTEGER",
    Datatype.LONG: "BIGINT",
    Datatype.FLOAT: "FLOAT",
    Datatype.DOUBLE: "DOUBLE",
    Datatype.CHAR: "VARCHAR",
    Datatype.UNICODE_CHAR: "VARCHAR",
}


def sql_type(type_: ValueType) -> str:
    """Name the DuckDB type that holds values of a VOTable type."""
    if type_.is_timestamp:
        return "TIMESTAMP"
    scalar = _SCALARS[type_.datatype]
    return f"{scalar}[]" if type_.is_array else scalar


def value(node: Expression, context: Context) -> str:
    """Print an expression where its value is looked at: undefined results are NULL."""
    text = expression(node, context)
    if _is_unbounded(node):
        return f"CASE WHEN isfinite({text}) THEN {text} END"
    return text


def _undefined(node: Expression) -> bool:
    match node:
        case Arithmetic():
            return node.field.type.datatype.is_floating
        case Call(function=function, arguments=arguments):
            return function in UNDEFINED_SOMEWHERE or any(map(_undefined, arguments))
        case Cast(operand=operand):
            return _undefined(operand)
        case _:
            return False


def expression(node: Expression, context: Context) -> str:
    """Print an expression.

    Parameters
    ----------
    node
        Typed expression.
    context
        Of the query.

    Raises
    ------
    QueryRejected
        When its text would be too long.
    """
    text = _printed(node, context)
    covered = isinstance(node, Call) and node.function == "CONTAINS"
    if len(text) > LONGEST_CHARACTERS and not covered:
        what = node.function if isinstance(node, Call) else "an expression"
        raise QueryRejected(f"{what} is too complicated; compute parts of it in a sub-query")
    return text


def _printed(node: Expression, context: Context) -> str:
    match node:
        case ColumnValue(relation=relation, physical=physical):
            return f"r{relation}.{quoted(physical)}"
        case Constant():
            return _constant(node, context)
        case Arithmetic():
            return _arithmetic(node, context)
        case Cast():
            return _cast(node, context)
        case Call():
            return _call(node, context)
        case _:
            assert_never(node)


def _constant(node: Constant, context: Context) -> str:
    target = sql_type(node.field.type)
    if node.value is None:
        return f"NULL::{target}"
    return f"{context.bind(node.value)}::{target}"


def _arithmetic(node: Arithmetic, context: Context) -> str:
    if node.operator == "||":
        return f"({value(node.left, context)} || {value(node.right, context)})"
    integer = node.field.type.datatype.is_integer
    operator = "//" if node.operator == "/" and integer else node.operator
    left = _operand(node.left, node.field.type, context)
    right = _operand(node.right, node.field.type, context)
    if node.operator == "/" and not integer and not _is_divisor(constant_number(node.right)):
        right = f"nullif({_kept(right, node.right)}, 0)"
    return f"({left} {operator} {right})"


def _is_divisor(number: float | None) -> bool:
    return number is not None and number != 0 and math.isfinite(number)


def _kept(text: str, node: Expression) -> str:
    """Print a number as NaN where it is infinite since its computation had no result.

    The remainder of a division by infinity is the number itself, and NaN for infinities; it costs
    5 ns a row, and is printed once, which a condition on the number would not be.
    """
    return f"({text} % 'Infinity'::DOUBLE)" if _is_unbounded(node) else text


def _is_unbounded(node: Expression) -> bool:
    type_ = node.field.type
    return type_.is_numeric and type_.datatype.is_floating and _undefined(node)


def _operand(node: Expression, target: ValueType, context: Context) -> str:
    text = expression(node, context)
    if node.field.type.datatype is target.datatype:
        return text
    return f"{text}::{sql_type(target)}"


def _cast(node: Cast, context: Context) -> str:
    source, target = node.operand.field.type, node.field.type
    text = value(node.operand, context)
    if target.is_array:
        return _shape_cast(text, target)
    if target.is_text and source.is_timestamp:
        text = f"strftime({text}, '%Y-%m-%dT%H:%M:%S.%g')"
    elif target.is_text and source.datatype.is_floating:
        # Zero has no sign in text: which one it has depends on the engine.
        text = f"({text} + 0::{sql_type(source)})"
    elif target.datatype.is_integer and source.datatype.is_floating:
        # DuckDB rounds halves to even; ADQL leaves it open, and the house truncates.
        text = f"trunc({text})"
    elif target.datatype.is_integer and source.is_text:
        # DuckDB reads '2.7' as 3; text that is no whole number is refused instead.
        refusal = f"error(chr(39) || {text} || chr(39) || ' is not a whole number')"
        text = f"CASE WHEN regexp_full_match({text}, {_WHOLE}) THEN {text} ELSE {refusal} END"
    text = f"CAST({text} AS {sql_type(target)})"
    if node.length is not None:
        text = f"left({text}, {node.length})"
        if node.padded:
            text = f"rpad({text}, {node.length}, ' ')"
    return text


def _shape_cast(text: str, target: ValueType) -> str:
    """Print the shape that DALI's list of numbers in a text makes."""
    numbers = f"CAST(regexp_extract_all({text}, '[^\\s,]+') AS DOUBLE[])"
    length = f"len({numbers})"
    sizes = {"point": f"{length} = 2", "circle": f"{length} = 3"}
    right = sizes.get(target.xtype or "", f"{length} >= 6 AND {length} % 2 = 0")
    refusal = f"error(chr(39) || {text} || chr(39) || ' is not a {target.xtype}')"
    return f"CASE WHEN {text} IS NULL THEN NULL WHEN {right} THEN {numbers} ELSE {refusal} END"


def _call(node: Call, context: Context) -> str:
    if not DECLARED[node.function].aggregate:
        return _applied(node, context)
    grouped, context.grouped = context.grouped, False
    text = _applied(node, context)
    context.grouped = grouped
    return text


def _applied(node: Call, context: Context) -> str:
    if node.function in SHAPES:
        return SHAPES[node.function](node, context)
    if node.function in CALLS:
        return CALLS[node.function](node, context)
    if node.function in _LOOKING:
        arguments = compared(node.arguments, context)
    else:
        arguments = [_argument(node, index, context) for index in range(len(node.arguments))]
    if node.distinct:
        arguments[0] = f"DISTINCT {arguments[0]}"
    whole = node.field.type.datatype.is_integer and node.function in WHOLE_FUNCTIONS
    text = (WHOLE_FUNCTIONS if whole else FUNCTIONS)[node.function](arguments)
    if node.function == "SUM" or node.function in _WIDENED:
        text = f"{text}::{sql_type(node.field.type)}"
    return text


def _argument(node: Call, index: int, context: Context) -> str:
    """Print an argument of a function, in the type of the result where it is computed in that."""
    argument = node.arguments[index]
    if index < _WIDENED.get(node.function, 0):
        text = _operand(argument, node.field.type, context)
    else:
        text = expression(argument, context)
    return _kept(text, argument) if node.function in INFINITE_TO_FINITE else text
