"""The seam between jobs and the machines that run their programs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from uws.errors import UwsError

__all__ = [
    "ControllerUnreachable",
    "EndCause",
    "ExecutorUnavailable",
    "JobExecutor",
    "Task",
    "TaskHandle",
    "TaskPhase",
    "TaskStatus",
]


class ExecutorUnavailable(UwsError):
    """Say that no program can be started now; it may be possible later."""


class ControllerUnreachable(ExecutorUnavailable):
    """Say that the machine does not answer: nothing is known of tasks, and nothing is lost."""


class TaskPhase(StrEnum):
    """Where a program is in its life."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    ENDED = "ENDED"


class EndCause(StrEnum):
    """Why a program ended, where it did not end by itself."""

    STOPPED = "stopped"
    TIME = "time"
    MEMORY = "memory"
    KILLED = "killed"
    LOST = "lost"


@dataclass(frozen=True)
class Task:
    """A program to be run.

    Parameters
    ----------
    folder
        Where it runs; exists, and is never used for another task.
    command
        Program and arguments.
    environment
        All that it gets; nothing of the service's own is added.
    memory_bytes
        Of the program and whatever it starts, together.
    time_limit_s
        Seconds on the clock.
    """

    folder: Path
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_bytes: int = 2**31
    time_limit_s: float = 3600.0


@dataclass(frozen=True)
class TaskHandle:
    """A submitted task, by which any process of the service finds it again.

    Parameters
    ----------
    folder
        Where it runs.
    task_id
        What the machine calls it.
    """

    folder: Path
    task_id: str


@dataclass(frozen=True)
class TaskStatus:
    """What became of a task so far.

    Parameters
    ----------
    phase
        Where it is.
    exit_code
        Of the program; negative is the signal that ended it, none is not known.
    cause
        Why it ended, where it did not by itself.
    note
        What the machine says of it, for people; goes on "the job ...".
    """

    phase: TaskPhase
    exit_code: int | None = None
    cause: EndCause | None = None
    note: str | None = None


class JobExecutor(Protocol):
    """Runs programs that outlive the process which asked for them.

    Every method may be called from any thread, and from any process of the service.
    """

    def submit(self, task: Task) -> TaskHandle:
        """Start a task, or put it into a queue; it is recorded when this returns.

        Raises
        ------
        ExecutorUnavailable
            If it cannot be started; then nothing of it runs, now or later.
        """

    def poll(self, handles: Collection[TaskHandle]) -> Mapping[TaskHandle, TaskStatus]:
        """Tell what became of tasks, all at once.

        Raises
        ------
        ExecutorUnavailable
            If nothing can be known now; that says nothing about the tasks.
        """

    def cancel(self, handle: TaskHandle) -> None:
        """Ask a task to stop, and kill it soon if it does not; returns at once."""

    def adopt(self, folder: Path) -> TaskHandle | None:
        """Find the task that was submitted for a folder, whoever did it; none if none was."""

    def discard(self, folder: Path) -> None:
        """Make sure that nothing of a folder's task runs, now or later; returns when it is so."""
