"""What the pages of one installation have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["LANGUAGES", "Site"]

LANGUAGES = {"en": "English", "pt": "Português", "es": "Español"}
"""Languages of the pages, each by its own name; the first one is the language of the texts."""


@dataclass(frozen=True, slots=True)
class Site:
    """An installation, as its pages name it.

    Attributes
    ----------
    title, publisher
        Of the service.
    base_url
        Public base of all addresses, without trailing slash.
    version
        Of the software.
    contact
        Address to write to for help; none is shown without one.
    notice
        A sentence above every page, such as that this is a test; none by default.
    folder
        Where the operator keeps pages of the site in Markdown (``about.md``, ``about.pt.md`` ...).
    anonymous_read
        Whether visitors without an account may read products.
    """

    title: str
    publisher: str
    base_url: str
    version: str
    contact: str | None = None
    notice: str | None = None
    folder: Path | None = None
    anonymous_read: bool = True

    @property
    def tap_url(self) -> str:
        """Address for VO clients."""
        return f"{self.base_url}/tap"

    @property
    def path(self) -> str:
        """Path below which the whole service is; empty at the root of a host."""
        return "/" + self.base_url.split("/", 3)[3] if self.base_url.count("/") > 2 else ""
