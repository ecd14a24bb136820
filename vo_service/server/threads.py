"""Threads that answer requests, shared fairly between those who ask."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable

__all__ = ["FairThreads"]

Work = Callable[[], None]


class FairThreads:
    """Runs pieces of work, and lets no visitor have more than half of the threads.

    Parameters
    ----------
    threads_max
        Threads at most; one is started when there is work and none is free.

    Notes
    -----
    Visitors who wait take turns. The threads do not keep the process alive.
    """

    def __init__(self, threads_max: int) -> None:
        self._threads_max = threads_max
        self._share = max(1, threads_max // 2)
        self._changed = threading.Condition()
        self._waiting: OrderedDict[str, deque[Work]] = OrderedDict()
        self._running: Counter[str] = Counter()
        self._threads = 0
        self._free = 0

    def submit(self, visitor: str, work: Work) -> None:
        """Run a piece of work as soon as a thread is free; it must not raise."""
        with self._changed:
            self._waiting.setdefault(visitor, deque()).append(work)
            if self._free:
                self._changed.notify()
            elif self._threads < self._threads_max:
                self._threads += 1
                threading.Thread(target=self._work, name="request", daemon=True).start()

    @property
    def busy(self) -> int:
        """Pieces of work that run at this moment."""
        with self._changed:
            return self._running.total()

    def _work(self) -> None:
        while True:
            visitor, work = self._take()
            try:
                work()
            finally:
                del work
                with self._changed:
                    self._running[visitor] -= 1
                    if not self._running[visitor]:
                        del self._running[visitor]

    def _take(self) -> tuple[str, Work]:
        with self._changed:
            while (visitor := self._next()) is None:
                self._free += 1
                self._changed.wait()
                self._free -= 1
            queue = self._waiting[visitor]
            work = queue.popleft()
            if queue:
                self._waiting.move_to_end(visitor)
            else:
                del self._waiting[visitor]
            self._running[visitor] += 1
            return visitor, work

    def _next(self) -> str | None:
        return next((v for v in self._waiting if self._running[v] < self._share), None)
