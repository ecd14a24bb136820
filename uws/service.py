"""What people may do with jobs: the rules of ownership, limits and phases in one place."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from uws.errors import InvalidJobParameter, JobForbidden, JobNotFound, ResultNotFound
from uws.limits import JobLimits
from uws.model import (
    ACTIVE,
    TERMINAL,
    Job,
    JobResult,
    JobSummary,
    Parameter,
    ParameterMerge,
    Phase,
    merge_parameters,
    utc_now,
)
from uws.removal import JobRemover
from uws.results.base import ResultStore, StoredResult
from uws.store.base import JobQuery, JobStore
from uws.transition import Transition
from uws.watcher import PhaseWatcher

__all__ = ["JobAddress", "JobRequest", "JobService"]

_JOB_ID_BYTES = 16
"""128 random bits: whoever knows the address of an anonymous job may read it."""


@dataclass(frozen=True)
class JobAddress:
    """A job as a caller names it: who asks, under which kind, and its identifier."""

    owner: str | None
    kind: str
    job_id: str


@dataclass(frozen=True)
class JobRequest:
    """A job that is to be made.

    Parameters
    ----------
    owner
        Whose it will be; none is anonymous.
    kind
        Names the handler.
    parameters
        In the order in which they were sent.
    run_id, execution_duration_s, destruction
        As the caller asks; none is the default.
    run
        Whether to queue it at once.
    address
        Network address of an anonymous owner.
    """

    owner: str | None
    kind: str
    parameters: Sequence[Parameter] = ()
    run_id: str | None = None
    execution_duration_s: int | None = None
    destruction: datetime | None = None
    run: bool = False
    address: str = ""


class JobService:
    """The jobs of all owners, each seen by its owner alone.

    Parameters
    ----------
    store
        The job table.
    results
        Where results are.
    limits
        What owners may ask for.
    watcher
        Lets callers wait; one per process.
    remover
        Removes jobs; by default their records and results.
    reveal_foreign
        Whether the job of another owner is refused rather than unknown.
    quote
        Predicts when a waiting or running job will be over, where the job does not know itself;
        must be quick.
    clock
        Tells the time, aware.

    Notes
    -----
    Every method may raise `JobStoreUnavailable`, and those that change something `StorageFull`.
    A job of the anonymous owner is open to whoever knows its identifier.
    """

    def __init__(
        self,
        store: JobStore,
        results: ResultStore,
        *,
        limits: JobLimits | None = None,
        watcher: PhaseWatcher | None = None,
        remover: JobRemover | None = None,
        reveal_foreign: bool = False,
        quote: Callable[[Job], datetime | None] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._results = results
        self._limits = limits or JobLimits()
        self._watcher = watcher or PhaseWatcher(store)
        self._remover = remover or JobRemover(store, results)
        self._reveal_foreign = reveal_foreign
        self._quote = quote
        self._clock = clock

    def create(self, request: JobRequest) -> Job:
        """Make a job: PENDING, or QUEUED at once; it is kept when this returns.

        Raises
        ------
        InvalidJobParameter
            If the run id or the execution duration cannot be taken.
        JobsExceeded
            If the owner or the address keeps too many jobs, or too large ones.
        """
        now = self._clock()
        job = Job(
            job_id=secrets.token_hex(_JOB_ID_BYTES),
            kind=request.kind,
            owner=request.owner,
            creation_time=now,
            run_id=self._limits.run_id(request.run_id),
            execution_duration_s=self._limits.execution_duration(request.execution_duration_s),
            destruction=self._limits.destruction(request.destruction, now),
            parameters=merge_parameters((), request.parameters),
            address=request.address if request.owner is None else "",
        )
        if request.run:
            job = replace(job, phase=Phase.QUEUED, queue_time=now)
        self._store.create(
            job,
            stored_max=self._limits.stored(request.owner),
            room=self._limits.room(request.owner),
        )
        return job

    def get(self, address: JobAddress) -> Job:
        """Read a job.

        Raises
        ------
        JobNotFound
            If there is none of this kind, or it is another owner's.
        JobForbidden
            If it is another owner's and the service admits that.
        """
        if not address.job_id.isalnum():
            # Ours always are, and databases refuse some characters that addresses may have.
            raise JobNotFound(address.job_id)
        job = self._store.get(address.job_id)
        if job.kind != address.kind:
            raise JobNotFound(address.job_id)
        if job.owner is not None and job.owner != address.owner:
            if self._reveal_foreign:
                raise JobForbidden(address.job_id)
            raise JobNotFound(address.job_id)
        if job.phase in ACTIVE and (job.quote is None or job.quote <= self._clock()):
            # A prediction that has not come true is none any more.
            return replace(job, quote=None if self._quote is None else self._quote(job))
        return job

    def list(self, query: JobQuery) -> Sequence[JobSummary]:
        """List the jobs of an owner, the oldest first; of the anonymous owner none are shown."""
        if query.owner is None and not query.everyone:
            return []
        return self._store.list(query)

    def start(self, address: JobAddress) -> Job:
        """Queue a job; committed before any worker is told. Raises as `abort`."""
        self.get(address)
        return self._store.transition(Transition.queueing(address.job_id, self._clock()))

    def abort(self, address: JobAddress) -> Job:
        """Stop a job; a worker that runs it hears of it within a second.

        Raises
        ------
        JobNotFound, JobForbidden
            As `get`.
        InvalidTransition
            If the job's phase does not allow it.
        """
        self.get(address)
        return self._store.transition(Transition.abortion(address.job_id, self._clock()))

    def delete(self, address: JobAddress) -> None:
        """Remove a job in any phase with its results; a run of it is stopped. Raises as `get`."""
        self.get(address)
        self._remover.remove(address.job_id)

    def wait(self, address: JobAddress, wait_s: float, phase: Phase | None = None) -> Job:
        """Read a job once it has left its phase (UWS 1.1, section 2.2.1.1).

        Parameters
        ----------
        address
            The job.
        wait_s
            How long at most; negative is as long as the service allows.
        phase
            Wait only while the job is in this phase.

        Raises
        ------
        JobNotFound, JobForbidden
            As `get`; also when the job is deleted meanwhile.
        """
        job = self.get(address)
        longest = self._limits.wait_max_s
        timeout_s = longest if wait_s < 0 else min(wait_s, longest)
        if timeout_s <= 0 or job.phase in TERMINAL or (phase or job.phase) != job.phase:
            return job
        self._watcher.wait(job.job_id, job.phase, timeout_s)
        return self.get(address)

    def set_parameters(
        self,
        address: JobAddress,
        sent: Sequence[Parameter],
        merge: ParameterMerge = merge_parameters,
    ) -> Job:
        """Merge parameters into those of a pending job, by default by name. Raises as `abort`."""
        self.get(address)
        return self._store.set_parameters(address.job_id, sent, merge)

    def set_run_id(self, address: JobAddress, run_id: str | None) -> Job:
        """Name a pending job. Raises as `abort`, and `InvalidJobParameter`."""
        self.get(address)
        return self._store.set_run_id(address.job_id, self._limits.run_id(run_id))

    def set_execution_duration(self, address: JobAddress, duration_s: int) -> Job:
        """Limit the run of a pending job; the value in effect is in the job that is returned.

        Raises
        ------
        JobNotFound, JobForbidden, InvalidTransition
            As `abort`.
        InvalidJobParameter
            If the duration is negative.
        """
        self.get(address)
        effective_s = self._limits.execution_duration(duration_s)
        return self._store.set_execution_duration(address.job_id, effective_s)

    def set_destruction(self, address: JobAddress, destruction: datetime) -> Job:
        """Say when a job goes, in any phase; clipped to the longest time from its creation.

        Raises
        ------
        JobNotFound, JobForbidden
            As `get`.
        InvalidJobParameter
            If the time has no zone.
        """
        if destruction.tzinfo is None:
            raise InvalidJobParameter(f"DESTRUCTION {destruction} has no time zone")
        job = self.get(address)
        effective = self._limits.destruction(destruction, job.creation_time)
        return self._store.set_destruction(address.job_id, effective)

    def open_result(
        self, address: JobAddress, result_id: str
    ) -> tuple[Job, JobResult, StoredResult]:
        """Open a result of a job for reading; the caller closes it.

        Raises
        ------
        JobNotFound, JobForbidden
            As `get`.
        ResultNotFound
            If the job has no such result, or not yet.
        """
        job = self.get(address)
        result = job.result(result_id)
        if result is None:
            # Some clients ask for the result of a failed job and show what they get.
            reason = "" if job.error is None else f": {job.error.message}"
            raise ResultNotFound(
                f"job {job.job_id} has no result {result_id[:64]!r}: it is {job.phase}{reason}"
            )
        return job, result, self._results.open(result.location)
