"""Typed expressions in DuckDB's SQL.

Undefined results (the root of a negative number, the logarithm of zero, a division by zero) are
NULL. DuckDB computes NaN or infinity for most of them; those flow through arithmetic as NULL
would, and become NULL where a value is looked at: in a comparison, an aggregate, a result. See
`value`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from registry.model.field import Datatype, ValueType
from vo_service.adql.typed import (
    Arithmetic,
    Call,
    Cast,
    ColumnValue,
    Constant,
    Expression,
)
from vo_service.engines.base import QueryRejected
from vo_service.engines.duckdb.context import Context, quoted
from vo_service.engines.duckdb.functions import FUNCTIONS, UNDEFINED_SOMEWHERE
from vo_service.engines.duckdb.geometry import Point, distance, separation_test
from vo_service.engines.duckdb.polygons import BOX_CORNERS, constant_vertices, inside_polygon

_WHOLE = r"'\s*[+-]?\d+\s*'"

__all__ = ["expression", "point_coordinates", "sql_type", "value"]

_SCALARS = {
    Datatype.BOOLEAN: "BOOLEAN",
    Datatype.UNSIGNED_BYTE: "UTINYINT",
    Datatype.SHORT: "SMALLINT",
    Datatype.INT: "INTEGER",
    Datatype.LONG: "BIGINT",
    Datatype.FLOAT: "FLOAT",
    Datatype.DOUBLE: "DOUBLE",
    Datatype.CHAR: "VARCHAR",
    Datatype.UNICODE_CHAR: "VARCHAR",
}


def sql_type(type_: ValueType) -> str:
    """Name the DuckDB type that holds values of a VOTable type."""
    if type_.is_timestamp:
        return "TIMESTAMP"
    scalar = _SCALARS[type_.datatype]
    return f"{scalar}[]" if type_.is_array else scalar


def value(node: Expression, context: Context) -> str:
    """Print an expression where its value is looked at: undefined results are NULL."""
    text = expression(node, context)
    if node.field.type.is_numeric and node.field.type.datatype.is_floating and _undefined(node):
        return f"CASE WHEN isfinite({text}) THEN {text} END"
    return text


def _undefined(node: Expression) -> bool:
    match node:
        case Arithmetic():
            return node.field.type.datatype.is_floating
        case Call(function=function, arguments=arguments):
            return function in UNDEFINED_SOMEWHERE or any(map(_undefined, arguments))
        case Cast(operand=operand):
            return _undefined(operand)
        case _:
            return False


def expression(node: Expression, context: Context) -> str:
    """Print an expression.

    Parameters
    ----------
    node
        Typed expression.
    context
        Of the query.
    """
    match node:
        case ColumnValue(relation=relation, physical=physical):
            return f"r{relation}.{quoted(physical)}"
        case Constant():
            return _constant(node, context)
        case Arithmetic():
            return _arithmetic(node, context)
        case Cast():
            return _cast(node, context)
        case Call():
            return _call(node, context)
        case _:
            assert_never(node)


def _constant(node: Constant, context: Context) -> str:
    target = sql_type(node.field.type)
    if node.value is None:
        return f"NULL::{target}"
    return f"{context.bind(node.value)}::{target}"


def _arithmetic(node: Arithmetic, context: Context) -> str:
    if node.operator == "||":
        return f"({value(node.left, context)} || {value(node.right, context)})"
    integer = node.field.type.datatype.is_integer
    operator = "//" if node.operator == "/" and integer else node.operator
    left = _operand(node.left, node.field.type, context)
    right = _operand(node.right, node.field.type, context)
    return f"({left} {operator} {right})"


def _operand(node: Expression, target: ValueType, context: Context) -> str:
    text = expression(node, context)
    if node.field.type.datatype is target.datatype:
        return text
    return f"{text}::{sql_type(target)}"


def _cast(node: Cast, context: Context) -> str:
    source, target = node.operand.field.type, node.field.type
    text = value(node.operand, context)
    if target.is_text and source.is_timestamp:
        text = f"strftime({text}, '%Y-%m-%dT%H:%M:%S.%g')"
    elif target.datatype.is_integer and source.datatype.is_floating:
        # DuckDB rounds halves to even; ADQL leaves it open, and the house truncates.
        text = f"trunc({text})"
    elif target.datatype.is_integer and source.is_text:
        # DuckDB reads '2.7' as 3; text that is no whole number is refused instead.
        refusal = f"error(chr(39) || {text} || chr(39) || ' is not a whole number')"
        text = f"CASE WHEN regexp_full_match({text}, {_WHOLE}) THEN {text} ELSE {refusal} END"
    text = f"CAST({text} AS {sql_type(target)})"
    if node.length is not None:
        text = f"left({text}, {node.length})"
        if node.padded:
            text = f"rpad({text}, {node.length}, ' ')"
    return text


def _call(node: Call, context: Context) -> str:
    if node.function in ("COALESCE", "COUNT", "MIN", "MAX", "SUM", "AVG"):
        arguments = [value(argument, context) for argument in node.arguments]
    elif node.function in _GEOMETRY:
        return _GEOMETRY[node.function](node, context)
    else:
        arguments = [expression(argument, context) for argument in node.arguments]
    if node.distinct:
        arguments[0] = f"DISTINCT {arguments[0]}"
    text = FUNCTIONS[node.function](arguments)
    if node.function in ("SUM", "MOD", "ABS", "ROUND", "TRUNCATE", "CEILING", "FLOOR"):
        text = f"{text}::{sql_type(node.field.type)}"
    return text


def point_coordinates(node: Expression, context: Context) -> Point:
    """Print longitude and latitude of a point in degrees."""
    if isinstance(node, Call) and node.function == "POINT":
        lon, lat = (_double(argument, context) for argument in node.arguments)
        return lon, lat
    text = expression(node, context)
    return f"{text}[1]", f"{text}[2]"


def _double(node: Expression, context: Context) -> str:
    text = value(node, context)
    if node.field.type.datatype is Datatype.DOUBLE:
        return text
    return f"{text}::DOUBLE"


def _list(parts: list[str]) -> str:
    missing = " OR ".join(f"{part} IS NULL" for part in parts)
    return f"CASE WHEN {missing} THEN NULL ELSE [{', '.join(parts)}]::DOUBLE[] END"


def _point(node: Call, context: Context) -> str:
    return _list(list(point_coordinates(node, context)))


def _circle(node: Call, context: Context) -> str:
    centre, radius = node.arguments
    return _list([*point_coordinates(centre, context), _double(radius, context)])


def _distance(node: Call, context: Context) -> str:
    left, right = (point_coordinates(argument, context) for argument in node.arguments)
    return distance(left, right)


def _contains(node: Call, context: Context) -> str:
    inner, outer = node.arguments
    point = point_coordinates(inner, context)
    if isinstance(outer, Call) and outer.function == "CIRCLE":
        centre, radius = outer.arguments
        test = separation_test(
            point,
            point_coordinates(centre, context),
            radius,
            lambda: _double(radius, context),
            strict=False,
        )
        return f"({test})::INTEGER"
    if outer.field.type.xtype == "circle":
        text = expression(outer, context)
        return f"({distance(point, (f'{text}[1]', f'{text}[2]'))} <= {text}[3])::INTEGER"
    return f"{inside_polygon(point, _vertices(outer, context))}::INTEGER"


def _vertices(region: Expression, context: Context) -> list[Point]:
    constant = constant_vertices(region)
    if constant is not None:
        return [(repr(lon), repr(lat)) for lon, lat in constant]
    if not isinstance(region, Call):
        raise QueryRejected("polygons are offered where they are written out: POLYGON(...)")
    if region.function == "POLYGON":
        return [point_coordinates(vertex, context) for vertex in region.arguments]
    centre, width, height = region.arguments
    lon, lat = point_coordinates(centre, context)
    wide, high = _double(width, context), _double(height, context)
    return [
        (f"({lon} + {dx} * {wide} / 2)", f"({lat} + {dy} * {high} / 2)") for dx, dy in BOX_CORNERS
    ]


def _polygon(node: Call, context: Context) -> str:
    return _list([part for vertex in _vertices(node, context) for part in vertex])


def _coordinate(index: int) -> Callable[[Call, Context], str]:
    def show(node: Call, context: Context) -> str:
        (point,) = node.arguments
        # Only what is printed may be bound: the engine refuses values that nobody uses.
        if isinstance(point, Call) and point.function == "POINT":
            return _double(point.arguments[index], context)
        return f"{expression(point, context)}[{index + 1}]"

    return show


def _area(node: Call, context: Context) -> str:
    (region,) = node.arguments
    if isinstance(region, Call) and region.function == "CIRCLE":
        radius = _double(region.arguments[1], context)
    else:
        radius = f"{expression(region, context)}[3]"
    # A cap of radius r covers 4 pi sin^2(r/2) steradian.
    return f"(4 * pi() * pow(sin(radians({radius}) / 2), 2) * pow(180 / pi(), 2))"


_GEOMETRY: dict[str, Callable[[Call, Context], str]] = {
    "AREA": _area,
    "BOX": _polygon,
    "CIRCLE": _circle,
    "CONTAINS": _contains,
    "COORD1": _coordinate(0),
    "COORD2": _coordinate(1),
    "DISTANCE": _distance,
    "POINT": _point,
    "POLYGON": _polygon,
}
