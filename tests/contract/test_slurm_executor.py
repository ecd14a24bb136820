"""The executor of Slurm on a real cluster: the contract of executors, and what is its own."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from slurm import start_cluster

from uws.executors.base import (
    ControllerUnreachable,
    EndCause,
    ExecutorUnavailable,
    Task,
    TaskHandle,
    TaskPhase,
    TaskStatus,
)
from uws.executors.group import ExecutorGroup
from uws.executors.keeper import MARKER
from uws.executors.processes import ProcessExecutor
from uws.executors.slurm.executor import PREFIX, SlurmExecutor
from uws.executors.slurm.request import SlurmRequest

pytestmark = pytest.mark.slurm
PATIENCE_S = 240
MIB = 2**20
GREEDY = (
    "import os, time\nfor _ in range(3): os.fork()\n"
    "block = bytearray(os.urandom(1)) * (70 * 2**20)\ntime.sleep(600)"
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = start_cluster(tmp_path_factory.mktemp("slurm"))
    yield made
    made.stop()


@pytest.fixture
def executor(cluster):
    return SlurmExecutor(SlurmRequest(configuration=str(cluster.conf)), fresh_s=0.2)


@pytest.fixture
def folder(tmp_path, executor):
    made = tmp_path / "run"
    made.mkdir()
    yield made
    executor.discard(made)


def task(folder, *command, **limits):
    return Task(folder, command, {"LANG": "C.UTF-8"}, **{"memory_bytes": 200 * MIB} | limits)


def python(text):
    return sys.executable, "-c", text


def until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)
    return found


def status(executor, handle):
    return executor.poll([handle])[handle]


def ended(executor, handle):
    return until(lambda: (s := status(executor, handle)).phase is TaskPhase.ENDED and s)


def running(executor, handle):
    until((handle.folder / "slurm" / "process.json").exists)
    return until(lambda: status(executor, handle).phase is TaskPhase.RUNNING)


def processes_of(folder):
    wanted = f"{MARKER}={folder}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_tasks_end_with_their_codes_and_are_polled_together(executor, tmp_path):
    codes = {}
    for code in (0, 3):
        place = tmp_path / str(code)
        place.mkdir()
        codes[executor.submit(task(place, *python(f"raise SystemExit({code})")))] = code
    for handle, code in codes.items():
        assert ended(executor, handle) == TaskStatus(TaskPhase.ENDED, code)
    assert set(executor.poll(codes)) == set(codes)


def test_program_gets_what_was_given_and_nothing_of_the_service(executor, folder, monkeypatch):
    monkeypatch.setenv("PZVO_DATABASE_URL", "postgresql://secret")
    text = "import os; print(os.getcwd(), sorted(set(os.environ) - {'LC_CTYPE'}))"
    handle = executor.submit(task(folder, *python(text)))
    assert ended(executor, handle).exit_code == 0
    said = (folder / "slurm" / "run.out").read_text()
    assert said == f"{folder} ['LANG', '{MARKER}']\n"


def test_task_is_submitted_once_whoever_died_in_between(executor, cluster, folder):
    one = executor.submit(task(folder, "/bin/sleep", "600"))
    (folder / "slurm" / "job.json").unlink()
    again = SlurmExecutor(SlurmRequest(configuration=str(cluster.conf)))
    assert again.adopt(folder) == one
    assert again.submit(task(folder, "/bin/sleep", "600")) == one
    name = cluster.command("squeue", "-h", "-j", one.task_id.removeprefix(PREFIX), "-o", "%j")
    assert len(cluster.command("squeue", "-h", f"--name={name.strip()}", "-o", "%i").split()) == 1


def test_task_is_cancelled_while_it_runs_and_while_it_waits(executor, cluster, folder, tmp_path):
    running_task = executor.submit(task(folder, "/bin/sleep", "600"))
    running(executor, running_task)
    waiting = tmp_path / "waiting"
    waiting.mkdir()
    held = SlurmExecutor(
        SlurmRequest(configuration=str(cluster.conf), directives=("--hold",)), fresh_s=0.2
    )
    held_task = held.submit(task(waiting, "/bin/touch", str(tmp_path / "ran")))
    told = status(held, held_task)
    assert told.phase is TaskPhase.PENDING
    assert "waits in the queue of the cluster (JobHeldUser)" in told.note
    for handle in (running_task, held_task):
        executor.cancel(handle)
        assert ended(executor, handle).cause is EndCause.STOPPED
        executor.cancel(handle)
    assert not (tmp_path / "ran").exists()
    until(lambda: not processes_of(folder))


def test_task_that_is_cancelled_from_outside_says_so(executor, cluster, folder):
    handle = executor.submit(task(folder, "/bin/sleep", "600"))
    running(executor, handle)
    cluster.command("scancel", handle.task_id.removeprefix(PREFIX))
    told = ended(executor, handle)
    assert told.cause is EndCause.KILLED
    assert "cancelled in Slurm" in told.note


def test_limits_of_time_and_memory_are_told_apart(executor, tmp_path):
    handles = {}
    for cause, text, limits in (
        (EndCause.TIME, "import time; time.sleep(600)", {"time_limit_s": 0.5}),
        (EndCause.MEMORY, GREEDY, {}),
    ):
        place = tmp_path / str(cause)
        place.mkdir()
        handles[executor.submit(task(place, *python(text), **limits))] = cause
    for handle, cause in handles.items():
        assert ended(executor, handle).cause is cause
        until(lambda place=handle.folder: not processes_of(place))


def test_silent_controller_is_no_end_of_a_task(executor, cluster, folder, tmp_path):
    handle = executor.submit(task(folder, "/bin/sleep", "600"))
    running(executor, handle)
    other = tmp_path / "other"
    other.mkdir()
    cluster.stop_controller()
    try:
        time.sleep(0.3)
        with pytest.raises(ControllerUnreachable):
            executor.poll([handle])
        with pytest.raises(ControllerUnreachable):
            executor.submit(task(other, "/bin/true"))
    finally:
        cluster.start_controller()
    until(lambda: status(executor, handle).phase is TaskPhase.RUNNING)
    assert ended(executor, executor.submit(task(other, "/bin/true"))).exit_code == 0


def test_killed_keeper_is_no_silence(executor, folder):
    handle = executor.submit(task(folder, "/bin/sleep", "600"))
    running(executor, handle)
    record = json.loads((folder / "slurm" / "process.json").read_text())
    subprocess.run(["kill", f"-{int(signal.SIGKILL)}", str(record["pid"])], check=True)
    monkey = pytest.MonkeyPatch()
    monkey.setattr("uws.executors.slurm.executor._SETTLING_S", 0.5)
    try:
        told = ended(executor, handle)
    finally:
        monkey.undo()
    assert told.cause is EndCause.LOST
    until(lambda: not processes_of(folder))


def test_what_slurm_refuses_is_told_in_its_words(cluster, folder):
    wrong = SlurmExecutor(SlurmRequest(partition="nowhere", configuration=str(cluster.conf)))
    with pytest.raises(ExecutorUnavailable, match="invalid partition"):
        wrong.submit(task(folder, "/bin/true"))


def test_many_tasks_at_once_all_end(executor, cluster, tmp_path):
    handles = []
    for number in range(12):
        place = tmp_path / str(number)
        place.mkdir()
        handles.append(executor.submit(task(place, "/bin/true", memory_bytes=MIB)))
    until(lambda: all(s.phase is TaskPhase.ENDED for s in executor.poll(handles).values()))
    assert {s.exit_code for s in executor.poll(handles).values()} == {0}
    assert len({handle.task_id for handle in handles}) == 12


def test_unknown_job_is_lost(executor, tmp_path):
    handle = TaskHandle(tmp_path / "gone", f"{PREFIX}999999")
    assert status(executor, handle).cause is EndCause.LOST


def test_group_follows_tasks_where_they_are(executor, folder, tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    local = ProcessExecutor()
    group = ExecutorGroup([(PREFIX, executor), ("", local)], local)
    on_cluster = executor.submit(task(folder, "/bin/true"))
    at_home = group.submit(task(here, "/bin/sh", "-c", "exit 4", memory_bytes=500 * MIB))
    assert (group.adopt(folder), group.adopt(here)) == (on_cluster, at_home)
    assert ended(group, on_cluster).exit_code == 0
    assert ended(group, at_home).exit_code == 4
    group.discard(here)


def test_what_slurm_would_refuse_is_known_before_a_task_is_submitted(cluster):
    def check(**request):
        SlurmExecutor(SlurmRequest(configuration=str(cluster.conf), **request)).check(MIB, 60)

    check()
    with pytest.raises(ExecutorUnavailable, match="partition"):
        check(partition="nowhere")
    with pytest.raises(ExecutorUnavailable, match=r"CPU|configuration"):
        check(cpus=4096)


def test_the_configuration_is_that_of_the_environment_where_a_site_names_none(cluster, monkeypatch):
    monkeypatch.setenv("SLURM_CONF", str(cluster.conf))
    SlurmExecutor(SlurmRequest()).check(MIB, 60)
