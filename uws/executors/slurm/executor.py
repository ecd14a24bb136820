"""Tasks as jobs of Slurm: submitted once, polled together, found again after a restart."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sys
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
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
from uws.executors.keeper import EXIT, STOP, TASK
from uws.executors.slurm.commands import SlurmCommands, SlurmState
from uws.executors.slurm.request import SlurmRequest
from uws.executors.slurm.states import meaning_of

__all__ = ["FOLDER", "PREFIX", "SlurmExecutor"]

FOLDER = "slurm"
"""Name of the folder, inside that of a task, with its script, its record and its output."""

PREFIX = "slurm:"
"""Begins the identifiers of tasks."""

RECORD = "job.json"

_PACKAGES = Path(__file__).resolve().parents[3]

_SCRIPT = """#!/bin/sh
# Made by pzvo. The keeper holds the task to its limits and writes how it ended.
exec /usr/bin/env -i LANG=C.UTF-8 PYTHONPATH={packages} {python} -P -s -S \\
    -m uws.executors.keeper --here {folder}
"""

_FRESH_S = 1.0
"""How long an answer of Slurm serves: many tasks are asked for together."""

_SETTLING_S = 20.0
"""How long the file that tells of a task's end may take through a shared file system."""

_ENDING_S, _LOOK_S = 15.0, 0.2


@dataclass
class _Answer:
    at: float
    states: dict[str, SlurmState]


