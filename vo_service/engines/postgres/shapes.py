"""Shapes and the tests between them in PostgreSQL's SQL.

Points and circles are SQL; polygons, and pairs of regions, go to the functions of `library`.
Shapes of literals become one literal array.
"""

from __future__ import annotations

from collections.abc import Callable

from registry.model.field import Datatype
from vo_service.adql.functions.coverage import moc_ranges
from vo_service.adql.typed import Call, Constant, Expression
from vo_service.engines.context import Context, Point
from vo_service.engines.index import in_ranges
from vo_service.engines.postgres.geometry import distance, separation_test
from vo_service.engines.postgres.library import spell
from vo_service.engines.spatial import constant_shape

__all__ = ["SHAPES", "double", "point_coordinates"]


def point_coordinates(node: Expression, context: Context) -> Point:
    """Print longitude and latitude of a point in degrees."""
    if isinstance(node, Call) and node.function == "POINT":
        lon, lat = (double(argument, context) for argument in node.arguments)
        return lon, lat
    text = context.expression(node)
    return f"({text})[1]", f"({text})[2]"


def double(node: Expression, context: Context) -> str:
    """Print a number in double precision."""
    text = context.expression(node)
    return text if node.field.type.datatype is Datatype.DOUBLE else f"({text})::float8"


def _array(parts: list[str]) -> str:
    missing = " OR ".join(f"{part} IS NULL" for part in parts)
    return f"(CASE WHEN {missing} THEN NULL ELSE ARRAY[{', '.join(parts)}]::float8[] END)"


def _shape(node: Expression, context: Context) -> str:
    """Print a shape as an array; one of literals as a literal."""
    numbers = constant_shape(node)
    if numbers is not None:
        return f"'{{{','.join(map(repr, numbers))}}}'::float8[]"
    return context.expression(node)


def _point(node: Call, context: Context) -> str:
    return _array(list(point_coordinates(node, context)))


def _circle(node: Call, context: Context) -> str:
    centre, radius = node.arguments
    return _array([*point_coordinates(centre, context), double(radius, context)])


def _polygon(node: Call, context: Context) -> str:
    if constant_shape(node) is not None:
        return _shape(node, context)
    pairs = (point_coordinates(vertex, context) for vertex in node.arguments)
    return _array([part for pair in pairs for part in pair])


def _box(node: Call, context: Context) -> str:
    if constant_shape(node) is not None:
        return _shape(node, context)
    centre, width, height = node.arguments
    sizes = (double(width, context), double(height, context))
    return spell("BOX", [*point_coordinates(centre, context), *sizes])


def _distance(node: Call, context: Context) -> str:
    left, right = (point_coordinates(argument, context) for argument in node.arguments)
    return distance(left, right)


def _contains(node: Call, context: Context) -> str:
    return f"({_containment(node, context)})::int4"


def _containment(node: Call, context: Context) -> str:
    inner, outer = node.arguments
    if inner.field.type.xtype != "point":
        return f"pzvo.sphere_contains({_shape(inner, context)}, {_shape(outer, context)})"
    point = point_coordinates(inner, context)
    if isinstance(outer, Call) and outer.function == "CIRCLE":
        centre, radius = outer.arguments
        return separation_test(
            point,
            point_coordinates(centre, context),
            radius,
            lambda: double(radius, context),
            strict=False,
        )
    if isinstance(outer, Call) and outer.function == "MOC":
        cell = spell("IVO_HEALPIX_INDEX", ["29::int8", *point])
        return in_ranges(cell, moc_ranges(_moc_text(outer)))
    if outer.field.type.xtype == "circle":
        text = context.expression(outer)
        return f"{distance(point, (f'({text})[1]', f'({text})[2]'))} <= ({text})[3]"
    return f"pzvo.sphere_inside({point[0]}, {point[1]}, {_shape(outer, context)})"


def _moc_text(node: Call) -> str:
    (text,) = node.arguments
    return str(text.value) if isinstance(text, Constant) else ""


def _intersects(node: Call, context: Context) -> str:
    first, second = (_shape(argument, context) for argument in node.arguments)
    return f"pzvo.sphere_intersects({first}, {second})::int4"


def _coordinate(index: int) -> Callable[[Call, Context], str]:
    def show(node: Call, context: Context) -> str:
        (point,) = node.arguments
        return point_coordinates(point, context)[index]

    return show


def _measured(node: Call, context: Context) -> str:
    (region,) = node.arguments
    return spell(node.function, [_shape(region, context)])


def _moc(node: Call, context: Context) -> str:
    return context.expression(node.arguments[0])


def _healpix_index(node: Call, context: Context) -> str:
    order, place = node.arguments
    lon, lat = point_coordinates(place, context)
    return spell(node.function, [f"({context.expression(order)})::int8", lon, lat])


def _healpix_center(node: Call, context: Context) -> str:
    return spell(
        node.function, [f"({context.expression(argument)})::int8" for argument in node.arguments]
    )


def _transform(node: Call, context: Context) -> str:
    source, target, shape = node.arguments
    names = (context.expression(source), context.expression(target))
    return spell(node.function, [*names, _shape(shape, context)])


def _propagated(node: Call, context: Context) -> str:
    numbers = [double(argument, context) for argument in node.arguments]
    for optional in (2, 5):
        numbers[optional] = f"coalesce({numbers[optional]}, 0)"
    return spell(node.function, numbers)


SHAPES: dict[str, Callable[[Call, Context], str]] = {
    "AREA": _measured,
    "BOX": _box,
    "CENTROID": _measured,
    "CIRCLE": _circle,
    "CONTAINS": _contains,
    "COORD1": _coordinate(0),
    "COORD2": _coordinate(1),
    "DISTANCE": _distance,
    "INTERSECTS": _intersects,
    "IVO_EPOCH_PROP_POS": _propagated,
    "IVO_GEOM_TRANSFORM": _transform,
    "IVO_HEALPIX_CENTER": _healpix_center,
    "IVO_HEALPIX_INDEX": _healpix_index,
    "MOC": _moc,
    "POINT": _point,
    "POLYGON": _polygon,
}
"""Printers of the functions of positions, by canonical name."""
