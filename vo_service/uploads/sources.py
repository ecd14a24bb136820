"""Where the rows of an upload come from: a part of the request, or an address."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from vo_service.uploads.errors import UploadExceeded

__all__ = ["FULL_DISK", "InlineFile", "InlineFiles", "copy_limited", "file_name", "limit_words"]

FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of writing that mean that there is no room."""

_PIECE_BYTES = 1 << 20

_SUFFIX = re.compile(r"(\.[A-Za-z0-9]{1,8}){1,2}$")


@dataclass(frozen=True, slots=True)
class InlineFile:
    """A file that came with a request.

    Attributes
    ----------
    content
        At its beginning.
    file_name
        As the client calls it; its ending is a hint for formats without a signature.
    """

    content: IO[bytes]
    file_name: str | None = None


InlineFiles = Callable[[str], AbstractContextManager[InlineFile | None]]
"""Opens the part of the request with a name; gives nothing where there is none."""


def file_name(name: str, hint: str | None) -> str:
    """Name the file of an upload: as the table, with the ending of its source."""
    last = PurePosixPath(hint or "").name
    found = _SUFFIX.search(last)
    return name + (found[0] if found else "")


def copy_limited(name: str, content: IO[bytes], target: Path, limit_bytes: int) -> None:
    """Write a file that came with a request to the disk.

    Raises
    ------
    UploadExceeded
        If it is too large; nothing more of it is read.
    OSError
        If it cannot be written.
    """
    size = 0
    with target.open("wb") as file:
        while piece := content.read(_PIECE_BYTES):
            size += len(piece)
            if size > limit_bytes:
                raise UploadExceeded(name, limit_words(limit_bytes))
            file.write(piece)


def limit_words(limit_bytes: int) -> str:
    """Say how large an upload may be."""
    return f"it is larger than {limit_bytes} bytes; send fewer rows or columns"
