"""Tasks as processes of this host, with limits of memory and time."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from uws.executors.base import (
    EndCause,
    ExecutorUnavailable,
    Task,
    TaskHandle,
    TaskPhase,
    TaskStatus,
)
from uws.executors.keeper import EXIT, GRACE_S, LOCK, MARKER, RECORD, STOP, TASK, start_ticks

__all__ = ["FOLDER", "ProcessExecutor"]

FOLDER = "executor"
"""Name of the folder, inside that of a task, where its keeper has its files."""

_MODULE = "uws.executors.keeper"

_PACKAGES = Path(__file__).resolve().parents[2]

_START_S = 30.0
"""Seconds in which a keeper must have recorded itself."""

_PATIENCE_S = 2.0
"""Beyond the grace of a program, for the keeper to end it."""


class ProcessExecutor:
    """Runs tasks as processes of this host; see `JobExecutor`.

    Notes
    -----
    Nothing is kept in memory: what runs, and how it ended, is in the folder of each task, so
    that any process of the service can poll, stop and adopt it. A task is alive while its
    keeper holds its lock.
    """

    def submit(self, task: Task) -> TaskHandle:
        """Start a task; see `JobExecutor.submit`.

        Raises
        ------
        ExecutorUnavailable
            If it cannot be started, or was before.
        """
        folder = task.folder.absolute() / FOLDER
        try:
            folder.mkdir(exist_ok=True)
            document = {**asdict(task), "folder": str(task.folder.absolute())}
            (folder / TASK).write_text(json.dumps(document), encoding="utf-8")
            started = subprocess.run(  # noqa: S603 - this interpreter, with fixed arguments
                [sys.executable, "-P", "-s", "-S", "-m", _MODULE, str(folder)],
                env={"PYTHONPATH": str(_PACKAGES), "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=_START_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            self.discard(task.folder)
            raise ExecutorUnavailable(f"no process can be started now: {error}") from error
        handle = self.adopt(task.folder)
        if started.returncode != 0 or handle is None:
            said = started.stderr.decode(errors="replace").strip().splitlines()
            raise ExecutorUnavailable(
                f"the process was not started: {said[-1] if said else 'its keeper ended'}"
            )
        return handle

    def poll(self, handles: Collection[TaskHandle]) -> Mapping[TaskHandle, TaskStatus]:
        """Tell what became of tasks; see `JobExecutor.poll`."""
        return {handle: _status(handle.folder / FOLDER) for handle in handles}

    def cancel(self, handle: TaskHandle) -> None:
        """Ask a task to stop; see `JobExecutor.cancel`."""
        folder = handle.folder / FOLDER
        with suppress(OSError):
            (folder / STOP).touch()
        keeper = _keeper(folder)
        if keeper is not None:
            with suppress(ProcessLookupError):
                os.kill(keeper, signal.SIGTERM)

    def adopt(self, folder: Path) -> TaskHandle | None:
        """Find the task of a folder; see `JobExecutor.adopt`."""
        record = _read(folder / FOLDER / RECORD)
        if record is None:
            return None
        return TaskHandle(folder.absolute(), f"{record.get('pid')}@{record.get('start')}")

    def discard(self, folder: Path) -> None:
        """End whatever a folder's task has running; see `JobExecutor.discard`."""
        place = folder.absolute() / FOLDER
        if not place.is_dir():
            return
        self.cancel(TaskHandle(folder.absolute(), ""))
        deadline = time.monotonic() + GRACE_S + _PATIENCE_S
        while _is_held(place) and time.monotonic() < deadline:
            time.sleep(0.02)
        keeper = _keeper(place) if _is_held(place) else None
        if keeper is not None:
            with suppress(ProcessLookupError):
                os.kill(keeper, signal.SIGKILL)
        for process in _marked(folder.absolute()):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def _status(folder: Path) -> TaskStatus:
    ended = _read(folder / EXIT)
    if ended is None and _is_held(folder):
        started = (folder / RECORD).exists()
        return TaskStatus(TaskPhase.RUNNING if started else TaskPhase.PENDING)
    # It may have ended between the two looks.
    ended = ended or _read(folder / EXIT)
    if ended is None:
        return TaskStatus(TaskPhase.ENDED, None, EndCause.LOST)
    code, cause = ended.get("exit_code"), ended.get("cause")
    return TaskStatus(
        TaskPhase.ENDED,
        code if isinstance(code, int) else None,
        EndCause(cause) if cause in set(EndCause) else None,
    )


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _is_held(folder: Path) -> bool:
    try:
        lock = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _keeper(folder: Path) -> int | None:
    """Find the process that keeps a task; none if the recorded number is somebody else's now."""
    record = _read(folder / RECORD)
    if record is None or not isinstance(record.get("pid"), int):
        return None
    process: int = record["pid"]
    same = start_ticks(process) == record.get("start")
    return process if same and _is_held(folder) else None


def _marked(folder: Path) -> Iterator[int]:
    """Find what the program of a task has left behind when its keeper was killed."""
    wanted = f"{MARKER}={folder}".encode()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if wanted in entry.read_bytes().split(b"\0"):
                yield int(entry.parent.name)
