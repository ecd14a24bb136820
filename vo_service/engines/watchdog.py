"""A single thread that keeps the time limits of all queries of a process."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable

__all__ = ["Watchdog"]


class Watchdog:
    """Call functions at their time unless they are withdrawn before.

    A thread of its own is started with the first alarm, so that nothing runs before a fork.
    """

    def __init__(self) -> None:
        self._alarms: list[tuple[float, int]] = []
        self._actions: dict[int, Callable[[], None]] = {}
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def alarm(self, delay_s: float, action: Callable[[], None]) -> int:
        """Ask for a call.

        Parameters
        ----------
        delay_s
            Seconds from now.
        action
            Is called once, in the watchdog's thread; must be quick and must not raise.

        Returns
        -------
        int
            A number for `withdraw`.
        """
        with self._changed:
            number = next(self._numbers)
            due = time.monotonic() + delay_s
            heapq.heappush(self._alarms, (due, number))
            self._actions[number] = action
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            elif self._alarms[0][1] == number:
                self._changed.notify()
            return number

    def withdraw(self, number: int) -> None:
        """Forget an alarm; nothing happens if it is over."""
        with self._changed:
            self._actions.pop(number, None)

    def _run(self) -> None:
        while True:
            self._next_action()()

    def _next_action(self) -> Callable[[], None]:
        with self._changed:
            while True:
                while self._alarms and self._alarms[0][1] not in self._actions:
                    heapq.heappop(self._alarms)
                if not self._alarms:
                    self._changed.wait()
                    continue
                due, number = self._alarms[0]
                wait_s = due - time.monotonic()
                if wait_s > 0:
                    self._changed.wait(wait_s)
                    continue
                heapq.heappop(self._alarms)
                return self._actions.pop(number)
