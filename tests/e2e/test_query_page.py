"""The query page: the same rights, limits and answers as TAP, with and without scripts."""

from __future__ import annotations

import io
import re

import pytest
from lxml import html
from website import CALLERS, Website, website

SEES_CLOSED = ("owner", "insider", "root")
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Website:
    return website(tmp_path_factory.mktemp("query_page") / "home")


def table(site: Website, name: str) -> str:
    return f"training_set.p{site.products[name]}_{name}"


def sent(site: Website, path: str, query: str, caller: str = "anonymous", headers=(), **form):
    client = site.client(caller)
    token = {} if caller == "anonymous" else {"csrf_token": client.csrf}
    return client.post(path, data={"QUERY": query, **token, **form}, headers=dict(headers))


def test_a_query_in_the_address_fills_the_editor_and_does_not_run(site):
    query = 'SELECT "</textarea><b>" FROM t\r\n'
    response = site.client().get("/query", query_string={"q": query})
    tree = html.fromstring(response.text)
    assert tree.xpath("//textarea")[0].text == '\nSELECT "</textarea><b>" FROM t\n'
    assert not tree.xpath("//div[@id='outcome']//table")


def test_the_page_answers_without_scripts(site):
    response = sent(site, "/query", f"SELECT z FROM {table(site, 'open')} ORDER BY z", MAXREC="3")
    tree = html.fromstring(response.text)
    cells = tree.xpath("//div[@id='outcome']//td/text()")
    assert cells == ["0.1", "0.2", "0.3"]
    assert "cut off at 3" in tree.xpath("string(//div[@id='outcome'])")


@pytest.mark.parametrize("path", ["/query", "/query/file", "/query/plot"])
def test_errors_stand_at_their_place_and_the_text_is_kept(site, path):
    query = f"SELECT z,\n nosuch FROM {table(site, 'open')}"
    response = sent(site, path, query, RESPONSEFORMAT="csv")
    assert response.status_code == 400
    tree = html.fromstring(response.text)
    assert "nosuch" in tree.xpath("string(//div[@id='query-problem'])")
    line, mark = tree.xpath("//pre[@class='place']")[0].text.split("\n")
    assert line[mark.index("^") :].startswith("nosuch")
    assert tree.xpath("//textarea")[0].text.strip() == query


def test_scripts_are_told_where_an_error_is(site):
    query = f"SELECT z,\n nosuch FROM {table(site, 'open')}"
    refused = sent(site, "/query/rows", query)
    assert refused.status_code == 400
    checked = sent(site, "/query/check", query)
    assert checked.status_code == 200
    for found in (refused.json, checked.json["problem"]):
        assert (found["line"], found["column"]) == (2, 2)
    assert sent(site, "/query/check", query.replace("nosuch", "ra")).json["problem"] is None


@pytest.mark.parametrize("caller", CALLERS)
def test_queries_and_their_browser_see_what_the_visitor_may_see(site, caller):
    name = table(site, "closed")
    sees = caller in SEES_CLOSED
    for path in ("/query/rows", "/query/file", "/query/plot"):
        response = sent(site, path, f"SELECT z FROM {name}", caller, RESPONSEFORMAT="csv")
        assert response.status_code == (200 if sees else 400), path
    checked = sent(site, "/query/check", f"SELECT z FROM {name}", caller)
    assert (checked.json["problem"] is None) == sees
    client = site.client(caller)
    for path in ("/query", "/query/tables", "/query/tables?find=closed", "/query/words"):
        assert (name in client.get(path).text) == sees, path
    columns = client.get("/query/columns", query_string={"table": name}).json
    assert [each["name"] for each in columns] == (["ra", "dec", "z"] if sees else [])


@pytest.mark.parametrize("path", ["", "/rows", "/check", "/file", "/plot", "/code"])
def test_a_session_needs_the_secret_of_its_form(site, path):
    client = site.client("owner")
    query = f"SELECT z FROM {table(site, 'open')}"
    assert client.post(f"/query{path}", data={"QUERY": query}).status_code == 403


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("redshift", True), ("REDSHIFT z", True), ("pos.eq.ra", True), ("nothing-of-it", False)],
)
def test_tables_are_found_by_their_columns(site, wanted, found):
    text = site.client().get("/query/tables", query_string={"find": wanted}).text
    assert (table(site, "open") in text) == found


@pytest.mark.parametrize(
    "query",
    [
        "SELECT ra, dec, z FROM {}",
        "SELECT ra, dec, z FROM {} -- the end",
        "SELECT TOP 8 ra, dec, z FROM {} ORDER BY z;",
        "WITH a AS (SELECT ra, dec, z FROM {}) SELECT ra, dec, z FROM a WHERE z > (SELECT 0.0)",
    ],
)
def test_plots_count_all_rows_of_a_query(site, query):
    query = query.format(table(site, "open")).replace("(SELECT 0.0)", "0")
    response = sent(site, "/query/plot", query, headers=FRAGMENT, MAXREC="2", kind="histogram")
    tree = html.fromstring(response.text)
    counts = [int(cell) for cell in tree.xpath("//figure//tbody/tr/td[3]/text()")]
    assert sum(counts) == 8
    assert tree.xpath("//select[@name='x']/option[@selected]/text()") == ["z"]
    density = sent(site, "/query/plot", query, headers=FRAGMENT, kind="density", x="ra", y="z")
    points = html.fromstring(density.text).xpath("//path[@class='points']/@d")[0]
    assert points.count("M") == 8
    sky = html.fromstring(sent(site, "/query/plot", query, headers=FRAGMENT, kind="sky").text)
    assert sky.xpath("//figure[1]//polygon/title/text()")


