"""User-defined functions of text, times, intervals and chance.

Notes
-----
IVOA catalogue of user-defined functions 1.2.
"""

from __future__ import annotations

from collections.abc import Callable

from vo_service.adql.functions.alignment import Misfit, timestamp_literal
from vo_service.adql.functions.arguments import (
    check_numbers,
    check_text,
    is_null,
    make_call,
    retyped_null,
    string_value,
)
from vo_service.adql.functions.declaration import CallSite, Feature, Function, example_of
from vo_service.adql.typed import Expression
from vo_service.adql.types import DOUBLE, INT, TIMESTAMP, Kind, kind_of, text_type
from vo_service.adql.units import sum_unit

__all__ = ["CATALOGUE_FUNCTIONS"]


def _text_test(site: CallSite) -> Expression:
    check_text(site)
    return make_call(site, INT)


def _text_aggregate(site: CallSite) -> Expression:
    check_text(site)
    if string_value(site.arguments[1]) is None:
        raise site.mismatch(f"The delimiter of {site.name} is text in single quotes", 1)
    return make_call(site, text_type(site.arguments[0].field.type))


def _overlap(site: CallSite) -> Expression:
    check_numbers(site)
    return make_call(site, INT)


def _normal(site: CallSite) -> Expression:
    check_numbers(site)
    mean, deviation = (argument.field for argument in site.arguments)
    return make_call(site, DOUBLE, mean.unit if mean.unit else sum_unit(mean.unit, deviation.unit))


def _date(site: CallSite) -> Expression:
    argument = site.arguments[0]
    text = string_value(argument)
    if is_null(argument):
        site.arguments[0] = retyped_null(TIMESTAMP)
    elif text is not None:
        try:
            site.arguments[0] = timestamp_literal(text)
        except Misfit as misfit:
            raise site.mismatch(str(misfit), 0) from None
    elif kind_of(argument.field.type) is not Kind.TIMESTAMP:
        raise site.mismatch(
            f"{site.name} takes a timestamp, not {kind_of(argument.field.type)}; "
            "convert it with CAST(... AS TIMESTAMP)",
            0,
        )
    return make_call(site, DOUBLE, "d", "time.epoch")


def _declare(
    name: str,
    parameters: str,
    description: str,
    example: str,
    value: float | str | None,
    *,
    build: Callable[[CallSite], Expression],
) -> Function:
    count = parameters.count(",") + 1
    return Function(
        name=name,
        feature=Feature.USER_DEFINED,
        signatures=(f"{name}({parameters}",),
        description=description,
        example=example_of(f"{name}({example})"),
        build=build,
        arity=(count, count),
        value=value,
    )


CATALOGUE_FUNCTIONS = (
    _declare(
        "ivo_hashlist_has",
        "hashlist TEXT, item TEXT) -> INTEGER",
        "1 when an item is in a list of items with # between them, in any case; otherwise 0.",
        "'des#hsc#kids', 'HSC'",
        1,
        build=_text_test,
    ),
    _declare(
        "ivo_hasword",
        "haystack TEXT, needle TEXT) -> INTEGER",
        "1 when each word of the needle begins a word of the haystack, in any case; otherwise 0.",
        "'Photometric redshifts of galaxies', 'redshift photometric'",
        1,
        build=_text_test,
    ),
    _declare(
        "ivo_nocasematch",
        "value TEXT, pattern TEXT) -> INTEGER",
        "1 when the text matches an SQL pattern (% and _) in any case; otherwise 0.",
        "'VVDS-Deep', 'vvds%'",
        1,
        build=_text_test,
    ),
    _declare(
        "ivo_interval_overlaps",
        "a1 NUMERIC, b1 NUMERIC, a2 NUMERIC, b2 NUMERIC) -> INTEGER",
        "1 when the intervals [a1, b1] and [a2, b2] have a number in common; otherwise 0.",
        "0.1, 0.5, 0.4, 0.9",
        1,
        build=_overlap,
    ),
    _declare(
        "ivo_normal_random",
        "mu REAL, sigma REAL) -> REAL",
        "A random number of the normal distribution with mean mu and standard deviation sigma.",
        "0.7, 0.05",
        None,
        build=_normal,
    ),
    _declare(
        "ivo_to_jd",
        "d TIMESTAMP) -> REAL",
        "The Julian date of a moment.",
        "'2000-01-01T12:00:00'",
        2451545.0,
        build=_date,
    ),
    _declare(
        "ivo_to_mjd",
        "d TIMESTAMP) -> REAL",
        "The modified Julian date of a moment.",
        "'2000-01-01T12:00:00'",
        51544.5,
        build=_date,
    ),
    Function(
        name="ivo_string_agg",
        feature=Feature.USER_DEFINED,
        signatures=("ivo_string_agg(expression TEXT, delimiter TEXT) -> TEXT",),
        description="The texts of a group in order, with a delimiter between them; without NULL.",
        example="SELECT ivo_string_agg(column_name, ' ') FROM TAP_SCHEMA.columns "
        "WHERE table_name = 'TAP_SCHEMA.schemas' AND column_name LIKE '%e'",
        build=_text_aggregate,
        arity=(2, 2),
        value="schema_name utype",
        aggregate=True,
    ),
)
"""IVOA catalogue of user-defined functions 1.2, sections 2.4 to 2.6."""
