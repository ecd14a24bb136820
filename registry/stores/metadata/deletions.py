"""What may be removed from the disk: only what the records say was deleted, and when."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from registry.errors import StorageFull
from registry.model.product import ProductStatus
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.schema import (
    discarded_files,
    installation,
    product_files,
    product_versions,
    products,
)

__all__ = ["SqlDeletionStore", "note_discarded"]

_LEAP = timedelta(days=2)
"""Between two looks at the clock; more is a service that was off, or a clock that was set."""

_GRACE = timedelta(days=1)
"""After a leap nothing goes for so long: a wrong clock is noticed within a day."""


class SqlDeletionStore:
    """Knows what was deleted, and everything that is on record.

    Parameters
    ----------
    database
        Prepared by `MetadataDatabase.prepare`.
    """

    def __init__(self, database: MetadataDatabase) -> None:
        self._database = database

    def known_tables(self) -> set[str]:
        """List the table files of all versions that ever were."""
        with self._database.reading() as connection:
            return set(connection.execute(select(product_versions.c.table_file)).scalars())

    def retired_tables(self, before: datetime) -> set[str]:
        """List the table files of versions that were replaced or deleted before a moment."""
        query = select(product_versions.c.table_file).where(product_versions.c.retired < before)
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def known_products(self) -> set[str]:
        """List the internal names of all products that ever were."""
        with self._database.reading() as connection:
            return set(connection.execute(select(products.c.internal_name)).scalars())

    def deleted_products(self, before: datetime) -> set[str]:
        """List the internal names of products that were deleted before a moment."""
        query = select(products.c.internal_name).where(
            products.c.status == int(ProductStatus.DELETED), products.c.updated < before
        )
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def known_files(self) -> set[tuple[str, str]]:
        """List internal name and stored path of every file that a record names."""
        query = select(products.c.internal_name, product_files.c.stored).join(
            product_files, product_files.c.product_id == products.c.id
        )
        with self._database.reading() as connection:
            return {(row.internal_name, row.stored) for row in connection.execute(query)}

    def discarded_files(self) -> dict[tuple[str, str], datetime]:
        """Give the moments at which files were removed or replaced, by product and path."""
        with self._database.reading() as connection:
            rows = connection.execute(select(discarded_files))
            return {(row.product, row.stored): row.discarded for row in rows}

    def forget_discarded(self, gone: Collection[tuple[str, str]]) -> None:
        """Forget removed files that are gone from the disk."""
        if not gone:
            return
        with self._database.writing() as connection:
            for product, stored in gone:
                connection.execute(
                    delete(discarded_files).where(
                        discarded_files.c.product == product, discarded_files.c.stored == stored
                    )
                )

    def is_steady(self, now: datetime) -> bool:
        """Look at the clock, and tell whether ages can be believed.

        Parameters
        ----------
        now
            By the clock.

        Notes
        -----
        A clock that was set forward makes everything old at once. It cannot be told from a
        service that was off for long, so that in both cases nothing goes for a day.
        """
        with self._database.reading() as connection:
            row = connection.execute(select(installation)).one()
        since: datetime | None = row.steady_since
        leapt = row.seen is not None and abs(now - row.seen) > _LEAP
        if leapt or (since is not None and now < since):
            since = now
        try:
            with self._database.writing() as connection:
                connection.execute(update(installation).values(seen=now, steady_since=since))
        except StorageFull:
            # What goes now makes room.
            pass
        return since is None or now - since >= _GRACE


def note_discarded(connection: Connection, product: str, stored: str, now: datetime) -> None:
    """Write down that a file is not needed any more, in the transaction that takes its record."""
    known = select(discarded_files.c.stored).where(
        discarded_files.c.product == product, discarded_files.c.stored == stored
    )
    if connection.execute(known).first() is None:
        values = {"product": product, "stored": stored, "discarded": now}
        connection.execute(insert(discarded_files).values(**values))
