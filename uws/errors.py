"""Errors of the uws package.

The tree::

    UwsError
        JobNotFound
        JobForbidden
        ResultNotFound
        InvalidTransition(expected, actual)
        InvalidJobParameter
        JobsExceeded(retry_after_s)
        JobFailed(transient)
        JobCancelled
        JobStoreUnavailable
        StorageFull

None of them knows of HTTP: the edge maps each class to a status and a document once.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "InvalidJobParameter",
    "InvalidTransition",
    "JobCancelled",
    "JobFailed",
    "JobForbidden",
    "JobIrrevocable",
    "JobNotFound",
    "JobStoreUnavailable",
    "JobsExceeded",
    "ResultNotFound",
    "StorageFull",
    "UwsError",
]


class UwsError(Exception):
    """Root of every error that the uws package raises for its callers."""


class JobNotFound(UwsError):
    """Say that a job does not exist, or is hidden from the caller (same answer).

    Parameters
    ----------
    job_id
        The identifier as it was asked for.
    """

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(
            f"there is no job {job_id[:64]!r}: it may have been deleted, or have reached its "
            "destruction time"
        )


class JobForbidden(UwsError):
    """Say that a job belongs to somebody else, where the service admits that it exists."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(f"job {job_id!r} belongs to another user: sign in as its owner")


class ResultNotFound(UwsError):
    """Say that a job has no such result, or not yet."""


class InvalidTransition(UwsError):
    """Say that a job is not in a phase in which this can be done.

    Parameters
    ----------
    expected
        Phases in which it could have been done.
    actual
        The phase of the job.
    action
        What was to be done, to follow "cannot".
    """

    def __init__(self, expected: Iterable[str], actual: str, action: str) -> None:
        self.expected = tuple(sorted(str(phase) for phase in expected))
        self.actual = str(actual)
        wanted = " or ".join(self.expected) or "no phase at all"
        super().__init__(f"cannot {action}: the job is {self.actual}, it must be {wanted}")


class JobIrrevocable(InvalidTransition):
    """Say that a job is past its point of no return and is not aborted any more."""

    def __init__(self, action: str) -> None:
        super().__init__((), "EXECUTING", action)
        text = "its results are being published already; wait until it is COMPLETED, then delete"
        self.args = (f"cannot {action}: {text} what you do not want",)


class InvalidJobParameter(UwsError):
    """Say that a value that controls the job itself cannot be taken."""


class JobsExceeded(UwsError):
    """Say that the caller keeps as many jobs as one may.

    Parameters
    ----------
    message
        The limit and what to do.
    retry_after_s
        Seconds after which asking again makes sense.
    """

    def __init__(self, message: str, retry_after_s: int = 60) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class JobFailed(UwsError):
    """Say why a job came to nothing; raised by handlers, shown to the owner as it stands.

    Parameters
    ----------
    message
        The text of the job's error summary.
    transient
        Whether the same job may succeed later.
    """

    def __init__(self, message: str, *, transient: bool = False) -> None:
        self.transient = transient
        super().__init__(message)


class JobCancelled(UwsError):
    """Leave a handler whose job was aborted, or is given back by a worker that stops."""


class JobStoreUnavailable(UwsError):
    """Say that the job table cannot be reached, or is locked for too long (transient)."""


class StorageFull(UwsError):
    """Say that the disk of the job table or of the results is full; nothing was kept."""
