"""The archive folder: users' files as they came, and the staging area beside them.

Under the home folder::

    staging/<token>/                        what is being made; its maker holds <token>.lock
    archive/products/<internal name>/v<N>-<random>/
                                            files published from this host, under their own names
    archive/products/<internal name>/files/ uploaded files, under generated names
    archive/products/<internal name>/manifest.json
                                            what is known of the product (see `Manifests`)
    archive/user_tables/                    what is known of users' tables (`UserTableManifests`)
    tables/                                 table files (see `TableStore`)
    quarantine/                             files that no record names (see `Quarantine`)

Staging and archive are on one file system, so that a rename publishes. No name is given twice,
whatever the metadata database says: names have a random part, and nothing is ever overwritten.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from registry.durability import disk_errors, rename_anew, sync_folder
from registry.stores.identity import check_mounted
from registry.stores.quarantine import Quarantine
from registry.stores.staging import LOCK_SUFFIX, ArchivedFile, StagingFolder, is_locked, lock_file

__all__ = ["MANIFEST", "ArchivedFile", "FileStore", "StagingFolder"]

MANIFEST = "manifest"
"""How the names of the files begin that say what a product is."""

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

    Attributes
    ----------
    home
        The folder.
    quarantine
        Takes what no record names.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._staging = home / "staging"
        self._products = home / "archive" / "products"
        self.quarantine = Quarantine(home)

    def staging(self) -> StagingFolder:
        """Give a new private staging folder, to be used as a context manager."""
        token = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:12]}"
        return StagingFolder(self._staging / token)

    @contextmanager
    def placing(self, *, alone: bool = False) -> Iterator[bool]:
        """Keep sweeps away from files that get their names before their record is committed.

        Parameters
        ----------
        alone
            For a sweep: wait for nobody, and tell whether nobody else is placing files.

        Raises
        ------
        StorageFull
            If the disk is full.
        """
        with disk_errors():
            self.home.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.home / "placing.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            mode = fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH
            try:
                fcntl.flock(descriptor, mode)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)

    def version_place(self, number: int, name: str) -> str:
        """Make up the path of a version's file below its product's folder; never one twice."""
        return f"v{number}-{secrets.token_hex(6)}/{name}"

    def publish(self, staged: ArchivedFile, product: str, stored: str) -> Path:
        """Move a staged file to its immutable place, durably.

        Parameters
        ----------
        staged
            What `StagingFolder.copy` gave.
        product, stored
            Internal name of the product, and what `version_place` gave.

        Raises
        ------
        StorageFull
            If the disk is full.
        FileExistsError
            If something is there already; it stays as it is.
        HomeMismatch
            If the archive is not mounted.
        """
        target = self.path(product, stored).parent
        check_mounted(self.home)
        with disk_errors():
            target.parent.mkdir(parents=True, exist_ok=True)
        sync_folder(staged.path.parent)
        rename_anew(staged.path.parent, target)
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
        HomeMismatch
            If the archive is not mounted.
        """
        stored = f"{_UPLOADED}/{staged.path.name}"
        target = self.path(product, stored)
        check_mounted(self.home)
        with disk_errors():
            target.parent.mkdir(parents=True, exist_ok=True)
        for folder in {staged.path / Path(member.path).parent for member in staged.members}:
            sync_folder(folder)
        rename_anew(staged.path, target)
        # So that a sweep can tell its age; the time of the upload was its last byte.
        os.utime(target)
        sync_folder(target.parent.parent)
        sync_folder(target.parent.parent.parent)
        return stored

    def path(self, product: str, stored: str) -> Path:
        """Name the place of a product's file."""
        return self._products / product / stored

    def places(self) -> Iterator[tuple[str, str, Path]]:
        """List what products have on disk: internal name, place below its folder, path."""
        for folder in sorted(self._products.glob("*/*")):
            if folder.name == _UPLOADED:
                for path in sorted(folder.glob("*")):
                    yield folder.parent.name, f"{_UPLOADED}/{path.name}", path
            elif not folder.name.startswith(MANIFEST):
                yield folder.parent.name, folder.name, folder

    def place_of(self, stored: str) -> str:
        """Give the place that holds a stored path: what is kept or removed as one."""
        parts = PurePosixPath(stored).parts
        return "/".join(parts[:2]) if parts[0] == _UPLOADED else parts[0]

    def remove_place(self, product: str, place: str) -> None:
        """Remove what `places` lists, and the folders that it leaves empty."""
        path = self.path(product, place)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        for folder in (path.parent, path.parent.parent):
            if folder != self._products:
                with suppress(OSError):
                    folder.rmdir()

    def remove_abandoned(self) -> list[str]:
        """Remove the staging folders whose makers are gone, and give their names.

        A maker leaves its lock behind when it dies: a folder without one was made by nobody that
        is known, and stays for the operator.
        """
        removed = []
        for folder in sorted(self._staging.glob("*")):
            if folder.is_dir() and lock_file(folder).exists() and not is_locked(folder):
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
