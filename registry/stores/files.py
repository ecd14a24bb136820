"""The archive folder: users' files as they came, and the staging area beside them.

Under the home folder::

    staging/<token>/                        what is being made; its maker holds <token>.lock
    archive/products/<internal name>/v<N>/  users' files, byte by byte, under their own names
    tables/                                 table files (see `TableStore`)

Staging and archive are on one file system, so that a rename publishes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from registry.durability import disk_errors, rename_durably, sync_file, sync_folder
from registry.errors import UnreadableFile

__all__ = ["ArchivedFile", "FileStore", "StagingFolder"]

_LOCK_SUFFIX = ".lock"

_STRAY_LOCK_AGE_S = 3600
"""Age beyond which a lock without a folder was left by a process that died in between."""

_CHUNK_BYTES = 4 * 1024 * 1024
"""Bytes per read of the copy: large enough that the checksum is what takes the time."""


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """A user's file, staged or archived.

    Attributes
    ----------
    path
        Where it is.
    name
        Name that the user gave it.
    size_bytes, sha256
        Of its contents.
    """

    path: Path
    name: str
    size_bytes: int
    sha256: str


class StagingFolder:
    """A private folder for one publication, removed at its end whatever happens.

    Parameters
    ----------
    path
        The folder; made on entry.

    Notes
    -----
    The maker holds a lock on a file beside the folder, taken before the folder is made. The
    kernel drops the lock when the process dies, however it dies, and so a sweep can tell what
    was left behind.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = _lock_file(path)
        self._descriptor: int | None = None

    def __enter__(self) -> StagingFolder:
        with disk_errors():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._lock, os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            self.path.mkdir()
        return self

    def __exit__(self, *_exception: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.unlink(missing_ok=True)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def name(self) -> str:
        """Name of the folder inside the staging area."""
        return self.path.name

    def copy(self, source: Path, progress: Callable[[float], None] | None = None) -> ArchivedFile:
        """Take a copy of a user's file or folder, with its checksum, flushed to disk.

        Parameters
        ----------
        source
            The user's file, or the folder of a HATS catalogue; it is only read.
        progress
            Told the fraction that is done, from 0 to 1.

        Raises
        ------
        UnreadableFile
            If a folder has a link inside, which may lead anywhere.
        StorageFull
            If the disk is full.
        OSError
            If the source cannot be read.

        Notes
        -----
        The checksum of a folder is that of the lines "checksum, two blanks, path" of its files in
        the order of their paths, as ``sha256sum`` prints them.
        """
        folder = self.path / "file"
        with disk_errors():
            folder.mkdir()
        target = folder / source.absolute().name
        members = _members(source) if source.is_dir() else [(source, Path())]
        copying = _Copying(sum(path.stat().st_size for path, _ in members), progress)
        sums = [(copying.copy(path, target / inner), inner) for path, inner in members]
        digest = sums[0][0]
        if source.is_dir():
            listing = "".join(f"{checksum}  {inner.as_posix()}\n" for checksum, inner in sums)
            digest = hashlib.sha256(listing.encode()).hexdigest()
        return ArchivedFile(target, target.name, copying.done, digest)


class _Copying:
    """Copies files and knows how much is done.

    Parameters
    ----------
    total
        Bytes of all files.
    progress
        Told the fraction.
    """

    def __init__(self, total: int, progress: Callable[[float], None] | None) -> None:
        self._total = max(1, total)
        self._progress = progress
        self.done = 0

    def copy(self, source: Path, target: Path) -> str:
        """Copy one file, flush it, and give its checksum."""
        digest = hashlib.sha256()
        with source.open("rb") as reader, disk_errors():
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as writer:
                while chunk := reader.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    writer.write(chunk)
                    self.done += len(chunk)
                    if self._progress is not None:
                        self._progress(min(1.0, self.done / self._total))
        sync_file(target)
        return digest.hexdigest()


def _members(folder: Path) -> list[tuple[Path, Path]]:
    members = []
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise UnreadableFile(
                f"{folder.name!r} has a link or a device inside, {str(inner)!r}; publish a folder "
                "of plain files"
            )
        if path.is_file():
            members.append((path, inner))
    if not members:
        raise UnreadableFile(f"{folder.name!r} is an empty folder; give the path of a table file")
    return members


class FileStore:
    """Folders of an installation.

    Parameters
    ----------
    home
        Home folder of the installation.
    """

    def __init__(self, home: Path) -> None:
        self._staging = home / "staging"
        self._products = home / "archive" / "products"

    def staging(self) -> StagingFolder:
        """Give a new private staging folder, to be used as a context manager."""
        token = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:12]}"
        return StagingFolder(self._staging / token)

    def publish(self, staged: ArchivedFile, product: str, number: int) -> Path:
        """Move a staged file to its immutable place, durably.

        Parameters
        ----------
        staged
            What `StagingFolder.copy` gave.
        product, number
            Internal name of the product and number of the version.

        Raises
        ------
        StorageFull
            If the disk is full.
        """
        target = self.folder(product, number)
        with disk_errors():
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                # An orphan of a publication that died between its files and its commit.
                shutil.rmtree(target)
        sync_folder(staged.path.parent)
        rename_durably(staged.path.parent, target)
        sync_folder(target.parent.parent)
        return target / staged.name

    def folder(self, product: str, number: int) -> Path:
        """Name the folder of one version of a product."""
        return self._products / product / f"v{number}"

    def remove_version(self, product: str, number: int) -> None:
        """Remove the files of one version, and the product's folder when it is the last."""
        folder = self.folder(product, number)
        shutil.rmtree(folder, ignore_errors=True)
        if folder.parent.is_dir() and not any(folder.parent.iterdir()):
            folder.parent.rmdir()

    def remove_abandoned(self) -> list[str]:
        """Remove the staging folders whose makers are gone, and give their names."""
        removed = []
        for folder in sorted(self._staging.glob("*")):
            if folder.is_dir() and not _is_locked(folder):
                shutil.rmtree(folder, ignore_errors=True)
                _lock_file(folder).unlink(missing_ok=True)
                removed.append(folder.name)
        self._remove_stray_locks()
        return removed

    def _remove_stray_locks(self) -> None:
        # A young one may belong to a maker between its lock and its folder.
        now = datetime.now(UTC).timestamp()
        for lock in self._staging.glob(f"*{_LOCK_SUFFIX}"):
            folder = lock.with_name(lock.name.removesuffix(_LOCK_SUFFIX))
            with suppress(FileNotFoundError):
                old = now - lock.stat().st_mtime > _STRAY_LOCK_AGE_S
                if old and not folder.exists() and not _is_locked(folder):
                    lock.unlink()

    def is_staging(self, name: str) -> bool:
        """Tell whether somebody is at work in a staging folder."""
        folder = self._staging / name
        return folder.is_dir() and _is_locked(folder)

    def archived(self) -> Iterator[tuple[str, int, Path]]:
        """List the archived versions: internal name, number, folder."""
        for folder in sorted(self._products.glob("*/v*")):
            if folder.name[1:].isdigit():
                yield folder.parent.name, int(folder.name[1:]), folder


def _lock_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}{_LOCK_SUFFIX}")


def _is_locked(folder: Path) -> bool:
    try:
        descriptor = os.open(_lock_file(folder), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
