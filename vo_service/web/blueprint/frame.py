"""What all pages need: scripts and styles, the language, and the pages of the site's operator."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, request, send_from_directory
from flask_babel import get_locale, gettext

from vo_service.web.shell import LANGUAGE_COOKIE, Shell
from vo_service.web.site import LANGUAGES

__all__ = ["FrameViews", "local_path"]

_PAGES = ("about", "contact", "help", "acknowledgement")

_YEAR_S = 365 * 86_400

_OLD = {
    "/user_products": "/products?scope=users",
    "/oficial_products": "/products?scope=official",
    "/pz_pipelines": "/pipelines",
    "/specz_catalogs": "/pipelines/combine_redshift_dedup",
    "/training_set_maker": "/pipelines/training_set_maker",
    "/documentation": "/help",
}
"""Addresses of the Photo-z Server's website, which stand in papers and e-mails."""


def local_path(text: str) -> str:
    """Give a path of this site that a visitor may be sent to; the start page for anything else."""
    if text.startswith("/") and text[1:2] not in ("/", "\\") and text.isprintable():
        return text
    return "/"


@dataclass(frozen=True, slots=True)
class FrameViews:
    """Views of what all pages need."""

    shell: Shell

    def install(self, blueprint: Blueprint) -> None:
        """Add the routes."""
        blueprint.get("/static/<edition>/<path:name>")(self.show_asset)
        blueprint.get("/language")(self.choose_language)
        for name in _PAGES:
            blueprint.add_url_rule(
                f"/{name}", f"show_{name}", lambda name=name: self.show_page(name)
            )
        for old, new in _OLD.items():
            blueprint.add_url_rule(old, f"old_{old[1:]}", lambda new=new: self._moved(new))

    def show_asset(self, edition: str, name: str) -> Response:
        """Send a script or a style; its address changes with it."""
        response = send_from_directory(self.shell.static_folder, name, max_age=_YEAR_S)
        if edition != "0":
            response.cache_control.immutable = True
        return response

    def choose_language(self) -> Response:
        """Remember the language of a visitor, and go back."""
        response = self.shell.see(local_path(request.args.get("next", "/")))
        language = request.args.get("lang", "")
        if language in LANGUAGES:
            response.set_cookie(
                LANGUAGE_COOKIE,
                language,
                max_age=_YEAR_S,
                samesite="Lax",
                secure=self.shell.site.base_url.startswith("https:"),
                path=self.shell.site.path or "/",
            )
        return response

    def show_page(self, name: str) -> Response:
        """Show a page of the operator, or ours where there is none."""
        titles = {
            "about": gettext("About"),
            "contact": gettext("Contact"),
            "help": gettext("Help"),
            "acknowledgement": gettext("How to acknowledge"),
        }
        return self.shell.render("page.html", title=titles[name], text=self._text(name))

    def _text(self, name: str) -> str:
        folder = self.shell.site.folder
        language = str(get_locale() or "en")
        for file in (
            () if folder is None else (folder / f"{name}.{language}.md", folder / f"{name}.md")
        ):
            if file.is_file():
                return file.read_text(encoding="utf-8")
        return self.shell.own_text(name)

    def _moved(self, new: str) -> Response:
        return self.shell.see(new, 308)
