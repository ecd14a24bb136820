"""What ADQL fixes about its own functions: numbers of arguments, literals, kinds of values.

The kinds here are only those that the text itself shows: a string literal is a string, ``SQRT(x)``
a number; what a column or a user-defined function is, the resolver finds out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vo_service.adql.tree import (
    Arithmetic,
    Cast,
    CastType,
    ColumnReference,
    Concatenation,
    Expression,
    FunctionCall,
    NullLiteral,
    NumericLiteral,
    SignedExpression,
    StringLiteral,
)


class Form(StrEnum):
    """Kind of a value, as far as its text shows; the values are words for messages."""

    NUMBER = "number"
    STRING = "string"
    GEOMETRY = "geometry"
    TIMESTAMP = "timestamp"
    OPEN = "value"


AGGREGATES = frozenset({"AVG", "COUNT", "MAX", "MIN", "SUM"})
"""Functions over groups of rows: ``<set_function_type>``."""

ArgumentCheck = Callable[[str, Sequence[Expression]], str | None]
"""Check of arguments: takes the function's name and the arguments, gives what is wrong."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Function of ADQL.

    Attributes
    ----------
    result
        Kind of its value.
    usage
        How it is written, for messages.
    check
        Check of its arguments.
    """

    result: Form
    usage: str
    check: ArgumentCheck


_CAST_FORMS = {
    CastType.CHAR: Form.STRING,
    CastType.VARCHAR: Form.STRING,
    CastType.TIMESTAMP: Form.TIMESTAMP,
    CastType.POINT: Form.GEOMETRY,
    CastType.CIRCLE: Form.GEOMETRY,
    CastType.POLYGON: Form.GEOMETRY,
}


def form_of(value: Expression) -> Form:
    """Tell the kind of a value from its text.

    Parameters
    ----------
    value
        Value in a syntax tree.

    Returns
    -------
    Form
        `Form.OPEN` when only the resolver can know.
    """
    match value:
        case NumericLiteral() | SignedExpression() | Arithmetic():
            return Form.NUMBER
        case StringLiteral() | Concatenation():
            return Form.STRING
        case Cast():
            return _CAST_FORMS.get(value.target.type, Form.NUMBER)
        case FunctionCall(user_defined=False):
            return SIGNATURES[value.name].result
        case _:
            return Form.OPEN


def joins_strings_bare(value: Expression) -> bool:
    """Whether a value can stand beside ``||`` without parentheses.

    Parameters
    ----------
    value
        Value in a syntax tree.

    Returns
    -------
    bool
        False for signed values, arithmetic and functions or casts that give numbers.

    Notes
    -----
    ADQL 2.1, Appendix A, ``<character_primary>``: literals, columns, aggregates and parentheses,
    but no ``<numeric_value_function>``.
    """
    if isinstance(value, NumericLiteral):
        return True
    if isinstance(value, FunctionCall) and value.name in AGGREGATES:
        return True
    return form_of(value) is not Form.NUMBER and not isinstance(value, Concatenation)


def _wrong_kind(value: Expression, refused: frozenset[Form], wanted: str, name: str) -> str | None:
    form = form_of(value)
    if form not in refused:
        return None
    return f"{name} takes {wanted} here, not a {form}"


_NOT_NUMERIC = frozenset({Form.STRING, Form.GEOMETRY, Form.TIMESTAMP})
_NOT_STRING = frozenset({Form.NUMBER, Form.GEOMETRY})
_NOT_GEOMETRY = frozenset({Form.NUMBER, Form.STRING, Form.TIMESTAMP})


def _count(name: str, given: int, *allowed: int) -> str | None:
    """Check the number of arguments."""
    if given in allowed:
        return None
    words = " or ".join(str(number) for number in allowed if number) or "no"
    plural = "" if words == "1" else "s"
    return f"{name} takes {words} argument{plural}, not {given}"


def _numeric(*allowed: int) -> ArgumentCheck:
    """Make the check of a function of numbers."""

    def check(name: str, arguments: Sequence[Expression]) -> str | None:
        return _count(name, len(arguments), *allowed) or _numbers(name, arguments)

    return check


def _numbers(name: str, arguments: Sequence[Expression]) -> str | None:
    for argument in arguments:
        if problem := _wrong_kind(argument, _NOT_NUMERIC, "a number", name):
            return problem
    return None


def _is_integer(value: Expression) -> bool:
    return isinstance(value, NumericLiteral) and value.is_integer


def _rounding(name: str, arguments: Sequence[Expression]) -> str | None:
    if problem := _count(name, len(arguments), 1, 2) or _numbers(name, arguments):
        return problem
    digits = arguments[-1] if len(arguments) == 2 else None
    digits = digits.operand if isinstance(digits, SignedExpression) else digits
    if digits is not None and not _is_integer(digits):
        return f"The number of decimals of {name} is an integer literal, such as 2 or -1"
    return None


def _seed(name: str, arguments: Sequence[Expression]) -> str | None:
    if len(arguments) > 1:
        return _count(name, len(arguments), 0, 1)
    if arguments and not _is_integer(arguments[0]):
        return f"The seed of {name} is an integer literal without sign, such as 42"
    return None


def _string(name: str, arguments: Sequence[Expression]) -> str | None:
    if problem := _count(name, len(arguments), 1):
        return problem
    return _wrong_kind(arguments[0], _NOT_STRING, "a string", name)


def _unit(name: str, arguments: Sequence[Expression]) -> str | None:
    if problem := _count(name, len(arguments), 2) or _numbers(name, arguments[:1]):
        return problem
    if not isinstance(arguments[1], StringLiteral):
        return f"The unit of {name} is a string in single quotes, such as IN_UNIT(ra, 'rad')"
    return None


def _coalesce(name: str, arguments: Sequence[Expression]) -> str | None:
    return None if arguments else f"{name} takes at least 1 argument"


def _aggregate(name: str, arguments: Sequence[Expression]) -> str | None:
    return _count(name, len(arguments), 1)


# Geometry


def _is_coordinate_system(value: Expression) -> bool:
    return isinstance(value, StringLiteral | NullLiteral)


def _may_be_point(value: Expression) -> bool:
    """Whether a value is what the grammar calls ``<coord_value>``, a cast to POINT included."""
    match value:
        case ColumnReference() | FunctionCall(user_defined=True):
            return True
        case FunctionCall():
            return value.name in {"POINT", "CENTROID", "COALESCE", "MAX", "MIN"}
        case Cast():
            return value.target.type is CastType.POINT
        case _:
            return False


def _is_point(value: Expression) -> bool:
    """Whether a value shows that it is a point."""
    return form_of(value) is Form.GEOMETRY and _may_be_point(value)


def _points(name: str, arguments: Sequence[Expression]) -> str | None:
    for argument in arguments:
        if not _may_be_point(argument):
            return f"{name} takes a point here: POINT(ra, dec), CENTROID(...) or a column"
    return None


def _geometries(count: int) -> ArgumentCheck:
    """Make the check of a function of geometries."""

    def check(name: str, arguments: Sequence[Expression]) -> str | None:
        if problem := _count(name, len(arguments), count):
            return problem
        for argument in arguments:
            if problem := _wrong_kind(argument, _NOT_GEOMETRY, "a geometry", name):
                return problem
        return None

    return check


def _point(name: str, arguments: Sequence[Expression]) -> str | None:
    if problem := _count(name, len(arguments), 2, 3):
        return problem
    if len(arguments) == 3 and not _is_coordinate_system(arguments[0]):
        return _coordinate_system_words(name)
    return _numbers(name, arguments[-2:])


def _coordinate_system_words(name: str) -> str:
    return (
        f"The coordinate system of {name} is a string in single quotes, such as 'ICRS'; leave it "
        "out for ICRS"
    )


def _centred(sizes: int) -> ArgumentCheck:
    """Make the check of CIRCLE (one size) or BOX (two): ``[system,] center, sizes``."""

    def check(name: str, arguments: Sequence[Expression]) -> str | None:
        given = len(arguments)
        if problem := _count(name, given, sizes + 1, sizes + 2, sizes + 3):
            return problem
        if given == sizes + 3 and not _is_coordinate_system(arguments[0]):
            return _coordinate_system_words(name)
        rest = arguments[1:] if _leads_with_system(arguments, sizes) else arguments
        center, size = rest[: len(rest) - sizes], rest[len(rest) - sizes :]
        if not center:
            return f"{name} needs a center: a point, or two coordinates"
        problem = _points(name, center) if len(center) == 1 else _numbers(name, center)
        return problem or _numbers(name, size)

    return check


def _leads_with_system(arguments: Sequence[Expression], sizes: int) -> bool:
    """Whether the first argument is a coordinate system; NULL is one only before a center."""
    first = arguments[0]
    if isinstance(first, StringLiteral) or len(arguments) == sizes + 3:
        return True
    return isinstance(first, NullLiteral) and _is_point(arguments[1])


def _polygon(name: str, arguments: Sequence[Expression]) -> str | None:
    vertices = list(arguments)
    if vertices and _is_coordinate_system(vertices[0]):
        leads = len(vertices) % 2 == 1 or _is_point(vertices[-1])
        if leads or isinstance(vertices[0], StringLiteral):
            vertices.pop(0)
    if any(_is_point(vertex) for vertex in vertices):
        too_few = len(vertices) < 3
        problem = None if all(map(_may_be_point, vertices)) else _MIXED_POLYGON
    elif all(map(_may_be_point, vertices)):
        too_few, problem = len(vertices) < 3, None
    else:
        too_few = len(vertices) < 6
        problem = _ODD_POLYGON if len(vertices) % 2 else _numbers(name, vertices)
    if too_few:
        return f"{name} needs at least 3 vertices: points, or pairs of coordinates"
    return problem


_MIXED_POLYGON = "The vertices of POLYGON are all points or all pairs of coordinates, not both"
_ODD_POLYGON = "POLYGON takes pairs of coordinates: one coordinate has no partner"


def _region(name: str, arguments: Sequence[Expression]) -> str | None:
    if len(arguments) == 1 and isinstance(arguments[0], StringLiteral):
        return None
    return f"{name} takes one string in single quotes, such as REGION('Circle 10 20 0.5')"


def _distance(name: str, arguments: Sequence[Expression]) -> str | None:
    if problem := _count(name, len(arguments), 2, 4):
        return problem
    return _points(name, arguments) if len(arguments) == 2 else _numbers(name, arguments)


def _one_point(name: str, arguments: Sequence[Expression]) -> str | None:
    return _count(name, len(arguments), 1) or _points(name, arguments)


_OF_ONE_NUMBER = (
    "ABS ACOS ASIN ATAN CEILING COS COT DEGREES EXP FLOOR LOG LOG10 RADIANS SIN SQRT TAN"
)


def _signatures() -> dict[str, Signature]:
    table = {
        name: Signature(Form.NUMBER, f"{name}(x)", _numeric(1)) for name in _OF_ONE_NUMBER.split()
    }
    for name in ("ATAN2", "MOD", "POWER"):
        table[name] = Signature(Form.NUMBER, f"{name}(x, y)", _numeric(2))
    for name in ("ROUND", "TRUNCATE"):
        table[name] = Signature(Form.NUMBER, f"{name}(x) or {name}(x, decimals)", _rounding)
    for name in ("AVG", "COUNT", "SUM"):
        table[name] = Signature(Form.NUMBER, f"{name}([DISTINCT] x)", _aggregate)
    for name in ("MAX", "MIN"):
        table[name] = Signature(Form.OPEN, f"{name}(x)", _aggregate)
    for name in ("LOWER", "UPPER"):
        table[name] = Signature(Form.STRING, f"{name}(text)", _string)
    for name in ("CONTAINS", "INTERSECTS"):
        table[name] = Signature(Form.NUMBER, f"{name}(geometry, geometry)", _geometries(2))
    for name in ("COORD1", "COORD2"):
        table[name] = Signature(Form.NUMBER, f"{name}(point)", _one_point)
    return table | {
        "PI": Signature(Form.NUMBER, "PI()", _numeric(0)),
        "RAND": Signature(Form.NUMBER, "RAND() or RAND(seed)", _seed),
        "IN_UNIT": Signature(Form.NUMBER, "IN_UNIT(x, 'unit')", _unit),
        "COALESCE": Signature(Form.OPEN, "COALESCE(x, y, ...)", _coalesce),
        "AREA": Signature(Form.NUMBER, "AREA(geometry)", _geometries(1)),
        "CENTROID": Signature(Form.GEOMETRY, "CENTROID(geometry)", _geometries(1)),
        "COORDSYS": Signature(Form.STRING, "COORDSYS(geometry)", _geometries(1)),
        "DISTANCE": Signature(
            Form.NUMBER, "DISTANCE(point, point) or DISTANCE(ra1, dec1, ra2, dec2)", _distance
        ),
        "POINT": Signature(Form.GEOMETRY, "POINT(ra, dec)", _point),
        "CIRCLE": Signature(
            Form.GEOMETRY, "CIRCLE(ra, dec, radius) or CIRCLE(point, radius)", _centred(1)
        ),
        "BOX": Signature(Form.GEOMETRY, "BOX(ra, dec, width, height)", _centred(2)),
        "POLYGON": Signature(Form.GEOMETRY, "POLYGON(ra1, dec1, ra2, dec2, ...)", _polygon),
        "REGION": Signature(Form.GEOMETRY, "REGION('...')", _region),
    }


SIGNATURES = _signatures()
"""Functions of ADQL by name (ADQL 2.1, Appendix A)."""
