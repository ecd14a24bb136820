"""Geometry: points and regions on the sky, and the tests between them.

All positions are ICRS degrees. Calls leave here in one form each: without coordinate system,
with points instead of pairs of numbers.

Notes
-----
ADQL 2.1, section 4.2.
"""

from __future__ import annotations

from registry.model.field import Field
from registry.model.frame import same_frame
from vo_service.adql.functions.arguments import is_null, make_call, string_value
from vo_service.adql.functions.declaration import CallSite, Feature, Function, example_of
from vo_service.adql.functions.frames import check_same_sky, sky_frame, system_word
from vo_service.adql.functions.polygons import polygon_problem
from vo_service.adql.functions.serialised import ShapeProblem, region_shape
from vo_service.adql.functions.shapes import (
    check_angle,
    drop_system,
    field_of,
    make_point,
    place_then_numbers,
    take_geometry,
    take_point,
)
from vo_service.adql.typed import Call, Constant, Expression
from vo_service.adql.types import CIRCLE, DOUBLE, INT, POINT, POLYGON, TEXT, Kind, kind_of

__all__ = ["GEOMETRY_FUNCTIONS"]

_PLACES = {
    "ICRS": "pos.eq",
    "eq_FK4": "pos.eq",
    "eq_FK5": "pos.eq",
    "galactic": "pos.galactic",
    "supergalactic": "pos.supergalactic",
    "ecl_FK4": "pos.ecliptic",
    "ecl_FK5": "pos.ecliptic",
}
"""Words for positions (UCD1+ 1.6) by frame."""

_PARTS = dict.fromkeys(("pos.galactic", "pos.supergalactic", "pos.ecliptic"), ("lon", "lat"))

MIN_VERTICES = 3
"""Fewest vertices of a polygon (ADQL 2.1, section 4.2.14)."""


def _point(site: CallSite) -> Expression:
    drop_system(site, most=2)
    if len(site.arguments) != 2:
        raise site.mismatch("POINT takes a longitude and a latitude")
    return make_point(site, 0)


def _circle(site: CallSite) -> Expression:
    drop_system(site, most=3)
    place_then_numbers(site, 1, "a radius")
    check_angle(site, 1, "radius")
    return make_call(site, CIRCLE, "deg", frame=site.arguments[0].field.frame)


def _box(site: CallSite) -> Expression:
    drop_system(site, most=4)
    place_then_numbers(site, 2, "a width and a height")
    check_angle(site, 1, "width")
    check_angle(site, 2, "height")
    for index in (1, 2):
        size = site.arguments[index]
        if isinstance(size, Constant) and isinstance(size.value, int | float) and size.value >= 180:
            raise site.mismatch("The width and height of BOX are less than 180 degrees", index)
    return make_call(site, POLYGON, "deg", frame=site.arguments[0].field.frame)


def _polygon(site: CallSite) -> Expression:
    drop_system(site)
    first = kind_of(site.arguments[0].field.type) if site.arguments else Kind.NUMBER
    if first is Kind.POINT:
        points = [take_point(site, index) for index in range(len(site.arguments))]
    elif len(site.arguments) % 2:
        raise site.mismatch("POLYGON takes pairs of longitude and latitude, or points")
    else:
        points = [make_point(site, index) for index in range(0, len(site.arguments), 2)]
    if len(points) < MIN_VERTICES:
        raise site.mismatch(f"POLYGON takes {MIN_VERTICES} vertices or more, not {len(points)}")
    problem = polygon_problem(points)
    if problem is not None:
        raise site.mismatch(f"{problem[:1].upper()}{problem[1:]}")
    frame = same_frame(point.field.frame for point in points)
    return Call(site.name, tuple(points), Field("polygon", POLYGON, "deg", frame=frame))


def _contains(site: CallSite) -> Expression:
    inner, outer = take_geometry(site, 0), _take_region(site, 1)
    if field_of(outer, Kind.POINT):
        raise site.mismatch("CONTAINS takes a region second: CONTAINS(point, region)", 1)
    return _related(site, "CONTAINS", inner, outer)


def _intersects(site: CallSite) -> Expression:
    first, second = _take_region(site, 0), _take_region(site, 1)
    if field_of(first, Kind.POINT) and field_of(second, Kind.POINT):
        raise site.mismatch("INTERSECTS takes a region; compare points with DISTANCE")
    if field_of(second, Kind.POINT) or _is_moc(first):
        first, second = second, first
    name = "CONTAINS" if field_of(first, Kind.POINT) else "INTERSECTS"
    return _related(site, name, first, second)


