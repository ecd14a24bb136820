"""Random expressions and queries on the embedded engine.

Expressions have the value that numpy gives; whatever the resolver accepts, the engine runs; and
no text of a user is ever in the SQL.
"""

from __future__ import annotations

import contextlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sky import publish_sky

from registry import tap_schema
from vo_service.adql.errors import AdqlError
from vo_service.adql.parser import parse
from vo_service.adql.resolver import resolve
from vo_service.engines.base import EngineError
from vo_service.engines.duckdb.engine import DuckdbEngine
from vo_service.engines.duckdb.instance import DuckdbInstance
from vo_service.engines.duckdb.store import DuckdbTableStore

ROWS = 50
SETTINGS = settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("engine")


@pytest.fixture(scope="module")
def sky(home):
    (home / "tables").mkdir()
    (home / "staging").mkdir()
    store = DuckdbTableStore(home / "tables")
    return publish_sky(store, home / "staging", {"t": ROWS, "u": 20})


@pytest.fixture(scope="module")
def engine(home, sky):
    made = DuckdbEngine(
        lambda: DuckdbInstance(
            home / "tables",
            home / "temporary",
            memory_limit_bytes=2**29,
            temporary_limit_bytes=2**29,
            threads=1,
        )
    )
    with contextlib.closing(made):
        yield made


@pytest.fixture(scope="module")
def run(engine, sky):
    rows = tap_schema.rows(sky.tables)

    def run(adql) -> pa.Table:
        query = resolve(parse(adql), sky.tables, adql)
        statement = engine.translate(query, 100)
        used = {t.storage.relation for t in query.tables if t.storage.file is None}
        with contextlib.closing(
            engine.execute(statement, {name: rows[name] for name in used}, 5.0)
        ) as execution:
            return pa.Table.from_batches(
                list(execution), pa.schema([field.arrow for field in query.fields])
            )

    return run


@pytest.fixture(scope="module")
def asked(engine, sky, run):
    return engine, sky, run


# ------------------------------------------------------------------ the same value as numpy
# An expression is its text, and a function from columns to doubles in which NaN is NULL.
# Whole numbers stay far below 2**53.


def column(name):
    return name, lambda data: data[name]


def literal(number):
    return repr(number), lambda data: np.full(ROWS, float(number))


def unary(template, function):
    def build(inner):
        text, compute = inner
        return template.format(text), lambda data: function(compute(data))

    return build


def binary(template, function):
    def build(left, right):
        (a, first), (b, second) = left, right
        return template.format(a, b), lambda data: function(first(data), second(data))

    return build


def half_away(x):
    return np.where(np.isnan(x), np.nan, np.sign(x) * np.floor(np.abs(x) + 0.5))


def divided(a, b):
    return np.where(b == 0, np.nan, a / np.where(b == 0, 1, b))


def remainder(a, b):
    return np.where(b == 0, np.nan, np.fmod(a, np.where(b == 0, 1, b)))


def logarithm(function):
    return lambda x: np.where(x > 0, function(np.where(x > 0, x, 1)), np.nan)


