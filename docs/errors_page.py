"""Write ``docs/reference/errors.md`` by making every error happen.

Run it from the root of the checkout after a change of a message::

    python docs/errors_page.py

The tests compare the page with what this script would write.
"""

from __future__ import annotations

import io
import re
import resource
import sys
import tempfile
import xml.etree.ElementTree as ET  # our own documents are read, nobody else's
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "errors.md"

TABLE = "redshift_catalog.p1_deep_field"

_EVERY = "SELECT * FROM redshift_catalog.p1_deep_field"

_CSV = "id,ra,dec,z,z_err\n1,150.1,2.2,0.3,0.01\n2,150.2,2.3,0.4,0.02\n"
_ROLES = ("--column", "ra=RA", "--column", "dec=Dec", "--column", "z=z")

QUERIES: tuple[tuple[str, str], ...] = (
    ("AdqlSyntaxError", "SELECT TOP ten z FROM {table}"),
    ("AdqlSyntaxError", "DELETE FROM {table}"),
    ("UnknownTable", "SELECT * FROM redshift_catalog.p1_deep_fields"),
    ("UnknownColumn", "SELECT zerr FROM {table}"),
    ("AmbiguousColumn", "SELECT z FROM {table} AS a, {table} AS b"),
    ("UnknownFunction", "SELECT SQR(z) FROM {table}"),
    (
        "UnsupportedFeature",
        "SELECT z FROM {table} WHERE CONTAINS(POINT('GALACTIC', 1, 2), CIRCLE(1, 2, 3)) = 1",
    ),
    ("TypeMismatch", "SELECT z + 'a' FROM {table}"),
    ("QueryTooComplex", "SELECT z FROM {table} WHERE z IN ({many})"),
    ("QueryRejected", "SELECT CAST('a' AS INTEGER) AS n FROM {table}"),
)
"""Queries that are wrong, with the class of the error."""

REQUESTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("MissingParameter", {"QUERY": ""}),
    ("MissingParameter", {"LANG": ""}),
    ("InvalidParameter", {"MAXREC": "abc"}),
    ("InvalidParameter", {"LANG": "SQL"}),
    ("UnsupportedFormat", {"RESPONSEFORMAT": "xlsx"}),
)
"""Requests whose parameters are wrong, with the class of the error."""

FILES: tuple[tuple[str, str, bytes, tuple[str, ...]], ...] = (
    ("UnsupportedFile", "a picture named .csv", b"\x89PNG\r\n\x1a\n0000", _ROLES),
    ("UnreadableFile", "an empty file", b"", _ROLES),
    ("UnreadableFile", "a Parquet file that is cut off", b"PAR1" + bytes(100), _ROLES),
    ("UnreadableFile", "a row with too few values", b"ra,dec,z\n1,2,3\n4,5\n", _ROLES),
    ("AnnotationRejected", "a mandatory role is missing", _CSV.encode(), _ROLES[:4]),
    (
        "AnnotationRejected",
        "an unknown UCD",
        _CSV.encode(),
        (*_ROLES, "--column", "z_err=stat.eror"),
    ),
    ("AnnotationRejected", "a position out of range", b"ra,dec,z\n361,2,3\n", _ROLES),
    ("AnnotationRejected", "repeated column names", b"ra,dec,z,m,m\n1,2,3,4,5\n", _ROLES),
    ("ProductNotFound", "nothing to replace", _CSV.encode(), (*_ROLES, "--replace")),
)
"""Files that cannot be published, with the class of the error."""

_HEAD = """\
# Errors

What can go wrong, and what is said then. Over TAP, an error is a VOTable document with an INFO
`QUERY_STATUS` of value `ERROR`, whose text is the message, under the HTTP status shown here;
clients show the message. On the command line it is one line behind `Error:` (more, if there are
several problems) and the exit status is 1, or 2 where the command itself is written wrongly.

The messages below are real: a script makes each of these things happen and writes this page, with
tables of the name `redshift_catalog.p1_deep_field`.

"""

_TAIL = """\
## Answers that break off

An error after the first rows cannot change the HTTP status any more. How each format says it then
is in [result formats](result-formats.md#cut-results-and-late-errors).

## A fault of the service

Anything that is not foreseen is answered with status 500 and
`The service failed; please report incident 1a2b3c4d.`, with a number that stands in the log beside
the details. On the command line it is a Python traceback: please report it.
"""


