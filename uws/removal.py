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
    orphans
        Takes the identifiers of jobs that have results and no record, and the number of all jobs
        with results; sets the results aside, and tells of how many. By default they stay: the
        absence of a record is no reason to remove anything.
    """

    def __init__(
        self,
        store: JobStore,
        results: ResultStore,
        also: Sequence[Callable[[str], object]] = (),
        orphans: Callable[[Sequence[str], int], int] | None = None,
    ) -> None:
        self._store = store
        self._results = results
        self._also = tuple(also)
        self._orphans = orphans

    def remove(self, job_id: str) -> bool:
        """Remove a job in whatever phase; tell whether there was one."""
        existed = self._store.delete(job_id)
        self._remove_belongings(job_id)
        return existed

    def set_orphans_aside(self, at: datetime) -> int:
        """Set aside results that a crash left without their job; give the number of jobs."""
        oldest = at - timedelta(seconds=_ORPHAN_AGE_S)
        found = dict(self._results.jobs())
        orphans = sorted(set(found) - self._store.known(list(found)))
        old = [job_id for job_id in orphans if found[job_id] < oldest]
        return self._orphans(old, len(found)) if old and self._orphans is not None else 0

    def _remove_belongings(self, job_id: str) -> None:
        for forget in self._also:
            forget(job_id)
        self._results.delete_job(job_id)
