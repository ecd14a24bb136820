"""Aggregate functions: one value from the rows of a group.

Notes
-----
ADQL 2.1, section 2.3 (set functions, as in SQL92).
"""

from __future__ import annotations

from collections.abc import Callable

from vo_service.adql.functions.arguments import check_numbers, is_null, make_call, retyped_null
from vo_service.adql.functions.declaration import CallSite, Feature, Function
from vo_service.adql.functions.ucds import statistic_ucd
from vo_service.adql.typed import Expression
from vo_service.adql.types import DOUBLE, LONG, TEXT, Kind, kind_of, rounded_type

__all__ = ["AGGREGATE_FUNCTIONS"]


def _count(site: CallSite) -> Expression:
    if site.distinct:
        kind = kind_of(site.arguments[0].field.type)
        if not kind.is_comparable:
            raise site.mismatch(f"COUNT(DISTINCT ...) does not take {kind}", 0)
    name = "count" if site.arguments else "count_all"
    return make_call(site, LONG, ucd="meta.number", name=name)


def _sum(site: CallSite) -> Expression:
    check_numbers(site)
    field = site.arguments[0].field
    return make_call(site, rounded_type(field.type), field.unit)


def _average(site: CallSite) -> Expression:
    check_numbers(site)
    field = site.arguments[0].field
    ucd = statistic_ucd(field.ucd, "stat.mean")
    return make_call(site, DOUBLE, field.unit, ucd, frame=field.frame)


def _extreme(word: str) -> Callable[[CallSite], Expression]:
    def build(site: CallSite) -> Expression:
        if is_null(site.arguments[0]):
            site.arguments[0] = retyped_null(TEXT)
        field = site.arguments[0].field
        kind = kind_of(field.type)
        if not kind.is_comparable or kind is Kind.BOOLEAN:
            raise site.mismatch(f"{site.name} takes numbers, text or timestamps, not {kind}", 0)
        ucd = statistic_ucd(field.ucd, word)
        return make_call(site, field.type, field.unit, ucd, frame=field.frame)

    return build


def _declare(
    name: str,
    signatures: tuple[str, ...],
    description: str,
    example: str,
    build: Callable[[CallSite], Expression],
    *,
    least: int = 1,
) -> Function:
    return Function(
        name=name,
        feature=Feature.MANDATORY,
        signatures=signatures,
        description=description,
        example=example,
        build=build,
        arity=(least, 1),
        aggregate=True,
    )


AGGREGATE_FUNCTIONS = (
    _declare(
        "COUNT",
        ("COUNT(*) -> BIGINT", "COUNT([DISTINCT] x ANY) -> BIGINT"),
        "The number of rows, or of (distinct) values that are not NULL.",
        "SELECT COUNT(DISTINCT unit) FROM TAP_SCHEMA.columns",
        _count,
        least=0,
    ),
    _declare(
        "SUM",
        ("SUM([DISTINCT] x NUMERIC) -> NUMERIC",),
        "The sum of the values: BIGINT of whole numbers, otherwise DOUBLE.",
        "SELECT SUM(column_index) FROM TAP_SCHEMA.columns",
        _sum,
    ),
    _declare(
        "AVG",
        ("AVG([DISTINCT] x NUMERIC) -> DOUBLE",),
        "The mean of the values.",
        "SELECT AVG(column_index) FROM TAP_SCHEMA.columns",
        _average,
    ),
    _declare(
        "MIN",
        ("MIN(x ANY) -> ANY",),
        "The smallest value: of numbers, text or timestamps.",
        "SELECT MIN(column_name) FROM TAP_SCHEMA.columns",
        _extreme("stat.min"),
    ),
    _declare(
        "MAX",
        ("MAX(x ANY) -> ANY",),
        "The largest value: of numbers, text or timestamps.",
        "SELECT MAX(column_name) FROM TAP_SCHEMA.columns",
        _extreme("stat.max"),
    ),
)
"""COUNT, SUM, AVG, MIN and MAX."""
