"""Clients that hang up, stop reading, or ask for more than may be had."""

from __future__ import annotations

import http.client
import json
import select
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from command_line import pzvo
from live import LiveService

ROWS = 400_000
HEAVY = "SELECT COUNT(*) FROM {t} AS a, {t} AS b WHERE a.z * b.z > 2.0 AND a.id < b.id"


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """A service of one process with short limits, and a table that is slow to cross."""
    home = tmp_path_factory.mktemp("home")
    rng = np.random.default_rng(1)
    table = pa.table(
        {
            "id": np.arange(ROWS),
            "ra": rng.uniform(0, 360, ROWS),
            "dec": rng.uniform(-90, 90, ROWS),
            "z": rng.gamma(2, 0.4, ROWS),
            "note": [f"a longer text for row {i}" for i in range(ROWS)],
        }
    )
    file = home / "big.parquet"
    pa.parquet.write_table(table, file)
    done = pzvo(
        home, "publish", str(file), "--name", "big", "--type", "redshift_catalog",
        "--column", "ra=RA", "--column", "dec=Dec", "--column", "z=z",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    live = LiveService(
        home,
        {
            "PZVO_SYNC_TIMEOUT_S": "4",
            "PZVO_SEND_TIMEOUT_S": "2",
            "PZVO_QUERY_SLOTS": "2",
            "PZVO_QUERY_SLOTS_PER_VISITOR": "2",
            "PZVO_SPOOL_MAX_BYTES_PER_VISITOR": str(2**24),
            "PZVO_SLOT_WAIT_S": "0.5",
            "PZVO_MAXREC_HARD_ROWS": "300000",
        },
    )
    live.start()
    yield live
    if live.process.poll() is None:
        live.stop()


TABLE = "redshift_catalog.p1_big"


def path(adql, **parameters):
    return "/tap/sync?" + urlencode({"LANG": "ADQL", "QUERY": adql} | parameters)


def ask(live, adql, **parameters):
    """Ask and give status and body."""
    try:
        with urllib.request.urlopen(live.url.removesuffix("/tap") + path(adql, **parameters)) as a:
            return a.status, a.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def send(live, adql, receive_buffer=None, **parameters) -> socket.socket:
    """Send a request and read nothing."""
    parts = urlsplit(live.url)
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.connect((parts.hostname, parts.port))
    request = f"GET {path(adql, **parameters)} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    connection.sendall(request.encode())
    return connection


def queries(live) -> list[dict]:
    """Read what the service logged of its queries."""
    lines = (live.home / "serve.log").read_text().splitlines()
    return [json.loads(line.split(" pzvo.query ", 1)[1]) for line in lines if "pzvo.query" in line]


def wait_for_query(live, before, limit_s=240.0) -> dict:
    """Wait until one more query is over."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        found = queries(live)
        if len(found) > before:
            return found[before]
        time.sleep(0.05)
    raise AssertionError("the query is still running")


def test_hanging_up_before_the_first_byte_stops_the_query(big):
    before = len(queries(big))
    connection = send(big, HEAVY.format(t=TABLE))
    time.sleep(0.5)
    connection.close()
    over = wait_for_query(big, before)
    assert over["error"] == "QueryCancelled"
    assert over["total_ms"] < 3500


def readers_of_files(live) -> int:
    """Count the processes that read files for a service."""
    parents = {}
    reading = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
            if b"registry.formats.reading_process" in status.with_name("cmdline").read_bytes():
                reading.add(int(status.parent.name))
        except OSError:
            continue
    found = 0
    for process in reading:
        above = process
        while above in parents and above != live.process.pid:
            above = parents[above]
        found += above == live.process.pid
    return found


def test_conversions_that_nobody_reads_leave_few_processes(big):
    parts = urlsplit(big.url)
    most, connections = 0, []
    request = b"GET /api/products/1/data/?format=csv HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for _ in range(60):
        connections.append(socket.create_connection((parts.hostname, parts.port), timeout=240))
        connections[-1].sendall(request)
    waiting = set(connections)
    while waiting:
        most = max(most, readers_of_files(big))
        waiting -= set(select.select(waiting, [], [], 0.05)[0])
    statuses = {int(connection.recv(12)[9:]) for connection in connections}
    assert statuses <= {200, 429, 503}
    assert 200 in statuses
    assert most <= 2
    assert readers_of_files(big) == 0
    for connection in connections:
        connection.close()


def test_hanging_up_after_the_first_byte_stops_the_query(big):
    before = len(queries(big))
    connection = send(big, f"SELECT * FROM {TABLE}", receive_buffer=4096, FORMAT="votable/td")
    assert connection.recv(100)
    connection.close()
    over = wait_for_query(big, before)
    assert over["rows"] < 300_000


def test_a_client_that_stops_reading_is_given_up(big):
    before = len(queries(big))
    connection = send(big, f"SELECT * FROM {TABLE}", receive_buffer=4096, FORMAT="votable/td")
    assert connection.recv(100)
    status, body = ask(big, f"SELECT TOP 1 id FROM {TABLE}", FORMAT="csv")
    assert (status, body.split()[0]) == (200, "id")
    over = wait_for_query(big, before + 1)
    assert 1500 < over["total_ms"] < 10_000
    connection.close()


def test_a_result_that_its_client_does_not_take_waits_on_the_disk(big):
    before = len(queries(big))
    wanted = f"SELECT TOP 60000 * FROM {TABLE}"
    connection = send(big, wanted, receive_buffer=4096, FORMAT="votable/td")
    # The query is over, whole, though its client has read nothing.
    over = wait_for_query(big, before)
    assert (over["rows"], over["error"]) == (60_000, None)
    with http.client.HTTPResponse(connection) as answer, connection:
        answer.begin()
        body = answer.read()
    assert body.count(b"<TR>") == 60_000
    assert body.rstrip().endswith(b"</VOTABLE>")


def test_past_the_time_limit_the_answer_says_so(big):
    status, body = ask(big, HEAVY.format(t=TABLE))
    assert status == 408
    assert 'value="ERROR"' in body
    assert "time limit of 4 s" in body


def test_more_queries_than_slots_are_told_to_come_back(big):
    before = len(queries(big))
    held = [send(big, HEAVY.format(t=TABLE)) for _ in range(2)]
    time.sleep(0.3)
    # Who holds them has their share; somebody else finds no room.
    for source, code in (("127.0.0.1", 429), ("127.0.0.2", 503)):
        parts = urlsplit(big.url)
        asking = http.client.HTTPConnection(
            parts.hostname, parts.port, timeout=240, source_address=(source, 0)
        )
        asking.request("GET", path(f"SELECT TOP 1 id FROM {TABLE}"))
        answer = asking.getresponse()
        assert answer.status == code
        assert int(answer.headers["Retry-After"]) >= 1
        assert "try again" in answer.read().decode()
        asking.close()
    # What needs no slot is answered all the same.
    with urllib.request.urlopen(big.url + "/capabilities") as answer:
        assert answer.status == 200
    for connection in held:
        connection.close()
    wait_for_query(big, before + 1)
    assert ask(big, f"SELECT TOP 1 id FROM {TABLE}")[0] == 200


def test_maxrec_above_the_hard_limit_is_clipped(big):
    status, body = ask(big, f"SELECT id FROM {TABLE}", MAXREC="400000", FORMAT="votable/td")
    assert status == 200
    assert body.count("<TR>") == 300_000
    assert 'value="OVERFLOW"' in body


def test_the_service_survives_all_of_it_and_stops_cleanly(big):
    # Its limit is seconds, which a machine with other work may need for the first query after all.
    answers = (ask(big, "SELECT COUNT(*) FROM TAP_SCHEMA.tables")[0] for _ in range(60))
    assert 200 in answers
    assert big.stop() == 0
