"""What the service, the workers and the reconciler need of a job table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from uws.model import (
    Claim,
    Job,
    JobInfo,
    JobSummary,
    Parameter,
    ParameterMerge,
    Phase,
    merge_parameters,
)
from uws.notification import ChangeSignal
from uws.transition import Transition

__all__ = ["ClaimRequest", "JobQuery", "JobRoom", "JobStore"]


@dataclass(frozen=True)
class JobQuery:
    """Which jobs to list.

    Parameters
    ----------
    owner
        Whose; none is the anonymous ones.
    everyone
        Whether to list the jobs of all owners, for administrators.
    kinds
        Of which kinds; none is all.
    phases
        In which phases; empty is all but ARCHIVED (UWS 1.1, section 2.2.2.1).
    after
        Created later than this.
    last
        Only so many of the newest.
    address
        Of which address; none is all.
    """

    owner: str | None = None
    everyone: bool = False
    kinds: frozenset[str] | None = None
    phases: frozenset[Phase] = frozenset()
    after: datetime | None = None
    last: int | None = None
    address: str | None = None


@dataclass(frozen=True)
class JobRoom:
    """What an owner, or an address of the anonymous owner, may keep; none is without limit.

    Parameters
    ----------
    stored
        Jobs.
    pending
        Jobs that were never run.
    result_bytes
        Size of the results of all jobs, past which no new job is made.
    """

    stored: int | None = None
    pending: int | None = None
    result_bytes: int | None = None


@dataclass(frozen=True)
class ClaimRequest:
    """Who wants to run what.

    Parameters
    ----------
    kinds
        Kinds of jobs that the worker has handlers for.
    worker
        Unique name of the worker, never used again by another.
    at
        Now.
    lease_expires
        Until when the worker need not be heard of.
    running_per_owner, running_anonymous
        How many jobs one owner, and all anonymous users together, may have running; none is
        without limit.
    """

    kinds: frozenset[str]
    worker: str
    at: datetime
    lease_expires: datetime
    running_per_owner: int | None = None
    running_anonymous: int | None = None


class JobStore(Protocol):
    """A table of jobs shared by all processes of the service.

    Every method is one transaction. Any may raise `JobStoreUnavailable`, and those that write
    `StorageFull`.
    """

    @property
    def signal(self) -> ChangeSignal:
        """Moves after each change that was made through this object."""

    def create(
        self, job: Job, *, stored_max: int | None = None, room: JobRoom | None = None
    ) -> None:
        """Keep a new job, PENDING or QUEUED.

        Parameters
        ----------
        job
            The job.
        stored_max
            Jobs that its owner may keep, whatever their addresses.
        room
            What its owner and address may keep.

        Raises
        ------
        JobsExceeded
            If a limit is reached already.
        """

    def get(self, job_id: str) -> Job:
        """Read a job.

        Raises
        ------
        JobNotFound
            If there is none.
        """

    def list(self, query: JobQuery) -> Sequence[JobSummary]:
        """List jobs, the oldest first."""

    def set_parameters(
        self, job_id: str, sent: Sequence[Parameter], merge: ParameterMerge = merge_parameters
    ) -> Job:
        """Merge parameters into those of a job that is PENDING, as one change.

        Raises
        ------
        JobNotFound
            If there is none.
        InvalidTransition
            If it is in another phase.
        """

    def set_run_id(self, job_id: str, run_id: str | None) -> Job:
        """Name a job that is PENDING; raises as `set_parameters`."""

    def set_execution_duration(self, job_id: str, duration_s: int) -> Job:
        """Limit the run of a job that is PENDING; raises as `set_parameters`."""

    def set_destruction(self, job_id: str, destruction: datetime | None) -> Job:
        """Say when a job goes, in any phase.

        Raises
        ------
        JobNotFound
            If there is none.
        """

    def transition(self, change: Transition) -> Job:
        """Change the phase of a job by one atomic statement; give the job afterwards.

        Raises
        ------
        JobNotFound
            If there is none.
        InvalidTransition
            If it is in another phase or attempt, or a condition no longer holds: somebody else
            was first.
        """

    def claim(self, request: ClaimRequest) -> Job | None:
        """Take the oldest job of the owner, or anonymous address, with the fewest running ones."""

    def heartbeat(self, worker: str, lease_expires: datetime) -> frozenset[Claim]:
        """Extend the leases of a worker; give what it still may finish."""

    def held(self, worker: str) -> frozenset[Claim]:
        """Give what a worker still may finish, without extending anything."""

    def report(self, claim: Claim, info: JobInfo, quote: datetime | None) -> None:
        """Keep what a running attempt tells of itself, if it is still the present one."""

    def expired(self, at: datetime) -> Sequence[Job]:
        """Find executing jobs whose lease has run out."""

    def overdue(self, at: datetime) -> Sequence[Job]:
        """Find executing jobs whose execution duration has run out."""

    def destroyable(
        self, at: datetime, *, limit: int, pending_before: datetime | None = None
    ) -> Sequence[str]:
        """Find jobs whose destruction time has come, or that wait to be run since that moment."""

    def delete(self, job_id: str) -> bool:
        """Forget a job in whatever phase; tell whether there was one."""

    def counts(self, owner: str | None) -> Mapping[Phase, int]:
        """Count the jobs of an owner by phase, leaving out phases without any."""

    def changes(self) -> int:
        """Give the counter that moves with every creation, change of phase and deletion."""

    def phases(self, job_ids: Collection[str]) -> Mapping[str, Phase]:
        """Give the phases of some jobs, leaving out those that do not exist."""

    def known(self, job_ids: Iterable[str]) -> frozenset[str]:
        """Give those identifiers that belong to a job."""
