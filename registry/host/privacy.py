"""Files that only the service's own account may read, whatever umask it was started with."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["close_folder", "keep_private"]

_PRIVATE = 0o077


def keep_private() -> None:
    """Let all files that this process and its children make be 0600, and folders 0700."""
    os.umask(_PRIVATE)


def close_folder(folder: Path, *, inside: bool = False) -> None:
    """Take the rights of others from a folder of ours.

    Parameters
    ----------
    folder
        The folder; one of another account stays as it is.
    inside
        Whether everything in it is closed too.
    """
    places = [folder, *(folder.rglob("*") if inside else ())]
    for place in places:
        with suppress(OSError):
            state = place.lstat()
            ours = state.st_uid == os.geteuid() and not place.is_symlink()
            if ours and state.st_mode & _PRIVATE:
                place.chmod(state.st_mode & 0o7700)
