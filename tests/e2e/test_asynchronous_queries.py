"""Asynchronous queries with real clients, and what survives a kill."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import pyvo
import requests
from command_line import pzvo
from live import LiveService

pytestmark = [
    pytest.mark.clients,
    # pyvo leaves its connections to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ROWS = 30_000
TABLE = "redshift_catalog.p1_jobs"
QUICK = "SELECT TOP 5 id, z FROM redshift_catalog.p1_jobs ORDER BY id"
SLOW = (
    "SELECT COUNT(*) FROM redshift_catalog.p1_jobs AS a, redshift_catalog.p1_jobs AS b,"
    " redshift_catalog.p1_jobs AS c WHERE a.z * b.z > c.z AND a.id < b.id"
)


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """A service with one web process and one worker."""
    home = tmp_path_factory.mktemp("home")
    rng = np.random.default_rng(1)
    table = pa.table(
        {
            "id": np.arange(ROWS),
            "ra": rng.uniform(0, 360, ROWS),
            "dec": rng.uniform(-90, 90, ROWS),
            "z": rng.gamma(2, 0.4, ROWS),
        }
    )
    pa.parquet.write_table(table, home / "jobs.parquet")
    done = pzvo(
        home, "publish", str(home / "jobs.parquet"), "--name", "jobs",
        "--type", "redshift_catalog", "--column", "ra=RA", "--column", "dec=Dec",
        "--column", "z=z",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    live = LiveService(home)
    live.start()
    yield live
    if live.process.poll() is None:
        live.stop()


def submit(live, adql, **parameters) -> str:
    answer = requests.post(
        f"{live.url}/async",
        data={"LANG": "ADQL", "QUERY": adql, "PHASE": "RUN"} | parameters,
        allow_redirects=False,
        timeout=240,
    )
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def phase(job: str) -> str:
    answer = requests.get(f"{job}/phase", timeout=240)
    assert answer.status_code == 200
    return answer.text.strip()


def wait_for(job: str, *phases: str, limit_s: float = 240.0) -> str:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        found = phase(job)
        if found in phases:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{job} is still {phase(job)}")


def children(pid: int) -> dict[int, str]:
    """Give the processes below a process, with their command lines."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            parent = int(re.search(r"PPid:\s*(\d+)", status.read_text())[1])
            command = (status.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if parent == pid:
            found[int(status.parent.name)] = command
    return found


def worker_of(live) -> int:
    for _ in range(4000):
        for pid, command in children(live.process.pid).items():
            if " worker " in command:
                return pid
        time.sleep(0.05)
    raise AssertionError("there is no worker")


def test_pyvo_submits_waits_and_fetches(live):
    service = pyvo.dal.TAPService(live.url)
    result = service.run_async(QUICK)
    assert result.to_table()["id"].tolist() == [0, 1, 2, 3, 4]


def test_pyvo_drives_a_job_by_hand(live):
    service = pyvo.dal.TAPService(live.url)
    job = service.submit_job(QUICK, maxrec=2)
    assert job.phase == "PENDING"
    job.run().wait(timeout=240)
    assert job.phase == "COMPLETED"
    assert len(job.fetch_result()) == 2
    job.delete()
    with pytest.raises(pyvo.dal.DALServiceError):
        _ = job.phase


def test_pyvo_shows_the_message_of_a_bad_query(live):
    service = pyvo.dal.TAPService(live.url)
    job = service.submit_job(f"SELECT nosuch FROM {TABLE}")
    job.run().wait(timeout=240)
    assert job.phase == "ERROR"
    with pytest.raises(pyvo.dal.DALQueryError, match="nosuch"):
        job.raise_if_error()


@pytest.mark.parametrize("format_", ["votable", "votable/td", "csv", "fits", "parquet"])
def test_result_has_the_format_and_its_headers(live, format_):
    job = submit(live, QUICK, RESPONSEFORMAT=format_)
    wait_for(job, "COMPLETED")
    whole = requests.get(f"{job}/results/result", timeout=240)
    assert int(whole.headers["Content-Length"]) == len(whole.content)
    part = requests.get(f"{job}/results/result", headers={"Range": "bytes=10-19"}, timeout=240)
    assert (part.status_code, part.content) == (206, whole.content[10:20])


def test_stilts_runs_asynchronously(live, stilts, tmp_path):
    out = tmp_path / "out.csv"
    done = stilts(
        "tapquery", f"tapurl={live.url}", f"adql={QUICK}", "sync=false", "poll=200",
        f"out={out}", "ofmt=csv",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(out.read_text().splitlines()) == 6


def test_taplint_finds_nothing_in_the_jobs(live, stilts):
    done = stilts("taplint", f"tapurl={live.url}", "stages=QAS UWS", "report=EWF")
    assert "Totals: Errors: 0; Warnings: 0; Failures: 0" in done.stdout, done.stdout


def test_abort_stops_the_query_long_before_its_end(live):
    job = submit(live, SLOW)
    wait_for(job, "EXECUTING")
    started = time.monotonic()
    requests.post(f"{job}/phase", data={"PHASE": "ABORT"}, timeout=240)
    assert wait_for(job, "ABORTED") == "ABORTED"
    assert time.monotonic() - started < 20
    # The worker is free for the next one.
    wait_for(submit(live, QUICK), "COMPLETED", limit_s=240)


def test_execution_duration_ends_a_job(live):
    job = submit(live, SLOW, EXECUTIONDURATION="1")
    assert wait_for(job, "ABORTED", "ERROR", limit_s=240)
    document = requests.get(job, timeout=240).text
    assert "execution" in document.lower()


def test_killed_worker_loses_no_job_and_repeats_it_once(live):
    job = submit(live, SLOW)
    wait_for(job, "EXECUTING")
    os.kill(worker_of(live), signal.SIGKILL)
    quick = submit(live, QUICK)
    assert wait_for(quick, "COMPLETED", limit_s=240) == "COMPLETED"
    # Its lease runs out; it is queued once more, and runs again.
    deadline = time.monotonic() + 180
    while "<uws:startTime" not in requests.get(job, timeout=240).text or phase(job) != "EXECUTING":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    requests.delete(job, allow_redirects=False, timeout=240)
    assert requests.get(job, timeout=240).status_code == 404


def test_killed_server_keeps_every_acknowledged_job(live):
    completed = submit(live, QUICK)
    wait_for(completed, "COMPLETED")
    pending = requests.post(
        f"{live.url}/async",
        data={"LANG": "ADQL", "QUERY": QUICK},
        allow_redirects=False,
        timeout=240,
    ).headers["Location"]
    below = children(live.process.pid)
    live.process.kill()
    live.process.wait()
    deadline = time.monotonic() + 180
    while any(Path(f"/proc/{pid}").exists() for pid in below):
        assert time.monotonic() < deadline, "the children of a killed server live on"
        time.sleep(0.1)
    old = live.url
    live.start()
    completed, pending = (each.replace(old, live.url) for each in (completed, pending))
    assert phase(completed) == "COMPLETED"
    assert requests.get(f"{completed}/results/result", timeout=240).status_code == 200
    assert phase(pending) == "PENDING"
    requests.post(f"{pending}/phase", data={"PHASE": "RUN"}, timeout=240)
    wait_for(pending, "COMPLETED")


def test_command_line_lists_shows_and_deletes_jobs(live):
    job = submit(live, QUICK, RUNID="mine")
    wait_for(job, "COMPLETED")
    identifier = job.rsplit("/", 1)[1]
    listed = pzvo(live.home, "jobs", "list", "--phase", "COMPLETED")
    assert identifier in listed.stdout
    assert "mine" in listed.stdout
    shown = pzvo(live.home, "jobs", "show", identifier)
    assert "SELECT TOP 5" in shown.stdout
    assert pzvo(live.home, "jobs", "delete", identifier).returncode == 0
    assert requests.get(job, timeout=240).status_code == 404
    unknown = pzvo(live.home, "jobs", "show", "nosuch")
    assert unknown.returncode == 1
    assert "no job" in unknown.stderr


def test_server_stops_cleanly_with_jobs_running(live):
    submit(live, SLOW)
    assert live.stop() == 0
