"""Bounds before work: each refused above its limit, by its name, and taken at it."""

import pytest
from tables import TABLES

from vo_service.adql.bounds import check_bounds, check_sql
from vo_service.adql.errors import QueryTooComplex
from vo_service.adql.limits import Limits
from vo_service.adql.parser import parse
from vo_service.adql.resolver import resolve


def check(adql, limits=None):
    limits = limits or Limits()
    check_bounds(resolve(parse(adql), TABLES, adql, limits), limits)


def doubled(levels, expression, source):
    for level in range(levels):
        source = f"(SELECT {expression} AS x FROM {source} AS t{level})"
    return f"SELECT x FROM {source} AS u"


def common_tables(levels):
    text = "WITH w0 AS (SELECT ra FROM cat.objects WHERE ra > 1)"
    for level in range(1, levels + 1):
        below = f"w{level - 1}"
        text += f", w{level} AS (SELECT a.ra FROM {below} AS a JOIN {below} AS b ON a.ra = b.ra)"
    return f"{text} SELECT ra FROM w{levels}"


TEXT = "(SELECT 'abcde' AS x FROM cat.objects)"

AT_AND_ABOVE = {
    "columns": (
        Limits(columns=2),
        "SELECT ra, dec FROM cat.objects",
        "SELECT ra, dec, ra FROM cat.objects",
    ),
    "columns of a sub-query": (
        Limits(columns=2),
        "SELECT COUNT(*) AS n FROM (SELECT ra, dec FROM cat.objects) AS t",
        "SELECT COUNT(*) AS n FROM (SELECT ra, dec, 1 AS c FROM cat.objects) AS t",
    ),
    "conditions": (
        Limits(conditions=3),
        "SELECT ra FROM cat.objects WHERE (ra > 1 OR NOT dec < 2) AND ra IN (1, 2, 3)",
        "SELECT ra FROM cat.objects WHERE (ra > 1 OR NOT dec < 2) AND ra IN (1, 2) AND ra < 5",
    ),
    "conditions of joins": (
        Limits(conditions=1),
        "SELECT a.ra FROM cat.objects AS a JOIN cat.objects AS b ON a.ra = b.ra",
        "SELECT a.ra FROM cat.objects AS a JOIN cat.objects AS b ON a.ra = b.ra AND a.dec = b.dec",
    ),
    "conditions of common tables": (
        Limits(conditions=3),
        common_tables(1),
        common_tables(2),
    ),
    "keys": (
        Limits(keys=2),
        "SELECT COUNT(*) AS n FROM cat.objects GROUP BY ra, dec",
        "SELECT COUNT(*) AS n FROM cat.objects GROUP BY ra, dec, ra",
    ),
    "keys of the order": (
        Limits(keys=2),
        "SELECT ra FROM cat.objects ORDER BY ra, dec",
        "SELECT ra FROM cat.objects ORDER BY ra, dec, 1",
    ),
    "relations": (Limits(relations=4, conditions=10**6), common_tables(2), common_tables(3)),
    "expanded_values": (
        Limits(expanded_values=15 + 7 + 3 + 1),
        doubled(2, "x + x", "(SELECT ra AS x FROM cat.objects)"),
        doubled(3, "x + x", "(SELECT ra AS x FROM cat.objects)"),
    ),
    "text_characters": (
        Limits(text_characters=20),
        doubled(2, "x || x", TEXT),
        doubled(2, "x || x || 'a'", TEXT),
    ),
    "text_characters of a cast": (
        Limits(text_characters=20),
        "SELECT CAST('a' AS CHAR(20)) AS x FROM cat.objects",
        "SELECT CAST('a' AS CHAR(21)) AS x FROM cat.objects",
    ),
    "text_characters of a function": (
        Limits(text_characters=20),
        f"SELECT UPPER(x) || LOWER(x) || COALESCE(x, 'abc') || x AS y FROM {TEXT} AS t",
        f"SELECT UPPER(x || x) || LOWER(x || x) || 'a' AS y FROM {TEXT} AS t",
    ),
    "text_characters of a set operation": (
        Limits(text_characters=20),
        f"SELECT x || x AS y FROM ({TEXT[1:-1]} UNION SELECT 'abcdefghij' FROM cat.objects) AS t",
        f"SELECT x || x AS y FROM ({TEXT[1:-1]} UNION SELECT 'abcdefghijk' FROM cat.objects) AS t",
    ),
    "text_characters in a condition": (
        Limits(text_characters=20),
        "SELECT ra FROM cat.objects WHERE CAST(ra AS CHAR(20)) = 'a'",
        "SELECT ra FROM cat.objects WHERE CAST(ra AS CHAR(21)) = 'a'",
    ),
    "text_characters of a key": (
        Limits(text_characters=20),
        "SELECT ra FROM cat.objects ORDER BY CAST(ra AS CHAR(20))",
        "SELECT ra FROM cat.objects ORDER BY CAST(ra AS CHAR(21))",
    ),
}


@pytest.mark.parametrize("name", AT_AND_ABOVE)
def test_a_query_is_taken_at_a_limit_and_refused_above_by_its_name(name):
    limits, at, above = AT_AND_ABOVE[name]
    check(at, limits)
    with pytest.raises(QueryTooComplex, match=f"the limit is named {name.partition(' ')[0]}"):
        check(above, limits)
    if "relations" not in name:
        check(above)


def test_the_text_of_the_engine_counts_its_literals():
    limits = Limits(sql_characters=10)
    check_sql("SELECT", ("abcd", 12345), limits)
    with pytest.raises(QueryTooComplex, match="sql_characters"):
        check_sql("SELECT", ("abcde", 12345), limits)


@pytest.mark.parametrize(
    ("adql", "limit"),
    [
        (common_tables(15), "relations"),
        (doubled(12, "x||x||x||x||x||x||x||x", TEXT), "expanded_values"),
        (
            doubled(5, "x||x||x||x||x||x||x||x", "(SELECT table_name AS x FROM TAP_SCHEMA.tables)"),
            "text_characters",
        ),
        (
            doubled(12, "POWER(x, POWER(x, x))", "(SELECT ra AS x FROM cat.objects)"),
            "expanded_values",
        ),
        ("SELECT CAST(ra AS CHAR(1000000000)) AS x FROM cat.objects", "text_characters"),
        ("SELECT " + "*," * 10_000 + "ra FROM cat.objects", "columns"),
        ("SELECT " + ",".join(["ra"] * 24_000) + " FROM cat.objects", "columns"),
        *(
            ("SELECT ra FROM cat.objects WHERE " + word.join(["ra <> 1"] * 4_000), "conditions")
            for word in (" AND ", " OR ")
        ),
        ("SELECT 1 AS a FROM cat.objects GROUP BY " + ",".join(["ra"] * 3_000), "keys"),
        ("SELECT 1 AS a FROM cat.objects ORDER BY " + ",".join(["ra"] * 3_000), "keys"),
    ],
)
def test_what_would_take_down_a_host_is_refused_with_the_usual_limits(adql, limit):
    with pytest.raises(QueryTooComplex, match=f"the limit is named {limit}"):
        check(adql)
