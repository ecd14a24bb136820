"""Changes of phase as data: what must hold, and what the job has afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from uws.model import TERMINAL, Claim, JobError, JobInfo, JobResult, Phase, sources

__all__ = ["Transition"]


@dataclass(frozen=True)
class Transition:
    """One change of phase, to be made by one atomic statement or not at all.

    Parameters
    ----------
    job_id
        The job.
    target
        Its phase afterwards.
    action
        What is done, to follow "cannot" in a refusal.
    origins
        Phases from which it may be done, all in the table of transitions.
    attempt
        Only while the job is in this attempt; none is any.
    lease_until
        Only if the lease of the job has run out by then.
    deadline_until
        Only if the execution duration has run out by then.
    values
        Fields of the job afterwards, besides its phase.
    counts_loss
        Whether a worker was lost.
    revocable
        Only while the job is not past its point of no return.
    """

    job_id: str
    target: Phase
    action: str
    origins: frozenset[Phase]
    attempt: int | None = None
    lease_until: datetime | None = None
    deadline_until: datetime | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    counts_loss: bool = False
    revocable: bool = False

    def __post_init__(self) -> None:
        """Refuse what the table of transitions does not have.

        Raises
        ------
        ValueError
            If an origin may not lead to the target.
        """
        stays = frozenset({Phase.EXECUTING} & {self.target})
        extra = self.origins - sources(self.target) - stays
        if extra:
            raise ValueError(f"no transition from {sorted(extra)} to {self.target}")

    @classmethod
    def queueing(cls, job_id: str, at: datetime) -> Transition:
        """Put a job that its owner has set up into the queue."""
        origins = frozenset({Phase.PENDING, Phase.HELD})
        return cls(job_id, Phase.QUEUED, "run the job", origins, values={"queue_time": at})

    @classmethod
    def completion(
        cls, claim: Claim, at: datetime, results: tuple[JobResult, ...], info: JobInfo
    ) -> Transition:
        """Record the results of the attempt that made them."""
        return cls._end(
            claim, Phase.COMPLETED, "complete the job", at, results=results, info=info, error=None
        )

    @classmethod
    def failure(
        cls, claim: Claim, at: datetime, error: JobError, info: JobInfo | None = None
    ) -> Transition:
        """Record why an attempt came to nothing."""
        known = {} if info is None else {"info": info}
        return cls._end(claim, Phase.ERROR, "fail the job", at, error=error, **known)

    @classmethod
    def abortion(cls, job_id: str, at: datetime) -> Transition:
        """Stop a job as its owner asks."""
        return cls(
            job_id,
            Phase.ABORTED,
            "abort the job",
            sources(Phase.ABORTED),
            values=_ended(at),
            revocable=True,
        )

    @classmethod
    def commitment(cls, claim: Claim) -> Transition:
        """Pass the point of no return: neither its owner nor its deadline ends the attempt."""
        action = "publish the results of the job"
        return cls._remaining(claim, action, irrevocable=True, deadline=None)

    @classmethod
    def waiting(cls, claim: Claim) -> Transition:
        """Record that an attempt waits in the queue of another system, which costs it no time."""
        return cls._remaining(claim, "let the job wait", start_time=None, deadline=None)

    @classmethod
    def start(cls, claim: Claim, at: datetime, duration_s: int) -> Transition:
        """Record that an attempt which waited has begun; its execution duration counts from now."""
        deadline = at + timedelta(seconds=duration_s) if duration_s else None
        return cls._remaining(claim, "start the job", start_time=at, deadline=deadline)

    @classmethod
    def overdue(cls, claim: Claim, at: datetime, error: JobError) -> Transition:
        """Abort a job that has used up its execution duration (UWS 1.1, section 2.1.7)."""
        return cls(
            claim.job_id,
            Phase.ABORTED,
            "abort the overdue job",
            frozenset({Phase.EXECUTING}),
            attempt=claim.attempt,
            deadline_until=at,
            values={**_ended(at), "error": error},
        )

    @classmethod
    def release(cls, claim: Claim) -> Transition:
        """Give a job back to the queue because its worker stops; it keeps its place there."""
        return cls._requeue(claim, "queue the job again")

    @classmethod
    def recovery(cls, claim: Claim, at: datetime) -> Transition:
        """Queue a job again whose worker was lost."""
        return cls._requeue(claim, "recover the job", lease_until=at, counts_loss=True)

    @classmethod
    def loss(cls, claim: Claim, at: datetime, error: JobError) -> Transition:
        """Give a job up whose workers were lost too often."""
        return cls(
            claim.job_id,
            Phase.ERROR,
            "give the job up",
            frozenset({Phase.EXECUTING}),
            attempt=claim.attempt,
            lease_until=at,
            values={**_ended(at), "error": error},
            counts_loss=True,
        )

    @classmethod
    def _remaining(cls, claim: Claim, action: str, **values: object) -> Transition:
        return cls(
            claim.job_id,
            Phase.EXECUTING,
            action,
            frozenset({Phase.EXECUTING}),
            attempt=claim.attempt,
            values=values,
        )

    @classmethod
    def _end(
        cls, claim: Claim, target: Phase, action: str, at: datetime, **values: object
    ) -> Transition:
        if target not in TERMINAL:
            raise ValueError(f"{target} does not end a job")
        return cls(
            claim.job_id,
            target,
            action,
            frozenset({Phase.EXECUTING}),
            attempt=claim.attempt,
            values={**_ended(at), **values},
        )

    @classmethod
    def _requeue(
        cls,
        claim: Claim,
        action: str,
        *,
        lease_until: datetime | None = None,
        counts_loss: bool = False,
    ) -> Transition:
        values = {
            "start_time": None,
            "deadline": None,
            "quote": None,
            "info": JobInfo(),
            "irrevocable": False,
        }
        return cls(
            claim.job_id,
            Phase.QUEUED,
            action,
            frozenset({Phase.EXECUTING}),
            attempt=claim.attempt,
            lease_until=lease_until,
            counts_loss=counts_loss,
            values={**values, "worker": None, "lease_expires": None},
        )


def _ended(at: datetime) -> dict[str, Any]:
    ended = {"end_time": at, "worker": None, "lease_expires": None, "deadline": None}
    return {**ended, "irrevocable": False}
