"""Writes the manifests: after each change of a record, and after a crash what is due."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from registry.errors import RegistryError
from registry.stores.identity import check_mounted
from registry.stores.manifests import ManifestFolder, one_writer, write_rows
from registry.stores.metadata.changes import RELEASES
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.dump import product_rows, reserve_numbers, shared_rows
from registry.stores.metadata.schema import installation, products
from registry.stores.metadata.user_tables import SqlUserTableStore
from registry.stores.user_table_manifests import UserTableManifests

__all__ = ["RELEASES_FILE", "ManifestKeeper"]

_LOG = logging.getLogger("pzvo.manifests")

RELEASES_FILE = "releases.json"
"""Beside the products: releases, and the groups that they are open to."""

_NUMBER = re.compile(r"(\d+)_")


class ManifestKeeper:
    """Keeps what the archive says of products equal to what the records say.

    Parameters
    ----------
    database
        The records.
    home
        Home folder of the installation.
    """

    def __init__(self, database: MetadataDatabase, home: Path) -> None:
        self._database = database
        self._home = home
        self._archive = home / "archive"
        self._folder = ManifestFolder(home)

    def follow(self) -> None:
        """Write the manifests of what is changed through the database from now on."""
        self._database.on_change = self._changed

    def write(self, changed: Collection[int]) -> None:
        """Write the manifests of products as their records are now.

        Parameters
        ----------
        changed
            Numbers of products, and `RELEASES`.

        Raises
        ------
        StorageFull
            If the disk is full; they stay due.
        HomeMismatch
            If the archive is not mounted.
        """
        check_mounted(self._home)
        with one_writer(self._home):
            for product_id in sorted(changed):
                if product_id == RELEASES:
                    self._write_releases()
                else:
                    self._write_product(product_id)

    def write_due(self) -> int:
        """Write what crashes and full disks kept from being written; give the number.

        The numbers of products in the archive are never given again either, also where the
        database is older than the archive.

        Raises
        ------
        StorageFull, HomeMismatch
            See `write`.
        """
        due = self.due()
        with self._database.reading() as connection:
            newest = connection.execute(select(products.c.id).order_by(products.c.id.desc()))
            known = newest.scalars().first() or 0
        if self._highest() > known:
            with self._database.writing(quiet=True) as connection:
                reserve_numbers(connection, self._highest())
        if due or not (self._archive / RELEASES_FILE).exists():
            self.write([*due, RELEASES])
        UserTableManifests(SqlUserTableStore(self._database), self._home).write_due()
        return len(due)

    def due(self) -> list[int]:
        """List the products whose manifest is older than their record."""
        query = select(products.c.id).where(
            products.c.revision != products.c.manifest_revision, products.c.staging.is_(None)
        )
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def _changed(self, changed: Collection[int]) -> None:
        try:
            self.write(changed)
        except (RegistryError, OSError) as error:
            # The record is what counts; the manifest is due, and the next sweep writes it.
            _LOG.warning("the manifests of products %s are due: %s", sorted(changed), error)

    def _write_product(self, product_id: int) -> None:
        with self._database.reading() as connection:
            rows = product_rows(connection, product_id)
            identity = connection.execute(select(installation.c.identity)).scalar()
        if not rows[products.name]:
            self._remove(product_id)
            return
        row = rows[products.name][0]
        if row["staging"] is not None:
            # Nothing yet: it becomes a product when it is published.
            return
        self._folder.write(row["internal_name"], identity, rows)
        with self._database.writing(quiet=True) as connection:
            connection.execute(
                update(products)
                .where(products.c.id == product_id)
                .values(manifest_revision=row["revision"])
            )

    def _remove(self, product_id: int) -> None:
        for path in self._archive.glob(f"products/{product_id}_*/manifest.json"):
            manifest = self._folder.read(path)
            if manifest is not None and manifest.product["id"] == product_id:
                self._folder.remove(path.parent.name)

    def _write_releases(self) -> None:
        with self._database.reading() as connection:
            said: Mapping[str, Any] = shared_rows(connection)
        write_rows(self._archive / RELEASES_FILE, said)

    def _highest(self) -> int:
        names = (path.name for path in self._archive.glob("products/*"))
        return max((int(m.group(1)) for m in map(_NUMBER.match, names) if m), default=0)
