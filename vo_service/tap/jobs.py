"""Asynchronous TAP: the same path as synchronous queries, with a stored result as its sink."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from time import monotonic

from registry.errors import RegistryError
from registry.formats.writers.base import ResultInfo
from registry.formats.writers.registry import content_type, writer_for
from registry.formats.writers.votable import error_document
from registry.model.principal import Principal
from uws.context import JobContext
from uws.errors import JobFailed, UwsError
from uws.execution import describe_error
from uws.model import ErrorType, Job, JobError, JobResult, Parameter, utc_now
from vo_service.adql.errors import AdqlError
from vo_service.dali.errors import DaliError
from vo_service.dali.params import Parameters
from vo_service.dali.request import RequestLimits, TapRequest
from vo_service.engines.base import EngineError, EngineUnavailable
from vo_service.queries import QueryService, RunningQuery
from vo_service.slots import ServiceBusy
from vo_service.tap.capabilities import LANGUAGE
from vo_service.tap.quotes import JobQuotes
from vo_service.uploads.inputs import JobInputs
from vo_service.uploads.service import UploadService

__all__ = ["KIND", "TapJobHandler", "describe_job_error", "job_error_document", "job_request"]

_LOG = logging.getLogger("pzvo.tap")

KIND = "tap"
"""Kind of the jobs of TAP."""

_UNLIMITED_S = 30 * 86_400.0
"""For jobs without a limit of their own: the longest that any job is kept."""


class TapJobHandler:
    """Runs the queries of asynchronous TAP.

    Parameters
    ----------
    queries
        Answers ADQL.
    limits
        What requests may ask for.
    principal
        The rights that the owner of a job has now, by identifier.
    infos
        Statements that precede the table of a result.
    uploads, inputs
        Read the tables that come with queries, and keep the files that came with jobs.
    quotes
        Predicts when jobs are over, and remembers how long they took.
    """

    kind = KIND

    def __init__(
        self,
        queries: QueryService,
        limits: RequestLimits,
        principal: Callable[[str | None], Principal],
        infos: Callable[[TapRequest], tuple[ResultInfo, ...]],
        *,
        uploads: UploadService,
        inputs: JobInputs,
        quotes: JobQuotes | None = None,
    ) -> None:
        self._queries = queries
        self._limits = limits
        self._principal = principal
        self._infos = infos
        self._uploads = uploads
        self._inputs = inputs
        self._quotes = quotes

    def validate(self, parameters: Sequence[Parameter]) -> None:
        """Check the parameters of a query.

        Raises
        ------
        DaliError
            If one is missing or cannot be used.
        UnsupportedFormat
            If no result can be written in the format that was asked for.
        """
        asked = self._request(parameters)
        writer_for(asked.responseformat)

    def run(self, job: Job, context: JobContext) -> Sequence[JobResult]:
        """Answer the query of a job into its result.

        Raises
        ------
        AdqlError, EngineError, DaliError, UnsupportedFormat
            As a synchronous query.
        JobFailed
            If the query failed after its first rows.
        JobCancelled
            If nobody wants the result any more.
        """
        began = monotonic()
        asked = self._request(job.parameters)
        principal = self._principal(job.owner)
        with context.timed("upload"):
            uploads = self._uploads.read(asked.uploads, partial(self._inputs.open, job.job_id))
        context.raise_if_cancelled()
        running = self._queries.run(
            principal,
            asked.query,
            maxrec=asked.maxrec,
            time_limit_s=job.execution_duration_s or _UNLIMITED_S,
            uploads=uploads,
            shaped=self._quotes is not None,
        )
        # The query has them now.
        del uploads
        context.timing("parse", running.timings.parse_s)
        context.timing("resolve", running.timings.resolve_s)
        try:
            context.on_cancel(running.cancel)
            if self._quotes is None:
                return [self._write(asked, running, context)]
            expected_s = self._quotes.expected_s(running.shape, monotonic() - began)
            if expected_s is not None:
                left_s = expected_s - (monotonic() - began)
                context.quote(utc_now() + timedelta(seconds=left_s))
            result = self._write(asked, running, context)
        finally:
            running.close()
        self._remember(self._quotes, running.shape, monotonic() - began)
        return [result]

    def _remember(self, quotes: JobQuotes, shape: str, duration_s: float) -> None:
        try:
            quotes.record(shape, duration_s)
        except UwsError as error:
            # The result is what counts.
            _LOG.warning("the duration of a job was not remembered: %s", error)

    def _write(self, asked: TapRequest, running: RunningQuery, context: JobContext) -> JobResult:
        writer = writer_for(asked.responseformat)
        result = running.result(self._infos(asked))
        with (
            context.timed("stream"),
            context.open_result("result", content_type(asked.responseformat)) as pending,
        ):
            for piece in writer.write(result):
                pending.sink.write(piece)
                context.progress(None, f"{result.rows} rows written")
            outcome = result.outcome()
            if outcome.error is not None:
                raise JobFailed(outcome.error)
        return pending.result(result.rows)

    def _request(self, parameters: Sequence[Parameter]) -> TapRequest:
        return job_request(parameters, self._limits)


def job_request(parameters: Sequence[Parameter], limits: RequestLimits) -> TapRequest:
    """Read the parameters of a query.

    Raises
    ------
    DaliError
        If one is missing or cannot be used.
    """
    values: dict[str, list[str]] = {}
    for parameter in parameters:
        values.setdefault(parameter.name, []).append(parameter.value)
    return TapRequest.parse(Parameters(values), limits, LANGUAGE.lang_values)


def describe_job_error(error: BaseException) -> JobError:
    """Word the error of a job for its owner: known ones as they stand."""
    if isinstance(error, ServiceBusy | EngineUnavailable):
        return JobError(str(error), ErrorType.TRANSIENT)
    if isinstance(error, AdqlError | DaliError | EngineError | RegistryError):
        return JobError(str(error))
    return describe_error(error)


def job_error_document(job: Job) -> tuple[bytes, str]:
    """Write the error document of a job, with its media type (DALI 1.1, section 4.2)."""
    message = "the job has no error" if job.error is None else job.error.message
    return error_document(message), "application/x-votable+xml"
