"""Bodies of requests that are larger than the service takes."""

from __future__ import annotations

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

__all__ = ["refuse_cut_form"]


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
