"""Waiting for a cluster that does not answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from uws.context import JobContext
from uws.errors import JobCancelled
from uws.executors.base import ControllerUnreachable

__all__ = ["patiently"]

Found = TypeVar("Found")

_PAUSE_S = 2.0
"""Between tries."""


def patiently(context: JobContext, action: Callable[[], Found]) -> Found:
    """Try until the machine answers: that it does not is no failure of the job.

    Parameters
    ----------
    context
        Of the job, which may be cancelled meanwhile.
    action
        What is tried.

    Raises
    ------
    JobCancelled
        If nobody wants the job any more.
    """
    while True:
        try:
            return action()
        except ControllerUnreachable as error:
            context.progress(None, f"waiting for the cluster: {error}")
        if context.wait_cancelled(_PAUSE_S):
            raise JobCancelled(f"job {context.job.job_id} was stopped")