wholes = st.recursive(
    st.one_of(st.just(column("n")), st.integers(0, 9).map(literal)),
    lambda inner: st.one_of(
        st.builds(binary("({} + {})", np.add), inner, inner),
        st.builds(binary("({} - {})", np.subtract), inner, inner),
        st.builds(binary("({} * {})", np.multiply), inner, inner),
        st.builds(binary("({} / {})", lambda a, b: np.trunc(divided(a, b))), inner, inner),
        st.builds(binary("MOD({}, {})", remainder), inner, inner),
        st.builds(unary("(- {})", np.negative), inner),
        st.builds(unary("ABS({})", np.abs), inner),
    ),
    max_leaves=5,
)
floats = st.recursive(
    st.one_of(
        st.sampled_from(["ra", "dec", "z", "mag"]).map(column),
        st.floats(0, 100).map(literal),
        # Whole numbers have no negative zero.
        wholes.map(
            lambda whole: (
                f"CAST({whole[0]} AS DOUBLE PRECISION)",
                lambda data: whole[1](data) + 0.0,
            )
        ),
    ),
    lambda inner: st.one_of(
        st.builds(binary("({} + {})", np.add), inner, inner),
        st.builds(binary("({} - {})", np.subtract), inner, inner),
        st.builds(binary("({} * {})", np.multiply), inner, inner),
        st.builds(binary("({} / {})", divided), inner, inner),
        st.builds(binary("ATAN2({}, {})", np.arctan2), inner, inner),
        st.builds(
            binary("COALESCE({}, {})", lambda a, b: np.where(np.isnan(a), b, a)), inner, inner
        ),
        st.builds(unary("ABS({})", np.abs), inner),
        st.builds(unary("SQRT({})", np.sqrt), inner),
        st.builds(unary("LOG({})", logarithm(np.log)), inner),
        st.builds(unary("LOG10({})", logarithm(np.log10)), inner),
        st.builds(unary("EXP(ATAN({}))", lambda x: np.exp(np.arctan(x))), inner),
        st.builds(unary("COS(ATAN({}))", lambda x: np.cos(np.arctan(x))), inner),
        st.builds(unary("ASIN({})", np.arcsin), inner),
        st.builds(unary("RADIANS({})", np.radians), inner),
        st.builds(unary("DEGREES({})", np.degrees), inner),
    ),
    max_leaves=6,
)


def columns_of(table):
    data = {}
    for name in ("ra", "dec", "z", "mag", "n"):
        data[name] = table[name].cast(pa.float64()).to_numpy(zero_copy_only=False).copy()
    return data


@SETTINGS
@given(st.one_of(floats, wholes))
def test_expressions_have_the_value_of_numpy(run, sky, expression):
    text, compute = expression
    found = run(f"SELECT {text} FROM sky.t ORDER BY id").column(0)
    found = found.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    with np.errstate(all="ignore"):
        expected = compute(columns_of(sky.rows["t"]))
    expected = np.where(np.isfinite(expected), expected, np.nan)
    # Differences of nearly equal numbers keep the rounding of their terms.
    near = np.isclose(found, expected, rtol=1e-9, atol=1e-9, equal_nan=True)
    far = np.abs(expected) > 1e12
    unsteady = np.isnan(found) != np.isnan(expected)
    assert (near | far).all() or unsteady.sum() == 0, text


@SETTINGS
@given(floats, st.sampled_from(["FLOOR", "CEILING", "ROUND", "TRUNCATE"]))
def test_rounding_is_that_of_numpy(run, sky, expression, name):
    functions = {"FLOOR": np.floor, "CEILING": np.ceil, "ROUND": half_away, "TRUNCATE": np.trunc}
    text, compute = expression
    found = run(f"SELECT {name}({text}) FROM sky.t ORDER BY id").column(0)
    found = found.to_numpy(zero_copy_only=False)
    with np.errstate(all="ignore"):
        inner = compute(columns_of(sky.rows["t"]))
        expected = functions[name](inner)
        # At a step the last digit of the argument decides.
        step = np.abs(inner * 2 - np.round(inner * 2)) < 1e-6
    sure = np.isfinite(expected) & ~step & (np.abs(inner) < 1e6)
    assert (found[sure] == expected[sure]).all(), text


