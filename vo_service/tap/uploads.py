"""Uploads of TAP at the edge: parts of the request at hand, and parameters that are addresses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask, request

from vo_service.dali.errors import DaliError
from vo_service.dali.upload import parse_uploads
from vo_service.http.multipart import quote_boundary
from vo_service.uploads.errors import UploadRejected
from vo_service.uploads.inputs import JobInputs
from vo_service.uploads.service import UploadService
from vo_service.uploads.sources import InlineFile

__all__ = ["Uploads", "accept_bodies", "is_reference", "request_part"]


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
