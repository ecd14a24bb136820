"""Geometry: one form for every spelling, and what is refused."""

import pytest

from tests.support.tables import field_of, resolved
from vo_service.adql.errors import AdqlError, TypeMismatch, UnsupportedFeature


def value_of(expression):
    return resolved(f"SELECT {expression} FROM cat.objects").body.outputs[0].expression


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("POINT('ICRS', ra, dec)", "POINT(ra, dec)"),
        ("POINT('', ra, dec)", "POINT(ra, dec)"),
        ("POINT(NULL, ra, dec)", "POINT(ra, dec)"),
        ("POINT('icrs geocenter', ra, dec)", "POINT(ra, dec)"),
        ("POINT('J2000', ra, dec)", "POINT(ra, dec)"),
        ("CIRCLE(ra, dec, 1)", "CIRCLE(POINT(ra, dec), 1)"),
        ("CIRCLE('ICRS', ra, dec, 1)", "CIRCLE(POINT(ra, dec), 1)"),
        ("CIRCLE('ICRS', POINT(ra, dec), 1)", "CIRCLE(POINT(ra, dec), 1)"),
        ("CIRCLE(NULL, POINT('ICRS', ra, dec), 1)", "CIRCLE(POINT(ra, dec), 1)"),
        ("BOX('ICRS', ra, dec, 1, 2)", "BOX(POINT(ra, dec), 1, 2)"),
        ("BOX(ra, dec, 1, 2)", "BOX(POINT(ra, dec), 1, 2)"),
        ("POLYGON('ICRS', 1, 2, 3, 4, 5, 6)", "POLYGON(POINT(1, 2), POINT(3, 4), POINT(5, 6))"),
        ("POLYGON(NULL, 1, 2, 3, 4, 5, 6)", "POLYGON(POINT(1, 2), POINT(3, 4), POINT(5, 6))"),
        ("DISTANCE(ra, dec, 1, 2)", "DISTANCE(POINT(ra, dec), POINT(1, 2))"),
    ],
)
def test_every_spelling_becomes_the_same_call(spelling, canonical):
    assert value_of(spelling) == value_of(canonical)


@pytest.mark.parametrize(
    ("expression", "xtype", "arraysize", "unit", "ucd"),
    [
        ("POINT(ra, dec)", "point", "2", "deg", "pos.eq"),
        ("CIRCLE(ra, dec, 1)", "circle", "3", "deg", None),
        ("POLYGON(1, 2, 3, 4, 5, 6)", "polygon", "*", "deg", None),
        ("BOX(ra, dec, 1, 2)", "polygon", "*", "deg", None),
        ("DISTANCE(place, POINT(1, 2))", None, None, "deg", "pos.angDistance"),
        ("AREA(footprint)", None, None, "deg**2", "phys.angArea"),
        ("COORD1(place)", None, None, "deg", "pos.eq.ra"),
        ("COORD2(place)", None, None, "deg", "pos.eq.dec"),
        ("CONTAINS(place, footprint)", None, None, None, None),
    ],
)
def test_values_of_geometry_have_a_meaning(expression, xtype, arraysize, unit, ucd):
    field = field_of(expression)
    assert (field.type.xtype, field.type.arraysize) == (xtype, arraysize)
    assert (field.unit, field.ucd) == (unit, ucd)


def test_points_and_regions_intersect_where_the_region_contains_the_point():
    contained = value_of("CONTAINS(place, footprint)")
    for spelling in ("INTERSECTS(place, footprint)", "INTERSECTS(footprint, place)"):
        value = value_of(spelling)
        assert (value.function, value.arguments) == ("CONTAINS", contained.arguments)
        assert value.field.name == "intersects"


def test_the_coordinate_system_is_icrs():
    assert value_of("COORDSYS(place)").value == "ICRS"


@pytest.mark.parametrize("test", ["1 = CONTAINS({0}, {1})", "CONTAINS({0}, {1}) = 1"])
def test_containment_is_compared_as_written(test):
    text = test.format("POINT(ra, dec)", "CIRCLE(1, 2, 3)")
    where = resolved(f"SELECT ra FROM cat.objects WHERE {text}").body.where
    assert {type(where.left).__name__, type(where.right).__name__} == {"Call", "Constant"}


