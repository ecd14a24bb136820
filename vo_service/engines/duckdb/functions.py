"""ADQL functions in DuckDB's SQL: one printer per canonical name.

A printer gets the printed arguments. Geometry has its own module, `geometry`. A test compares
this table with the registry of functions, so that none is declared and not printed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["FUNCTIONS", "INFINITE_TO_FINITE", "UNDEFINED_SOMEWHERE", "WHOLE_FUNCTIONS"]

_Printer = Callable[[Sequence[str]], str]

UNDEFINED_SOMEWHERE = frozenset(
    ("SQRT", "LOG", "LOG10", "POWER", "ACOS", "ASIN", "EXP", "COT", "TAN", "MOD")
)
"""Functions for which DuckDB answers NaN or infinity where ADQL's value is undefined."""

INFINITE_TO_FINITE = frozenset(("ATAN", "ATAN2", "EXP", "MOD"))
"""Functions that are finite for an infinite argument."""


def _plain(name: str) -> _Printer:
    return lambda arguments: f"{name}({', '.join(arguments)})"


def _from_pole(name: str) -> _Printer:
    """Print a function that is infinite at 0, where it has no value."""
    return lambda arguments: f"{name}(nullif({arguments[0]}, 0))"


def _truncate(arguments: Sequence[str]) -> str:
    if len(arguments) == 1:
        return f"trunc({arguments[0]})"
    number, digits = arguments
    return f"(trunc({number} * pow(10, {digits})) / pow(10, {digits}))"


def _same(arguments: Sequence[str]) -> str:
    """Print what changes no whole number."""
    return arguments[0]


def _to_digits(name: str) -> _Printer:
    """Print ROUND or TRUNCATE of a whole number, which changes digits before the point alone."""

    def show(arguments: Sequence[str]) -> str:
        return arguments[0] if len(arguments) == 1 else f"{name}({', '.join(arguments)})"

    return show


def _remainder(arguments: Sequence[str]) -> str:
    # The remainder by -1 of the least 64-bit number is an overflow in 64 bits.
    return f"(({arguments[0]})::HUGEINT % {arguments[1]})"


def _count(arguments: Sequence[str]) -> str:
    return f"count({', '.join(arguments) or '*'})"


FUNCTIONS: dict[str, _Printer] = {
    "ABS": _plain("abs"),
    "ACOS": _plain("acos"),
    "ASIN": _plain("asin"),
    "ATAN": _plain("atan"),
    "ATAN2": _plain("atan2"),
    "AVG": _plain("avg"),
    "CEILING": _plain("ceil"),
    "COALESCE": _plain("coalesce"),
    "COS": _plain("cos"),
    "COT": _from_pole("cot"),
    "COUNT": _count,
    "DEGREES": _plain("degrees"),
    "EXP": _plain("exp"),
    "FLOOR": _plain("floor"),
    "LOG": _from_pole("ln"),
    "LOG10": _from_pole("log10"),
    "LOWER": _plain("lower"),
    "MAX": _plain("max"),
    "MIN": _plain("min"),
    "MOD": lambda arguments: f"({arguments[0]} % {arguments[1]})",
    "PI": _plain("pi"),
    "POWER": _plain("pow"),
    "RADIANS": _plain("radians"),
    "ROUND": _plain("round"),
    "SIN": _plain("sin"),
    "SQRT": _plain("sqrt"),
    "SUM": _plain("sum"),
    "TAN": _plain("tan"),
    "TRUNCATE": _truncate,
    "UPPER": _plain("upper"),
}
"""Printers by canonical name."""

WHOLE_FUNCTIONS: dict[str, _Printer] = {
    "CEILING": _same,
    "FLOOR": _same,
    "MOD": _remainder,
    "ROUND": _to_digits("round"),
    "TRUNCATE": _to_digits("trunc"),
}
"""Printers where the result is a whole number, by canonical name.

DuckDB computes FLOOR and CEILING of whole numbers, and powers of ten, in double precision, which
has 53 of their 64 bits.
"""
