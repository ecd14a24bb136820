"""Columns of results: order, names, and the meaning that travels with them."""

import pytest

from tests.support.tables import OBJECTS, field_of, resolved
from vo_service.adql.errors import TypeMismatch


def names(text):
    return [field.name for field in resolved(text).fields]


def test_a_star_is_every_column_with_its_whole_field():
    fields = resolved("SELECT * FROM cat.objects").fields
    assert fields == tuple(column.field for column in OBJECTS.columns)


def test_a_qualified_star_is_one_table():
    assert names("SELECT s.*, o.ra FROM cat.objects o, cat.spectra s")[:2] == ["objectId", "z"]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ra FROM cat.objects",
        "SELECT ra FROM (SELECT * FROM cat.objects) AS q",
        "WITH w AS (SELECT ra FROM cat.objects) SELECT ra FROM w",
        "SELECT o.ra FROM cat.objects o LEFT JOIN cat.spectra s ON o.objectId = s.objectId",
        "SELECT ra FROM cat.objects UNION SELECT ra FROM cat.objects WHERE dec > 0",
    ],
)
def test_a_plain_column_keeps_everything_through_queries(text):
    assert resolved(text).fields[0] == OBJECTS.columns[1].field


def test_an_alias_changes_the_name_alone():
    assert field_of("ra AS lon") == OBJECTS.columns[1].field.renamed("lon")


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("COUNT(*)", ["count_all"]),
        ("AVG(z), AVG(ra)", ["avg", "avg_2"]),
        ("ra, ra + 1, 'x'", ["ra", "col2", "col3"]),
        ("ra, ra, ra AS ra_2", ["ra", "ra_3", "ra_2"]),
        ('SQRT(ra), dec AS "sqrt"', ["sqrt_2", "sqrt"]),
        ("CAST(z AS REAL), IN_UNIT(ra, 'rad'), COALESCE(z, 0)", ["cast", "in_unit", "coalesce"]),
    ],
)
def test_values_without_alias_get_unique_names(items, expected):
    assert names(f"SELECT {items} FROM cat.objects") == expected


def test_names_are_made_unique_in_the_outermost_query():
    assert names("SELECT a.z, b.z FROM cat.objects a, cat.spectra b") == ["z", "z_2"]
    union = "SELECT ra, ra FROM cat.objects UNION SELECT dec, dec FROM cat.objects"
    assert names(union) == ["ra", "ra_2"]


def test_names_that_differ_in_case_stay():
    assert names("SELECT * FROM odd.awkward")[:2] == ["z", "Z"]


@pytest.mark.parametrize(
    ("expression", "unit"),
    [
        ("mag_g - mag_r", "mag"),
        ("mag_g + 0.5", "mag"),
        ("22.5 - mag_g", "mag"),
        ("ra / 2", None),
        ("ra / 15", None),
        ("ra / 15.0", None),
        ("ra * 3600", None),
        ("3600 * ra", None),
        ("DISTANCE(ra, dec, 1, 2)", "deg"),
        ("DISTANCE(ra, dec, 1, 2) * 3600", None),
        ("3600 * (DISTANCE(ra, dec, 1, 2) - 1)", None),
        ("DISTANCE(ra, dec, 1, 2) * (60 * 60)", None),
        ("ra * CAST(3600 AS REAL)", None),
        ("ra * POWER(10, 3)", None),
        ("ra * PI() / 180", None),
        ("ra * 1", "deg"),
        ("-1 * ra", "deg"),
        ("ra / 1.0", "deg"),
        ("2 * speed * exposure_s", None),
        ("speed * exposure_s * 1", "km"),
        ("z * 299792.458 * exposure_s", None),
        ("ra * 3600 + dec", None),
        ("ra + 2 * dec", None),
        ("ra * DEGREES(1)", "deg**2"),
        ("2 / exposure_s", None),
        ("3600", None),
        ("-2.5 * LOG10(flux_r) + 31.4", None),
        ("LOG10(flux_r) * exposure_s", None),
        ("EXP(z) * exposure_s", "s"),
        ("POWER(ra, 0.123)", None),
        ("POWER(ra, -0.5)", "deg**(-1/2)"),
        ("MOD(ra, 360)", "deg"),
        ("MOD(ra, mag_g)", None),
        ("RADIANS(ra)", "rad"),
        ("RADIANS(mag_g)", None),
        ("DEGREES(RADIANS(ra))", "deg"),
        ("DEGREES(ra)", None),
        ("VARIANCE(ra)", "deg**2"),
        ("STDDEV(ra * 3600)", None),
        ("AVG(ra) * 3600", None),
        ("COALESCE(ra * 3600, dec)", None),
        ("-ra", "deg"),
        ("+ra", "deg"),
        ("2 * 3 + ra", "deg"),
        ("ra + mag_g", None),
        ("(ra + mag_g) * exposure_s", None),
        ("ra + z", None),
        ("z + 1", None),
        ("speed * exposure_s", "km"),
        ("speed / exposure_s", "km.s**-2"),
        ("1 / exposure_s", "s**-1"),
        ("ra / dec", None),
        ("flux_r * z", "nJy"),
        ("SQRT(ra)", "deg**(1/2)"),
        ("SQRT(ra * ra)", "deg"),
        ("POWER(ra, 2)", "deg**2"),
        ("POWER(ra, z)", None),
        ("ABS(ra)", "deg"),
        ("ROUND(ra, 2)", "deg"),
        ("FLOOR(mag_g)", "mag"),
        ("AVG(mag_g)", "mag"),
        ("SUM(flux_r)", "nJy"),
        ("COUNT(ra)", None),
        ("SIN(ra)", None),
        ("ASIN(z)", "rad"),
        ("DEGREES(z)", "deg"),
        ("LOG10(flux_r)", None),
        ("COALESCE(mag_g, mag_r, 99)", "mag"),
        ("COALESCE(mag_g, ra)", None),
        ("CAST(mag_g AS DOUBLE PRECISION)", "mag"),
        ("CAST(mag_g AS VARCHAR)", None),
        ("IN_UNIT(ra, 'arcsec')", "arcsec"),
    ],
)
def test_units_follow_expressions(expression, unit):
    assert field_of(expression).unit == unit


