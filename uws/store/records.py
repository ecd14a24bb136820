"""Jobs as rows of the table, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import RowMapping

from uws.model import (
    ErrorType,
    Job,
    JobError,
    JobInfo,
    JobResult,
    JobSummary,
    Parameter,
    Phase,
    phase_seen,
)

__all__ = ["job_from_row", "job_values", "owner_key", "summary_from_row"]


def owner_key(owner: str | None) -> str:
    """Give the value of the owner column; anonymous is the empty text."""
    return owner or ""


def job_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn fields of a job into values of columns."""
    written = {
        name: _WRITERS[name](value) if name in _WRITERS else value for name, value in values.items()
    }
    if "results" in values:
        written["result_bytes"] = sum(result.size_bytes for result in values["results"])
    return written


def job_from_row(row: RowMapping) -> Job:
    """Turn a whole row into a job."""
    return Job(**_read_fields(row, Job))


def summary_from_row(row: RowMapping) -> JobSummary:
    """Turn the columns of a list into a summary."""
    return JobSummary(**_read_fields(row, JobSummary))


def _read_fields(row: RowMapping, record: type[Job | JobSummary]) -> dict[str, Any]:
    names = (field.name for field in fields(record))
    read = {name: _READERS[name](row[name]) if name in _READERS else row[name] for name in names}
    return {**read, "phase": phase_seen(read["phase"], read["start_time"])}


def _write_parameters(parameters: tuple[Parameter, ...]) -> list[list[Any]]:
    return [[p.name, p.value, p.by_reference] for p in parameters]


def _read_parameters(stored: list[list[Any]]) -> tuple[Parameter, ...]:
    return tuple(Parameter(*parts) for parts in stored)


def _write_results(results: tuple[JobResult, ...]) -> list[list[Any]]:
    return [[r.id, r.media_type, r.size_bytes, r.location, r.rows] for r in results]


def _read_results(stored: list[list[Any]]) -> tuple[JobResult, ...]:
    return tuple(JobResult(*parts) for parts in stored)


def _write_error(error: JobError | None) -> list[Any] | None:
    return None if error is None else [error.message, error.type.value, error.has_detail]


def _read_error(stored: list[Any] | None) -> JobError | None:
    if stored is None:
        return None
    message, kind, has_detail = stored
    return JobError(message, ErrorType(kind), has_detail)


def _write_info(info: JobInfo) -> list[Any]:
    return [info.progress, info.text, [list(pair) for pair in info.timings]]


def _read_info(stored: list[Any]) -> JobInfo:
    progress, text, timings = stored
    return JobInfo(progress, text, tuple((name, seconds) for name, seconds in timings))


_WRITERS: Mapping[str, Callable[[Any], Any]] = {
    "owner": owner_key,
    "phase": str,
    "parameters": _write_parameters,
    "results": _write_results,
    "error": _write_error,
    "info": _write_info,
}

_READERS: Mapping[str, Callable[[Any], Any]] = {
    "owner": lambda stored: stored or None,
    "phase": Phase,
    "parameters": _read_parameters,
    "results": _read_results,
    "error": _read_error,
    "info": _read_info,
}
