"""Processes of the Photo-z Server's API: the same jobs that UWS shows, in its words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pipelines.archive import RunArchive
from pipelines.catalogue import OfferedPipeline, PipelineCatalogue
from pipelines.errors import ConfigurationRejected, InputsRejected
from pipelines.handler import draft_of, job_kind
from pipelines.intake import take_inputs
from pipelines.request import PipelineRequest, job_parameters
from pipelines.settlement import Settlement
from pipelines.shelf import ProductShelf
from registry.access import AccessPolicy
from registry.model.principal import Principal
from uws.errors import InvalidTransition, JobNotFound, JobsExceeded, UwsError
from uws.model import Job, Parameter
from uws.service import JobAddress, JobRequest, JobService
from uws.store.base import JobQuery, JobStore
from vo_service.api.processes import (
    PipelineRecord,
    ProcessDraft,
    ProcessLogs,
    ProcessNotFound,
    ProcessRecord,
    ProcessRefused,
)
from vo_service.processing.files import JobFiles
from vo_service.processing.logs import read_logs, user_file_content
from vo_service.processing.records import pipeline_record, process_record

__all__ = ["ProcessingService", "ProcessingStores"]

_CONFIG_KEYS = ("param", "output_format")
"""Keys of ``used_config`` that do something here."""

_IDLE_KEYS = ("executor", "inputs", "output_dir", "output_name", "output_root_dir")
"""Keys that older clients send back from ``system_config``; the service decides these."""


@dataclass(frozen=True, slots=True)
class ProcessingStores:
    """What processes are made of.

    Attributes
    ----------
    catalogue
        The pipelines.
    store
        The job table.
    jobs
        What callers may do with jobs.
    shelf
        Products.
    archive
        Run folders.
    files
        Files that come with jobs.
    settlement
        Makes products agree with jobs.
    """

    catalogue: PipelineCatalogue
    store: JobStore
    jobs: JobService
    shelf: ProductShelf
    archive: RunArchive
    files: JobFiles
    settlement: Settlement


class ProcessingService:
    """Runs pipelines for callers; see `vo_service.api.processes.ProcessService`.

    Parameters
    ----------
    stores
        What processes are made of.
    policy
        The rights of the installation now.
    """

    def __init__(self, stores: ProcessingStores, policy: Callable[[], AccessPolicy]) -> None:
        self._stores = stores
        self._policy = policy
        self._kinds = {job_kind(each.name): each for each in stores.catalogue}

    def pipelines(self) -> Sequence[PipelineRecord]:
        """Give all pipelines, in the order of the site."""
        return [pipeline_record(offered) for offered in self._stores.catalogue]

    def processes(self, principal: Principal) -> Sequence[ProcessRecord]:
        """Give the caller's processes, the newest first; operators see those of everybody."""
        if principal.user is None and not principal.operator:
            return []
        query = JobQuery(
            owner=principal.user, everyone=principal.operator, kinds=frozenset(self._kinds)
        )
        found = []
        for summary in reversed(self._stores.store.list(query)):
            try:
                found.append(self._record(self._stores.store.get(summary.job_id)))
            except JobNotFound:
                continue
        return found

    def process(self, principal: Principal, process_id: str) -> ProcessRecord:
        """Give one process.

        Raises
        ------
        ProcessNotFound
            If there is none, or it is somebody else's.
        """
        return self._record(self._job(principal, process_id))

    def submit(self, principal: Principal, draft: ProcessDraft) -> ProcessRecord:
        """Check everything, make the job and its product, and queue the job.

        Raises
        ------
        ProcessRefused
            With every problem of the configuration, or of the inputs, at once.
        ProcessNotFound
            If there is no such pipeline.
        LoginRequired, NotAllowed, ReleaseNotFound, ProductRefused
            If the caller may not make this product.
        """
        self._policy().require_run(principal)
        offered = next((p for p in self._kinds.values() if p.site.id == draft.pipeline), None)
        if offered is None or principal.user is None:
            raise ProcessNotFound(f"there is no pipeline {draft.pipeline}")
        request = _request(offered, draft)
        try:
            request.configuration(offered.specification)
            take_inputs(self._stores.shelf, offered.specification, principal.user, request)
        except ConfigurationRejected as error:
            raise ProcessRefused({"used_config": error.problems}) from error
        except InputsRejected as error:
            raise ProcessRefused({"inputs": error.problems}) from error
        files = {}
        if draft.flags_translation is not None:
            files[offered.specification.file_parameters[0]] = draft.flags_translation[1]
        return self._record(self._queued(offered, principal.user, request, files))

    def run(
        self,
        principal: Principal,
        name: str,
        parameters: Sequence[Parameter],
        files: Mapping[str, bytes],
    ) -> ProcessRecord:
        """Do the same for a request as UWS has it.

        Parameters
        ----------
        principal
            Who asks.
        name
            Of the pipeline.
        parameters
            Of the job.
        files
            Contents of parameters that are files.

        Raises
        ------
        PipelineNotFound
            If there is no such pipeline.
        ConfigurationRejected, InputsRejected
            With every problem at once.
        ProcessRefused
            If the job cannot be kept.
        LoginRequired, NotAllowed, ReleaseNotFound, ProductRefused
            If the caller may not make this product.
        """
        self._policy().require_run(principal)
        offered = self._stores.catalogue.pipeline(name)
        if principal.user is None:
            raise ProcessNotFound(f"there is no pipeline {name[:64]!r}")
        request = PipelineRequest.parse(offered.specification, parameters)
        take_inputs(self._stores.shelf, offered.specification, principal.user, request)
        return self._record(self._queued(offered, principal.user, request, files))

    def stop(self, principal: Principal, process_id: str) -> ProcessRecord:
        """Stop a process; one that is over stays as it is.

        Raises
        ------
        ProcessNotFound
            If there is none, or it is somebody else's.
        NotAllowed
            If the caller may see it and not stop it.
        """
        job = self._job(principal, process_id)
        self._policy().require_stop(principal, job.owner)
        try:
            self._stores.jobs.abort(_address(job))
        except InvalidTransition:
            return self._record(self._stores.store.get(job.job_id))
        self._stores.settlement.settle(job.job_id)
        return self._record(self._stores.store.get(job.job_id))

    def remove(self, principal: Principal, process_id: str) -> None:
        """Forget a process, stopping it first; a product that is published stays.

        Raises
        ------
        ProcessNotFound, NotAllowed
            As `stop`.
        """
        job = self._job(principal, process_id)
        self._policy().require_stop(principal, job.owner)
        self._stores.jobs.delete(_address(job))
        self._stores.settlement.settle(job.job_id)

    def logs(self, principal: Principal, process_id: str) -> ProcessLogs:
        """Read the logs of a process; empty before it has run.

        Raises
        ------
        ProcessNotFound
            If there is none, or it is somebody else's.
        """
        job = self._job(principal, process_id)
        return read_logs(self._stores.archive.latest(job.job_id))

    def configuration(self, principal: Principal, process_id: str) -> Mapping[str, Any]:
        """Give the parameters of a process, and the rules that its owner has sent.

        Raises
        ------
        ProcessNotFound
            If there is none, or it is somebody else's.
        """
        job = self._job(principal, process_id)
        document: dict[str, Any] = {"config": dict(self._record(job).used_config["param"])}
        for name in self._kinds[job.kind].specification.file_parameters:
            sent = self._stores.files.read(job.job_id, name)
            if sent is not None:
                document["flag_translation"] = user_file_content(sent)
        return document

    def _queued(
        self,
        offered: OfferedPipeline,
        owner: str,
        request: PipelineRequest,
        files: Mapping[str, bytes],
    ) -> Job:
        stores, specification = self._stores, offered.specification
        parameters = job_parameters(specification, request)
        try:
            job = stores.jobs.create(JobRequest(owner, job_kind(offered.name), parameters))
        except JobsExceeded as error:
            raise ProcessRefused({"pipeline": [str(error)]}) from error
        try:
            for name, content in files.items():
                stores.files.keep(job, name, BytesIO(content))
            stores.shelf.reserve(job.job_id, owner, draft_of(specification, request))
            return stores.jobs.start(_address(job))
        except BaseException as error:
            stores.jobs.delete(_address(job))
            stores.settlement.settle(job.job_id)
            if isinstance(error, UwsError):
                raise ProcessRefused({"pipeline": [str(error)]}) from error
            raise

    def _job(self, principal: Principal, process_id: str) -> Job:
        missing = ProcessNotFound(f"there is no process {process_id[:64]!r}")
        if not process_id.isalnum():
            raise missing
        try:
            job = self._stores.store.get(process_id)
        except JobNotFound:
            raise missing from None
        mine = principal.operator or (job.owner is not None and job.owner == principal.user)
        if job.kind not in self._kinds or not mine:
            raise missing
        return job

    def _record(self, job: Job) -> ProcessRecord:
        product = self._stores.shelf.product(job.job_id)
        run = self._stores.archive.latest(job.job_id)
        path = None if run is None else self._stores.archive.name(run)
        return process_record(self._kinds[job.kind], job, product, run, path)


