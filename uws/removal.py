"""Removing a job with everything that belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from uws.results.base import ResultStore
from uws.store.base import JobStore

__all__ = ["JobRemover"]

_ORPHAN_AGE_S = 3600
"""Younger results may belong to a job that is just being made."""


class JobRemover:
    """Removes jobs: the record first, so that nobody finds a job without its results.

    Parameters
    ----------
    store
        The job table.
    results
        Where results are.
    also
        Called with the identifier of each job that goes, for what is kept elsewhere; called
        again for the same job after a crash.
    """

    def __init__(
        self, store: JobStore, results: ResultStore, also: Sequence[Callable[[str], object]] = ()
    ) -> None:
        self._store = store
        self._results = results
        self._also = tuple(also)

    def remove(self, job_id: str) -> bool:
        """Remove a job in whatever phase; tell whether there was one."""
        existed = self._store.delete(job_id)
        self._remove_belongings(job_id)
        return existed

    def remove_orphans(self, at: datetime) -> int:
        """Remove results that a crash left without their job; give the number of jobs."""
        oldest = at - timedelta(seconds=_ORPHAN_AGE_S)
        found = [job_id for job_id, modified in self._results.jobs() if modified < oldest]
        orphans = sorted(set(found) - self._store.known(found))
        for job_id in orphans:
            self._remove_belongings(job_id)
        return len(orphans)

    def _remove_belongings(self, job_id: str) -> None:
        for forget in self._also:
            forget(job_id)
        self._results.delete_job(job_id)
