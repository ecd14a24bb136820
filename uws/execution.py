"""One attempt at one job, in its own thread."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from datetime import datetime
from threading import Event, Thread
from time import sleep

from uws.context import CancelReason, JobContext
from uws.errors import (
    InvalidTransition,
    JobFailed,
    JobNotFound,
    JobStoreUnavailable,
    StorageFull,
    UwsError,
)
from uws.handler import JobHandler
from uws.model import Claim, ErrorType, Job, JobError, Phase
from uws.results.base import ResultStore
from uws.store.base import JobStore
from uws.transition import Transition

__all__ = ["ErrorDescription", "JobExecution", "describe_error", "overdue_error"]

_LOG = logging.getLogger("pzvo.jobs")

_RETRY_PAUSES_S = (0.1, 0.5, 2.0, 5.0)
"""Rests before recording the end of a job again while the job table is unavailable."""

ErrorDescription = Callable[[BaseException], JobError]
"""Words the error of a handler for the owner of the job."""


def describe_error(error: BaseException) -> JobError:
    """Word an error: those of this package as they stand, others under an incident number."""
    if isinstance(error, UwsError):
        transient = isinstance(error, JobStoreUnavailable | StorageFull) or (
            isinstance(error, JobFailed) and error.transient
        )
        return JobError(str(error), ErrorType.TRANSIENT if transient else ErrorType.FATAL)
    incident = secrets.token_hex(4)
    _LOG.error("incident %s", incident, exc_info=error)
    return JobError(f"The service failed; please report incident {incident}.")


def overdue_error(job: Job) -> JobError:
    """Word the end of a job that has used up its execution duration."""
    return JobError(
        f"aborted: the execution duration of {job.execution_duration_s} s is used up; ask for "
        "less, or set a longer executionduration before running the job again"
    )


class JobExecution:
    """Runs a claimed job and records how it ended, unless somebody else has.

    Parameters
    ----------
    job
        As it was claimed.
    handler
        Does the work.
    store
        Where the end is recorded.
    results
        Where results go.
    describe
        Words errors.
    clock
        Tells the time.
    ended
        Called with the execution when its thread has nothing more to do.

    Attributes
    ----------
    deadline
        When the execution duration is used up, as it is known now.
    """

    def __init__(
        self,
        job: Job,
        handler: JobHandler,
        store: JobStore,
        results: ResultStore,
        *,
        describe: ErrorDescription,
        clock: Callable[[], datetime],
        ended: Callable[[JobExecution], object],
    ) -> None:
        self.job = job
        self.context = JobContext(job, results, self._commit, self._wait)
        self.deadline = job.deadline
        self._handler = handler
        self._store = store
        self._results = results
        self._describe = describe
        self._clock = clock
        self._ended = ended
        self._over = Event()
        self._committed = False

    @property
    def claim(self) -> Claim:
        """What this execution may finish."""
        return self.job.claim

    def start(self) -> None:
        """Run in a thread that does not keep the process alive."""
        name = f"job-{self.job.job_id[:8]}-{self.job.attempt}"
        Thread(target=self._run, name=name, daemon=True).start()

    def join(self, timeout_s: float) -> bool:
        """Wait until the thread has nothing more to do; tell whether that is so."""
        return self._over.wait(timeout_s)

    def release(self) -> None:
        """Give the job back to the queue, whatever the handler still does."""
        self._record(Transition.release(self.claim))

    def _commit(self) -> bool:
        try:
            self._store.transition(Transition.commitment(self.claim))
        except (InvalidTransition, JobNotFound):
            return False
        self._committed = True
        return True

    def _wait(self, waits: bool) -> bool:
        now, duration_s = self._clock(), self.job.execution_duration_s
        change = (
            Transition.waiting(self.claim)
            if waits
            else Transition.start(self.claim, now, duration_s)
        )
        try:
            self.deadline = self._store.transition(change).deadline
        except (InvalidTransition, JobNotFound, JobStoreUnavailable, StorageFull):
            return False
        return True

    def _run(self) -> None:
        try:
            change = self._work()
            recorded = None if change is None else self._record(change)
            if recorded is None or not recorded.results:
                self._results.discard_attempt(self.job.job_id, self.job.attempt)
            self._log(recorded)
        except Exception:  # noqa: BLE001 - the lease runs out and the reconciler decides
            _LOG.exception("the end of job %s could not be recorded", self.job.job_id)
        finally:
            self._over.set()
            self._ended(self)

    def _work(self) -> Transition | None:
        context = self.context
        try:
            self._handler.validate(self.job.parameters)
            context.raise_if_cancelled()
            made = tuple(self._handler.run(self.job, context))
        except BaseException as error:  # noqa: BLE001 - whatever happens is the job's error
            if context.cancel_reason is CancelReason.LOST:
                return None
            if context.cancel_reason is CancelReason.STOPPING:
                return Transition.release(self.claim)
            return self._failure(error)
        if context.cancel_reason is CancelReason.LOST:
            return None
        return Transition.completion(self.claim, self._clock(), made, context.info)

    def _failure(self, error: BaseException) -> Transition:
        now, deadline = self._clock(), self.deadline
        if deadline is not None and deadline < now and not self._committed:
            # Engines and executors keep the time too, and may notice before the worker does.
            return Transition.overdue(self.claim, now, overdue_error(self.job))
        return Transition.failure(self.claim, now, self._describe(error), self.context.info)

    def _record(self, change: Transition) -> Job | None:
        for pause_s in _RETRY_PAUSES_S:
            try:
                return self._store.transition(change)
            except (InvalidTransition, JobNotFound):
                return self._completed()
            except (JobStoreUnavailable, StorageFull):
                sleep(pause_s)
        return self._store.transition(change)

    def _completed(self) -> Job | None:
        # A connection may break after the commit and before the answer to it. Nobody else can
        # complete this attempt, so then the first try was heard, and the results are needed.
        try:
            job = self._store.get(self.job.job_id)
        except JobNotFound:
            return None
        mine = job.phase is Phase.COMPLETED and job.attempt == self.job.attempt
        return job if mine else None

    def _log(self, recorded: Job | None) -> None:
        job = recorded or self.job
        info = self.context.info
        fields = {
            "job": job.job_id,
            "kind": job.kind,
            "phase": str(recorded.phase) if recorded else "given up",
            "attempt": self.job.attempt,
            "wait_s": _seconds(job.queue_time, self.job.start_time),
            "run_s": _seconds(self.job.start_time, self._clock()),
            **{f"{name}_s": round(seconds, 4) for name, seconds in info.timings},
        }
        _LOG.info("job %s", " ".join(f"{name}={value}" for name, value in fields.items()))


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    return None if begin is None or end is None else round((end - begin).total_seconds(), 3)
