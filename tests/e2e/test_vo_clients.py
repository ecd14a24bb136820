"""Real VO clients on a live service: STILTS, pyvo, TapPlus, and what TOPCAT and Aladin send."""

from __future__ import annotations

import csv
import http.client
import io
import json
import math
import shutil
import socket
import warnings
from urllib.parse import urlencode, urlsplit

import pytest
import pyvo
import requests
from live import LiveService
from pyvo.dal.exceptions import DALOverflowWarning, DALQueryError
from votables import read_votable

pytestmark = pytest.mark.clients

SURVEY = "redshift_catalog.p1_test_survey"
IDS = f'SELECT TOP 5 OBJID, z, "survey name" FROM {SURVEY} ORDER BY OBJID'
FIRST = [2**53 + 1 + i for i in range(5)]
TAPLINT_STAGES = "TMV TME TMS TMC CPV CAP AVV QGE QPO MDQ OBS EXA"

KNOWN_FALSE_ALARMS = {
    ("CAP", "KEYX", "#features-adql-conditional"),
    ("OBS", "TYPX", "s_region: double != REGION"),
}
"""Release 3.4.7 of taplint is older than this key of ADQL 2.1, and than the types of DALI 1.1."""


# STILTS


@pytest.fixture(scope="module")
def taplint(service, stilts):
    """The report of taplint's synchronous stages."""
    done = stilts(
        "taplint", f"tapurl={service.url}", "interface=tap1.1", f"stages={TAPLINT_STAGES}",
        "report=EWISF", "format=json",
    )  # fmt: skip
    return json.loads(done.stdout)


def reported(taplint, level):
    return [
        (section["code"], report["code"], report["text"])
        for section in taplint["sections"]
        for report in section.get("reports", [])
        if report["level"] == level
    ]


def test_taplint_runs_every_stage_with_queries_that_succeed(taplint):
    assert [section["code"] for section in taplint["sections"]] == TAPLINT_STAGES.split()
    counts = [text.split()[-1] for _, code, text in reported(taplint, "SUMMARY") if code == "QNUM"]
    assert len(counts) == 5
    for count in counts:
        succeeded, submitted = count.split("/")
        assert succeeded == submitted != "0"


def test_taplint_finds_no_errors(taplint):
    found = [
        (stage, code, text)
        for stage, code, text in reported(taplint, "ERROR")
        if not any((stage, code) == known[:2] and known[2] in text for known in KNOWN_FALSE_ALARMS)
    ]
    assert found == []


@pytest.mark.parametrize("level", ["WARNING", "FAILURE"])
def test_taplint_finds_no_warnings_and_no_failures(taplint, level):
    assert reported(taplint, level) == []
    assert taplint["totals"][level] == 0


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["interface=tap1.0"],
        ["interface=tap1.1"],
        ["interface=cap"],
        ["compress=false"],
        ["language=ADQL"],
        ["language=ADQL-2.0"],
        ["language=ADQL-2.1"],
        ["maxrec=5"],
    ],
    ids=" ".join,
)
def test_stilts_tapquery_reads_the_rows(service, stilts, survey, options):
    rows = tapquery(service, stilts, *options)
    assert [int(row["OBJID"]) for row in rows] == FIRST
    by_id = dict(zip(survey["OBJID"].to_pylist(), survey["z"].to_pylist(), strict=True))
    # A NaN of the file is null in the table; STILTS writes both as nothing.
    assert [row["z"] for row in rows] == [
        "" if math.isnan(by_id[i]) else repr(by_id[i]) for i in FIRST
    ]
    assert rows[0].keys() == {"OBJID", "z", "survey name"}


def tapquery(service, stilts, *options):
    done = stilts(
        "tapquery", f"tapurl={service.url}", "sync=true", f"adql={IDS}", "ofmt=csv", *options
    )
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


@pytest.mark.parametrize(("maxrec", "rows"), [(2, 2), (0, 0)])
def test_stilts_tapquery_keeps_its_own_limit(service, stilts, maxrec, rows):
    assert len(tapquery(service, stilts, f"maxrec={maxrec}")) == rows


def test_stilts_tapquery_shows_the_message_of_an_error(service, stilts):
    done = stilts(
        "tapquery", f"tapurl={service.url}", "sync=true", f"adql=SELECT OBJIDD FROM {SURVEY}"
    )
    assert done.returncode != 0
    assert 'Unknown column "OBJIDD" (line 1, column 8); did you mean "OBJID"?' in done.stderr


# pyvo; every warning of it is an error here, as pytest is configured


@pytest.fixture(scope="module")
def tap(service):
    session = requests.Session()
    yield pyvo.dal.TAPService(service.url, session=session)
    session.close()


