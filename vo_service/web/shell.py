"""The frame of every page: who looks at it, in which language, and what the browser may do."""

from __future__ import annotations

import secrets
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from babel.core import negotiate_locale
from flask import Flask, Response, g, render_template, request
from flask_babel import Babel, get_locale, gettext

from registry.errors import CredentialsRejected, HostBusy, LoginsExceeded, NotAllowed
from registry.model.principal import ANONYMOUS, Principal
from registry.model.references import article_url, licence_url
from registry.product_types import product_types
from vo_service.http.authentication import Authentication, CsrfRejected
from vo_service.http.visitors import address_visitor
from vo_service.web.markdown import first_line, rendered
from vo_service.web.quantities import moment_text, number_text, size_text
from vo_service.web.site import LANGUAGES, Site

__all__ = ["LANGUAGE_COOKIE", "Shell"]

LANGUAGE_COOKIE = "pzvo_language"
"""Name of the cookie with the language that a visitor chose."""

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "frame-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}

_SAMP = "http://127.0.0.1:21012 http://localhost:21012"
"""Where the hub of SAMP's Web Profile listens (SAMP 1.3, section 5.2)."""


class Shell:
    """Renders the pages of an installation.

    Parameters
    ----------
    site
        What they have in common.
    authentication
        Tells who looks.
    """

    def __init__(self, site: Site, authentication: Authentication) -> None:
        self.site = site
        self._authentication = authentication
        self._root = Path(str(files("vo_service.web")))
        made = self._root / "static" / ".made-from"
        self._edition = made.read_text()[:12] if made.exists() else "0"

    def install(self, app: Flask) -> None:
        """Teach an application the languages and the filters of the pages."""
        Babel(
            app,
            default_translation_directories=str(self._root / "translations"),
            locale_selector=self._language,
        )
        app.jinja_env.filters |= {
            "markdown": rendered,
            "first_line": first_line,
            "size": size_text,
            "moment": moment_text,
            "number": number_text,
            "article_url": article_url,
            "licence_url": licence_url,
            "type_title": lambda name, titles: titles.get(name, name),
        }
        app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @property
    def static_folder(self) -> Path:
        """Folder of the bundled scripts and styles."""
        return self._root / "static"

    def principal(self) -> Principal:
        """Tell who looks; raises as `Authentication.principal`."""
        return self._authentication.principal()

    def member(self) -> Principal:
        """Tell who looks at a page that is for people with an account.

        Raises
        ------
        LoginRequired
            If nobody is logged in.
        CredentialsRejected, LoginsExceeded, CsrfRejected
            As `Authentication.principal`.
        """
        return self._authentication.required()

    def take_csrf(self, sent: str) -> None:
        """Take the secret that a form with files brought; see `Authentication.take_csrf`."""
        self._authentication.take_csrf(sent)

    def visitor(self) -> str:
        """Name who shares slots and quotas with others; raises as `Authentication.visitor`."""
        return self._authentication.visitor()

    def sender(self) -> str:
        """Name who sends a form: the visitor, or the address of one whose secret is in a body.

        Raises
        ------
        CredentialsRejected, LoginsExceeded
            As `Authentication.principal`.
        """
        try:
            return self.visitor()
        except CsrfRejected:
            return address_visitor(self._authentication.address())

    def address(self) -> str:
        """Give the address by which visitors without an account are told apart."""
        return self.visitor().removeprefix("address ")

    def _looking(self) -> tuple[Principal, str]:
        """Tell whose menu a page has, and what its forms send back.

        A page that says why a request was refused has nobody's.
        """
        try:
            return self.principal(), self._authentication.csrf()
        except (CredentialsRejected, LoginsExceeded, HostBusy, NotAllowed):
            return ANONYMOUS, ""

    def render(
        self, template: str, status: int = 200, *, samp: bool = False, **values: object
    ) -> Response:
        """Render a page.

        Parameters
        ----------
        template
            Name of its file.
        status
            Of the answer.
        samp
            Whether the page may talk to a hub of SAMP on the visitor's own machine.
        values
            What it shows.
        """
        text = render_template(template, **self._context(), **values)
        response = Response(text, status, content_type="text/html; charset=utf-8")
        policy = dict(_POLICY)
        if samp:
            policy["connect-src"] += f" {_SAMP}"
        if "nonce" in g:
            policy["style-src"] += f" 'nonce-{g.nonce}'"
        response.headers["Content-Security-Policy"] = "; ".join(
            f"{name} {value}" for name, value in policy.items()
        )
        response.headers["Vary"] = "Accept-Language, Cookie, Authorization"
        response.headers["Content-Language"] = str(get_locale() or "en")
        response.cache_control.no_cache = True
        return response

    def _context(self) -> dict[str, Any]:
        principal, csrf = self._looking()
        return {
            "site": self.site,
            "user": principal.user,
            "principal": principal,
            "csrf": csrf,
            "language": str(get_locale() or "en"),
            "languages": LANGUAGES,
            "asset": self._asset,
            "url": self.url,
            "here": request.full_path.rstrip("?"),
            "nonce": _nonce,
            "type_names": {known.name: known.display_name for known in product_types()},
        }

    def see(self, address: str, status: int = 303) -> Response:
        """Send the browser to a page of this site.

        Parameters
        ----------
        address
            Path below the public base, with its query string.
        status
            303 after something was done, 308 where a page has moved for ever.
        """
        return Response(status=status, headers={"Location": self.site.base_url + address})

    def message(self, text: str, status: int) -> Response:
        """Render the page of an error, for people who came by a browser.

        Parameters
        ----------
        text
            What happened and what to do.
        status
            Of the answer.
        """
        title = gettext("Not found") if status == 404 else gettext("That did not work")
        links = [(self.url("/"), gettext("Start")), (self.url("/products"), gettext("Products"))]
        return self.render("message.html", status, title=title, message=text, links=links)

    @staticmethod
    def sentence(error: Exception) -> str:
        """Write the message of an error as a sentence begins."""
        message = str(error)
        return message[:1].upper() + message[1:]

    def log_in_first(self) -> Response:
        """Send somebody without an account to the page where one logs in, and back afterwards."""
        here = request.full_path.rstrip("?")
        if request.method not in ("GET", "HEAD"):
            came_from = urlsplit(request.referrer or "")
            here = came_from.path.removeprefix(self.site.path) or "/"
        return self.see("/login?next=" + quote(here, safe="/"))

    def own_text(self, name: str) -> str:
        """Give a page of ours in Markdown, in the visitor's language where it is translated."""
        folder = self._root / "texts"
        language = str(get_locale() or "en")
        file = folder / f"{name}.{language}.md"
        text = (file if file.is_file() else folder / f"{name}.en.md").read_text(encoding="utf-8")
        values = {
            "title": self.site.title,
            "publisher": self.site.publisher,
            "base_url": self.site.base_url,
            "contact": self.site.contact or gettext("the people who run this server"),
        }
        for key, value in values.items():
            text = text.replace("{" + key + "}", value)
        return text

    def url(self, path: str, **arguments: object) -> str:
        """Give the address of a page below the public base of the service, as a path."""
        sent = [(k.rstrip("_"), str(v)) for k, v in arguments.items() if v not in (None, "")]
        query = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in sent)
        return self.site.path + quote(path, safe="/%:@") + (f"?{query}" if query else "")

    def _asset(self, name: str) -> str:
        return f"{self.site.path}/static/{self._edition}/{name}"

    def _language(self) -> str:
        chosen = request.args.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
        if chosen in LANGUAGES:
            return chosen
        wanted = [value.replace("-", "_") for value in request.accept_languages.values()]
        wanted += [value.split("_")[0] for value in wanted]
        return negotiate_locale(wanted, list(LANGUAGES)) or "en"


def _nonce() -> str:
    """Allow one script of the page to add styles; the editor needs it."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(12)
    nonce: str = g.nonce
    return nonce