# ------------------------------------------------------- what is accepted is also printed right
NUMBERS = ["ra", "dec", "z", "mag", "n", "id", "1", "0.5", "-3", "NULL", "12345678901"]
TEXTS = ["name", "'a'", "'µ'", "'10 20'", "NULL"]
numbers = st.deferred(
    lambda: st.one_of(
        st.sampled_from(NUMBERS),
        st.sampled_from(NUMBERS),
        st.builds("({} {} {})".format, numbers, st.sampled_from("+-*/"), numbers),
        st.builds(
            "{}({})".format,
            st.sampled_from(
                ["ABS", "SQRT", "LOG", "FLOOR", "SIN", "EXP", "ROUND", "COT", "DEGREES"]
            ),
            numbers,
        ),
        st.builds(
            "{}({}, {})".format, st.sampled_from(["MOD", "POWER", "ATAN2"]), numbers, numbers
        ),
        st.builds("COALESCE({}, {})".format, numbers, numbers),
        st.builds("CAST({} AS {})".format, numbers, st.sampled_from(["REAL", "BIGINT", "INTEGER"])),
        st.builds("AREA({})".format, shapes),
        st.builds("COORD{}({})".format, st.sampled_from("12"), points),
        st.builds("DISTANCE({}, {})".format, points, points),
        st.builds(
            "{}({}, {})".format, st.sampled_from(["CONTAINS", "INTERSECTS"]), shapes, regions
        ),
        st.builds("ivo_healpix_index({}, {})".format, st.sampled_from("058"), points),
        st.builds("ivo_interval_overlaps({}, {}, {}, 5)".format, numbers, numbers, numbers),
        st.builds("ivo_hasword({}, {})".format, texts, texts),
        st.builds("ivo_hashlist_has({}, {})".format, texts, texts),
        st.builds("ivo_nocasematch({}, {})".format, texts, texts),
        st.builds("ivo_hms_to_degrees({})".format, texts),
        st.builds("pz_pdf_mean(pdf, {}, {})".format, numbers, numbers),
        st.builds("pz_pdf_quantile(pdf, 0, 1, {})".format, numbers),
        st.sampled_from(
            ["ivo_to_mjd(seen)", "RAND()", "RAND(3)", "pz_pdf_integral(pdf, pdf, 0, 1)"]
        ),
    )
)
texts = st.deferred(
    lambda: st.one_of(
        st.sampled_from(TEXTS),
        st.builds(
            "({} || {})".format, st.sampled_from(["name", "'a'"]), st.sampled_from(TEXTS[:3])
        ),
        st.builds("UPPER({})".format, texts),
        st.builds("CAST({} AS VARCHAR)".format, numbers),
    )
)
points = st.deferred(
    lambda: st.one_of(
        st.sampled_from(["POINT(ra, dec)", "POINT(150, 2.2)", "POINT('ICRS', ra, 0)"]),
        st.builds("POINT({}, {})".format, numbers, numbers),
        st.builds("CENTROID({})".format, shapes),
        st.builds("ivo_healpix_center(3, {})".format, st.sampled_from(["n", "id", "5"])),
        st.builds("ivo_geom_transform('ICRS', 'GALACTIC', {})".format, points),
        st.builds("ivo_epoch_prop_pos(ra, dec, {}, 1, 1, z, 2000, 2016)".format, numbers),
    )
)
regions = st.deferred(
    lambda: st.one_of(
        st.sampled_from(["REGION('Box 150 2 1 1')", "POLYGON(149, 1, 151, 1, 150, 3)"]),
        st.builds("CIRCLE({}, {})".format, points, numbers),
        st.builds("BOX({}, {}, 2)".format, points, numbers),
        st.builds("POLYGON({}, {}, {})".format, points, points, points),
        st.builds("ivo_geom_transform('FK4', 'ICRS', {})".format, regions),
    )
)
shapes = st.one_of(points, regions)
conditions = st.one_of(
    st.builds("{} {} {}".format, numbers, st.sampled_from(["<", "=", ">=", "<>"]), numbers),
    st.builds("{} BETWEEN {} AND {}".format, numbers, numbers, numbers),
    st.builds("{} IN ({}, {})".format, numbers, numbers, numbers),
    st.builds("{} NOT LIKE {}".format, texts, texts),
    st.builds("{} IS NULL".format, st.one_of(numbers, texts, shapes)),
    st.builds("DISTANCE({}, POINT(ra, dec)) < {}".format, points, numbers),
    st.builds("1 = CONTAINS({}, {})".format, points, regions),
    st.builds("1 = CONTAINS({}, MOC('3/1-99 5/4000'))".format, points),
    st.builds("id IN (SELECT id FROM sky.u WHERE {} < 3)".format, numbers),
)
filters = st.one_of(
    conditions,
    st.builds("({}) AND NOT ({})".format, conditions, conditions),
    st.builds("({}) OR ({})".format, conditions, conditions),
)
values = st.one_of(numbers, texts, points, regions)
sources = st.sampled_from(
    [
        "sky.t",
        "(SELECT * FROM sky.t) AS s",
        "(SELECT * FROM sky.t WHERE z < 1) AS s",
        "sky.t NATURAL JOIN (SELECT id FROM sky.u) AS s",
        "sky.t LEFT JOIN (SELECT ra a, dec d, z r FROM sky.u) s ON DISTANCE(ra, dec, a, d) < r",
    ]
)
queries = st.one_of(
    st.builds("SELECT {}, {} FROM {} WHERE {}".format, values, values, sources, filters),
    st.builds("SELECT DISTINCT {} FROM {} WHERE {}".format, numbers, sources, filters),
    st.builds("SELECT id FROM {} ORDER BY {} DESC, id OFFSET 3".format, sources, numbers),
    st.builds(
        "SELECT {0} AS k, COUNT(*), MEDIAN({1}), STDDEV({1}), ivo_histogram({1}, 0, 1, 3),"
        " ivo_string_agg(name, '+'), AVG({1}) FROM {2} GROUP BY {0} HAVING COUNT(*) > 0".format,
        numbers,
        numbers,
        sources,
    ),
    st.builds(
        "WITH w AS (SELECT * FROM {}) SELECT {} FROM w WHERE {}".format,
        st.just("sky.t"),
        values,
        filters,
    ),
    st.builds("SELECT {} FROM sky.t UNION SELECT {} FROM sky.u".format, numbers, numbers),
)


