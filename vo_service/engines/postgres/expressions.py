"""Typed expressions in PostgreSQL's SQL.

Undefined results (the root of a negative number, the logarithm of zero, a division by zero) are
NULL. PostgreSQL refuses most of them, so arithmetic on floating numbers and the functions for
which it matters are those of `library`, which give NULL.
"""

from __future__ import annotations

from typing import assert_never

from registry.model.field import ValueType
from vo_service.adql.typed import Arithmetic, Call, Cast, ColumnValue, Constant, Expression
from vo_service.adql.types import DOUBLE
from vo_service.engines.base import QueryRejected
from vo_service.engines.context import Context
from vo_service.engines.postgres.context import quoted
from vo_service.engines.postgres.functions import CALLS
from vo_service.engines.postgres.library import spell
from vo_service.engines.postgres.shapes import SHAPES
from vo_service.engines.postgres.types import sql_type

__all__ = ["converted", "expression"]

LONGEST_CHARACTERS = 400_000
"""Longest text of an expression. Some printers repeat an argument, so that calls in calls in calls
grow beyond all bounds; twice the longest query is far beyond what people write."""

_FLOATING = {"+": "pzvo.add", "-": "pzvo.sub", "*": "pzvo.mul", "/": "pzvo.div"}

_SMALLEST_REAL = "8e-46"
"""PostgreSQL refuses to make 0 of what is smaller: half of the smallest single-precision number."""


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


def converted(text: str, source: ValueType, target: ValueType) -> str:
    """Print a value of one type as one of another of its kind.

    Parameters
    ----------
    text
        The value, printed.
    source, target
        The types.
    """
    if sql_type(source) == sql_type(target):
        return text
    if sql_type(target) == "float4" and sql_type(source) == "float8":
        text = f"CASE WHEN abs({text}) < {_SMALLEST_REAL} THEN 0 ELSE {text} END"
    return f"({text})::{sql_type(target)}"


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
    text = f"{context.bind(node.value)}::{target}"
    return f'({text} COLLATE "C")' if node.field.type.is_text else text


def _arithmetic(node: Arithmetic, context: Context) -> str:
    if node.operator == "||":
        return f"({context.expression(node.left)} || {context.expression(node.right)})"
    left = _operand(node.left, node.field.type, context)
    right = _operand(node.right, node.field.type, context)
    if node.field.type.datatype.is_floating:
        return f"{_FLOATING[node.operator]}({left}, {right})"
    if node.operator == "/":
        right = f"nullif({right}, 0)"
    return f"({left} {node.operator} {right})"


def _operand(node: Expression, target: ValueType, context: Context) -> str:
    return converted(context.expression(node), node.field.type, target)


def _cast(node: Cast, context: Context) -> str:
    source, target = node.operand.field.type, node.field.type
    text = context.expression(node.operand)
    if target.is_array:
        return f"pzvo.shape_of_text({text}, '{target.xtype}')"
    if target.is_text:
        text = f'({_text(text, source)} COLLATE "C")'
    elif target.is_timestamp:
        text = f"pzvo.timestamp_of_text({text})" if source.is_text else text
    elif target.datatype.is_integer:
        text = f"({_whole(text, source)})::{sql_type(target)}"
    else:
        text = converted(text, source, target)
    if node.length is not None:
        text = f"left({text}, {node.length})"
        if node.padded:
            text = f"rpad({text}, {node.length}, ' ')"
    return text


def _text(text: str, source: ValueType) -> str:
    if source.is_timestamp:
        return f"""to_char({text}, 'YYYY-MM-DD"T"HH24:MI:SS.MS')"""
    name = {"float8": "pzvo.text_of_double", "float4": "pzvo.text_of_real"}.get(sql_type(source))
    return f"({text})::text" if name is None else f"{name}({text})"


def _whole(text: str, source: ValueType) -> str:
    """Print a value as a whole number of any size; PostgreSQL has few ways from booleans."""
    if source.is_text:
        return f"pzvo.whole_number({text})"
    if source.datatype.is_floating:
        # PostgreSQL rounds; ADQL leaves it open, and the house truncates.
        return f"trunc(({text})::float8)"
    return f"({text})::int4" if sql_type(source) == "boolean" else text


def _call(node: Call, context: Context) -> str:
    if node.function in SHAPES:
        return SHAPES[node.function](node, context)
    if node.function in CALLS:
        return CALLS[node.function](node, context)
    if node.function == "COALESCE":
        parts = (_operand(argument, node.field.type, context) for argument in node.arguments)
        return f"coalesce({', '.join(parts)})"
    if node.field.type.is_numeric and node.function in _KEEPING:
        arguments = [_operand(node.arguments[0], node.field.type, context)]
        arguments += [_kept(node, argument, context) for argument in node.arguments[1:]]
    elif node.function in _COMPARING:
        arguments = [context.expression(argument) for argument in node.arguments]
    else:
        arguments = [
            _operand(argument, DOUBLE, context)
            if argument.field.type.is_numeric
            else context.expression(argument)
            for argument in node.arguments
        ]
    return spell(node.function, arguments)


_KEEPING = frozenset(("ABS", "CEILING", "FLOOR", "MOD", "ROUND", "TRUNCATE"))
"""Functions that give whole numbers of whole numbers."""

_COMPARING = frozenset(("IVO_INTERVAL_OVERLAPS",))
"""Functions that compare their arguments, which 64-bit integers lose by becoming doubles."""


def _kept(node: Call, argument: Expression, context: Context) -> str:
    if node.function == "MOD":
        return _operand(argument, node.field.type, context)
    return f"({context.expression(argument)})::int4"
