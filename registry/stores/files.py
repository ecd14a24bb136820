"""The archive folder: users' files as they came, and the staging area beside them.

Under the home folder::

    staging/<token>/                        what is being made; its maker holds <token>.lock
    archive/products/<internal name>/v<N>/  files published from this host, under their own names
    archive/products/<internal name>/files/ uploaded files, under generated names
    tables/                                 table files (see `TableStore`)

Staging and archive are on one file system, so that a rename publishes.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from registry.durability import disk_errors, rename_durably, sync_folder
from registry.stores.staging import LOCK_SUFFIX, ArchivedFile, StagingFolder, is_locked, lock_file

__all__ = ["ArchivedFile", "FileStore", "StagingFolder"]

_STRAY_LOCK_AGE_S = 3600
"""Age beyond which a lock without a folder was left by a process that died in between."""

_UPLOADED = "files"
"""Folder of a product's uploaded files."""


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

    def keep(self, staged: ArchivedFile, product: str) -> str:
        """Move a received or adopted file to its place among a product's files, durably.

        Parameters
        ----------
        staged
            What `StagingFolder.receive` or `StagingFolder.adopt` gave.
        product
            Internal name of the product.

        Returns
        -------
        str
            Path below the product's folder, by which `path` finds it.

        Raises
        ------
        StorageFull
            If the disk is full.
        """
        stored = f"{_UPLOADED}/{staged.path.name}"
        target = self.path(product, stored)
        with disk_errors():
            target.parent.mkdir(parents=True, exist_ok=True)
        for folder in {staged.path / Path(member.path).parent for member in staged.members}:
            sync_folder(folder)
        rename_durably(staged.path, target)
        # So that a sweep can tell its age; the time of the upload was its last byte.
        os.utime(target)
        sync_folder(target.parent.parent)
        sync_folder(target.parent.parent.parent)
        return stored

    def path(self, product: str, stored: str) -> Path:
        """Name the place of a product's file."""
        return self._products / product / stored

    def discard(self, product: str, stored: str) -> None:
        """Start the time after which a sweep removes a file that no record names any more."""
        with suppress(FileNotFoundError):
            os.utime(self.path(product, stored))

    def uploaded(self) -> Iterator[tuple[str, str, Path]]:
        """List the uploaded files of all products: internal name, stored path, place."""
        for path in sorted(self._products.glob(f"*/{_UPLOADED}/*")):
            yield path.parent.parent.name, f"{_UPLOADED}/{path.name}", path

    def remove_uploaded(self, product: str, stored: str) -> None:
        """Remove an uploaded file or folder, and the folders that it leaves empty."""
        path = self.path(product, stored)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        for folder in (path.parent, path.parent.parent):
            with suppress(OSError):
                folder.rmdir()

    def folder(self, product: str, number: int) -> Path:
        """Name the folder of one version of a product."""
        return self._products / product / f"v{number}"

    def remove_version(self, product: str, number: int) -> None:
        """Remove the files of one version, and the product's folder when it is the last."""
        folder = self.folder(product, number)
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            folder.parent.rmdir()

    def remove_abandoned(self) -> list[str]:
        """Remove the staging folders whose makers are gone, and give their names."""
        removed = []
        for folder in sorted(self._staging.glob("*")):
            if folder.is_dir() and not is_locked(folder):
                shutil.rmtree(folder, ignore_errors=True)
                lock_file(folder).unlink(missing_ok=True)
                removed.append(folder.name)
        self._remove_stray_locks()
        return removed

    def _remove_stray_locks(self) -> None:
        # A young one may belong to a maker between its lock and its folder.
        now = datetime.now(UTC).timestamp()
        for lock in self._staging.glob(f"*{LOCK_SUFFIX}"):
            folder = lock.with_name(lock.name.removesuffix(LOCK_SUFFIX))
            with suppress(FileNotFoundError):
                old = now - lock.stat().st_mtime > _STRAY_LOCK_AGE_S
                if old and not folder.exists() and not is_locked(folder):
                    lock.unlink()

    def is_staging(self, name: str) -> bool:
        """Tell whether somebody is at work in a staging folder."""
        folder = self._staging / name
        return folder.is_dir() and is_locked(folder)

    def archived(self) -> Iterator[tuple[str, int, Path]]:
        """List the archived versions: internal name, number, folder."""
        for folder in sorted(self._products.glob("*/v*")):
            if folder.name[1:].isdigit():
                yield folder.parent.name, int(folder.name[1:]), folder
