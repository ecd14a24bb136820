"""Everything that is known of a product, as rows in the types of JSON, and back.

Which tables hold it follows from their foreign keys: a new column or a new table that belongs to
products is carried without a word here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Table, delete, func, insert, select, text, update

from registry.errors import RegistryError
from registry.stores.metadata.account_schema import groups, release_groups, releases
from registry.stores.metadata.dataset_schema import datasets
from registry.stores.metadata.schema import METADATA, UtcDateTime, products

__all__ = [
    "OWNED",
    "SHARED",
    "Rows",
    "owners",
    "product_rows",
    "put_product",
    "put_shared",
    "remove_rows",
    "reserve_numbers",
    "row_values",
    "shared_rows",
    "table_rows",
]

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows by the name of their table."""

SHARED = (groups, releases, release_groups, datasets)
"""Tables that say who may see products and what belongs together; each in front of those that
refer to it."""

_UNTOLD = {"products.manifest_revision"}
"""Columns about the manifest itself."""


def _owned() -> dict[Table, tuple[Column[Any], Table]]:
    """Find the tables of products: each with the column that leads to its parent."""
    found: dict[Table, tuple[Column[Any], Table]] = {}
    for table in METADATA.sorted_tables:
        keys = [
            (key.parent, key.column.table)
            for key in table.foreign_keys
            if key.column.table is products or key.column.table in found
        ]
        if keys:
            keys.sort(key=lambda each: (each[0].name != "product_id", each[0].name))
            found[table] = keys[0]
    return found


OWNED = _owned()
"""Tables that belong to products, parents first, with the column that leads to the parent."""


def product_rows(connection: Connection, product_id: int) -> dict[str, list[dict[str, Any]]]:
    """Give everything that is known of a product; no rows if there is none."""
    rows = {products.name: table_rows(connection, products, products.c.id == product_id)}
    for table in OWNED:
        rows[table.name] = table_rows(connection, table, _of_product(table, product_id))
    return rows


def shared_rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Give releases, the groups that they are open to, and datasets."""
    return {table.name: table_rows(connection, table, text("1 = 1")) for table in SHARED}


def remove_rows(connection: Connection, product_id: int) -> None:
    """Remove everything that is known of a product but its own row, which others may refer to."""
    for table in reversed(list(OWNED)):
        connection.execute(delete(table).where(_of_product(table, product_id)))


def put_product(connection: Connection, rows: Rows) -> None:
    """Write a product as it was; numbers that are taken by others' rows are given anew.

    Raises
    ------
    RegistryError
        If the rows were written by a newer release.
    """
    taken: dict[tuple[Any, Any], int] = {}
    for table in (products, *OWNED):
        for row in rows.get(table.name, ()):
            values = row_values(table, row)
            for key in table.foreign_keys:
                old = values.get(key.parent.name)
                values[key.parent.name] = taken.get((key.column.table, old), old)
            number = values.get("id")
            taken_already = number is not None and _has(connection, table, number)
            if table is products:
                values["manifest_revision"] = values["revision"]
                if taken_already:
                    statement = update(products).where(products.c.id == number)
                    connection.execute(statement.values(**values))
                    continue
            elif taken_already:
                del values["id"]
            made = connection.execute(insert(table).values(**values)).inserted_primary_key
            if number is not None and made is not None and made[0] != number:
                taken[table, number] = int(made[0])


def put_shared(connection: Connection, rows: Rows) -> None:
    """Write releases, groups and datasets that are not there yet, found by their names."""
    numbers: dict[tuple[Any, Any], int] = {}
    for table in SHARED:
        for row in rows.get(table.name, ()):
            values = row_values(table, row)
            for key in table.foreign_keys:
                old = values.get(key.parent.name)
                values[key.parent.name] = numbers.get((key.column.table, old), old)
            number = values.pop("id", None)
            where = (
                [table.c.name == values["name"]]
                if number is not None
                else [column == values[column.name] for column in table.primary_key]
            )
            there = connection.execute(select(*table.primary_key).where(*where)).first()
            if there is None:
                there = connection.execute(insert(table).values(**values)).inserted_primary_key
            if number is not None and there is not None:
                numbers[table, number] = int(there[0])


def reserve_numbers(connection: Connection, highest: int) -> None:
    """See to it that the next product gets a higher number than the archive knows."""
    known = connection.execute(select(func.max(products.c.id))).scalar() or 0
    if connection.dialect.name == "sqlite":
        given = connection.exec_driver_sql(
            "SELECT seq FROM sqlite_sequence WHERE name = 'products'"
        ).scalar()
        if max(highest, known) <= (given or 0):
            return
        if given is None:
            connection.exec_driver_sql("INSERT INTO sqlite_sequence VALUES ('products', 0)")
        connection.exec_driver_sql(
            "UPDATE sqlite_sequence SET seq = ? WHERE name = 'products'", (max(highest, known),)
        )
        return
    for table in (products, *OWNED, *SHARED):
        if "id" in table.c:
            least = highest if table is products else 0
            connection.execute(
                text(
                    f"SELECT setval(s, GREATEST(nextval(s) - 1, {int(least)}, "  # noqa: S608 - our own names
                    f"(SELECT COALESCE(max(id), 0) FROM {table.name}), 1)) "
                    f"FROM pg_get_serial_sequence('{table.name}', 'id') AS s"
                )
            )


def _of_product(table: Table, product_id: int) -> Any:  # noqa: ANN401 - an expression of SQL
    column, parent = OWNED[table]
    if parent is products:
        return column == product_id
    return column.in_(select(parent.c.id).where(_of_product(parent, product_id)))


def table_rows(connection: Connection, table: Table, where: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - an expression of SQL
    """Give the rows of a table under a condition, in the types of JSON."""
    columns = [c for c in table.c if f"{table.name}.{c.name}" not in _UNTOLD]
    query = select(*columns).where(where).order_by(*table.primary_key)
    return [
        {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in row._mapping.items()  # noqa: SLF001 - the public name starts so
        }
        for row in connection.execute(query)
    ]


def row_values(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """Give a row in the types of the database again.

    Raises
    ------
    RegistryError
        If it was written by a newer release.
    """
    unknown = sorted(set(row) - set(table.c.keys()))
    if unknown:
        raise RegistryError(
            f"a manifest has {', '.join(unknown)} of {table.name}, which this release does not "
            "know; install the release that wrote it"
        )
    return {
        name: datetime.fromisoformat(value)
        if isinstance(table.c[name].type, UtcDateTime) and value is not None
        else value
        for name, value in row.items()
    }


def _has(connection: Connection, table: Table, number: int) -> bool:
    return connection.execute(select(table.c.id).where(table.c.id == number)).first() is not None


def owners(connection: Connection, table: Table, where: Any) -> Iterable[int]:  # noqa: ANN401 - an expression of SQL
    """Give the products that own the rows of a table under a condition."""
    if table is products:
        return connection.execute(select(products.c.id).where(where)).scalars().all()
    column, parent = OWNED[table]
    keys = connection.execute(select(column).where(where).distinct()).scalars().all()
    return keys if parent is products else owners(connection, parent, parent.c.id.in_(keys))