def test_the_query_of_a_plot_gives_its_numbers(site):
    query = f"SELECT z FROM {table(site, 'open')}"
    shown = sent(site, "/query/plot", query, headers=FRAGMENT, kind="histogram")
    tree = html.fromstring(shown.text)
    page = html.fromstring(site.client().get(tree.xpath("//a/@href")[-1]).text)
    found = sent(site, "/query/rows", page.xpath("//textarea")[0].text).json["data"][0][0]
    # Empty bins at the ends are not drawn.
    drawn = [int(cell) for cell in tree.xpath("//figure//tbody/tr/td[3]/text()")]
    assert [n for n in found if n] == [n for n in drawn if n]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT table_name FROM TAP_SCHEMA.tables", "nothing to draw"),
        ("SELECT z FROM {} WHERE z > 99", "None of the rows"),
        ("SELECT z, z FROM {}", "z"),
    ],
)
def test_what_cannot_be_drawn_is_said(site, query, said):
    asked = query.format(table(site, "open"))
    response = sent(site, "/query/plot", asked, headers=FRAGMENT)
    assert response.status_code == 200
    assert said in response.text
    assert "<svg viewBox" not in response.text


def test_single_values_and_whole_numbers_are_drawn(site):
    query = f"SELECT 3 AS n, ra, dec FROM {table(site, 'open')}"
    tree = html.fromstring(sent(site, "/query/plot", query, headers=FRAGMENT, kind="histogram",
                                drawn="histogram", x="n").text)  # fmt: skip
    assert sum(int(cell) for cell in tree.xpath("//figure//tbody/tr/td[3]/text()")) == 8


def test_counts_are_drawn_against_what_was_counted(site):
    query = f"SELECT FLOOR(z * 5) AS z_bin, COUNT(*) AS n FROM {table(site, 'open')} GROUP BY z_bin"
    tree = html.fromstring(sent(site, "/query/plot", query, headers=FRAGMENT).text)
    chosen = [tree.xpath(f"string(//select[@name='{axis}']/option[@selected])") for axis in "xy"]
    assert chosen == ["z_bin", "n"]


def test_a_table_of_ones_own_joins(site):
    query = f"SELECT a.z FROM {table(site, 'open')} AS a JOIN TAP_UPLOAD.own AS b ON a.z = b.z"
    for path in ("/query/rows", "/query/plot", "/query/file"):
        file = (io.BytesIO(b"z\n0.2\n0.4\n"), "own.csv")
        response = site.client().post(
            path, data={"QUERY": query, "UPLOAD_NAME": "own", "table": file}, headers=FRAGMENT
        )
        assert response.status_code == 200, response.text
        if path == "/query/rows":
            assert sorted(response.json["data"]) == [[0.2], [0.4]]


def test_files_are_named_and_in_any_format(site):
    for name in ("votable", "fits", "csv", "parquet", "hdf5", "arrow", "tsv", "json"):
        response = sent(
            site, "/query/file", f"SELECT z FROM {table(site, 'open')}", RESPONSEFORMAT=name
        )
        assert response.status_code == 200
        assert response.headers["Content-Disposition"].startswith('attachment; filename="query.')


def test_the_same_query_for_programs_is_quoted(site):
    query = f"SELECT 'it''s' AS a, \"z\" FROM {table(site, 'open')}\nWHERE z > 0"
    text = html.fromstring(sent(site, "/query/code", query, headers=FRAGMENT).text).text_content()
    line = next(each for each in text.split("tap = ")[1].split("table = ") if "query = " in each)
    scope: dict[str, str] = {}
    exec(line.split("\n", 1)[1], scope)
    assert scope["query"] == query


def test_settings_of_visitors_hold(tmp_path):
    site = website(tmp_path / "home", anonymous_query=False)
    query = f"SELECT z FROM {table(site, 'open')}"
    for path in ("", "/rows", "/check", "/file", "/plot"):
        refused = sent(site, f"/query{path}", query)
        assert refused.status_code == 303
        assert "/login" in refused.headers["Location"]
    assert site.client().get("/query").status_code == 200
    assert sent(site, "/query/rows", query, "other").status_code == 200


def test_only_the_editor_may_add_styles(site):
    response = site.client().get("/query")
    policy = response.headers["Content-Security-Policy"]
    nonce = re.search(r'data-nonce="([^"]+)"', response.text).group(1)
    assert f"style-src 'self' 'nonce-{nonce}';" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(("language", "run"), [("pt", "Executar"), ("es", "Ejecutar")])
def test_pages_speak_the_language_of_the_visitor(site, language, run):
    for arguments, headers in (
        ({"query_string": {"lang": language}}, {}),
        ({}, {"Accept-Language": f"{language}-XX, en;q=0.5"}),
    ):
        response = site.client().get("/query", headers=headers, **arguments)
        tree = html.fromstring(response.text)
        assert tree.get("lang") == language
        assert tree.xpath("//button[@id='run']/text()") == [run]
        assert response.headers["Content-Language"] == language
