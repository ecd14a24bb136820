"""Removing what was deleted, and setting aside what no record names.

The absence of a record is never a reason to remove a file: the metadata database may be lost,
empty, older than the files, or another one. Only what it says was deleted goes, and what is being
made by a process that is dead; anything else moves to the quarantine, and never much at once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from registry.errors import RegistryError
from registry.stores.files import FileStore
from registry.stores.manifests import ManifestFolder
from registry.stores.metadata.products import SqlProductStore
from registry.stores.quarantine import QUARANTINE, may_be_orphans
from registry.stores.table import TableStore

__all__ = ["NO_RECORD", "Orphan", "Swept", "find_orphans", "refusal", "sweep_staging"]

_LOG = logging.getLogger("pzvo.sweep")

_ORPHAN_AGE = timedelta(minutes=10)
"""Files without a record are left alone while younger."""

_PRODUCT_TABLE = "t"
"""How the names of table files of products begin."""

_QUARANTINE_DAYS = 30

NO_RECORD = "no record of the metadata database names it"


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep removed or set aside, by name.

    Attributes
    ----------
    staging
        Folders of publications whose process died.
    reservations
        Ids of products that were reserved by them.
    tables
        Table files of versions that were replaced or deleted.
    archived
        Published versions of deleted products.
    uploaded
        Uploaded files that were removed or replaced, or of deleted products.
    quarantined
        Files without a record, now in quarantine.
    expired
        What had been in quarantine for its time, and is gone.
    refused
        Why files without a record were left where they are.
    """

    staging: tuple[str, ...] = ()
    reservations: tuple[int, ...] = ()
    tables: tuple[str, ...] = ()
    archived: tuple[str, ...] = ()
    uploaded: tuple[str, ...] = ()
    quarantined: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Orphan:
    """A file that no record names.

    Attributes
    ----------
    place
        Below the home folder.
    modified
        When it was last changed, UTC.
    path
        Of a file; absent for the table of a table store.
    """

    place: str
    modified: datetime
    path: Path | None = None

    @property
    def name(self) -> str:
        """Last part of the place."""
        return Path(self.place).name


def sweep_staging(
    files: FileStore,
    products: SqlProductStore,
    tables: TableStore,
    retention: timedelta = timedelta(hours=24),
    orphan_age: timedelta = _ORPHAN_AGE,
    *,
    quarantine_days: int = _QUARANTINE_DAYS,
    everything: bool = False,
) -> Swept:
    """Remove staging folders of dead processes and what was deleted; set aside what is unknown.

    Parameters
    ----------
    files, products, tables
        The stores of one installation.
    retention
        How long tables of replaced and deleted products stay; longer than any query.
    orphan_age
        How old a file without a record must be before it is set aside; also the time for which
        a removed file can still be downloaded.
    quarantine_days
        How long what was set aside is kept.
    everything
        The operator's word that the clock is right, and that files without a record are to be
        set aside however many they are.
    """
    now = datetime.now(UTC)
    staging = tuple(files.remove_abandoned())
    reservations = tuple(_free_reservations(files, products))
    if not products.deletions.is_steady(now) and not everything:
        return Swept(
            staging,
            reservations,
            refused="the clock was set, or the service was off for days; nothing is removed or "
            "set aside before a day is over",
        )
    archived, uploaded = _remove_deleted(files, products, now, retention, orphan_age)
    dropped = tuple(_drop_tables(products, tables, now - retention))
    quarantined, refused = _set_aside(files, products, tables, now - orphan_age, everything)
    expired = tuple(_empty_quarantine(files, tables, now - timedelta(days=quarantine_days)))
    return Swept(staging, reservations, dropped, archived, uploaded, quarantined, expired, refused)