class SlurmExecutor:
    """Runs tasks as jobs of Slurm; see `JobExecutor`.

    Parameters
    ----------
    request
        What the site asks of Slurm.
    fresh_s
        Seconds for which an answer of Slurm serves.

    Notes
    -----
    The folder of the task is on a file system that the nodes share, under the same path. A task
    has a name made of its folder: a job of this name is looked for before one is submitted, so
    that a task is submitted once whoever dies in between. Its keeper refuses to run it twice.
    """

    def __init__(self, request: SlurmRequest, *, fresh_s: float = _FRESH_S) -> None:
        self._request = request
        self._commands = SlurmCommands(request)
        self._fresh_s = fresh_s
        self._lock = threading.Lock()
        self._answer = _Answer(-fresh_s, {})
        self._asked: dict[str, float] = {}
        self._ended: dict[str, float] = {}

    def check(self, memory_bytes: int, time_limit_s: float) -> None:
        """Ask Slurm whether it would take a task now.

        Parameters
        ----------
        memory_bytes, time_limit_s
            Limits of the task.

        Raises
        ------
        ControllerUnreachable
            If it does not answer.
        ExecutorUnavailable
            If it would not, with its words: a partition or an account that it does not know, more
            than a node has.
        """
        self._commands.try_options(self._request.options(memory_bytes, time_limit_s))

    def submit(self, task: Task) -> TaskHandle:
        """Put a task into the queue of Slurm; see `JobExecutor.submit`.

        Raises
        ------
        ControllerUnreachable
            If nobody can say now whether it was taken; the same call later finds out.
        ExecutorUnavailable
            If Slurm refuses it, or it was submitted before and is over.
        """
        folder = task.folder.absolute() / FOLDER
        try:
            folder.mkdir(exist_ok=True)
            document = {**asdict(task), "folder": str(task.folder.absolute())}
            (folder / TASK).write_text(json.dumps(document), encoding="utf-8")
            script = folder / "job.sh"
            script.write_text(
                _SCRIPT.format(
                    packages=shlex.quote(str(_PACKAGES)),
                    python=shlex.quote(sys.executable),
                    folder=shlex.quote(str(folder)),
                ),
                encoding="utf-8",
            )
        except OSError as error:
            raise ExecutorUnavailable(f"the folder of the task cannot be used: {error}") from error
        known = self.adopt(task.folder)
        if known is not None:
            return known
        name = _name(task.folder)
        number = self._commands.submit(
            script,
            [
                f"--job-name={name}", f"--chdir={task.folder.absolute()}", "--export=NONE",
                "--no-requeue", f"--output={folder / 'slurm.out'}", "--open-mode=append",
                *self._request.options(task.memory_bytes, task.time_limit_s),
            ],
        )  # fmt: skip
        return self._recorded(task.folder, number)

    def poll(self, handles: Collection[TaskHandle]) -> Mapping[TaskHandle, TaskStatus]:
        """Tell what became of tasks, with one question to Slurm; see `JobExecutor.poll`.

        Raises
        ------
        ControllerUnreachable, ExecutorUnavailable
            If Slurm does not answer and the folders do not tell.
        """
        found: dict[TaskHandle, TaskStatus] = {}
        open_handles = []
        for handle in handles:
            said = _read(handle.folder / FOLDER / EXIT)
            if said is not None and not _from_outside(_told(said)):
                found[handle] = _told(said)
            else:
                open_handles.append(handle)
        if open_handles:
            states = self._states({_number(handle) for handle in open_handles})
            for handle in open_handles:
                found[handle] = self._status(handle, states.get(_number(handle)))
        return found

    def cancel(self, handle: TaskHandle) -> None:
        """Ask a task to stop; see `JobExecutor.cancel`."""
        with suppress(OSError):
            (handle.folder / FOLDER / STOP).touch()
        with suppress(ExecutorUnavailable):
            # The keeper sees the wish to stop as well, now or when it starts.
            self._commands.cancel(_number(handle))

    def adopt(self, folder: Path) -> TaskHandle | None:
        """Find the job of a folder; see `JobExecutor.adopt`.

        Raises
        ------
        ControllerUnreachable, ExecutorUnavailable
            If the folder does not tell, and Slurm does not answer.
        """
        place = folder.absolute() / FOLDER
        record = _read(place / RECORD)
        if record is not None:
            return TaskHandle(folder.absolute(), f"{PREFIX}{record.get('job')}")
        if not (place / "job.sh").exists():
            return None
        numbers = self._commands.named(_name(folder))
        return self._recorded(folder, numbers[0]) if numbers else None

    def discard(self, folder: Path) -> None:
        """Cancel whatever a folder has in Slurm; see `JobExecutor.discard`.

        Notes
        -----
        While Slurm does not answer, the wish to stop is in the folder: the keeper ends the task, or
        never starts it.
        """
        place = folder.absolute() / FOLDER
        if not place.is_dir():
            return
        with suppress(OSError):
            (place / STOP).touch()
        try:
            handle = self.adopt(folder)
            if handle is None:
                return
            self.cancel(handle)
            deadline = time.monotonic() + _ENDING_S
            while time.monotonic() < deadline:
                state = self._commands.states([_number(handle)]).get(_number(handle))
                if state is None or meaning_of(state.state).phase is TaskPhase.ENDED:
                    return
                time.sleep(_LOOK_S)
        except ExecutorUnavailable:
            return

    def _recorded(self, folder: Path, number: str) -> TaskHandle:
        place = folder.absolute() / FOLDER / RECORD
        part = place.with_name(f"{RECORD}.{os.getpid()}.{threading.get_ident()}")
        with suppress(OSError):
            # Without it the job is found by its name.
            part.write_text(json.dumps({"job": number}), encoding="utf-8")
            part.replace(place)
        return TaskHandle(folder.absolute(), f"{PREFIX}{number}")

    def _states(self, numbers: set[str]) -> dict[str, SlurmState]:
        """Ask for all tasks of this process at once; who comes meanwhile takes the answer."""
        with self._lock:
            now = time.monotonic()
            self._asked |= dict.fromkeys(numbers, now)
            known = numbers <= self._answer.states.keys() and now - self._answer.at < self._fresh_s
            if not known:
                self._asked = {n: at for n, at in self._asked.items() if now - at < 60}
                states = self._commands.states(list(self._asked))
                self._answer = _Answer(time.monotonic(), states)
            return self._answer.states

    def _status(self, handle: TaskHandle, state: SlurmState | None) -> TaskStatus:
        said = _read(handle.folder / FOLDER / EXIT)
        wished = (handle.folder / FOLDER / STOP).exists()
        meaning = None if state is None else meaning_of(state.state)
        if meaning is not None and meaning.phase is not TaskPhase.ENDED:
            self._ended.pop(handle.task_id, None)
            return TaskStatus(meaning.phase, note=_note(meaning.note, state))
        if said is not None:
            told = _told(said)
            if wished or not _from_outside(told):
                return told
            if meaning is not None and meaning.cause is not None:
                return replace(told, cause=meaning.cause, note=_note(meaning.note, state))
            if told.cause is EndCause.STOPPED:
                return replace(told, cause=EndCause.KILLED, note="was stopped from outside")
            return told
        if wished:
            return TaskStatus(TaskPhase.ENDED, None, EndCause.STOPPED)
        if meaning is not None and meaning.cause is not None:
            return TaskStatus(TaskPhase.ENDED, None, meaning.cause, _note(meaning.note, state))
        first = self._ended.setdefault(handle.task_id, time.monotonic())
        if (handle.folder / FOLDER).is_dir() and time.monotonic() - first < _SETTLING_S:
            return TaskStatus(TaskPhase.RUNNING)
        if state is None:
            note = "Slurm does not know the job any more"
        else:
            note = f"Slurm: {state.state}; {_output(handle.folder / FOLDER)}"
        return TaskStatus(TaskPhase.ENDED, None, EndCause.LOST, note)


def _name(folder: Path) -> str:
    """Name the job of a folder: the same for everybody, and no other has it."""
    return f"pzvo-{hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:24]}"


def _number(handle: TaskHandle) -> str:
    return handle.task_id.removeprefix(PREFIX)


def _told(said: Mapping[str, Any]) -> TaskStatus:
    code, cause = said.get("exit_code"), said.get("cause")
    return TaskStatus(
        TaskPhase.ENDED,
        code if isinstance(code, int) else None,
        EndCause(cause) if cause in set(EndCause) else None,
    )


def _from_outside(told: TaskStatus) -> bool:
    """Tell whether a signal ended the task, of which Slurm may know more."""
    return told.cause is EndCause.STOPPED or (
        told.cause is None and told.exit_code is not None and told.exit_code < 0
    )


def _note(text: str | None, state: SlurmState | None) -> str | None:
    if state is None or (text is None and state.reason is None):
        return text
    reason = f" ({state.reason})" if state.reason else ""
    return f"{text}{reason}" if text else None


def _output(folder: Path) -> str:
    """Give the last line that the script printed, for people."""
    try:
        lines = (folder / "slurm.out").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "it printed nothing"
    return lines[-1][:300] if lines else "it printed nothing"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None
