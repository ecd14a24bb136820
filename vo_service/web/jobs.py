"""Jobs of a person, of queries and of pipelines alike, as the pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from pipelines.handler import job_kind
from registry.model.principal import Principal
from uws.errors import JobNotFound
from uws.model import ACTIVE, Job, Parameter
from uws.service import JobAddress, JobRequest, JobService
from uws.store.base import JobQuery, JobStore
from vo_service.api.processes import ProcessNotFound, ProcessRecord
from vo_service.processing.service import ProcessingService
from vo_service.tap.jobs import KIND
from vo_service.tap.uploads import Uploads, is_reference
from vo_service.web.querying import UPLOAD_PART, AskedQuery

__all__ = ["JOBS_SHOWN", "JobDesk", "SeenJob"]

JOBS_SHOWN = 25
"""Jobs of a page."""

_LOG_CHARACTERS = 20_000
"""End of a log that a page shows."""


@dataclass(frozen=True, slots=True)
class SeenJob:
    """A job as a person sees it.

    Attributes
    ----------
    job
        The job.
    process
        Of a pipeline; none is a query.
    log
        End of what the pipeline wrote.
    """

    job: Job
    process: ProcessRecord | None = None
    log: str = ""

    @property
    def active(self) -> bool:
        """Whether it may still change."""
        return self.job.phase in ACTIVE

    @property
    def title(self) -> str:
        """Name of it for lists: that of the product, or the beginning of the query."""
        if self.process is not None:
            return self.process.display_name or self.process.pipeline
        return " ".join(self.query.split())[:100]

    @property
    def query(self) -> str:
        """Text of a query; empty for pipelines."""
        return next(iter(self.job.values("QUERY")), "")

    @property
    def uploads(self) -> bool:
        """Whether a table came with it, which a repetition would miss."""
        return bool(self.job.values("UPLOAD"))


class JobDesk:
    """Shows jobs to those who may see them, and does with them what they may.

    Parameters
    ----------
    queries
        Jobs of queries.
    store
        The table of all jobs.
    processes
        Jobs of pipelines.
    uploads
        Keeps the tables that come with queries.
    """

    def __init__(
        self,
        queries: JobService,
        store: JobStore,
        processes: ProcessingService,
        uploads: Uploads,
    ) -> None:
        self._queries = queries
        self._uploads = uploads
        self._store = store
        self._processes = processes
        self._kinds = frozenset({KIND, *(job_kind(each.name) for each in processes.pipelines())})

    def page(self, principal: Principal, number: int) -> tuple[list[SeenJob], int]:
        """List a page of somebody's jobs, the newest first, with the number of all."""
        if principal.user is None:
            return [], 0
        query = JobQuery(owner=principal.user, kinds=self._kinds)
        found = list(reversed(self._store.list(query)))
        shown = found[(number - 1) * JOBS_SHOWN : number * JOBS_SHOWN]
        jobs = []
        for each in shown:
            try:
                jobs.append(self.job(principal, each.job_id, with_log=False))
            except JobNotFound:
                # It went meanwhile.
                continue
        return jobs, len(found)

    def job(self, principal: Principal, job_id: str, *, with_log: bool = True) -> SeenJob:
        """Show a job.

        Raises
        ------
        JobNotFound
            If there is none, or it is somebody else's.
        """
        try:
            return SeenJob(self._queries.get(JobAddress(principal.user, KIND, job_id)))
        except JobNotFound:
            pass
        process = self._process(principal, job_id)
        log = self.log(principal, job_id)[-_LOG_CHARACTERS:] if with_log else ""
        return SeenJob(self._store.get(job_id), process, log)

    def log(self, principal: Principal, job_id: str) -> str:
        """Give all that a pipeline has written; raises as `job`."""
        self._process(principal, job_id)
        logs = self._processes.logs(principal, job_id)
        return "\n".join(each.content for each in (*logs.pipeline, *logs.scheduler) if each.content)

    def abort(self, principal: Principal, job_id: str) -> None:
        """Stop a job; one that is over stays as it is. Raises as `job`."""
        seen = self.job(principal, job_id, with_log=False)
        if seen.process is not None:
            self._processes.stop(principal, job_id)
        elif seen.active:
            self._queries.abort(JobAddress(principal.user, KIND, job_id))

    def delete(self, principal: Principal, job_id: str) -> None:
        """Remove a job and its results; a product that is published stays. Raises as `job`."""
        seen = self.job(principal, job_id, with_log=False)
        if seen.process is not None:
            self._processes.remove(principal, job_id)
        else:
            self._queries.delete(JobAddress(principal.user, KIND, job_id))

    def start(
        self, principal: Principal, asked: AskedQuery, table: IO[bytes] | None, address: str
    ) -> str:
        """Make a job of a query; give its identifier.

        Parameters
        ----------
        principal
            Who asks.
        asked
            What for.
        table
            The table that comes with it.
        address
            By which visitors without an account are told apart.

        Raises
        ------
        JobsExceeded
            If the person keeps too many.
        InvalidJobParameter
            If the table is too large.
        StorageFull
            If there is no room.
        """
        parameters = [
            Parameter(name, value, is_reference(name, value))
            for name, value in asked.parameters().items()
        ]
        job = self._queries.create(
            JobRequest(principal.user, KIND, parameters, run=table is None, address=address)
        )
        if table is not None:
            place = JobAddress(principal.user, KIND, job.job_id)
            try:
                self._uploads.keep(job, UPLOAD_PART, table)
                self._queries.start(place)
            except BaseException:
                self._queries.delete(place)
                raise
        return job.job_id

    def repeat(self, principal: Principal, job_id: str, address: str) -> str:
        """Run a query once more; give the identifier of the new job.

        Raises
        ------
        JobNotFound
            If there is none, it is somebody else's, or it is no query.
        JobsExceeded
            If the person keeps too many.
        """
        job = self._queries.get(JobAddress(principal.user, KIND, job_id))
        return self._queries.create(
            JobRequest(
                principal.user, KIND, job.parameters, job.run_id, run=True, address=address,
            )
        ).job_id  # fmt: skip

    def _process(self, principal: Principal, job_id: str) -> ProcessRecord:
        try:
            return self._processes.process(principal, job_id)
        except ProcessNotFound as error:
            raise JobNotFound(job_id) from error
