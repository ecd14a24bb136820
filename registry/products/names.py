"""Names that people give to files and products: what is kept of them, and what is refused."""

from __future__ import annotations

import re
import unicodedata

from registry.errors import ProductRefused

__all__ = ["check_text", "clean_file_name"]

_NAME_MAX_BYTES = 200
"""Longest file name: file systems hold 255 bytes, and clients put endings behind it."""

_FORBIDDEN = re.compile(
    r'[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff<>:"|?*\\/]'
)
"""Characters of control and direction, and those that some file systems do not hold."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")


def clean_file_name(name: str) -> str:
    """Give the name of an uploaded file without a path and without characters that do harm.

    Parameters
    ----------
    name
        As the client sent it.

    Raises
    ------
    ProductRefused
        If nothing is left of it.
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    text = unicodedata.normalize("NFC", last.encode("utf-8", "replace").decode())
    cleaned = _FORBIDDEN.sub("_", text).strip().strip(".").strip() if text.strip(". ") else ""
    if not cleaned.strip("_"):
        raise ProductRefused("file", f"the file name {name[:100]!r} is no name; give another one")
    return _shortened(cleaned)


def check_text(field: str, text: str, most: int, *, lines: bool = False) -> str:
    """Check a text that people read.

    Parameters
    ----------
    field
        Its name in the API.
    text
        The text.
    most
        Characters at most.
    lines
        Whether it may have several lines.

    Raises
    ------
    ProductRefused
        If it is too long, or has characters of control.
    """
    if len(text) > most:
        raise ProductRefused(field, f"Ensure this field has no more than {most} characters.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ProductRefused(field, "The text is no valid Unicode; write it again.") from None
    if _CONTROL.search(text) or (not lines and re.search(r"[\t\r\n]", text)):
        raise ProductRefused(field, "The text has control characters; leave them out.")
    return text


def _shortened(name: str) -> str:
    if len(name.encode()) <= _NAME_MAX_BYTES:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending.encode()) > 20:
        stem, dot, ending = name, "", ""
    room = _NAME_MAX_BYTES - len(ending.encode()) - len(dot)
    return stem.encode()[:room].decode("utf-8", "ignore") + dot + ending
