"""Pipelines that do nothing, for what the API does with them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from registry.errors import NotAllowed
from uws.model import Phase
from vo_service.api.processes import (
    LogFile,
    PipelineRecord,
    ProcessLogs,
    ProcessNotFound,
    ProcessRecord,
    ProcessRefused,
)

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)

PIPELINES = (
    PipelineRecord(
        1, "combine_redshift_dedup", "Combine Redshift Catalogs", "1.0", "Combines.", BEGINNING,
        {"param": {"combine_type": "concatenate"}}, ("redshift_catalog",), "redshift_catalog",
    ),
    PipelineRecord(
        2, "training_set_maker", "Training Set Maker", "1.0", "Matches.", BEGINNING,
        {"param": {"crossmatch": {"radius_arcsec": 1.0}}}, ("redshift_catalog",), "training_set",
    ),
)  # fmt: skip


@dataclass
class RecordedProcesses:
    """Keeps processes in memory; members see all, owners and operators stop and forget theirs."""

    records: dict[str, ProcessRecord] = field(default_factory=dict)
    drafts: list = field(default_factory=list)

    def pipelines(self):
        return PIPELINES

    def processes(self, principal):
        return list(self.records.values())

    def process(self, principal, process_id):
        if process_id not in self.records:
            raise ProcessNotFound("there is no such process")
        return self.records[process_id]

    def submit(self, principal, draft):
        self.drafts.append(draft)
        known = {pipeline.id: pipeline for pipeline in PIPELINES}
        if draft.pipeline not in known:
            raise ProcessRefused({"pipeline": [f"There is no pipeline {draft.pipeline}."]})
        number = f"job{len(self.records) + 1}"
        record = ProcessRecord(
            id=number, pipeline=known[draft.pipeline].name, pipeline_version="1.0",
            display_name=draft.display_name, owner=principal.user, phase=Phase.QUEUED,
            created=datetime.now(UTC), used_config=draft.used_config, inputs=draft.inputs,
            product=None, release=draft.release,
        )  # fmt: skip
        self.records[number] = record
        return record

    def stop(self, principal, process_id):
        record = self._own(principal, process_id)
        self.records[process_id] = replace(record, phase=Phase.ABORTED)
        return self.records[process_id]

    def remove(self, principal, process_id):
        self._own(principal, process_id)
        del self.records[process_id]

    def logs(self, principal, process_id):
        self.process(principal, process_id)
        return ProcessLogs((LogFile("pipeline.log", "done"),), (LogFile("run.err", ""),))

    def configuration(self, principal, process_id):
        return {"config": dict(self.process(principal, process_id).used_config)}

    def _own(self, principal, process_id):
        record = self.process(principal, process_id)
        if not principal.operator and principal.user != record.owner:
            raise NotAllowed("this process belongs to somebody else")
        return record
