"""Manifests of users' own tables: what the records know of each, beside the archive of products.

``archive/user_tables/<relation>.json`` describes the rows that a table has now. Rows never change
under the name of their relation, so a manifest is written once, and goes when the records say that
its rows were replaced or removed. The rows themselves are in the table file alone: nothing makes
them again, but with the manifest a database that was lost gets the table back, as its owner's.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from registry.errors import RegistryError, TableDamaged
from registry.model.table import Storage
from registry.stores.identity import check_mounted
from registry.stores.manifests import one_writer, write_rows
from registry.stores.metadata.user_tables import SqlUserTableStore
from registry.stores.table import TableStore

__all__ = ["USER_MANIFESTS", "UserTableManifest", "UserTableManifests"]

_LOG = logging.getLogger("pzvo.manifests")

USER_MANIFESTS = "archive/user_tables"
"""Folder of the manifests, below the home folder."""


@dataclass(frozen=True, slots=True)
class UserTableManifest:
    """What the archive says of a user's table.

    Attributes
    ----------
    path
        Where it is.
    rows
        By the name of their table in the metadata database.
    """

    path: Path
    rows: Mapping[str, list[dict[str, Any]]]

    @property
    def table(self) -> dict[str, Any]:
        """The row of the table itself."""
        return self.rows["user_tables"][0]

    @property
    def named(self) -> str:
        """Name and owner, for people."""
        return f"{self.table['name']} of {self.table['owner']}"

    @property
    def storage(self) -> Storage:
        """Where its rows are."""
        return Storage(self.table["relation"], self.table["table_file"])


class UserTableManifests:
    """Keeps what the archive says of users' tables equal to what the records say.

    Parameters
    ----------
    store
        The records.
    home
        Home folder of the installation.
    """

    def __init__(self, store: SqlUserTableStore, home: Path) -> None:
        self._store = store
        self._home = home
        self._folder = home / USER_MANIFESTS

    def follow(self) -> None:
        """Bring the manifests up to date; what cannot be written now is due at the next sweep."""
        try:
            self.write_due()
        except (RegistryError, OSError) as error:
            # The record is what counts.
            _LOG.warning("the manifests of users' tables are due: %s", error)

    def write_due(self) -> int:
        """Write what is missing, and remove what the records say is gone; give the number.

        Raises
        ------
        StorageFull
            If the disk is full; they stay due.
        HomeMismatch
            If the archive is not mounted.
        """
        check_mounted(self._home)
        with one_writer(self._home):
            for file in self._store.retired_files():
                # Names of relations are those of their files, on either table store.
                self._path(Path(file).stem).unlink(missing_ok=True)
            due = self.due()
            for relation in due:
                rows = self._store.rows(relation)
                if rows["user_tables"]:
                    write_rows(self._path(relation), rows)
        return len(due)

    def due(self) -> list[str]:
        """List the relations of tables that have no manifest."""
        names = (table.storage.relation for table in self._store.everybodys())
        return [name for name in names if not self._path(name).exists()]

    def named(self) -> set[str]:
        """Give the names of the table files that any manifest names."""
        return {manifest.table["table_file"] for manifest in self._manifests()}

    def unrecorded(self) -> list[UserTableManifest]:
        """Find tables that the records do not know, or know in an older state only."""
        newest: dict[tuple[str, str], UserTableManifest] = {}
        for manifest in self._manifests():
            key = (manifest.table["owner"], manifest.table["name_key"])
            if key not in newest or _age(manifest) > _age(newest[key]):
                newest[key] = manifest
        retired = self._store.retired_files()
        found = []
        for (owner, name), manifest in sorted(newest.items()):
            known = self._store.table(owner, name)
            newer = known is None or (known.created, known.number) < _age(manifest)
            if newer and manifest.table["table_file"] not in retired:
                found.append(manifest)
        return found

    def rebuild(self, tables: TableStore, now: datetime) -> Iterator[tuple[str, str | None]]:
        """Record again what the archive knows and the records do not.

        Parameters
        ----------
        tables
            Holds the rows.
        now
            Counts as their last use, aware: nothing expires because its use is forgotten.

        Yields
        ------
        tuple
            Name and owner of the table, and why it was not recorded, if so.
        """
        for manifest in self.unrecorded():
            try:
                found = tables.count(manifest.storage)
                if found != manifest.table["n_rows"]:
                    raise TableDamaged(f"it has {found} rows, not {manifest.table['n_rows']}")
                self._store.put_rows(manifest.rows, now)
            except RegistryError as error:
                yield manifest.named, str(error)
            else:
                yield manifest.named, None

    def _manifests(self) -> Iterator[UserTableManifest]:
        for path in sorted(self._folder.glob("*.json")):
            with suppress(OSError, ValueError, KeyError, IndexError, TypeError, AttributeError):
                manifest = UserTableManifest(path, json.loads(path.read_text())["rows"])
                if manifest.table["relation"] == path.stem and _age(manifest):
                    yield manifest

    def _path(self, relation: str) -> Path:
        return self._folder / f"{relation}.json"


def _age(manifest: UserTableManifest) -> tuple[datetime, int]:
    # A table of the same name that was made later has a lower number.
    return datetime.fromisoformat(manifest.table["created"]), int(manifest.table["number"])
