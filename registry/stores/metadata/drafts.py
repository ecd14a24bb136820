"""Products in every state, their files and what their columns mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from registry.errors import (
    ProductConflict,
    ProductFileNotFound,
    ProductNotFound,
    ProductRefused,
)
from registry.model.product import Product, ProductStatus
from registry.model.product_file import FileMember, FileRole, ProductFile
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.deletions import note_discarded
from registry.stores.metadata.heads import HEADS
from registry.stores.metadata.records import file_from_row, file_values, product_from_row
from registry.stores.metadata.schema import (
    product_contents,
    product_file_facts,
    product_file_members,
    product_files,
    products,
)
from registry.stores.metadata.selection import Visibility, of_product, visible
from registry.stores.metadata.writes import (
    bump,
    insert_file,
    lock_product,
    reopen,
    replace_members,
    set_groups,
    storable_text,
    touch,
)

__all__ = ["SqlDraftStore"]


class SqlDraftStore:
    """Keeps what people do to products before and after publication.

    Parameters
    ----------
    database
        Prepared by `MetadataDatabase.prepare`.
    """

    def __init__(self, database: MetadataDatabase) -> None:
        self._database = database

    def product(self, key: int | str) -> Product:
        """Find a product in any state by its id or internal name.

        Raises
        ------
        ProductNotFound
            If there is none.
        """
        same = products.c.id == key if isinstance(key, int) else products.c.internal_name == key
        with self._database.reading() as connection:
            row = connection.execute(HEADS.where(same)).one_or_none()
        if row is None:
            raise ProductNotFound.named(key)
        return product_from_row(row)

    def products(self, ids: Iterable[int]) -> dict[int, Product]:
        """Find several products by their ids."""
        wanted = HEADS.where(products.c.id.in_(sorted(set(ids))))
        with self._database.reading() as connection:
            return {row.id: product_from_row(row) for row in connection.execute(wanted)}

    def made_by(self, process: str) -> Product | None:
        """Find the product of a job."""
        with self._database.reading() as connection:
            row = connection.execute(HEADS.where(products.c.process == process)).one_or_none()
        return None if row is None else product_from_row(row)

    def update(
        self, product_id: int, values: Mapping[str, Any], states: Sequence[ProductStatus]
    ) -> None:
        """Change values of a product.

        Parameters
        ----------
        product_id
            Of the product.
        values
            By the name of their columns; `groups` are the names of all groups that it is for.
        states
            In which it must be.

        Raises
        ------
        ProductConflict
            If it is in another state.
        ProductRefused
            If there is no group of a name.
        """
        plain = {name: value for name, value in values.items() if name != "groups"}
        with self._database.writing() as connection:
            lock_product(connection, product_id, states)
            if "groups" in values:
                set_groups(connection, product_id, values["groups"])
            connection.execute(
                update(products)
                .where(products.c.id == product_id)
                .values(updated=datetime.now(UTC), **plain)
            )
            bump(connection)

    def files(self, visibility: Visibility, product_id: int | None = None) -> list[ProductFile]:
        """List the files of the products that a caller may know of, by id."""
        query = (
            select(product_files)
            .join(products, products.c.id == product_files.c.product_id)
            .where(visible(visibility), *of_product(product_files, product_id))
            .order_by(product_files.c.id)
        )
        with self._database.reading() as connection:
            return [file_from_row(row) for row in connection.execute(query)]

    def file(self, file_id: int) -> ProductFile:
        """Find a file.

        Raises
        ------
        ProductFileNotFound
            If there is none.
        """
        query = select(product_files).where(product_files.c.id == file_id)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise ProductFileNotFound.named(file_id)
        return file_from_row(row)

    def set_reading(self, file: ProductFile) -> None:
        """Keep how the table of a file that waits for publication is found."""
        with self._database.writing() as connection:
            connection.execute(
                update(product_files)
                .where(product_files.c.id == file.id, product_files.c.version.is_(None))
                .values(reading=dict(file.reading) or None)
            )

    def files_of(self, product_id: int) -> list[ProductFile]:
        """List the files of one product, by id."""
        query = (
            select(product_files)
            .where(product_files.c.product_id == product_id)
            .order_by(product_files.c.id)
        )
        with self._database.reading() as connection:
            return [file_from_row(row) for row in connection.execute(query)]

    def add_file(
        self,
        file: ProductFile,
        members: Sequence[FileMember],
        states: Sequence[ProductStatus],
        place: Callable[[], str],
        *,
        replaced: int | None = None,
        most: int | None = None,
    ) -> ProductFile:
        """Add a file to a product: when this returns, it is there for good.

        Parameters
        ----------
        file
            Without its id and place.
        members
            Its files, if it is a folder.
        states
            In which the product must be.
        place
            Moves the file to its place, and names that; called when everything else is done.
        replaced
            Id of an unpublished file whose place this one takes, with its id and what is said
            of its columns.
        most
            Files that a product may have.

        Raises
        ------
        ProductConflict
            If the product is in another state.
        ProductRefused
            If it has a main file already, or too many files.

        Notes
        -----
        A file beside the table whose name another one has gets a number behind it: clients send
        ``notes.txt`` of several folders.
        """
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            lock_product(connection, file.product_id, states)
            present = _files(connection, file.product_id)
            others = [other for other in present if other.id != replaced]
            _check_room(file, others, most)
            name = _free_name(file, others)
            added = replace(file, name=name, stored=place(), created=now, updated=now)
            if replaced is None:
                file_id = insert_file(connection, added, members)
            else:
                file_id = replaced
                _note_discarded(connection, file_id, now)
                _replace_file(connection, file_id, added, members)
            if file.role is FileRole.MAIN:
                reopen(connection, file.product_id)
            touch(connection, file.product_id, now)
        return replace(added, id=file_id)

    def remove_file(self, file: ProductFile, states: Sequence[ProductStatus]) -> None:
        """Forget a file that is not the main file of a published version.

        Raises
        ------
        ProductConflict
            If it is one, or the product is in another state.
        """
        with self._database.writing() as connection:
            lock_product(connection, file.product_id, states)
            row = connection.execute(
                select(product_files.c.version).where(product_files.c.id == file.id)
            ).one_or_none()
            if row is not None and row.version is not None:
                raise ProductConflict(
                    f"{file.name!r} is the main file of version {row.version}, which stays; put a "
                    "new version in its place, or delete the product"
                )
            _note_discarded(connection, file.id, datetime.now(UTC))
            _delete_file(connection, file.id)
            if file.role is FileRole.MAIN:
                reopen(connection, file.product_id)
            touch(connection, file.product_id, datetime.now(UTC))

    def members(self, file_id: int) -> tuple[FileMember, ...]:
        """List the files inside a folder that counts as one file."""
        query = (
            select(product_file_members)
            .where(product_file_members.c.file_id == file_id)
            .order_by(product_file_members.c.position)
        )
        with self._database.reading() as connection:
            return tuple(
                FileMember(row.path, row.size_bytes, row.sha256, row.crc32)
                for row in connection.execute(query)
            )

    def complete_file(self, file_id: int, crc32: int | None, members: Sequence[FileMember]) -> None:
        """Add what an older release did not keep of a file."""
        with self._database.writing() as connection:
            connection.execute(
                update(product_files)
                .where(product_files.c.id == file_id)
                .values(crc32=crc32, is_directory=bool(members))
            )
            replace_members(connection, file_id, members)

    def fail(self, product_id: int, reason: str) -> None:
        """Mark an unpublished product as failed; a published one stays what it is."""
        with self._database.writing() as connection:
            connection.execute(
                update(products)
                .where(products.c.id == product_id, products.c.status.in_(_UNPUBLISHED))
                .values(
                    status=int(ProductStatus.FAILED),
                    failure=storable_text(reason),
                    updated=datetime.now(UTC),
                )
            )


_UNPUBLISHED = [
    int(ProductStatus.REGISTERING), int(ProductStatus.PROCESSING), int(ProductStatus.FAILED)
]  # fmt: skip


def _files(connection: Connection, product_id: int) -> list[ProductFile]:
    rows = connection.execute(select(product_files).where(product_files.c.product_id == product_id))
    return [file_from_row(row) for row in rows]


def _check_room(file: ProductFile, others: Sequence[ProductFile], most: int | None) -> None:
    main = [other for other in others if other.role is FileRole.MAIN and other.version is None]
    if file.role is FileRole.MAIN and main:
        raise ProductRefused(
            "role",
            f"the product has a main file already, {main[0].name!r}; a product has one: remove "
            "that one first, or add this one as auxiliary file",
        )
    if most is not None and len(others) >= most:
        raise ProductRefused("file", f"the product has {len(others)} files, and may have no more")


def _free_name(file: ProductFile, others: Sequence[ProductFile]) -> str:
    """Give the name of a file, with a number where another one beside the table has it already."""
    taken = {other.name for other in others if other.role is not FileRole.MAIN}
    if file.role is FileRole.MAIN or file.name not in taken:
        return file.name
    stem, dot, ending = file.name.rpartition(".") if "." in file.name else (file.name, "", "")
    numbered = (f"{stem[:200]}_{n}{dot}{ending}" for n in range(2, len(taken) + 3))
    return next(name for name in numbered if name not in taken)


def _replace_file(
    connection: Connection, file_id: int, file: ProductFile, members: Sequence[FileMember]
) -> None:
    found = connection.execute(
        update(product_files)
        .where(product_files.c.id == file_id, product_files.c.version.is_(None))
        .values(**file_values(file))
    )
    if found.rowcount != 1:
        raise ProductConflict("the file was replaced or published meanwhile; look at it again")
    replace_members(connection, file_id, members)
    connection.execute(delete(product_file_facts).where(product_file_facts.c.file_id == file_id))


def _note_discarded(connection: Connection, file_id: int, now: datetime) -> None:
    row = connection.execute(
        select(products.c.internal_name, product_files.c.stored)
        .join(product_files, product_files.c.product_id == products.c.id)
        .where(product_files.c.id == file_id)
    ).one_or_none()
    if row is not None:
        note_discarded(connection, row.internal_name, row.stored, now)


def _delete_file(connection: Connection, file_id: int) -> None:
    for table in (product_contents, product_file_facts, product_file_members):
        connection.execute(delete(table).where(table.c.file_id == file_id))
    connection.execute(delete(product_files).where(product_files.c.id == file_id))