def errors_page() -> str:
    """Give the text of the page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _publish(folder, _CSV.encode(), (), good=True)
        parts = [
            _HEAD,
            _section("Wrong queries", "query", _queries(folder)),
            _section("Wrong requests", "request", _requests(folder)),
            _section("Limits and outages", "what happened", _outages(folder)),
            _section("Files that cannot be published (`pzvo publish`)", "file", _files(folder)),
        ]
    return "".join(parts) + _TAIL


def _section(title: str, first: str, rows: Iterator[tuple[str, str, str, str]]) -> str:
    lines = [f"## {title}\n\n| {first} | class | status | message |\n|---|---|---|---|\n"]
    lines += [f"| {' | '.join(_cell(value) for value in row)} |\n" for row in rows]
    return "".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")


def _queries(folder: Path) -> Iterator[tuple[str, str, str, str]]:
    with _client(folder) as ask:
        for kind, template in QUERIES:
            many = ", ".join(str(number) for number in range(10_001))
            status, message = ask({"QUERY": template.format(table=TABLE, many=many)})
            shown = template.format(table=TABLE, many="0, 1, ... 10000")
            yield f"`{shown}`", kind, status, message


def _requests(folder: Path) -> Iterator[tuple[str, str, str, str]]:
    from vo_service.settings import Settings

    with _client(folder) as ask:
        for kind, parameters in REQUESTS:
            shown = " ".join(f"{key}={value}" for key, value in parameters.items())
            yield f"`{shown}`", kind, *ask({"QUERY": _EVERY} | parameters)
        status, message = ask({"QUERY": _EVERY}, headers={"Authorization": "Basic eDp5"})
        yield "credentials that nobody holds", "CredentialsRejected", status, message
        for _ in range(Settings.model_fields["login_attempts"].default):
            status, message = ask({"QUERY": _EVERY}, headers={"Authorization": "Basic eDp5"})
        yield "too many wrong passwords", "LoginsExceeded", status, message
        status, message = ask({"QUERY": _EVERY}, path="/auth/tap/sync")
        yield "`/auth/tap` without credentials", "LoginRequired", status, message


def _outages(folder: Path) -> Iterator[tuple[str, str, str, str]]:
    many = ", ".join(f"TAP_SCHEMA.columns AS t{i}" for i in range(8))
    long = " ".join(("SELECT COUNT(*) AS n FROM", many, "WHERE t0.column_name < t7.column_name"))
    with _client(folder, sync_timeout_s=0.3) as ask:
        yield "a query that takes too long", "QueryTimeout", *ask({"QUERY": long})
    with _client(folder, query_slots=1, slot_wait_s=1.0, hold_slots=True) as ask:
        yield "too many queries at once", "ServiceBusy", *ask({"QUERY": _EVERY})
    upload = {"UPLOAD": "t,param:t", "t": (io.BytesIO(_CSV.encode()), "t.csv")}
    with _client(folder) as ask, _full_disk():
        status, message = ask({"QUERY": "SELECT * FROM TAP_UPLOAD.t"} | upload)
        yield "the disk is full", "StorageFull", status, message
    for file in (folder / "home" / "tables").iterdir():
        file.rename(folder / file.name)
    with _client(folder) as ask:
        yield "the table files cannot be read", "EngineUnavailable", *ask({"QUERY": _EVERY})
    for file in folder.glob("*.duckdb"):
        file.rename(folder / "home" / "tables" / file.name)


@contextmanager
def _full_disk() -> Iterator[None]:
    """Let no file of this process grow beyond some bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _files(folder: Path) -> Iterator[tuple[str, str, str, str]]:
    for kind, what, content, options in FILES:
        yield what, kind, "exit 1", _publish(folder, content, options)


def _publish(folder: Path, content: bytes, options: tuple[str, ...], good: bool = False) -> str:
    from click.testing import CliRunner

    from vo_service.cli import main

    suffix = ".parquet" if content.startswith(b"PAR1") else ".csv"
    file = folder / f"file{suffix}"
    file.write_bytes(content)
    described = ("--name", "Deep field" if good else "Other", "--type", "redshift_catalog")
    roles = _ROLES if good else options
    written = ["publish", str(file), *described, *roles]
    # What is proposed is made of the command as the shell gave it.
    with mock.patch.object(sys, "argv", ["pzvo", *written]):
        result = CliRunner().invoke(main, ["--home", str(folder / "home"), *written])
    if (result.exit_code == 0) != good or not isinstance(result.exception, SystemExit | None):
        raise RuntimeError(result.output) from result.exception
    return result.stderr.removeprefix("Error: ").strip().replace(str(folder), "")


@contextmanager
def _client(
    folder: Path, hold_slots: bool = False, **overrides: object
) -> Iterator[Callable[..., tuple[str, str]]]:
    """Give a function that asks a service on the installation for a status and a message."""
    from registry.model.principal import OPERATOR
    from vo_service.app import create_app
    from vo_service.assemble import assemble
    from vo_service.settings import load_settings
    from vosi.availability import Availability

    settings = load_settings(environment={}, overrides={"home": folder / "home", **overrides})
    with closing(assemble(settings)) as services:
        app = create_app(
            settings,
            services.queries,
            services.jobs.service,
            lambda: Availability(available=True),
            services.people.authentication,
            uploads=services.uploads,
        )

        def ask(
            data: dict[str, Any], headers: dict[str, str] | None = None, path: str = "/tap/sync"
        ) -> tuple[str, str]:
            answer = app.test_client().post(path, data={"LANG": "ADQL"} | data, headers=headers)
            if answer.status_code in (200, 500):
                raise RuntimeError(answer.text)
            return str(answer.status_code), _message(answer.data)

        if not hold_slots:
            yield ask
            return
        with closing(services.queries.run(OPERATOR, _EVERY, maxrec=1, time_limit_s=60)):
            yield ask


def _message(document: bytes) -> str:
    root: Any = ET.fromstring(document)  # noqa: S314 - our own document
    for info in root.iter():
        if info.tag.endswith("INFO") and info.get("value") == "ERROR":
            return re.sub(r"\s+", " ", info.text).strip()
    raise RuntimeError(document.decode())


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    PAGE.write_text(errors_page(), encoding="utf-8")
