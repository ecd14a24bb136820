"""Paths as clients write them: answered where they are, never by a redirect."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from flask import Flask

__all__ = ["take_paths_as_written"]

_SEVERAL = re.compile(r"/{2,}")


def take_paths_as_written(app: Flask) -> None:
    """Let slashes that are doubled, and one at the end, make no difference to any route.

    Parameters
    ----------
    app
        Before any route is added.

    Notes
    -----
    Whoever gives a client the address ``/tap/`` makes it ask for ``/tap//sync``, and pzserver asks
    for ``/api//products/``. Werkzeug would answer with a redirect, whose address is made of the
    header Host, which anybody may send, and not of the public address; Java's and Python's own
    clients do not follow one of a POST.
    """
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    answer = app.wsgi_app

    def collapsed(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
        environ["PATH_INFO"] = _SEVERAL.sub("/", environ.get("PATH_INFO", ""))
        return answer(environ, start_response)

    app.wsgi_app = collapsed  # type: ignore[method-assign] # Flask's own way
