"""User-defined aggregates of numbers: middle, spread, quantiles and histograms.

Notes
-----
``ivo_histogram``: IVOA catalogue of user-defined functions 1.2. The others have the names that
archives use; ``pz_quantile`` is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from registry.model.field import Datatype, ValueType
from vo_service.adql.functions.arguments import check_numbers, make_call
from vo_service.adql.functions.declaration import CallSite, Feature, Function
from vo_service.adql.functions.ucds import derived_ucd, leading_ucd, statistic_ucd
from vo_service.adql.typed import Constant, Expression
from vo_service.adql.types import DOUBLE
from vo_service.adql.units import power_unit

__all__ = ["MAX_BINS", "STATISTICAL_FUNCTIONS"]

MAX_BINS = 10_000
"""Most bins of a histogram: finer than any plot, and an array that still fits a table cell."""

_EXAMPLE = "SELECT {} FROM TAP_SCHEMA.columns WHERE table_name = 'TAP_SCHEMA.schemas'"
_COUNTS = ValueType(Datatype.INT, "*")


def _median(site: CallSite) -> Expression:
    check_numbers(site)
    field = site.arguments[0].field
    ucd = statistic_ucd(field.ucd, "stat.median")
    return make_call(site, DOUBLE, field.unit, ucd, frame=field.frame)


def _deviation(site: CallSite) -> Expression:
    check_numbers(site)
    field = site.arguments[0].field
    return make_call(site, DOUBLE, field.unit, leading_ucd(field.ucd, "stat.stdev"))


def _variance(site: CallSite) -> Expression:
    check_numbers(site)
    field = site.arguments[0].field
    unit = power_unit(field.unit, Fraction(2))
    return make_call(site, DOUBLE, unit, leading_ucd(field.ucd, "stat.variance"))


def _quantile(site: CallSite) -> Expression:
    check_numbers(site)
    fraction = literal_number(site, 1)
    if not 0 <= fraction <= 1:
        raise site.mismatch(f"The fraction {fraction:g} of {site.name} is not within 0 and 1", 1)
    field = site.arguments[0].field
    return make_call(site, DOUBLE, field.unit, derived_ucd(field.ucd), frame=field.frame)


def _histogram(site: CallSite) -> Expression:
    check_numbers(site)
    lower, upper = literal_number(site, 1), literal_number(site, 2)
    bins = literal_number(site, 3)
    if not lower < upper:
        raise site.mismatch(f"The upper bound of {site.name} must pass the lower one", 2)
    if not isinstance(bins, int) or not 1 <= bins <= MAX_BINS:
        raise site.mismatch(f"{site.name} takes 1 to {MAX_BINS} bins", 3)
    size = ValueType(_COUNTS.datatype, str(bins + 2))
    return make_call(site, size, ucd="meta.number")


def literal_number(site: CallSite, index: int) -> int | float:
    """Require a number that is written out.

    Raises
    ------
    TypeMismatch
        When the argument is anything else.
    """
    argument = site.arguments[index]
    if isinstance(argument, Constant) and isinstance(argument.value, int | float):
        return argument.value
    raise site.mismatch(f"{site.name} takes a literal number here", index)


def _declare(
    signature: str,
    description: str,
    example: str,
    value: float,
    build: Callable[[CallSite], Expression],
) -> Function:
    name = signature[: signature.index("(")]
    count = signature.count(",") + 1
    return Function(
        name=name,
        feature=Feature.USER_DEFINED,
        signatures=(signature,),
        description=description,
        example=_EXAMPLE.format(f"{name}({example})"),
        build=build,
        arity=(count, count),
        value=value,
        aggregate=True,
    )


STATISTICAL_FUNCTIONS = (
    _declare(
        "MEDIAN(x NUMERIC) -> DOUBLE",
        "The middle of the values, or the mean of the two that are.",
        "column_index",
        2.5,
        _median,
    ),
    _declare(
        "STDDEV(x NUMERIC) -> DOUBLE",
        "The standard deviation of a sample (n - 1); NULL of fewer than two values.",
        "column_index",
        1.2909944487358056,
        _deviation,
    ),
    _declare(
        "VARIANCE(x NUMERIC) -> DOUBLE",
        "The variance of a sample (n - 1); NULL of fewer than two values.",
        "column_index",
        1.6666666666666667,
        _variance,
    ),
    _declare(
        "pz_quantile(x NUMERIC, fraction DOUBLE) -> DOUBLE",
        "The value below which a fraction of the values lies, interpolated between neighbours.",
        "column_index, 0.25",
        1.75,
        _quantile,
    ),
    Function(
        name="ivo_histogram",
        feature=Feature.USER_DEFINED,
        signatures=("ivo_histogram(val REAL, lower REAL, upper REAL, nbins INTEGER) -> INTEGER[]",),
        description="Numbers of values below the lower bound, in each bin, and from the upper "
        "bound on: nbins + 2 counts.",
        example="SELECT ivo_histogram(column_index, 2, 5, 3) FROM TAP_SCHEMA.columns "
        "WHERE table_name = 'TAP_SCHEMA.schemas'",
        build=_histogram,
        arity=(4, 4),
        aggregate=True,
    ),
)
"""Aggregates beyond those of ADQL."""
