"""Arguments of geometry functions: coordinate systems, places and shapes."""

from __future__ import annotations

from dataclasses import replace

from registry.model.field import Field
from registry.model.frame import Frame, same_frame
from vo_service.adql.functions.arguments import is_null, retyped_null, string_value
from vo_service.adql.functions.declaration import CallSite
from vo_service.adql.functions.frames import system_word
from vo_service.adql.typed import Call, Constant, Expression
from vo_service.adql.types import DOUBLE, POINT, Kind, kind_of

__all__ = [
    "check_angle",
    "drop_system",
    "field_of",
    "make_point",
    "place_then_numbers",
    "take_geometry",
    "take_point",
]

ICRS_SYSTEMS = ("", "ICRS", "J2000", "UNKNOWN", "UNKNOWNFRAME")
"""First words of coordinate systems that are read as ICRS.

The argument is deprecated (ADQL 2.1, section 4.2.2); 'J2000' is common in examples of archives
and means ICRS there to better than 0.03 arcsec.
"""

_POINT_FIELD = Field("point", POINT, "deg", "pos.eq")


def drop_system(site: CallSite, most: int | None = None) -> None:
    """Remove the coordinate system that may come first.

    Parameters
    ----------
    site
        The call; its arguments are changed.
    most
        Largest number of arguments without it; a NULL before that many is a system too. With
        None, the arguments are pairs.

    Raises
    ------
    TypeMismatch
        When it is text that is not a literal.
    UnsupportedFeature
        When it is a system other than ICRS.
    """
    if not _starts_with_system(site, most):
        return
    first = site.arguments[0]
    if not is_null(first):
        _check_claim(site)
        system = string_value(first)
        if system is None:
            raise site.mismatch(
                f"{site.name} takes positions; a coordinate system is text in single quotes", 0
            )
        words = system.upper().split()
        if words and words[0] not in ICRS_SYSTEMS:
            raise site.unsupported(
                f"The coordinate system '{system}' is not offered; positions are ICRS degrees, "
                "leave the argument out",
                0,
            )
    del site.arguments[0], site.offsets[0]


def _check_claim(site: CallSite) -> None:
    """Refuse to call columns ICRS that are something else."""
    for argument in site.arguments[1:]:
        frame = Frame.parse(argument.field.frame)
        if frame is not None and not frame.is_icrs and string_value(site.arguments[0]):
            raise site.mismatch(
                f"{site.name} is said to be in {string_value(site.arguments[0])}, and its column "
                f"{argument.field.name} is in {frame}; leave the system out, and bring it to ICRS "
                f"with ivo_geom_transform('{system_word(frame)}', 'ICRS', ...)",
                0,
            )


def take_point(site: CallSite, index: int) -> Expression:
    """Require a point.

    Raises
    ------
    TypeMismatch
        When the argument is something else.
    """
    argument = site.arguments[index]
    if is_null(argument):
        return retyped_null(POINT)
    kind = kind_of(argument.field.type)
    if kind is not Kind.POINT:
        advice = "; make one with POINT(lon, lat)" if kind is Kind.NUMBER else ""
        raise site.mismatch(f"{site.name} takes points here, not {kind}{advice}", index)
    return argument


def take_geometry(site: CallSite, index: int) -> Expression:
    """Require a point or a region.

    Raises
    ------
    TypeMismatch
        When the argument is something else.
    """
    argument = site.arguments[index]
    kind = kind_of(argument.field.type)
    if is_null(argument) or not kind.is_geometry:
        raise site.mismatch(
            f"{site.name} takes shapes such as POINT(lon, lat) or CIRCLE(lon, lat, radius), "
            f"not {'NULL' if is_null(argument) else kind}",
            index,
        )
    return argument


def field_of(expression: Expression, kind: Kind) -> bool:
    """Whether an expression is of a kind."""
    return kind_of(expression.field.type) is kind


def make_point(site: CallSite, index: int) -> Call:
    """Make a point of two arguments, a longitude and a latitude.

    Raises
    ------
    TypeMismatch
        When they are not numbers, or the latitude is a literal beyond a pole.
    """
    lon, lat = _number(site, index), _number(site, index + 1)
    if (
        isinstance(lat, Constant)
        and isinstance(lat.value, int | float)
        and not -90 <= lat.value <= 90
    ):
        raise site.mismatch(f"The latitude {lat.value} is not within -90 and 90", index + 1)
    frame = same_frame((lon.field.frame, lat.field.frame))
    return Call("POINT", (lon, lat), replace(_POINT_FIELD, frame=frame))


def place_then_numbers(site: CallSite, count: int, what: str) -> None:
    """Bring arguments to the form of a point and some numbers.

    Parameters
    ----------
    site
        The call; its arguments are changed.
    count
        How many numbers follow the place.
    what
        The numbers, for the error.

    Raises
    ------
    TypeMismatch
        When the arguments are neither a point, nor a longitude and a latitude, and the numbers.
    """
    if len(site.arguments) == count + 1:
        place = take_point(site, 0)
        used = 1
    elif len(site.arguments) == count + 2:
        place = make_point(site, 0)
        used = 2
    else:
        raise site.mismatch(f"{site.name} takes a place and {what}")
    numbers = [_number(site, index) for index in range(used, used + count)]
    site.arguments = [place, *numbers]
    site.offsets = [site.offsets[0], *site.offsets[used:]]


def check_angle(site: CallSite, index: int, what: str) -> None:
    """Refuse a negative literal as a size.

    Raises
    ------
    TypeMismatch
        When it is negative.
    """
    argument = site.arguments[index]
    value = argument.value if isinstance(argument, Constant) else None
    if isinstance(value, int | float) and value < 0:
        raise site.mismatch(f"The {what} of {site.name} is negative: {value}", index)


def _number(site: CallSite, index: int) -> Expression:
    argument = site.arguments[index]
    if is_null(argument):
        return retyped_null(DOUBLE)
    kind = kind_of(argument.field.type)
    if kind is not Kind.NUMBER:
        raise site.mismatch(f"{site.name} takes numbers in degrees here, not {kind}", index)
    return argument


def _starts_with_system(site: CallSite, most: int | None) -> bool:
    """Whether the first argument is a coordinate system: text, or a NULL that is one too many."""
    if not is_null(site.arguments[0]):
        return field_of(site.arguments[0], Kind.TEXT)
    if len(site.arguments) > 1 and field_of(site.arguments[1], Kind.POINT):
        return True
    return len(site.arguments) % 2 == 1 if most is None else len(site.arguments) > most