def test_pyvo_reads_the_capabilities(tap):
    ids = [capability.standardid for capability in tap.capabilities]
    assert "ivo://ivoa.net/std/TAP" in ids
    assert "ivo://ivoa.net/std/VOSI#tables-1.1" in ids
    assert (tap.maxrec, tap.hardlimit) == (1_000_000, 50_000_000)
    assert [method.ivo_id for method in tap.upload_methods] == [
        f"ivo://ivoa.net/std/TAPRegExt#upload-{name}" for name in ("inline", "http", "https")
    ]
    adql = tap.get_tap_capability().get_adql()
    assert [version.content for version in adql.versions] == ["2.0", "2.1"]
    assert adql.get_feature("ivo://ivoa.net/std/TAPRegExt#features-adqlgeo", "CONTAINS")


def test_pyvo_reads_the_tables(tap):
    tables = tap.tables
    assert SURVEY in tables
    assert "TAP_SCHEMA.columns" in tables
    table = tables[SURVEY]
    columns = {column.name: column for column in table.columns}
    assert columns["OBJID"].ucd == "meta.id;meta.main"
    assert columns["RA"].ucd == "pos.eq.ra;meta.main"
    assert columns["RA"].unit == "deg"
    assert columns["z"].ucd == "src.redshift"
    assert {'"mag.r"', '"survey name"', '"count"'} <= columns.keys()
    assert columns["OBJID"].datatype.content == "long"
    assert columns["pdf"].datatype.arraysize == "3"


def test_the_names_that_pyvo_lists_can_be_queried(tap):
    names = ", ".join(column.name for column in tap.tables[SURVEY].columns)
    assert len(tap.search(f"SELECT TOP 2 {names} FROM {SURVEY}")) == 2


def test_pyvo_reads_the_examples_and_they_run(tap):
    examples = tap.examples
    assert len(examples) >= 4
    assert any(SURVEY in example["QUERY"] for example in examples)
    for example in examples:
        example.execute()


def test_pyvo_reads_the_rows(tap, survey):
    found = tap.search(f"SELECT OBJID, z, quality, comment, pdf, seen FROM {SURVEY}")
    assert len(found) == survey.num_rows
    table = found.to_table()
    table.sort("OBJID")
    expected = survey.sort_by("OBJID")
    assert table["OBJID"].tolist() == expected["OBJID"].to_pylist()
    assert table["quality"].tolist() == expected["quality"].to_pylist()
    assert table["comment"].tolist() == expected["comment"].to_pylist()
    assert str(table["seen"][0]) == expected["seen"][0].as_py().isoformat()
    assert found.getcolumn("pdf").shape == (survey.num_rows, 3)


def test_pyvo_takes_what_it_asks_for_as_the_end(tap):
    assert len(tap.search(f"SELECT OBJID FROM {SURVEY}", maxrec=7)) == 7


@pytest.fixture(scope="module")
def limited(service, tmp_path_factory):
    """The same installation with a small default limit of rows, and a short one of time."""
    home = tmp_path_factory.mktemp("limited") / "home"
    shutil.copytree(service.home, home)
    live = LiveService(
        home,
        {
            "PZVO_MAXREC_DEFAULT_ROWS": "100",
            "PZVO_SYNC_TIMEOUT_S": "4",
        },
    )
    live.start()
    yield live
    live.stop()


def test_pyvo_warns_of_rows_that_were_cut_and_of_no_others(limited):
    with requests.Session() as session:
        tap = pyvo.dal.TAPService(limited.url, session=session)
        with pytest.warns(DALOverflowWarning):
            assert len(tap.search(f"SELECT OBJID FROM {SURVEY}")) == 100
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert len(tap.search(f"SELECT TOP 100 OBJID FROM {SURVEY}")) == 100
            assert len(tap.search(f"SELECT OBJID FROM {SURVEY}", maxrec=5000)) == 3000


def test_pyvo_shows_the_message_of_an_error(tap):
    with pytest.raises(DALQueryError) as error:
        tap.search(f"SELECT OBJIDD FROM {SURVEY}")
    assert error.value.reason == 'Unknown column "OBJIDD" (line 1, column 8); did you mean "OBJID"?'
    with pytest.raises(DALQueryError, match=r"DUFF"):
        tap.search("DUFF QUERY")


def test_what_pyvo_posts_gives_the_same_by_get(tap):
    query = tap.create_query(IDS)
    assert [int(i) for i in query.execute()["OBJID"]] == FIRST
    answer = requests.get(query.queryurl, params=dict(query), timeout=240)
    assert read_votable(answer.content).values("OBJID") == FIRST


@pytest.mark.parametrize("responseformat", ["votable", "votable/td", "votable/b2", "text/xml"])
def test_pyvo_reads_every_kind_of_votable(tap, responseformat):
    found = tap.run_sync(IDS, responseformat=responseformat)
    assert [int(i) for i in found["OBJID"]] == FIRST


