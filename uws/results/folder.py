"""Results in a local folder, or on a file system that several hosts share."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from uws.errors import ResultNotFound, StorageFull
from uws.results.base import StoredResult

__all__ = ["FolderResultStore"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_PART = ".part"
"""Ending of files that are being written; no result's location leads to one."""

_REMOVE_TRIES = 3

_SHARD = 2
"""Characters of the job's identifier that spread jobs over folders."""


class FolderResultStore:
    """Keeps results as ``<shard>/<job>/<attempt>/<name>``; see `ResultStore`.

    Parameters
    ----------
    folder
        Made when it is first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def stage(self, job_id: str, attempt: int, name: str) -> FolderResultSink:
        """Begin a result; see `ResultStore.stage`."""
        if name.endswith(_PART):
            raise ValueError(f"result name {name!r} must not end with {_PART!r}")
        target = self._attempt_folder(job_id, attempt) / _checked(name)
        return FolderResultSink(target, f"{job_id}/{attempt}/{name}")

    def open(self, location: str) -> StoredResult:
        """Open a result for reading; see `ResultStore.open`."""
        path = self._path(location)
        try:
            content = path.open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise ResultNotFound(f"the result {location!r} is no longer kept") from error
        state = os.fstat(content.fileno())
        return StoredResult(
            content,
            state.st_size,
            datetime.fromtimestamp(state.st_mtime, UTC),
            f"{location.replace('/', '-')}-{state.st_mtime_ns:x}-{state.st_size:x}",
        )

    def discard_attempt(self, job_id: str, attempt: int) -> None:
        """Remove whatever an attempt has written."""
        _remove(self._attempt_folder(job_id, attempt))

    def delete_job(self, job_id: str) -> None:
        """Remove everything of a job."""
        _remove(self._job_folder(job_id))

    def folder(self, job_id: str) -> Path:
        """Name the folder with everything of a job."""
        return self._job_folder(job_id)

    def jobs(self) -> Iterator[tuple[str, datetime]]:
        """Give all jobs that have anything here; see `ResultStore.jobs`."""
        for folder in self._folder.glob("*/*"):
            with suppress(FileNotFoundError):
                newest = max(
                    [folder.stat().st_mtime, *(p.stat().st_mtime for p in folder.iterdir())]
                )
                yield folder.name, datetime.fromtimestamp(newest, UTC)

    def _path(self, location: str) -> Path:
        parts = location.split("/")
        if len(parts) != 3 or not all(_NAME.fullmatch(part) for part in parts):
            raise ResultNotFound(f"there is no result {location!r}")
        if parts[2].endswith(_PART):
            raise ResultNotFound(f"there is no result {location!r}")
        return self._job_folder(parts[0]) / parts[1] / parts[2]

    def _job_folder(self, job_id: str) -> Path:
        return self._folder / _checked(job_id)[:_SHARD] / job_id

    def _attempt_folder(self, job_id: str, attempt: int) -> Path:
        return self._job_folder(job_id) / str(attempt)


class FolderResultSink:
    """A file that gets its name when it is complete and on the disk; see `ResultSink`."""

    def __init__(self, target: Path, location: str) -> None:
        self._target = target
        self._part = target.with_name(target.name + _PART)
        self.location = location
        self.size_bytes = 0
        with _disk_errors():
            target.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._part.open("wb")

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Append bytes; see `ResultSink.write`."""
        with _disk_errors():
            written = self._file.write(data)
        self.size_bytes += written
        return written

    def flush(self) -> None:
        """Do nothing: the exit flushes."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Keep everything, or nothing; see `ResultSink`."""
        try:
            if error is None:
                self._keep()
        finally:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                self._part.unlink(missing_ok=True)

    def _keep(self) -> None:
        with _disk_errors():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._part.replace(self._target)
            # The names of the file, the attempt, the job and the shard may all be new.
            for folder in list(self._target.parents)[:4]:
                _sync_folder(folder)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name[:64]!r} cannot name a result: use letters, digits, '.', '-' and '_', "
            "and begin with a letter or digit"
        )
    return name


def _remove(folder: Path) -> None:
    # A worker that was thought dead may still be making files in it; what is left after the last
    # try is found by the sweep.
    for _ in range(_REMOVE_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise StorageFull(
            "no space left on the disk of the results; nothing was kept: try again later, or ask "
            "for fewer rows"
        ) from error
