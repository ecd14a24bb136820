"""Write ``docs/reference/uws-errors.md`` by making every error happen.

Run it from the root of the checkout after a change of a message::

    python docs/uws_errors_page.py

The tests compare the page with what this script would write.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
import time
import xml.etree.ElementTree as ET  # our own documents are read, nobody else's
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.test import TestResponse

    from uws.worker import Worker
    from vo_service.assemble import Services

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "uws-errors.md"

QUERY = "SELECT * FROM TAP_SCHEMA.schemas"
UPLOADED = "SELECT * FROM TAP_UPLOAD.t"

SETTINGS = {
    "upload_max_bytes": 2**20,
    "upload_max_rows": 1000,
    "jobs_anonymous": 40,
    "query_max_characters": 1000,
    "public_url": "https://example.org",
}

VOTABLE = (
    b'<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>'
    b'<FIELD name="a" datatype="int"/><FIELD name="%s" datatype="int"/><DATA><TABLEDATA>'
    b"<TR><TD>1</TD><TD>%s</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
)


@dataclass(frozen=True)
class Wrong:
    """A request that is refused.

    `path` is below ``/tap``, with ``JOB`` for the job that `given` makes: a job in a phase.
    """

    what: str
    method: str
    path: str
    data: dict[str, Any] = field(default_factory=dict)
    given: str | None = None
    times: int = 1


JOBS: tuple[Wrong, ...] = (
    Wrong("`PHASE=GO` at creation", "POST", "async", {"PHASE": "GO"}),
    Wrong("`EXECUTIONDURATION=soon` at creation", "POST", "async", {"EXECUTIONDURATION": "soon"}),
    Wrong("`EXECUTIONDURATION=-5`", "POST", "async", {"EXECUTIONDURATION": "-5"}),
    Wrong("`DESTRUCTION=tomorrow` at creation", "POST", "async", {"DESTRUCTION": "tomorrow"}),
    Wrong("a `RUNID` of 300 characters", "POST", "async", {"RUNID": "x" * 300}),
    Wrong("list: `PHASE=BUSY`", "GET", "async?PHASE=BUSY"),
    Wrong("list: `AFTER=yesterday`", "GET", "async?AFTER=yesterday"),
    Wrong("list: `LAST=few`", "GET", "async?LAST=few"),
    Wrong("a job that is not there", "GET", "async/0123"),
    Wrong("`DELETE` of a job that is not there", "DELETE", "async/0123"),
    Wrong("`WAIT=long`", "GET", "async/JOB?WAIT=long", given="PENDING"),
    Wrong("`WAIT` with `PHASE=BUSY`", "GET", "async/JOB?WAIT=1&PHASE=BUSY", given="PENDING"),
    Wrong("`ACTION=ERASE`", "POST", "async/JOB", {"ACTION": "ERASE"}, "PENDING"),
    Wrong("`PHASE=PAUSE`", "POST", "async/JOB/phase", {"PHASE": "PAUSE"}, "PENDING"),
    Wrong("`/phase` without `PHASE`", "POST", "async/JOB/phase", {}, "PENDING"),
    Wrong("`PHASE=RUN`, again", "POST", "async/JOB/phase", {"PHASE": "RUN"}, "QUEUED"),
    Wrong("`PHASE=RUN` after an abort", "POST", "async/JOB/phase", {"PHASE": "RUN"}, "ABORTED"),
    Wrong("`PHASE=ABORT`, again", "POST", "async/JOB/phase", {"PHASE": "ABORT"}, "ABORTED"),
    Wrong("a parameter, too late", "POST", "async/JOB/parameters", {"MAXREC": "1"}, "QUEUED"),
    Wrong(
        "`EXECUTIONDURATION`, too late",
        "POST",
        "async/JOB/executionduration",
        {"EXECUTIONDURATION": "5"},
        "QUEUED",
    ),
    Wrong(
        "`/executionduration` without a value", "POST", "async/JOB/executionduration", {}, "PENDING"
    ),
    Wrong(
        "`DESTRUCTION=never`", "POST", "async/JOB/destruction", {"DESTRUCTION": "never"}, "PENDING"
    ),
    Wrong("a resource that jobs do not have", "GET", "async/JOB/colour", given="PENDING"),
    Wrong("the error of a job without one", "GET", "async/JOB/error", given="PENDING"),
    Wrong("a result, too early", "GET", "async/JOB/results/result", given="PENDING"),
    Wrong("a result of another name", "GET", "async/JOB/results/log", given="COMPLETED"),
    Wrong("`PUT`", "PUT", "async/JOB", given="PENDING"),
    Wrong("a 41st job, where 40 may be kept", "POST", "async", {}, times=41),
)


def _part(content: bytes, name: str = "t.csv") -> dict[str, Any]:
    return {"UPLOAD": "t,param:t", "t": (content, name)}


UPLOADS: tuple[Wrong, ...] = (
    Wrong("`UPLOAD=t`", "POST", "sync", {"UPLOAD": "t"}),
    Wrong("`UPLOAD=1t,param:t`", "POST", "sync", {"UPLOAD": "1t,param:t"}),
    Wrong("`UPLOAD=t,ftp://example.org/t`", "POST", "sync", {"UPLOAD": "t,ftp://example.org/t"}),
    Wrong("`UPLOAD=t,param:t;T,param:t`", "POST", "sync", {"UPLOAD": "t,param:t;T,param:t"}),
    Wrong("a part that is not there", "POST", "sync", {"UPLOAD": "t,param:t"}),
    Wrong(
        "21 tables",
        "POST",
        "sync",
        {"UPLOAD": ";".join(f"t{n},param:t" for n in range(21))},
    ),
    Wrong("an address of this host", "POST", "sync", {"UPLOAD": "t,http://127.0.0.1:9/t.vot"}),
    Wrong(
        "an internal address", "POST", "sync", {"UPLOAD": "t,http://169.254.169.254/latest/meta"}
    ),
    Wrong("an empty file", "POST", "sync", _part(b"")),
    Wrong("a picture", "POST", "sync", _part(b"\x89PNG\r\n\x1a\n0000")),
    Wrong("a VOTable that breaks off", "POST", "sync", _part(VOTABLE[:150], "t.vot")),
    Wrong("a VOTable with a DTD", "POST", "sync", _part(b"<!DOCTYPE a><VOTABLE/>", "t.vot")),
    Wrong("a VOTable without a table", "POST", "sync", _part(b"<VOTABLE/>", "t.vot")),
    Wrong(
        "a VOTable whose cell is no number",
        "POST",
        "sync",
        _part(VOTABLE % (b"b", b"many"), "t.vot"),
    ),
    Wrong("two columns of the same name", "POST", "sync", _part(VOTABLE % (b"a", b"1"), "t.vot")),
    Wrong("more rows than 1,000", "POST", "sync", _part(b"x\n" + b"1\n" * 1001)),
    Wrong("a file beyond its limit", "POST", "sync", _part(b"x\n" + b"12345678\n" * 120_000)),
    Wrong("the same with a job", "POST", "async", _part(b"x\n" + b"12345678\n" * 120_000)),
    Wrong("a body beyond its limit", "POST", "sync", _part(b"x\n" + b"12345678\n" * 300_000)),
    Wrong("the same with a job", "POST", "async", _part(b"x\n" + b"12345678\n" * 300_000)),
    Wrong(
        "the same in chunks, without a length",
        "POST",
        "sync",
        {"chunked": b"x\n" + b"12345678\n" * 300_000},
    ),
    Wrong(
        "the same in chunks, with a job",
        "POST",
        "async",
        {"chunked": b"x\n" + b"12345678\n" * 300_000},
    ),
)

RUNS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("no `QUERY`", {"QUERY": ""}),
    ("a query that is no ADQL", {"QUERY": "SELECT FROM"}),
    ("`MAXREC=many`", {"MAXREC": "many"}),
    ("`RESPONSEFORMAT=xlsx`", {"RESPONSEFORMAT": "xlsx"}),
    ("`UPLOAD=t`", {"UPLOAD": "t"}),
    ("a part that is not there", {"QUERY": UPLOADED, "UPLOAD": "t,param:t"}),
    ("a VOTable that breaks off", {"QUERY": UPLOADED, **_part(VOTABLE[:150], "t.vot")}),
    (
        "an internal address",
        {"QUERY": UPLOADED, "UPLOAD": "t,http://169.254.169.254/latest/meta"},
    ),
)
"""Jobs that end in ERROR, with what is wrong with their parameters."""

_HEAD = """\
# Errors of jobs and uploads

