"""Text inside XML and HTML: escaping, and what XML 1.0 cannot hold."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["attribute", "bytes_present", "escaped", "escaped_column"]

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_ILLEGAL_RE2 = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x{FFFE}\x{FFFF}]"
"""The same set for Arrow's regular expressions, whose input holds no surrogates."""

_ILLEGAL_BYTES = [b for b in range(0x20) if b not in b"\t\n\r"]

_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;"))
"""In the order of replacement; a bare carriage return would be read as a line feed."""


def escaped(text: str) -> str:
    """Escape text for the content of an element; characters illegal in XML 1.0 are dropped."""
    text = _ILLEGAL.sub("", text)
    for character, entity in _ESCAPES:
        text = text.replace(character, entity)
    return text


def attribute(name: str, value: str | None) -> str:
    """Format an attribute with a leading blank; nothing if there is no value."""
    if value is None:
        return ""
    quoted = escaped(value).replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")
    return f' {name}="{quoted}"'


def escaped_column(column: pa.Array) -> pa.Array:
    """Escape a string column for the content of elements, touching it only where needed."""
    present = bytes_present(column)
    if present[_ILLEGAL_BYTES].any() or (present[0xEF] and present[0xBF]):
        column = pc.replace_substring_regex(column, _ILLEGAL_RE2, "")
    for character, entity in _ESCAPES:
        if present[ord(character)]:
            column = pc.replace_substring(column, character, entity)
    return column


def bytes_present(column: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell for each of the 256 bytes whether the column's UTF-8 text may hold it."""
    _, offsets, data = column.buffers()
    if data is None or len(column) == 0:
        return np.zeros(256, bool)
    bounds = np.frombuffer(offsets, np.int32)[[column.offset, column.offset + len(column)]]
    text = np.frombuffer(data, np.uint8)[bounds[0] : bounds[1]]
    present: np.ndarray[tuple[int], np.dtype[np.bool_]] = np.bincount(text, minlength=256) > 0
    return present
