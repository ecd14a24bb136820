"""Workers: take jobs out of the queue and run them, several at once."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event, Lock, Semaphore, Thread
from time import monotonic

from uws.context import CancelReason
from uws.errors import InvalidTransition, JobNotFound
from uws.execution import ErrorDescription, JobExecution, describe_error, overdue_error
from uws.handler import JobHandler
from uws.model import Claim, Job, utc_now
from uws.results.base import ResultStore
from uws.store.base import ClaimRequest, JobStore
from uws.transition import Transition

__all__ = ["Worker", "WorkerSettings"]

_LOG = logging.getLogger("pzvo.uws")

_TROUBLE_PAUSE_S = 1.0
"""Rest after the job table could not be used."""

_CANCEL_GRACE_S = 2.0
"""How long cancelled handlers may take when the worker stops, before it gives their jobs back."""


@dataclass(frozen=True)
class WorkerSettings:
    """How a worker works.

    Parameters
    ----------
    slots
        Jobs that run at once.
    lease_s
        Seconds after which a worker that is not heard of is taken for dead; longer than clocks
        of hosts may differ.
    poll_s
        Seconds between looks at the change counter for jobs of other processes.
    watch_s
        Seconds between looks at running jobs, for those that were aborted by other processes.
    report_s
        Seconds between writing what running jobs tell of themselves.
    running_per_owner, running_anonymous
        Jobs that one owner, and all anonymous users together, may have running at once in the
        whole service; none is without limit.
    """

    slots: int = 2
    lease_s: float = 20.0
    poll_s: float = 0.05
    watch_s: float = 0.2
    report_s: float = 1.0
    running_per_owner: int | None = None
    running_anonymous: int | None = None


class Worker:
    """Claims jobs and runs them in threads until it is stopped.

    Parameters
    ----------
    store
        The job table.
    results
        Where results go.
    handlers
        One per kind of job that this worker can do.
    settings
        How it works.
    describe
        Words the errors of handlers.
    clock
        Tells the time, aware; of all hosts alike.

    Notes
    -----
    One thread claims, one keeps leases and watches running jobs, and each job has one. An ABORT,
    a deletion and a lost lease all look the same to the watching thread: the claim is gone.
    """

    def __init__(
        self,
        store: JobStore,
        results: ResultStore,
        handlers: Sequence[JobHandler],
        *,
        settings: WorkerSettings | None = None,
        describe: ErrorDescription = describe_error,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.name = f"{socket.gethostname()[:100]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._store = store
        self._results = results
        self._handlers = {handler.kind: handler for handler in handlers}
        self._settings = settings or WorkerSettings()
        self._describe = describe
        self._clock = clock
        self._slots = Semaphore(self._settings.slots)
        self._lock = Lock()
        self._running: dict[Claim, JobExecution] = {}
        self._stopping = Event()
        self._stopped = Event()
        self._threads: list[Thread] = []

    @property
    def running(self) -> frozenset[Claim]:
        """What runs at the moment."""
        with self._lock:
            return frozenset(self._running)

    def start(self) -> None:
        """Begin to claim jobs, in threads that do not keep the process alive."""
        for target, name in ((self._claim_jobs, "uws-claims"), (self._keep_leases, "uws-leases")):
            thread = Thread(target=target, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, grace_s: float = 5.0) -> None:
        """Claim nothing more, let jobs finish for a while, and give the others back.

        Parameters
        ----------
        grace_s
            Seconds that running jobs have to finish; afterwards they are cancelled and queued
            again, which does not count as a loss.
        """
        self._stopping.set()
        self._store.signal.notify()
        # Who waits for a slot gets one, and sees that it is over.
        self._slots.release()
        if self._threads:
            self._threads[0].join()
        _join(self._executions(), grace_s)
        for execution in self._executions():
            execution.context.cancel(CancelReason.STOPPING)
        _join(self._executions(), _CANCEL_GRACE_S)
        for execution in self._executions():
            execution.context.cancel(CancelReason.LOST)
            execution.release()
        self._stopped.set()
        self._store.signal.notify()
        for thread in self._threads:
            thread.join()

    def _claim_jobs(self) -> None:
        seen_changes: int | None = None
        while True:
            self._slots.acquire()
            # Before the look at the end, whose notice may come at any moment.
            seen = self._store.signal.count
            if self._stopping.is_set():
                return
            try:
                changes = self._store.changes()
                job = self._claim() if changes != seen_changes else None
            except Exception:  # noqa: BLE001 - the worker outlives trouble with its table
                _LOG.exception("jobs cannot be claimed")
                self._slots.release()
                self._stopping.wait(_TROUBLE_PAUSE_S)
                continue
            if job is not None:
                seen_changes = None
                self._execute(job)
                continue
            # Whether something can be claimed depends on the table alone: until its counter
            # moves, another try would find nothing either.
            seen_changes = changes
            self._slots.release()
            self._store.signal.wait(seen, self._settings.poll_s)

    def _claim(self) -> Job | None:
        now = self._clock()
        return self._store.claim(
            ClaimRequest(
                kinds=frozenset(self._handlers),
                worker=self.name,
                at=now,
                lease_expires=now + timedelta(seconds=self._settings.lease_s),
                running_per_owner=self._settings.running_per_owner,
                running_anonymous=self._settings.running_anonymous,
            )
        )

    def _execute(self, job: Job) -> None:
        execution = JobExecution(
            job,
            self._handlers[job.kind],
            self._store,
            self._results,
            describe=self._describe,
            clock=self._clock,
            ended=self._forget,
        )
        with self._lock:
            self._running[execution.claim] = execution
        execution.start()

    def _forget(self, execution: JobExecution) -> None:
        with self._lock:
            del self._running[execution.claim]
        self._slots.release()

    def _executions(self) -> list[JobExecution]:
        with self._lock:
            return list(self._running.values())

    def _keep_leases(self) -> None:
        extended = reported = monotonic()
        while True:
            seen = self._store.signal.count
            if self._stopped.is_set():
                return
            try:
                executions = self._executions()
                due = monotonic() - extended >= self._settings.lease_s / 4
                if executions:
                    held = self._extend() if due else self._store.held(self.name)
                    self._watch(executions, held)
                if due:
                    extended = monotonic()
                if monotonic() - reported >= self._settings.report_s:
                    reported = monotonic()
                    self._report(executions)
            except Exception:  # noqa: BLE001 - the worker outlives trouble with its table
                _LOG.exception("leases cannot be kept")
                self._stopped.wait(_TROUBLE_PAUSE_S)
            self._store.signal.wait(seen, self._settings.watch_s)

    def _extend(self) -> frozenset[Claim]:
        expires = self._clock() + timedelta(seconds=self._settings.lease_s)
        return self._store.heartbeat(self.name, expires)

    def _watch(self, executions: Sequence[JobExecution], held: frozenset[Claim]) -> None:
        now = self._clock()
        for execution in executions:
            if execution.claim not in held:
                execution.context.cancel(CancelReason.LOST)
                continue
            if execution.deadline is not None and execution.deadline < now:
                self._abort_overdue(execution, now)

    def _report(self, executions: Sequence[JobExecution]) -> None:
        for execution in executions:
            report = execution.context.take_report()
            if report is not None:
                self._store.report(execution.claim, *report)

    def _abort_overdue(self, execution: JobExecution, now: datetime) -> None:
        change = Transition.overdue(execution.claim, now, overdue_error(execution.job))
        try:
            self._store.transition(change)
        except (InvalidTransition, JobNotFound):
            # It is over, or past its point of no return.
            _LOG.debug("job %s is not aborted any more", execution.job.job_id)
            return
        execution.context.cancel(CancelReason.LOST)


def _join(executions: Sequence[JobExecution], timeout_s: float) -> None:
    deadline = monotonic() + timeout_s
    for execution in executions:
        execution.join(max(0.0, deadline - monotonic()))
