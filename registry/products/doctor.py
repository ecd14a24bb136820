"""What is on the disk of an installation, why it is there, and what has no reason to be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from registry.errors import RegistryError
from registry.ingestion.publication import TablePublisher
from registry.model.product import Product, ProductStatus
from registry.model.product_file import FileRole, ProductFile
from registry.products.rebuilding import missing_records, remake_table
from registry.products.records import ProductStores
from registry.products.resumable import INCOMING, sweep_incoming
from registry.products.verification import (
    Finding,
    damaged_files,
    damaged_tables,
    damaged_user_tables,
)
from registry.stores.files import MANIFEST
from registry.stores.identity import IDENTITY
from registry.stores.manifest_keeper import RELEASES_FILE, ManifestKeeper
from registry.stores.manifests import ManifestFolder
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.selection import Visibility
from registry.stores.metadata.user_tables import SqlUserTableStore
from registry.stores.quarantine import QUARANTINE, SetAside
from registry.stores.sweep import Swept, find_orphans, refusal, sweep_staging
from registry.stores.table import TableStore
from registry.stores.user_table_manifests import USER_MANIFESTS, UserTableManifests

__all__ = ["Diagnosis", "Doctor", "Finding", "Usage"]

_EPOCH = datetime.fromtimestamp(0, UTC)

_METADATA = "metadata.sqlite"

_LOCKS = ("placing.lock", "manifests.lock")

_OTHERS = {
    INCOMING: "uploads in pieces, kept for a day",
    QUARANTINE: "files without a record, in quarantine",
    "places": "locks and counters that the processes share",
    "imports": "journals and parts of imports from Photo-z Servers",
    "results": "results of jobs, until their destruction time",
    "temporary": "what running queries could not keep in memory",
    "uploads": "tables that came with running queries",
}
"""Folders of other parts of the service, each with its own cleaning."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one kind of data takes.

    Attributes
    ----------
    kind
        For people.
    files, size_bytes
        How many and how much.
    """

    kind: str
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The state of the disk.

    Attributes
    ----------
    usage
        All of it, by kind.
    orphans
        Files that no record names; a repair sets those aside that are older than some minutes.
    missing
        Files that a record names and that are not there or damaged: from a backup alone they come
        back.
    tables
        Tables that are not there or damaged; a repair makes them again from their files.
    unrecorded
        Products of which the archive knows more than the database; a rebuild records them.
    due
        Products, and rows of users' tables, whose manifest is older than their record; a repair
        writes it.
    quarantine
        What was set aside.
    refused
        Why the orphans are not set aside by a repair, if they are not.
    """

    usage: tuple[Usage, ...]
    orphans: tuple[Finding, ...] = ()
    missing: tuple[Finding, ...] = ()
    tables: tuple[Finding, ...] = ()
    unrecorded: tuple[Finding, ...] = ()
    due: tuple[int | str, ...] = ()
    quarantine: tuple[SetAside, ...] = ()
    refused: str | None = None

    @property
    def healthy(self) -> bool:
        """Whether there is nothing to be done."""
        return not (self.orphans or self.missing or self.tables or self.unrecorded or self.due)


