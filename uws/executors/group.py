"""Several executors as one: tasks go to one of them, and are found wherever they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from uws.executors.base import JobExecutor, Task, TaskHandle, TaskStatus

__all__ = ["ExecutorGroup"]


class ExecutorGroup:
    """Submits to one executor; see `JobExecutor`.

    Parameters
    ----------
    executors
        By the beginning of the identifiers of their tasks; those with the empty one last.
    chosen
        That gets new tasks.

    Notes
    -----
    A site may send a pipeline elsewhere while its jobs run: they are followed where they are.
    """

    def __init__(self, executors: Sequence[tuple[str, JobExecutor]], chosen: JobExecutor) -> None:
        self._executors = tuple(executors)
        self._chosen = chosen

    def submit(self, task: Task) -> TaskHandle:
        """Start a task, or put it into a queue; see `JobExecutor.submit`.

        Raises
        ------
        ExecutorUnavailable
            If it cannot be started.
        """
        return self._chosen.submit(task)

    def poll(self, handles: Collection[TaskHandle]) -> Mapping[TaskHandle, TaskStatus]:
        """Tell what became of tasks; see `JobExecutor.poll`."""
        found: dict[TaskHandle, TaskStatus] = {}
        for executor in {id(each): each for _, each in self._executors}.values():
            own = [handle for handle in handles if self._of(handle) is executor]
            found |= executor.poll(own) if own else {}
        return found

    def cancel(self, handle: TaskHandle) -> None:
        """Ask a task to stop; see `JobExecutor.cancel`."""
        self._of(handle).cancel(handle)

    def adopt(self, folder: Path) -> TaskHandle | None:
        """Find the task of a folder; see `JobExecutor.adopt`."""
        for _, executor in self._executors:
            handle = executor.adopt(folder)
            if handle is not None:
                return handle
        return None

    def discard(self, folder: Path) -> None:
        """Make sure that nothing of a folder's task runs; see `JobExecutor.discard`."""
        for _, executor in self._executors:
            executor.discard(folder)

    def _of(self, handle: TaskHandle) -> JobExecutor:
        return next(e for begin, e in self._executors if handle.task_id.startswith(begin))
