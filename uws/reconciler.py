"""Repairs what crashes leave, and enforces the times of jobs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Event, Thread
from time import monotonic

from uws.errors import InvalidTransition, JobNotFound
from uws.execution import overdue_error
from uws.model import ErrorType, Job, JobError, utc_now
from uws.removal import JobRemover
from uws.results.base import ResultStore
from uws.store.base import JobStore
from uws.transition import Transition

__all__ = ["Reconciler"]

_LOG = logging.getLogger("pzvo.uws")

_ORPHANS_EVERY_S = 600.0
"""Seconds between searches for results without a job, which only a crash leaves."""

_REMOVE_AT_ONCE = 100
"""Jobs removed in one round, so that other duties do not wait for a large clearing."""


class Reconciler:
    """Finds jobs whose worker is gone, whose time is up, or which are to go.

    Any number may run, in any process: each repair is one atomic change of phase.

    Parameters
    ----------
    store
        The job table.
    results
        Where results are.
    remover
        Removes jobs at their destruction time; by default their records and results.
    interval_s
        Seconds between rounds.
    restarts
        How often a job of a kind is queued again after its worker was lost; 1 for others.
    pending_s
        Seconds after which a job that was never run goes; none leaves it until its destruction.
    clock
        Tells the time, aware; of all hosts alike.
    steady
        Tells whether ages can be believed at a moment; while not, no job is removed.
    """

    def __init__(
        self,
        store: JobStore,
        results: ResultStore,
        *,
        remover: JobRemover | None = None,
        interval_s: float = 2.0,
        restarts: Mapping[str, int] | None = None,
        pending_s: float | None = None,
        clock: Callable[[], datetime] = utc_now,
        steady: Callable[[datetime], bool] = lambda _now: True,
    ) -> None:
        self._store = store
        self._results = results
        self._steady = steady
        self._remover = remover or JobRemover(store, results)
        self._interval_s = interval_s
        self._restarts = dict(restarts or {})
        self._pending = None if pending_s is None else timedelta(seconds=pending_s)
        self._clock = clock
        self._stopping = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Work in a thread that does not keep the process alive."""
        self._thread = Thread(target=self._loop, name="uws-reconciler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the present round and end the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def run_once(self) -> None:
        """Do one round of everything but the search for orphans."""
        now = self._clock()
        for job in self._store.overdue(now):
            self._try(Transition.overdue(job.claim, now, overdue_error(job)))
        for job in self._store.expired(now):
            self._recover(job, now)
        forgotten = None if self._pending is None else now - self._pending
        going = self._store.destroyable(now, limit=_REMOVE_AT_ONCE, pending_before=forgotten)
        if going and self._steady(now):
            for job_id in going:
                self._remover.remove(job_id)

    def set_orphans_aside(self) -> int:
        """Set aside results that a crash left without their job; give the number of jobs."""
        return self._remover.set_orphans_aside(self._clock())

    def _recover(self, job: Job, now: datetime) -> None:
        if job.losses < self._restarts.get(job.kind, 1):
            change = Transition.recovery(job.claim, now)
        else:
            change = Transition.loss(job.claim, now, _loss_error(job))
        if self._try(change):
            _LOG.warning(
                "worker %s of job %s attempt %d was lost: %s",
                job.worker, job.job_id, job.attempt, change.target,
            )  # fmt: skip
            self._results.discard_attempt(job.job_id, job.attempt)

    def _try(self, change: Transition) -> bool:
        try:
            self._store.transition(change)
        except (InvalidTransition, JobNotFound):
            return False
        return True

    def _loop(self) -> None:
        searched = monotonic()
        while not self._stopping.wait(self._interval_s):
            try:
                self.run_once()
                if monotonic() - searched >= _ORPHANS_EVERY_S:
                    searched = monotonic()
                    self.set_orphans_aside()
            except Exception:  # noqa: BLE001 - the next round may find the table again
                _LOG.exception("jobs cannot be reconciled")


def _loss_error(job: Job) -> JobError:
    times = "once" if job.losses == 0 else f"{job.losses + 1} times"
    return JobError(
        f"the process that ran the job was lost {times}, the last time in attempt {job.attempt}; "
        "the job may need more memory than there is: ask for less, or run it again",
        ErrorType.TRANSIENT,
    )
