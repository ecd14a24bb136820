"""PostgreSQL's SQL of typed queries, without a server."""

from __future__ import annotations

import math
import re

import pytest
from tables import resolved

from vo_service.adql.functions import FUNCTIONS
from vo_service.engines.base import QueryRejected
from vo_service.engines.postgres.context import PostgresContext, Prefilter, parameter_names
from vo_service.engines.postgres.expressions import expression
from vo_service.engines.postgres.functions import CALLS
from vo_service.engines.postgres.library import SPELLED
from vo_service.engines.postgres.printer import print_statement
from vo_service.engines.postgres.shapes import SHAPES
from vo_service.engines.postgres.zones import index_expressions


def printed(adql: str, prefilter: Prefilter = Prefilter.NONE, row_limit: int | None = None):
    return print_statement(resolved(adql), row_limit, prefilter)


def test_every_function_that_reaches_an_engine_is_printed():
    declared = {name for name, function in FUNCTIONS.items() if not function.rewritten}
    assert declared <= {*CALLS, *SHAPES, *SPELLED, "COALESCE"}


def test_literals_are_parameters_and_equal_ones_are_one():
    statement = printed(
        "SELECT survey || 'x%s', COUNT(*) FROM cat.objects WHERE z > 0.5 AND flux_r < 0.5"
        " GROUP BY survey || 'x%s'"
    )
    assert sorted(map(str, statement.parameters)) == ["0.5", "x%s"]
    assert "0.5" not in statement.sql
    names = parameter_names(statement.parameters)
    assert set(re.findall(r"%\((p\d+)\)s", statement.sql)) == set(names)
    assert "%" not in re.sub(r"%\(p\d+\)s", "", statement.sql)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (5e-324, "5e-324"), (2**63 - 1, "9223372036854775807"), ("it's", "it's")],
)
def test_values_are_bound_as_texts_that_say_all_of_them(value, text):
    context = PostgresContext(lambda *_: "", expression, Prefilter.NONE)
    assert context.bind(value) == "%(p0)s"
    assert context.parameters == (text,)


def test_a_zero_byte_is_refused():
    context = PostgresContext(lambda *_: "", expression, Prefilter.NONE)
    with pytest.raises(QueryRejected, match=r"U\+0000"):
        context.bind("a\0")


@pytest.mark.parametrize(
    ("adql", "part"),
    [
        ("SELECT z / 2 FROM cat.objects", 'pzvo.div(r0."c8", (%(p0)s::int4)::float8)'),
        ("SELECT n_obs / quality FROM cat.objects", 'nullif((r0."c9")::int8, 0)'),
        ("SELECT SUM(n_obs) FROM cat.objects", 'sum(r0."c10")::int8'),
        ("SELECT z FROM cat.objects WHERE survey LIKE 'a%'", "LIKE (%(p0)s::text COLLATE"),
        ("SELECT z FROM cat.objects WHERE survey ILIKE 'a%'", "pzvo.lower(r0."),
        ("SELECT z FROM cat.objects ORDER BY z DESC", "DESC NULLS LAST"),
        ("SELECT * FROM TAP_SCHEMA.schemas", 'pzvo_tables."tap_schema_schemas"'),
        ("SELECT CAST(survey AS INTEGER) FROM cat.objects", "pzvo.whole_number("),
        ("SELECT CAST(observed AS VARCHAR) FROM cat.objects", "to_char("),
        ("SELECT RAND(3) FROM cat.objects", 'hashint8extended(r0."_row"'),
        ("SELECT TOP 3 z FROM cat.objects OFFSET 2", "LIMIT 3 OFFSET 2"),
        ("SELECT o.z FROM cat.objects o FULL JOIN cat.spectra s ON o.z < s.z", "r0 IS NULL THEN 0"),
    ],
)
def test_what_differs_from_standard_sql_is_spelt_out(adql, part):
    assert part in printed(adql).sql


def test_no_escape_character_in_patterns():
    assert "ESCAPE ''" in printed("SELECT z FROM cat.objects WHERE survey LIKE 'a\\'").sql


PAIRS = (
    "SELECT a.z FROM cat.objects AS a JOIN cat.objects AS b"
    " ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < {}"
)


@pytest.mark.parametrize(
    ("radius", "zones", "prefilter"),
    [
        ("1/3600.0", "* 120)::int4", Prefilter.NONE),
        ("2", "* 1)::int4", Prefilter.NONE),
        ("a.z", "* 120)::int4", Prefilter.NONE),
        ("a.z", "avg(", Prefilter.Q3C),
    ],
)
def test_the_height_of_zones_goes_with_the_radius(radius, zones, prefilter):
    assert zones in printed(PAIRS.format(radius), prefilter).sql


@pytest.mark.parametrize("prefilter", [Prefilter.NONE, Prefilter.Q3C, Prefilter.PGSPHERE])
def test_joins_compare_what_is_indexed(prefilter):
    sql = printed(PAIRS.format("0.01"), prefilter).sql
    indexes = index_expressions('r0."c1"', 'r0."c2"', 'r0."_healpix"', prefilter)
    for index in indexes[:1]:
        inside = index.partition("(")[2].removesuffix(' WHERE r0."_healpix" IS NOT NULL')
        for part in re.split(r"\), \(", inside.removesuffix(")")):
            wanted = part.strip("()")
            assert any(wanted.replace("r0.", f"r{number}.") in sql for number in (0, 1)), (
                wanted,
                sql,
            )


def test_a_large_radius_is_no_positional_join():
    assert "_zone" not in printed(PAIRS.format("50")).sql


def test_exact_limits_are_written_to_the_last_digit():
    sql = printed("SELECT z FROM cat.objects WHERE DISTANCE(ra, dec, 1, 2) < 0.3").sql
    assert repr(math.sin(math.radians(0.3) / 2) ** 2) in sql


def test_text_of_an_expression_is_bounded():
    nested = "z"
    for _ in range(40):
        nested = f"DISTANCE({nested}, 1, 2, 3)"
    with pytest.raises(QueryRejected, match="too complicated"):
        printed(f"SELECT {nested} FROM cat.objects")