def _take_region(site: CallSite, index: int) -> Expression:
    """Require a shape or a coverage map."""
    argument = site.arguments[index]
    return argument if _is_moc(argument) else take_geometry(site, index)


def _is_moc(expression: Expression) -> bool:
    return isinstance(expression, Call) and expression.function == "MOC"


def _related(site: CallSite, function: str, first: Expression, second: Expression) -> Call:
    if _is_moc(second) and not field_of(first, Kind.POINT):
        raise site.unsupported(f"{site.name} with a MOC is offered for points only")
    check_same_sky(site, first, second)
    return Call(function, (first, second), Field(site.name.lower(), INT))


def _distance(site: CallSite) -> Expression:
    points: tuple[Expression, Expression]
    if len(site.arguments) == 4:
        points = (make_point(site, 0), make_point(site, 2))
    elif len(site.arguments) == 2:
        points = (take_point(site, 0), take_point(site, 1))
    else:
        raise site.mismatch("DISTANCE takes two points, or two pairs of longitude and latitude")
    check_same_sky(site, *points)
    return Call("DISTANCE", points, Field("distance", DOUBLE, "deg", "pos.angDistance"))


def _area(site: CallSite) -> Expression:
    take_geometry(site, 0)
    return make_call(site, DOUBLE, "deg**2", "phys.angArea")


def _centroid(site: CallSite) -> Expression:
    shape = take_geometry(site, 0)
    if field_of(shape, Kind.POINT):
        return shape
    if isinstance(shape, Call) and shape.function in ("CIRCLE", "BOX"):
        return shape.arguments[0]
    return make_call(site, POINT, "deg", _place_ucd(shape), frame=shape.field.frame)


def _place_ucd(shape: Expression) -> str:
    """Give the UCD of a position in the frame of a shape."""
    frame = sky_frame(shape)
    return _PLACES.get(frame.system, "pos") if frame is not None else "pos.eq"


def _region(site: CallSite) -> Expression:
    text = string_value(site.arguments[0])
    if text is None:
        raise site.mismatch("REGION takes one text in single quotes", 0)
    try:
        return region_shape(text)
    except ShapeProblem as problem:
        # The text begins after its quote.
        site.offsets[0] += 1 + problem.offset
        raise site.unsupported(
            f"{problem}; REGION is offered as 'CIRCLE lon lat radius', 'POLYGON lon lat ...', "
            "'BOX lon lat width height' or 'POSITION lon lat', in ICRS degrees",
            0,
        ) from None


def _coordinate(site: CallSite) -> Expression:
    point = take_point(site, 0)
    place = _place_ucd(point)
    part = _PARTS.get(place, ("ra", "dec"))[0 if site.name == "COORD1" else 1]
    ucd = None if place == "pos" else f"{place}.{part}"
    frame = point.field.frame
    return Call(site.name, (point,), Field(site.name.lower(), DOUBLE, "deg", ucd, frame=frame))


def _system(site: CallSite) -> Expression:
    if not is_null(site.arguments[0]):
        frame = sky_frame(take_geometry(site, 0))
        if frame is not None:
            return Constant(system_word(frame), Field("coordsys", TEXT))
    return Constant("ICRS", Field("coordsys", TEXT))


