"""ADQL functions in PostgreSQL's SQL that are not plain calls of the library: aggregates, chance.

A test compares the printers with the registry of functions, so that none is declared and not
printed.
"""

from __future__ import annotations

from collections.abc import Callable

from vo_service.adql.typed import Call, Constant, Expression
from vo_service.adql.types import Kind, kind_of
from vo_service.engines.context import Context
from vo_service.engines.postgres.context import PostgresContext
from vo_service.engines.postgres.library import spell
from vo_service.engines.postgres.types import sql_type

__all__ = ["CALLS"]

_Printer = Callable[[Call, Context], str]

_LARGE = "1e290"
"""No sum of numbers below it overflows, whatever their number."""

_HALVED, _DOUBLED = f"'{2.0**-64!r}'::float8", f"'{2.0**64!r}'::float8"
"""Larger numbers are summed at this scale, which changes no digit of them."""


def _argument(node: Call, context: Context) -> str:
    """Print the argument of an aggregate, which is computed row by row."""
    grouped, context.grouped = context.grouped, False
    text = context.expression(node.arguments[0])
    context.grouped = grouped
    return text


def _double(node: Call, context: Context) -> str:
    text = _argument(node, context)
    return text if sql_type(node.arguments[0].field.type) == "float8" else f"({text})::float8"


def _count(node: Call, context: Context) -> str:
    if not node.arguments:
        return "count(*)"
    return f"count({_distinct(node)}{_argument(node, context)})"


def _distinct(node: Call) -> str:
    return "DISTINCT " if node.distinct else ""


def _extreme(name: str) -> _Printer:
    return lambda node, context: f"{name}({_argument(node, context)})"


def _sum(node: Call, context: Context) -> str:
    if not node.field.type.datatype.is_floating:
        return f"sum({_distinct(node)}{_argument(node, context)})::int8"
    return _floating_sum(node, context)


def _floating_sum(node: Call, context: Context) -> str:
    """Print a sum that is NULL where it is beyond double; PostgreSQL's is an error there."""
    number, every = _double(node, context), _distinct(node)
    if sql_type(node.arguments[0].field.type) != "float8":
        return f"sum({every}{number})"
    small = f"sum({every}{number}) FILTER (WHERE abs({number}) < {_LARGE})"
    scaled = f"sum({every}({number}) * {_HALVED}) FILTER (WHERE abs({number}) >= {_LARGE})"
    large = f"pzvo.add(pzvo.mul({scaled}, {_DOUBLED}), coalesce({small}, 0))"
    return f"(CASE WHEN {scaled} IS NULL THEN {small} ELSE {large} END)"


def _average(node: Call, context: Context) -> str:
    argument = node.arguments[0].field.type
    if not argument.datatype.is_floating:
        return f"avg({_distinct(node)}{_argument(node, context)})::float8"
    count = f"count({_distinct(node)}{_argument(node, context)})"
    return f"pzvo.div({_floating_sum(node, context)}, {count}::float8)"


def _median(node: Call, context: Context) -> str:
    return _percentile(_double(node, context), "0.5")


def _quantile(node: Call, context: Context) -> str:
    fraction = node.arguments[1]
    number = float(fraction.value) if isinstance(fraction, Constant) and fraction.value else 0.0
    return _percentile(_double(node, context), repr(number))


def _percentile(number: str, fraction: str) -> str:
    return f"percentile_cont('{fraction}'::float8) WITHIN GROUP (ORDER BY {number})"


def _deviation(name: str) -> _Printer:
    return lambda node, context: f"{name}({_double(node, context)})"


def _string_agg(node: Call, context: Context) -> str:
    text, delimiter = _argument(node, context), context.expression(node.arguments[1])
    return f"string_agg({text}, {delimiter} ORDER BY {text})"


def _histogram(node: Call, context: Context) -> str:
    rest = [_literal(argument) for argument in node.arguments[1:]]
    lower, upper = (f"'{number!r}'::float8" for number in rest[:2])
    return spell(node.function, [_double(node, context), lower, upper, str(int(rest[2]))])


def _literal(node: Expression) -> float:
    return float(node.value) if isinstance(node, Constant) and node.value is not None else 0.0


def _distribution(node: Call, context: Context) -> str:
    density, *rest = node.arguments
    if kind_of(rest[0].field.type) is Kind.ARRAY:
        grid, rest = f"({context.expression(rest[0])})::float8[]", rest[1:]
    else:
        ends = ", ".join(f"({context.expression(end)})::float8" for end in rest[:2])
        grid, rest = f"ARRAY[{ends}]", rest[2:]
    numbers = [f"({context.expression(number)})::float8" for number in rest]
    return spell(node.function, [f"({context.expression(density)})::float8[]", grid, *numbers])


def _random(node: Call, context: Context) -> str:
    if not node.arguments:
        return "random()"
    hashed = f"({context.expression(node.arguments[0])})::int8"
    keys = context.keys if isinstance(context, PostgresContext) and not context.grouped else ()
    # Seeds that differ by little shall not give numbers that do.
    hashed = f"hashint8extended({hashed}, 0)"
    # The rows keep their numbers, so that a seed gives the same numbers each time.
    for key, whole in keys:
        function = "hash_record_extended" if whole else "hashint8extended"
        hashed = f"{function}({key}, {hashed})"
    return f"((({hashed}) >> 11) & 9007199254740991)::float8 / 9007199254740992"


CALLS: dict[str, _Printer] = {
    "AVG": _average,
    "COUNT": _count,
    "IVO_HISTOGRAM": _histogram,
    "IVO_STRING_AGG": _string_agg,
    "MAX": _extreme("max"),
    "MEDIAN": _median,
    "MIN": _extreme("min"),
    "PZ_PDF_INTEGRAL": _distribution,
    "PZ_PDF_MEAN": _distribution,
    "PZ_PDF_QUANTILE": _distribution,
    "PZ_QUANTILE": _quantile,
    "RAND": _random,
    "STDDEV": _deviation("stddev_samp"),
    "SUM": _sum,
    "VARIANCE": _deviation("var_samp"),
}
"""Printers by canonical name."""
