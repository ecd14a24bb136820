"""Views of the job routes: each parses, calls the service, renders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from flask import Response, request

from uws.blueprint.answers import see_other, text_answer, time_text, xml_answer
from uws.documents import job_document, jobs_document, parameters_document, results_document
from uws.errors import InvalidJobParameter, InvalidTransition, ResultNotFound
from uws.model import Job, JobResult, ParameterMerge, Phase
from uws.results.base import StoredResult
from uws.service import JobAddress, JobRequest, JobService
from uws.store.base import JobQuery
from uws.values import SentValues, parse_count, parse_phase, parse_seconds, parse_time

__all__ = ["ErrorDocument", "JobViews", "ResultResponse", "UploadReceiver"]

ErrorDocument = Callable[[Job], tuple[bytes, str]]
"""Makes the full error of a job: its bytes and their media type."""

ResultResponse = Callable[[Job, JobResult, StoredResult], Response]
"""Answers with a result and closes it when it is sent."""

UploadReceiver = Callable[[Job, str, IO[bytes]], object]
"""Keeps a file that came with a request: the job, the name of the part, the content."""


@dataclass(frozen=True, kw_only=True)
class JobViews:
    """Parses, calls the service, renders; one method per resource."""

    service: JobService
    kind: str
    jobs_url: str
    owner: Callable[[], str | None]
    address_of_visitor: Callable[[], str]
    error_document: ErrorDocument
    result_response: ResultResponse
    accept_upload: UploadReceiver | None
    by_reference: Callable[[str, str], bool | None]
    merge: ParameterMerge

    def address(self, job_id: str) -> JobAddress:
        """Name a job as the present caller does."""
        return JobAddress(self.owner(), self.kind, job_id)

    def get(self, job_id: str) -> Job:
        """Read a job for the present caller."""
        return self.service.get(self.address(job_id))

    def list_jobs(self) -> Response:
        """List the jobs of the caller."""
        sent = _sent()
        after, last = sent.one("AFTER"), sent.one("LAST")
        query = JobQuery(
            owner=self.owner(),
            kinds=frozenset({self.kind}),
            phases=frozenset(map(parse_phase, sent.all("PHASE"))),
            after=None if after is None else parse_time("AFTER", after),
            last=None if last is None else parse_count("LAST", last),
        )
        return xml_answer(jobs_document(self.service.list(query), self._url))

    def create_job(self) -> Response:
        """Make a job from whatever was sent."""
        sent = _sent()
        run = self._wants_run(sent)
        job = self.service.create(
            JobRequest(
                owner=self.owner(),
                kind=self.kind,
                parameters=sent.parameters(self.by_reference),
                run_id=sent.one("RUNID"),
                execution_duration_s=_seconds(sent.one("EXECUTIONDURATION")),
                destruction=_time(sent.one("DESTRUCTION")),
                run=run and not request.files,
                address=self.address_of_visitor(),
            )
        )
        if request.files:
            self._receive_first_files(job)
            if run:
                self.service.start(self.address(job.job_id))
        return self._see(job.job_id)

    def show_job(self, job_id: str) -> Response:
        """Show a job, perhaps once it has changed."""
        sent = _sent()
        wait, phase = sent.one("WAIT"), sent.one("PHASE")
        asked = parse_phase(phase) if phase else None
        wait_s = 0 if wait is None else parse_seconds("WAIT", wait)
        job = self.service.wait(self.address(job_id), wait_s, asked)
        return xml_answer(job_document(job, self._url(job_id)))

    def change_job(self, job_id: str) -> Response:
        """Delete, or take whatever of the job's resources the form names.

        Notes
        -----
        The standard has ACTION=DELETE alone; TapPlus sends parameters here and expects 200.
        """
        sent = _sent()
        action = sent.one("ACTION")
        if action is not None:
            if action.strip().upper() != "DELETE":
                raise InvalidJobParameter(f"ACTION {action[:40]!r} is not known: send DELETE")
            return self.delete_job(job_id)
        for child in ("parameters", "runid", "executionduration", "destruction", "phase"):
            if child == "parameters" or sent.one(child) is not None:
                self._change(job_id, child, sent)
        return xml_answer(job_document(self.get(job_id), self._url(job_id)))

    def delete_job(self, job_id: str) -> Response:
        """Remove a job."""
        self.service.delete(self.address(job_id))
        return see_other(self.jobs_url)

    def show_error(self, job_id: str) -> Response:
        """Show the full error of a job."""
        job = self.get(job_id)
        if job.error is None:
            raise ResultNotFound(f"job {job_id} has no error: it is {job.phase}")
        body, media_type = self.error_document(job)
        return Response(body, content_type=media_type)

    def show_result(self, job_id: str, result_id: str) -> Response:
        """Send a result."""
        return self.result_response(*self.service.open_result(self.address(job_id), result_id))

    def show_child(self, job_id: str, child: str) -> Response:
        """Show one of the small resources of a job."""
        job = self.get(job_id)
        match child.rstrip("/"):
            case "phase":
                return text_answer(job.phase)
            case "executionduration":
                return text_answer(str(job.execution_duration_s))
            case "destruction":
                return text_answer(time_text(job.destruction))
            case "quote":
                return text_answer(time_text(job.quote))
            case "owner":
                return text_answer(job.owner or "")
            case "parameters":
                return xml_answer(parameters_document(job))
            case "results":
                return xml_answer(results_document(job, self._url(job_id)))
            case other:
                raise ResultNotFound(f"job {job_id} has no {other[:64]!r}")

    def change_child(self, job_id: str, child: str) -> Response:
        """Change one of the small resources of a job."""
        self._change(job_id, child, _sent())
        return self._see(job_id)

    def _change(self, job_id: str, child: str, sent: SentValues) -> None:
        address = self.address(job_id)
        if child == "parameters":
            self._set_parameters(address, sent)
        elif child == "runid":
            self.service.set_run_id(address, sent.one("RUNID"))
        elif child == "executionduration":
            seconds = parse_seconds("EXECUTIONDURATION", sent.required("EXECUTIONDURATION"))
            self.service.set_execution_duration(address, seconds)
        elif child == "destruction":
            moment = parse_time("DESTRUCTION", sent.required("DESTRUCTION"))
            self.service.set_destruction(address, moment)
        else:
            self._set_phase(address, sent.required("PHASE").strip().upper())

    def _set_phase(self, address: JobAddress, asked: str) -> None:
        if asked == "RUN":
            self.service.start(address)
        elif asked == "ABORT":
            self.service.abort(address)
        else:
            raise InvalidJobParameter(f"PHASE {asked[:40]!r} is not known: send RUN or ABORT")

    def _set_parameters(self, address: JobAddress, sent: SentValues) -> None:
        parameters = sent.parameters(self.by_reference)
        if not parameters and not request.files:
            return
        job = self.service.get(address)
        if job.phase is not Phase.PENDING:
            raise InvalidTransition([Phase.PENDING], job.phase, "change parameters")
        self._receive_files(job)
        self.service.set_parameters(address, parameters, self.merge)

    def _receive_first_files(self, job: Job) -> None:
        try:
            self._receive_files(job)
        except BaseException:
            self.service.delete(self.address(job.job_id))
            raise

    def _receive_files(self, job: Job) -> None:
        for part, file in request.files.items(multi=True):
            if self.accept_upload is None:
                raise InvalidJobParameter(f"these jobs take no files, but {part[:64]!r} is one")
            self.accept_upload(job, part, file.stream)

    def _wants_run(self, sent: SentValues) -> bool:
        asked = sent.one("PHASE")
        if asked is not None and asked.strip().upper() != "RUN":
            raise InvalidJobParameter(f"PHASE {asked[:40]!r} is not possible here: send RUN")
        return asked is not None

    def _url(self, job_id: str) -> str:
        return f"{self.jobs_url}/{job_id}"

    def _see(self, job_id: str) -> Response:
        return see_other(self._url(job_id))


def _sent() -> SentValues:
    pairs = [*request.args.items(multi=True), *request.form.items(multi=True)]
    return SentValues(pairs)


def _seconds(value: str | None) -> int | None:
    return None if value is None else parse_seconds("EXECUTIONDURATION", value)


def _time(value: str | None) -> datetime | None:
    return None if value is None else parse_time("DESTRUCTION", value)