GEOMETRY_FUNCTIONS = (
    Function(
        name="POINT",
        feature=Feature.GEOMETRY,
        signatures=("POINT(lon DOUBLE, lat DOUBLE) -> POINT",),
        description="A position, in ICRS degrees.",
        example=example_of("POINT(150.1, 2.2)"),
        build=_point,
        arity=(2, 3),
    ),
    Function(
        name="CIRCLE",
        feature=Feature.GEOMETRY,
        signatures=(
            "CIRCLE(center POINT, radius DOUBLE) -> CIRCLE",
            "CIRCLE(lon DOUBLE, lat DOUBLE, radius DOUBLE) -> CIRCLE",
        ),
        description="The positions within a radius of a center, in degrees.",
        example=example_of("CIRCLE(POINT(150.1, 2.2), 0.5)"),
        build=_circle,
        arity=(2, 4),
    ),
    Function(
        name="BOX",
        feature=Feature.GEOMETRY,
        signatures=(
            "BOX(center POINT, width DOUBLE, height DOUBLE) -> POLYGON",
            "BOX(lon DOUBLE, lat DOUBLE, width DOUBLE, height DOUBLE) -> POLYGON",
        ),
        description="A box around a center, in degrees; prefer POLYGON.",
        example=example_of("CONTAINS(POINT(150.1, 2.2), BOX(150, 2, 1, 1))"),
        build=_box,
        arity=(3, 5),
        value=1,
    ),
    Function(
        name="POLYGON",
        feature=Feature.GEOMETRY,
        signatures=(
            "POLYGON(vertex POINT, vertex POINT, vertex POINT, ...) -> POLYGON",
            "POLYGON(lon DOUBLE, lat DOUBLE, ...) -> POLYGON",
        ),
        description="The region inside great-circle arcs between its vertices.",
        example=example_of("CONTAINS(POINT(150, 2), POLYGON(149, 1, 151, 1, 150, 3))"),
        build=_polygon,
        arity=(3, None),
        value=1,
    ),
    Function(
        name="CONTAINS",
        feature=Feature.GEOMETRY,
        signatures=("CONTAINS(inner GEOMETRY, outer REGION) -> INTEGER",),
        description="1 when the point or region lies in the region, border included, otherwise 0.",
        example=example_of("CONTAINS(POINT(150.1, 2.2), CIRCLE(150, 2, 0.5))"),
        build=_contains,
        arity=(2, 2),
        value=1,
    ),
    Function(
        name="INTERSECTS",
        feature=Feature.GEOMETRY,
        signatures=(
            "INTERSECTS(first REGION, second REGION) -> INTEGER",
            "INTERSECTS(point POINT, region REGION) -> INTEGER",
        ),
        description="1 when the regions have a position in common, border included, otherwise 0.",
        example=example_of("INTERSECTS(CIRCLE(150, 2, 0.5), BOX(151, 2, 1.1, 1))"),
        build=_intersects,
        arity=(2, 2),
        value=1,
    ),
    Function(
        name="DISTANCE",
        feature=Feature.GEOMETRY,
        signatures=(
            "DISTANCE(first POINT, second POINT) -> DOUBLE",
            "DISTANCE(lon1 DOUBLE, lat1 DOUBLE, lon2 DOUBLE, lat2 DOUBLE) -> DOUBLE",
        ),
        description="The angle between two positions, in degrees.",
        example=example_of("DISTANCE(POINT(10, 0), POINT(40, 0))"),
        build=_distance,
        arity=(2, 4),
        value=30.0,
    ),
    Function(
        name="AREA",
        feature=Feature.GEOMETRY,
        signatures=("AREA(shape GEOMETRY) -> DOUBLE",),
        description="The area of a circle, polygon or box, in square degrees.",
        example=example_of("AREA(CIRCLE(150, 2, 90))"),
        build=_area,
        arity=(1, 1),
        value=20626.480624709637,
    ),
    Function(
        name="CENTROID",
        feature=Feature.GEOMETRY,
        signatures=("CENTROID(shape GEOMETRY) -> POINT",),
        description="The center of a shape: of a polygon, that of its area on the sphere.",
        example=example_of("COORD2(CENTROID(POLYGON(359, 1, 1, 1, 1, 3, 359, 3)))"),
        build=_centroid,
        arity=(1, 1),
        value=2.000101043828466,
    ),
    Function(
        name="REGION",
        feature=Feature.GEOMETRY,
        signatures=("REGION(text TEXT) -> GEOMETRY",),
        description="The shape of a text in STC-S: CIRCLE, POLYGON, BOX or POSITION, ICRS degrees.",
        example=example_of("AREA(REGION('CIRCLE ICRS 150 2 90'))"),
        build=_region,
        arity=(1, 1),
        value=20626.480624709637,
        rewritten=True,
    ),
    Function(
        name="COORD1",
        feature=Feature.GEOMETRY,
        signatures=("COORD1(position POINT) -> DOUBLE",),
        description="The longitude of a position, in degrees.",
        example=example_of("COORD1(POINT(150.1, 2.2))"),
        build=_coordinate,
        arity=(1, 1),
        value=150.1,
    ),
    Function(
        name="COORD2",
        feature=Feature.GEOMETRY,
        signatures=("COORD2(position POINT) -> DOUBLE",),
        description="The latitude of a position, in degrees.",
        example=example_of("COORD2(POINT(150.1, 2.2))"),
        build=_coordinate,
        arity=(1, 1),
        value=2.2,
    ),
    Function(
        name="COORDSYS",
        feature=Feature.GEOMETRY,
        signatures=("COORDSYS(shape GEOMETRY) -> TEXT",),
        description="The coordinate system of a shape; ICRS unless it is known to be another "
        "(deprecated in ADQL).",
        example=example_of("COORDSYS(POINT(150.1, 2.2))"),
        build=_system,
        arity=(1, 1),
        value="ICRS",
        rewritten=True,
    ),
)
"""ADQL 2.1, section 4.2."""
