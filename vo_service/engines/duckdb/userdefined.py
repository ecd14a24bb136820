"""User-defined functions of text, numbers, times and distributions in DuckDB's SQL."""

from __future__ import annotations

from collections.abc import Callable

from vo_service.adql.typed import Call, Constant, Expression
from vo_service.adql.types import Kind, kind_of
from vo_service.engines.context import Context
from vo_service.engines.duckdb.comparison import compared

__all__ = ["CALLS"]

_Printer = Callable[[Call, Context], str]

_HMS = r"'^\s*([+-]?)(\d+)\s*[:h ]\s*(\d+)\s*[:m ]\s*(\d+(?:\.\d*)?)\s*s?\s*$'"
_DMS = r"'^\s*([+-]?)(\d+)\s*[:d ]\s*(\d+)\s*[:m ]\s*(\d+(?:\.\d*)?)\s*s?\s*$'"


def _values(node: Call, context: Context) -> list[str]:
    return [context.value(argument) for argument in node.arguments]


def _hashlist_has(node: Call, context: Context) -> str:
    hashlist, item = _values(node, context)
    return f"list_contains(string_split(lower({hashlist}), '#'), lower({item}))::INTEGER"


def _hasword(node: Call, context: Context) -> str:
    haystack, needle = _values(node, context)
    return f"has_words({haystack}, {needle})::INTEGER"


def _nocasematch(node: Call, context: Context) -> str:
    text, pattern = _values(node, context)
    return f"({text} ILIKE {pattern})::INTEGER"


def _interval_overlaps(node: Call, context: Context) -> str:
    a, b, c, d = compared(node.arguments, context)
    return f"({a} <= {b} AND {c} <= {d} AND {a} <= {d} AND {c} <= {b})::INTEGER"


def _normal_random(node: Call, context: Context) -> str:
    mean, deviation = _values(node, context)
    # Box & Muller 1958; the argument of the logarithm is never 0.
    chance = "sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())"
    return f"({mean} + {deviation} * {chance})"


def _day(offset: float) -> _Printer:
    def show(node: Call, context: Context) -> str:
        (moment,) = _values(node, context)
        return f"(epoch_us({moment}) / 86400000000.0::DOUBLE + {offset!r}::DOUBLE)"

    return show


def _sexagesimal(pattern: str, factor: int) -> _Printer:
    def show(node: Call, context: Context) -> str:
        (text,) = _values(node, context)
        sign, *parts = (
            f"regexp_extract({text}, {pattern}, {group}, 'i')" for group in (1, 2, 3, 4)
        )
        first, minutes, seconds = (f"TRY_CAST({part} AS DOUBLE)" for part in parts)
        degrees = f"({first} + {minutes} / 60 + {seconds} / 3600) * {factor}"
        return f"(CASE WHEN {sign} = '-' THEN -1 ELSE 1 END * {degrees})"

    return show


def _string_agg(node: Call, context: Context) -> str:
    text, delimiter = _values(node, context)
    return f"string_agg({text}, {delimiter} ORDER BY {text})"


def _histogram(node: Call, context: Context) -> str:
    column = context.value(node.arguments[0])
    lower, upper, bins = (_literal(argument) for argument in node.arguments[1:])
    count = int(bins)
    within = f"least(floor(({column} - {lower!r}) / {upper - lower!r} * {count}), {count - 1})"
    # The least of a number and NULL is the number.
    bin_ = (
        f"CASE WHEN {column} IS NULL THEN NULL WHEN {column} < {lower!r} THEN 0"
        f" WHEN {column} >= {upper!r} THEN {count + 1}"
        f" ELSE 1 + greatest({within}, 0) END"
    )
    # Lambdas beside joins meet an internal error of DuckDB 2.0.0: the bins are put in their places
    # outside of SQL.
    counts = f"histogram(CAST({bin_} AS INTEGER))"
    spread = f"spread_counts(map_keys({counts}), map_values({counts}), {count + 2}::BIGINT)"
    return f"coalesce({spread}, list_resize([]::DOUBLE[], {count + 2}, 0))::INTEGER[]"


def _literal(node: Expression) -> float:
    return float(node.value) if isinstance(node, Constant) and node.value is not None else 0.0


def _aggregate(name: str) -> _Printer:
    return lambda node, context: f"{name}({context.value(node.arguments[0])}::DOUBLE)"


def _quantile(node: Call, context: Context) -> str:
    column, fraction = node.arguments
    return f"quantile_cont({context.value(column)}::DOUBLE, {_literal(fraction)!r}::DOUBLE)"


def _distribution(name: str) -> _Printer:
    def show(node: Call, context: Context) -> str:
        density, *rest = node.arguments
        if kind_of(rest[0].field.type) is Kind.ARRAY:
            grid, rest = context.expression(rest[0]), rest[1:]
        else:
            grid = f"[{context.value(rest[0])}::DOUBLE, {context.value(rest[1])}::DOUBLE]"
            rest = rest[2:]
        arguments = [f"{context.expression(density)}::DOUBLE[]", f"{grid}::DOUBLE[]"]
        arguments += [f"{context.value(number)}::DOUBLE" for number in rest]
        return f"{name}({', '.join(arguments)})"

    return show


def _random(node: Call, context: Context) -> str:
    if not node.arguments:
        return "random()"
    seed = f"{context.value(node.arguments[0])}::BIGINT"
    # The rows keep their numbers, so that a seed gives the same numbers each time.
    keys = ", ".join((seed, *(() if context.grouped else context.row_keys)))
    return f"(hash({keys}) / 18446744073709551616.0::DOUBLE)"


CALLS: dict[str, _Printer] = {
    "IVO_DMS_TO_DEGREES": _sexagesimal(_DMS, 1),
    "IVO_HASHLIST_HAS": _hashlist_has,
    "IVO_HASWORD": _hasword,
    "IVO_HISTOGRAM": _histogram,
    "IVO_HMS_TO_DEGREES": _sexagesimal(_HMS, 15),
    "IVO_INTERVAL_OVERLAPS": _interval_overlaps,
    "IVO_NOCASEMATCH": _nocasematch,
    "IVO_NORMAL_RANDOM": _normal_random,
    "IVO_STRING_AGG": _string_agg,
    "IVO_TO_JD": _day(2440587.5),
    "IVO_TO_MJD": _day(40587.0),
    "MEDIAN": _aggregate("median"),
    "PZ_PDF_INTEGRAL": _distribution("pdf_integral"),
    "PZ_PDF_MEAN": _distribution("pdf_mean"),
    "PZ_PDF_QUANTILE": _distribution("pdf_quantile"),
    "PZ_QUANTILE": _quantile,
    "RAND": _random,
    "STDDEV": _aggregate("stddev_samp"),
    "VARIANCE": _aggregate("var_samp"),
}
"""Printers by canonical name."""
