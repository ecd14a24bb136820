"""Shapes that are written as text: the STC-S subset of REGION, and DALI's lists in CAST.

Notes
-----
ADQL 2.1, section 4.2.15 leaves the form of REGION to the service: it is ``CIRCLE``, ``POLYGON``,
``BOX`` or ``POSITION`` with an optional frame (ICRS) and numbers in degrees, as in STC-S 1.33.
DALI 1.1, section 3.3: shapes are lists of numbers.
"""

from __future__ import annotations

import math
import re

from registry.model.field import Field, ValueType
from vo_service.adql.functions.arguments import double_constant
from vo_service.adql.functions.polygons import polygon_problem
from vo_service.adql.typed import Call, Expression
from vo_service.adql.types import CIRCLE, POINT, POLYGON

__all__ = ["ShapeProblem", "listed_shape", "region_shape"]

_FRAMES = frozenset(("ICRS", "J2000", "UNKNOWNFRAME"))
_FLAVOURS = frozenset(("SPHERICAL2", "UNKNOWNREFPOS"))
_OTHER_FRAMES = frozenset(("FK4", "FK5", "GALACTIC", "ECLIPTIC", "B1950", "GALACTIC_II"))
_COUNTS = {"POSITION": 2, "CIRCLE": 3, "BOX": 4}
_WORD = re.compile(r"[^\s,()]+")


class ShapeProblem(ValueError):
    """Text that is no shape.

    Attributes
    ----------
    offset
        Index of the character in the text that is wrong.
    """

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


def region_shape(text: str) -> Expression:
    """Read the text of REGION.

    Parameters
    ----------
    text
        Such as ``Circle ICRS 10 20 0.5``, in any case.

    Returns
    -------
    Expression
        The call of POINT, CIRCLE, BOX or POLYGON that is meant.

    Raises
    ------
    ShapeProblem
        When it is no such text; the offset says where.
    """
    words = [(match[0], match.start()) for match in _WORD.finditer(text)]
    kind = words[0][0].upper() if words else ""
    if kind not in ("POSITION", "CIRCLE", "BOX", "POLYGON"):
        message = f"REGION takes CIRCLE, POLYGON, BOX or POSITION, not '{kind[:20]}'"
        raise ShapeProblem(message, words[0][1] if words else 0)
    numbers: list[float] = []
    for word, offset in words[1:]:
        if numbers or word.upper() not in _FRAMES | _FLAVOURS:
            numbers.append(_number(word, offset))
    if kind == "POLYGON":
        return _polygon(numbers)
    if len(numbers) != _COUNTS[kind]:
        raise ShapeProblem(f"{kind} takes {_COUNTS[kind]} numbers, not {len(numbers)}")
    return _call(kind, numbers)


def listed_shape(text: str, wanted: str) -> Expression:
    """Read a shape as DALI writes it, such as ``'10.5 -20.1 0.5'`` of a circle.

    Parameters
    ----------
    text
        Numbers with blanks between them.
    wanted
        ``POINT``, ``CIRCLE`` or ``POLYGON``.

    Raises
    ------
    ShapeProblem
        When the numbers do not make that shape.
    """
    numbers = [_number(match[0], match.start()) for match in _WORD.finditer(text)]
    if wanted == "POLYGON":
        return _polygon(numbers)
    kind = "POSITION" if wanted == "POINT" else wanted
    if len(numbers) != _COUNTS[kind]:
        raise ShapeProblem(f"A {wanted} is {_COUNTS[kind]} numbers, not {len(numbers)}")
    return _call(kind, numbers)


def _number(word: str, offset: int) -> float:
    if word.upper() in _OTHER_FRAMES:
        raise ShapeProblem(f"The frame '{word}' is not offered; positions are ICRS", offset)
    try:
        value = float(word)
    except ValueError:
        raise ShapeProblem(f"'{word[:20]}' is not a number", offset) from None
    if not math.isfinite(value):
        raise ShapeProblem(f"'{word[:20]}' is not a number", offset)
    return value


def _polygon(numbers: list[float]) -> Expression:
    if len(numbers) < 6 or len(numbers) % 2:
        raise ShapeProblem(f"A POLYGON is 3 or more pairs of numbers, not {len(numbers)} numbers")
    points = tuple(_point(*numbers[i : i + 2]) for i in range(0, len(numbers), 2))
    problem = polygon_problem(points)
    if problem is not None:
        raise ShapeProblem(f"{problem[:1].upper()}{problem[1:]}")
    return Call("POLYGON", points, _field("polygon", POLYGON))


def _call(kind: str, numbers: list[float]) -> Expression:
    place = _point(numbers[0], numbers[1])
    if kind == "POSITION":
        return place
    if min(numbers[2:]) < 0:
        raise ShapeProblem(f"A size of {kind} is negative")
    if kind == "BOX" and max(numbers[2:]) >= 180:
        raise ShapeProblem("The sizes of BOX are less than 180 degrees")
    sizes = tuple(double_constant(number) for number in numbers[2:])
    return Call(kind, (place, *sizes), _field(kind.lower(), CIRCLE if sizes[1:] == () else POLYGON))


def _point(lon: float, lat: float) -> Expression:
    if not -90 <= lat <= 90:
        raise ShapeProblem(f"The latitude {lat:g} is not within -90 and 90")
    coordinates = (double_constant(lon), double_constant(lat))
    return Call("POINT", coordinates, Field("point", POINT, "deg", "pos.eq"))


def _field(name: str, value_type: ValueType) -> Field:
    return Field(name, value_type, "deg")
