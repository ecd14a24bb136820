"""What a job is: phases, the one table of their transitions, and the records of a job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

__all__ = [
    "ACTIVE",
    "TERMINAL",
    "TRANSITIONS",
    "Claim",
    "ErrorType",
    "Job",
    "JobError",
    "JobInfo",
    "JobResult",
    "JobSummary",
    "Parameter",
    "ParameterMerge",
    "Phase",
    "merge_parameters",
    "phase_seen",
    "sources",
    "utc_now",
]


class Phase(StrEnum):
    """Phases of a job (UWS 1.1, section 2.1.3)."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    ERROR = "ERROR"
    ABORTED = "ABORTED"
    UNKNOWN = "UNKNOWN"
    HELD = "HELD"
    SUSPENDED = "SUSPENDED"
    ARCHIVED = "ARCHIVED"


TRANSITIONS: Mapping[Phase, frozenset[Phase]] = {
    Phase.PENDING: frozenset({Phase.QUEUED, Phase.HELD, Phase.ABORTED, Phase.ERROR}),
    Phase.HELD: frozenset({Phase.QUEUED, Phase.ABORTED, Phase.ERROR}),
    Phase.QUEUED: frozenset({Phase.EXECUTING, Phase.HELD, Phase.ABORTED, Phase.ERROR}),
    Phase.EXECUTING: frozenset(
        {
            Phase.COMPLETED,
            Phase.ERROR,
            Phase.ABORTED,
            Phase.QUEUED,
            Phase.SUSPENDED,
            Phase.UNKNOWN,
        }
    ),
    Phase.SUSPENDED: frozenset({Phase.EXECUTING, Phase.ABORTED, Phase.ERROR}),
    Phase.UNKNOWN: frozenset({Phase.EXECUTING, Phase.COMPLETED, Phase.ABORTED, Phase.ERROR}),
    Phase.COMPLETED: frozenset({Phase.ARCHIVED}),
    Phase.ERROR: frozenset({Phase.ARCHIVED}),
    Phase.ABORTED: frozenset({Phase.ARCHIVED}),
    Phase.ARCHIVED: frozenset(),
}
"""Every change of phase that may happen (UWS 1.1, figure 3).

EXECUTING to QUEUED is ours: a job whose worker was lost, or stops, is queued again.
"""

TERMINAL = frozenset({Phase.COMPLETED, Phase.ERROR, Phase.ABORTED, Phase.ARCHIVED})
"""Phases in which a job is over."""

ACTIVE = frozenset(Phase) - TERMINAL
"""Phases in which a job may still change, and WAIT blocks."""


def sources(target: Phase) -> frozenset[Phase]:
    """Give the phases from which a job may come to `target`."""
    return frozenset(phase for phase, targets in TRANSITIONS.items() if target in targets)


def utc_now() -> datetime:
    """Give the time of now in UTC, to the millisecond.

    Notes
    -----
    Documents carry milliseconds; finer times in the store would make ``AFTER`` list a job once
    more to a client that sends back the creation time it has read.
    """
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class ErrorType(StrEnum):
    """Whether the same job may succeed later (UWS 1.1, section 2.1.9)."""

    FATAL = "fatal"
    TRANSIENT = "transient"


def phase_seen(phase: Phase, start_time: datetime | None) -> Phase:
    """Give the phase that people see.

    A job that was given to a worker and has not begun waits in the queue of another system, such
    as a cluster's: the worker keeps it, and to everybody else it is QUEUED.
    """
    return Phase.QUEUED if phase is Phase.EXECUTING and start_time is None else phase


@dataclass(frozen=True)
class Parameter:
    """One parameter of a job; names differ in more than case.

    Parameters
    ----------
    name
        As it was sent.
    value
        As it was sent.
    by_reference
        Whether the value is a URL of the actual value; none leaves it unsaid.
    """

    name: str
    value: str
    by_reference: bool | None = None


@dataclass(frozen=True)
class JobResult:
    """One result of a job.

    Parameters
    ----------
    id
        Last element of the result's address, ``result`` for the one of a query.
    media_type
        Exactly as it is to be sent.
    size_bytes
        Length of the content.
    location
        Key in the result store.
    rows
        Rows of a tabular result; none where unknown.
    """

    id: str
    media_type: str
    size_bytes: int
    location: str
    rows: int | None = None


