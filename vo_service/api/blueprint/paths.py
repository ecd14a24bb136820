"""Paths as clients write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["CollapsedSlashes"]

_SEVERAL = re.compile(r"/{2,}")


class CollapsedSlashes:
    """A WSGI application in whose paths several slashes count as one.

    Parameters
    ----------
    application
        That answers.
    prefix
        Below which this is so.

    Notes
    -----
    The client asks for ``/api//products/``. A redirect would do for it, and cost a second
    request each time.
    """

    def __init__(
        self, application: Callable[[dict[str, Any], Any], Iterable[bytes]], prefix: str
    ) -> None:
        self._application = application
        self._prefix = prefix

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
        """Answer a request."""
        path = environ.get("PATH_INFO", "")
        if "//" in path:
            collapsed = _SEVERAL.sub("/", path)
            if collapsed == self._prefix or collapsed.startswith(f"{self._prefix}/"):
                environ["PATH_INFO"] = collapsed
        return self._application(environ, start_response)
