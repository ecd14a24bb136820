"""Rows that more than one store writes, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from registry.errors import ProductConflict, ProductNotFound, ProductRefused
from registry.model.product import ProductStatus, ProductVersion
from registry.model.product_file import FileMember, ProductContent, ProductFile
from registry.stores.metadata.account_schema import groups
from registry.stores.metadata.records import (
    column_values,
    content_values,
    file_values,
    version_values,
)
from registry.stores.metadata.schema import (
    product_columns,
    product_contents,
    product_file_facts,
    product_file_members,
    product_files,
    product_groups,
    product_versions,
    products,
    schema_state,
)

__all__ = [
    "bump",
    "insert_file",
    "insert_version",
    "lock_product",
    "reopen",
    "replace_contents",
    "replace_members",
    "retire",
    "save_facts",
    "set_groups",
    "storable_text",
    "touch",
]


def set_groups(connection: Connection, product_id: int, names: Iterable[str]) -> None:
    """Say which groups a product is for.

    Raises
    ------
    ProductRefused
        If there is no group of a name.
    """
    wanted = sorted(set(names))
    known = set(
        connection.execute(select(groups.c.name).where(groups.c.name.in_(wanted))).scalars()
    )
    for name in wanted:
        if name not in known:
            raise ProductRefused.group(name)
    connection.execute(delete(product_groups).where(product_groups.c.product_id == product_id))
    if wanted:
        rows = [{"product_id": product_id, "name": name} for name in wanted]
        connection.execute(insert(product_groups), rows)


def bump(connection: Connection) -> None:
    """Move the counter by which others see that something has changed."""
    connection.execute(update(schema_state).values(version=schema_state.c.version + 1))


def retire(connection: Connection, product_id: int, now: datetime) -> None:
    """Mark the tables of a product as replaced."""
    connection.execute(
        update(product_versions)
        .where(
            product_versions.c.product_id == product_id,
            product_versions.c.retired.is_(None),
        )
        .values(retired=now)
    )


def insert_version(connection: Connection, product_id: int, version: ProductVersion) -> None:
    """Add a table with its columns."""
    made = connection.execute(
        insert(product_versions).values(product_id=product_id, **version_values(version))
    )
    version_id = _key(made.inserted_primary_key)
    rows: Sequence[dict[str, Any]] = [
        {"version_id": version_id, "position": position, **column_values(column)}
        for position, column in enumerate(version.columns)
    ]
    connection.execute(insert(product_columns), rows)


def insert_file(
    connection: Connection, file: ProductFile, members: Sequence[FileMember] = ()
) -> int:
    """Add a file and give its id."""
    made = connection.execute(insert(product_files).values(**file_values(file)))
    file_id = _key(made.inserted_primary_key)
    replace_members(connection, file_id, members)
    return file_id


def replace_members(connection: Connection, file_id: int, members: Sequence[FileMember]) -> None:
    """Set the files of a folder."""
    connection.execute(
        delete(product_file_members).where(product_file_members.c.file_id == file_id)
    )
    if members:
        connection.execute(
            insert(product_file_members),
            [
                {
                    "file_id": file_id,
                    "position": position,
                    "path": member.path,
                    "size_bytes": member.size_bytes,
                    "sha256": member.sha256,
                    "crc32": member.crc32,
                }
                for position, member in enumerate(members)
            ],
        )


def replace_contents(
    connection: Connection, file_id: int, contents: Sequence[ProductContent]
) -> None:
    """Set the columns of a file; they get new ids."""
    connection.execute(delete(product_contents).where(product_contents.c.file_id == file_id))
    if contents:
        rows = [content_values(content) | {"file_id": file_id} for content in contents]
        connection.execute(insert(product_contents), rows)


def save_facts(connection: Connection, file_id: int, facts: dict[str, Any]) -> None:
    """Set what was found in a file."""
    connection.execute(delete(product_file_facts).where(product_file_facts.c.file_id == file_id))
    connection.execute(insert(product_file_facts).values(file_id=file_id, facts=facts))


def lock_product(connection: Connection, product_id: int, states: Sequence[ProductStatus]) -> None:
    """Keep others away from a product that must be in one of some states.

    Raises
    ------
    ProductNotFound, ProductConflict
        If there is no such product, or it is in another state.
    """
    row = connection.execute(
        select(products.c.status, products.c.internal_name)
        .where(products.c.id == product_id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise ProductNotFound.named(product_id)
    if ProductStatus(row.status) not in states:
        wanted = " or ".join(state.name.capitalize() for state in states)
        raise ProductConflict(
            f"product {row.internal_name!r} is {ProductStatus(row.status).name.capitalize()}; this "
            f"can be done while it is {wanted}"
        )


def reopen(connection: Connection, product_id: int) -> None:
    """Let a failed product begin again."""
    connection.execute(
        update(products)
        .where(products.c.id == product_id, products.c.status == int(ProductStatus.FAILED))
        .values(status=int(ProductStatus.REGISTERING), failure=None)
    )


def touch(connection: Connection, product_id: int, now: datetime) -> None:
    """Stamp the last change of a product."""
    connection.execute(update(products).where(products.c.id == product_id).values(updated=now))


def storable_text(text: str) -> str:
    """Write a text that may quote a file so that every database takes it."""
    return text.encode("utf-8", "replace").decode().replace("\x00", " ")[:10_000]


def _key(inserted: Any) -> int:  # noqa: ANN401 - a row of one integer
    return int(inserted[0]) if inserted else 0
