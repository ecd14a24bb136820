"""Parts of a file: the header Range against the size of what is there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vo_service.api.errors import RangeNotSatisfiable

__all__ = ["ByteRange", "parse_range"]

_SINGLE = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A part of a file.

    Attributes
    ----------
    start, stop
        First byte, and the one behind the last.
    """

    start: int
    stop: int

    def content_range(self, size_bytes: int) -> str:
        """Give the value of Content-Range for a file of this size."""
        return f"bytes {self.start}-{self.stop - 1}/{size_bytes}"


def parse_range(header: str | None, size_bytes: int) -> ByteRange | None:
    """Read the header Range; gives nothing where the whole file is to be sent.

    Parameters
    ----------
    header
        As it was sent.
    size_bytes
        Of the whole file.

    Raises
    ------
    RangeNotSatisfiable
        If the range begins behind the end of the file.

    Notes
    -----
    RFC 9110, section 14.2: a server may ignore Range. Several ranges in one request, other
    units, and what cannot be read are ignored.
    """
    found = _SINGLE.fullmatch(header.strip()) if header else None
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        wanted = min(int(last), size_bytes)
        start, stop = size_bytes - wanted, size_bytes
    else:
        start, stop = int(first), int(last) + 1 if last else size_bytes
        if last and int(last) < start:
            return None
    if start >= size_bytes:
        raise RangeNotSatisfiable(size_bytes)
    return ByteRange(start, min(stop, size_bytes))
