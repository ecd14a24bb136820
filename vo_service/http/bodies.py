"""Bodies of requests that are larger than the service takes.

A client sends its whole body before it looks at the answer. An answer that leaves before, and a
connection that closes behind it, reach the client as a broken connection, not as the document
that says what was wrong. The rest of a refused body is therefore read and thrown away first.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from vo_service.http.connection import client_socket, limit_sends

__all__ = ["discard_body", "refuse_cut_form"]

_DISCARD_S = 10.0
"""Seconds for which a refused body is read: 100 MB at 100 Mbit/s."""

_PIECE_BYTES = 65_536


def discard_body(environ: dict[str, Any]) -> None:
    """Read what is left of the body of a request, as far as it comes in time.

    Parameters
    ----------
    environ
        Of the request.
    """
    if "wsgi.input_terminated" not in environ:
        # Without an end the server does not tell, a read could wait for ever.
        return
    limit_sends(client_socket(environ), _DISCARD_S)
    deadline = time.monotonic() + _DISCARD_S
    with contextlib.suppress(OSError):
        while time.monotonic() < deadline and environ["wsgi.input"].read(_PIECE_BYTES):
            pass


def refuse_cut_form() -> None:
    """Refuse a form that came in chunks and went past the limit.

    Raises
    ------
    RequestEntityTooLarge
        If the body goes on behind what was read of it: Werkzeug cuts such a form at the limit
        and takes the beginning for the whole, parameters behind the cut would be lost.
    """
    form = request.mimetype == "application/x-www-form-urlencoded"
    if form and request.content_length is None and request.environ["wsgi.input"].read(1):
        raise RequestEntityTooLarge
