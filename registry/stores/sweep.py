"""Removing what crashed or replaced publications left on disk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from registry.stores.files import FileStore
from registry.stores.metadata.products import SqlProductStore
from registry.stores.table import TableStore

__all__ = ["Swept", "sweep_staging"]

_ORPHAN_AGE = timedelta(minutes=10)
"""Files without a record are left alone while younger: their commit may be under way."""

_PRODUCT_TABLE = "t"
"""How the names of table files of products begin."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep removed, by name.

    Attributes
    ----------
    staging
        Folders of publications whose process died.
    reservations
        Ids of products that were reserved by them.
    tables
        Table files that no query can use.
    archived
        Archived versions without a record, or of withdrawn products.
    uploaded
        Uploaded files without a record, or of deleted products.
    """

    staging: tuple[str, ...]
    reservations: tuple[int, ...]
    tables: tuple[str, ...]
    archived: tuple[str, ...]
    uploaded: tuple[str, ...] = ()


def sweep_staging(
    files: FileStore,
    products: SqlProductStore,
    tables: TableStore,
    retention: timedelta = timedelta(hours=24),
    orphan_age: timedelta = _ORPHAN_AGE,
) -> Swept:
    """Remove staging folders of dead processes and files that no record names.

    Parameters
    ----------
    files, products, tables
        The stores of one installation.
    retention
        How long tables of replaced and withdrawn products stay; longer than any query.
    orphan_age
        How old a file without a record must be before it goes; a removed file counts from its
        removal.
    """
    now = datetime.now(UTC)
    reservations = _free_reservations(files, products)
    return Swept(
        tuple(files.remove_abandoned()),
        tuple(reservations),
        tuple(_drop_tables(products, tables, now, retention, orphan_age)),
        tuple(_drop_archived(files, products, now, retention, orphan_age)),
        tuple(_drop_uploaded(files, products, now, retention, orphan_age)),
    )


def _free_reservations(files: FileStore, products: SqlProductStore) -> list[int]:
    freed = []
    for product_id, staging in products.unfinished():
        if not files.is_staging(staging):
            products.abandon(product_id)
            freed.append(product_id)
    return freed


def _drop_tables(
    products: SqlProductStore,
    tables: TableStore,
    now: datetime,
    retention: timedelta,
    orphan_age: timedelta,
) -> list[str]:
    # Listed before the records are read: a file published in between has its record.
    # Tables of other names are users' own, and not of products.
    found = [
        file
        for file in tables.files()
        if file.name.startswith(_PRODUCT_TABLE) and now - file.modified >= orphan_age
    ]
    in_use = products.files_in_use(now - retention)
    dropped = [file.name for file in found if file.name not in in_use]
    for name in dropped:
        tables.drop(name)
    return dropped


def _drop_archived(
    files: FileStore,
    products: SqlProductStore,
    now: datetime,
    retention: timedelta,
    orphan_age: timedelta,
) -> list[str]:
    found = list(files.archived())
    versions = products.archived_versions()
    kept = products.archived_names(now - retention)
    dropped = []
    for product, number, folder in found:
        modified = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
        orphan = (product, number) not in versions and now - modified >= orphan_age
        withdrawn = (product, number) in versions and product not in kept
        if orphan or withdrawn:
            files.remove_version(product, number)
            dropped.append(f"{product}/{folder.name}")
    return dropped


def _drop_uploaded(
    files: FileStore,
    products: SqlProductStore,
    now: datetime,
    retention: timedelta,
    orphan_age: timedelta,
) -> list[str]:
    # Listed before the records are read: a file kept in between has its record.
    found = [
        (product, stored)
        for product, stored, path in files.uploaded()
        if now - datetime.fromtimestamp(path.stat().st_mtime, UTC) >= orphan_age
    ]
    named = products.stored_files()
    kept = products.archived_names(now - retention)
    dropped = []
    for product, stored in found:
        if (product, stored) not in named or product not in kept:
            files.remove_uploaded(product, stored)
            dropped.append(f"{product}/{stored}")
    return dropped
