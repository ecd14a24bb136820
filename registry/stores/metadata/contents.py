"""What the columns of main files mean, and what was found in the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select, update

from registry.errors import ProductConflict, ProductContentNotFound
from registry.model.product import ProductStatus
from registry.model.product_file import ProductContent, ProductFile
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.records import content_from_row
from registry.stores.metadata.schema import (
    product_columns,
    product_contents,
    product_file_facts,
    product_files,
    product_versions,
    products,
)
from registry.stores.metadata.selection import Visibility, of_product, visible
from registry.stores.metadata.writes import (
    bump,
    lock_product,
    reopen,
    replace_contents,
    save_facts,
    touch,
)

__all__ = ["SqlContentStore"]

_OPEN = tuple(status for status in ProductStatus if status is not ProductStatus.DELETED)


class SqlContentStore:
    """Keeps what was found in main files, and what people say of it.

    Parameters
    ----------
    database
        Prepared by `MetadataDatabase.prepare`.
    """

    def __init__(self, database: MetadataDatabase) -> None:
        self._database = database

    def register(
        self,
        file: ProductFile,
        contents: Sequence[ProductContent],
        facts: dict[str, Any],
    ) -> None:
        """Keep what was found in a main file; what people said of its columns stays.

        Raises
        ------
        ProductConflict
            If the file was replaced or published meanwhile.
        """
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            lock_product(connection, file.product_id, _OPEN)
            found = connection.execute(
                update(product_files)
                .where(product_files.c.id == file.id, product_files.c.version.is_(None))
                .values(n_rows=file.n_rows, registered=now, updated=now)
            )
            if found.rowcount != 1:
                raise ProductConflict("the main file was replaced while it was being read")
            replace_contents(connection, file.id, contents)
            save_facts(connection, file.id, facts)
            reopen(connection, file.product_id)
            touch(connection, file.product_id, now)

    def facts(self, file_id: int) -> dict[str, Any] | None:
        """Fetch what was found in a main file."""
        query = select(product_file_facts.c.facts).where(product_file_facts.c.file_id == file_id)
        with self._database.reading() as connection:
            found: dict[str, Any] | None = connection.execute(query).scalar_one_or_none()
        return found

    def contents(
        self, visibility: Visibility, product_id: int | None = None
    ) -> list[ProductContent]:
        """List the columns of the products that a caller may know of, by id."""
        query = (
            select(product_contents)
            .join(products, products.c.id == product_contents.c.product_id)
            .where(visible(visibility), *of_product(product_contents, product_id))
            .order_by(product_contents.c.id)
        )
        with self._database.reading() as connection:
            return [content_from_row(row) for row in connection.execute(query)]

    def contents_of(self, file_id: int) -> list[ProductContent]:
        """List the columns of one file, in its order."""
        query = (
            select(product_contents)
            .where(product_contents.c.file_id == file_id)
            .order_by(product_contents.c.position)
        )
        with self._database.reading() as connection:
            return [content_from_row(row) for row in connection.execute(query)]

    def content(self, content_id: int) -> ProductContent:
        """Find what is said of a column.

        Raises
        ------
        ProductContentNotFound
            If there is none.
        """
        query = select(product_contents).where(product_contents.c.id == content_id)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise ProductContentNotFound.named(content_id)
        return content_from_row(row)

    def annotate(self, content: ProductContent, version: int | None) -> None:
        """Set what is said of a column, and of the published table if it is of one.

        Parameters
        ----------
        content
            With the new statements.
        version
            Whose main file it is of; absent before publication.
        """
        said = {name: getattr(content, name) for name in ("ucd", "alias", "unit", "description")}
        of_rows = {"frame": content.frame, "null_values": content.null_values}
        with self._database.writing() as connection:
            connection.execute(
                update(product_contents)
                .where(product_contents.c.id == content.id)
                .values(**said, **of_rows)
            )
            if version is not None:
                _annotate_table(connection, content, version, said)
            touch(connection, content.product_id, datetime.now(UTC))


def _annotate_table(
    connection: Connection, content: ProductContent, version: int, said: Mapping[str, Any]
) -> None:
    row = connection.execute(
        select(product_versions.c.id).where(
            product_versions.c.product_id == content.product_id,
            product_versions.c.number == version,
        )
    ).one_or_none()
    if row is None:
        return
    connection.execute(
        update(product_columns)
        .where(
            product_columns.c.version_id == row.id,
            product_columns.c.name == content.column_name,
        )
        .values(**said)
    )
    connection.execute(
        update(product_versions)
        .where(product_versions.c.id == row.id)
        .values(annotation=product_versions.c.annotation + 1)
    )
    bump(connection)
