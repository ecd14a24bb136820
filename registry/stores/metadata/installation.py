"""What a metadata database says of the home that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, inspect, select, update

from registry.model.product import ProductStatus
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.schema import (
    installation,
    product_files,
    product_versions,
    products,
)
from registry.stores.metadata.user_table_schema import user_tables

__all__ = ["Belongings", "SqlInstallation"]


@dataclass(frozen=True, slots=True)
class Belongings:
    """What a database says of its home.

    Attributes
    ----------
    identity
        Of the home, if it is known.
    places
        Files that it names, below the home folder, each with its size where that is known.
    """

    identity: str | None = None
    places: tuple[tuple[str, int | None], ...] = ()


class SqlInstallation:
    """Reads and writes the identity of an installation.

    Parameters
    ----------
    database
        Need not be prepared, nor be there.
    """

    def __init__(self, database: MetadataDatabase) -> None:
        self._database = database

    def belongings(self) -> Belongings:
        """Say which home the database belongs to, whatever release wrote it; nothing is changed.

        Raises
        ------
        MetadataUnavailable
            If the database cannot be reached.
        """
        if not self._database.exists():
            return Belongings()
        with self._database.reading() as connection:
            present = set(inspect(connection).get_table_names())
            identity = None
            if installation.name in present:
                identity = connection.execute(select(installation.c.identity)).scalar()
            return Belongings(identity, tuple(_places(connection, present)))

    def identity(self) -> str | None:
        """Give the identity of the home, of a prepared database."""
        with self._database.reading() as connection:
            found: str | None = connection.execute(select(installation.c.identity)).scalar_one()
        return found

    def claim(self, identity: str, *, anew: bool = False) -> str:
        """Set the identity unless there is one, and give the one that holds.

        Parameters
        ----------
        identity
            Of the home.
        anew
            Set it in any case.
        """
        statement = update(installation).values(identity=identity)
        if not anew:
            statement = statement.where(installation.c.identity.is_(None))
        with self._database.writing() as connection:
            connection.execute(statement)
            held: str = connection.execute(select(installation.c.identity)).scalar_one()
        return held


def _places(connection: Connection, present: set[str]) -> Iterator[tuple[str, int | None]]:
    if product_files.name in present:
        files = (
            select(
                products.c.internal_name,
                product_files.c.stored,
                product_files.c.size_bytes,
                product_files.c.is_directory,
            )
            .join(products, products.c.id == product_files.c.product_id)
            .where(products.c.status != int(ProductStatus.DELETED))
        )
        for row in connection.execute(files):
            size = None if row.is_directory else row.size_bytes
            yield f"archive/products/{row.internal_name}/{row.stored}", size
    if product_versions.name in present:
        current = product_versions.c.retired.is_(None)
        for name in connection.execute(select(product_versions.c.table_file).where(current)):
            yield f"tables/{name[0]}", None
    if user_tables.name in present:
        for name in connection.execute(select(user_tables.c.table_file)):
            yield f"tables/{name[0]}", None
