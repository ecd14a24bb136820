"""Pipelines as jobs: from a job's parameters to a published product.

Point of no return: a job is COMPLETED only when its product is published, and the publication
is the last thing that happens before. Its begin is recorded in the job table. An ABORT that is
there before wins, and nothing is published; one that comes later is refused. When the worker is
lost in between, the job is queued again and may be aborted: then `Settlement` takes back what
was published.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.archive import RunArchive
from pipelines.catalogue import OfferedPipeline
from pipelines.configuration import RunConfiguration
from pipelines.ending import failure_of
from pipelines.errors import ConfigurationRejected, InputsRejected, RunFolderDamaged
from pipelines.intake import take_inputs
from pipelines.launching import may_link, run_task
from pipelines.patience import patiently
from pipelines.request import PipelineRequest
from pipelines.runs import RunFolder
from pipelines.shelf import MadeFile, MadeProduct, OutputDraft, ProductShelf
from pipelines.specification import PipelineSpecification
from pipelines.staging import stage
from registry.errors import MetadataUnavailable, RegistryError, StorageFull
from registry.model.provenance import Provenance, ProvenanceInput
from uws.context import CancelReason, JobContext
from uws.errors import JobCancelled, JobFailed
from uws.executors.base import (
    EndCause,
    ExecutorUnavailable,
    JobExecutor,
    TaskHandle,
    TaskPhase,
    TaskStatus,
)
from uws.model import Job, JobResult, Parameter

__all__ = ["HandlerServices", "PipelineJobHandler", "draft_of", "job_kind"]

_FIRST_POLL_S, _LONGEST_POLL_S = 0.02, 0.25
"""A run may be over in a moment, or take hours."""

_LOG_BYTES = 20_000_000
"""The end of a log that becomes a result."""


def job_kind(pipeline: str) -> str:
    """Name the kind of the jobs of a pipeline."""
    return f"pipeline:{pipeline}"


def draft_of(specification: PipelineSpecification, request: PipelineRequest) -> OutputDraft:
    """Say which product a request is for."""
    return OutputDraft(
        request.name,
        specification.output_type,
        specification.name,
        request.description,
        request.release,
        request.pz_code,
        request.official,
    )


@dataclass(frozen=True)
class HandlerServices:
    """What jobs of pipelines need of the installation.

    Parameters
    ----------
    shelf
        The products.
    executor
        Runs the programs.
    archive
        The run folders.
    files
        Gives the content of a file that came with a job, by job and part; none if none came.
    settle
        Makes products and programs agree with the job table, for one job.
    """

    shelf: ProductShelf
    executor: JobExecutor
    archive: RunArchive
    files: Callable[[str, str], bytes | None]
    settle: Callable[[str], object]


class PipelineJobHandler:
    """Runs the jobs of one pipeline; see `JobHandler`.

    Parameters
    ----------
    offered
        The pipeline, with the limits of the site.
    services
        Of the installation.
    """

    def __init__(self, offered: OfferedPipeline, services: HandlerServices) -> None:
        self.kind = job_kind(offered.name)
        self._offered = offered
        self._shelf = services.shelf
        self._executor = services.executor
        self._archive = services.archive
        self._files = services.files
        self._settle = services.settle

    def validate(self, parameters: Sequence[Parameter]) -> None:
        """Check the parameters of a job.

        Raises
        ------
        JobFailed
            With every unknown name and wrong value at once.
        """
        self._request(parameters)

    def run(self, job: Job, context: JobContext) -> Sequence[JobResult]:
        """Run the program of a job and publish what it made.

        Raises
        ------
        JobFailed
            With the reason, for the owner.
        JobCancelled
            If nobody wants the product any more, or the worker stops; in the second case the
            program goes on, and the next worker finds it.
        """
        try:
            return self._run(job, context)
        except JobCancelled:
            if context.cancel_reason is not CancelReason.STOPPING:
                self._settle(job.job_id)
            raise
        except JobFailed as error:
            self._give_up(job.job_id, str(error), context)
            raise
        except (RegistryError, ConfigurationRejected, InputsRejected, OSError) as error:
            reason, transient = _worded(error)
            self._give_up(job.job_id, reason, context)
            raise JobFailed(reason, transient=transient) from error

    def _run(self, job: Job, context: JobContext) -> Sequence[JobResult]:
        if job.owner is None:
            raise JobFailed("anonymous visitors may not run pipelines: sign in first")
        request = self._request(job.parameters)
        found = patiently(context, lambda: self._adopted(job))
        folder, handle = found or self._started(job, job.owner, request, context)
        product = self._shelf.reserve(
            job.job_id, job.owner, draft_of(self._offered.specification, request)
        )
        status = self._follow(folder, handle, context)
        outcome = self._outcome(folder, status)
        for name, seconds in _timings(outcome):
            context.timing(name, seconds)
        main = _inside(folder, outcome["main"])
        others = [_inside(folder, name) for name in outcome.get("attachments", ())]
        results = self._results(context, folder, product, outcome)
        context.progress(1.0, "publishing")
        context.commit()
        with context.timed("publish"):
            self._shelf.publish(
                job.job_id,
                [MadeFile(main, main=True), *(MadeFile(path, main=False) for path in others)],
                _inside(folder, "annotations.yaml"),
                _provenance(job.job_id, folder.configuration, outcome),
            )
        # The files stay until the job is COMPLETED: whoever must do this again needs them.
        if context.cancel_reason is CancelReason.LOST:
            raise JobCancelled(f"job {job.job_id} was lost when its product was published")
        return results

    def _request(self, parameters: Sequence[Parameter]) -> PipelineRequest:
        try:
            return PipelineRequest.parse(self._offered.specification, parameters)
        except ConfigurationRejected as error:
            raise JobFailed(str(error)) from error

    def _adopted(self, job: Job) -> tuple[RunFolder, TaskHandle] | None:
        """Find the program of an earlier attempt, running or well ended; others are removed."""
        found = None
        for folder in self._archive.attempts(job.job_id):
            handle = self._executor.adopt(folder.path)
            if handle is not None and found is None:
                status = self._executor.poll([handle])[handle]
                if status.phase is not TaskPhase.ENDED or status.cause is None:
                    found = (folder, handle)
                    continue
            self._executor.discard(folder.path)
        return found

    def _started(
        self, job: Job, owner: str, request: PipelineRequest, context: JobContext
    ) -> tuple[RunFolder, TaskHandle]:
        context.progress(0.0, "staging inputs")
        specification = self._offered.specification
        products = take_inputs(self._shelf, specification, owner, request)
        configuration = request.configuration(specification, products)
        files = {
            name: content
            for name in specification.file_parameters
            if (content := self._files(job.job_id, name)) is not None
        }
        self._shelf.reserve(job.job_id, owner, draft_of(self._offered.specification, request))
        folder = self._archive.make(job.job_id, job.attempt)
        with context.timed("stage"):
            stage(
                folder,
                configuration,
                files,
                link=may_link(self._offered),
                in_place=self._offered.in_place,
            )
        context.raise_if_cancelled()
        limit_s = float(job.execution_duration_s) or None
        try:
            task = run_task(self._offered, folder, "run", limit_s)
            handle = patiently(context, lambda: self._executor.submit(task))
        except ExecutorUnavailable as error:
            raise JobFailed(str(error), transient=True) from error
        return folder, handle

    def _follow(self, folder: RunFolder, handle: TaskHandle, context: JobContext) -> TaskStatus:
        pause_s, waited = _FIRST_POLL_S, False
        while True:
            try:
                status = self._executor.poll([handle])[handle]
            except ExecutorUnavailable as error:
                status = TaskStatus(TaskPhase.RUNNING, note=f"cannot be looked at now: {error}")
            # A program that this host starts says nothing of a queue, and waits for moments.
            waits = status.phase is TaskPhase.PENDING and status.note is not None
            context.waiting(waits)
            if waited and not waits:
                context.progress(None, "the run has begun")
            waited = waits
            if status.phase is TaskPhase.ENDED:
                return status
            if status.note is not None:
                context.progress(None, f"the run {status.note}")
            else:
                _mirror(folder, context)
            if context.wait_cancelled(pause_s):
                raise JobCancelled(f"job {context.job.job_id} was stopped")
            pause_s = min(1.5 * pause_s, _LONGEST_POLL_S)

    def _outcome(self, folder: RunFolder, status: TaskStatus) -> dict[str, Any]:
        try:
            outcome = folder.read_state("outcome.json")
        except RunFolderDamaged:
            outcome = None
        failure = failure_of(self._offered.site, status, outcome)
        if failure is not None:
            lost = status.cause in (EndCause.LOST, EndCause.KILLED)
            raise JobFailed(failure, transient=lost)
        if outcome is None or not isinstance(outcome.get("main"), str):
            raise JobFailed("the pipeline ended and did not say what it made", transient=True)
        return outcome

    def _results(
        self,
        context: JobContext,
        folder: RunFolder,
        product: MadeProduct,
        outcome: Mapping[str, Any],
    ) -> list[JobResult]:
        made = {
            "id": product.id,
            "internal_name": product.internal_name,
            "url": product.url,
            "table": product.table,
            "rows": outcome.get("n_rows"),
        }
        report = {name: outcome.get(name) for name in ("summary", "timings", "peak_memory_bytes")}
        report |= {"pipeline": self._offered.name, "version": folder.configuration.version}
        report |= {"configuration": folder.configuration.model_dump(mode="json")["param"]}
        return [
            _written(context, "product", "application/json", _json(made)),
            _written(context, "report", "application/json", _json(report)),
            _written(context, "log", "text/plain; charset=utf-8", _tail(folder.log_file)),
        ]

    def _give_up(self, job_id: str, reason: str, context: JobContext) -> None:
        if context.cancelled():
            # Another worker may have the job now, or its owner has ended it.
            self._settle(job_id)
            return
        self._shelf.fail(job_id, reason)
        for run in self._archive.attempts(job_id):
            self._executor.discard(run.path)
        self._archive.clear(job_id)


def _mirror(folder: RunFolder, context: JobContext) -> None:
    try:
        said = folder.read_state("progress.json")
    except RunFolderDamaged:
        return
    if said is None:
        return
    part = said.get("fraction")
    fraction = float(part) if isinstance(part, int | float) else None
    words = [str(said[name])[:200] for name in ("step", "text") if said.get(name)]
    context.progress(fraction, ": ".join(words) or None)


def _timings(outcome: Mapping[str, Any]) -> list[tuple[str, float]]:
    try:
        return [(str(name)[:64], float(seconds)) for name, seconds in outcome.get("timings", ())]
    except (TypeError, ValueError):
        return []


def _inside(folder: RunFolder, name: object) -> Path:
    """Name a file that a run made; a link could lead anywhere."""
    path = folder.outputs / str(name)
    parts = [path, *(p for p in path.parents if folder.outputs in p.parents)]
    outside = Path(os.path.normpath(path)) != path or folder.outputs not in path.parents
    if outside or not path.exists() or any(part.is_symlink() for part in parts):
        raise JobFailed(f"the pipeline names an output that it did not make: {str(name)[:64]!r}")
    return path


def _provenance(
    job_id: str, configuration: RunConfiguration, outcome: Mapping[str, Any]
) -> Provenance:
    summary = outcome.get("summary")
    products = [
        entry.product
        for entries in configuration.inputs.values()
        for entry in entries
        if entry.product is not None
    ]
    return Provenance(
        pipeline=configuration.pipeline or "",
        pipeline_version=configuration.version,
        configuration={
            "job": job_id,
            "param": configuration.param,
            "output_format": configuration.output_format,
            "summary": summary if isinstance(summary, dict) else {},
        },
        inputs=tuple(
            ProvenanceInput(each.id, each.internal_name, each.version, each.sha256)
            for each in products
        ),
        started=_moment(outcome.get("start_time")),
        ended=_moment(outcome.get("end_time")),
    )


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _worded(error: Exception) -> tuple[str, bool]:
    if isinstance(error, OSError):
        reason = f"the run could not be prepared: {error.strerror or type(error).__name__}"
        return f"{reason}; try again later", True
    return str(error), isinstance(error, StorageFull | MetadataUnavailable)


def _written(context: JobContext, name: str, media_type: str, content: bytes) -> JobResult:
    with context.open_result(name, media_type) as pending:
        pending.sink.write(content)
    return pending.result()


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=1).encode() + b"\n"


def _tail(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - _LOG_BYTES))
            return stream.read()
    except OSError:
        return b""
