"""Products, their versions and columns in the metadata database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, delete, insert, select, update

from registry.errors import ProductNotFound, TableExists
from registry.model.product import (
    Product,
    ProductColumn,
    ProductStatus,
    ProductVersion,
    internal_name,
)
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.records import (
    column_values,
    product_column,
    product_from_row,
    version_values,
)
from registry.stores.metadata.schema import (
    product_columns,
    product_versions,
    products,
    schema_state,
)

__all__ = ["SqlProductStore"]


class SqlProductStore:
    """Keeps what is known of products; every method is one transaction.

    Parameters
    ----------
    database
        Prepared by `MetadataDatabase.prepare`.
    """

    def __init__(self, database: MetadataDatabase) -> None:
        self._database = database

    def schema_version(self) -> int:
        """Give the counter that moves whenever the visible tables change."""
        with self._database.reading() as connection:
            version: int = connection.execute(select(schema_state.c.version)).scalar_one()
            return version

    def reserve(self, draft: Product, staging: str) -> Product:
        """Take an id and an internal name for a product that is being made.

        Parameters
        ----------
        draft
            The product without its id and internal name.
        staging
            Name of the staging folder, by which a sweep knows whether its maker lives.
        """
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            made = connection.execute(
                insert(products).values(
                    display_name=draft.display_name,
                    product_type=draft.product_type,
                    release=draft.release,
                    description=draft.description,
                    status=int(ProductStatus.REGISTERING),
                    owner=draft.owner,
                    official=draft.official,
                    created=now,
                    updated=now,
                    staging=staging,
                )
            )
            key = made.inserted_primary_key
            number = int(key[0]) if key else 0
            name = internal_name(number, draft.display_name)
            connection.execute(
                update(products).where(products.c.id == number).values(internal_name=name)
            )
        return replace(
            draft,
            id=number,
            internal_name=name,
            status=ProductStatus.REGISTERING,
            created=now,
            updated=now,
        )

    def abandon(self, product_id: int) -> None:
        """Forget a reserved product that came to nothing."""
        with self._database.writing() as connection:
            connection.execute(
                delete(products).where(
                    products.c.id == product_id,
                    products.c.status == int(ProductStatus.REGISTERING),
                )
            )

    def switch(
        self,
        product: Product,
        version: ProductVersion,
        before_commit: Callable[[], None],
    ) -> Product:
        """Publish a version: the one commit by which it becomes visible.

        Parameters
        ----------
        product
            Reserved, or published with an older version; its description replaces the stored.
        version
            The new version with its columns.
        before_commit
            Puts the files in their places while nobody else can publish.

        Raises
        ------
        TableExists
            If another process published the same version number first.
        ProductNotFound
            If the product was withdrawn meanwhile.
        """
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            self._check_turn(connection, product.id, version.number)
            before_commit()
            _retire(connection, product.id, now)
            _insert_version(connection, product.id, version)
            connection.execute(
                update(products)
                .where(products.c.id == product.id)
                .values(
                    status=int(ProductStatus.PUBLISHED),
                    description=product.description,
                    release=product.release,
                    current_version=version.number,
                    updated=now,
                    staging=None,
                )
            )
            _bump(connection)
        return replace(product, status=ProductStatus.PUBLISHED, updated=now, version=version)

    def withdraw(self, product_id: int) -> None:
        """Make a published product invisible; its record stays as a tombstone."""
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            connection.execute(
                update(products)
                .where(products.c.id == product_id)
                .values(status=int(ProductStatus.DELETED), updated=now)
            )
            _retire(connection, product_id, now)
            _bump(connection)

    def product(self, name: str) -> Product:
        """Find a published product by its internal name.

        Raises
        ------
        ProductNotFound
            If there is none.
        """
        found = self._select(products.c.internal_name == name, *_PUBLISHED)
        if not found:
            raise ProductNotFound(f"there is no product {name!r}; `pzvo products` lists them")
        return found[0]

    def published(self, display_name: str | None = None) -> list[Product]:
        """List published products by id, each with the head of its current version.

        Parameters
        ----------
        display_name
            Only those with exactly this name.
        """
        if display_name is None:
            return self._select(*_PUBLISHED)
        return self._select(*_PUBLISHED, products.c.display_name == display_name)

    def columns(self, versions: Iterable[tuple[int, int]]) -> dict[int, tuple[ProductColumn, ...]]:
        """Fetch the columns of several versions.

        Parameters
        ----------
        versions
            Pairs of product id and version number.

        Returns
        -------
        dict
            Columns in file order by product id.
        """
        found: dict[int, tuple[ProductColumn, ...]] = {}
        with self._database.reading() as connection:
            for product_id, number in versions:
                rows = connection.execute(_COLUMNS, {"product": product_id, "number": number})
                found[product_id] = tuple(product_column(row) for row in rows)
        return found

    def has_version(self, product_id: int, number: int) -> bool:
        """Tell whether a version was committed."""
        query = select(product_versions.c.id).where(
            product_versions.c.product_id == product_id, product_versions.c.number == number
        )
        with self._database.reading() as connection:
            return connection.execute(query).first() is not None

    def unfinished(self) -> list[tuple[int, str]]:
        """List reserved products: id and the name of the staging folder."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(products.c.id, products.c.staging).where(
                    products.c.status == int(ProductStatus.REGISTERING),
                    products.c.staging.is_not(None),
                )
            )
            return [(row.id, row.staging) for row in rows]

    def files_in_use(self, retired_after: datetime) -> set[str]:
        """List the table files that a query may still read.

        Parameters
        ----------
        retired_after
            Versions that were retired before this moment do not count.
        """
        in_use = product_versions.c.retired.is_(None) | (
            product_versions.c.retired >= retired_after
        )
        with self._database.reading() as connection:
            return set(
                connection.execute(select(product_versions.c.table_file).where(in_use)).scalars()
            )

    def archived_names(self, deleted_after: datetime) -> set[str]:
        """List the internal names of products whose archive folder is to be kept.

        Parameters
        ----------
        deleted_after
            Products that were withdrawn before this moment do not count.
        """
        kept = (products.c.status != int(ProductStatus.DELETED)) | (
            products.c.updated >= deleted_after
        )
        with self._database.reading() as connection:
            return set(connection.execute(select(products.c.internal_name).where(kept)).scalars())

    def archived_versions(self) -> set[tuple[str, int]]:
        """List internal name and number of every version that was ever published."""
        query = select(products.c.internal_name, product_versions.c.number).join(
            product_versions, product_versions.c.product_id == products.c.id
        )
        with self._database.reading() as connection:
            return {(row.internal_name, row.number) for row in connection.execute(query)}

    def _select(self, *conditions: Any) -> list[Product]:  # noqa: ANN401 - SQL expressions
        query = _HEADS.where(*conditions).order_by(products.c.id)
        with self._database.reading() as connection:
            return [product_from_row(row) for row in connection.execute(query)]

    def _check_turn(self, connection: Connection, product_id: int, number: int) -> None:
        row = connection.execute(
            select(products.c.status, products.c.current_version, products.c.internal_name)
            .where(products.c.id == product_id)
            .with_for_update()
        ).one_or_none()
        if row is None or row.status == ProductStatus.DELETED:
            raise ProductNotFound(
                "the product was withdrawn while its new version was being published; "
                "publish it as a new product"
            )
        if (row.current_version or 0) != number - 1:
            raise TableExists(
                f"version {number} of product {row.internal_name!r} was published by somebody "
                "else meanwhile; publish again to replace that one"
            )


