"""What is left when a job is over: programs to end, products to fail, folders to clear.

The job table has the truth. A job may be aborted, deleted or given up while no worker looks
after it, or in the moment in which its product was published: then this makes the product and
the programs agree with the job. Any number of processes may do it at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event, Thread
from time import monotonic

from pipelines.archive import RunArchive
from pipelines.shelf import ProductShelf
from uws.errors import JobNotFound
from uws.executors.base import JobExecutor
from uws.model import TERMINAL, Job, Phase, utc_now
from uws.store.base import JobStore

__all__ = ["Settlement"]

_LOG = logging.getLogger("pzvo.pipelines")

_AGAIN_S = 30.0
"""Between looks at a job that was settled: a worker may not have heard of its end yet."""

_WATCHED = timedelta(hours=1)
"""How long a job is looked at after its end: longer than any publication takes."""


class Settlement:
    """Makes products and programs agree with the job table.

    Parameters
    ----------
    jobs
        The job table.
    executor
        Runs the programs.
    shelf
        The products.
    archive
        The run folders.
    orphan
        Takes the identifier of a job without a record that has a run folder, and sets the folder
        aside; by default it stays.
    interval_s
        Seconds between rounds.
    clock
        Tells the time, aware.
    """

    def __init__(
        self,
        jobs: JobStore,
        executor: JobExecutor,
        shelf: ProductShelf,
        archive: RunArchive,
        *,
        orphan: Callable[[str], object] = lambda _job_id: None,
        interval_s: float = 2.0,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._jobs = jobs
        self._executor = executor
        self._shelf = shelf
        self._archive = archive
        self._orphan = orphan
        self._interval_s = interval_s
        self._clock = clock
        self._seen: dict[str, float] = {}
        self._stopping = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Work in a thread that does not keep the process alive."""
        self._thread = Thread(target=self._loop, name="pipeline-settlement", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the present round and end the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def run_once(self) -> None:
        """Settle every job that is over and may have left something."""
        now = monotonic()
        jobs = {*self._archive.unsettled(), *self._shelf.unfinished()}
        self._seen = {job: at for job, at in self._seen.items() if job in jobs}
        for job_id in sorted(jobs):
            if now - self._seen.get(job_id, -_AGAIN_S) >= _AGAIN_S and self.settle(job_id):
                self._seen[job_id] = now

    def settle(self, job_id: str) -> bool:
        """Make everything of a job agree with its phase; tell whether the job is over."""
        try:
            job = self._jobs.get(job_id)
        except JobNotFound:
            self._disown(job_id)
            self._orphan(job_id)
            return True
        if job.phase not in TERMINAL:
            return False
        if job.phase is not Phase.COMPLETED:
            self._end_programs(job_id)
            self._shelf.fail(job_id, _reason(job))
        self._archive.clear(job_id)
        if job.end_time is None or self._clock() - job.end_time > _WATCHED:
            self._archive.settle(job_id)
        return True

    def forget(self, job_id: str) -> None:
        """End and remove what a job has that is being deleted; for `JobRemover`."""
        if self._archive.attempts(job_id):
            self._disown(job_id)
            self._archive.remove(job_id)

    def _disown(self, job_id: str) -> None:
        self._end_programs(job_id)
        product = self._shelf.product(job_id)
        # Once published, a product does not depend on its job any more.
        if product is not None and not product.published:
            self._shelf.fail(job_id, "the job that was to make this product was deleted")

    def _end_programs(self, job_id: str) -> None:
        for run in self._archive.attempts(job_id):
            self._executor.discard(run.path)

    def _loop(self) -> None:
        while not self._stopping.wait(self._interval_s):
            try:
                self.run_once()
            except Exception:  # noqa: BLE001 - the next round may find the tables again
                _LOG.exception("jobs of pipelines cannot be settled")


def _reason(job: Job) -> str:
    if job.error is not None:
        return job.error.message
    return "the process was stopped by its owner"