def find_orphans(
    files: FileStore, products: SqlProductStore, tables: TableStore
) -> tuple[list[Orphan], int]:
    """List the files of products without a record, and give the number of all files.

    Files that a manifest names are none: `Doctor.rebuild` makes their records again.
    """
    found_tables = [f for f in tables.files() if f.name.startswith(_PRODUCT_TABLE)]
    found_places = list(files.places())
    known_tables = products.deletions.known_tables()
    recorded = products.deletions.known_files() | set(products.deletions.discarded_files())
    known_places = {(product, files.place_of(stored)) for product, stored in recorded}
    orphans = [
        Orphan(f"tables/{file.name}", file.modified)
        for file in found_tables
        if file.name not in known_tables
    ]
    for product, place, path in found_places:
        if (product, place) not in known_places:
            modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            orphans.append(Orphan(f"archive/products/{product}/{place}", modified, path))
    if orphans:
        named = ManifestFolder(files.home).named()
        orphans = [orphan for orphan in orphans if orphan.place not in named]
    return orphans, len(found_tables) + len(found_places)


def refusal(files: FileStore, orphans: int, total: int) -> str | None:
    """Say why so many files are not set aside without an operator's word, if they are not."""
    if not orphans or may_be_orphans(orphans, total, sum(1 for _ in files.quarantine.entries())):
        return None
    return (
        f"{orphans} of {total} files have no record, too many for crashes: this may be the wrong "
        "or a lost metadata database, or a folder that is not mounted; they were left where they "
        "are. See `pzvo doctor`; --rebuild makes records again, --repair --everything sets them "
        "aside all the same"
    )


def _free_reservations(files: FileStore, products: SqlProductStore) -> list[int]:
    freed = []
    for product_id, staging in products.unfinished():
        if not files.is_staging(staging):
            products.abandon(product_id)
            freed.append(product_id)
    return freed


def _drop_tables(products: SqlProductStore, tables: TableStore, before: datetime) -> Iterator[str]:
    present = {file.name for file in tables.files()}
    for name in sorted(products.deletions.retired_tables(before) & present):
        tables.drop(name)
        yield name


def _remove_deleted(
    files: FileStore,
    products: SqlProductStore,
    now: datetime,
    retention: timedelta,
    grace: timedelta,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    deletions = products.deletions
    deleted = deletions.deleted_products(now - retention)
    discarded = deletions.discarded_files()
    kept = {(product, files.place_of(stored)) for product, stored in deletions.known_files()}
    going = {
        (product, files.place_of(stored))
        for (product, stored), moment in discarded.items()
        if moment <= now - grace
    } - kept
    versions: list[str] = []
    uploads: list[str] = []
    for product, place, _ in files.places():
        withdrawn = product in deleted and ((product, place) in kept)
        if withdrawn or (product, place) in going:
            files.remove_place(product, place)
            (uploads if "/" in place else versions).append(f"{product}/{place}")
    deletions.forget_discarded(
        [each for each in discarded if (each[0], files.place_of(each[1])) in going]
    )
    return tuple(versions), tuple(uploads)


def _set_aside(
    files: FileStore,
    products: SqlProductStore,
    tables: TableStore,
    before: datetime,
    everything: bool,
) -> tuple[tuple[str, ...], str | None]:
    with files.placing(alone=True) as alone:
        if not alone:
            # Files that are just getting their names have no record yet; next time.
            return (), None
        orphans, total = find_orphans(files, products, tables)
        refused = None if everything else refusal(files, len(orphans), total)
        if refused is not None:
            _LOG.error("%s", refused)
            return (), refused
        taken = []
        for orphan in orphans:
            if orphan.modified <= before:
                try:
                    if orphan.path is None:
                        tables.set_aside(orphan.name, files.quarantine, NO_RECORD)
                    else:
                        files.quarantine.take(orphan.path, NO_RECORD)
                except (RegistryError, FileNotFoundError) as error:
                    _LOG.warning("%s stays for now: %s", orphan.place, error)
                    continue
                _LOG.warning("%s was set aside: %s; see %s/", orphan.place, NO_RECORD, QUARANTINE)
                taken.append(orphan.place)
        return tuple(taken), None


def _empty_quarantine(files: FileStore, tables: TableStore, before: datetime) -> Iterator[str]:
    for entry in files.quarantine.entries():
        if entry.moved <= before:
            if entry.table is not None:
                tables.drop_aside(entry.table)
            files.quarantine.remove(entry)
            yield entry.place
