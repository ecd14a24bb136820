"""The seam by which a kind of job plugs in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from uws.context import JobContext
from uws.model import Job, JobResult, Parameter

__all__ = ["JobHandler"]


class JobHandler(Protocol):
    """Knows how to do one kind of job.

    Whatever it raises puts the job into ERROR; `JobFailed` brings the text for its owner.
    """

    @property
    def kind(self) -> str:
        """Name of the kind, as jobs carry it."""

    def validate(self, parameters: Sequence[Parameter]) -> None:
        """Refuse parameters that cannot work, before anything is done.

        Notes
        -----
        Called by the worker when the job is claimed, never when it is created: TAP wants a job
        even for a bad query.
        """

    def run(self, job: Job, context: JobContext) -> Sequence[JobResult]:
        """Do the job in the calling thread.

        Parameters
        ----------
        job
            As it was claimed.
        context
            Where results, progress and timings go, and cancelling comes from.

        Returns
        -------
        results
            In the order in which the job is to list them; made by `JobContext.open_result`.
        """