class Doctor:
    """Compares the disk with the records.

    Parameters
    ----------
    home
        Home folder of the installation.
    database
        The records.
    stores
        Of the installation, over that database.
    tables
        The tables.
    publisher
        Makes tables again.
    """

    def __init__(
        self,
        home: Path,
        database: MetadataDatabase,
        stores: ProductStores,
        tables: TableStore,
        publisher: TablePublisher,
    ) -> None:
        self._home = home
        self._database = database
        self._stores = stores
        self._tables = tables
        self._publisher = publisher
        self._users = SqlUserTableStore(database)
        self._own = UserTableManifests(self._users, home)

    def examine(self, *, checksums: bool = True) -> Diagnosis:
        """Look at everything; nothing is changed.

        Parameters
        ----------
        checksums
            Whether every byte of every file and table is read.
        """
        # The disk first: what is published in between has its record then.
        found = dict(_sizes(self._home))
        files = self._stores.drafts.files(Visibility(everything=True))
        products = self._stores.drafts.products(file.product_id for file in files)
        reasons = dict(self._reasons(found, files, products))
        named = ManifestFolder(self._home).named()
        totals: dict[str, list[int]] = defaultdict(list)
        orphans = []
        for place, size in found.items():
            kind = reasons.get(place) or self._general(place)
            if kind is None and any(place == n or place.startswith(f"{n}/") for n in named):
                kind = "files of products that the database does not know"
            if kind is None:
                kind = "orphans"
                orphans.append(Finding(place, "no record names it", size))
            totals[kind].append(size)
        usage = [Usage(kind, len(sizes), sum(sizes)) for kind, sizes in totals.items()]
        usage.sort(key=lambda each: -each.size_bytes)
        lost = list(damaged_files(self._stores, files, products, checksums=checksums))
        if checksums:
            lost.extend(damaged_user_tables(self._users, self._tables))
        loose, total = find_orphans(self._stores.files, self._stores.products, self._tables)
        return Diagnosis(
            tuple(usage),
            tuple(orphans),
            tuple(lost),
            tuple(finding for _, finding in self._damaged_tables()) if checksums else (),
            tuple(self._unrecorded()),
            (*ManifestKeeper(self._database, self._home).due(), *self._own.due()),
            tuple(self._stores.files.quarantine.entries()),
            refusal(self._stores.files, len(loose), total),
        )

    def mend_tables(self) -> Iterator[tuple[str, str | None]]:
        """Make damaged and missing tables again from their archived files.

        Yields
        ------
        tuple
            Internal name of the product, and why its table could not be made, if so.
        """
        for product, _ in list(self._damaged_tables()):
            try:
                remake_table(self._stores, self._publisher, self._tables, product)
            except (RegistryError, OSError) as error:
                yield product.internal_name, str(error)
            else:
                yield product.internal_name, None

    def rebuild_user_tables(self) -> Iterator[tuple[str, str | None]]:
        """Record users' own tables again that the archive knows and the database does not.

        Yields
        ------
        tuple
            Name and owner of the table, and why it was not recorded, if so.
        """
        yield from self._own.rebuild(self._tables, datetime.now(UTC))

    def repair(
        self,
        orphan_age: timedelta = timedelta(minutes=10),
        *,
        quarantine_days: int = 30,
        everything: bool = False,
    ) -> Swept:
        """Remove data of deleted products after their time; set aside what no record names.

        Parameters
        ----------
        orphan_age
            How old a file without a record must be: while younger, its commit may be under way.
        quarantine_days, everything
            See `sweep_staging`.

        Raises
        ------
        MetadataUnavailable
            If the metadata database cannot be reached.
        """
        swept = sweep_staging(
            self._stores.files,
            self._stores.products,
            self._tables,
            orphan_age=orphan_age,
            quarantine_days=quarantine_days,
            everything=everything,
        )
        ManifestKeeper(self._database, self._home).write_due()
        given_up = [] if swept.refused else sweep_incoming(self._home / INCOMING)
        return replace(
            swept, uploaded=(*swept.uploaded, *(f"{INCOMING}/{name}" for name in given_up))
        )

    def _reasons(
        self,
        found: dict[str, int],
        files: list[ProductFile],
        products: dict[int, Product],
    ) -> Iterator[tuple[str, str]]:
        inside: dict[str, str] = {}
        for file in files:
            product = products[file.product_id]
            inside[self._place(product, file)] = _kind(product, file)
        current = self._stores.products.files_in_use(datetime.now(UTC))
        recorded = self._stores.products.files_in_use(_EPOCH)
        for place in found:
            parts = Path(place).parts
            if parts[0] == "tables":
                if parts[-1] in current:
                    yield place, "tables of published products"
                elif parts[-1] in recorded:
                    yield place, "tables of replaced or deleted products, kept for a day"
                continue
            # A folder (HATS) counts as one file.
            for depth in range(4, len(parts) + 1):
                kind = inside.get("/".join(parts[:depth]))
                if kind is not None:
                    yield place, kind
                    break

    def _general(self, place: str) -> str | None:
        first = Path(place).parts[0]
        if Path(place).name in (IDENTITY, RELEASES_FILE) or place in _LOCKS:
            return "metadata"
        if first == "archive" and Path(place).name.startswith(MANIFEST):
            return "manifests of products"
        if place.startswith(f"{USER_MANIFESTS}/"):
            return "manifests of users' tables"
        if first.startswith(_METADATA):
            return "metadata"
        if first == "staging":
            name = Path(place).parts[1]
            alive = self._stores.files.is_staging(name.removesuffix(".lock"))
            return "publications under way" if alive else None
        if first == "tables" and Path(place).name.startswith("u_"):
            return "tables of users"
        if first in ("archive", "tables"):
            return None
        return _OTHERS.get(first, "other files")

    def _damaged_tables(self) -> Iterator[tuple[Product, Finding]]:
        published = self._stores.products.published()
        return damaged_tables(self._stores, self._tables, published)

    def _unrecorded(self) -> Iterator[Finding]:
        wanted, conflicts = missing_records(self._database, self._home)
        for manifest in wanted:
            place = manifest.path.relative_to(self._home).as_posix()
            yield Finding(place, "the database does not know this product, or an older state of it")
        for table in self._own.unrecorded():
            place = table.path.relative_to(self._home).as_posix()
            yield Finding(place, f"the database does not know {table.named}, or an older state")
        for conflict in conflicts:
            yield Finding("archive", conflict)

    def _place(self, product: Product, file: ProductFile) -> str:
        path = self._stores.files.path(product.internal_name, file.stored)
        return path.relative_to(self._home).as_posix()


def _kind(product: Product, file: ProductFile) -> str:
    if product.status is ProductStatus.DELETED:
        return "files of deleted products, kept for a day"
    if product.status is not ProductStatus.PUBLISHED:
        return "files of products that are not published"
    if file.role is not FileRole.MAIN:
        return "descriptions and auxiliary files"
    if file.version is None:
        return "main files that wait for publication"
    if file.version == product.edition:
        return "main files of published products"
    return "older versions of main files"


def _sizes(home: Path) -> Iterator[tuple[str, int]]:
    for path in sorted(home.rglob("*")):
        try:
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(home).as_posix(), path.stat().st_size
        except FileNotFoundError:
            # Removed since it was listed.
            continue
