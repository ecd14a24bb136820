"""A service whose tables are in PostgreSQL: everything that the embedded engine does, and faults.

The cluster is the tests' own, with a role that owns the tables and one that reads them.
"""

from __future__ import annotations

import io
import json
import socket
import time
from urllib.parse import urlencode, urlsplit

import numpy as np
import psycopg2
import pyarrow as pa
import pytest
import pyvo
import requests
from astropy.table import Table
from command_line import pzvo
from postgres import PostgresServer
from postgres_service import Installation, page_block
from readback import FORMATS, differences, file_cells
from result_files import read_result
from votables import read_votable

from vo_service.engines.postgres.installation import available_prefilters

pytestmark = [
    pytest.mark.clients,
    pytest.mark.postgres,
    # pyvo leaves its connections to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ROWS = 5000
TABLE = "redshift_catalog.p1_sky"
QUICK = f"SELECT TOP 5 id, z FROM {TABLE} ORDER BY id"
SLOW = (
    f"SELECT COUNT(*) FROM {TABLE} AS a, {TABLE} AS b, {TABLE} AS c"
    " WHERE a.z * b.z > c.z AND a.id < b.id"
)
TAPLINT_STAGES = "TMV TME TMS TMC CPV CAP AVV QGE QPO MDQ UPL EXA"
KNOWN_FALSE_ALARM = ("CAP", "KEYX", "#features-adql-conditional")
"""Release 3.4.7 of taplint is older than this key of ADQL 2.1."""


def sky(seed: int = 1) -> pa.Table:
    rng = np.random.default_rng(seed)
    z = rng.gamma(2, 0.4, ROWS)
    return pa.table(
        {
            "id": pa.array(np.arange(ROWS) + 2**53 + 1),
            "ra": rng.uniform(0, 360, ROWS),
            "dec": np.degrees(np.arcsin(rng.uniform(-1, 1, ROWS))),
            "z": pa.array(z, mask=rng.random(ROWS) < 0.1),
            "mag": rng.normal(22, 1, ROWS).astype(np.float32),
            "name": pa.array(["é✓", "", None, 'say "a, b"', "tab\there"] * (ROWS // 5)),
            "seen": pa.array(np.datetime64("2025-01-01", "us") + rng.integers(0, 10**13, ROWS)),
            "star": pa.array(rng.random(ROWS) < 0.5),
            "pdf": pa.array([[0.1, i / 7] for i in range(ROWS)], pa.list_(pa.float64(), 2)),
        }
    )


def phase(job: str) -> str:
    return requests.get(f"{job}/phase", timeout=240).text.strip()


def wait_for(job: str, *phases: str, limit_s: float = 240.0) -> str:
    deadline = time.monotonic() + limit_s
    while (found := phase(job)) not in phases:
        assert time.monotonic() < deadline, f"{job} is still {found}"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def server():
    server = PostgresServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return sky()


@pytest.fixture(scope="module")
def service(server, rows, tmp_path_factory):
    installation = Installation(server, tmp_path_factory.mktemp("home"), "none")
    installation.publish("sky", rows)
    installation.live.start()
    yield installation
    if installation.live.process.poll() is None:
        installation.live.stop()


@pytest.fixture(scope="module")
def indexed(server, rows, tmp_path_factory):
    """The same with pgSphere's index."""
    probe = server.new_database()
    if "pgsphere" not in available_prefilters(probe):
        pytest.skip("pgSphere is not installed")
    installation = Installation(server, tmp_path_factory.mktemp("indexed"), "pgsphere")
    installation.publish("sky", rows)
    installation.live.start()
    yield installation
    installation.live.stop()


@pytest.fixture(params=["service", "indexed"])
def installation(request) -> Installation:
    """Each of the two in turn."""
    return request.getfixturevalue(request.param)


def near(rows: pa.Table, offset_arcsec: float) -> Table:
    """Every tenth object, moved a little."""
    chosen = rows.take(pa.array(np.arange(0, ROWS, 10)))
    return Table(
        {
            "obj": chosen["id"].to_numpy(),
            "ra": chosen["ra"].to_numpy(),
            "de": np.clip(chosen["dec"].to_numpy() + offset_arcsec / 3600, -90, 90),
        }
    )


def votable(table: Table) -> bytes:
    made = io.BytesIO()
    table.write(made, format="votable")
    return made.getvalue()


# ------------------------------------------------------------------------------- queries


def test_metadata_and_tables_are_in_the_database_and_nothing_in_the_home(service):
    assert not (service.home / "metadata.sqlite").exists()
    assert not list((service.home / "tables").glob("*.duckdb"))
    assert service.csv("SELECT table_name FROM TAP_SCHEMA.tables WHERE table_name LIKE 'red%'") == [
        TABLE
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_published_values(service, rows, name):
    answer = service.ask(f"SELECT * FROM {TABLE}", RESPONSEFORMAT=name, MAXREC="100000")
    assert answer.status_code == 200, answer.text
    expected = file_cells(rows)
    assert differences(expected, read_result(answer.content, name, expected), name) == []


@pytest.mark.parametrize(
    ("condition", "matches"),
    [
        ("DISTANCE(s.ra, s.dec, t.ra, t.de) < 1/3600.", True),
        ("1 = CONTAINS(POINT(t.ra, t.de), CIRCLE(s.ra, s.dec, 1/3600.))", True),
        ("DISTANCE(POINT(s.ra, s.dec), POINT(t.ra, t.de)) < 0.1/3600", False),
    ],
)
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_an_upload_is_crossmatched(installation, rows, condition, matches, mode):
    mine = near(rows, 0.5)
    tap = pyvo.dal.TAPService(installation.live.url)
    run = tap.run_sync if mode == "sync" else tap.run_async
    found = run(
        f"SELECT t.obj, s.id FROM TAP_UPLOAD.mine AS t JOIN {TABLE} AS s ON {condition}"
        " ORDER BY t.obj",
        uploads={"mine": mine},
    ).to_table()
    assert found["obj"].tolist() == (sorted(mine["obj"].tolist()) if matches else [])
    assert found["id"].tolist() == found["obj"].tolist()


def test_cones_and_polygons_find_what_numpy_finds(installation, rows):
    ra, dec = np.radians(rows["ra"].to_numpy()), np.radians(rows["dec"].to_numpy())
    place = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    inside = np.degrees(np.arccos(np.clip(place[0], -1, 1))) < 20
    counts = installation.csv(
        f"SELECT COUNT(*) FROM {TABLE} WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(0, 0, 20))"
    )
    assert counts == [str(inside.sum())]
    octant = (place > 0).all(axis=0)
    counts = installation.csv(
        f"SELECT COUNT(*) FROM {TABLE} WHERE"
        " 1 = CONTAINS(POINT(ra, dec), POLYGON(0, 0, 90, 0, 0, 90))"
    )
    assert counts == [str(octant.sum())]


def test_taplint_finds_no_errors(installation, stilts):
    done = stilts(
        "taplint", f"tapurl={installation.live.url}", "interface=tap1.1",
        f"stages={TAPLINT_STAGES}", "report=EWISF", "format=json",
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert [section["code"] for section in report["sections"]] == TAPLINT_STAGES.split()
    found = [
        (section["code"], each["code"], each["text"])
        for section in report["sections"]
        for each in section.get("reports", [])
        if each["level"] in ("ERROR", "WARNING", "FAILURE")
    ]
    stage, code, text = KNOWN_FALSE_ALARM
    assert [each for each in found if each[:2] != (stage, code) or text not in each[2]] == []


# ------------------------------------------------------------------------------- publication


def test_a_replaced_table_has_the_new_rows_and_a_withdrawn_one_is_gone(service):
    service.publish("short", sky(2).slice(0, 10))
    (table,) = service.csv(
        "SELECT table_name FROM TAP_SCHEMA.tables WHERE table_name LIKE '%short'"
    )
    assert service.csv(f"SELECT COUNT(*) FROM {table}") == ["10"]
    service.publish("short", sky(3).slice(0, 7), "--replace")
    assert service.csv(f"SELECT COUNT(*) FROM {table}") == ["7"]
    service.pzvo("withdraw", table.split(".p")[1])
    answer = service.ask(f"SELECT COUNT(*) FROM {table}")
    assert answer.status_code == 400
    assert "Unknown table" in read_votable(answer.content).text


# ------------------------------------------------------------------------------- rights


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM users",
        "SELECT * FROM products",
        "SELECT * FROM pg_authid",
        "SELECT pg_read_file('/etc/hostname')",
        "SELECT pg_ls_dir('/')",
        "SELECT lo_import('/etc/hostname')",
        "COPY (SELECT 1) TO '/tmp/never'",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "CREATE TABLE pzvo_tables.mine (x int)",
        "CREATE TABLE public.mine (x int)",
        "CREATE FUNCTION pzvo.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE EXTENSION dblink",
        "CREATE ROLE other",
        "SET ROLE pzvo",
    ],
)
def test_the_role_of_the_queries_reaches_nothing_but_tables(service, sql):
    session = service.psycopg2(service.reader)
    try:
        with session.cursor() as cursor, pytest.raises(psycopg2.Error) as error:
            cursor.execute(sql)
        assert error.value.pgcode in ("42501", "42P01", "0A000"), error.value
    finally:
        session.close()


def test_the_role_of_the_queries_reads_tables_and_cannot_change_them(service):
    session = service.psycopg2(service.reader)
    session.autocommit = True
    try:
        with session.cursor() as cursor:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'pzvo_tables'")
            tables = [name for (name,) in cursor.fetchall()]
            assert tables
            for name in tables:
                cursor.execute(f'SELECT count(*) FROM pzvo_tables."{name}"')
                for change in ("DELETE FROM", "TRUNCATE", "DROP TABLE"):
                    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                        cursor.execute(f'{change} pzvo_tables."{name}"')
    finally:
        session.close()


def test_the_settings_of_the_page_are_settings(tmp_path):
    (tmp_path / "pzvo.toml").write_text(page_block("pzvo.toml"), encoding="utf-8")
    done = pzvo(tmp_path, "--config", str(tmp_path / "pzvo.toml"), "config")
    assert done.returncode == 0, done.stderr
    assert 'positions_index = "q3c"' in done.stdout


# ------------------------------------------------------------------------------- stopping


def test_an_aborted_job_stops_in_the_server_within_a_second(service):
    job = service.submit(SLOW)
    wait_for(job, "EXECUTING")
    service.wait_for_queries(1, 10)
    requests.post(f"{job}/phase", data={"PHASE": "ABORT"}, timeout=240)
    service.wait_for_queries(0, 1.5)
    assert wait_for(job, "ABORTED") == "ABORTED"
    wait_for(service.submit(QUICK), "COMPLETED", limit_s=240)


def test_a_client_that_goes_away_stops_its_query(service):
    parts = urlsplit(service.live.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=240) as client:
        path = f"{parts.path}/sync?{urlencode({'LANG': 'ADQL', 'QUERY': SLOW})}"
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        service.wait_for_queries(1, 10)
    service.wait_for_queries(0, 5)


def test_the_time_limit_of_a_job_stops_the_server_too(service):
    job = service.submit(SLOW, EXECUTIONDURATION="1")
    assert wait_for(job, "ABORTED", "ERROR", limit_s=240)
    service.wait_for_queries(0, 5)


def test_a_killed_database_server_is_an_error_to_retry_and_then_forgotten(service):
    assert service.ask(QUICK).status_code == 200
    service.server.kill()
    try:
        answer = service.ask(QUICK)
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) > 0
        assert read_votable(answer.content).status == "ERROR"
        availability = requests.get(f"{service.live.url}/availability", timeout=240)
        assert "false</" in availability.text
    finally:
        service.server.restart()
    deadline = time.monotonic() + 180
    while (answer := service.ask(QUICK)).status_code == 503:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert answer.status_code == 200, answer.text
    wait_for(service.submit(QUICK), "COMPLETED", limit_s=240)
    assert service.live.process.poll() is None


def test_the_service_stops_in_order_with_a_query_in_the_server(service):
    service.submit(SLOW)
    service.wait_for_queries(1, 20)
    assert service.live.stop() == 0
    service.wait_for_queries(0, 5)
