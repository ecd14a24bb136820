"""Headers that every answer carries."""

from __future__ import annotations

from flask import Flask, Response

__all__ = ["install_headers"]

_EXPOSED = ", ".join(
    (
        "Location",
        "WWW-Authenticate",
        "X-VO-Authenticated",
        "Content-Disposition",
        "Content-Length",
        "Retry-After",
    )
)


def install_headers(app: Flask) -> None:
    """Let every answer, also of errors, be read by pages of other origins.

    Notes
    -----
    Queries carry no cookies, so that any origin may read what anybody may read; credentials
    in headers are never sent by a browser without the user's program asking for it.
    """

    @app.after_request
    def add(response: Response) -> Response:
        headers = response.headers
        headers["Access-Control-Allow-Origin"] = "*"
        headers["Access-Control-Expose-Headers"] = _EXPOSED
        if "Allow" in headers:
            headers["Access-Control-Allow-Methods"] = headers["Allow"]
            headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Range"
            headers["Access-Control-Max-Age"] = "86400"
        headers.setdefault("X-Content-Type-Options", "nosniff")
        return response
