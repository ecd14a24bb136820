"""Views of pipelines and processes; a service without pipelines has none of either."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from flask import Response, request

from registry.errors import ReleaseNotFound
from registry.releases import ReleaseService
from vo_service.api.blueprint.answers import answer, no_content
from vo_service.api.blueprint.bodies import arguments, read_body
from vo_service.api.blueprint.guard import Guard
from vo_service.api.errors import InvalidFields, NotFound
from vo_service.api.lists import Filter, ListRules, select
from vo_service.api.models.base import Page
from vo_service.api.models.processes import (
    LogAnswer,
    LogsAnswer,
    NewProcess,
    PipelineAnswer,
    ProcessAnswer,
)
from vo_service.api.operation import Access, operation
from vo_service.api.presentation import Presentation, pipeline_answer
from vo_service.api.processes import (
    STATUS_WORDS,
    LogFile,
    ProcessDraft,
    ProcessNotFound,
    ProcessService,
)

__all__ = ["ProcessViews"]

_PIPELINES = ListRules(
    (Filter("id", "NumberFilter"), Filter("name")),
    ("display_name", "description"),
    ("id", "name", "display_name"),
    title="Pipeline List",
)

_PROCESSES = ListRules(
    (
        Filter("pipeline", field="pipeline_name", lookup="words"),
        Filter("pipeline__or", field="pipeline_name", lookup="any_word"),
        Filter("status", choices=tuple(dict.fromkeys(STATUS_WORDS.values()))),
        Filter("release", "NumberFilter"),
        Filter("release__isnull", "BooleanFilter", field="release", lookup="isnull"),
        Filter("release_name", lookup="words"),
        Filter("release_name__or", field="release_name", lookup="any_word"),
        Filter("upload", "NumberFilter"),
        Filter("user", field="owned_by"),
    ),
    ("display_name", "pipeline_name", "owned_by"),
    ("id", "created_at", "status"),
    "-created_at",
    "Process List",
    classes=True,
)

_FLAGS_FILE = "flags_translation_file"

_FLAGS_MAX_BYTES = 2**20
"""Size of a table of quality flags at most; the packaged ones have a few kilobytes."""


@dataclass(frozen=True, slots=True)
class ProcessViews:
    """Views of pipelines and of their processes."""

    tag: ClassVar[str] = "processes"
    processes: ProcessService | None
    releases: ReleaseService
    presentation: Presentation
    guard: Guard

    @operation(
        "GET", "/pipelines/", "List the pipelines.",
        access=Access.READER, answer=Page[PipelineAnswer], rules=_PIPELINES, errors=(400, 404),
    )  # fmt: skip
    def list_pipelines(self) -> Response:
        """List the pipelines of this service."""
        found = () if self.processes is None else self.processes.pipelines()
        return answer(select(_PIPELINES, [pipeline_answer(known) for known in found], arguments()))

    @operation(
        "GET", "/pipelines/<int:pipeline_id>/", "Show a pipeline.",
        access=Access.READER, answer=PipelineAnswer, errors=(404,),
    )  # fmt: skip
    def show_pipeline(self, pipeline_id: int) -> Response:
        """Show a pipeline and its default configuration."""
        for known in () if self.processes is None else self.processes.pipelines():
            if known.id == pipeline_id:
                return answer(pipeline_answer(known))
        raise NotFound("No Pipeline matches the given query.")

    @operation(
        "GET", "/processes/", "List the processes.",
        access=Access.MEMBER, answer=Page[ProcessAnswer], rules=_PROCESSES, errors=(400, 404),
    )  # fmt: skip
    def list_processes(self) -> Response:
        """List the processes that the caller may see."""
        principal = self.guard.principal()
        found = () if self.processes is None else self.processes.processes(principal)
        documents = self.presentation.processes(principal, found)
        return answer(select(_PROCESSES, documents, arguments()))

    @operation(
        "GET", "/processes/<process_id>/", "Show a process.",
        access=Access.MEMBER, answer=ProcessAnswer, errors=(404,),
    )  # fmt: skip
    def show_process(self, process_id: str) -> Response:
        """Show a process that the caller may see."""
        principal = self.guard.principal()
        return answer(
            self.presentation.process(principal, self._known().process(principal, process_id))
        )

    @operation(
        "POST", "/processes/", "Run a pipeline.",
        access=Access.MEMBER, answer=ProcessAnswer, status=201, body=NewProcess,
        errors=(400, 404, 409, 413, 415),
    )  # fmt: skip
    def create_process(self) -> Response:
        """Make a process and the product that it fills."""
        sent, principal = read_body(NewProcess), self.guard.principal()
        if self.processes is None:
            raise InvalidFields({"pipeline": ["This service runs no pipelines."]})
        record = self.processes.submit(principal, self._draft(sent))
        return answer(self.presentation.process(principal, record), 201)

    @operation(
        "POST", "/processes/<process_id>/stop/", "Stop a process.",
        access=Access.MEMBER, answer=ProcessAnswer, errors=(404, 409),
    )  # fmt: skip
    @operation(
        "GET", "/processes/<process_id>/stop/", "Stop a process.",
        access=Access.TOKEN, answer=ProcessAnswer, errors=(404, 409),
    )  # fmt: skip
    def stop_process(self, process_id: str) -> Response:
        """Stop a process of the caller; the client sends GET, websites must send POST."""
        principal = self.guard.principal()
        return answer(
            self.presentation.process(principal, self._known().stop(principal, process_id))
        )

    @operation(
        "DELETE", "/processes/<process_id>/", "Forget a process.",
        access=Access.MEMBER, status=204, errors=(404, 409),
    )  # fmt: skip
    def delete_process(self, process_id: str) -> Response:
        """Forget a process of the caller; its product stays."""
        self._known().remove(self.guard.principal(), process_id)
        return no_content()

    @operation(
        "GET", "/processes/<process_id>/logs/", "Read the logs of a process.",
        access=Access.MEMBER, answer=LogsAnswer, errors=(404,),
    )  # fmt: skip
    def show_logs(self, process_id: str) -> Response:
        """Give what the pipeline wrote, and what was written around it."""
        logs = self._known().logs(self.guard.principal(), process_id)
        return answer(LogsAnswer(pipeline=_logs(logs.pipeline), slurm=_logs(logs.scheduler)))

    def _known(self) -> ProcessService:
        if self.processes is None:
            raise ProcessNotFound("there is no such process")
        return self.processes

    def _draft(self, sent: NewProcess) -> ProcessDraft:
        config = dict(sent.used_config)
        if sent.output_format is not None:
            config["output_format"] = sent.output_format
        return ProcessDraft(
            pipeline=sent.pipeline,
            display_name=sent.display_name,
            inputs=tuple(sent.inputs),
            used_config=config,
            release=self._release_name(sent.release),
            description=sent.description,
            pz_code=sent.pz_code,
            official=sent.official_product,
            flags_translation=_flags_file(),
        )

    def _release_name(self, number: int | None) -> str | None:
        if number is None:
            return None
        try:
            return self.releases.release(self.guard.principal(), number).name
        except ReleaseNotFound as error:
            sentence = f'Invalid pk "{number}" - object does not exist.'
            raise InvalidFields({"release": [sentence]}) from error


def _flags_file() -> tuple[str, bytes] | None:
    sent = request.files.get(_FLAGS_FILE)
    if sent is None:
        return None
    content = sent.stream.read(_FLAGS_MAX_BYTES + 1)
    if len(content) > _FLAGS_MAX_BYTES:
        raise InvalidFields(
            {_FLAGS_FILE: [f"Ensure it has no more than {_FLAGS_MAX_BYTES} bytes."]}
        )
    return sent.filename or _FLAGS_FILE, content


def _logs(files: tuple[LogFile, ...]) -> LogAnswer:
    return LogAnswer(
        filename=[file.name for file in files], content=[file.content for file in files]
    )
