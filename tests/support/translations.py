"""Texts of the website, as they are marked for translation in its templates and modules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_from_dir

WEB = Path(__file__).resolve().parents[2] / "vo_service" / "web"

_METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
_KEYWORDS = {
    "_": None, "gettext": None, "lazy_gettext": None,
    "ngettext": (1, 2), "lazy_ngettext": (1, 2),
}  # fmt: skip


def marked_texts() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """Give each text, singular and plural where it counts, with the file that it is in."""
    options = {"templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true"}}
    for found in extract_from_dir(WEB, _METHODS, options, keywords=_KEYWORDS):
        yield found[0], found[2]
