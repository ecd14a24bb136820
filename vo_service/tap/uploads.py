"""Uploads of TAP at the edge: parts of the request at hand, and parameters that are addresses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from flask import Flask, request

from uws.errors import InvalidJobParameter
from uws.model import Job, Parameter, merge_parameters
from vo_service.dali.errors import DaliError
from vo_service.dali.params import Parameters
from vo_service.dali.upload import Upload, parse_uploads
from vo_service.http.multipart import quote_boundary
from vo_service.uploads.errors import UploadRejected
from vo_service.uploads.inputs import JobInputs
from vo_service.uploads.service import UploadService
from vo_service.uploads.sources import InlineFile

__all__ = ["Uploads", "accept_bodies", "is_reference", "merge_uploads", "request_part"]


@dataclass(frozen=True, slots=True)
class Uploads:
    """What takes the tables that come with queries.

    Attributes
    ----------
    service
        Reads them.
    inputs
        Keeps the files that come with jobs, until these run.
    """

    service: UploadService
    inputs: JobInputs

    def keep(self, job: Job, part: str, content: IO[bytes]) -> None:
        """Keep a file of the request at hand with a job.

        Raises
        ------
        InvalidJobParameter
            If the file is too large, or another table of the job was read from a part of this
            name, which would lose its file without a word.
        StorageFull
            If there is no room.
        """
        sent = _tables_by_name(Parameters(request.args.to_dict(False), request.form.to_dict(False)))
        earlier = _tables_by_name(Parameters({"UPLOAD": job.values("UPLOAD")}))
        users = [name for name, upload in earlier.items() if upload.part == part]
        others = [name for name, upload in sent.items() if upload.part == part]
        if others and any(name not in sent for name in users):
            raise InvalidJobParameter(
                f"the part {part[:64]!r} already holds the table {earlier[users[0]].name} of this"
                " job: give the new file a part of another name"
            )
        self.inputs.keep(job, part, content)


@contextmanager
def request_part(part: str) -> Iterator[InlineFile | None]:
    """Open a file of the request at hand; gives nothing where there is none.

    Raises
    ------
    UploadRejected
        If several files have this name.
    """
    found = request.files.getlist(part)
    if len(found) > 1:
        raise UploadRejected(part, f"{len(found)} files have this name; give each its own")
    if not found:
        yield None
        return
    # Two uploads may name the same part; Flask closes it with the request.
    found[0].stream.seek(0)
    yield InlineFile(found[0].stream, found[0].filename)


def is_reference(name: str, value: str) -> bool | None:
    """Tell of UPLOAD whether its tables are addresses, of other parameters nothing."""
    if name.upper() != "UPLOAD":
        return None
    try:
        uploads = parse_uploads([value])
    except DaliError:
        return None
    return True if uploads and all(upload.part is None for upload in uploads) else None


def merge_uploads(present: Iterable[Parameter], sent: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """Put newly sent parameters to those of a job: tables of UPLOAD come to those before.

    Notes
    -----
    TAP 1.1, section 2.7.6: each UPLOAD adds a table. A table whose name was there is replaced,
    so that a client may send one again, and so is what could not be read. Other parameters are
    replaced by name.
    """
    newer = tuple(sent)
    again = {
        name
        for parameter in newer
        if _is_upload(parameter)
        for name in _tables_by_name(Parameters({"UPLOAD": parameter.value}))
    }
    before: list[Parameter] = []
    earlier: list[Parameter] = []
    for parameter in present:
        (earlier if _is_upload(parameter) else before).append(parameter)
    kept = (left for parameter in earlier for left in _without(parameter, again))
    others = (parameter for parameter in newer if not _is_upload(parameter))
    uploads = (parameter for parameter in newer if _is_upload(parameter))
    return (*merge_parameters(before, others), *kept, *uploads)


def _is_upload(parameter: Parameter) -> bool:
    return parameter.name.upper() == "UPLOAD"


def _without(parameter: Parameter, names: Collection[str]) -> Iterator[Parameter]:
    """Give an UPLOAD without the tables of some names; nothing where none is left of it."""
    tables = _tables_by_name(Parameters({"UPLOAD": parameter.value}))
    left = [f"{each.name},{each.source}" for name, each in tables.items() if name not in names]
    if len(left) == len(tables) > 0:
        yield parameter
    elif left:
        value = ";".join(left)
        yield Parameter(parameter.name, value, is_reference(parameter.name, value))


def _tables_by_name(parameters: Parameters) -> dict[str, Upload]:
    """Read UPLOAD, by names in lower case; what the job itself will refuse gives nothing."""
    try:
        return {each.name.lower(): each for each in parse_uploads(parameters.all("UPLOAD"))}
    except DaliError:
        return {}


def accept_bodies(app: Flask, paths: tuple[str, ...], limit_bytes: int) -> None:
    """Let forms with files at some paths, and below them, be larger than other requests.

    Parameters
    ----------
    app
        Whose limit holds elsewhere.
    paths
        Without trailing slash.
    limit_bytes
        Of the whole body.
    """

    @app.before_request
    def grow() -> None:
        below = any(f"{request.path}/".startswith(f"{path}/") for path in paths)
        if below:
            quote_boundary(request.environ)
        # Other forms are read into memory.
        if below and request.mimetype == "multipart/form-data":
            request.max_content_length = limit_bytes
