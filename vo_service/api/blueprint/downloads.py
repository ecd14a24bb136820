"""Files as answers: whole or in part, never able to act in the name of this site."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import BinaryIO
from urllib.parse import quote

from flask import Response, request
from werkzeug.http import parse_etags
from werkzeug.wsgi import wrap_file

from registry.products.downloads import Conversion, Download
from vo_service.api.ranges import parse_range
from vo_service.http.connection import client_connection

__all__ = ["content_disposition", "conversion_answer", "download_answer"]

_SANDBOX = (
    "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'"
)
"""What a file of a user may do in a browser: show text, style and its own images."""

_MEDIA_TYPE = re.compile(
    r"[\w!#$&^.+-]{1,100}/[\w!#$&^.+-]{1,100}(; ?charset=[\w-]{1,40})?", re.ASCII
)

_UNKNOWN_TYPE = "application/octet-stream"

_PIECE_BYTES = 131_072
"""A send carries no more, so that its time limit means a client that reads nothing."""


def download_answer(download: Download, *, inline: bool = False, legacy: bool = False) -> Response:
    """Answer with a file, or the part of it that was asked for.

    Parameters
    ----------
    download
        What is sent.
    inline
        Whether a browser may show it, in a sandbox, instead of storing it.
    legacy
        Whether old clients ask, which take what follows ``filename=`` as it is.

    Raises
    ------
    RangeNotSatisfiable
        If the part begins behind the end of the file.

    Notes
    -----
    RFC 9110, sections 13 and 14. The parts are of the bytes as stored: they are never sent with
    a content encoding.
    """
    etag = f'"{download.etag}"'
    if parse_etags(request.headers.get("If-None-Match")).contains_weak(download.etag):
        return _file_headers(Response(status=304), etag)
    part = None
    # Range counts for GET alone (RFC 9110, section 14.2).
    if request.method == "GET" and request.headers.get("If-Range") in (None, etag):
        part = parse_range(request.headers.get("Range"), download.size_bytes)
    start, stop = (0, download.size_bytes) if part is None else (part.start, part.stop)
    pieces = () if request.method == "HEAD" else _contents(download, start, stop)
    response = Response(
        pieces,
        status=200 if part is None else 206,
        content_type=_media_type(download),
        direct_passthrough=True,
    )
    response.headers["Content-Length"] = str(stop - start)
    if part is not None:
        response.headers["Content-Range"] = part.content_range(download.size_bytes)
    response.headers["Content-Disposition"] = content_disposition(
        download.name, inline=inline, bare=legacy
    )
    return _file_headers(response, etag)


def _contents(download: Download, start: int, stop: int) -> Iterable[bytes]:
    """Let the web server send a file without a thread, where it can; else read it."""
    if client_connection(request.environ) is not None and download.path is not None:
        with suppress(FileNotFoundError):
            file = download.path.open("rb")
            if os.fstat(file.fileno()).st_size >= stop:
                file.seek(start)
                return wrap_file(request.environ, file)
            file.close()
    return _pieces(download.read(start, stop))


def conversion_answer(conversion: Conversion, *, legacy: bool = False) -> Response:
    """Answer with a product in another format.

    Parameters
    ----------
    conversion
        What is sent.
    legacy
        See `download_answer`.
    """
    pieces: Iterable[bytes]
    if request.method == "HEAD":
        conversion.file.close()
        pieces = ()
    elif client_connection(request.environ) is not None:
        pieces = wrap_file(request.environ, conversion.file)
    else:
        pieces = _read(conversion.file)
    response = Response(pieces, content_type=conversion.media_type, direct_passthrough=True)
    response.headers["Content-Length"] = str(conversion.size_bytes)
    response.headers["Content-Disposition"] = content_disposition(conversion.name, bare=legacy)
    return _file_headers(response, None)


def content_disposition(name: str, *, inline: bool = False, bare: bool = False) -> str:
    """Name a file in a header.

    Parameters
    ----------
    name
        Any text.
    inline
        Whether it may be shown instead of stored.
    bare
        Whether to write a name without quotes, in which other characters than of a token are
        replaced.

    Notes
    -----
    RFC 6266 and RFC 8187: the name in ASCII and, where that differs, in UTF-8.
    """
    kind = "inline" if inline else "attachment"
    plain = "".join(c if c.isprintable() and c not in '"\\/' else "_" for c in name) or "file"
    if bare:
        return f"{kind}; filename={re.sub(r'[^A-Za-z0-9._+-]', '_', plain)}"
    ascii_name = plain.encode("ascii", "replace").decode("ascii").replace("?", "_")
    encoded = "" if ascii_name == plain else f"; filename*=UTF-8''{quote(plain, safe='')}"
    return f'{kind}; filename="{ascii_name}"{encoded}'


def _media_type(download: Download) -> str:
    # Users say what their files are; what is no media type would break the header.
    return download.media_type if _MEDIA_TYPE.fullmatch(download.media_type) else _UNKNOWN_TYPE


def _file_headers(response: Response, etag: str | None) -> Response:
    headers = response.headers
    headers["Content-Security-Policy"] = _SANDBOX
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "SAMEORIGIN"
    headers["Cache-Control"] = "private, no-cache"
    if etag is not None:
        headers["ETag"] = etag
        headers["Accept-Ranges"] = "bytes"
    response.vary.update(("Authorization", "Cookie"))
    return response


def _pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), _PIECE_BYTES):
            yield chunk[start : start + _PIECE_BYTES]


def _read(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE_BYTES):
            yield piece
