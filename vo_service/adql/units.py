"""Units of computed columns: how units of measure go through arithmetic.

Units are VOUnits strings, as in `registry.model.field.Field.unit`: absent means dimensionless.
`UNKNOWN_UNIT` is the third state, of a sum of things that do not add up or of a unit that does
not parse; it never leaves the resolver, whose outputs have no unit then.

Notes
-----
VOUnits 1.1. The unit library is imported on the first pair of units that needs it, and every
answer is kept: the same few pairs come back in every query.
"""

from __future__ import annotations

import warnings
from fractions import Fraction
from functools import lru_cache
from typing import Any

__all__ = [
    "UNKNOWN_UNIT",
    "IncompatibleUnits",
    "conversion_factor",
    "power_unit",
    "product_unit",
    "quotient_unit",
    "sum_unit",
]

UNKNOWN_UNIT = "?"
"""Mark of a unit that cannot be known; no unit of VOUnits, so that no file says it."""

CACHE_SIZE = 2048
"""Pairs of units kept: a few hundred occur in an archive; the bound keeps hostile text out."""


class IncompatibleUnits(ValueError):
    """No factor leads from one unit to the other; the text says why."""


def sum_unit(left: str | None, right: str | None) -> str | None:
    """Give the unit of a sum, a difference, or of values side by side.

    Parameters
    ----------
    left, right
        Units of the operands.

    Returns
    -------
    str | None
        The common unit, or `UNKNOWN_UNIT` where they differ.
    """
    if left == right:
        return left
    if left is None or right is None or UNKNOWN_UNIT in (left, right):
        return UNKNOWN_UNIT
    return left if _equal(left, right) else UNKNOWN_UNIT


def product_unit(left: str | None, right: str | None) -> str | None:
    """Give the unit of a product."""
    if left is None or UNKNOWN_UNIT in (left, right):
        return right if left is None else UNKNOWN_UNIT
    if right is None:
        return left
    return _combined(left, right, 1)


def quotient_unit(left: str | None, right: str | None) -> str | None:
    """Give the unit of a quotient."""
    if right is None or UNKNOWN_UNIT in (left, right):
        return left if right is None else UNKNOWN_UNIT
    if left == right:
        return None
    return _combined(left, right, -1)


@lru_cache(CACHE_SIZE)
def power_unit(unit: str | None, exponent: Fraction) -> str | None:
    """Give the unit of a power.

    Parameters
    ----------
    unit
        Unit of the base.
    exponent
        Exponent; one half for a square root.
    """
    if unit is None or unit == UNKNOWN_UNIT:
        return unit
    parsed = _parsed(unit)
    return UNKNOWN_UNIT if parsed is None else _text(parsed**exponent)


@lru_cache(CACHE_SIZE)
def conversion_factor(unit: str, target: str) -> float:
    """Give the number that turns values in one unit into values in another.

    Parameters
    ----------
    unit
        Unit of the values.
    target
        Unit that is wanted.

    Returns
    -------
    float
        Factor to multiply with.

    Raises
    ------
    IncompatibleUnits
        When either is not a VOUnits string, or they measure different things.
    """
    source, wanted = _parsed(unit), _parsed(target)
    for text, parsed in ((unit, source), (target, wanted)):
        if parsed is None:
            raise IncompatibleUnits(f"'{text}' is not a unit of VOUnits")
    try:
        return float(source.to(wanted))  # type: ignore[union-attr]  # neither is None here
    except ValueError:
        raise IncompatibleUnits(f"'{unit}' cannot be converted to '{target}'") from None


@lru_cache(CACHE_SIZE)
def _parsed(unit: str) -> Any | None:  # noqa: ANN401 - the unit library has no types
    from astropy.units import Unit

    with warnings.catch_warnings():
        # Deprecated units (Angstrom, erg) are still units.
        warnings.simplefilter("ignore")
        try:
            parsed = Unit(unit, format="vounit")
            # Units such as "unknown" are accepted but cannot be written.
            parsed.to_string("vounit")
        except (ValueError, TypeError, AttributeError):
            return None
    return parsed


def _text(unit: Any) -> str | None:  # noqa: ANN401 - the unit library has no types
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            text: str = unit.to_string("vounit")
        except ValueError:
            return UNKNOWN_UNIT
    return text or None


@lru_cache(CACHE_SIZE)
def _equal(left: str, right: str) -> bool:
    parsed = _parsed(left)
    return parsed is not None and parsed == _parsed(right)


@lru_cache(CACHE_SIZE)
def _combined(left: str | None, right: str, sign: int) -> str | None:
    second = _parsed(right)
    if second is None:
        return UNKNOWN_UNIT
    if left is None:
        return _text(second**sign)
    first = _parsed(left)
    return UNKNOWN_UNIT if first is None else _text(first * second**sign)