# astroquery


def test_tapplus_asks_synchronously(service):
    with warnings.catch_warnings():
        # Its own: imports of old names, and connections that it leaves open.
        warnings.simplefilter("ignore")
        core = pytest.importorskip("astroquery.utils.tap.core")
        tap = core.Tap(url=service.url)
        found = tap.launch_job(IDS).get_results()
        with pytest.raises(requests.HTTPError, match="OBJIDD"):
            tap.launch_job(f"SELECT OBJIDD FROM {SURVEY}")
        assert found["OBJID"].tolist() == FIRST
        del tap, found


# Requests as TOPCAT and Aladin write them


@pytest.fixture
def connection(service):
    parts = urlsplit(service.url)
    opened = http.client.HTTPConnection(parts.hostname, parts.port, timeout=240)
    yield opened
    opened.close()


def read(connection, status=200):
    response = connection.getresponse()
    body = response.read()
    assert response.status == status, body[:500]
    return response, body


@pytest.mark.parametrize(
    "adql",
    [
        "SELECT * FROM TAP_SCHEMA.tables",
        f"SELECT * FROM TAP_SCHEMA.columns WHERE table_name='{SURVEY}'",
        "SELECT * FROM TAP_SCHEMA.keys JOIN TAP_SCHEMA.key_columns USING (key_id)",
    ],
)
def test_aladin_reads_the_metadata(connection, adql):
    mime = "application/x-votable+xml;serialization=TABLEDATA"
    parameters = {"REQUEST": "doQuery", "LANG": "ADQL", "MAXREC": "20000000", "FORMAT": mime}
    connection.request(
        "GET",
        f"/tap/sync?{urlencode(parameters | {'QUERY': adql})}",
        headers={"Accept-Encoding": "gzip", "User-Agent": "Aladin/v12.001 Java"},
    )
    response, body = read(connection)
    assert response.getheader("Content-Type") == mime
    assert response.getheader("Content-Encoding") is None
    answer = read_votable(body)
    assert b"<TABLEDATA>" in body
    assert answer.rows > 0
    assert answer.mark is None


def test_aladin_reads_a_count_without_a_name(connection):
    parameters = {"REQUEST": "doQuery", "LANG": "ADQL", "QUERY": f"SELECT COUNT(*) FROM {SURVEY}"}
    connection.request("GET", f"/tap/sync?{urlencode(parameters)}")
    answer = read_votable(read(connection)[1])
    assert answer.names[0]
    assert answer.values(answer.names[0]) == [3000]


def test_aladin_gets_errors_in_the_one_type_that_it_reads(connection):
    connection.request("GET", "/tap/sync?REQUEST=doQuery&LANG=ADQL&QUERY=DUFF")
    response, body = read(connection, 400)
    assert response.getheader("Content-Type") == "application/x-votable+xml"
    assert read_votable(body).status == "ERROR"


BOUNDARY = "<<<--------------MULTIPART-BOUNDARY------->>>"


def topcat_form(**parameters):
    """A form as STILTS' uws client writes it: the type of each part before its disposition."""
    parts = "".join(
        f"--{BOUNDARY}\r\nContent-Type: text/plain; charset=UTF-8\r\n"
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parameters.items()
    )
    return f"\r\n{parts}--{BOUNDARY}--".encode()


def post_topcat_form(connection, body, chunk_bytes=2**20):
    pieces = (body[at : at + chunk_bytes] for at in range(0, len(body), chunk_bytes))
    connection.request(
        "POST",
        "/tap/sync",
        body=pieces,
        headers={"Content-Type": f'multipart/form-data; boundary="{BOUNDARY}"'},
        encode_chunked=True,
    )


@pytest.mark.parametrize("chunk_bytes", [7, 2**20])
def test_topcat_posts_a_form_in_chunks(connection, chunk_bytes):
    body = topcat_form(REQUEST="doQuery", VERSION="1.0", LANG="ADQL", QUERY=IDS)
    for _ in range(2):  # on one connection, so that nothing of the body may be left on it
        post_topcat_form(connection, body, chunk_bytes)
        response, answer = read(connection)
        assert response.getheader("Content-Type").startswith("application/x-votable+xml")
        assert read_votable(answer).values("OBJID") == FIRST


def long_query(items):
    numbers = ", ".join(str(2**53 + 1 + i % 5) for i in range(items))
    return f"SELECT OBJID FROM {SURVEY} WHERE OBJID IN ({numbers})"


