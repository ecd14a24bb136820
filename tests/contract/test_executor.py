"""What every executor of jobs must do; the process executor does it for real."""

import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from uws.executors.base import EndCause, Task, TaskHandle, TaskPhase, TaskStatus
from uws.executors.keeper import MARKER
from uws.executors.processes import ProcessExecutor

MIB = 2**20
PATIENCE_S = 240


@dataclass
class FakeExecutor:
    """Runs nothing: a command says how it would end, for tests of what is built on executors."""

    ends: dict[Path, TaskStatus] = field(default_factory=dict)
    submitted: dict[Path, Task] = field(default_factory=dict)

    def submit(self, task):
        self.submitted[task.folder] = task
        code = {"true": 0, "false": 3}.get(task.command[-1])
        if code is not None:
            self.ends[task.folder] = TaskStatus(TaskPhase.ENDED, code)
        return TaskHandle(task.folder, "fake")

    def poll(self, handles):
        running = TaskStatus(TaskPhase.RUNNING)
        lost = TaskStatus(TaskPhase.ENDED, None, EndCause.LOST)
        return {
            h: self.ends.get(h.folder, running if h.folder in self.submitted else lost)
            for h in handles
        }

    def cancel(self, handle):
        if handle.folder in self.submitted:
            stopped = TaskStatus(TaskPhase.ENDED, -signal.SIGTERM, EndCause.STOPPED)
            self.ends.setdefault(handle.folder, stopped)

    def adopt(self, folder):
        return TaskHandle(folder, "fake") if folder in self.submitted else None

    def discard(self, folder):
        self.cancel(TaskHandle(folder, "fake"))


def python(text):
    return (sys.executable, "-c", text)


@pytest.fixture(params=[FakeExecutor, ProcessExecutor])
def executor(request):
    return request.param()


@pytest.fixture
def real():
    return ProcessExecutor()


@pytest.fixture
def folder(tmp_path, real):
    made = tmp_path / "run"
    made.mkdir()
    yield made
    real.discard(made)


def ended(executor, handle):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        status = executor.poll([handle])[handle]
        if status.phase is TaskPhase.ENDED:
            return status
        time.sleep(0.02)
    raise AssertionError("the task did not end")


