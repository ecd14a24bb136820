"""The XML documents of UWS 1.1: job, job list, parameters, results.

Prefixes are the conventional ones, because clients compare them letter by letter (STILTS reads
``xlink:href`` so), and addresses are absolute, because clients make URLs of them as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote as url_quote
from xml.sax.saxutils import escape, quoteattr

from uws.model import Job, JobInfo, JobResult, JobSummary, Parameter

__all__ = [
    "XML_TYPE",
    "iso_time",
    "job_document",
    "jobs_document",
    "parameters_document",
    "results_document",
]

XML_TYPE = "text/xml"
"""Media type of every UWS document (UWS 1.1, section 2.2.2)."""

UWS_NS = "http://www.ivoa.net/xml/UWS/v1.0"
"""Namespace of version 1.1 too (UWS 1.1, appendix A)."""

_SPACES: Mapping[str, str] = {
    "xmlns:uws": UWS_NS,
    "xmlns:xlink": "http://www.w3.org/1999/xlink",
    "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
}

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Attributes = Mapping[str, object]


def iso_time(moment: datetime) -> str:
    """Write an aware moment as UWS wants it: UTC, with T and a trailing Z (DALI 1.1, 3.3.3)."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds") + "Z"


def job_document(job: Job, job_url: str) -> bytes:
    """Write a job with everything in it.

    Parameters
    ----------
    job
        The job.
    job_url
        Its absolute address.
    """
    children = (
        _element("jobId", job.job_id),
        "" if job.run_id is None else _element("runId", job.run_id),
        _nillable("ownerId", job.owner),
        _element("phase", job.phase),
        _nillable("quote", _time(job.quote)),
        _element("creationTime", iso_time(job.creation_time)),
        _nillable("startTime", _time(job.start_time)),
        _nillable("endTime", _time(job.end_time)),
        _element("executionDuration", job.execution_duration_s),
        _nillable("destruction", _time(job.destruction)),
        _parent("parameters", _parameters(job.parameters)),
        _parent("results", _results(job.results, job_url)),
        _error(job),
        _info(job),
    )
    return _document("job", children, {"version": "1.1"})


def jobs_document(jobs: Iterable[JobSummary], job_url: Callable[[str], str]) -> bytes:
    """Write a list of jobs.

    Parameters
    ----------
    jobs
        In the order of the list.
    job_url
        Gives the absolute address of a job by its identifier.
    """
    references = (_reference(job, job_url(job.job_id)) for job in jobs)
    return _document("jobs", references, {"version": "1.1"})


def parameters_document(job: Job) -> bytes:
    """Write the parameters of a job."""
    return _document("parameters", _parameters(job.parameters))


def results_document(job: Job, job_url: str) -> bytes:
    """Write the results of a job; `job_url` is its absolute address."""
    return _document("results", _results(job.results, job_url))


def _reference(job: JobSummary, url: str) -> str:
    children = (
        _element("phase", job.phase),
        "" if job.run_id is None else _element("runId", job.run_id),
        _nillable("ownerId", job.owner),
        _element("creationTime", iso_time(job.creation_time)),
    )
    return _parent(
        "jobref", children, {"id": job.job_id, "xlink:type": "simple", "xlink:href": url}
    )


def _parameters(parameters: Iterable[Parameter]) -> Iterable[str]:
    for parameter in parameters:
        stated = parameter.by_reference
        attributes = {
            "id": parameter.name,
            "byReference": None if stated is None else str(stated).lower(),
        }
        yield _element("parameter", parameter.value, attributes)


def _results(results: Iterable[JobResult], job_url: str) -> Iterable[str]:
    for result in results:
        attributes = {
            "id": result.id,
            "xlink:type": "simple",
            "xlink:href": f"{job_url}/results/{url_quote(result.id, safe='')}",
            "size": result.size_bytes,
            "mime-type": result.media_type,
        }
        yield _parent("result", (), attributes)


def _error(job: Job) -> str:
    if job.error is None:
        return ""
    attributes = {
        "type": job.error.type.value,
        "hasDetail": str(job.error.has_detail).lower(),
    }
    return _parent("errorSummary", (_element("message", job.error.message),), attributes)


def _info(job: Job) -> str:
    if job.info == JobInfo():
        return ""
    info = job.info
    children = (
        "" if info.progress is None else _leaf("progress", f"{info.progress:.3f}"),
        "" if info.text is None else _leaf("text", info.text),
        _leaf("attempt", job.attempt),
        *(_leaf("rows", result.rows, {"of": result.id}) for result in job.results if result.rows),
        *(_leaf("timing", f"{s:.6f}", {"step": name, "unit": "s"}) for name, s in info.timings),
    )
    # Without a namespace: validators warn of one whose schema they do not know.
    return _parent("jobInfo", children)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else iso_time(moment)


def _nillable(name: str, value: object | None) -> str:
    if value is None:
        return f'<uws:{name} xsi:nil="true"/>'
    return _element(name, value)


def _element(name: str, value: object, attributes: Attributes | None = None) -> str:
    return f"<uws:{name}{_attributes(attributes)}>{_text(value)}</uws:{name}>"


def _leaf(name: str, value: object, attributes: Attributes | None = None) -> str:
    return f"<{name}{_attributes(attributes)}>{_text(value)}</{name}>"


def _parent(name: str, children: Iterable[str], attributes: Attributes | None = None) -> str:
    body = "".join(children)
    if not body:
        return f"<uws:{name}{_attributes(attributes)}/>"
    return f"<uws:{name}{_attributes(attributes)}>{body}</uws:{name}>"


def _document(name: str, children: Iterable[str], attributes: Attributes | None = None) -> bytes:
    # IVOA serves the schema at the address of its namespace.
    declared = {**_SPACES, **(attributes or {}), "xsi:schemaLocation": f"{UWS_NS} {UWS_NS}"}
    root = _parent(name, children, declared)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{root}\n'.encode()


def _text(value: object) -> str:
    # A bare carriage return would be read back as a line feed.
    return escape(_ILLEGAL.sub("", str(value)), {"\r": "&#13;"})


def _attributes(attributes: Attributes | None) -> str:
    return "".join(
        f" {name}={quoteattr(_ILLEGAL.sub('', str(value)))}"
        for name, value in (attributes or {}).items()
        if value is not None
    )
