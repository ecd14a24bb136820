"""Folders for the temporary files of one process: gone with it, also when it was killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import weakref
from pathlib import Path

__all__ = ["ScratchFolder"]

_PREFIX = "process-"

_LOCK = "lock"


class ScratchFolder:
    """A folder of this process under one that all processes share.

    Parameters
    ----------
    shared
        Made when it is first needed; folders in it whose processes are gone are removed.

    Notes
    -----
    A process holds a lock on a file in its folder as long as it lives, however it ends.
    """

    def __init__(self, shared: Path) -> None:
        shared.mkdir(parents=True, exist_ok=True)
        _sweep(shared)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=shared))
        self._lock = _locked(self.path / _LOCK, create=True)
        self._end = weakref.finalize(self, _remove, self.path, self._lock)

    def folder(self) -> Path:
        """Make an empty folder."""
        return Path(tempfile.mkdtemp(dir=self.path))

    def file(self) -> Path:
        """Make an empty file."""
        descriptor, name = tempfile.mkstemp(dir=self.path)
        os.close(descriptor)
        return Path(name)

    def close(self) -> None:
        """Remove everything; may be called twice."""
        self._end()


def _sweep(shared: Path) -> None:
    for folder in shared.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            lock = _locked(folder / _LOCK, create=False)
            if lock is not None:
                _remove(folder, lock)


def _locked(path: Path, *, create: bool) -> int | None:
    """Take the lock; give its descriptor, or nothing if a living process has it."""
    descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0) | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _remove(folder: Path, lock: int | None) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if lock is not None:
        os.close(lock)
