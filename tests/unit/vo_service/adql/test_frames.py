"""Frames of columns through queries: kept, changed by ivo_geom_transform, never mixed."""

import pytest

from registry.model.field import Datatype, Field, ValueType
from registry.model.table import Column, Schema, Storage, Table, TableSet
from vo_service.adql.errors import TypeMismatch
from vo_service.adql.parser import parse
from vo_service.adql.resolver import resolve

DOUBLE = ValueType(Datatype.DOUBLE)
TIME = ValueType(Datatype.CHAR, "*", "timestamp")
FK4, FK5 = "eq_FK4 equinox=B1950", "eq_FK5 equinox=J2000"


def _table(name, frame, scale=None):
    fields = (
        Field("ra", DOUBLE, "deg", "pos.eq.ra;meta.main", frame=frame),
        Field("dec", DOUBLE, "deg", "pos.eq.dec;meta.main", frame=frame),
        Field("seen", TIME, frame=scale),
    )
    columns = tuple(Column(field, f"c{i}") for i, field in enumerate(fields))
    return Table("s", name, columns, Storage(name))


TABLES = TableSet(
    (
        Schema(
            "s",
            (
                _table("fk4", FK4, "TDB refposition=BARYCENTER"),
                _table("fk5", FK5),
                _table("icrs", "ICRS", "UTC"),
                _table("mute", None),
            ),
        ),
    ),
    "1",
)


def field(query):
    return resolve(parse(query), TABLES, query).fields[0]


@pytest.mark.parametrize(
    ("query", "frame"),
    [
        ("SELECT ra FROM s.fk4", FK4),
        ("SELECT x FROM (SELECT ra AS x FROM s.fk4) AS q", FK4),
        ("WITH q AS (SELECT dec FROM s.fk4) SELECT dec FROM q", FK4),
        ("SELECT MIN(ra) FROM s.fk4", FK4),
        ("SELECT ROUND(ra, 2) FROM s.fk4", FK4),
        ("SELECT COALESCE(ra, 0) FROM s.fk4", FK4),
        ("SELECT CAST(ra AS REAL) FROM s.fk4", FK4),
        ("SELECT IN_UNIT(ra, 'rad') FROM s.fk4", FK4),
        ("SELECT ra + 0.1 FROM s.fk4", None),
        ("SELECT ra / 15 FROM s.fk4", None),
        ("SELECT ra FROM s.mute", None),
        ("SELECT ra FROM s.fk4 UNION SELECT ra FROM s.fk4", FK4),
        ("SELECT ra FROM s.fk4 UNION SELECT ra FROM s.icrs", None),
        ("SELECT COALESCE(a.ra, b.ra) FROM s.fk4 a, s.icrs b", None),
        ("SELECT POINT(ra, dec) FROM s.fk4", FK4),
        ("SELECT CIRCLE(ra, dec, 1) FROM s.fk4", FK4),
        ("SELECT CENTROID(CIRCLE(ra, dec, 1)) FROM s.fk4", FK4),
        ("SELECT COORD1(POINT(ra, dec)) FROM s.fk4", FK4),
        ("SELECT POINT(a.ra, b.dec) FROM s.fk4 a, s.icrs b", None),
        ("SELECT ivo_geom_transform('FK4', 'ICRS', POINT(ra, dec)) FROM s.fk4", "ICRS"),
        ("SELECT ivo_geom_transform('FK5', 'FK4', POINT(ra, dec)) FROM s.icrs", FK4),
        (
            "SELECT COORD1(ivo_geom_transform('ICRS', 'GALACTIC', POINT(ra, dec))) FROM s.icrs",
            "galactic",
        ),
        ("SELECT seen FROM s.fk4", "TDB refposition=BARYCENTER"),
        ("SELECT MAX(seen) FROM s.icrs", "UTC"),
        ("SELECT seen FROM s.fk5", None),
        ("SELECT seen FROM s.icrs UNION SELECT seen FROM s.fk4", None),
        ("SELECT DISTANCE(ra, dec, 1, 2) FROM s.icrs", None),
    ],
)
def test_columns_keep_their_frame_or_have_none(query, frame):
    assert field(query).frame == frame


def test_coordinates_are_called_after_their_frame():
    galactic = "ivo_geom_transform('ICRS', 'GALACTIC', POINT(ra, dec))"
    assert field(f"SELECT COORD1({galactic}) FROM s.icrs").ucd == "pos.galactic.lon"
    assert field(f"SELECT COORD2({galactic}) FROM s.icrs").ucd == "pos.galactic.lat"
    assert field("SELECT COORD2(POINT(ra, dec)) FROM s.fk4").ucd == "pos.eq.dec"


@pytest.mark.parametrize(
    "condition",
    [
        "1 = CONTAINS(POINT(ra, dec), CIRCLE(1, 2, 3))",
        "1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', 1, 2, 3))",
        "DISTANCE(ra, dec, 1, 2) < 3",
        "1 = INTERSECTS(CIRCLE(ra, dec, 1), POLYGON(1, 2, 3, 4, 5, 7))",
        "1 = CONTAINS(POINT(ra, dec), MOC('0/5-7'))",
        "COORD1(ivo_geom_transform('ICRS', 'GALACTIC', POINT(ra, dec))) > 0",
        "DISTANCE(POINT(ra, dec), ivo_geom_transform('FK4', 'ICRS', POINT(ra, dec))) < 1",
    ],
)
def test_positions_of_another_frame_are_not_compared_with_icrs(condition):
    query = f"SELECT ra FROM s.fk4 WHERE {condition}"
    with pytest.raises(TypeMismatch, match=r"eq_FK4 equinox=B1950"):
        resolve(parse(query), TABLES, query)


def test_tables_of_different_frames_are_not_joined_by_position():
    query = "SELECT a.ra FROM s.fk4 a JOIN s.icrs b ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < 0.1"
    with pytest.raises(TypeMismatch, match="bring them together with ivo_geom_transform"):
        resolve(parse(query), TABLES, query)


@pytest.mark.parametrize(
    ("table", "condition"),
    [
        ("fk5", "1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE(1, 2, 3))"),
        ("mute", "1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE(1, 2, 3))"),
        ("fk4", "DISTANCE(ivo_geom_transform('FK4', 'ICRS', POINT(ra, dec)), POINT(1, 2)) < 3"),
        ("fk4", "DISTANCE(POINT(ra, dec), ivo_geom_transform('ICRS', 'FK4', POINT(1, 2))) < 3"),
        ("fk4", "DISTANCE(ra, dec, ra, dec) < 3"),
    ],
)
def test_positions_that_go_together_are_compared(table, condition):
    query = f"SELECT ra FROM s.{table} WHERE {condition}"
    assert resolve(parse(query), TABLES, query).fields[0].name == "ra"
