"""Pipelines and jobs as records of the API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pipelines.catalogue import OfferedPipeline
from pipelines.errors import ConfigurationRejected, RunFolderDamaged
from pipelines.request import PipelineRequest
from pipelines.runs import RunFolder
from pipelines.shelf import MadeProduct
from uws.model import Job
from vo_service.api.processes import PipelineRecord, ProcessRecord

__all__ = ["pipeline_record", "process_record"]


def pipeline_record(offered: OfferedPipeline) -> PipelineRecord:
    """Describe a pipeline for the API."""
    specification = offered.specification
    return PipelineRecord(
        id=offered.site.id,
        name=specification.name,
        display_name=specification.display_name,
        version=specification.version,
        description=specification.description,
        created=datetime.combine(offered.site.created, datetime.min.time(), UTC),
        system_config={
            "param": specification.defaults(),
            "output_format": specification.output_formats[0],
            "output_name": specification.output_name,
        },
        input_types=specification.accepted_types,
        output_type=specification.output_type,
    )


def process_record(
    offered: OfferedPipeline,
    job: Job,
    product: MadeProduct | None,
    run: RunFolder | None,
    path: str | None,
) -> ProcessRecord:
    """Describe a job for the API.

    Parameters
    ----------
    offered
        Its pipeline.
    job
        As it is now.
    product
        That it makes, once it is known.
    run, path
        Folder of its newest run, and the path of that below the folder of runs.
    """
    specification = offered.specification
    version = specification.version
    if run is not None:
        try:
            version = run.configuration.version or version
        except RunFolderDamaged:
            # The worker is filling it now.
            version = specification.version
    asked = _asked(offered, job)
    return ProcessRecord(
        id=job.job_id,
        pipeline=specification.name,
        pipeline_version=version,
        display_name=next(iter(job.values("NAME")), ""),
        owner=job.owner or "",
        phase=job.phase,
        created=job.creation_time,
        used_config=_used_config(offered, asked),
        inputs=() if asked is None else _numbers(asked),
        product=None if product is None else product.id,
        release=None if asked is None else asked.release,
        started=job.start_time,
        ended=job.end_time,
        path=path,
        comment=None if job.error is None else job.error.message,
    )


def _asked(offered: OfferedPipeline, job: Job) -> PipelineRequest | None:
    try:
        return PipelineRequest.parse(offered.specification, job.parameters)
    except ConfigurationRejected:
        return None


def _used_config(offered: OfferedPipeline, asked: PipelineRequest | None) -> dict[str, Any]:
    specification = offered.specification
    if asked is None:
        return {"param": {}}
    complete = asked.configuration(specification)
    return {"param": complete.param, "output_format": complete.output_format}


def _numbers(asked: PipelineRequest) -> tuple[int, ...]:
    # An internal name begins with the number of its product.
    heads = [each.partition("_")[0] for given in asked.inputs.values() for each in given]
    return tuple(int(head) for head in heads if head.isascii() and head.isdigit())
