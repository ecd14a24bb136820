"""Functions of whole numbers against Python's integers, at the ends of 64 bits and around 2**53.

A double holds 53 bits: whatever passes through one shows here.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pyarrow as pa
import pytest
from engines import DuckdbBackend, PostgresBackend
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from postgres import PostgresServer

from registry.model.field import Datatype, Field, ValueType
from registry.model.table import Column, Schema, Storage, Table
from registry.tap_schema import with_tap_schema
from vo_service.adql.parser import parse
from vo_service.adql.resolver import resolve
from vo_service.engines.base import QueryRejected

LEAST, MOST = -(2**63), 2**63 - 1
SETTINGS = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.filter_too_much]
)

_EDGES = (LEAST, MOST, 2**53, -(2**53), 2**31, -(2**31), 2**24, 0, 10**18)
wholes = st.one_of(
    st.builds(
        lambda edge, step: min(max(edge + step, LEAST), MOST),
        st.sampled_from(_EDGES),
        st.integers(-3, 3),
    ),
    st.integers(LEAST, MOST),
    st.integers(-20, 20),
)
divisors = wholes | st.sampled_from([-1, 1, 2, -3, 7, 10**9])

_LONG = ValueType(Datatype.LONG)
_COLUMNS = (Column(Field("x", _LONG), "c0"), Column(Field("y", _LONG), "c1"))
_SETS = with_tap_schema(
    (Schema("TAP_UPLOAD", (Table("TAP_UPLOAD", "t", _COLUMNS, Storage("upload_t")),)),), "1"
)


@pytest.fixture(
    scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def ask(request, tmp_path_factory) -> Callable[..., list]:
    server = None
    if request.param == "postgres":
        server = PostgresServer()
        server.start()
        backend = PostgresBackend(server)
    else:
        backend = DuckdbBackend(tmp_path_factory.mktemp("engine"))

    def ask(what: str, x: list, y: list | None = None, rest: str = "") -> list | None:
        """Give the values of one expression, or none where the engine refuses."""
        adql = f"SELECT {what} AS v FROM TAP_UPLOAD.t {rest}"
        query = resolve(parse(adql), _SETS, adql)
        assert query.fields[0].type in (_LONG, ValueType(Datatype.DOUBLE)), query.fields
        columns = [pa.array(x, pa.int64()), pa.array(y if y is not None else x, pa.int64())]
        rows = pa.table(columns, names=["c0", "c1"])
        statement = backend.engine.translate(query, None)
        try:
            execution = backend.engine.execute(statement, {"upload_t": rows}, 60.0)
        except QueryRejected:
            return None
        try:
            found = pa.Table.from_batches(
                list(execution), pa.schema([f.arrow for f in query.fields])
            )
        except QueryRejected:
            return None
        finally:
            execution.close()
        return found.column(0).to_pylist()

    yield ask
    backend.close()
    if server is not None:
        server.stop()


def cut(x: int, digits: int) -> int:
    step = 10 ** min(max(-digits, 0), 30)
    return (abs(x) // step) * step * (-1 if x < 0 else 1)


def rounded(x: int, digits: int) -> int:
    step = 10 ** min(max(-digits, 0), 30)
    return ((abs(x) + step // 2) // step) * step * (-1 if x < 0 else 1) if step > 1 else x


def quotient(x: int, y: int) -> int | None:
    return None if y == 0 else (abs(x) // abs(y)) * (-1 if (x < 0) != (y < 0) else 1)


def remainder(x: int, y: int) -> int | None:
    return None if y == 0 else x - y * (quotient(x, y) or 0)


def in_64_bits(values: list) -> list | None:
    """Give the values, or none where the service documents an error: one is beyond 64 bits."""
    return values if all(v is None or LEAST <= v <= MOST for v in values) else None


OF_ONE = {
    "FLOOR(x)": lambda x: x,
    "CEILING(x)": lambda x: x,
    "ROUND(x)": lambda x: x,
    "TRUNCATE(x)": lambda x: x,
    "ABS(x)": abs,
    "-x": lambda x: -x,
    "+x": lambda x: x,
    "CAST(x AS BIGINT)": lambda x: x,
    "CAST(CAST(x AS VARCHAR(20)) AS BIGINT)": lambda x: x,
    "COALESCE(x, 0)": lambda x: x,
    "FLOOR(COALESCE(NULL, x) + 0)": lambda x: x,
    "MOD(x, 1000)": lambda x: remainder(x, 1000),
    "x / 1000 * 1000": lambda x: quotient(x, 1000) * 1000,
}
OF_TWO = {
    "MOD(x, y)": remainder,
    "x + y": lambda x, y: x + y,
    "x - y": lambda x, y: x - y,
    "x * y": lambda x, y: x * y,
    "x / y": quotient,
    "CAST(ivo_interval_overlaps(x, x, y, y) AS BIGINT)": lambda x, y: int(x == y),
}
DIGITS = st.integers(-25, 25) | st.sampled_from([-(2**40), 2**40])


@SETTINGS
@given(st.sampled_from(sorted(OF_ONE)), st.lists(wholes, min_size=1, max_size=30))
def test_functions_of_one_number_are_exact(ask, what, x):
    assert ask(what, x) == in_64_bits([OF_ONE[what](v) for v in x])


@SETTINGS
@given(
    st.sampled_from(sorted(OF_TWO)),
    st.lists(st.tuples(wholes, divisors), min_size=1, max_size=8),
)
def test_functions_of_two_numbers_are_exact(ask, what, pairs):
    x, y = map(list, zip(*pairs, strict=True))
    expected = in_64_bits([OF_TWO[what](a, b) for a, b in pairs])
    assert ask(what, x, y) == expected


@SETTINGS
@given(st.lists(wholes, min_size=1, max_size=20), DIGITS)
def test_digits_before_the_point_are_exact(ask, x, digits):
    assert ask(f"TRUNCATE(x, {digits})", x) == [cut(v, digits) for v in x]
    assert ask(f"ROUND(x, {digits})", x) == in_64_bits([rounded(v, digits) for v in x])


@SETTINGS
@given(st.lists(wholes, min_size=1, max_size=30))
def test_aggregates_are_exact(ask, x):
    assert ask("MIN(x)", x) == [min(x)]
    assert ask("MAX(x)", x) == [max(x)]
    assert ask("SUM(x)", x) == in_64_bits([sum(x)])
    assert ask("COUNT(DISTINCT x)", x) == [len(set(x))]
    (mean,) = ask("AVG(x)", x)
    exact = Fraction(sum(x), len(x))
    assert abs(Fraction(mean) - exact) <= abs(exact) * Fraction(1, 2**51)


@SETTINGS
@given(st.lists(wholes, min_size=1, max_size=12), wholes)
def test_literals_and_comparisons_are_exact(ask, x, literal):
    assert ask(f"{literal} + 0 * x", [1]) == [literal]
    for operator, test in (("=", "__eq__"), ("<", "__lt__"), (">=", "__ge__")):
        expected = sum(getattr(v, test)(literal) for v in x)
        assert ask("COUNT(*)", x, rest=f"WHERE x {operator} {literal}") == [expected]
        assert ask("COUNT(*)", x, rest=f"WHERE FLOOR(x) {operator} {literal}") == [expected]
    assert ask("COUNT(*)", x, rest=f"WHERE x IN ({literal}, {literal})") == [x.count(literal)]
    inside = sum(literal <= v <= literal for v in x)
    assert ask("COUNT(*)", x, rest=f"WHERE x BETWEEN {literal} AND {literal}") == [inside]


@SETTINGS
@given(st.integers(-(2**53), 2**53), st.integers(0, 99))
def test_doubles_become_the_whole_number_towards_zero(ask, whole, hundredths):
    assume(abs(whole) < 2**44)
    written = f"{whole}.{hundredths:02d}"
    assert ask(f"CAST({written} AS BIGINT)", [1]) == [whole]


def test_whole_numbers_and_single_precision_meet_in_double_precision(ask):
    x = [2**24, 2**24 + 1]
    single = "CAST(16777216 AS REAL)"
    assert ask("COUNT(*)", x, rest=f"WHERE x = {single}") == [1]
    assert ask("COUNT(*)", x, rest=f"WHERE x IN ({single}, 5)") == [1]
    assert ask("COUNT(*)", x, rest=f"WHERE x BETWEEN {single} AND {single}") == [1]
    assert ask("COUNT(*)", x, rest=f"WHERE x IN (SELECT {single} FROM TAP_UPLOAD.t)") == [1]
    assert ask(f"COALESCE(x, {single})", x) == [16777216.0, 16777217.0]


@pytest.mark.parametrize("beyond", ["9223372036854775808", "-9223372036854775809"])
def test_literals_beyond_64_bits_are_doubles(ask, beyond):
    assert ask(f"{beyond} + 0 * x", [1]) == [float(beyond)]


def test_the_least_number_written_out_is_a_long(ask):
    assert ask("-9223372036854775808", [1]) == [LEAST]
    assert ask("COUNT(*)", [LEAST, LEAST + 1], rest="WHERE x = -9223372036854775808") == [1]
