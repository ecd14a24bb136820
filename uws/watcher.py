"""Long polling: one thread per process looks at the job table and wakes all who wait."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from time import sleep

from uws.model import Phase
from uws.store.base import JobStore

__all__ = ["PhaseWatcher"]

_LOG = logging.getLogger("pzvo.uws")

_TROUBLE_PAUSE_S = 1.0
"""Rest after the job table could not be read."""


@dataclass(eq=False)
class _Waiter:
    job_id: str
    phase: Phase
    woken: Event = field(default_factory=Event)


class PhaseWatcher:
    """Lets threads wait for a job to change its phase.

    Parameters
    ----------
    store
        The job table.
    poll_s
        Seconds between looks at the change counter while somebody waits; changes made in this
        process are noticed at once.
    waiters_max
        How many threads may wait; further ones are answered at once.

    Notes
    -----
    The thread lives only while somebody waits: an idle process polls nothing.
    """

    def __init__(self, store: JobStore, *, poll_s: float = 0.03, waiters_max: int = 256) -> None:
        self._store = store
        self._poll_s = poll_s
        self._waiters_max = waiters_max
        self._lock = Lock()
        self._waiters: set[_Waiter] = set()
        self._running = False

    @property
    def waiting(self) -> int:
        """How many threads wait now."""
        return len(self._waiters)

    def wait(self, job_id: str, phase: Phase, timeout_s: float) -> bool:
        """Wait until a job is no longer in a phase, or is gone.

        Parameters
        ----------
        job_id
            The job.
        phase
            In which the caller saw it.
        timeout_s
            How long at most.

        Returns
        -------
        bool
            False when the time is over, or too many wait already.
        """
        waiter = _Waiter(job_id, phase)
        if not self._enter(waiter):
            return False
        try:
            # It may have changed between the caller's look and the entry above.
            if self._store.phases([job_id]).get(job_id) != phase:
                return True
            return waiter.woken.wait(timeout_s)
        finally:
            with self._lock:
                self._waiters.discard(waiter)

    def _enter(self, waiter: _Waiter) -> bool:
        with self._lock:
            if len(self._waiters) >= self._waiters_max:
                return False
            self._waiters.add(waiter)
            if not self._running:
                self._running = True
                Thread(target=self._watch, name="uws-watcher", daemon=True).start()
            return True

    def _watch(self) -> None:
        last: int | None = None
        while True:
            seen = self._store.signal.count
            with self._lock:
                if not self._waiters:
                    self._running = False
                    return
            try:
                last = self._look(last)
            except Exception:  # noqa: BLE001 - the thread serves everybody who will ever wait
                _LOG.exception("watching the job table failed")
                self._wake_all()
                last = None
                sleep(_TROUBLE_PAUSE_S)
            self._store.signal.wait(seen, self._poll_s)

    def _look(self, last: int | None) -> int:
        changes = self._store.changes()
        if changes == last:
            return changes
        with self._lock:
            waiters = list(self._waiters)
        phases = self._store.phases({waiter.job_id for waiter in waiters})
        for waiter in waiters:
            if phases.get(waiter.job_id) != waiter.phase:
                waiter.woken.set()
        return changes

    def _wake_all(self) -> None:
        with self._lock:
            for waiter in self._waiters:
                waiter.woken.set()
