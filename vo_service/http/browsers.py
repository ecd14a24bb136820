"""Errors as pages, for people who met them in a browser; programs keep their documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Flask, Response, g, request

__all__ = ["PAGE_TYPE", "remember_message", "show_errors_as_pages", "wants_page"]

PAGE_TYPE = "text/html; charset=utf-8"
"""Content-Type of a page."""

ErrorPage = Callable[[str, Mapping[str, str]], str]
"""Writes a page from a message and the parameters of the request, names in upper case."""


def wants_page() -> bool:
    """Tell whether who asks is a person in front of a browser, or asked for HTML by name.

    Notes
    -----
    Browsers that open an address accept ``text/html`` and ``application/xhtml+xml`` (the Fetch
    standard leaves the value to them; all of today name both). HTML alone is not enough: Java's
    own client, and so TOPCAT, STILTS and Aladin, accept it before images and everything else.
    """
    if _sent().get("RESPONSEFORMAT", _sent().get("FORMAT", "")).strip().lower() in _HTML:
        return True
    accepted = {kind for kind, quality in request.accept_mimetypes if quality > 0}
    others = accepted - {"text/html", "*/*"}
    return "text/html" in accepted and (not others or "application/xhtml+xml" in others)


_HTML = frozenset({"html", "text/html"})


def remember_message(message: str) -> None:
    """Keep the message of the error with which the request at hand is answered."""
    g.error_message = message


def show_errors_as_pages(app: Flask, render: ErrorPage) -> None:
    """Let errors that are VOTables or text reach browsers as pages.

    Parameters
    ----------
    app
        Whose errors these are; what answers in JSON does so to browsers too.
    render
        Writes the page.
    """

    @app.after_request
    def show(response: Response) -> Response:
        plain = response.mimetype == "text/plain"
        if response.status_code < 400 or not (plain or "error_message" in g):
            return response
        response.vary.add("Accept")
        if wants_page():
            message = g.get("error_message") or response.get_data(as_text=True)
            response.set_data(render(message.strip(), _sent()))
            response.content_type = PAGE_TYPE
        return response


def _sent() -> dict[str, str]:
    # A form that was not read is not read for this: its body may be what was refused.
    sources = (request.__dict__.get("form"), request.__dict__.get("args"))
    return {name.upper(): source[name] for source in sources if source for name in source}
