"""The staging area: what is being made, copied or received, until it is published."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import uuid
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from registry.durability import disk_errors
from registry.errors import UnreadableFile, UploadTooLarge
from registry.model.product_file import FileMember

__all__ = ["LOCK_SUFFIX", "ArchivedFile", "StagingFolder", "is_locked", "lock_file"]

LOCK_SUFFIX = ".lock"
"""Ending of the lock of a staging folder."""

_CHUNK_BYTES = 4 * 1024 * 1024
"""Bytes per read of the copy: large enough that the checksum is what takes the time."""

_RECEIVED_BYTES = 1024 * 1024
"""Bytes per read of an upload: many arrive at once, and the network is what takes the time."""

_KEPT_EXTENSION = re.compile(r"(\.[a-z0-9]{1,9})?\.(gz|bz2|xz|zst)$|\.[a-z0-9]{1,9}$")
"""Endings that are kept on stored files, as a hint for readers."""


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
        Of its contents; of a folder the sum, and the checksum of the list of checksums.
    crc32
        Of its contents; absent for a folder.
    members
        The files of a folder; empty for a plain file.
    """

    path: Path
    name: str
    size_bytes: int
    sha256: str
    crc32: int | None = None
    members: tuple[FileMember, ...] = ()

    @property
    def is_directory(self) -> bool:
        """Whether it is a folder."""
        return bool(self.members)


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
        self._lock = lock_file(path)
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
        return self._copied(source, folder / source.absolute().name, progress)

    def adopt(self, source: Path, name: str) -> ArchivedFile:
        """Take a copy under a generated name, to be kept with `FileStore.keep`.

        Parameters
        ----------
        source
            A file or folder that something else made; it is only read.
        name
            What users shall call it.

        Raises
        ------
        UnreadableFile
            If a folder has a link inside, which may lead anywhere.
        StorageFull
            If the disk is full.
        OSError
            If the source cannot be read.
        """
        taken = self._copied(source, self._generated(name, source.is_dir()), None)
        return replace(taken, name=name)

    def receive(self, stream: BinaryIO, name: str, limit_bytes: int) -> ArchivedFile:
        """Write what arrives to disk, with its checksums, flushed.

        Parameters
        ----------
        stream
            The bytes; read once, in pieces.
        name
            What users call it.
        limit_bytes
            Size beyond which it is refused, as soon as it is passed.

        Raises
        ------
        UploadTooLarge
            If more bytes come than are allowed.
        StorageFull
            If the disk is full.
        """
        target = self._generated(name, folder=False)
        copying = _Copying(1, None, limit_bytes)
        member = copying.write(stream, target, name)
        return ArchivedFile(target, name, member.size_bytes, member.sha256, member.crc32)

    def _generated(self, name: str, folder: bool) -> Path:
        found = None if folder else _KEPT_EXTENSION.search(name.lower())
        extension = "" if found is None else found.group()
        return self.path / f"{uuid.uuid4().hex}{extension}"

    def _copied(
        self, source: Path, target: Path, progress: Callable[[float], None] | None
    ) -> ArchivedFile:
        if not source.is_dir():
            copying = _Copying(source.stat().st_size, progress)
            only = copying.copy(source, target, "")
            return ArchivedFile(target, target.name, copying.done, only.sha256, only.crc32)
        paths = _members(source)
        copying = _Copying(sum(path.stat().st_size for path, _ in paths), progress)
        members = tuple(
            copying.copy(path, target / inner, inner.as_posix()) for path, inner in paths
        )
        return ArchivedFile(
            target, target.name, copying.done, _list_checksum(members), None, members
        )


def _list_checksum(members: Iterable[FileMember]) -> str:
    listing = "".join(f"{member.sha256}  {member.path}\n" for member in members)
    return hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()


class _Copying:
    """Copies files and knows how much is done.

    Parameters
    ----------
    total
        Bytes of all files.
    progress
        Told the fraction.
    limit_bytes
        Bytes of all files at most.
    """

    def __init__(
        self,
        total: int,
        progress: Callable[[float], None] | None,
        limit_bytes: int | None = None,
    ) -> None:
        self._total = max(1, total)
        self._progress = progress
        self._limit_bytes = limit_bytes
        self._chunk_bytes = _CHUNK_BYTES if limit_bytes is None else _RECEIVED_BYTES
        self.done = 0

    def copy(self, source: Path, target: Path, name: str) -> FileMember:
        """Copy one file, flush it, and describe it."""
        # A link put there meanwhile is not followed.
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW if name else os.O_RDONLY)
        with os.fdopen(descriptor, "rb") as reader:
            return self.write(reader, target, name)

    def write(self, reader: BinaryIO, target: Path, name: str) -> FileMember:
        """Write one file, flush it, and describe it."""
        digest, crc, size = hashlib.sha256(), 0, 0
        with disk_errors(), _made(target).open("wb") as writer:
            while chunk := reader.read(self._chunk_bytes):
                size += len(chunk)
                self.done += len(chunk)
                if self._limit_bytes is not None and self.done > self._limit_bytes:
                    raise UploadTooLarge(
                        f"{name!r} has more than the {self._limit_bytes} bytes that are allowed; "
                        "publish a smaller file, or give the address of the data instead"
                    )
                digest.update(chunk)
                crc = zlib.crc32(chunk, crc)
                writer.write(chunk)
                if self._progress is not None:
                    self._progress(min(1.0, self.done / self._total))
            writer.flush()
            os.fsync(writer.fileno())
        return FileMember(name, size, digest.hexdigest(), crc)


def _made(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


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


def lock_file(folder: Path) -> Path:
    """Name the lock of a staging folder."""
    return folder.with_name(f"{folder.name}{LOCK_SUFFIX}")


def is_locked(folder: Path) -> bool:
    """Tell whether the maker of a staging folder lives."""
    try:
        descriptor = os.open(lock_file(folder), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
