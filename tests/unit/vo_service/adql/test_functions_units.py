"""Units of computed columns."""

from fractions import Fraction

import pytest

from vo_service.adql.units import (
    UNKNOWN_UNIT,
    IncompatibleUnits,
    conversion_factor,
    power_unit,
    product_unit,
    quotient_unit,
    sum_unit,
)


@pytest.mark.parametrize(
    ("left", "right", "unit"),
    [
        ("mag", "mag", "mag"),
        ("nmgy", "nmgy", "nmgy"),
        ("km/s", "km.s**-1", "km/s"),
        ("deg", "arcsec", UNKNOWN_UNIT),
        ("deg", None, UNKNOWN_UNIT),
        (None, None, None),
        (UNKNOWN_UNIT, "deg", UNKNOWN_UNIT),
    ],
)
def test_sums(left, right, unit):
    assert sum_unit(left, right) == unit
    assert (sum_unit(right, left) == unit) or left == "km/s"


@pytest.mark.parametrize(
    ("left", "right", "product", "quotient"),
    [
        ("deg", None, "deg", "deg"),
        (None, "s", "s", "s**-1"),
        ("km", "s", "km.s", "km.s**-1"),
        ("nmgy", "nmgy", UNKNOWN_UNIT, None),
        ("nmgy", "s", UNKNOWN_UNIT, UNKNOWN_UNIT),
        (UNKNOWN_UNIT, None, UNKNOWN_UNIT, UNKNOWN_UNIT),
        (None, UNKNOWN_UNIT, UNKNOWN_UNIT, UNKNOWN_UNIT),
        (None, None, None, None),
        ("Angstrom", "s", "Angstrom.s", "Angstrom.s**-1"),
    ],
)
def test_products_and_quotients(left, right, product, quotient):
    assert product_unit(left, right) == product
    assert quotient_unit(left, right) == quotient


def test_powers():
    assert power_unit("deg**2", Fraction(1, 2)) == "deg"
    assert power_unit("s", Fraction(-2)) == "s**-2"
    assert power_unit(None, Fraction(2)) is None
    assert power_unit("s", Fraction(0)) is None
    assert power_unit("nmgy", Fraction(2)) == UNKNOWN_UNIT


def test_conversions():
    assert conversion_factor("deg", "arcsec") == 3600.0
    assert conversion_factor("km/s", "m.s**-1") == 1000.0


@pytest.mark.parametrize(
    ("unit", "target", "message"),
    [
        ("deg", "furlong", "'furlong' is not a unit"),
        ("nmgy", "Jy", "'nmgy' is not a unit"),
        ("unknown", "Jy", "'unknown' is not a unit"),
        ("deg", "kg", "'deg' cannot be converted to 'kg'"),
    ],
)
def test_conversions_without_a_factor(unit, target, message):
    with pytest.raises(IncompatibleUnits, match=message):
        conversion_factor(unit, target)
