"""Synchronous TAP as clients speak it: parameters, limits, formats, errors."""

import csv
import io
import json
import logging
import re

import numpy as np
import pyarrow.parquet
import pytest
from votables import read_votable

from registry.formats.writers.registry import WRITERS

VOTABLE = "application/x-votable+xml"
BINARY2 = f"{VOTABLE};serialization=BINARY2"
TABLEDATA = f"{VOTABLE};serialization=TABLEDATA"
SURVEY = "redshift_catalog.p1_survey"
IDS = f"SELECT id FROM {SURVEY}"
BASE = {"LANG": "ADQL", "QUERY": f"SELECT TOP 3 id, z FROM {SURVEY} ORDER BY id"}
ROWS, HARD_ROWS, DEFAULT_ROWS = 40, 30, 20


@pytest.fixture
def client(installation):
    return installation.client


def good(response, content_type=BINARY2):
    """The answer of a query that works."""
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == content_type
    answer = read_votable(response.data)
    assert answer.status == "OK"
    return answer


def refused(response, status=400):
    """The text of an error document."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == VOTABLE
    answer = read_votable(response.data)
    assert (answer.status, answer.mark, answer.table) == ("ERROR", None, None)
    return answer.text


# TAP-04, TAP-05, TAP-11, DALI-01, DALI-03: how parameters come


def query_string(client, given):
    return client.get("/tap/sync", query_string=given)


def form(client, given):
    return client.post("/tap/sync", data=given)


def multipart(client, given):
    parts = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in given.items()
    )
    content_type = "multipart/form-data; boundary=x"
    return client.post("/tap/sync", data=f"{parts}--x--\r\n".encode(), content_type=content_type)


def both(client, given):
    """Half of the parameters in the query string, half in the form."""
    items = list(given.items())
    return client.post("/tap/sync", query_string=dict(items[1:]), data=dict(items[:1]))


WAYS = [query_string, form, multipart, both]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("spelt", [str.upper, str.lower, str.title])
def test_every_way_to_send_parameters_gives_the_same(client, way, spelt):
    answer = good(way(client, {spelt(name): value for name, value in BASE.items()}))
    assert answer.names == ["id", "z"]
    assert answer.values("id") == [2**53 + 1, 2**53 + 2, 2**53 + 3]
    assert answer.mark is None


@pytest.mark.parametrize(
    "extra",
    [
        {"DUMMY": "xyz"},
        {"REQUEST": "doQuery"},
        {"REQUEST": "doQuery", "VERSION": "1.0"},
        {"tapclient": "tool", "jobname": "x", "PHASE": "RUN"},
        {"RUNID": "r1"},
        {"MAXREC": ""},
        {"FORMAT": ""},
        {"UPLOAD": ""},
    ],
)
@pytest.mark.parametrize("way", [query_string, multipart])
def test_parameters_of_no_meaning_change_nothing(client, way, extra):
    expected = good(way(client, BASE))
    assert good(way(client, BASE | extra)).values("z") == expected.values("z")


@pytest.mark.parametrize("path", ["/tap/sync", "/tap/sync/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_slash_at_the_end_is_no_redirect(client, path, method):
    where = "query_string" if method == "get" else "data"
    good(getattr(client, method)(path, **{where: BASE}))


# DALI-02: once is once


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("MAXREC", ["1", "2"]),
        ("LANG", ["ADQL", "ADQL-2.1"]),
        ("FORMAT", ["csv", "votable"]),
        ("RESPONSEFORMAT", ["csv", "votable"]),
        ("QUERY", [IDS, "SELECT 1 FROM TAP_SCHEMA.tables"]),
    ],
)
def test_two_values_of_one_parameter_are_refused(client, name, values):
    text = refused(client.get("/tap/sync", query_string=BASE | {name: values}))
    assert name in text
    assert "once" in text


def test_two_values_are_refused_across_query_string_and_form(client):
    response = client.post("/tap/sync?maxrec=1", data=BASE | {"MAXREC": "2"})
    assert "MAXREC" in refused(response)


def test_the_same_value_twice_is_harmless(client):
    answer = good(client.post("/tap/sync?maxrec=2&MAXREC=2", data=BASE | {"MaxRec": "2"}))
    assert answer.rows == 2


# TAP-06 to TAP-09: language and query


@pytest.mark.parametrize("missing", ["LANG", "QUERY"])
@pytest.mark.parametrize("value", [None, "", "  "])
@pytest.mark.parametrize("way", [query_string, form])
def test_language_and_query_are_needed(client, missing, value, way):
    given = {k: v for k, v in (BASE | {missing: value}).items() if v is not None}
    assert refused(way(client, given)).startswith(f"{missing} is missing")


@pytest.mark.parametrize("lang", ["ADQL", "ADQL-2.0", "ADQL-2.1", "adql-2.1"])
def test_every_declared_language_works(client, lang):
    assert good(client.get("/tap/sync", query_string=BASE | {"LANG": lang})).rows == 3


def test_another_language_is_refused_by_name(client):
    assert "OOBLECK" in refused(client.get("/tap/sync", query_string=BASE | {"LANG": "OOBLECK"}))


@pytest.mark.parametrize(
    ("adql", "words"),
    [
        ("DUFF QUERY", "DUFF"),
        ("SELECT", "line 1"),
        (f"SELECT redshift FROM {SURVEY}", "redshift"),
        ("SELECT * FROM redshift_catalog.nothing", "redshift_catalog.nothing"),
        (f"SELECT id FROM {SURVEY}; DROP TABLE x", "line 1"),
        ("SELECT '<&>\x01' FROM", "line 1"),
        (f"INSERT INTO {SURVEY} VALUES (1)", "SELECT or WITH"),
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_a_bad_query_is_an_error_document_that_says_why(client, adql, words, way):
    assert words in refused(way(client, {"LANG": "ADQL", "QUERY": adql}))


def test_data_that_fail_in_a_query_are_an_error_document(installation):
    text = refused(installation.ask(f"SELECT CAST(survey AS INTEGER) AS n FROM {SURVEY}"))
    assert "is not a whole number" in text


# TAP-12 to TAP-16, DALI-07: MAXREC


@pytest.mark.parametrize(
    ("maxrec", "rows", "mark"),
    [
        (1, 1, "OVERFLOW"),
        (HARD_ROWS - 1, HARD_ROWS - 1, "OVERFLOW"),
        (HARD_ROWS, HARD_ROWS, "OVERFLOW"),
        (HARD_ROWS + 1, HARD_ROWS, "OVERFLOW"),
        (20_000_000, HARD_ROWS, "OVERFLOW"),
        (10**30, HARD_ROWS, "OVERFLOW"),
        (0, 0, "OVERFLOW"),
        (None, DEFAULT_ROWS, "OVERFLOW"),
    ],
)
def test_maxrec_cuts_and_says_so(installation, maxrec, rows, mark):
    given = {} if maxrec is None else {"MAXREC": maxrec}
    answer = good(installation.ask(IDS, **given))
    assert (answer.rows, answer.mark, answer.names) == (rows, mark, ["id"])


@pytest.mark.parametrize(
    ("top", "maxrec", "rows", "mark"),
    [
        (5, 10, 5, None),
        (10, 10, 10, None),
        (11, 10, 10, "OVERFLOW"),
        (0, 10, 0, None),
        (5, 0, 0, "OVERFLOW"),
        (HARD_ROWS, 20_000_000, HARD_ROWS, None),
        (ROWS, 20_000_000, HARD_ROWS, "OVERFLOW"),
        (DEFAULT_ROWS, None, DEFAULT_ROWS, None),
    ],
)
def test_top_and_maxrec_each_hold(installation, top, maxrec, rows, mark):
    given = {} if maxrec is None else {"MAXREC": maxrec}
    answer = good(installation.ask(f"SELECT TOP {top} id FROM {SURVEY}", **given))
    assert (answer.rows, answer.mark) == (rows, mark)


def test_a_result_of_exactly_maxrec_rows_is_whole(installation):
    rows = f"SELECT id FROM {SURVEY} WHERE id <= {2**53 + 12}"
    assert good(installation.ask(rows, MAXREC=12)).mark is None
    assert good(installation.ask(rows, MAXREC=11)).mark == "OVERFLOW"


def test_maxrec_0_marks_overflow_even_where_nothing_would_come(installation):
    answer = good(installation.ask(f"SELECT id FROM {SURVEY} WHERE 1 = 0", MAXREC=0))
    assert (answer.rows, answer.mark) == (0, "OVERFLOW")


def test_maxrec_0_checks_the_query_all_the_same(installation):
    assert "redshift" in refused(installation.ask(f"SELECT redshift FROM {SURVEY}", MAXREC=0))


@pytest.mark.parametrize("maxrec", ["-1", "abc", "1.5", "1e3", "٣", "0x10", "1 2", "NaN"])
@pytest.mark.parametrize("way", [query_string, form])
def test_maxrec_that_is_no_number_of_rows_is_refused(client, maxrec, way):
    text = refused(way(client, BASE | {"MAXREC": maxrec}))
    assert text.startswith(f"MAXREC={maxrec} is not valid")


# TAP-17 to TAP-19, TAP-30, DALI-05, DALI-06: formats


@pytest.mark.parametrize("name", ["FORMAT", "RESPONSEFORMAT", "responseformat", "Format"])
@pytest.mark.parametrize("way", [query_string, form])
def test_both_names_of_the_format_count(client, name, way):
    response = way(client, BASE | {name: "csv"})
    assert response.headers["Content-Type"].startswith("text/csv")


def test_the_name_of_today_wins_over_the_name_of_tap_1_0(client):
    response = client.get(
        "/tap/sync", query_string=BASE | {"FORMAT": "csv", "RESPONSEFORMAT": "votable"}
    )
    good(response)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (None, BINARY2),
        ("votable", BINARY2),
        ("VOTable", BINARY2),
        (VOTABLE, VOTABLE),
        ("application/X-VOTable+XML", VOTABLE),
        ("application/x-votable xml", VOTABLE),
        ("text/xml", "text/xml"),
        ("votable/td", TABLEDATA),
        (TABLEDATA, TABLEDATA),
        (f"{VOTABLE}; serialization=tabledata", TABLEDATA),
        (f'{VOTABLE};serialization="TABLEDATA"', TABLEDATA),
        ("votable/b2", BINARY2),
        (BINARY2, BINARY2),
    ],
)
@pytest.mark.parametrize("way", [query_string, form])
def test_votable_comes_as_what_was_asked_for(client, asked, answered, way):
    given = BASE if asked is None else BASE | {"RESPONSEFORMAT": asked}
    response = way(client, given)
    answer = good(response, answered)
    assert answer.values("id") == [2**53 + 1, 2**53 + 2, 2**53 + 3]
    serialization = b"<TABLEDATA>" if "TABLEDATA" in answered else b"<BINARY2>"
    assert serialization in response.data


@pytest.mark.parametrize("asked", ["csv", "text/csv", "text/csv;header=present", "Text/CSV"])
def test_csv_has_a_header_and_its_quotes(installation, asked):
    adql = f'SELECT TOP 2 id, z, survey, "Mag R" FROM {SURVEY} ORDER BY id'
    response = installation.ask(adql, RESPONSEFORMAT=asked)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/csv;header=present; charset=utf-8"
    rows = list(csv.reader(io.StringIO(response.text)))
    assert rows[0] == ["id", "z", "survey", "Mag R"]
    assert [row[2] for row in rows[1:]] == ["VVDS", 'a "b", c']
    assert rows[1][:2] == [str(2**53 + 1), ""]
    assert response.data.endswith(b"\r\n")


@pytest.mark.parametrize("asked", ["parquet", "application/vnd.apache.parquet"])
def test_parquet_is_a_file_with_the_columns_and_their_meaning(installation, asked):
    response = installation.ask(f"SELECT id, z, pdf FROM {SURVEY}", RESPONSEFORMAT=asked)
    assert response.headers["Content-Type"] == "application/vnd.apache.parquet"
    table = pyarrow.parquet.read_table(io.BytesIO(response.data))
    assert table.column_names == ["id", "z", "pdf"]
    assert table.num_rows == DEFAULT_ROWS
    metadata = table.schema.metadata[b"IVOA.VOTable-Parquet.content"]
    assert b"OVERFLOW" in metadata
    assert b"src.redshift" in metadata


@pytest.mark.parametrize("asked", ["tsv", "text/tab-separated-values"])
def test_tsv_is_served(installation, asked):
    response = installation.ask(BASE["QUERY"], RESPONSEFORMAT=asked)
    assert response.headers["Content-Type"].startswith("text/tab-separated-values")
    assert response.text.splitlines()[0] == "id\tz"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("asked", ["gif", "application/pdf", "votable/xyz", "<b>", "text/*"])
def test_an_unknown_format_is_refused_with_what_there_is(client, way, asked):
    text = refused(way(client, BASE | {"RESPONSEFORMAT": asked}))
    assert asked in text
    for writer in WRITERS:
        assert writer.aliases[0] in text


def test_an_unknown_format_is_refused_before_the_query_runs(installation):
    text = refused(installation.ask("DUFF QUERY", RESPONSEFORMAT="gif"))
    assert "gif" in text


def test_every_declared_format_works_as_declared(client):
    from lxml import etree

    capabilities = etree.fromstring(client.get("/tap/capabilities").data)
    formats = capabilities.findall(".//outputFormat")
    assert len(formats) >= len(WRITERS)
    for declared in formats:
        mime = declared.findtext("mime")
        for asked in [mime, *(alias.text for alias in declared.findall("alias"))]:
            response = client.get("/tap/sync", query_string=BASE | {"RESPONSEFORMAT": asked})
            assert response.status_code == 200, asked
            got = response.headers["Content-Type"].replace(" ", "")
            assert got.partition(";")[0] == mime.partition(";")[0], asked


# TAP-20, TAP-21: columns of the result


def test_columns_are_those_of_the_select_list_in_order(installation):
    columns = 'z, "Mag R", id AS ident, z + 1, COUNT(*)'
    adql = f'SELECT TOP 1 {columns} FROM {SURVEY} GROUP BY z, "Mag R", id'
    names = good(installation.ask(adql)).names
    assert names[:3] == ["z", "Mag R", "ident"]
    assert all(names)
    assert len(set(names)) == 5


def test_names_that_come_twice_are_made_unique(installation):
    adql = (
        f"SELECT TOP 1 a.id, b.id, a.z AS id FROM {SURVEY} AS a JOIN {SURVEY} AS b ON a.id = b.id"
    )
    names = good(installation.ask(adql)).names
    assert len({name.lower() for name in names}) == 3


def described(answer, name):
    field = next(f for f in answer.table.fields if f.name == name)
    return {
        key: None if value is None else str(value)
        for key, value in {
            "datatype": field.datatype,
            "arraysize": field.arraysize,
            "xtype": field.xtype,
            "unit": field.unit,
            "ucd": field.ucd,
            "utype": field.utype,
            "description": field.description,
        }.items()
    }


@pytest.mark.parametrize(
    "adql",
    [
        f"SELECT * FROM {SURVEY}",
        f"SELECT * FROM (SELECT * FROM {SURVEY}) AS inner_query",
        f"SELECT a.* FROM {SURVEY} AS a LEFT OUTER JOIN {SURVEY} AS b ON a.id = b.id",
        f"SELECT DISTINCT * FROM {SURVEY}",
    ],
)
def test_columns_keep_what_tap_schema_says_of_them(installation, adql):
    listed = good(
        installation.ask(
            "SELECT column_name, datatype, arraysize, xtype, unit, ucd, utype, description "
            f"FROM TAP_SCHEMA.columns WHERE table_name = '{SURVEY}' ORDER BY column_index"
        )
    )
    rows = listed.table.to_table(use_names_over_ids=True)
    result = good(installation.ask(adql, MAXREC=1))
    assert [n.strip('"') for n in rows["column_name"]] == result.names
    for row, name in zip(rows, result.names, strict=True):
        declared = {
            key: None if np.ma.is_masked(row[key]) or not row[key] else str(row[key])
            for key in rows.colnames
            if key != "column_name"
        }
        if re.fullmatch(r"\d+\*", declared["arraysize"] or ""):
            # The binary forms give texts of a known length a fixed width.
            declared["arraysize"] = declared["arraysize"].rstrip("*")
        assert described(result, name) == declared


def test_what_was_annotated_is_in_the_result(installation):
    answer = good(installation.ask(f'SELECT id, "Mag R" FROM {SURVEY}'))
    assert described(answer, "id")["description"] == "Identifier < 2^63"
    magnitude = described(answer, "Mag R")
    assert (magnitude["ucd"], magnitude["unit"], magnitude["utype"]) == (
        "phot.mag;em.opt.R",
        "mag",
        "t:mag.r",
    )


# DALI-13, DALI-14: statements about the result


def test_the_result_says_where_it_is_from(installation):
    infos = good(installation.ask(IDS, MAXREC=1)).infos
    assert infos["standardID"].value == "ivo://ivoa.net/std/TAP"
    assert infos["reference_url"].value == "https://vo.example.org/photoz/tap"
    assert infos["query"].value == IDS


# TAP-33: TAP_SCHEMA


def test_tap_schema_describes_itself(installation):
    answer = good(
        installation.ask(
            "SELECT t.table_name, COUNT(*) AS n FROM TAP_SCHEMA.tables AS t "
            "JOIN TAP_SCHEMA.columns AS c ON t.table_name = c.table_name "
            "WHERE t.schema_name = 'TAP_SCHEMA' GROUP BY t.table_name ORDER BY t.table_name"
        )
    )
    assert [name.lower() for name in answer.values("table_name")] == [
        f"tap_schema.{name}" for name in ("columns", "key_columns", "keys", "schemas", "tables")
    ]


# DALI-08, DALI-09: what comes with a request is tested with uploads


@pytest.mark.parametrize("value", ["t,param:f", "t,http://127.0.0.1/t.vot", "t,file:///etc/passwd"])
def test_uploads_that_cannot_be_had_are_refused_in_words(client, value):
    assert "upload" in refused(multipart(client, BASE | {"UPLOAD": value})).lower()


def test_a_runid_is_kept_short(client):
    assert "RUNID" in refused(form(client, BASE | {"RUNID": "r" * 65}))
    good(form(client, BASE | {"RUNID": "r" * 64}))


# Sizes


def long_query(characters):
    head, tail = f"SELECT id FROM {SURVEY} WHERE id IN ({2**53 + 1}", ")"
    filler = ", 1234567890"
    return head + filler * ((characters - len(head) - 1) // len(filler)) + tail


@pytest.mark.parametrize("way", [form, multipart])
def test_a_query_of_100_000_characters_is_answered(client, way):
    adql = long_query(100_000)
    assert len(adql) > 99_980
    assert good(way(client, {"LANG": "ADQL", "QUERY": adql})).values("id") == [2**53 + 1]


@pytest.mark.parametrize("way", [form, multipart])
def test_a_query_past_the_limit_of_characters_is_refused_with_the_limit(client, way):
    adql = long_query(100_000) + " " * 50_100
    assert "150000" in refused(way(client, {"LANG": "ADQL", "QUERY": adql}))


@pytest.mark.parametrize("way", [form, multipart])
def test_a_body_past_the_limit_is_a_votable(client, way):
    body = {"LANG": "ADQL", "QUERY": "x" * 4_000_000}
    assert "too large" in refused(way(client, body), 413)


def test_a_form_of_too_many_parts_is_a_votable(client):
    body = BASE | {f"p{i}": "1" for i in range(200)}
    assert "too large" in refused(multipart(client, body), 413)


def test_a_body_that_breaks_off_is_an_error_document(client):
    response = client.post(
        "/tap/sync",
        data=b'--x\r\nContent-Disposition: form-data; name="LANG"\r\n\r\nAD',
        content_type="multipart/form-data; boundary=x",
    )
    refused(response)


def test_a_multipart_body_without_boundary_is_an_error_document(client):
    refused(client.post("/tap/sync", data=b"LANG=ADQL", content_type="multipart/form-data"))


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "", "nonsense"])
def test_a_body_of_another_type_says_what_is_missing(client, content_type):
    response = client.post("/tap/sync", data=b"LANG=ADQL&QUERY=x", content_type=content_type)
    assert refused(response).startswith("LANG is missing")


def test_bytes_that_are_no_utf_8_are_no_fault_of_the_service(client):
    assert client.get("/tap/sync?LANG=ADQL&QUERY=SELECT%20%FF").status_code == 400
    assert client.get("/tap/sync?LANG=ADQL&QUERY=SELECT%00%20'").status_code == 400
    assert client.get("/tap/sync?LANG=%FF&QUERY=SELECT").status_code == 400


# What is logged of a query


def test_each_query_leaves_one_line_in_the_log(installation, caplog):
    with caplog.at_level(logging.INFO, "pzvo.query"):
        installation.ask(IDS, MAXREC=7)
    (line,) = [r.getMessage() for r in caplog.records if r.name == "pzvo.query"]
    logged = json.loads(line)
    assert (logged["event"], logged["rows"], logged["error"]) == ("query", 7, None)
    assert logged["bytes"] > 0