@pytest.mark.parametrize(
    ("expression", "error", "message"),
    [
        (
            "POINT('GALACTIC', ra, dec)",
            UnsupportedFeature,
            (
                "The coordinate system 'GALACTIC' is not offered; positions are ICRS degrees, "
                "leave the argument out (line 1, column 14)"
            ),
        ),
        ("POINT('fk5 geocenter', 1, 2)", UnsupportedFeature, "'fk5 geocenter' is not offered"),
        ("POINT(survey, dec)", TypeMismatch, "a coordinate system is text in single quotes"),
        ("POINT(pdf, dec)", TypeMismatch, "POINT takes numbers in degrees here, not arrays"),
        ("POINT(10, 95)", TypeMismatch, "The latitude 95 is not within -90 and 90 (line 1"),
        ("POINT(10, -90.5)", TypeMismatch, "The latitude -90.5 is not within -90 and 90"),
        ("CIRCLE(10, 20, -1)", TypeMismatch, "The radius of CIRCLE is negative: -1"),
        ("BOX(10, 20, 1, -1)", TypeMismatch, "The height of BOX is negative: -1"),
        ("CIRCLE(z, 1)", TypeMismatch, "make one with POINT(lon, lat)"),
        ("CONTAINS(place, place)", TypeMismatch, "CONTAINS takes a region second"),
        ("BOX(10, 20, 180, 1)", TypeMismatch, "width and height of BOX are less than 180"),
        ("CONTAINS(footprint, MOC('0/1'))", UnsupportedFeature, "a MOC is offered for points only"),
        ("MOC('0/12')", TypeMismatch, "The cells of order 0 are 0 to 11, ascending; a MOC is"),
        ("MOC(survey)", TypeMismatch, "MOC takes one text in single quotes"),
        ("REGION('ellipse 1 2 3 4')", UnsupportedFeature, "BOX or POSITION, not 'ELLIPSE'; REGION"),
        ("REGION('Circle FK5 1 2 3')", UnsupportedFeature, "The frame 'FK5' is not offered"),
        ("REGION('Circle 1 x 3')", UnsupportedFeature, "'x' is not a number"),
        ("REGION('Polygon 1 2 3 4')", UnsupportedFeature, "3 or more pairs of numbers, not 4"),
        ("REGION('Circle 1 95 3')", UnsupportedFeature, "The latitude 95 is not within"),
        ("CONTAINS(z, footprint)", TypeMismatch, "CONTAINS takes shapes such as POINT(lon, lat)"),
        ("INTERSECTS(place, place)", TypeMismatch, "compare points with DISTANCE"),
        ("DISTANCE(footprint, place)", TypeMismatch, "DISTANCE takes points here, not regions"),
        ("AREA(z)", TypeMismatch, "AREA takes shapes"),
        ("COORD1(footprint)", TypeMismatch, "COORD1 takes points here, not regions"),
        ("COORDSYS(z)", TypeMismatch, "COORDSYS takes shapes"),
    ],
)
def test_geometry_that_makes_no_sense_is_refused(expression, error, message):
    with pytest.raises(AdqlError) as caught:
        value_of(expression)
    assert type(caught.value) is error
    assert message in str(caught.value)


def test_an_error_inside_of_a_text_points_into_it():
    with pytest.raises(AdqlError) as caught:
        value_of("REGION('Circle GALACTIC 1 2 3')")
    assert "The frame 'GALACTIC' is not offered" in caught.value.message
    assert caught.value.column == len("SELECT REGION('Circle ") + 1
    with pytest.raises(AdqlError) as caught:
        value_of("MOC('3/1-10 x')")
    assert caught.value.column == len("SELECT MOC('3/1-10 ") + 1


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("REGION('Circle ICRS 1 2 3')", "CIRCLE(1.0, 2.0, 3.0)"),
        ("REGION('box 1, 2, 3, 4')", "BOX(1.0, 2.0, 3.0, 4.0)"),
        ("REGION('POLYGON ICRS GEOCENTER 1 2 3 4 5 6')", None),
        ("REGION('polygon j2000 1 2 3 4 5 6')", "POLYGON(1.0, 2.0, 3.0, 4.0, 5.0, 6.0)"),
        ("REGION('Position UNKNOWNFRAME 1 2')", "POINT(1.0, 2.0)"),
        ("CAST('1 2 3' AS CIRCLE)", "CIRCLE(1.0, 2.0, 3.0)"),
        ("CAST('1 2' AS POINT)", "POINT(1.0, 2.0)"),
        ("CAST('1 2 3 4 5 6' AS POLYGON)", "POLYGON(1.0, 2.0, 3.0, 4.0, 5.0, 6.0)"),
    ],
)
def test_shapes_written_as_text_are_those_written_out(text, same):
    if same is None:
        with pytest.raises(UnsupportedFeature, match="'GEOCENTER' is not a number"):
            value_of(text)
    else:
        found = value_of(text)
        assert (found.function, found.arguments) == (
            value_of(same).function,
            value_of(same).arguments,
        )