@settings(SETTINGS, max_examples=120)
@given(queries)
def test_what_is_accepted_runs(run, query):
    # Data may make a query fail (overflow, a text that is no number); any other error is ours.
    assume(len(query) < 600)
    with contextlib.suppress(AdqlError, EngineError):
        run(query)


MARKER = "zqx"
hostile = st.text(alphabet="zqx'\";-/*\\ \n(){}$%?:@#", max_size=12).map(lambda t: MARKER + t)


@settings(SETTINGS, max_examples=80)
@given(hostile, hostile, st.booleans())
def test_no_text_of_a_user_is_in_the_sql(asked, text, name, quoted):
    engine, sky, run = asked
    literal = text.replace("'", "''") if quoted else text
    alias = name.replace('"', '""') if quoted else name
    adql = (
        f'SELECT \'{literal}\' AS "{alias}", name FROM (SELECT ra AS "{alias}", name FROM sky.u)'
        f" AS \"{alias}\" WHERE name <> '{literal}' AND name NOT LIKE '{literal}'"
    )
    try:
        query = resolve(parse(adql), sky.tables, adql)
    except AdqlError:
        return
    assert MARKER not in engine.translate(query).sql
    found = run(adql)
    assert found.num_rows == 20 or not quoted
    if quoted:
        assert set(found.column(0).to_pylist()) == {text}


@settings(SETTINGS, max_examples=80)
@given(queries, st.data())
def test_broken_queries_end_in_an_error_of_ours(run, query, data):
    assume(len(query) < 600)
    start = data.draw(st.integers(0, len(query)))
    end = data.draw(st.integers(start, min(len(query), start + 5)))
    junk = data.draw(st.text(max_size=4))
    with contextlib.suppress(AdqlError, EngineError):
        run(query[:start] + junk + query[end:])
