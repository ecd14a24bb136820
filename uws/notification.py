"""Waking whoever waits in this process as soon as a job changes in this process."""

from __future__ import annotations

from threading import Condition

__all__ = ["ChangeSignal"]


class ChangeSignal:
    """A counter of changes made in this process, on which threads can wait.

    Changes by other processes do not move it: who waits here gives a short timeout and looks at
    the store's own counter.
    """

    def __init__(self) -> None:
        self._condition = Condition()
        self._count = 0

    @property
    def count(self) -> int:
        """How many changes there were."""
        return self._count

    def notify(self) -> None:
        """Count a change that is already committed, and wake all who wait."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, seen: int, timeout_s: float) -> int:
        """Wait until the count differs from `seen`, at most `timeout_s`; give the count."""
        with self._condition:
            self._condition.wait_for(lambda: self._count != seen, timeout_s)
            return self._count
