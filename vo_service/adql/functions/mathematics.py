"""Mathematical functions of ADQL's mandatory core.

Notes
-----
ADQL 2.1, section 3.6. Angles are radians, so inverse trigonometric functions have that unit.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from registry.model.field import Field
from vo_service.adql.functions.arguments import (
    check_numbers,
    check_whole_number,
    is_null,
    is_pure_number,
    make_call,
)
from vo_service.adql.functions.declaration import CallSite, Feature, Function, example_of
from vo_service.adql.functions.ucds import derived_ucd
from vo_service.adql.typed import Constant, Expression
from vo_service.adql.types import DOUBLE, INT, arithmetic_type, rounded_type
from vo_service.adql.units import UNKNOWN_UNIT, power_unit, sum_unit

__all__ = ["MATHEMATICAL_FUNCTIONS"]

MAX_UNIT_EXPONENT = 12
"""Largest exponent of POWER that is followed by the unit: beyond any quantity of physics."""

MAX_DIGITS = 400
"""Decimal places of ROUND and TRUNCATE; no number has digits beyond."""


def _keeping(site: CallSite) -> Expression:
    """ABS, CEILING, FLOOR, ROUND, TRUNCATE: the same quantity."""
    check_numbers(site)
    if len(site.arguments) > 1 and not is_null(site.arguments[1]):
        check_whole_number(site, 1)
        digits = site.arguments[1]
        if isinstance(digits, Constant) and isinstance(digits.value, int):
            nearest = max(-MAX_DIGITS, min(digits.value, MAX_DIGITS))
            site.arguments[1] = Constant(nearest, Field("", INT))
    field = site.arguments[0].field
    value_type, ucd = rounded_type(field.type), derived_ucd(field.ucd)
    return make_call(site, value_type, field.unit, ucd, frame=field.frame)


def _floating(unit: str | None = None) -> Callable[[CallSite], Expression]:
    """Give the builder of a function whose value is a double of a known unit."""

    def build(site: CallSite) -> Expression:
        check_numbers(site)
        return make_call(site, DOUBLE, unit)

    return build


def _pure(site: CallSite) -> Expression:
    """EXP, LOG, LOG10: a number, of a quantity with a unit nothing that is known."""
    check_numbers(site)
    unit = site.arguments[0].field.unit
    return make_call(site, DOUBLE, None if unit is None else UNKNOWN_UNIT)


def _angle(source: str, target: str) -> Callable[[CallSite], Expression]:
    """Give the builder of DEGREES and RADIANS, which of an angle in another unit make neither."""

    def build(site: CallSite) -> Expression:
        check_numbers(site)
        known = site.arguments[0].field.unit in (None, UNKNOWN_UNIT, source)
        return make_call(site, DOUBLE, target if known else UNKNOWN_UNIT)

    return build


def _square_root(site: CallSite) -> Expression:
    check_numbers(site)
    return make_call(site, DOUBLE, power_unit(site.arguments[0].field.unit, Fraction(1, 2)))


def _power(site: CallSite) -> Expression:
    check_numbers(site)
    base, exponent = site.arguments
    unit = base.field.unit
    if unit is not None:
        value = exponent.value if isinstance(exponent, Constant) else None
        unit = power_unit(unit, exact) if (exact := _exponent(value)) is not None else UNKNOWN_UNIT
    return make_call(site, DOUBLE, unit)


def _exponent(value: object) -> Fraction | None:
    """Give an exponent that units can have; none for ``0.123``, which is no simple fraction."""
    if not isinstance(value, int | float) or abs(value) > MAX_UNIT_EXPONENT:
        return None
    simple = Fraction(value).limit_denominator(12)
    return simple if float(simple) == value else None


def _remainder(site: CallSite) -> Expression:
    check_numbers(site)
    left, right = (argument.field for argument in site.arguments)
    written = is_pure_number(site.arguments[1])
    unit = left.unit if written else sum_unit(left.unit, right.unit)
    return make_call(site, arithmetic_type(left.type, right.type), unit)


def _random(site: CallSite) -> Expression:
    check_numbers(site)
    if site.arguments:
        check_whole_number(site, 0)
    return make_call(site, DOUBLE)


def _declare(
    signature: str,
    description: str,
    example: str,
    value: float | None,
    build: Callable[[CallSite], Expression],
    *,
    arity: tuple[int, int] = (1, 1),
) -> Function:
    """Declare a mathematical function by its signature and an example's expression."""
    return Function(
        name=signature[: signature.index("(")],
        feature=Feature.MANDATORY,
        signatures=(signature,),
        description=description,
        example=example_of(example),
        build=build,
        arity=arity,
        value=value,
    )