def until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def marked(folder):
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            alive = (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            continue
        if alive and f"{MARKER}={folder}".encode() in environment:
            found.append(int(entry.name))
    return found


def test_task_that_succeeds_ends_with_its_code(executor, folder):
    handle = executor.submit(Task(folder, ("/bin/sh", "-c", "true")))
    assert ended(executor, handle) == TaskStatus(TaskPhase.ENDED, 0)


def test_task_that_fails_ends_with_its_code(executor, folder):
    command = (
        ("/bin/sh", "-c", "false") if isinstance(executor, FakeExecutor) else python("exit(3)")
    )
    handle = executor.submit(Task(folder, command))
    assert ended(executor, handle) == TaskStatus(TaskPhase.ENDED, 3)


def test_cancelled_task_ends_as_stopped(executor, folder):
    handle = executor.submit(Task(folder, ("/bin/sleep", "600")))
    assert executor.poll([handle])[handle].phase is not TaskPhase.ENDED
    executor.cancel(handle)
    assert ended(executor, handle).cause is EndCause.STOPPED
    executor.cancel(handle)
    assert ended(executor, handle).cause is EndCause.STOPPED


def test_task_is_adopted_by_folder(executor, folder, tmp_path):
    handle = executor.submit(Task(folder, ("/bin/sleep", "600")))
    assert executor.adopt(folder) == handle
    assert executor.adopt(tmp_path) is None


def test_several_tasks_are_polled_at_once(executor, tmp_path):
    folders = [tmp_path / str(number) for number in range(3)]
    for each in folders:
        each.mkdir()
    handles = [executor.submit(Task(f, ("/bin/sh", "-c", "true"))) for f in folders]
    for handle in handles:
        ended(executor, handle)
    assert set(executor.poll(handles)) == set(handles)


def test_never_submitted_task_is_lost(executor, folder):
    handle = TaskHandle(folder, "1@1")
    assert executor.poll([handle])[handle].cause is EndCause.LOST


def test_discarded_task_is_over(executor, folder):
    handle = executor.submit(Task(folder, ("/bin/sleep", "600")))
    executor.discard(folder)
    assert executor.poll([handle])[handle].phase is TaskPhase.ENDED


def test_environment_is_what_was_given_and_nothing_of_the_service(real, folder, monkeypatch):
    monkeypatch.setenv("PZVO_DATABASE_URL", "postgresql://secret")
    environment = {"LANG": "C.UTF-8", "GIVEN": "1"}
    text = "import os; print(sorted(os.environ.items()))"
    handle = real.submit(Task(folder, python(text), environment))
    assert ended(real, handle).exit_code == 0
    seen = dict(eval((folder / "executor" / "run.out").read_text()))
    seen.pop("LC_CTYPE", None)
    assert seen == {**environment, MARKER: str(folder)}


def test_program_runs_in_its_folder_and_session(real, folder):
    text = "import os; print(os.getcwd(), os.getsid(0) == os.getpid())"
    handle = real.submit(Task(folder, python(text)))
    ended(real, handle)
    assert (folder / "executor" / "run.out").read_text() == f"{folder} True\n"


def test_time_limit_ends_a_program_that_ignores_requests(real, folder):
    text = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
    handle = real.submit(Task(folder, python(text), time_limit_s=0.5))
    status = ended(real, handle)
    assert (status.exit_code, status.cause) == (-signal.SIGKILL, EndCause.TIME)


def test_memory_limit_is_of_the_whole_tree(real, folder):
    text = (
        "import os, time\n"
        "for _ in range(3): os.fork()\n"
        "block = bytearray(os.urandom(1)) * (40 * 2**20)\n"
        "time.sleep(600)"
    )
    handle = real.submit(Task(folder, python(text), memory_bytes=200 * MIB))
    assert ended(real, handle).cause is EndCause.MEMORY
    until(lambda: not marked(folder))


def test_one_large_allocation_is_refused_to_the_program_itself(real, folder):
    text = "\ntry: bytearray(2**31)\nexcept MemoryError: raise SystemExit(7)"
    handle = real.submit(Task(folder, python(text), memory_bytes=100 * MIB))
    assert ended(real, handle) == TaskStatus(TaskPhase.ENDED, 7)


def test_what_a_program_leaves_behind_is_ended_with_it(real, folder):
    text = "import os, time\nif os.fork() == 0:\n os.setsid(); time.sleep(600)"
    handle = real.submit(Task(folder, python(text)))
    assert ended(real, handle).exit_code == 0
    until(lambda: not marked(folder))


def test_killed_program_is_told_from_a_failed_one(real, folder):
    handle = real.submit(Task(folder, ("/bin/sleep", "600")))
    until(lambda: marked(folder))
    os.kill(marked(folder)[0], signal.SIGKILL)
    assert ended(real, handle).cause is EndCause.KILLED


def test_program_dies_with_its_keeper_and_the_task_is_lost(real, folder):
    handle = real.submit(Task(folder, ("/bin/sleep", "600")))
    until(lambda: marked(folder))
    os.kill(int(handle.task_id.split("@")[0]), signal.SIGKILL)
    assert ended(real, handle).cause is EndCause.LOST
    until(lambda: not marked(folder))


def test_grandchildren_of_a_killed_keeper_are_found_and_ended(real, folder):
    text = "import os, time\nif os.fork() == 0:\n os.setsid()\ntime.sleep(600)"
    handle = real.submit(Task(folder, python(text)))
    until(lambda: len(marked(folder)) == 2)
    os.kill(int(handle.task_id.split("@")[0]), signal.SIGKILL)
    ended(real, handle)
    real.discard(folder)
    until(lambda: not marked(folder))


def test_frozen_keeper_does_not_keep_a_discarded_task_alive(real, folder, monkeypatch):
    monkeypatch.setattr("uws.executors.processes.GRACE_S", 0.2)
    monkeypatch.setattr("uws.executors.processes._PATIENCE_S", 0.2)
    handle = real.submit(Task(folder, ("/bin/sleep", "600")))
    until(lambda: marked(folder))
    os.kill(int(handle.task_id.split("@")[0]), signal.SIGSTOP)
    real.discard(folder)
    until(lambda: not marked(folder))
    assert ended(real, handle).cause is EndCause.LOST


def test_second_submission_of_a_folder_is_refused(real, folder):
    real.submit(Task(folder, ("/bin/sleep", "600")))
    with pytest.raises(Exception, match="not started"):
        real.submit(Task(folder, ("/bin/sleep", "600")))
    until(lambda: len(marked(folder)) == 1)


def test_wish_to_stop_that_comes_first_keeps_the_program_from_starting(real, folder):
    place = folder / "executor"
    place.mkdir()
    (place / "stop").touch()
    handle = real.submit(Task(folder, ("/bin/touch", str(folder / "ran"))))
    assert ended(real, handle).cause is EndCause.STOPPED
    assert not (folder / "ran").exists()


def test_number_of_another_process_is_never_signalled(real, folder):
    place = folder / "executor"
    place.mkdir()
    (place / "process.json").write_text(f'{{"pid": {os.getpid()}, "start": 1}}')
    real.discard(folder)
    handle = real.adopt(folder)
    assert real.poll([handle])[handle].cause is EndCause.LOST


def test_command_that_does_not_exist_fails_with_its_reason(real, folder):
    handle = real.submit(Task(folder, ("/nonexistent/program",)))
    status = ended(real, handle)
    assert (status.exit_code, status.cause) == (None, None)
    assert "nonexistent" in (folder / "executor" / "run.err").read_text()
