"""Jobs among processes that race, stop, stall and die."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from uws.limits import JobLimits
from uws.model import Parameter, Phase
from uws.results.folder import FolderResultStore
from uws.service import JobAddress, JobRequest, JobService
from uws.store.base import JobQuery
from uws.store.database import JobDatabase
from uws.store.sql import SqlJobStore

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests" / "support" / "worker_process.py"
PATIENCE_S = 120.0


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'metadata.sqlite'}"
    return request.getfixturevalue("postgres_server").new_database()


@pytest.fixture
def service(url, tmp_path):
    database = JobDatabase(url)
    database.prepare()
    limits = JobLimits(stored_per_owner=None, wait_max_s=PATIENCE_S)
    yield JobService(SqlJobStore(database), FolderResultStore(tmp_path / "results"), limits=limits)
    database.close()


@pytest.fixture
def spawn(url, tmp_path):
    """Start a worker process; all are killed at the end."""
    started = []

    def start(lease_s=30.0):
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), url, str(tmp_path), str(lease_s)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "working\n"
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def journal(tmp_path):
    """Give the steps so far, as (step, job, attempt, process)."""

    def read():
        path = tmp_path / "journal"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(s, j, int(a), int(p)) for s, j, a, p in map(str.split, lines)]

    return read


def submit(service, owner="ada", **parameters):
    sent = [Parameter(name, value) for name, value in parameters.items()]
    job = service.create(JobRequest(owner, "journal", sent, run=True))
    return JobAddress(owner, "journal", job.job_id)


def freeze(process, url):
    """Stop a process at a moment when it does not hold a lock of the job table.

    A process that is frozen with the lock keeps everybody out until it goes on or dies, which is
    not what is looked at here.
    """
    for _ in range(100):
        os.kill(process.pid, signal.SIGSTOP)
        # The signal is sent before the threads have stopped: one may still take the lock.
        until(lambda: set(thread_states(process)) == {"T"})
        if not locked(url):
            return
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.05)
    raise AssertionError("the process holds the lock all the time")


def thread_states(process):
    for thread in Path(f"/proc/{process.pid}/task").iterdir():
        yield (thread / "stat").read_text().rpartition(")")[2].split()[0]


def locked(url):
    """Tell whether somebody else is within a transaction that writes."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            others = "SELECT count(*) FROM pg_locks WHERE mode = 'RowExclusiveLock'"
            return connection.exec_driver_sql(others).scalar_one() > 0
        connection.exec_driver_sql("PRAGMA busy_timeout = 200")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except OperationalError:
            return True
        connection.exec_driver_sql("ROLLBACK")
        return False


def until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
    return found


def over(service, address):
    return until(lambda: job if (job := service.get(address)).end_time is not None else None)


def test_two_workers_run_each_of_a_thousand_jobs_once(service, spawn, journal):
    submitted = {submit(service, f"owner{number % 7}").job_id for number in range(1000)}
    workers = [spawn(), spawn()]
    everybody = JobQuery(everyone=True, phases=frozenset({Phase.COMPLETED}))
    until(lambda: len(journal()) >= 2000)
    until(lambda: len(service.list(everybody)) == 1000)
    begun = [(job, attempt) for step, job, attempt, _ in journal() if step == "begin"]
    assert Counter(begun) == {(job, 1): 1 for job in submitted}
    assert {pid for *_, pid in journal()} == {worker.pid for worker in workers}


def test_a_job_that_kills_its_worker_runs_twice_and_is_an_error(service, spawn, journal):
    address = submit(service, DO="die")
    for _ in range(2):
        assert spawn(lease_s=0.5).wait(PATIENCE_S) == -signal.SIGKILL
    survivor = spawn(lease_s=0.5)
    job = over(service, address)
    assert (job.phase, job.attempt, job.losses) == (Phase.ERROR, 2, 2)
    assert "lost 2 times" in job.error.message
    assert [(step, attempt) for step, _, attempt, _ in journal()] == [("begin", 1), ("begin", 2)]
    assert over(service, submit(service)).phase is Phase.COMPLETED
    assert survivor.poll() is None


def test_a_killed_workers_job_is_finished_by_another(service, spawn, journal, tmp_path):
    address = submit(service, DO="wait", RESULT="yes")
    first = spawn(lease_s=0.5)
    until(journal)
    first.kill()
    second = spawn(lease_s=0.5)
    (tmp_path / "go").touch()
    job = over(service, address)
    assert (job.phase, job.attempt, job.losses) == (Phase.COMPLETED, 2, 1)
    _, _, stored = service.open_result(address, "result")
    with stored.content as content:
        assert content.read() == str(second.pid).encode()


def test_a_worker_that_was_thought_dead_cannot_finish_the_job(
    service, spawn, journal, tmp_path, url
):
    address = submit(service, DO="wait", RESULT="yes")
    first = spawn(lease_s=0.5)
    until(journal)
    freeze(first, url)
    second = spawn(lease_s=0.5)
    until(lambda: ("begin", address.job_id, 2, second.pid) in journal())
    (tmp_path / "go").touch()
    job = over(service, address)
    os.kill(first.pid, signal.SIGCONT)
    until(lambda: {first.pid, second.pid} == {p for s, *_, p in journal() if s != "begin"})
    first.terminate()
    assert first.wait(PATIENCE_S) == 0
    assert service.get(address) == job
    assert (job.phase, job.attempt) == (Phase.COMPLETED, 2)
    _, _, stored = service.open_result(address, "result")
    with stored.content as content:
        assert content.read() == str(second.pid).encode()


def test_an_abort_reaches_the_worker_in_another_process(service, spawn, journal):
    address = submit(service, DO="wait")
    spawn()
    until(journal)
    assert service.abort(address).phase is Phase.ABORTED
    until(lambda: "cancel" in {step for step, *_ in journal()})
    assert service.get(address).phase is Phase.ABORTED


def test_a_worker_that_is_asked_to_stop_gives_its_job_back(service, spawn, journal, tmp_path):
    address = submit(service, DO="wait")
    first = spawn()
    until(journal)
    first.terminate()
    assert first.communicate(timeout=PATIENCE_S)[0] == "stopped\n"
    assert first.returncode == 0
    job = service.get(address)
    assert (job.phase, job.attempt, job.losses) == (Phase.QUEUED, 1, 0)
    (tmp_path / "go").touch()
    spawn()
    assert over(service, address).phase is Phase.COMPLETED


_SUBMITTER = """
import os, signal, sys
from uws.store.database import JobDatabase
from uws.store.sql import SqlJobStore
from uws.service import JobRequest, JobService
service = JobService(SqlJobStore(JobDatabase(sys.argv[1])), None)
while True:
    print(service.create(JobRequest("ada", "journal", run=True)).job_id, flush=True)
"""


def test_no_acknowledged_job_is_lost_when_its_server_is_killed(service, url, spawn):
    server = subprocess.Popen(
        [sys.executable, "-c", _SUBMITTER, url],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    acknowledged = [server.stdout.readline().strip() for _ in range(20)]
    server.kill()
    acknowledged += server.communicate()[0].split("\n")[:-1]
    spawn()
    for job_id in acknowledged:
        job = over(service, JobAddress("ada", "journal", job_id))
        assert (job.phase, job.attempt) == (Phase.COMPLETED, 1)
