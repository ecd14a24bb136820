"""Slots: how much of one kind of work runs at once, shared fairly between visitors.

A visitor is a user, or the address of somebody without an account. Each may have some of the slots
and waits for them in a queue of their own; visitors who wait take turns, the one with the fewest
slots first. A hundred requests of one visitor therefore delay one request of another by what runs
already, and no more.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["ServiceBusy", "Slots", "VisitorBusy"]


class ServiceBusy(Exception):
    """All slots are taken; the same request may work later.

    Attributes
    ----------
    retry_after_s
        Seconds after which it is worth another try.
    """

    def __init__(self, retry_after_s: int, message: str | None = None) -> None:
        super().__init__(
            message
            or "the service answers as many queries as it can at once; try again in a moment"
        )
        self.retry_after_s = retry_after_s


class VisitorBusy(ServiceBusy):
    """A visitor has as many of the slots, or of the places in the queue, as one may have."""


@dataclass(eq=False, slots=True)
class _Ticket:
    """A place in the queue."""

    granted: bool = False


class Slots:
    """Slots of one kind in this process.

    Parameters
    ----------
    total
        Slots.
    per_visitor
        Slots of one visitor at most.
    wait_s
        Seconds for which a request waits for its turn.
    waiting_per_visitor
        Requests of one visitor that may wait.
    waiting
        Requests that may wait in all: each holds a thread. A visitor of whom none waits may
        always wait with one.
    what
        What runs in them, in plural, for people.
    """

    def __init__(
        self,
        total: int,
        per_visitor: int,
        *,
        wait_s: float,
        waiting_per_visitor: int = 64,
        waiting: int = 128,
        what: str = "queries",
    ) -> None:
        self._total = total
        self._per_visitor = min(per_visitor, total)
        self._wait_s = wait_s
        self._waiting_per_visitor = waiting_per_visitor
        self._waiting_max = waiting
        self._what = what
        self._changed = threading.Condition()
        self._queues: OrderedDict[str, deque[_Ticket]] = OrderedDict()
        self._running: Counter[str] = Counter()
        self._waiting = 0

    def take(self, visitor: str, wait_s: float | None = None) -> Callable[[], None]:
        """Take a slot; wait for one if need be.

        Parameters
        ----------
        visitor
            Who asks; the empty text is the service itself, whose share has no limit.
        wait_s
            Seconds to wait, where they are others than for all.

        Returns
        -------
        Callable
            Gives the slot back; may be called twice.

        Raises
        ------
        VisitorBusy
            If too many requests of the visitor run or wait already.
        ServiceBusy
            If no slot becomes free in time.
        """
        with self._changed:
            if not self._waiting_for_turn() and self._may_run(visitor):
                return self._grant(visitor)
            ticket = self._queue(visitor)
            try:
                self._next()
                deadline = time.monotonic() + (self._wait_s if wait_s is None else wait_s)
                while not ticket.granted:
                    left_s = deadline - time.monotonic()
                    if left_s <= 0:
                        raise self._refusal(visitor)
                    self._changed.wait(left_s)
                return self._release_of(visitor)
            finally:
                self._waiting -= 1
                if not ticket.granted:
                    self._leave_queue(visitor, ticket)

    @property
    def running(self) -> int:
        """Slots that are taken."""
        with self._changed:
            return self._running.total()

    def _waiting_for_turn(self) -> bool:
        return any(self._may_run(visitor) for visitor in self._queues)

    def _may_run(self, visitor: str) -> bool:
        if self._running.total() >= self._total:
            return False
        return not visitor or self._running[visitor] < self._per_visitor

    def _queue(self, visitor: str) -> _Ticket:
        queue = self._queues.get(visitor)
        if queue and len(queue) >= self._waiting_per_visitor:
            raise self._refusal(visitor)
        if queue and self._waiting >= self._waiting_max:
            raise ServiceBusy(self._retry_after_s)
        ticket = _Ticket()
        self._queues.setdefault(visitor, deque()).append(ticket)
        self._waiting += 1
        return ticket

    def _leave_queue(self, visitor: str, ticket: _Ticket) -> None:
        queue = self._queues[visitor]
        queue.remove(ticket)
        if not queue:
            del self._queues[visitor]

    def _grant(self, visitor: str) -> Callable[[], None]:
        self._running[visitor] += 1
        return self._release_of(visitor)

    def _release_of(self, visitor: str) -> Callable[[], None]:
        given_back = False

        def give_back() -> None:
            nonlocal given_back
            with self._changed:
                if given_back:
                    return
                given_back = True
                self._running[visitor] -= 1
                if not self._running[visitor]:
                    del self._running[visitor]
                self._next()

        return give_back

    def _next(self) -> None:
        """Give free slots to those who wait: the visitor with the fewest, the first of them."""
        granted = False
        while ready := [visitor for visitor in self._queues if self._may_run(visitor)]:
            visitor = min(ready, key=lambda each: self._running[each])
            queue = self._queues[visitor]
            queue.popleft().granted = True
            self._running[visitor] += 1
            granted = True
            if queue:
                self._queues.move_to_end(visitor)
            else:
                del self._queues[visitor]
        if granted:
            self._changed.notify_all()

    @property
    def _retry_after_s(self) -> int:
        return max(1, round(self._wait_s))

    def _refusal(self, visitor: str) -> ServiceBusy:
        if visitor and self._running[visitor] >= self._per_visitor:
            return VisitorBusy(
                self._retry_after_s,
                f"{self._per_visitor} {self._what} of yours run already, as many as one user or"
                " address may have at once; try again when one is over",
            )
        return ServiceBusy(self._retry_after_s)