@pytest.mark.parametrize(
    ("query", "unit"),
    [
        ("SELECT v FROM (SELECT ra * 3600 AS v FROM cat.objects) AS q", None),
        (
            "SELECT v * t FROM (SELECT ra / 15 AS v, exposure_s AS t FROM cat.objects) AS q",
            None,
        ),
        ("SELECT v * f FROM (SELECT ra AS v, 3600 AS f FROM cat.objects) AS q", None),
        ("SELECT v + 1 FROM (SELECT ra AS v FROM cat.objects) AS q", "deg"),
        ("WITH q AS (SELECT ra * 3600 AS v, dec FROM cat.objects) SELECT v + dec FROM q", None),
        ("SELECT ra FROM cat.objects UNION SELECT dec * 3600 FROM cat.objects", None),
        ("SELECT ra * 2 AS v FROM cat.objects UNION SELECT dec FROM cat.objects", None),
        ("SELECT ra FROM cat.objects UNION ALL SELECT dec FROM cat.objects", "deg"),
        ("SELECT MAX(v) FROM (SELECT ra * 3600 AS v FROM cat.objects) AS q", None),
    ],
)
def test_what_is_not_known_of_a_unit_stays_so_through_sub_queries(query, unit):
    assert resolved(query).fields[0].unit == unit


@pytest.mark.parametrize(
    ("expression", "ucd"),
    [
        ("AVG(ra)", "pos.eq.ra;stat.mean"),
        ("MIN(mag_r)", "phot.mag;em.opt.R;stat.min"),
        ("MAX(z)", "src.redshift.phot;stat.max"),
        ("MAX(exposure_s)", None),
        ("COUNT(*)", "meta.number"),
        ("ROUND(z, 2)", "src.redshift.phot"),
        ("COALESCE(z, 0)", "src.redshift.phot"),
        ("IN_UNIT(ra, 'rad')", "pos.eq.ra"),
        ("1 + z", None),
        ("mag_g - mag_r", None),
        ("LOWER(survey)", "meta.id;meta.dataset"),
    ],
)
def test_ucds_are_kept_where_the_quantity_is(expression, ucd):
    assert field_of(expression).ucd == ucd


def test_expressions_have_no_description_and_no_utype():
    field = field_of("ABS(ra)")
    assert (field.description, field.utype) == (None, None)


def test_unit_conversion_is_a_factor():
    (output,) = resolved("SELECT IN_UNIT(ra, 'arcsec') FROM cat.objects").body.outputs
    assert (output.expression.operator, output.expression.right.value) == ("*", 3600.0)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("IN_UNIT(40+2, 'deg')", "takes a value whose unit is known; this one has none"),
        ("IN_UNIT(z, 'deg')", "takes a value whose unit is known; this one has none"),
        ("IN_UNIT(ra + mag_g, 'deg')", "takes a value whose unit is known; this one has none"),
        ("IN_UNIT(ra, 'foo')", "'foo' is not a unit of VOUnits (line 1, column 20)"),
        ("IN_UNIT(ra, 'kg')", "'deg' cannot be converted to 'kg' (line 1, column 20)"),
        ("IN_UNIT(survey, 'kg')", "IN_UNIT takes numbers, not text"),
    ],
)
def test_unit_conversions_that_make_no_sense_are_refused(expression, message):
    with pytest.raises(TypeMismatch) as caught:
        field_of(expression)
    assert message in str(caught.value)
