"""The parts of the service that run pipelines, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint

from pipelines.archive import RunArchive
from pipelines.catalogue import PipelineCatalogue, packaged_pipelines
from pipelines.handler import HandlerServices, PipelineJobHandler, job_kind
from pipelines.settlement import Settlement
from pipelines.shelf import ProductShelf
from registry.access import AccessPolicy
from registry.model.principal import Principal
from registry.stores.quarantine import Quarantine, may_be_orphans
from uws.executors.base import ControllerUnreachable, ExecutorUnavailable, JobExecutor
from uws.executors.group import ExecutorGroup
from uws.executors.processes import ProcessExecutor
from uws.executors.slurm.executor import PREFIX, SlurmExecutor
from uws.limits import JobLimits
from uws.removal import JobRemover
from uws.results.base import ResultStore
from uws.service import JobService
from uws.store.base import JobStore
from uws.watcher import PhaseWatcher
from vo_service.processing.blueprint import PipelinePages, PipelineRoutes, pipeline_blueprints
from vo_service.processing.dry_run import DryRuns
from vo_service.processing.files import JobFiles
from vo_service.processing.service import ProcessingService, ProcessingStores

__all__ = ["Processing", "ProcessingSettings"]

_NO_JOB = "no record of a job names it"

_STAGING_S = 600
"""Seconds that a job may take besides its program: inputs to stage, a product to publish."""


@dataclass(frozen=True, slots=True)
class ProcessingSettings:
    """Where runs are and how long their jobs are kept.

    Attributes
    ----------
    home
        Home of the installation; runs are in a folder of it.
    job_retention_default_s, job_retention_max_s
        Seconds that a job, its results and its logs are kept.
    jobs_per_user
        Jobs that one user may keep.
    pipeline_sites
        Folder with what the site says of pipelines; none takes them as they ship.
    """

    home: Path
    job_retention_default_s: int = 30 * 86_400
    job_retention_max_s: int = 365 * 86_400
    jobs_per_user: int = 1000
    pipeline_sites: Path | None = None


class Processing:
    """Pipelines of an installation, in one process.

    Parameters
    ----------
    settings
        Where and how long.
    store, results
        The job table and the results of jobs, shared with those of TAP.
    shelf
        The products.
    policy
        The rights of the installation now.
    watcher
        Lets callers wait; the one of this process.
    catalogue, executor
        The pipelines, and what runs them; by default the packaged ones, on this host.
    """

    def __init__(
        self,
        settings: ProcessingSettings,
        store: JobStore,
        results: ResultStore,
        shelf: ProductShelf,
        policy: Callable[[], AccessPolicy],
        *,
        watcher: PhaseWatcher | None = None,
        catalogue: PipelineCatalogue | None = None,
        executor: JobExecutor | None = None,
    ) -> None:
        self._store = store
        self.catalogue = catalogue or _packaged(settings.pipeline_sites)
        self.executor, self._executors = _executors(self.catalogue, executor or ProcessExecutor())
        self.shelf = shelf
        self.archive = RunArchive(settings.home / "runs")
        self._quarantine = Quarantine(settings.home)
        self.settlement = Settlement(
            store, self.executor, shelf, self.archive, orphan=self._set_run_aside
        )
        self.remover = JobRemover(
            store,
            results,
            also=[self.settlement.forget],
            orphans=lambda jobs, total: self._quarantine.take_few(
                [results.folder(job) for job in jobs], total, _NO_JOB
            ),
        )
        self.files = JobFiles(
            results,
            {job_kind(o.name): o.specification.file_parameters for o in self.catalogue},
        )
        longest_s = max((o.site.time_limit_s for o in self.catalogue), default=0) + _STAGING_S
        self.jobs = JobService(
            store,
            results,
            limits=JobLimits(
                execution_duration_default_s=longest_s,
                execution_duration_max_s=longest_s,
                destruction_default_s=settings.job_retention_default_s,
                destruction_max_s=settings.job_retention_max_s,
                stored_per_owner=settings.jobs_per_user,
            ),
            watcher=watcher,
            remover=self.remover,
        )
        self.dry_runs = DryRuns(shelf, self.executor, settings.home / "checks")
        self.processes = ProcessingService(
            ProcessingStores(
                self.catalogue,
                store,
                self.jobs,
                shelf,
                self.archive,
                self.files,
                self.settlement,
            ),
            policy,
        )

    def cluster_problems(self) -> list[str]:
        """Ask the cluster whether it would take runs; give a sentence for each that it would not.

        Takes up to half a minute for each pipeline while the cluster does not answer.
        """
        found = []
        for offered in self.catalogue:
            if offered.site.executor != "slurm":
                continue
            executor = SlurmExecutor(offered.site.slurm.request)
            try:
                executor.check(offered.site.memory_bytes, offered.site.time_limit_s)
            except ControllerUnreachable as error:
                found.append(f"{offered.name}: Slurm does not answer now ({error})")
            except ExecutorUnavailable as error:
                found.append(f"{offered.name}: Slurm would refuse its runs ({error})")
        return found

    def _set_run_aside(self, job_id: str) -> None:
        folders = self.archive.folders()
        unknown = set(folders) - self._store.known(list(folders))
        # One by one, but only if all that have no record are few.
        if job_id in unknown and may_be_orphans(len(unknown), len(folders)):
            self._quarantine.take_few([folders[job_id]], len(folders), _NO_JOB)

    def handlers(self) -> list[PipelineJobHandler]:
        """Make what a worker needs, one for each pipeline."""
        return [
            PipelineJobHandler(
                offered,
                HandlerServices(
                    self.shelf,
                    self._executors[offered.name],
                    self.archive,
                    self.files.read,
                    self.settlement.settle,
                ),
            )
            for offered in self.catalogue
        ]

    def blueprints(
        self,
        required: Callable[[], Principal],
        url: str,
        pages: PipelinePages | None = None,
    ) -> list[tuple[Blueprint, str]]:
        """Make the routes, each with the end of its address.

        Parameters
        ----------
        required
            Tells who makes the request at hand; raises where nobody does.
        url
            Absolute public address of the list of pipelines, without trailing slash.
        pages
            Shows pipelines to people; without it they get JSON.
        """
        routes = PipelineRoutes(
            self.catalogue, self.jobs, self.files, self.shelf, self.dry_runs, required, pages
        )
        return pipeline_blueprints(routes, url)


def _packaged(sites: Path | None) -> PipelineCatalogue:
    return packaged_pipelines(sites) if sites else packaged_pipelines()


def _executors(
    catalogue: PipelineCatalogue, local: JobExecutor
) -> tuple[JobExecutor, dict[str, JobExecutor]]:
    """Make what runs on this host and looks after all, and what runs each pipeline."""
    slurm = {
        each.name: SlurmExecutor(each.site.slurm.request)
        for each in catalogue
        if each.site.executor == "slurm"
    }
    by_pipeline = {
        each.name: _group(local, slurm.get(each.name), slurm.values()) for each in catalogue
    }
    return _group(local, None, slurm.values()), by_pipeline


def _group(
    local: JobExecutor, own: SlurmExecutor | None, slurm: Iterable[SlurmExecutor]
) -> JobExecutor:
    """Give new tasks to one executor, and follow others where they are."""
    other = own or next(iter(slurm), None)
    if other is None:
        return local
    return ExecutorGroup([(PREFIX, other), ("", local)], own or local)
