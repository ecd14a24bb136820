"""Examples: only what exists, in ADQL 2.0, with the markup that clients read."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pytest

from registry.healpix import covered_place
from registry.ingestion.positions import PositionScan
from registry.model.field import Datatype, Field, ValueType
from registry.model.table import Column, ForeignKey, Position, Schema, Storage, Table, TableSet
from registry.tap_schema import with_tap_schema
from vo_service.adql.parser import parse
from vo_service.tap.example_page import render
from vo_service.tap.examples import Example, examples

XHTML = "{http://www.w3.org/1999/xhtml}"
TYPES = {
    "double": ValueType(Datatype.DOUBLE),
    "long": ValueType(Datatype.LONG),
    "text": ValueType(Datatype.CHAR, "*"),
    "pdf": ValueType(Datatype.FLOAT, "200"),
}

ID = ("id", "long", "meta.id;meta.main")
RA = ("ra", "double", "pos.eq.ra;meta.main")
DEC = ("dec", "double", "pos.eq.dec;meta.main")
Z = ("z", "double", "src.redshift")
SCHEMA_IDS = ["redshift-columns", "tables-with-positions"]


def make(schema_name, *columns, position=False, name="p1_t", keys=()):
    made = tuple(
        Column(Field(column, TYPES[kind], ucd=ucd), f"c{number}")
        for number, (column, kind, ucd) in enumerate(columns)
    )
    physical = {c.field.ucd: c.physical for c in made}
    where = Position(physical[RA[2]], physical[DEC[2]], "hpx") if position else None
    storage = Storage(f"{schema_name}_{name}", "file")
    coverage = "10/5000000" if position else None
    return Table(
        schema_name, name, made, storage, position=where, coverage=coverage, foreign_keys=keys
    )


def snapshot(*tables):
    schemas = {}
    for table in tables:
        schemas.setdefault(table.schema_name, []).append(table)
    return with_tap_schema([Schema(name, tuple(own)) for name, own in schemas.items()], "v1")


def queries(*tables, **options):
    return {e.id: e.query for e in examples(snapshot(*tables), **options)}


@pytest.fixture
def everything():
    return snapshot(
        make("redshift_catalog", ID, RA, DEC, Z, position=True),
        make(
            "object_catalog",
            ("ID", "long", "meta.id;meta.main"),
            RA,
            DEC,
            ("u.mag", "double", "phot.mag;em.opt.U"),
            ("u_err", "double", "stat.error;phot.mag;em.opt.U"),
            ("mag_g", "double", "phot.mag;em.opt.B"),
            ("mag_r", "double", "phot.mag;em.opt.R"),
            position=True,
        ),
        make(
            "photoz_estimates",
            ID,
            ("pdf", "pdf", "src.redshift.phot"),
            ("z_err", "double", "stat.error;src.redshift.phot"),
            ("z_mode", "double", "src.redshift.phot;stat.max"),
            ("z best", "double", "src.redshift.phot;meta.main"),
        ),
        make("pz", ("product", "text", "meta.id"), name="products"),
    )


def test_nothing_published_leaves_the_examples_of_tap_schema():
    assert list(queries()) == SCHEMA_IDS


def test_no_tables_at_all_give_no_examples():
    assert examples(TableSet((), "v0")) == []


def test_every_role_has_its_example(everything):
    assert [e.id for e in examples(everything)] == [
        "redshift-range",
        "redshift-histogram",
        "redshift-distributions",
        "cone-search",
        "nearest-neighbours",
        "own-positions",
        "crossmatch",
        "colour-cut",
        "products",
        *SCHEMA_IDS,
    ]


def test_a_table_without_meaning_has_no_example():
    assert list(queries(make("other", ("a", "double", None), ("b", "text", None)))) == SCHEMA_IDS


def test_redshifts_are_those_of_photoz_estimates_first(everything):
    found = {e.id: e for e in examples(everything)}
    chosen = found["redshift-range"]
    assert chosen.tables == ("photoz_estimates.p1_t",)
    assert chosen.query == (
        'SELECT TOP 100 id, "z best"\nFROM photoz_estimates.p1_t\n'
        'WHERE "z best" BETWEEN 0.5 AND 0.6'
    )
    assert 'FLOOR("z best" * 10) / 10.0 AS z_bin' in found["redshift-histogram"].query


def test_a_cone_looks_where_the_table_has_rows():
    found = queries(make("object_catalog", ID, RA, DEC, position=True))
    lon, lat, radius = covered_place("10/5000000")
    assert radius < 0.1
    circle = f"CIRCLE('ICRS', {lon:.6f}, {lat:.6f}, 0.1)"
    assert found["cone-search"] == (
        "SELECT TOP 1000 id, ra, dec\nFROM object_catalog.p1_t\nWHERE 1 = CONTAINS("
        f"POINT('ICRS', ra, dec), {circle})"
    )
    assert f"POINT('ICRS', {lon:.6f}, {lat:.6f})" in found["nearest-neighbours"]
    assert f"{lon:.6f} AS ra, {lat:.6f} AS dec" in found["own-positions"]


@pytest.mark.parametrize(
    ("ra", "dec"), [(30.0, -40.0), (150.1, 2.2), (359.99, 89.0), (0.01, -89.9), (200.0, 0.0)]
)
def test_the_place_of_a_coverage_is_near_its_rows(ra, dec):
    scan = PositionScan("ra", "dec")
    scan.see(pa.array([ra]), pa.array([dec]))
    lon, lat, radius = covered_place(scan.coverage())
    a, b = np.radians([lon, lat]), np.radians([ra, dec])
    cosine = np.sin(a[1]) * np.sin(b[1]) + np.cos(a[1]) * np.cos(b[1]) * np.cos(a[0] - b[0])
    assert np.degrees(np.arccos(min(1.0, cosine))) < max(radius, 0.1)


def test_places_are_of_the_finest_cells():
    assert covered_place("6/1-10 12 7/54")[:2] == covered_place("7/54-55")[:2]
    assert covered_place("") is None
    assert covered_place("5/") is None


def test_a_position_without_index_has_no_cone():
    assert "cone-search" not in queries(make("object_catalog", ID, RA, DEC))


def test_a_colour_takes_g_and_r_where_they_exist(everything):
    query = next(e.query for e in examples(everything) if e.id == "colour-cut")
    assert "mag_g - mag_r BETWEEN 0.5 AND 1.5 AND mag_r < 24" in query


def test_a_colour_takes_other_bands_otherwise():
    table = make(
        "training_set",
        ("u", "double", "phot.mag;em.opt.U"),
        ("i", "double", "phot.mag;em.opt.I"),
    )
    assert "u - i AS colour_mag" in queries(table)["colour-cut"]


@pytest.mark.parametrize(
    "columns",
    [
        (("u", "double", "phot.mag;em.opt.U"),),
        (("u", "double", "phot.mag;em.opt.U"), ("u2", "double", "phot.mag;em.opt.U")),
        (("u", "double", "phot.mag;em.opt.U"), ("e", "double", "stat.error;phot.mag;em.opt.R")),
        (("u", "double", "phot.mag;em.opt.U"), ("i", "text", "phot.mag;em.opt.I")),
    ],
)
def test_one_band_makes_no_colour(columns):
    assert "colour-cut" not in queries(make("object_catalog", *columns))


def test_related_tables_are_joined_by_identifier():
    key = ForeignKey("k", "redshift_catalog.p1_t", (("id", "id"),))
    tables = (make("redshift_catalog", ID, Z), make("object_catalog", ID, keys=(key,)))
    assert queries(*tables)["join-by-identifier"] == (
        "SELECT TOP 100 a.id, b.z\nFROM object_catalog.p1_t AS a\n"
        "JOIN redshift_catalog.p1_t AS b ON a.id = b.id"
    )


def test_unrelated_tables_are_never_joined_by_identifier():
    assert "join-by-identifier" not in queries(
        make("redshift_catalog", ID, Z), make("object_catalog", ID)
    )


@pytest.mark.parametrize(
    "other",
    [
        ("id", "text", "meta.id;meta.main"),
        ("object", "long", "meta.id;meta.main"),
        ("id", "long", "meta.id"),
    ],
)
def test_unlike_identifiers_are_not_joined(other):
    tables = (make("redshift_catalog", ID, Z), make("object_catalog", other))
    assert "join-by-identifier" not in queries(*tables)


def test_only_tables_of_the_set_are_read(everything):
    known = {table.name for table in everything}
    for example in examples(everything):
        read = re.findall(r"(?:FROM|JOIN) ([A-Za-z_]\w*\.\w+)", example.query)
        assert set(read) == set(example.tables)
        assert set(read) <= known


def test_every_query_is_understood_by_the_service(everything):
    for example in examples(everything):
        parse(example.query)


def test_the_document_has_the_markup_of_dali(everything):
    chosen = examples(everything)
    root = ET.fromstring(render(chosen))
    assert [e for e in root.iter() if "vocab" in e.attrib] == [root.find(f"{XHTML}body")]
    assert root.find(f"{XHTML}body").get("vocab") == "http://www.ivoa.net/rdf/examples#"
    shown = [e for e in root.iter() if e.get("typeof") == "example"]
    assert [e.get("id") for e in shown] == [e.id for e in chosen]
    for element, example in zip(shown, chosen, strict=True):
        assert element.get("resource") == f"#{example.id}"
        assert re.fullmatch(r"[A-Za-z_][\w.-]*", example.id)
        properties = [(p.get("property"), p) for p in element.iter() if p.get("property")]
        assert all(len(p) == 0 for _, p in properties)
        assert [p.text for kind, p in properties if kind == "name"] == [example.name]
        assert [p.text for kind, p in properties if kind == "query"] == [example.query]
        assert [p.text for kind, p in properties if kind == "table"] == list(example.tables)


def test_signs_of_markup_survive_in_names_and_queries():
    odd = Example(
        "odd", "a < b & c", "<i>", ('x."<t>"',), "SELECT 1 FROM t WHERE a < 2 AND b > '&'"
    )
    root = ET.fromstring(render([odd]))
    texts = {e.get("property"): e.text for e in root.iter() if e.get("property")}
    assert texts == {"name": odd.name, "table": odd.tables[0], "query": odd.query}


def test_no_examples_still_make_a_document():
    ET.fromstring(render([]))