def test_a_list_of_thousands_of_identifiers_is_answered(connection):
    adql = long_query(9000)
    assert len(adql) > 100_000
    post_topcat_form(connection, topcat_form(LANG="ADQL", QUERY=adql))
    assert sorted(read_votable(read(connection)[1]).values("OBJID")) == FIRST


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart"])
@pytest.mark.parametrize("megabytes", [4, 30])
def test_a_body_past_the_limit_is_answered_so_that_the_client_reads_it(
    connection, chunked, content_type, megabytes
):
    text = "x" * (megabytes * 10**6)
    if content_type == "multipart":
        content_type = f'multipart/form-data; boundary="{BOUNDARY}"'
        body = topcat_form(LANG="ADQL", QUERY="SELECT 1", JUNK=text, MAXREC="1")
    else:
        # Whatever is behind the limit must not be lost in silence.
        body = urlencode({"LANG": "ADQL", "QUERY": IDS, "JUNK": text, "MAXREC": "1"}).encode()
    pieces = (body[at : at + 2**20] for at in range(0, len(body), 2**20))
    connection.request(
        "POST",
        "/tap/sync",
        body=pieces if chunked else body,
        headers={"Content-Type": content_type},
        encode_chunked=chunked,
    )
    response, answer = read(connection, 413)
    assert response.getheader("Content-Type") == "application/x-votable+xml"
    assert "too large" in read_votable(answer).text
    # The connection is in order.
    connection.request("GET", "/tap/availability")
    read(connection)


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(service):
    parts = urlsplit(service.url)
    body = urlencode({"LANG": "ADQL", "QUERY": IDS}).encode()
    with socket.create_connection((parts.hostname, parts.port), timeout=240) as client:
        head = (
            "POST /tap/sync HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
        )
        client.sendall(head.encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 100")
        client.sendall(body)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")


# HTTP as the server speaks it, beside the application


def test_the_server_names_a_vo_component(connection):
    connection.request("GET", "/tap/capabilities")
    assert "IVOA-TAP/1.1" in read(connection)[0].getheader("Server")


def test_head_has_no_body_and_leaves_the_connection_in_order(connection):
    parameters = urlencode({"LANG": "ADQL", "QUERY": f"SELECT * FROM {SURVEY}"})
    connection.request("HEAD", f"/tap/sync?{parameters}")
    assert read(connection)[1] == b""
    connection.request("GET", "/tap/availability")
    assert b"true" in read(connection)[1]


def test_addresses_in_documents_are_those_of_the_server(connection, service):
    connection.request("GET", "/tap/capabilities", headers={"Host": "evil.example.org"})
    body = read(connection)[1].decode()
    assert f"{service.url}/tables" in body
    assert "evil" not in body


def test_a_query_that_is_too_long_for_a_url_is_refused_in_http(connection):
    connection.request("GET", f"/tap/sync?{urlencode({'LANG': 'ADQL', 'QUERY': 'x' * 70_000})}")
    assert b"Request Line is too large" in read(connection, 414)[1]


# A query that fails when its first rows have left: past its time limit


def ask_too_much(live, responseformat):
    parts = urlsplit(live.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=240)
    # Some rows of each hundred, of more than the engine can make in the time that it has.
    adql = (
        f"SELECT a.OBJID, a.comment FROM {SURVEY} AS a, {SURVEY} AS b, {SURVEY} AS c"
        " WHERE MOD(a.OBJID * 7 + b.OBJID * 3 + c.OBJID, 100) < 3"
    )
    given = {"LANG": "ADQL", "QUERY": adql, "MAXREC": "50000000", "FORMAT": responseformat}
    connection.request("GET", f"/tap/sync?{urlencode(given)}")
    return connection, connection.getresponse()


def last_bytes(response):
    tail = b""
    while piece := response.read(2**20):
        tail = (tail + piece)[-1000:]
    return tail


@pytest.mark.parametrize("responseformat", ["votable", "votable/td"])
def test_a_late_error_is_the_end_of_a_whole_votable(limited, responseformat):
    connection, response = ask_too_much(limited, responseformat)
    assert response.status == 200
    tail = last_bytes(response)
    assert b'</TABLE>\n<INFO name="QUERY_STATUS" value="ERROR">' in tail
    assert b"time limit of 4 s" in tail
    assert tail.endswith(b"</VOTABLE>\n")
    connection.close()


def test_a_late_error_cuts_a_text_that_has_no_place_for_it(limited):
    connection, response = ask_too_much(limited, "csv")
    assert response.status == 200
    with pytest.raises(http.client.IncompleteRead):
        last_bytes(response)
    connection.close()
    log = (limited.home / "serve.log").read_text()
    assert "Traceback" not in log
    assert '"format": "csv"' in log
    last = next(line for line in reversed(log.splitlines()) if '"format": "csv"' in line)
    assert "time limit of 4 s" in last
