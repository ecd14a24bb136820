"""Writing files so that a crash leaves either all of them or none."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.errors import StorageFull

__all__ = [
    "NO_SPACE",
    "disk_errors",
    "rename_anew",
    "rename_durably",
    "sync_file",
    "sync_folder",
]

_NOREPLACE = 1
"""``RENAME_NOREPLACE`` of Linux (renameat2, ``linux/fs.h``)."""

_HERE = -100
"""``AT_FDCWD`` of Linux: paths count from the working folder."""

_UNKNOWN = (errno.ENOSYS, errno.EINVAL)
"""What file systems say that cannot refuse to overwrite."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


NO_SPACE = (
    "no space left on the disk of the archive; nothing was kept: free some space, or set another "
    "home, and publish again"
)
"""What the user reads; the path of the archive is the operator's business."""


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn the errors of a full disk into `StorageFull`.

    Raises
    ------
    StorageFull
        If the disk, or the quota on it, is used up.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise StorageFull(NO_SPACE) from error


def sync_file(path: Path) -> None:
    """Flush a file's contents to the disk.

    Raises
    ------
    StorageFull
        If the disk is full.
    """
    with disk_errors(), path.open("rb") as handle:
        os.fsync(handle.fileno())


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename_durably(source: Path, target: Path) -> None:
    """Move a file or folder within one file system and flush both names.

    Raises
    ------
    StorageFull
        If the disk is full.
    """
    with disk_errors():
        source.replace(target)
        sync_folder(target.parent)
        sync_folder(source.parent)


def rename_anew(source: Path, target: Path) -> None:
    """Move a file or folder to a name that nothing has, and flush both names.

    Raises
    ------
    FileExistsError
        If something has the name; it stays as it is.
    StorageFull
        If the disk is full.
    """
    with disk_errors():
        _rename_exclusively(source, target)
        sync_folder(target.parent)
        sync_folder(source.parent)


def _rename_exclusively(source: Path, target: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_HERE, os.fsencode(source), _HERE, os.fsencode(target), _NOREPLACE) == 0:
        return
    code = ctypes.get_errno()
    if code not in _UNKNOWN:
        raise OSError(code, os.strerror(code), str(target))
    # Names have a random part: between the look and the move nobody takes this one.
    if target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    source.replace(target)
