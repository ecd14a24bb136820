"""Multipart forms whose boundary is not written as the standard wants it."""

from __future__ import annotations

import re
from typing import Any

from werkzeug.exceptions import BadRequest

__all__ = ["quote_boundary"]

_FORM = re.compile(r"\s*multipart/form-data\s*(;.*)?", re.IGNORECASE | re.DOTALL)

_BOUNDARY = re.compile(r';\s*boundary=(?:"(?P<quoted>[^"]+)"|(?P<bare>[^\s;"]+))', re.IGNORECASE)


def quote_boundary(environ: dict[str, Any]) -> None:
    """Put the boundary of a multipart form into quotes, where it is not.

    Parameters
    ----------
    environ
        Of the request; its content type is changed in place, before anything has read it.

    Raises
    ------
    BadRequest
        If a multipart form has no boundary: nothing of it could be read.

    Notes
    -----
    Characters such as ``=`` need quotes (RFC 2046, section 5.1.1). The TapPlus client of
    astroquery writes ``boundary====1700000000000===`` without them; read to the letter, all
    parameters of its uploads would be lost.
    """
    content_type = environ.get("CONTENT_TYPE", "")
    if not _FORM.fullmatch(content_type):
        return
    found = _BOUNDARY.search(content_type)
    if found is None:
        msg = "the form has no boundary: Content-Type must be multipart/form-data; boundary=..."
        raise BadRequest(msg)
    if found["bare"] is not None:
        start, end = found.span("bare")
        environ["CONTENT_TYPE"] = f'{content_type[:start]}"{found["bare"]}"{content_type[end:]}'