_PLAIN = _floating()
_RADIANS = _floating("rad")

MATHEMATICAL_FUNCTIONS = (
    _declare("ABS(x NUMERIC) -> NUMERIC", "The absolute value of x.", "ABS(-2.5)", 2.5, _keeping),
    _declare(
        "CEILING(x NUMERIC) -> NUMERIC",
        "The smallest whole number that is not less than x.",
        "CEILING(2.1)",
        3.0,
        _keeping,
    ),
    _declare(
        "DEGREES(x NUMERIC) -> DOUBLE",
        "The angle x, given in radians, in degrees.",
        "DEGREES(PI())",
        180.0,
        _angle("rad", "deg"),
    ),
    _declare("EXP(x NUMERIC) -> DOUBLE", "e to the power of x.", "EXP(0)", 1.0, _pure),
    _declare(
        "FLOOR(x NUMERIC) -> NUMERIC",
        "The largest whole number that is not greater than x.",
        "FLOOR(-2.1)",
        -3.0,
        _keeping,
    ),
    _declare(
        "LOG(x NUMERIC) -> DOUBLE",
        "The natural logarithm of x; NULL unless x is positive.",
        "LOG(1)",
        0.0,
        _pure,
    ),
    _declare(
        "LOG10(x NUMERIC) -> DOUBLE",
        "The logarithm of x to base 10; NULL unless x is positive.",
        "LOG10(1000)",
        3.0,
        _pure,
    ),
    _declare(
        "MOD(x NUMERIC, y NUMERIC) -> NUMERIC",
        "The remainder of x / y, with the sign of x; NULL when y is 0.",
        "MOD(-7, 3)",
        -1,
        _remainder,
        arity=(2, 2),
    ),
    _declare("PI() -> DOUBLE", "The number pi.", "PI()", 3.141592653589793, _PLAIN, arity=(0, 0)),
    _declare(
        "POWER(x NUMERIC, y NUMERIC) -> DOUBLE",
        "x to the power of y.",
        "POWER(2, 10)",
        1024.0,
        _power,
        arity=(2, 2),
    ),
    _declare(
        "RADIANS(x NUMERIC) -> DOUBLE",
        "The angle x, given in degrees, in radians.",
        "RADIANS(180)",
        3.141592653589793,
        _angle("deg", "rad"),
    ),
    _declare(
        "SQRT(x NUMERIC) -> DOUBLE",
        "The square root of x; NULL when x is negative.",
        "SQRT(16)",
        4.0,
        _square_root,
    ),
    _declare(
        "RAND(seed INTEGER) -> DOUBLE",
        "A random number from 0 to 1, with or without a seed.",
        "RAND(42)",
        None,
        _random,
        arity=(0, 1),
    ),
    _declare(
        "ROUND(x NUMERIC, digits INTEGER) -> NUMERIC",
        "x rounded to so many decimal places (0 when left out); halves go away from zero.",
        "ROUND(2.345, 1)",
        2.3,
        _keeping,
        arity=(1, 2),
    ),
    _declare(
        "TRUNCATE(x NUMERIC, digits INTEGER) -> NUMERIC",
        "x cut to so many decimal places (0 when left out), towards zero.",
        "TRUNCATE(-2.789, 1)",
        -2.7,
        _keeping,
        arity=(1, 2),
    ),
    _declare("ACOS(x NUMERIC) -> DOUBLE", "The arc cosine of x.", "ACOS(1)", 0.0, _RADIANS),
    _declare("ASIN(x NUMERIC) -> DOUBLE", "The arc sine of x.", "ASIN(0)", 0.0, _RADIANS),
    _declare("ATAN(x NUMERIC) -> DOUBLE", "The arc tangent of x.", "ATAN(0)", 0.0, _RADIANS),
    _declare(
        "ATAN2(y NUMERIC, x NUMERIC) -> DOUBLE",
        "The angle of the point (x, y), from -pi to pi.",
        "ATAN2(0, 1)",
        0.0,
        _RADIANS,
        arity=(2, 2),
    ),
    _declare("COS(x NUMERIC) -> DOUBLE", "The cosine of x.", "COS(0)", 1.0, _PLAIN),
    _declare("SIN(x NUMERIC) -> DOUBLE", "The sine of x.", "SIN(0)", 0.0, _PLAIN),
    _declare("TAN(x NUMERIC) -> DOUBLE", "The tangent of x.", "TAN(0)", 0.0, _PLAIN),
    _declare("COT(x NUMERIC) -> DOUBLE", "The cotangent of x.", "COT(PI() / 4)", 1.0, _PLAIN),
)
"""ADQL 2.1, table 1 (mathematical) and table 2 (trigonometric)."""
