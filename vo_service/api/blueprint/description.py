"""Views of the description of the API, for programs and for people."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from flask import Response, send_from_directory

from vo_service.api.blueprint.answers import object_answer
from vo_service.api.errors import NotFound
from vo_service.api.operation import Access, operation

__all__ = ["DescriptionViews"]

_ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API</title>
<link rel="stylesheet" href="swagger-ui.css">
<link rel="icon" type="image/png" href="favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="swagger-ui-bundle.js"></script>
<script src="start.js"></script>
</body>
</html>
"""

_START = """\
window.onload = () => SwaggerUIBundle({
  url: "../schema/", dom_id: "#swagger-ui", deepLinking: true, docExpansion: "none"
});
"""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Scripts of this site alone; the page's library sets styles and has its pictures inside."""


@dataclass(frozen=True, slots=True)
class DescriptionViews:
    """Views of the description.

    Attributes
    ----------
    describe
        Gives the document.
    """

    tag: ClassVar[str] = "description"
    describe: Callable[[], dict[str, Any]]

    @operation(
        "GET", "/schema/", "Describe the API.", access=Access.PUBLIC, answer="application/json"
    )
    def show_schema(self) -> Response:
        """Give the description in OpenAPI 3.1."""
        return object_answer(self.describe())

    @operation(
        "GET", "/docs/", "Show the description of the API.",
        access=Access.PUBLIC, answer="text/html",
    )  # fmt: skip
    def show_page(self) -> Response:
        """Show a page on which requests can be tried."""
        return _safe(Response(_PAGE, content_type="text/html; charset=utf-8"))

    @operation(
        "GET", "/docs/<name>", "Give a part of the page.",
        access=Access.PUBLIC, answer="application/octet-stream", errors=(404,),
    )  # fmt: skip
    def show_asset(self, name: str) -> Response:
        """Give a script, a style or a picture of the page, from this service alone."""
        if name == "start.js":
            return _safe(Response(_START, content_type="text/javascript; charset=utf-8"))
        if name not in _ASSETS:
            raise NotFound(f"There is no {name[:80]!r} here.")
        response = send_from_directory(_assets_folder(), name, mimetype=_ASSETS[name])
        return _safe(response)


def _assets_folder() -> Path:
    found = importlib.util.find_spec("flask_swagger_ui")
    if found is None or found.origin is None:
        raise NotFound("The documentation page is not installed: install flask-swagger-ui.")
    return Path(found.origin).parent / "dist"


def _safe(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response
