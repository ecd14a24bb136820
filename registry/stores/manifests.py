"""Manifests: beside the files of each product, everything that the records know of it.

``archive/products/<internal name>/manifest.json`` holds the rows of a product in the tables of
the metadata database, as `registry.stores.metadata.dump` writes them: metadata, versions,
columns, files with their checksums, provenance. It is rewritten after each change. A manifest
that is newer than the record (the database was restored from an older copy) is never overwritten,
and stays as ``manifest-r<revision>.json``.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.durability import disk_errors, rename_durably, sync_folder

__all__ = ["Manifest", "ManifestFolder", "one_writer", "write_rows"]

_NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says of one product.

    Attributes
    ----------
    path
        Where it is.
    identity
        Of the installation that wrote it.
    rows
        By the name of their table.
    """

    path: Path
    identity: str | None
    rows: Mapping[str, list[dict[str, Any]]]

    @property
    def product(self) -> dict[str, Any]:
        """The row of the product itself."""
        return self.rows["products"][0]

    @property
    def revision(self) -> int:
        """How many changes the record had seen."""
        return int(self.product["revision"])

    def named(self) -> Iterator[str]:
        """Give the places, below the home folder, of the files that it names."""
        for row in self.rows.get("product_versions", ()):
            yield f"tables/{row['table_file']}"
        for row in self.rows.get("product_files", ()):
            parts = row["stored"].split("/")
            place = "/".join(parts[:2]) if parts[0] == "files" else parts[0]
            yield f"archive/products/{self.product['internal_name']}/{place}"


class ManifestFolder:
    """The manifests of an archive.

    Parameters
    ----------
    home
        Home folder of the installation.
    """

    def __init__(self, home: Path) -> None:
        self._products = home / "archive" / "products"

    def path(self, product: str) -> Path:
        """Name the manifest of a product."""
        return self._products / product / _NAME

    def read(self, path: Path) -> Manifest | None:
        """Read one; nothing if it is none or damaged."""
        try:
            said = json.loads(path.read_text())
            manifest = Manifest(path, said.get("identity"), said["rows"])
            return manifest if manifest.product["internal_name"] == path.parent.name else None
        except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError):
            return None

    def manifests(self) -> Iterator[Manifest]:
        """Read all of them, those of older copies of the database last."""
        for path in sorted(self._products.glob("*/manifest.json")):
            manifest = self.read(path)
            if manifest is not None:
                yield manifest
        for path in sorted(self._products.glob("*/manifest-r*.json")):
            manifest = self.read(path)
            if manifest is not None:
                yield manifest

    def damaged(self) -> Iterator[Path]:
        """List the manifests that cannot be read."""
        for path in sorted(self._products.glob("*/manifest*.json")):
            if self.read(path) is None:
                yield path

    def named(self) -> set[str]:
        """Give the places of all files that any manifest names."""
        return {place for manifest in self.manifests() for place in manifest.named()}

    def write(self, product: str, identity: str | None, rows: Mapping[str, Any]) -> None:
        """Set the manifest of a product, durably; one that is newer is kept beside it.

        Raises
        ------
        StorageFull
            If the disk is full; the old one stays.
        """
        path = self.path(product)
        revision = int(rows["products"][0]["revision"])
        write_rows(path, rows, identity, before=lambda: self._keep_newer(path, revision))
        sync_folder(path.parent.parent)

    def remove(self, product: str) -> None:
        """Remove the manifest of a product that came to nothing, with its empty folder."""
        path = self.path(product)
        path.unlink(missing_ok=True)
        try:
            path.parent.rmdir()
        except OSError:
            # Not there, or not empty.
            return

    def _keep_newer(self, path: Path, revision: int) -> None:
        old = self.read(path)
        if old is not None and old.revision > revision:
            rename_durably(path, path.with_name(f"manifest-r{old.revision}.json"))
        elif old is None and path.exists():
            rename_durably(path, path.with_name(f"manifest-damaged-{uuid.uuid4().hex[:8]}.json"))


def write_rows(
    path: Path,
    rows: Mapping[str, Any],
    identity: str | None = None,
    *,
    before: Callable[[], None] | None = None,
) -> None:
    """Write rows of the metadata database to a file, which is there as a whole or not at all.

    Parameters
    ----------
    path
        Its place; folders are made.
    rows
        By the name of their table.
    identity
        Of the installation.
    before
        Called when the new contents are safe and the old ones are still there.

    Raises
    ------
    StorageFull
        If the disk is full; the old file stays.
    """
    part = path.with_name(f"{path.stem}.{uuid.uuid4().hex[:8]}.part")
    with disk_errors():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("w") as file:
                json.dump({"format": 1, "identity": identity, "rows": rows}, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            if before is not None:
                before()
            rename_durably(part, path)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def one_writer(home: Path) -> Iterator[None]:
    """Let one process write manifests at a time: what is read last is what is written last.

    Raises
    ------
    StorageFull
        If the disk is full.
    """
    with disk_errors():
        home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(home / "manifests.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