_PUBLISHED = (products.c.status == int(ProductStatus.PUBLISHED),)

_HEADS: Select[Any] = select(
    products,
    *(column.label(f"version_{column.name}") for column in product_versions.c),
).join(
    product_versions,
    and_(
        product_versions.c.product_id == products.c.id,
        product_versions.c.number == products.c.current_version,
    ),
    isouter=True,
)


_COLUMNS: Select[Any] = (
    select(product_columns)
    .join(product_versions, product_versions.c.id == product_columns.c.version_id)
    .where(
        product_versions.c.product_id == bindparam("product"),
        product_versions.c.number == bindparam("number"),
    )
    .order_by(product_columns.c.position)
)


def _retire(connection: Connection, product_id: int, now: datetime) -> None:
    connection.execute(
        update(product_versions)
        .where(
            product_versions.c.product_id == product_id,
            product_versions.c.retired.is_(None),
        )
        .values(retired=now)
    )


def _insert_version(connection: Connection, product_id: int, version: ProductVersion) -> None:
    made = connection.execute(
        insert(product_versions).values(product_id=product_id, **version_values(version))
    )
    key = made.inserted_primary_key
    version_id = int(key[0]) if key else 0
    rows: Sequence[dict[str, Any]] = [
        {"version_id": version_id, "position": position, **column_values(column)}
        for position, column in enumerate(version.columns)
    ]
    connection.execute(insert(product_columns), rows)


def _bump(connection: Connection) -> None:
    connection.execute(update(schema_state).values(version=schema_state.c.version + 1))