What is answered when a request to `/tap/async` or a table that comes with a query is wrong: the
HTTP status, the type of the document, and its text. Errors of queries themselves are in
[errors](errors.md).

The texts below are real: a script makes each of these things happen and writes this page, on a
service where a file may have a megabyte and 1,000 rows, and visitors keep 40 jobs. `JOB` stands for
the identifier of a job.

"""

_RUNS_HEAD = """\
## Jobs that end in ERROR

A job is made of whatever is sent (TAP 1.1, section 2): what is wrong with its parameters is found
when it runs. The text is in the `errorSummary` of the job, and in the VOTable at `/error`, which
has the status 200.

| job | `errorSummary` | type of `/error` | text |
|---|---|---|---|
"""


def uws_errors_page() -> str:
    """Give the text of the page."""
    with tempfile.TemporaryDirectory() as name, _service(Path(name)) as service:
        jobs = _section("Requests to jobs", service, JOBS)
        service.clear()
        uploads = _section("Tables that come with queries", service, UPLOADS)
        service.clear()
        runs = "".join(_row(*service.run(parameters), first=what) for what, parameters in RUNS)
    return _HEAD + jobs + uploads + _RUNS_HEAD + runs


def _section(title: str, service: _Service, requests: tuple[Wrong, ...]) -> str:
    lines = [f"## {title}\n\n| request | status | type | text |\n|---|---|---|---|\n"]
    for wrong in requests:
        where = "" if wrong.given is None else f" ({wrong.given})"
        lines.append(_row(*service.ask(wrong), first=f"{wrong.what}{where}"))
    return "".join(lines) + "\n"


def _row(*cells: str, first: str) -> str:
    return f"| {' | '.join(_cell(value) for value in (first, *cells))} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")


class _Service:
    """A service in this process, and a worker that is told when to work."""

    def __init__(self, app: Flask, services: Services, make_worker: Callable[[], Worker]) -> None:
        self._client = app.test_client()
        self._services = services
        self._make_worker = make_worker

    def ask(self, wrong: Wrong) -> tuple[str, str, str]:
        """Give status, type and text of the answer."""
        job = "" if wrong.given is None else self._job(wrong.given)
        path = wrong.path.replace("JOB", job)
        for _ in range(wrong.times - 1):
            self._send(wrong.method, path, wrong.data)
        answer = self._send(wrong.method, path, wrong.data)
        if answer.status_code < 400 or answer.status_code == 500:
            raise RuntimeError(f"{wrong}: {answer.status_code} {answer.text}")
        return str(answer.status_code), f"`{answer.mimetype}`", _text(answer, job)

    def run(self, parameters: dict[str, Any]) -> tuple[str, str, str]:
        """Run a job that fails: its kind of error, the type of its document, its text."""
        made = self._send("POST", "async", {"PHASE": "RUN"} | parameters)
        job = made.headers["Location"].rpartition("/")[2]
        self._finish(job)
        summary = ET.fromstring(self._client.get(f"/tap/async/{job}").data)  # noqa: S314 - our own document
        error = next(e for e in summary.iter() if e.tag.endswith("errorSummary"))
        document = self._client.get(f"/tap/async/{job}/error")
        return error.attrib["type"], f"`{document.mimetype}`", _text(document, job)

    def clear(self) -> None:
        """Delete all jobs."""
        from uws.store.base import JobQuery

        for job in self._services.jobs.store.list(JobQuery(everyone=True)):
            self._services.jobs.store.delete(job.job_id)

    def _job(self, phase: str) -> str:
        made = self._send("POST", "async", {})
        job: str = made.headers["Location"].rpartition("/")[2]
        if phase in ("QUEUED", "COMPLETED"):
            self._send("POST", f"async/{job}/phase", {"PHASE": "RUN"})
        if phase == "ABORTED":
            self._send("POST", f"async/{job}/phase", {"PHASE": "ABORT"})
        if phase == "COMPLETED":
            self._finish(job)
        return job

    def _finish(self, job: str) -> None:
        from uws.model import TERMINAL

        worker = self._make_worker()
        worker.start()
        deadline = time.monotonic() + 60
        while self._services.jobs.store.get(job).phase not in TERMINAL:
            if time.monotonic() > deadline:
                raise RuntimeError("the job does not end")
            time.sleep(0.02)
        worker.stop()

    def _send(self, method: str, path: str, data: dict[str, Any]) -> TestResponse:
        values = dict(data)
        options: dict[str, Any] = {}
        if method == "POST" and path in ("sync", "async"):
            query = UPLOADED if "UPLOAD" in values or "chunked" in values else QUERY
            values = {"LANG": "ADQL", "QUERY": query} | values
        chunked = values.pop("chunked", None)
        file = values.pop("t", None)
        if chunked is not None:
            body, options["content_type"] = _form(
                values | {"UPLOAD": "t,param:t"}, chunked, "t.csv"
            )
            options["environ_overrides"] = {
                "wsgi.input": io.BytesIO(body),
                "wsgi.input_terminated": True,
            }
        elif file is not None:
            options["data"], options["content_type"] = _form(values, *file)
        elif method == "POST":
            options["data"] = values
        return self._client.open(f"/tap/{path}", method=method, **options)


def _form(values: dict[str, Any], content: bytes, name: str) -> tuple[bytes, str]:
    lines = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in values.items()
    )
    lines += f'--b\r\nContent-Disposition: form-data; name="t"; filename="{name}"\r\n\r\n'
    return lines.encode() + content + b"\r\n--b--\r\n", "multipart/form-data; boundary=b"


def _text(answer: TestResponse, job: str) -> str:
    text = answer.text
    if "xml" in (answer.mimetype or ""):
        root: Any = ET.fromstring(answer.data)  # noqa: S314 - our own document
        text = next(e.text for e in root.iter() if e.tag.endswith("INFO") and e.text)
    text = text.replace(job, "JOB") if job else text
    return re.sub(r"\s+", " ", text).strip()


@contextmanager
def _service(folder: Path) -> Iterator[_Service]:
    from registry.model.principal import ANONYMOUS
    from uws.worker import Worker
    from vo_service.app import create_app
    from vo_service.assemble import assemble, prepare
    from vo_service.dali.request import RequestLimits
    from vo_service.settings import load_settings
    from vo_service.tap.jobs import TapJobHandler, describe_job_error
    from vosi.availability import Availability

    settings = load_settings(environment={}, overrides={"home": folder / "home", **SETTINGS})
    prepare(settings)
    with closing(assemble(settings)) as services:
        app = create_app(
            settings,
            services.queries,
            services.jobs.service,
            lambda: Availability(available=True),
            services.people.authentication,
            uploads=services.uploads,
        )
        handler = TapJobHandler(
            services.queries,
            RequestLimits(100, 1000, uploads_offered=True),
            lambda _owner: ANONYMOUS,
            lambda _asked: (),
            uploads=services.uploads.service,
            inputs=services.uploads.inputs,
        )

        def make_worker() -> Worker:
            return Worker(
                services.jobs.store, services.jobs.results, [handler], describe=describe_job_error
            )

        yield _Service(app, services, make_worker)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    PAGE.write_text(uws_errors_page(), encoding="utf-8")
