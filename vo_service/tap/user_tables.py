"""Routes of users' own tables: making, loading, deleting, and the jobs that index them.

The requests are those of CADC's youcat, which `pyvo.dal.TAPService` makes: PUT and DELETE of
``/tables/<name>``, POST of rows to ``/load/<name>``, and jobs at ``/table-update``.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import IO, Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from registry.errors import (
    CredentialsRejected,
    LoginRequired,
    NotAllowed,
    QuotaExceeded,
    StorageFull,
    UserTableChanged,
    UserTableError,
    UserTableExists,
    UserTableNotFound,
    UserTableRefused,
)
from registry.model.principal import Principal
from registry.model.table import Table, TableSet
from registry.user_tables.content import TableContent
from registry.user_tables.service import UserTableService
from uws.blueprint import uws_blueprint
from uws.context import JobContext
from uws.errors import JobFailed
from uws.model import Job, JobResult, Parameter
from uws.service import JobService
from vo_service.dali.upload import Upload
from vo_service.http.errors import install_errors, text_error
from vo_service.tap.stored_rows import RowsUnavailable
from vo_service.uploads.errors import UploadExceeded, UploadRejected
from vo_service.uploads.service import UploadService
from vo_service.uploads.sources import InlineFile, limit_words
from vosi.definition import DOCUMENT_BYTES_MAX, parse_table
from vosi.document import XML_TYPE
from vosi.tables import render_table

__all__ = ["INDEX_KIND", "IndexJobHandler", "table_update_blueprint", "user_table_blueprint"]

INDEX_KIND = "table-update"
"""Kind of the jobs that make an index."""

_ENDINGS = {
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/fits": ".fits",
    "image/fits": ".fits",
    "application/x-votable+xml": ".vot",
    "application/vnd.apache.parquet": ".parquet",
    "application/x-parquet": ".parquet",
}
"""Endings of file names by media type: a hint for text formats, which have no signature."""

_DOCUMENT_TYPES = ("text/xml", "application/xml")

_ROOT_BYTES = 4096
"""The root element of a document is in its beginning."""

STATUS: tuple[tuple[type[Exception], int], ...] = (
    (CredentialsRejected, 401),
    (LoginRequired, 401),
    (NotAllowed, 403),
    (UserTableNotFound, 404),
    (UserTableExists, 409),
    (UserTableChanged, 409),
    (QuotaExceeded, 507),
    (StorageFull, 507),
    (UploadExceeded, 413),
    (UserTableError, 400),
    (UploadRejected, 400),
    (RowsUnavailable, 503),
)
"""Statuses by class of error; the first that fits counts."""


_RETRY_AFTER_S = 10


@dataclass(frozen=True, slots=True)
class _Views:
    """Parses, calls the service, answers; one method per request."""

    service: UserTableService
    uploads: UploadService
    principal: Callable[[], Principal]
    tap_url: str

    def create(self, table_name: str) -> Response:
        """Make a table from a definition, or from a file with rows."""
        principal = self.principal()
        self.service.check_name(principal, table_name)
        body = self._body(self.uploads.limits.size_bytes)
        if request.mimetype in _DOCUMENT_TYPES:
            head = body.read(_ROOT_BYTES)
            body = io.BufferedReader(_Prefixed(head, body))
            if b"VOTABLE" not in head:
                definition = parse_table(_document(body))
                return self._made(self.service.create(principal, table_name, definition), 201)
        content = self._read(table_name, body)
        table = self.service.create(principal, table_name, content)
        return self._made(table, 201)

    def load(self, table_name: str) -> Response:
        """Append rows to a table."""
        principal = self.principal()
        self.service.table(principal, table_name)
        content = self._read(table_name, self._body(self.uploads.limits.size_bytes))
        return self._made(self.service.load(principal, table_name, content), 200)

    def remove(self, table_name: str) -> Response:
        """Delete a table."""
        self.service.remove(self.principal(), table_name)
        return text_error(f"The table {table_name[:130]} is deleted.", 200)

    def _body(self, limit_bytes: int) -> IO[bytes]:
        # Looked at before anything is read, where the client tells; else while it is read.
        request.max_content_length = limit_bytes
        return request.stream

    def _read(self, table_name: str, body: IO[bytes]) -> TableContent:
        name = table_name.rpartition(".")[2]
        ending = _ENDINGS.get(request.mimetype, "")
        # One file, as if it had come with a query.
        upload = Upload(name, "param:body")
        file = InlineFile(body, f"{name}{ending}")
        (sent,) = self.uploads.read((upload,), lambda _part: nullcontext(file))
        fields = tuple(column.field for column in sent.table.columns)
        return TableContent(fields, sent.rows, sent.table.description)

    def _made(self, table: Table, status: int) -> Response:
        document = render_table(TableSet((), ""), table)
        response = Response(document, status=status, content_type=XML_TYPE)
        response.headers["Location"] = f"{self.tap_url}/tables/{table.name}"
        return response


def user_table_blueprint(
    service: UserTableService,
    uploads: UploadService,
    *,
    principal: Callable[[], Principal],
    tap_url: str,
    name: str = "user_tables",
) -> Blueprint:
    """Make the routes ``PUT`` and ``DELETE /tables/<name>`` and ``POST /load/<name>``.

    Parameters
    ----------
    service
        The tables.
    uploads
        Reads files in confined processes, within its limits.
    principal
        Who asks, for the request at hand.
    tap_url
        Public URL of the TAP service, without trailing slash.
    name
        Name of the blueprint, unique in the application.

    Notes
    -----
    TAP 1.2 (draft): the requests of CADC's youcat. Answers are VOSI table documents, errors one
    line of text with status 400, 401, 403, 404, 409, 413, 503 or 507.
    """
    views = _Views(service, uploads, principal, tap_url)
    blueprint = Blueprint(name, __name__)
    table = "<path:table_name>"
    blueprint.add_url_rule(f"/tables/{table}", "create_table", views.create, methods=["PUT"])
    blueprint.add_url_rule(f"/tables/{table}", "remove_table", views.remove, methods=["DELETE"])
    blueprint.add_url_rule(f"/load/{table}", "load_table", views.load, methods=["POST"])
    install_errors(blueprint)
    for kind, _ in STATUS:
        blueprint.register_error_handler(kind, _answer)

    @blueprint.errorhandler(RequestEntityTooLarge)
    def refuse_large(_error: RequestEntityTooLarge) -> Response:
        words = limit_words(uploads.limits.size_bytes)
        return text_error(f"The file cannot be taken: {words}", 413)

    blueprint.after_request(_private)
    return blueprint


def table_update_blueprint(
    jobs: JobService,
    *,
    principal: Callable[[], Principal],
    jobs_url: str,
    name: str = "table_update",
) -> Blueprint:
    """Make the job list whose jobs make indexes, as ``create_index`` of pyvo uses it.

    Parameters
    ----------
    jobs
        Keeps them.
    principal
        Who asks, for the request at hand.
    jobs_url
        Absolute public address of the list, without trailing slash.
    name
        Name of the blueprint, unique in the application.
    """

    def owner() -> str:
        user = principal().user
        if user is None:
            raise LoginRequired(
                "tables of your own need an account; send a token as `Authorization: Bearer TOKEN`"
            )
        return user

    return uws_blueprint(jobs, kind=INDEX_KIND, jobs_url=jobs_url, owner=owner, name=name)


class IndexJobHandler:
    """Runs the jobs of ``/table-update``: parameters TABLE, INDEX and UNIQUE.

    Parameters
    ----------
    service
        The tables.
    principal
        The rights that the owner of a job has now, by identifier.
    """

    kind = INDEX_KIND

    def __init__(
        self, service: UserTableService, principal: Callable[[str | None], Principal]
    ) -> None:
        self._service = service
        self._principal = principal

    def validate(self, parameters: Sequence[Parameter]) -> None:
        """Check the parameters.

        Raises
        ------
        JobFailed
            If one is missing, comes twice or cannot be used.
        """
        _index_request(parameters)

    def run(self, job: Job, context: JobContext) -> Sequence[JobResult]:
        """Make the index, and write as a result what it has come to.

        Raises
        ------
        JobFailed
            If the parameters cannot be used.
        RegistryError
            As `UserTableService.index`.
        JobCancelled
            If nobody wants it any more.
        """
        table, column, unique = _index_request(job.parameters)
        context.raise_if_cancelled()
        report = self._service.index(self._principal(job.owner), table, column, unique=unique)
        with context.open_result("result", "text/plain; charset=utf-8") as pending:
            pending.sink.write(f"{report.table}: {report.text}.\n".encode())
        return [pending.result()]


def _index_request(parameters: Sequence[Parameter]) -> tuple[str, str, bool]:
    table, column = _one(parameters, "TABLE"), _one(parameters, "INDEX")
    unique = _one(parameters, "UNIQUE", "false").strip().lower()
    if unique not in ("true", "false", "1", "0"):
        raise JobFailed(f"UNIQUE {unique[:40]!r} is not known: send true or false")
    return table, column, unique in ("true", "1")


def _one(parameters: Sequence[Parameter], name: str, default: str | None = None) -> str:
    values = [p.value for p in parameters if p.name.upper() == name and p.value.strip()]
    if not values and default is not None:
        return default
    if len(values) != 1:
        raise JobFailed(f"the job needs one {name}, and has {len(values)}")
    return values[0]


class _Prefixed(io.RawIOBase):
    """A stream whose beginning was read already."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        super().__init__()
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - the protocol of buffers has a name from Python 3.12 on
        """Fill a buffer, as far as one read goes."""
        view = memoryview(buffer)
        piece = self._head[: len(view)]
        self._head = self._head[len(view) :]
        if not piece:
            piece = self._rest.read(len(view))
        view[: len(piece)] = piece
        return len(piece)


def _document(body: IO[bytes]) -> bytes:
    document = body.read(DOCUMENT_BYTES_MAX + 1)
    if len(document) > DOCUMENT_BYTES_MAX:
        raise UserTableRefused(
            f"the definition is longer than {DOCUMENT_BYTES_MAX} bytes; leave descriptions out"
        )
    return document


def _answer(error: Exception) -> Response:
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    message = str(error)
    response = text_error(f"{message[:1].upper()}{message[1:]}", status)
    if status == 503:
        response.headers["Retry-After"] = str(_RETRY_AFTER_S)
    return response


def _private(response: Response) -> Response:
    response.vary.add("Authorization")
    return response