@dataclass(frozen=True)
class JobError:
    """Why a job is in ERROR, or was aborted by the service."""

    message: str
    type: ErrorType = ErrorType.FATAL
    has_detail: bool = True


@dataclass(frozen=True)
class JobInfo:
    """What a running job tells of itself.

    Parameters
    ----------
    progress
        Part done, 0 to 1; none where unknown.
    text
        What is being done, one line.
    timings
        Names of steps and their seconds, in the order in which they ended.
    """

    progress: float | None = None
    text: str | None = None
    timings: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Claim:
    """The right to finish a job: its identifier and the attempt that was given out."""

    job_id: str
    attempt: int


@dataclass(frozen=True)
class JobSummary:
    """A job as lists show it."""

    job_id: str
    kind: str
    phase: Phase
    owner: str | None
    run_id: str | None
    creation_time: datetime
    start_time: datetime | None = None
    end_time: datetime | None = None
    address: str = ""


@dataclass(frozen=True)
class Job:
    """A job at one moment.

    Parameters
    ----------
    job_id
        Unguessable; the last element of the job's address.
    kind
        Names the handler that runs it.
    owner
        Identifier of the user, none for anonymous.
    creation_time, queue_time, start_time, end_time
        Aware UTC; `queue_time` is when the job first came into the queue.
    execution_duration_s
        Seconds that the job may run; 0 is without limit.
    destruction
        When the job and its results go; none is never.
    quote
        When the job will probably be over; none is unknown.
    attempt
        How often the job was given to a worker.
    losses
        How many of these workers were lost.
    deadline
        When the running attempt reaches the execution duration.
    worker, lease_expires
        Who runs the job, and until when it need not be heard of again.
    irrevocable
        Whether the running attempt is past its point of no return: it is not aborted any more.
    address
        By which anonymous owners are told apart; empty for users.
    """

    job_id: str
    kind: str
    owner: str | None
    creation_time: datetime
    phase: Phase = Phase.PENDING
    run_id: str | None = None
    queue_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    execution_duration_s: int = 0
    destruction: datetime | None = None
    quote: datetime | None = None
    parameters: tuple[Parameter, ...] = ()
    results: tuple[JobResult, ...] = ()
    error: JobError | None = None
    info: JobInfo = field(default_factory=JobInfo)
    attempt: int = 0
    losses: int = 0
    deadline: datetime | None = None
    worker: str | None = None
    lease_expires: datetime | None = None
    irrevocable: bool = False
    address: str = ""

    @property
    def claim(self) -> Claim:
        """Give the right to finish the present attempt."""
        return Claim(self.job_id, self.attempt)

    @property
    def summary(self) -> JobSummary:
        """Give the job as lists show it."""
        return JobSummary(
            self.job_id,
            self.kind,
            self.phase,
            self.owner,
            self.run_id,
            self.creation_time,
            self.start_time,
            self.end_time,
            self.address,
        )

    def values(self, name: str) -> tuple[str, ...]:
        """Give all values of a parameter, whatever the case of its name."""
        return tuple(p.value for p in self.parameters if p.name.casefold() == name.casefold())

    def result(self, result_id: str) -> JobResult | None:
        """Find a result by its identifier."""
        return next((result for result in self.results if result.id == result_id), None)


ParameterMerge = Callable[[Iterable[Parameter], Iterable[Parameter]], tuple[Parameter, ...]]
"""Puts newly sent parameters to those that a job has; must be quick, and change nothing else."""


def merge_parameters(
    present: Iterable[Parameter], sent: Iterable[Parameter]
) -> tuple[Parameter, ...]:
    """Put newly sent parameters in the place of those with the same names.

    Notes
    -----
    A name sent twice at once keeps both values, a name sent again later replaces what was there
    (UWS 1.1, section 2.1.11). Protocols whose parameters accumulate bring a merge of their own.
    """
    newer = tuple(sent)
    names = {parameter.name.casefold() for parameter in newer}
    kept = tuple(p for p in present if p.name.casefold() not in names)
    return kept + newer