def _request(offered: OfferedPipeline, draft: ProcessDraft) -> PipelineRequest:
    specification = offered.specification
    config = draft.used_config
    problems = [
        f"{key}: unknown key; the keys are {', '.join(_CONFIG_KEYS)}"
        for key in config
        if key not in (*_CONFIG_KEYS, *_IDLE_KEYS)
    ]
    param = config.get("param") or {}
    if not isinstance(param, Mapping):
        problems.append("param: give an object with the parameters")
        param = {}
    defaults = specification.defaults()
    kept = dict(param)
    for name in specification.file_parameters:
        value = kept.pop(name, None)
        # Clients send back the default; the value itself comes as a part of the request.
        if value not in (None, "", defaults[name]) and draft.flags_translation is None:
            problems.append(f"param.{name}: send the file itself as the part {name!r} of a form")
    if draft.flags_translation is not None and not specification.file_parameters:
        problems.append("this pipeline takes no file")
    output_format = config.get("output_format")
    if problems:
        raise ProcessRefused({"used_config": problems})
    return PipelineRequest(
        name=draft.display_name,
        inputs={specification.inputs[0].name: tuple(map(str, draft.inputs))},
        param=kept,
        output_format=None if output_format is None else str(output_format),
        description=draft.description,
        release=draft.release,
        pz_code=draft.pz_code,
        official=draft.official,
    )


def _address(job: Job) -> JobAddress:
    return JobAddress(job.owner, job.kind, job.job_id)
