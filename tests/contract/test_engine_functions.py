"""User-defined functions, regions, and the index, on an engine."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from vo_service.adql.functions import FUNCTIONS
from vo_service.adql.parser import parse
from vo_service.adql.resolver import resolve
from vo_service.engines.base import QueryRejected

EXAMPLES = Path(__file__).resolve().parents[2] / ".." / "shared" / "conformance"
EXAMPLES = EXAMPLES / "udf_examples.json"


def value(table):
    assert table.num_rows == 1
    return table.column(0)[0].as_py()


def ids(table):
    return sorted(table.column(0).to_pylist())


def stated():
    """Give the examples of the catalogue of functions for the functions that are offered."""
    if not EXAMPLES.exists():
        return []
    found = []
    for example in json.loads(EXAMPLES.read_text(encoding="utf-8")):
        name = re.match(r"\w+", example["expression"])[0]
        # Chance and data of others have no value, and one query is meant to fail.
        skipped = ("normal_random", "histogram", "center(17, 23.2)")
        if name.upper() in FUNCTIONS and not any(word in example["query"] for word in skipped):
            found.append((example["query"], example["expected"].partition(" \\")[0].rstrip(".")))
    return found


@pytest.mark.shared
@pytest.mark.skipif(not EXAMPLES.exists(), reason="the examples are not beside this checkout")
@pytest.mark.parametrize(("query", "expected"), stated())
def test_functions_have_the_values_of_their_catalogue(run, query, expected):
    found = value(run(query))
    if expected == "NULL":
        assert found is None
        return
    wanted = np.array(json.loads(re.sub(r"\.(?=[,\]]|$)", ".0", expected)), float)
    digits = [len(number.partition(".")[2]) for number in re.findall(r"[\d.]+", expected)]
    tolerance = np.maximum(np.where(np.array(digits) > 0, 10.0 ** -np.array(digits), 0), 3e-10)
    assert (np.abs(np.subtract(found, wanted)) <= tolerance).all()


def test_histogram_counts_bins_and_both_ends(run, sky):
    z = sky.rows["big"]["z"].drop_null().to_numpy()
    found = value(run("SELECT ivo_histogram(z, 0.5, 1.5, 4) FROM sky.big"))
    edges = [-np.inf, 0.5, 0.75, 1.0, 1.25, 1.5, np.inf]
    assert found == np.histogram(z, edges)[0].tolist()
    assert value(run("SELECT ivo_histogram(z, 0, 1, 2) FROM sky.small WHERE id < 0")) == [0] * 4


def test_statistics_are_those_of_numpy(run, sky):
    z = sky.rows["small"]["z"].drop_null().to_numpy()
    found = run("SELECT MEDIAN(z), STDDEV(z), VARIANCE(z), pz_quantile(z, 0.1) FROM sky.small")
    expected = [np.median(z), z.std(ddof=1), z.var(ddof=1), np.quantile(z, 0.1)]
    assert [c[0].as_py() for c in found.columns] == pytest.approx(expected, rel=1e-12)


def test_texts_of_a_group_come_in_order(run):
    found = run(
        "SELECT n, ivo_string_agg(name, '+') FROM sky.small WHERE id < 1152921504606846981"
        " GROUP BY n ORDER BY n"
    )
    for text in found.column(1).to_pylist():
        assert text.split("+") == sorted(text.split("+"))


def test_seed_gives_the_same_numbers_again(run):
    first = run("SELECT id, RAND(7) FROM sky.big ORDER BY id").column(1).to_numpy()
    again = run("SELECT id, RAND(7) FROM sky.big ORDER BY id").column(1).to_numpy()
    other = run("SELECT id, RAND(8) FROM sky.big ORDER BY id").column(1).to_numpy()
    assert (first == again).all()
    assert not (first == other).any()
    assert 0 <= first.min() < 0.01
    assert 0.99 < first.max() < 1
    assert abs(first.mean() - 0.5) < 0.01
    chosen = value(run("SELECT COUNT(*) FROM sky.big WHERE RAND(7) < 0.1"))
    assert chosen == (first < 0.1).sum()
    assert value(run("SELECT AVG(RAND(7)) FROM sky.big")) == pytest.approx(first.mean())


def test_distributions_of_a_column(run, sky):
    found = run(
        "SELECT pz_pdf_mean(pdf, 0, 2), pz_pdf_quantile(pdf, 0, 2, 0.5), "
        "pz_pdf_integral(pdf, 0, 2, 0, 1), pz_pdf_mean(pdf, pdf) FROM sky.small ORDER BY id"
    )
    for row, (first, last) in enumerate(sky.rows["small"]["pdf"].to_pylist()):
        z = np.linspace(0, 2, 200_001)
        p = np.interp(z, [0, 2], [first, last])
        total = np.trapezoid(p, z)
        cumulated = np.concatenate([[0], np.cumsum((p[1:] + p[:-1]) / 2 * np.diff(z))])
        mean, median, integral, _ = (c[row].as_py() for c in found.columns)
        assert mean == pytest.approx(np.trapezoid(p * z, z) / total, rel=1e-8)
        assert median == pytest.approx(np.interp(total / 2, cumulated, z), rel=1e-5)
        assert integral == pytest.approx(np.trapezoid(p[:100_001], z[:100_001]), rel=1e-8)
    assert found.column(3)[0].as_py() == pytest.approx(1 / 3)
    assert found.column(3)[5].as_py() is None


MEETING = "INTERSECTS(CIRCLE(a.ra, a.dec, 0.02), CIRCLE(b.ra, b.dec, 0.03))"

REGIONS = [
    "CONTAINS(POINT(ra, dec), CIRCLE(150, 2.2, 0.1)) = 1",
    "CONTAINS(POINT(ra, dec), CIRCLE(150, 2.2, 0.1)) > 0",
    "0 <> CONTAINS(POINT(ra, dec), CIRCLE(150, 2.2, 0.1))",
    "DISTANCE(ra, dec, 150, 2.2) BETWEEN 0 AND 0.1",
    "DISTANCE(ra, dec, 150, 2.2) BETWEEN 0.01 AND 0.1",
    "0.1 > DISTANCE(POINT(150, 2.2), POINT(ra, dec)) AND z > 0.1",
    "INTERSECTS(CIRCLE(ra, dec, 0.01), CIRCLE(150, 2.2, 0.1)) = 1",
    "INTERSECTS(BOX(150, 2.2, 0.1, 0.1), CIRCLE(ra, dec, 0.01)) = 1",
    "CONTAINS(CIRCLE(ra, dec, 0.01), CIRCLE(150, 2.2, 0.1)) = 1",
    "CONTAINS(POINT(ra, dec), POLYGON(149, 1, 151, 1, 150, 3)) = 1",
    "1 = INTERSECTS(BOX(150, 2.2, 1, 1), POINT(ra, dec))",
    "1 = CONTAINS(POINT(ra, dec), REGION('Circle ICRS 150 2.2 0.1'))",
    "1 = CONTAINS(POINT(ra, dec), CAST('150 2.2 0.1' AS CIRCLE))",
    "1 = CONTAINS(POINT(ra, dec), MOC('6/24000-25000 3/5'))",
]


@pytest.mark.parametrize("condition", REGIONS)
@pytest.mark.parametrize(
    "source",
    [
        "SELECT id FROM sky.big WHERE {}",
        "SELECT id FROM (SELECT dec, id, ra, z FROM sky.big WHERE n > -9) AS t WHERE {}",
        "WITH t AS (SELECT ra, dec, z, id FROM sky.big) SELECT id FROM t WHERE {}",
        "SELECT id FROM (SELECT * FROM (SELECT * FROM sky.big) AS s) AS t WHERE {}",
    ],
)
def test_regions_read_the_index_and_find_what_a_scan_finds(run, engine, sky, source, condition):
    adql = source.format(condition)
    statement = engine.translate(resolve(parse(adql), sky.tables, adql))
    assert re.search(r'"(hpx|_cells)" BETWEEN', statement.sql)
    scanned = condition.replace("POINT(ra, dec)", "POINT(ra + 0, dec)").replace(
        "(ra, dec,", "(ra + 0, dec,"
    )
    scan = f"SELECT id FROM sky.big WHERE {scanned}"
    assert (
        "BETWEEN"
        not in engine.translate(resolve(parse(scan), sky.tables, scan)).sql.replace("BETWEEN $", "")
        or "DISTANCE" in condition
        or "MOC" in condition
    )
    assert ids(run(adql)) == ids(run(scan))


def test_a_grouped_or_distinct_sub_query_hides_nothing(run):
    for inner in (
        "SELECT DISTINCT ra, dec FROM sky.big",
        "SELECT ra, dec FROM sky.big UNION SELECT ra, dec FROM sky.small",
        "SELECT ra, dec FROM sky.big GROUP BY ra, dec",
    ):
        assert run(f"SELECT * FROM ({inner}) AS t WHERE DISTANCE(ra, dec, 0, 0) < 5").num_rows > 0


@pytest.mark.parametrize(
    ("source", "radius"),
    [
        ("sky.mid a JOIN sky.small b ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < {}", "b.z / 20"),
        ("sky.mid a JOIN sky.small b ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < {}", "a.z / 20"),
        (
            "sky.mid a, sky.small b WHERE 1=CONTAINS(POINT(a.ra, a.dec), CIRCLE(b.ra, b.dec, {}))",
            "b.z / 20",
        ),
        (
            "sky.mid a, (SELECT * FROM sky.small) b WHERE {} >= DISTANCE(b.ra, b.dec, a.ra, a.dec)",
            "b.z / 20",
        ),
        (
            "sky.mid a JOIN sky.small b ON DISTANCE(a.ra, a.dec, b.ra, b.dec) BETWEEN 0 AND {}",
            "0.05",
        ),
        ("sky.mid a, sky.small b WHERE 1 = " + MEETING, "0.05"),
    ],
)
def test_joins_with_a_radius_for_each_row_are_those_of_all_pairs(run, engine, sky, source, radius):
    adql = "SELECT a.id, b.id FROM " + source.format(radius)
    statement = engine.translate(resolve(parse(adql), sky.tables, adql))
    assert "_zone" in statement.sql
    found = run(adql)
    pairs = run(
        "SELECT a.id, b.id FROM sky.mid a, sky.small b"
        f" WHERE DISTANCE(a.ra, a.dec, b.ra, b.dec) - {radius} <= 0"
    )
    columns = [
        sorted(zip(*(c.to_pylist() for c in t.columns), strict=True)) for t in (found, pairs)
    ]
    assert columns[0] == columns[1]
    assert columns[0]


def test_outer_join_with_the_radius_on_the_side_that_is_kept(run, sky):
    found = run(
        "SELECT b.id, a.id FROM sky.small AS b LEFT JOIN sky.mid AS a"
        " ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < b.z / 100"
    )
    inner = run(
        "SELECT b.id, a.id FROM sky.small AS b, sky.mid AS a"
        " WHERE DISTANCE(a.ra, a.dec, b.ra, b.dec) - b.z / 100 < 0"
    )
    assert set(found.column(0).to_pylist()) == set(sky.rows["small"]["id"].to_pylist())
    assert found.column(1).drop_null().length() == inner.num_rows


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("INTERSECTS(CIRCLE(0, 0, 1), CIRCLE(359, 0, 0.5))", 1),
        ("INTERSECTS(CIRCLE(0, 0, 0.4), CIRCLE(359, 0, 0.5))", 0),
        ("INTERSECTS(POLYGON(0, 89, 120, 89, 240, 89), CIRCLE(77, 90, 0.01))", 1),
        ("INTERSECTS(POLYGON(0, 0, 4, 0, 4, 4, 0, 4), POLYGON(3, 3, 9, 3, 9, 9))", 1),
        ("INTERSECTS(POLYGON(0, 0, 4, 0, 4, 4, 0, 4), BOX(6, 2, 1, 9))", 0),
        ("CONTAINS(CIRCLE(0, 0, 1), CIRCLE(0, 1, 2))", 1),
        ("CONTAINS(CIRCLE(0, 0, 1), CIRCLE(0, 1, 1.99))", 0),
        ("CONTAINS(POLYGON(0, 0, 4, 0, 4, 4), CIRCLE(2, 2, 3))", 1),
        ("CONTAINS(POLYGON(0, 0, 4, 0, 4, 4), CIRCLE(2, 2, 2.5))", 0),
        ("CONTAINS(POLYGON(0, 0, 4, 0, 4, 4), CIRCLE(182, -2, 170))", 0),
        ("CONTAINS(POLYGON(0, 0, 4, 0, 4, 4), CIRCLE(100, 2, 179))", 1),
        ("CONTAINS(CIRCLE(2, 2, 1), BOX(2, 2, 2.1, 2.1))", 1),
        ("CONTAINS(CIRCLE(2, 2, 1), BOX(2, 2, 1.9, 2.1))", 0),
        ("CONTAINS(BOX(2, 2, 1, 1), BOX(2, 2, 1, 1))", 1),
        ("CONTAINS(BOX(2, 2, 1, 1), POLYGON(0, 0, 4, 0, 2, 2.1, 4, 4, 0, 4))", 0),
        ("CONTAINS(POLYGON(1, 1, 3, 1, 3, 3, 1, 3), POLYGON(0, 0, 4, 0, 4, 4, 3, 2, 0, 4))", 0),
        ("CONTAINS(POINT(0, 0), POLYGON(0, 0, 4, 0, 4, 4))", 1),
        ("CONTAINS(POINT(2, 0), POLYGON(0, 0, 4, 0, 4, 4))", 1),
        (
            "AREA(BOX(10, 90, 1, 1))",
            float(4 * np.degrees(np.degrees(np.arcsin(np.sin(np.radians(0.5)) ** 2)))),
        ),
        ("AREA(POINT(1, 2))", 0.0),
        ("COORD1(CENTROID(POLYGON(359, 10, 1, 10, 1, 12, 359, 12)))", 0.0),
        ("COORD2(CENTROID(CIRCLE(3, 4, 5)))", 4.0),
        ("COORD2(CENTROID(CAST('3 4 5' AS CIRCLE)))", 4.0),
    ],
)
def test_regions_and_regions(run, expression, expected):
    found = value(run(f"SELECT TOP 1 {expression} FROM sky.small"))
    if isinstance(expected, float):
        found = (found + 180) % 360 - 180
        assert found == pytest.approx(expected, abs=1e-9)
    else:
        assert found == expected


def test_shapes_pass_through_sub_queries_as_columns(run):
    found = run(
        "SELECT id, CONTAINS(place, poly), CONTAINS(place, circ), AREA(poly),"
        " INTERSECTS(poly, circ), DISTANCE(place, CENTROID(poly)), COORD1(place)"
        " FROM (SELECT id, POINT(ra, dec) AS place,"
        " POLYGON(ra - 1, dec / 2, ra + 1, dec / 2, ra, dec / 2 + 1) AS poly,"
        " CIRCLE(ra, dec, 1) AS circ FROM sky.small WHERE dec > -80 AND dec < 80) AS t ORDER BY id"
    )
    assert found.num_rows > 100
    assert set(found.column(2).to_pylist()) == {1}
    assert set(found.column(1).to_pylist()) == {0, 1}
    text = run(
        "SELECT TOP 1 AREA(CAST(moved AS CIRCLE)) FROM"
        " (SELECT '10 20 ' || '90' AS moved FROM sky.small) AS t"
    )
    assert value(text) == pytest.approx(20626.480624709637)


def test_shapes_with_a_missing_number_give_null(run):
    assert value(
        run("SELECT COUNT(CONTAINS(POINT(ra, dec), CIRCLE(ra, dec, z))) FROM sky.small")
    ) == (value(run("SELECT COUNT(z) FROM sky.small")))
    boxes = (
        "SELECT COUNT(*) FROM sky.small WHERE INTERSECTS(BOX(ra, dec, z, 1), CIRCLE(0, 0, 180)) = 1"
    )
    assert value(run(boxes)) == value(run("SELECT COUNT(z) FROM sky.small WHERE z < 180"))


def test_a_large_coverage_map_is_searched(run, sky):
    cells = (
        run("SELECT ivo_healpix_index(8, ra, dec) FROM sky.big ORDER BY id").column(0).to_numpy()
    )
    chosen = np.unique(cells)[::3]
    text = "8/" + " ".join(map(str, chosen))
    found = ids(run(f"SELECT id FROM sky.big WHERE 1 = CONTAINS(POINT(ra, dec), MOC('{text}'))"))
    assert found == sorted(sky.rows["big"]["id"].to_numpy()[np.isin(cells, chosen)].tolist())


@pytest.mark.parametrize(
    "nested", ["COALESCE({}/2, 1)", "DISTANCE({}, 1, 2, 3)", "SQRT(CAST({} AS REAL))"]
)
def test_calls_in_calls_do_not_grow_without_bounds(engine, sky, nested):
    expression = "z"
    for _ in range(30):
        expression = nested.format(expression)
    adql = f"SELECT {expression} FROM sky.small"
    query = resolve(parse(adql), sky.tables, adql)
    refused = ""
    try:
        length = len(engine.translate(query).sql)
    except QueryRejected as refusal:
        refused, length = str(refusal), 0
    assert length < 100 * len(adql)
    assert length or "too complicated; compute parts of it in a sub-query" in refused
