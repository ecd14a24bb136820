"""Random queries over random data: both engines give the same rows, or refuse alike.

Floating numbers agree to 1e-12 of their size. Functions for which libraries may differ in the last
digit stand outermost only, so that no difference, rounding or comparison makes more of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pyarrow as pa
import pytest
from engines import DuckdbBackend, PostgresBackend, answer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sky import publish_sky

from vo_service.adql.errors import AdqlError
from vo_service.adql.functions import FUNCTIONS
from vo_service.engines.base import QueryRejected

pytestmark = pytest.mark.postgres

SIZES = {"t": 60, "u": 25}
SETTINGS = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)

RANDOM = {"RAND", "IVO_NORMAL_RANDOM"}


@pytest.fixture(scope="module")
def both(
    tmp_path_factory, postgres_server
) -> Callable[[str], tuple[pa.Table | str, pa.Table | str]]:
    backends = (
        DuckdbBackend(tmp_path_factory.mktemp("engine")),
        PostgresBackend(postgres_server),
    )
    skies = [publish_sky(b.store, tmp_path_factory.mktemp("staging"), SIZES) for b in backends]

    def ask(adql: str) -> tuple[pa.Table | str, pa.Table | str]:
        first, second = (
            _answered(backend, sky, adql) for backend, sky in zip(backends, skies, strict=True)
        )
        return first, second

    yield ask
    for backend in backends:
        backend.close()


def _answered(backend, sky, adql):
    try:
        return answer(backend.processor, sky, adql)
    except QueryRejected:
        return "rejected"


# ------------------------------------------------------------------------------- comparison


def rounded(value):
    """Give a key for sorting that small differences do not change."""
    if isinstance(value, float):
        return (1, f"{value + 0.0:.8e}")
    if isinstance(value, list):
        return (2, *map(rounded, value))
    return (0, value is None, str(value))


def close(first, second) -> bool:
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(close, first, second))
    if isinstance(first, float) and isinstance(second, float):
        return first == second or math.isclose(first, second, rel_tol=1e-12, abs_tol=1e-14)
    return first == second and type(first) is type(second)


def rows_of(table: pa.Table, *, ordered: bool):
    rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return rows if ordered else sorted(rows, key=lambda row: tuple(map(rounded, row)))


def assert_same(both, adql: str) -> None:
    first, second = both(adql)
    if isinstance(first, str) or isinstance(second, str):
        assert first == second, adql
        return
    assert first.schema.equals(second.schema, check_metadata=True)
    ordered = "ORDER BY" in adql
    one, other = rows_of(first, ordered=ordered), rows_of(second, ordered=ordered)
    assert len(one) == len(other), adql
    for left, right in zip(one, other, strict=True):
        assert all(map(close, left, right)), (adql, left, right)


# --------------------------------------------------------------------------------- queries

INTEGERS = st.sampled_from(["-3", "-1", "0", "1", "2", "7", "10", "2147483648"])
DOUBLES = st.sampled_from(["-2.5", "0.0", "0.5", "1.5", "2.345", "1e3", "1e-5", "-1e10"])
TEXTS = st.sampled_from(["''", "'obj 3'", "'Obj 3'", "'é'", "'%'", "'a_b'", "'\\'", "'10'"])


def _integer(inner):
    pair = st.tuples(inner, inner)
    return st.one_of(
        pair.flatmap(
            lambda p: st.sampled_from("+-*/").map(lambda op: f"({p[0]} {op} {p[1]})")
        ),
        pair.map(lambda p: f"MOD({p[0]}, {p[1]})"),
        inner.flatmap(
            lambda x: st.sampled_from(["ABS({})", "FLOOR({})", "ROUND({})", "ROUND({}, -1)",
                                       "TRUNCATE({}, -1)", "COALESCE({}, 5)",
                                       "CAST({} AS BIGINT)", "-({})"])
            .map(lambda form: form.format(x))
        ),
    )  # fmt: skip


INTEGER = st.recursive(
    st.one_of(INTEGERS, st.sampled_from(["t.n", "t.n", "CAST(t.z * 3 AS INTEGER)"])),
    _integer,
    max_leaves=5,
)


def _exact(inner):
    pair = st.tuples(inner, inner)
    return st.one_of(
        pair.flatmap(
            lambda p: st.sampled_from("+-*/").map(lambda op: f"({p[0]} {op} {p[1]})")
        ),
        inner.flatmap(
            lambda x: st.sampled_from(["ABS({})", "FLOOR({})", "CEILING({})", "ROUND({})",
                                       "TRUNCATE({})", "SQRT({})", "COALESCE({}, 0.25)",
                                       "CAST({} AS REAL)", "-({})", "RADIANS({})"])
            .map(lambda form: form.format(x))
        ),
        pair.map(lambda p: f"MOD({p[0]}, {p[1]})"),
    )  # fmt: skip


DOUBLE = st.recursive(
    st.one_of(DOUBLES, st.sampled_from(["t.z", "t.z", "t.ra", "t.dec", "t.mag"]), INTEGER),
    _exact,
    max_leaves=5,
)

INEXACT = st.sampled_from(
    ["SIN({})", "COS({})", "TAN({})", "ASIN({})", "ACOS({})", "ATAN({})", "EXP({})", "LOG({})",
     "LOG10({})", "COT({})", "DEGREES({})", "POWER({}, 3)", "POWER({}, 0.5)", "ROUND({}, 2)",
     "TRUNCATE({}, 1)", "ATAN2({}, 2)", "DISTANCE({}, t.dec, t.ra, 5)", "COORD1(POINT({}, 5))",
     "CAST(CAST(ROUND({}) AS REAL) AS VARCHAR(30))"]
)  # fmt: skip

TEXT = st.recursive(
    st.one_of(TEXTS, st.sampled_from(["t.name", "CAST(t.n AS VARCHAR)", "CAST(t.z AS VARCHAR)",
                                      "CAST(t.mag AS VARCHAR)", "CAST(t.seen AS VARCHAR)",
                                      "CAST(t.good AS VARCHAR)"])),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(" || ".join).map("({})".format),
        inner.flatmap(
            lambda x: st.sampled_from(["LOWER({})", "UPPER({})", "CAST({} AS CHAR(4))",
                                       "CAST({} AS VARCHAR(3))", "COALESCE({}, 'none')"])
            .map(lambda form: form.format(x))
        ),
    ),
    max_leaves=3,
)  # fmt: skip

VALUE = st.one_of(INTEGER, DOUBLE, TEXT, st.builds(str.format, INEXACT, DOUBLE))

COMPARISON = st.one_of(
    st.tuples(DOUBLE, st.sampled_from(["=", "<>", "<", ">="]), DOUBLE).map(" ".join),
    st.tuples(TEXT, st.sampled_from(["=", "<", "LIKE", "ILIKE", "NOT LIKE"]), TEXT).map(" ".join),
    st.tuples(DOUBLE, DOUBLE, DOUBLE).map(lambda p: f"{p[0]} BETWEEN {p[1]} AND {p[2]}"),
    st.tuples(INTEGER, INTEGERS, INTEGERS).map(lambda p: f"{p[0]} NOT IN ({p[1]}, {p[2]})"),
    st.sampled_from(["t.z IS NULL", "t.mag IS NOT NULL", "t.pdf IS NULL"]),
    st.sampled_from(
        ["t.good = 1", "t.good <> 'true'", "t.seen > '2025-01-05'",
         "t.n IN (SELECT u.n FROM sky.u AS u WHERE u.z > t.z)",
         "EXISTS (SELECT u.id FROM sky.u AS u WHERE u.id = t.id)",
         "DISTANCE(t.ra, t.dec, 150, 2.2) < 30",
         "1 = CONTAINS(POINT(t.ra, t.dec), CIRCLE(0, 90, 20))",
         "1 = CONTAINS(POINT(t.ra, t.dec), POLYGON(140, -10, 160, -10, 150, 20))",
         "1 = CONTAINS(POINT(t.ra, t.dec), BOX(0, -80, 300, 15))",
         "1 = INTERSECTS(CIRCLE(t.ra, t.dec, t.z), BOX(150, 2, 4, 4))",
         "1 = CONTAINS(POINT(t.ra, t.dec), MOC('0/0-3 2/100'))"]
    ),
)  # fmt: skip

CONDITION = st.recursive(
    COMPARISON,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: f"({p[0]} AND {p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]} OR {p[1]})"),
        inner.map("NOT ({})".format),
    ),
    max_leaves=3,
)

AGGREGATE = st.one_of(
    st.tuples(
        st.sampled_from(["SUM({})", "AVG({})", "MIN({})", "MAX({})", "COUNT({})", "STDDEV({})",
                         "VARIANCE({})", "MEDIAN({})", "COUNT(DISTINCT {})", "SUM(DISTINCT {})",
                         "pz_quantile({}, 0.3)", "ivo_histogram({}, 0, 2, 3)"]),
        st.sampled_from(["t.z", "t.mag", "t.n", "t.ra", "t.z * t.n", "SQRT(t.z)"]),
    ).map(lambda p: p[0].format(p[1])),
    st.sampled_from(
        ["MIN(t.name)", "MAX(t.name || 'x')", "MIN(t.seen)", "COUNT(*)", "COUNT(t.pdf)",
         "ivo_string_agg(t.name, ', ')", "MAX(t.id)"]
    ),
)  # fmt: skip


@SETTINGS
@given(st.lists(VALUE, min_size=1, max_size=3), CONDITION)
def test_values_and_conditions(both, values, condition):
    listed = ", ".join(f"{value} AS v{i}" for i, value in enumerate(values))
    _compare(both, f"SELECT id, {listed} FROM sky.t AS t WHERE {condition}")


@SETTINGS
@given(st.lists(AGGREGATE, min_size=1, max_size=3), st.one_of(st.none(), INTEGER, TEXT), CONDITION)
def test_groups(both, aggregates, key, condition):
    listed = ", ".join(f"{value} AS v{i}" for i, value in enumerate(aggregates))
    adql = f"SELECT {listed} FROM sky.t AS t WHERE {condition}"
    if key is not None:
        adql = adql.replace("SELECT ", f"SELECT {key} AS k, ") + f" GROUP BY {key}"
    _compare(both, adql)


@SETTINGS
@given(
    st.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]),
    st.sampled_from(["t.n = u.n", "t.id = u.id", "t.z < u.z / 2", "t.name > u.name AND t.n = 1",
                     "DISTANCE(t.ra, t.dec, u.ra, u.dec) < 3",
                     "DISTANCE(t.ra, t.dec, u.ra, u.dec) < 0.1 AND t.n <> u.n",
                     "1 = CONTAINS(POINT(u.ra, u.dec), CIRCLE(t.ra, t.dec, t.z))",
                     "DISTANCE(t.ra, t.dec, u.ra, u.dec) < u.z * 10"]),
    CONDITION,
    st.lists(VALUE, min_size=1, max_size=2),
)  # fmt: skip
def test_joins(both, kind, on, condition, values):
    listed = ", ".join(f"{value} AS v{i}" for i, value in enumerate(values))
    _compare(
        both,
        f"SELECT t.id AS a, u.id AS b, {listed} FROM sky.t AS t {kind} sky.u AS u ON {on}"
        f" WHERE ({condition}) OR t.id IS NULL",
    )


@SETTINGS
@given(
    st.sampled_from(["UNION", "UNION ALL", "EXCEPT", "EXCEPT ALL", "INTERSECT", "INTERSECT ALL"]),
    st.one_of(st.tuples(INTEGER, DOUBLE), st.tuples(TEXT, TEXT), st.tuples(DOUBLE, INTEGER)),
)
def test_set_operations(both, kind, pair):
    first, second = pair
    _compare(
        both,
        f"SELECT {first} AS v FROM sky.t AS t {kind} SELECT {second} AS v FROM sky.u AS t",
    )


@SETTINGS
@given(
    st.lists(VALUE, min_size=1, max_size=2),
    st.tuples(
        st.one_of(INTEGER, TEXT, st.sampled_from(["t.z", "t.mag", "t.seen"])),
        st.sampled_from(["ASC", "DESC"]),
    ),
    st.tuples(st.integers(0, 10), st.integers(0, 10)),
)
def test_order_top_and_offset(both, values, order, window):
    (key, direction), (top, offset) = order, window
    listed = ", ".join(f"{value} AS v{i}" for i, value in enumerate(values))
    _compare(
        both,
        f"SELECT TOP {top} {listed} FROM sky.t AS t ORDER BY {key} {direction}, t.id"
        f" OFFSET {offset}",
    )


@pytest.mark.parametrize("kind", ["REAL", "DOUBLE PRECISION"])
@pytest.mark.parametrize("zero", ["MOD(-2.5, -2.5)", "-0.0", "ROUND(-0.2)", "0 * (-1.5)"])
def test_zero_has_no_sign_in_text(both, zero, kind):
    adql = f"SELECT TOP 1 CAST(CAST({zero} AS {kind}) AS VARCHAR(9)) AS v FROM sky.t AS t"
    assert [table.column(0).to_pylist() for table in both(adql)] == [["0.0"], ["0.0"]]


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - RANDOM))
def test_examples_of_functions(both, name):
    assert_same(both, FUNCTIONS[name].example)


@pytest.mark.parametrize(
    "adql",
    [
        "SELECT DISTINCT name, n FROM sky.t",
        "WITH w AS (SELECT n, AVG(z) m FROM sky.t GROUP BY n) SELECT m FROM w NATURAL JOIN sky.u",
        "SELECT * FROM sky.t NATURAL FULL JOIN (SELECT id, n, z + 1 AS zz FROM sky.u) AS v",
        "SELECT t.id, u.n FROM sky.t FULL JOIN (sky.u LEFT JOIN sky.u w ON u.n = w.n) ON t.z > w.z",
        "SELECT POINT(ra, dec) AS p, CIRCLE(ra, dec, z) AS c, pdf FROM sky.t",
        "SELECT column_name, ucd FROM TAP_SCHEMA.columns WHERE table_name = 'sky.t'",
    ],
)
def test_whole_queries(both, adql):
    assert_same(both, adql)


def _compare(both, adql: str) -> None:
    try:
        assert_same(both, adql)
    except AdqlError:
        return
