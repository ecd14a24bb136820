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
        "Content-Range",
        "Accept-Ranges",
        "ETag",
        "Retry-After",
    )
)

_PAGES = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml"})
"""Media types that browsers show as pages, with scripts."""

_PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src 'self' data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""What our own pages may do: show themselves, without scripts. A page that needs more says so."""


def install_headers(app: Flask) -> None:
    """Let answers be read by pages of other origins, and pages of ours do nothing but show.

    Notes
    -----
    Any origin may read what anybody may read. A browser gives no page an answer that was made
    with cookies or a remembered password unless Access-Control-Allow-Credentials says so (Fetch
    standard, CORS protocol and credentials), and nothing here does.
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
        headers.setdefault("Referrer-Policy", "same-origin")
        if response.mimetype in _PAGES:
            headers.setdefault("Content-Security-Policy", _PAGE_POLICY)
            headers.setdefault("X-Frame-Options", "DENY")
        return response
