"""Products, their versions and columns in the metadata database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, insert, select, update

from registry.errors import ProductNotFound, TableExists
from registry.model.product import (
    Product,
    ProductColumn,
    ProductStatus,
    ProductVersion,
    internal_name,
)
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.deletions import SqlDeletionStore
from registry.stores.metadata.heads import HEADS, PUBLISHED
from registry.stores.metadata.main_file import MainFile, publish_main
from registry.stores.metadata.records import product_column, product_from_row
from registry.stores.metadata.schema import (
    product_columns,
    product_contents,
    product_files,
    product_groups,
    product_versions,
    products,
    schema_state,
)
from registry.stores.metadata.writes import (
    bump,
    insert_version,
    retire,
    set_groups,
    storable_text,
)

__all__ = ["SqlProductStore"]


class SqlProductStore:
    """Keeps what is known of products; every method is one transaction.

    Parameters
    ----------
    database
        Prepared by `MetadataDatabase.prepare`.

    Attributes
    ----------
    deletions
        Knows what may go.
    """

    def __init__(self, database: MetadataDatabase) -> None:
        self._database = database
        self.deletions = SqlDeletionStore(database)

    def schema_version(self) -> int:
        """Give the counter that moves whenever the visible tables change."""
        with self._database.reading() as connection:
            version: int = connection.execute(select(schema_state.c.version)).scalar_one()
            return version

    def note_change(self) -> None:
        """Move the counter, after a change of what belongs to products beside the metadata."""
        with self._database.writing() as connection:
            bump(connection)

    def reserve(self, draft: Product, staging: str | None = None) -> Product:
        """Take an id and an internal name for a product that is being made.

        Parameters
        ----------
        draft
            The product without its id and internal name.
        staging
            Name of the staging folder, by which a sweep knows whether its maker lives; without
            one the product stays until its owner deletes it.

        Raises
        ------
        ProductRefused
            If there is no group of a name that it is for.
        """
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            made = connection.execute(
                insert(products).values(
                    display_name=draft.display_name,
                    product_type=draft.product_type,
                    release=draft.release,
                    description=draft.description,
                    status=int(draft.status),
                    owner=draft.owner,
                    official=draft.official,
                    created=now,
                    updated=now,
                    staging=staging,
                    pz_code=draft.pz_code,
                    release_year=draft.release_year,
                    data_url=draft.data_url,
                    creators=draft.creators,
                    article=draft.article,
                    doi=draft.doi,
                    licence=draft.licence,
                    visibility=draft.visibility.value,
                    origin=draft.origin,
                    process=draft.process,
                )
            )
            key = made.inserted_primary_key
            number = int(key[0]) if key else 0
            name = internal_name(number, draft.display_name)
            connection.execute(
                update(products).where(products.c.id == number).values(internal_name=name)
            )
            set_groups(connection, number, draft.groups)
        return replace(
            draft,
            id=number,
            internal_name=name,
            created=now,
            updated=now,
        )

    def abandon(self, product_id: int) -> None:
        """Forget a reserved product that came to nothing."""
        reserved = [
            products.c.id == product_id, products.c.status == int(ProductStatus.REGISTERING)
        ]  # fmt: skip
        with self._database.writing() as connection:
            connection.execute(
                delete(product_groups).where(
                    product_groups.c.product_id.in_(select(products.c.id).where(*reserved))
                )
            )
            connection.execute(delete(products).where(*reserved))

    def switch(
        self,
        product: Product,
        version: ProductVersion | None,
        before_commit: Callable[[], None],
        main: MainFile | None = None,
        failure: str | None = None,
    ) -> Product:
        """Publish a version: the one commit by which it becomes visible.

        Parameters
        ----------
        product
            Reserved, or published with an older version; its description replaces the stored.
        version
            The new version of its table with its columns; absent for a product without one.
        before_commit
            Puts the files in their places while nobody else can publish.
        main
            The file that the version was made from.
        failure
            Why it has no table although it has a main file.

        Raises
        ------
        TableExists
            If another process published the same version number first.
        ProductNotFound
            If the product was withdrawn meanwhile.
        ProductConflict
            If its main file was replaced meanwhile.
        """
        now = datetime.now(UTC)
        number = _number(version, main)
        with self._database.writing() as connection:
            current = self._check_turn(connection, product.id, number)
            before_commit()
            retire(connection, product.id, now)
            if version is not None:
                insert_version(connection, product.id, version)
            if main is not None:
                publish_main(connection, product.id, main, now)
            connection.execute(
                update(products)
                .where(products.c.id == product.id)
                .values(
                    status=int(ProductStatus.PUBLISHED),
                    description=product.description,
                    release=product.release,
                    current_version=number or current,
                    updated=now,
                    staging=None,
                    failure=None if failure is None else storable_text(failure),
                )
            )
            bump(connection)
        return replace(
            product,
            status=ProductStatus.PUBLISHED,
            updated=now,
            version=version,
            edition=number,
            failure=failure,
        )

    def withdraw(
        self,
        product_id: int,
        status: ProductStatus = ProductStatus.DELETED,
        failure: str | None = None,
    ) -> None:
        """Make a product invisible; its record stays as a tombstone.

        Parameters
        ----------
        product_id
            Of the product.
        status, failure
            What it is from now on, and why.
        """
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            connection.execute(
                update(products)
                .where(products.c.id == product_id)
                .values(
                    status=int(status), failure=storable_text(failure or "") or None, updated=now
                )
            )
            retire(connection, product_id, now)
            bump(connection)

    def product(self, name: str) -> Product:
        """Find a published product by its internal name.

        Raises
        ------
        ProductNotFound
            If there is none.
        """
        found = self._select(products.c.internal_name == name, PUBLISHED)
        if not found:
            raise ProductNotFound(f"there is no product {name!r}")
        return found[0]

    def published(self, display_name: str | None = None) -> list[Product]:
        """List published products by id, each with the head of its current version.

        Parameters
        ----------
        display_name
            Only those with exactly this name.
        """
        if display_name is None:
            return self._select(PUBLISHED)
        return self._select(PUBLISHED, products.c.display_name == display_name)

    def withdrawn(self) -> list[Product]:
        """List the official products that were published and are deleted now, by id."""
        return self._select(
            products.c.status == int(ProductStatus.DELETED),
            products.c.official.is_(True),
            products.c.current_version.is_not(None),
        )

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

    def null_values(self, product: Product) -> dict[str, list[str]]:
        """Give the values that mean none in the published file of a product, by column."""
        query = (
            select(product_contents.c.column_name, product_contents.c.null_values)
            .join(product_files, product_files.c.id == product_contents.c.file_id)
            .where(
                product_files.c.product_id == product.id,
                product_files.c.version == product.edition,
            )
        )
        with self._database.reading() as connection:
            return {name: values for name, values in connection.execute(query) if values}

    def has_table(self, table_file: str) -> bool:
        """Tell whether the version with a table file was committed."""
        query = select(product_versions.c.id).where(product_versions.c.table_file == table_file)
        with self._database.reading() as connection:
            return connection.execute(query).first() is not None

    def replace_table(self, product_id: int, number: int, relation: str, table_file: str) -> None:
        """Let a version have its rows in another table, which was made of the same file."""
        with self._database.writing() as connection:
            connection.execute(
                update(product_versions)
                .where(
                    product_versions.c.product_id == product_id,
                    product_versions.c.number == number,
                )
                .values(
                    relation=relation,
                    table_file=table_file,
                    annotation=product_versions.c.annotation + 1,
                )
            )
            bump(connection)

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

    def _select(self, *conditions: Any) -> list[Product]:  # noqa: ANN401 - SQL expressions
        query = HEADS.where(*conditions).order_by(products.c.id)
        with self._database.reading() as connection:
            return [product_from_row(row) for row in connection.execute(query)]

    def _check_turn(
        self, connection: Connection, product_id: int, number: int | None
    ) -> int | None:
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
        current: int | None = row.current_version
        if number is not None and (current or 0) != number - 1:
            raise TableExists(
                f"version {number} of product {row.internal_name!r} was published by somebody "
                "else meanwhile; publish again to replace that one"
            )
        return current


def _number(version: ProductVersion | None, main: MainFile | None) -> int | None:
    if version is not None:
        return version.number
    return None if main is None else main.file.version


_COLUMNS: Select[Any] = (
    select(product_columns)
    .join(product_versions, product_versions.c.id == product_columns.c.version_id)
    .where(
        product_versions.c.product_id == bindparam("product"),
        product_versions.c.number == bindparam("number"),
    )
    .order_by(product_columns.c.position)
)
