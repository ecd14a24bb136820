"""What the metadata database knows of users' own tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from registry.errors import QuotaExceeded, UserTableChanged, UserTableExists
from registry.model.field import Datatype, Field, ValueType
from registry.model.table import Column, Storage
from registry.model.user_table import UserColumn, UserTable, UserTableQuota
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.deletions import SqlDeletionStore
from registry.stores.metadata.dump import Rows, row_values, table_rows
from registry.stores.metadata.user_table_schema import (
    retired_user_tables,
    user_table_columns,
    user_tables,
)

__all__ = ["SqlUserTableStore"]

_PLAIN = (
    "owner",
    "name",
    "number",
    "n_rows",
    "size_bytes",
    "ra",
    "dec",
    "description",
    "created",
    "updated",
    "last_used",
)

_USE_INTERVAL_S = 3600
"""A use is not written down again sooner: expiry counts in days."""


class SqlUserTableStore:
    """Keeps the records of users' tables, each change in one transaction.

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

    def tables(self, owner: str) -> tuple[UserTable, ...]:
        """List the tables of a user, the oldest first."""
        statement = select(user_tables).where(user_tables.c.owner == owner)
        with self._database.reading() as connection:
            rows = connection.execute(statement.order_by(user_tables.c.id))
            return tuple(_table(row) for row in rows)

    def table(self, owner: str, name: str) -> UserTable | None:
        """Find a table of a user by its name in any case."""
        statement = select(user_tables).where(
            user_tables.c.owner == owner, user_tables.c.name_key == name.lower()
        )
        with self._database.reading() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else _table(row)

    def columns(self, tables: Iterable[int]) -> dict[int, tuple[UserColumn, ...]]:
        """Give the columns of some tables, by id, in order."""
        wanted = list(tables)
        found: dict[int, list[UserColumn]] = {table: [] for table in wanted}
        statement = (
            select(user_table_columns)
            .where(user_table_columns.c.table_id.in_(wanted))
            .order_by(user_table_columns.c.table_id, user_table_columns.c.position)
        )
        with self._database.reading() as connection:
            for row in connection.execute(statement):
                found[row.table_id].append(_column(row))
        return {table: tuple(columns) for table, columns in found.items()}

    def add(
        self, table: UserTable, columns: Sequence[UserColumn], quota: UserTableQuota
    ) -> UserTable:
        """Keep a new table whose rows are in their place.

        Raises
        ------
        UserTableExists
            If its owner has one of this name.
        QuotaExceeded
            If its owner would have too many tables, or too large ones.
        """
        with self._database.writing() as connection:
            _lock_owner(connection, table.owner)
            same = select(user_tables.c.id).where(
                user_tables.c.owner == table.owner, user_tables.c.name_key == table.name.lower()
            )
            if connection.execute(same).one_or_none() is not None:
                raise UserTableExists.named(table.name)
            _check_quota(connection, table, quota)
            made = connection.execute(insert(user_tables).values(**_values(table)))
            table_id = int(made.inserted_primary_key[0]) if made.inserted_primary_key else 0
            _insert_columns(connection, table_id, columns)
            row = connection.execute(select(user_tables).where(user_tables.c.id == table_id)).one()
        return _table(row)

    def replace(
        self,
        before: UserTable,
        after: UserTable,
        columns: Sequence[UserColumn],
        quota: UserTableQuota,
    ) -> None:
        """Switch a table to other rows, which are in their place.

        Raises
        ------
        UserTableChanged
            If it is no longer as it was before: somebody else was first.
        QuotaExceeded
            If its owner's tables would be too large.
        """
        with self._database.writing() as connection:
            _lock_owner(connection, after.owner)
            _check_quota(connection, after, quota)
            changed = connection.execute(
                update(user_tables)
                .where(user_tables.c.id == before.id, user_tables.c.number == before.number)
                .values(**_values(after))
            )
            if changed.rowcount != 1:
                raise UserTableChanged(before.name)
            connection.execute(
                delete(user_table_columns).where(user_table_columns.c.table_id == before.id)
            )
            _insert_columns(connection, before.id, columns)
            _retire(connection, [before], after.updated)

    def remove(self, table: UserTable, now: datetime) -> None:
        """Forget a table; its rows stay until `forget_retired`.

        Raises
        ------
        UserTableChanged
            If it is no longer as it was given.
        """
        with self._database.writing() as connection:
            if not _remove(connection, table, now):
                raise UserTableChanged(table.name)

    def note_use(self, relations: Iterable[str], now: datetime) -> None:
        """Write down that the rows of some tables were read, unless they were just before."""
        names = sorted(set(relations))
        if not names:
            return
        used = user_tables.c.relation.in_(names)
        with self._database.reading() as connection:
            rows = connection.execute(select(user_tables.c.id, user_tables.c.last_used).where(used))
            due = [
                row.id for row in rows if (now - row.last_used).total_seconds() > _USE_INTERVAL_S
            ]
        if due:
            with self._database.writing() as connection:
                connection.execute(
                    update(user_tables).where(user_tables.c.id.in_(due)).values(last_used=now)
                )

    def expire(self, unused_since: datetime, now: datetime) -> list[UserTable]:
        """Forget the tables that were not used since a moment, and give them."""
        with self._database.writing() as connection:
            old = select(user_tables).where(user_tables.c.last_used < unused_since)
            tables = [_table(row) for row in connection.execute(old.with_for_update())]
            return [table for table in tables if _remove(connection, table, now)]

    def files_in_use(self, retired_since: datetime) -> frozenset[str]:
        """Name the files that queries may need: those of now, and those of a moment ago."""
        retired = select(retired_user_tables.c.table_file).where(
            retired_user_tables.c.retired >= retired_since
        )
        with self._database.reading() as connection:
            return frozenset(
                (
                    *connection.execute(select(user_tables.c.table_file)).scalars(),
                    *connection.execute(retired).scalars(),
                )
            )

    def known_files(self) -> set[str]:
        """Name the files of all tables, and of rows that were replaced or removed."""
        with self._database.reading() as connection:
            return {
                *connection.execute(select(user_tables.c.table_file)).scalars(),
                *connection.execute(select(retired_user_tables.c.table_file)).scalars(),
            }

    def everybodys(self) -> tuple[UserTable, ...]:
        """List the tables of all users, the oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(user_tables).order_by(user_tables.c.id))
            return tuple(_table(row) for row in rows)

    def rows(self, relation: str) -> dict[str, list[dict[str, Any]]]:
        """Give everything that is known of a table, as rows in the types of JSON."""
        mine = user_tables.c.relation == relation
        owned = user_table_columns.c.table_id.in_(select(user_tables.c.id).where(mine))
        with self._database.reading() as connection:
            return {
                user_tables.name: table_rows(connection, user_tables, mine),
                user_table_columns.name: table_rows(connection, user_table_columns, owned),
            }

    def put_rows(self, rows: Rows, now: datetime) -> None:
        """Record a table as `rows` gave it; it takes the place of an older state.

        Raises
        ------
        RegistryError
            If the rows were written by a newer release.
        """
        (said,) = (row_values(user_tables, row) for row in rows[user_tables.name])
        del said["id"]
        same = (user_tables.c.owner == said["owner"], user_tables.c.name_key == said["name_key"])
        with self._database.writing() as connection:
            for older in connection.execute(select(user_tables).where(*same)).all():
                _remove(connection, _table(older), now)
            made = connection.execute(insert(user_tables).values(**said | {"last_used": now}))
            table_id = made.inserted_primary_key[0] if made.inserted_primary_key else 0
            for row in rows[user_table_columns.name]:
                values = row_values(user_table_columns, row) | {"table_id": table_id}
                connection.execute(insert(user_table_columns).values(**values))

    def retired_files(self, before: datetime | None = None) -> set[str]:
        """Name the files of rows that were replaced or removed, also before a moment alone."""
        query = select(retired_user_tables.c.table_file)
        if before is not None:
            query = query.where(retired_user_tables.c.retired < before)
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def forget_retired(self, files: Sequence[str]) -> None:
        """Forget files that are gone."""
        with self._database.writing() as connection:
            connection.execute(
                delete(retired_user_tables).where(retired_user_tables.c.table_file.in_(files))
            )


def _lock_owner(connection: Connection, owner: str) -> None:
    # On SQLite the transaction is the only one that writes.
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("tables:" + owner))))


def _check_quota(connection: Connection, table: UserTable, quota: UserTableQuota) -> None:
    others = select(func.count(), func.coalesce(func.sum(user_tables.c.size_bytes), 0)).where(
        user_tables.c.owner == table.owner, user_tables.c.id != table.id
    )
    number, size_bytes = connection.execute(others).one()
    if table.id == 0 and number >= quota.tables:
        raise QuotaExceeded.of_tables(quota.tables)
    if int(size_bytes) + table.size_bytes > quota.size_bytes:
        raise QuotaExceeded.of_bytes(table.size_bytes, int(size_bytes), quota.size_bytes)


def _remove(connection: Connection, table: UserTable, now: datetime) -> bool:
    mine = user_table_columns.c.table_id == table.id
    gone = delete(user_tables).where(
        user_tables.c.id == table.id, user_tables.c.number == table.number
    )
    connection.execute(delete(user_table_columns).where(mine))
    if connection.execute(gone).rowcount != 1:
        # The caller's error takes the deletion of the columns back.
        return False
    _retire(connection, [table], now)
    return True


def _retire(connection: Connection, tables: Sequence[UserTable], now: datetime) -> None:
    rows = [{"table_file": table.storage.file, "retired": now} for table in tables]
    connection.execute(insert(retired_user_tables), rows)


def _insert_columns(connection: Connection, table_id: int, columns: Sequence[UserColumn]) -> None:
    rows = [
        {"table_id": table_id, "position": position, **_column_values(column)}
        for position, column in enumerate(columns)
    ]
    connection.execute(insert(user_table_columns), rows)


def _values(table: UserTable) -> dict[str, Any]:
    return {name: getattr(table, name) for name in _PLAIN} | {
        "name_key": table.name.lower(),
        "relation": table.storage.relation,
        "table_file": table.storage.file,
    }


def _table(row: Row[Any]) -> UserTable:
    storage = Storage(row.relation, row.table_file)
    return UserTable(id=row.id, storage=storage, **{name: getattr(row, name) for name in _PLAIN})


def _column_values(column: UserColumn) -> dict[str, Any]:
    said = asdict(column.column.field)
    return (
        {name: said[name] for name in ("name", "unit", "ucd", "utype", "description")}
        | {name: said["type"][name] for name in ("arraysize", "xtype")}
        | {
            "datatype": column.column.field.type.datatype.value,
            "physical": column.column.physical,
            "indexed": column.column.indexed,
            "is_unique": column.unique,
        }
    )


def _column(row: Row[Any]) -> UserColumn:
    value_type = ValueType(Datatype(row.datatype), row.arraysize, row.xtype)
    field = Field(row.name, value_type, row.unit, row.ucd, row.utype, row.description)
    return UserColumn(
        Column(field, row.physical, principal=True, indexed=row.indexed), row.is_unique
    )
