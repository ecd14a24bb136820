"""Functions that a PostgreSQL database gets, of numbers, texts and distributions.

They have the values of numpy and of DuckDB, and never end a query.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from postgres_columns import close, database, doubles, ragged

from vo_service.adql.functions import FUNCTIONS
from vo_service.adql.parser import parse
from vo_service.adql.resolver import resolve
from vo_service.engines import distributions
from vo_service.engines.duckdb.arrow_functions import ARROW_FUNCTIONS
from vo_service.engines.duckdb.userdefined import CALLS as DUCKDB_CALLS
from vo_service.engines.postgres.context import PostgresContext, Prefilter
from vo_service.engines.postgres.expressions import expression
from vo_service.engines.postgres.functions import CALLS
from vo_service.engines.postgres.library import LIBRARY_VERSION, SPELLED, install_sql, spell
from vo_service.engines.postgres.shapes import SHAPES

pytestmark = pytest.mark.postgres

EXAMPLES = Path(__file__).resolve().parents[2] / ".." / "shared" / "conformance"
EXAMPLES = EXAMPLES / "udf_examples.json"

ARROW = {function.name: function for function in ARROW_FUNCTIONS}

EXTREMES = [
    *(
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -2.5,
        2.5,
        1e-5,
        7.0,
        1e15,
        4503599627370497.0,
        1e17,
        -1e200,
        1e200,
    ),
    *(5e-324, -5e-324, 1e-310, 1e-200, 1.7976931348623157e308, -1.7976931348623157e308, 8.9e307),
    *(math.pi, -math.pi / 2, 0.49999999999999994, 709.78, -745.0, -746.0, 710.0, 0.1, 0.3),
]


@pytest.fixture(scope="module")
def columns():
    with database(install_sql()) as found:
        yield found


@pytest.fixture(scope="module")
def duck():
    with duckdb.connect() as connection:
        yield connection


def written(duck, numbers):
    """Give numbers as DuckDB writes them."""
    duck.register("written", pa.table({"a": numbers}))
    table = duck.sql("SELECT CAST(a AS VARCHAR) AS a FROM written").to_arrow_table()
    return table["a"].to_pylist()


# ---------------------------------------------------------------------------- the registry


def test_every_function_of_the_registry_is_printed():
    printed = SPELLED | set(CALLS) | set(SHAPES) | {"COALESCE"}
    assert printed == {name for name, function in FUNCTIONS.items() if not function.rewritten}
    assert set(DUCKDB_CALLS) <= printed


def test_spelled_functions_exist_and_have_no_percent_sign(columns):
    for name in SPELLED:
        most = FUNCTIONS[name].arity[1]
        text = spell(name, ["x", "y", "z", "1", "p", "q", "r", "s"][:most])
        assert "%" not in text
        for schema, function in re.findall(r"(pzvo\.)?(\b\w+)\(", text):
            if function in ("coalesce",):
                continue
            (count,) = columns.execute(
                "SELECT count(*) FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace"
                " WHERE proname = %s AND nspname = %s",
                [function, "pzvo" if schema else "pg_catalog"],
            )[0]
            assert count, text


def test_installing_again_changes_nothing(columns):
    columns.execute(install_sql())
    assert re.fullmatch("[0-9a-f]{16}", LIBRARY_VERSION)


def test_functions_can_be_computed_ahead_and_by_several_workers(columns):
    others = columns.execute(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'pzvo'::regnamespace"
        " AND (proparallel <> 's' OR provolatile <> 'i')"
    )
    assert others == [("normal_random",)]


def test_constant_polygon_is_prepared_before_the_rows_are_read(columns):
    plan = columns.execute(
        "EXPLAIN VERBOSE SELECT pzvo.sphere_inside(x, x, '{0,0,4,0,4,4}'::float8[])"
        " FROM (VALUES (random())) AS t (x)"
    )
    text = "".join(line for (line,) in plan)
    assert "position_held('{6," in text
    assert " shape(" not in text.replace("pzvo.", " ")


# -------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("name", "function"),
    [("add", np.add), ("sub", np.subtract), ("mul", np.multiply), ("div", np.divide)],
)
def test_arithmetic_is_numpys_and_null_where_that_is_not_finite(columns, name, function):
    rng = np.random.default_rng(1)
    size = 4000
    a = rng.choice([-1, 1], size) * 10 ** rng.uniform(-323, 308.25, size)
    b = rng.choice([-1, 1], size) * 10 ** rng.uniform(-323, 308.25, size)
    special = np.array([*EXTREMES, np.inf, -np.inf])
    a = np.concatenate([a, rng.uniform(-9, 9, size), np.repeat(special, len(special))])
    b = np.concatenate([b, rng.uniform(-9, 9, size), np.tile(special, len(special))])
    with np.errstate(all="ignore"):
        expected = function(a, b)
        expected[~np.isfinite(expected) | ~np.isfinite(a) | ~np.isfinite(b)] = np.nan
    found = columns.compute(f"pzvo.{name}(a, b)", "float8 float8", a, b)
    close(found, expected, rtol=1e-15, atol=1e-323)


UNARY = [
    *("abs", "ceil", "floor", "sqrt", "log", "log10", "exp", "sin", "cos", "tan"),
    *("arccos", "arcsin", "arctan", "degrees", "radians", "trunc"),
]


@pytest.mark.parametrize("function", UNARY)
def test_functions_of_a_number_are_numpys_and_null_where_undefined(columns, function):
    name = {
        "arccos": "ACOS",
        "arcsin": "ASIN",
        "arctan": "ATAN",
        "ceil": "CEILING",
        "trunc": "TRUNCATE",
    }.get(function, function.upper())
    rng = np.random.default_rng(2)
    x = np.concatenate([EXTREMES, rng.uniform(-800, 800, 500), rng.uniform(-1, 1, 500)])
    with np.errstate(all="ignore"):
        expected = getattr(np, function)(x)
    expected[~np.isfinite(expected)] = np.nan
    close(columns.compute(spell(name, ["a"]), "float8", x), expected, atol=1e-317)
    outside = columns.compute(spell(name, ["a"]), "float8", [None, np.inf, -np.inf])
    assert outside[0] is None
    assert name in {"ABS", "CEILING", "FLOOR", "TRUNCATE", "ATAN"} or outside[1] in (None, np.inf)
    if name in {"SIN", "COS", "TAN", "SQRT", "LOG", "EXP", "DEGREES", "RADIANS", "ACOS"}:
        assert outside[1] is None
        assert outside[2] in (None, 0.0)


def test_cotangent(columns):
    x = np.array([1e-3, 0.5, 2.0, -1.0])
    close(columns.compute(spell("COT", ["a"]), "float8", x), 1 / np.tan(x))
    assert columns.compute(spell("COT", ["a"]), "float8", [0, 5e-324, None]) == [None] * 3


def test_powers(columns):
    rng = np.random.default_rng(3)
    a = np.concatenate([np.repeat(EXTREMES, len(EXTREMES)), rng.uniform(-9, 9, 900)])
    b = np.concatenate([np.tile(EXTREMES, len(EXTREMES)), rng.integers(-9, 9, 900)])
    with np.errstate(all="ignore"):
        expected = np.power(a, b)
    expected[~np.isfinite(expected)] = np.nan
    close(columns.compute("pzvo.power(a, b)", "float8 float8", a, b), expected, atol=1e-323)


def test_remainders(columns):
    rng = np.random.default_rng(4)
    a = np.concatenate([np.repeat(EXTREMES, len(EXTREMES)), rng.uniform(-1e6, 1e6, 900)])
    b = np.concatenate([np.tile(EXTREMES, len(EXTREMES)), rng.uniform(-9, 9, 900)])
    with np.errstate(all="ignore"):
        expected = np.fmod(a, b)
    close(columns.compute("pzvo.mod(a, b)", "float8 float8", a, b), expected, rtol=0)
    wholes = [-7, 7, 5, 2**63 - 1]
    found = columns.compute("pzvo.mod(a, b)", "int8 int8", wholes, [3, -3, 0, 10**10])
    assert found == [-1, 1, None, (2**63 - 1) % 10**10]


@pytest.mark.parametrize(("name", "duckdbs"), [("ROUND", "round(a, {0})"), ("TRUNCATE", None)])
@pytest.mark.parametrize("digits", [-400, -309, -30, -3, -1, 0, 1, 2, 5, 15, 300, 308, 400])
def test_rounding_to_digits_is_that_of_duckdb(columns, duck, name, duckdbs, digits):
    rng = np.random.default_rng(5)
    usual = np.concatenate(
        [rng.uniform(-1e4, 1e4, 300), np.round(rng.uniform(-99, 99, 300), 1) / 2]
    )
    formula = duckdbs or "trunc(a * pow(10, {0})) / pow(10, {0})"
    source = pa.table({"a": np.concatenate([usual, EXTREMES])})
    formula = formula.format(digits)
    expected = duck.sql(f"SELECT {formula} FROM source").to_arrow_table().column(0).to_numpy()
    found = doubles(
        columns.compute(spell(name, ["a", str(digits)]), "float8", source["a"].to_numpy())
    )
    x = source["a"].to_numpy()
    digit = 10.0 ** -float(np.clip(digits, -300, 300))
    # DuckDB loses small numbers in large scales, and gives NaN where ten to that power is infinite.
    lost = ~np.isfinite(expected) | (np.abs(x) < 1e-290) | (np.abs(digits) >= 300)
    np.testing.assert_array_equal(found[~lost], expected[~lost])
    # Beyond, a number has no such digits, or no digit before them.
    sound = np.where(digits > 0, np.isclose(found, x, rtol=1e-12, atol=digit),
                     (found == 0) | (np.abs(found - x) <= np.abs(x)))  # fmt: skip
    assert (sound | ~lost).all()


def test_rounding_without_digits_goes_away_from_zero(columns):
    x = np.array([2.5, -2.5, 0.49999999999999994, 0.5, -0.5, 4503599627370495.5, 1e300, 3.49])
    expected = [3, -3, 0, 1, -1, 4503599627370496, 1e300, 3]
    assert columns.compute(spell("ROUND", ["a"]), "float8", x) == expected


def test_whole_numbers_stay_whole(columns):
    large = 2**62 + 1
    found = columns.execute(
        "SELECT " + ", ".join(spell(name, ["a"]) for name in ("ABS", "CEILING", "FLOOR", "ROUND"))
        + ", pzvo.truncate(a), pzvo.round(a, 3), pzvo.round(a, -1), pzvo.truncate(a, -1),"
        " pzvo.round(1250::int8, -2), pzvo.round(-1250::int8, -2), pzvo.round(a, -99)"
        f" FROM (SELECT {large}::int8 AS a) AS t"
    )  # fmt: skip
    tens = large // 10 * 10
    assert found == [(*[large] * 6, tens + (10 if large % 10 >= 5 else 0), tens, 1300, -1300, 0)]


OF_DOUBLES = {
    **dict.fromkeys(("ABS", "CEILING", "FLOOR", "ROUND", "TRUNCATE", "ACOS", "ASIN", "ATAN"), 1),
    **dict.fromkeys(("COS", "COT", "DEGREES", "EXP", "LOG", "LOG10", "RADIANS", "SIN"), 1),
    **dict.fromkeys(("SQRT", "TAN"), 1),
    **dict.fromkeys(("MOD", "POWER", "ATAN2", "IVO_NORMAL_RANDOM"), 2),
    **dict.fromkeys(("BOX", "IVO_INTERVAL_OVERLAPS"), 4),
    "IVO_EPOCH_PROP_POS": 8,
}


@pytest.mark.parametrize("name", OF_DOUBLES)
def test_no_number_ends_a_query(columns, name):
    rng = np.random.default_rng(21)
    count = OF_DOUBLES[name]
    pool = np.array([*EXTREMES, 1e-45, 1e-120, 90.0, 360.0, np.inf, -np.inf, np.nan])
    arguments = rng.choice(pool, (count, 4000))
    found = columns.compute(spell(name, list("abcdefgh")[:count]), "float8 " * count, *arguments)
    plain = np.isfinite(arguments).all(axis=0)
    for row in np.flatnonzero(plain):
        assert found[row] is None or np.isfinite(found[row]).all(), arguments[:, row]


@pytest.mark.parametrize("call", ["distance", "haversine", "antihaversine", "sphere_inside"])
def test_no_position_ends_a_query(columns, call):
    rng = np.random.default_rng(22)
    pool = np.array([*EXTREMES, 1e-45, 1e-120, 90.0, 360.0, np.inf, -np.inf, np.nan])
    pool = pool[~(np.abs(pool) > 1e307) | np.isinf(pool)]
    arguments = rng.choice(pool, (4, 4000))
    if call == "sphere_inside":
        lists = rng.choice(pool, (4000, 6))
        lists[:2000] = rng.choice([0, 5e-324, 1e-310, 1e-120, 1e-45, 1e-20, 90, -1e-60], (2000, 6))
        columns.compute(
            "pzvo.sphere_inside(a, b, c)", "float8 float8 float8[]", *arguments[:2], lists
        )
        for function in ("sphere_contains", "sphere_intersects"):
            columns.compute(f"pzvo.{function}(a, b)", "float8[] float8[]", lists, lists[::-1])
        for function in ("area", "centroid"):
            columns.compute(f"pzvo.{function}(a)", "float8[]", lists)
        return
    found = doubles(columns.compute(f"pzvo.{call}(a, b, c, d)", "float8 " * 4, *arguments))
    assert not np.isinf(found).any()


def test_no_distribution_ends_a_query(columns):
    rng = np.random.default_rng(23)
    pool = np.array([*EXTREMES, 1e-140, 1e-45, np.inf, -np.inf, np.nan])
    values = [rng.choice(pool, 5) for _ in range(3000)]
    steps = np.array([0, 5e-324, 1e-310, 1e-120, 1e-30, 1e-10, 0.5, 1, 1e20, 1e40, 1e300])
    grids = [np.cumsum(rng.choice(steps, rng.choice([2, 5]))) for _ in values]
    numbers = rng.choice(pool, (2, 3000))
    for name, count in (("MEAN", 0), ("QUANTILE", 1), ("INTEGRAL", 2)):
        call = spell(f"PZ_PDF_{name}", list("abcd")[: 2 + count])
        types = "float8[] float8[] " + "float8 " * count
        found = columns.compute(call, types, values, grids, *numbers[:count])
        assert np.isfinite([x for x in found if x is not None]).all()


# ---------------------------------------------------------------------------------- text


def test_case_is_that_of_unicode(columns, duck):
    texts = ["Photo-z", "ÄÖÜ ß µ Ω", "ΑΣ ЖЩ", "ǅ ŉ", "日本", "", None]
    for name in ("LOWER", "UPPER"):
        found = columns.compute(spell(name, ["a"]), "text", texts)
        expected = [duck.execute(f"SELECT {name}(?)", [text]).fetchall()[0][0] for text in texts]
        assert found == expected


def test_matching_without_case_has_no_escape(columns):
    found = columns.compute(
        spell("IVO_NOCASEMATCH", ["a", "b"]),
        "text text",
        ["VVDS-Deep", "a\\b", "ÄB", "ab", None, "x"],
        ["vvds%", "A\\B", "äb", "a_c", "a", None],
    )
    assert found == [1, 1, 1, 0, None, None]


def test_words_begin_words(columns):
    rng = np.random.default_rng(6)
    words = ["photo", "Photometric", "z", "red-shift", "µ_1", "Größe", "a.b", "", "  ", "12"]
    haystacks = [" ".join(rng.choice(words, 4)) for _ in range(300)]
    needles = [" ".join(rng.choice([w[:3] for w in words], 2)) for _ in range(300)]
    expected = ARROW["has_words"](pa.array(haystacks), pa.array(needles)).to_pylist()
    found = columns.compute(spell("IVO_HASWORD", ["a", "b"]), "text text", haystacks, needles)
    assert found == [int(x) for x in expected]
    assert {0, 1} == set(found)
    nothing = columns.compute(
        spell("IVO_HASWORD", ["a", "b"]), "text text", [None, "a"], ["a", None]
    )
    assert nothing == [None, None]


def test_items_of_lists(columns, duck):
    pairs = [
        *(("des#hsc#kids", "HSC"), ("des#hsc", "hs"), ("", ""), ("a", ""), ("a##b", ""), ("#", "")),
        *(("a#b", "a#b"), (None, "a"), ("a", None), ("", "a"), ("ÄÖ", "äö")),
    ]
    for pair in pairs:
        expected = duck.execute(
            "SELECT list_contains(string_split(lower($1::VARCHAR), '#'), lower($2::VARCHAR))", pair
        ).fetchall()[0][0]
        (found,) = columns.compute(
            spell("IVO_HASHLIST_HAS", ["a", "b"]), "text text", *([x] for x in pair)
        )
        assert found == (None if expected is None else int(expected)), pair


def test_sexagesimal_angles(columns):
    texts = [
        "3h34m45.4s",
        "-00:15:00",
        " +1 2 3. ",
        "1H 2M 3S",
        "1d2m3",
        "1:2",
        "x",
        "1:2:3x",
        None,
    ]
    hms = columns.compute(spell("IVO_HMS_TO_DEGREES", ["a"]), "text", texts)
    dms = columns.compute(spell("IVO_DMS_TO_DEGREES", ["a"]), "text", texts)
    angle = 1 + 2 / 60 + 3 / 3600
    close(hms, [53.68916666666667, -3.75, 15 * angle, 15 * angle, *[np.nan] * 5])
    close(dms, [np.nan, -0.25, angle, np.nan, angle, *[np.nan] * 4])


def test_days(columns):
    moments = [
        "2000-01-01T12:00:00",
        "1969-12-31T00:00:00.000001",
        "2026-11-21T03:04:05.678901",
        None,
    ]
    expected = [
        None if m is None else np.datetime64(m, "us").astype(np.int64) / 86400000000
        for m in moments
    ]
    for name, epoch in (("IVO_TO_JD", 2440587.5), ("IVO_TO_MJD", 40587.0)):
        found = columns.compute(spell(name, ["a"]), "timestamp", moments)
        assert found == [None if x is None else x + epoch for x in expected]


def test_numbers_are_written_as_duckdb_writes_them(columns, duck):
    rng = np.random.default_rng(7)
    numbers = np.concatenate(
        [rng.choice([-1, 1], 3000) * 10 ** rng.uniform(-320, 308, 3000), EXTREMES,
         10.0 ** np.arange(-10, 22), np.round(10 ** rng.uniform(-6, 18, 3000), 3),
         rng.uniform(1e15, 1e16, 99)]
    )  # fmt: skip
    for type_, name in (("float8", "double"), ("float4", "real")):
        values = numbers if type_ == "float8" else numbers[np.abs(numbers) < 1e38]
        if type_ == "float4":
            values = values[np.abs(values) > 1e-37].astype(np.float32)
        # A zero has no sign in text.
        expected = written(duck, values + values.dtype.type(0))
        found = columns.compute(f"pzvo.text_of_{name}(a)", type_, values.astype(float))
        differ = [(a, b) for a, b in zip(found, expected, strict=True) if a != b]
        if type_ == "float8":
            assert differ == []
        # DuckDB writes more digits than the fewest of a single-precision number in a hundred.
        assert len(differ) < len(found) / 50
        assert all(np.float32(a) == np.float32(b) for a, b in differ), differ


def test_texts_become_values_or_are_refused(columns):
    assert columns.execute(
        "SELECT pzvo.whole_number(' -12 '), pzvo.shape_of_text(' 1, 2 3e1', 'circle'),"
        " pzvo.shape_of_text('1 2', 'point'), pzvo.timestamp_of_text('2026-01-31')::text,"
        " pzvo.timestamp_of_text('2026-01-31T23:59:59.1234567Z')::text, pzvo.whole_number(NULL)"
    ) == [(-12, [1, 2, 30], [1, 2], "2026-01-31 00:00:00", "2026-01-31 23:59:59.123456", None)]
    for call, message in (
        ("whole_number('2.7')", "'2.7' is not a whole number"),
        ("whole_number('99999999999999999999')", "out of range"),
        ("shape_of_text('1 2 x', 'circle')", "'1 2 x' is not a circle"),
        ("shape_of_text('1 2 3', 'point')", "'1 2 3' is not a point"),
        ("shape_of_text('1 2 3 4', 'polygon')", "is not a polygon"),
        ("shape_of_text('1 nan', 'point')", "is not a point"),
        ("timestamp_of_text('now')", "'now' is not a timestamp"),
        ("timestamp_of_text('2026-13-01')", "out of range"),
    ):
        with pytest.raises(Exception, match=message) as caught:
            columns.execute(f"SELECT pzvo.{call}")
        assert caught.value.pgcode.startswith("22")


# -------------------------------------------------------------------------- distributions


def densities(rng, count):
    """Give rows of densities and grids, some with gaps, tails too small to square, or no sense."""
    rows = []
    for _ in range(count):
        n = rng.integers(2, 40)
        z = np.linspace(0, 3, n)
        row = np.exp(-0.5 * ((z - rng.uniform(0, 3)) / 10 ** rng.uniform(-2, 0)) ** 2)
        row *= 10 ** rng.uniform(-3, 3)
        grid = z if rng.random() < 0.5 else np.sort(rng.uniform(0, 3, n))
        grid = grid[[0, -1]] if rng.random() < 0.4 else grid
        if rng.random() < 0.1:
            row = row.copy()
            row[rng.integers(0, n)] = np.nan
        if rng.random() < 0.05:
            grid = grid[::-1]
        if rng.random() < 0.05:
            row = row * 0
        rows.append((row, grid))
    return zip(*rows, strict=True)


def test_distributions_are_those_of_numpy(columns):
    rng = np.random.default_rng(18)
    count = 1500
    values, grids = densities(rng, count)
    low, high = rng.uniform(-0.5, 3.5, (2, count))
    fraction = rng.choice([0, 1, 0.5, -0.1, 1.1, 0.16, 0.84], count)
    # Where all values are tiny, numpy loses their squares.
    scaled = [row / most if 0 < (most := np.nanmax(row)) < 1e-100 else row for row in values]
    for name, extra in (("mean", ()), ("quantile", (fraction,)), ("integral", (low, high))):
        exact = values if name == "integral" else scaled
        expected = ARROW[f"pdf_{name}"](ragged(exact), ragged(grids), *map(pa.array, extra))
        found = columns.compute(
            spell(f"PZ_PDF_{name.upper()}", list("abcd")[: 2 + len(extra)]),
            "float8[] float8[] " + "float8 " * len(extra), values, grids, *extra,
        )  # fmt: skip
        expected = doubles(expected.to_pylist())
        close(found, expected, rtol=1e-10, atol=1e-10)
        assert 0.5 * count < np.isfinite(expected).sum() < count


def test_distributions_that_are_none_give_null(columns):
    wrong = [
        *(([1], [0, 1]), ([], [0, 1]), (None, [0, 1]), ([1, 2], None), ([1, 2, 3], [0, 1, 2, 3])),
        *(([1, 2], [None, 1]), ([1, None], [0, 1]), ([0, 0], [0, 1]), ([1, 1], [1, 1])),
    ]
    values, grids = zip(*wrong, strict=True)
    for call in ("pdf_mean(a, b)", "pdf_quantile(a, b, 0.5)", "pdf_integral(a, b, 0, 1)"):
        found = columns.compute(f"pzvo.{call}", "float8[] float8[]", values, grids)
        expected = [None] * 9
        if "integral" in call:
            expected[7] = 0.0
        assert found == expected
    assert (
        distributions.integrals(np.zeros((1, 2)), np.array([[0.0, 1.0]]), np.zeros(1), np.ones(1))
        == 0
    )


def test_histogram_counts_bins_and_both_ends(columns):
    rng = np.random.default_rng(19)
    x = np.concatenate([rng.uniform(-1, 3, 3000), [0.5, 1.5, 0.75]])
    call = spell("IVO_HISTOGRAM", ["a", "0.5", "1.5", "4"])
    edges = [-np.inf, 0.5, 0.75, 1.0, 1.25, 1.5, np.inf]
    expected = np.histogram(x, edges)[0].tolist()
    rows = "FROM unnest(%s::float8[]) AS a"
    assert columns.execute(f"SELECT {call} {rows}", [[*x.tolist(), None]]) == [(expected,)]
    assert columns.execute(f"SELECT {call} {rows}", [[]]) == [([0] * 6,)]
    assert columns.execute(f"SELECT {call} {rows}", [[None]]) == [([0] * 6,)]
    assert columns.execute("SELECT pzvo.counts_together('{1,2,3}', '{4,0,1}')") == [([5, 2, 4],)]


def test_workers_count_together(columns):
    columns.execute(
        "SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0;"
        " SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;"
        " CREATE TABLE numbers AS"
        " SELECT x / 10000.0::float8 AS a FROM generate_series(0, 29999) AS x;"
        " ALTER TABLE numbers SET (parallel_workers = 2); ANALYZE numbers"
    )
    call = spell("IVO_HISTOGRAM", ["a", "1", "2", "4"])
    inside = "pzvo.sphere_inside(a, a, '{0,0,4,0,4,4,0,4}')"
    query = f"SELECT {call}, count(*) FILTER (WHERE {inside}), sum(pzvo.mul(a, a)) FROM numbers"
    plan = "".join(line for (line,) in columns.execute("EXPLAIN " + query))
    assert "Partial Aggregate" in plan
    ((counts, held, squares),) = columns.execute(query)
    assert counts == [10_000, *[2500] * 4, 10_000]
    assert held == 30_000
    assert squares == pytest.approx(((np.arange(30_000) / 10_000) ** 2).sum())
    columns.execute("RESET ALL; DROP TABLE numbers")


def test_intervals(columns):
    rng = np.random.default_rng(20)
    ends = rng.integers(0, 5, (4, 400)).astype(float)
    a, b, c, d = ends
    found = columns.compute(spell("IVO_INTERVAL_OVERLAPS", list("abcd")), "float8 " * 4, *ends)
    assert found == ((a <= b) & (c <= d) & (a <= d) & (c <= b)).astype(int).tolist()


def test_chance_is_normal(columns):
    call = spell("IVO_NORMAL_RANDOM", ["2", "0.5"])
    found = doubles(x for (x,) in columns.execute(f"SELECT {call} FROM generate_series(1, 20000)"))
    assert abs(found.mean() - 2) < 0.03
    assert abs(found.std() - 0.5) < 0.02
    assert len(set(found.tolist())) > 19_990


# -------------------------------------------------------------------- the catalogue's values


def stated():
    """Give the examples of the catalogue of functions for the scalar functions that are offered."""
    if not EXAMPLES.exists():
        return []
    found = []
    for example in json.loads(EXAMPLES.read_text(encoding="utf-8")):
        name = re.match(r"\w+", example["expression"])[0].upper()
        # Chance and data of others have no value, and one query is meant to fail.
        skipped = ("normal_random", "histogram", "center(17, 23.2)")
        if name in FUNCTIONS and not any(word in example["query"] for word in skipped):
            found.append((example["query"], example["expected"].partition(" \\")[0].rstrip(".")))
    return found


@pytest.mark.shared
@pytest.mark.skipif(not EXAMPLES.exists(), reason="the examples are not beside this checkout")
@pytest.mark.parametrize(("query", "expected"), stated())
def test_functions_have_the_values_of_their_catalogue(columns, query, expected):
    typed = resolve(parse(query), tap_schema_tables(), query)
    context = PostgresContext(no_query, expression, Prefilter.NONE)
    text = expression(typed.body.outputs[0].expression, context)
    values = {f"p{number}": value for number, value in enumerate(context.parameters)}
    ((found,),) = columns.execute(f"SELECT {text}", values)
    if expected == "NULL":
        assert found is None
        return
    wanted = np.array(json.loads(re.sub(r"\.(?=[,\]]|$)", ".0", expected)), float)
    digits = [len(number.partition(".")[2]) for number in re.findall(r"[\d.]+", expected)]
    tolerance = np.maximum(np.where(np.array(digits) > 0, 10.0 ** -np.array(digits), 0), 3e-10)
    assert (np.abs(np.subtract(found, wanted)) <= tolerance).all()


def no_query(query, context):
    """Refuse queries in expressions, of which the examples have none."""
    raise AssertionError(query)


def tap_schema_tables():
    """Give the tables that describe themselves."""
    from registry import tap_schema

    return tap_schema.with_tap_schema((), "1.0")
