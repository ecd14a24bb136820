"""User-defined functions of redshift distributions that stand in array columns.

A distribution is an array of densities on a grid of redshifts and linear between its points. The
grid is an array column of the same length, or the first and the last redshift of an even one.
"""

from __future__ import annotations

from collections.abc import Callable

from vo_service.adql.functions.arguments import check_numbers, make_call
from vo_service.adql.functions.declaration import CallSite, Feature, Function
from vo_service.adql.typed import Expression
from vo_service.adql.types import DOUBLE, Kind, kind_of

__all__ = ["DISTRIBUTION_FUNCTIONS"]

REDSHIFT_UCD = "src.redshift.phot"
"""UCD of what the functions give (UCD1+ 1.6)."""

_EXAMPLE = (
    "SELECT {} FROM (SELECT ivo_histogram(column_index, 2, 4, 2) AS pdf "
    "FROM TAP_SCHEMA.columns WHERE table_name = 'TAP_SCHEMA.schemas') AS t"
)


def _take_distribution(site: CallSite, numbers: int) -> None:
    """Require a density, its grid, and some numbers."""
    name, count = site.name, len(site.arguments)
    for index in range(count - numbers):
        argument = site.arguments[index]
        kind = kind_of(argument.field.type)
        if kind is Kind.ARRAY and argument.field.type.datatype.is_numeric:
            continue
        if index == 0:
            raise site.mismatch(f"{name} takes an array of densities first, not {kind}", 0)
        break
    grid = 2 if kind_of(site.arguments[1].field.type) is Kind.ARRAY else 3
    if count != grid + numbers:
        raise site.mismatch(
            f"{name} takes the densities, their grid (an array, or its first and last redshift)"
            f" and {numbers} numbers"
        )
    check_numbers(site, 2 if grid == 2 else 1)


def _mean(site: CallSite) -> Expression:
    _take_distribution(site, 0)
    return make_call(site, DOUBLE, ucd=f"{REDSHIFT_UCD};stat.mean")


def _quantile(site: CallSite) -> Expression:
    _take_distribution(site, 1)
    return make_call(site, DOUBLE, ucd=REDSHIFT_UCD)


def _integral(site: CallSite) -> Expression:
    _take_distribution(site, 2)
    return make_call(site, DOUBLE, ucd="stat.probability")


def _declare(
    name: str,
    rest: str,
    description: str,
    example: str,
    value: float,
    *,
    build: Callable[[CallSite], Expression],
) -> Function:
    numbers = rest.count(",")
    return Function(
        name=name,
        feature=Feature.USER_DEFINED,
        signatures=(
            f"{name}(pdf DOUBLE[], grid DOUBLE[]{rest}) -> DOUBLE",
            f"{name}(pdf DOUBLE[], z_first DOUBLE, z_last DOUBLE{rest}) -> DOUBLE",
        ),
        description=description,
        example=_EXAMPLE.format(f"{name}(pdf, {example})"),
        build=build,
        arity=(2 + numbers, 3 + numbers),
        value=value,
    )


DISTRIBUTION_FUNCTIONS = (
    _declare(
        "pz_pdf_mean",
        "",
        "The mean redshift of a distribution, which need not be normalised.",
        "0, 3",
        1.5,
        build=_mean,
    ),
    _declare(
        "pz_pdf_quantile",
        ", fraction DOUBLE",
        "The redshift below which a fraction of a distribution lies (0.5 for its median).",
        "0, 3, 0.5",
        1.5,
        build=_quantile,
    ),
    _declare(
        "pz_pdf_integral",
        ", z_low DOUBLE, z_high DOUBLE",
        "The integral of a distribution, as it is stored, between two redshifts.",
        "0, 3, 0.5, 2.5",
        2.0,
        build=_integral,
    ),
)
"""Functions of photometric-redshift distributions; no standard has them."""
