"""Making, filling, indexing and removing users' tables."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa

from registry.errors import (
    LoginRequired,
    QuotaExceeded,
    UserTableChanged,
    UserTableExists,
    UserTableNotFound,
)
from registry.model.principal import Principal
from registry.model.table import Position, Storage, Table
from registry.model.user_table import UserColumn, UserTable, UserTableQuota
from registry.stores.files import FileStore
from registry.stores.metadata.user_tables import SqlUserTableStore
from registry.stores.table import ORDER_COLUMN, StagedTable, TableStore
from registry.stores.user_table_manifests import UserTableManifests
from registry.user_tables.content import TableContent, defined_columns, fitting_rows
from registry.user_tables.indexing import (
    IndexReport,
    column_place,
    index_text,
    marked_columns,
    with_index,
)
from registry.user_tables.names import schema_name, table_name
from registry.user_tables.positions import can_be_indexed, described, fresh_position, kept_position
from registry.user_tables.uniqueness import check_unique, unique_rows

__all__ = ["RELATION_PREFIX", "StoredRows", "UserTableService"]

RELATION_PREFIX = "u"
"""Beginning of the names of users' table files; those of products begin with ``t``."""

_ATTEMPTS = 5
"""Tries of a load that meets others of the same table."""

StoredRows = Callable[[Table, str], AbstractContextManager[Iterator[pa.RecordBatch]]]
"""Reads a published table, sorted by the column of a physical name: the hidden one of the order
in which rows came, or a visible one. Batches have the physical names of the visible columns."""


class UserTableService:
    """Users' own tables: each seen by its owner alone.

    Parameters
    ----------
    store, files, tables
        The stores of the installation.
    rows
        Reads published tables.
    quota
        What each user may keep.
    clock
        Tells the time, aware.

    Notes
    -----
    Rows are kept in immutable table files, as those of products are: a load writes a new file
    with the old rows and the new ones, and one transaction switches to it. Queries that run go
    on with the old file.
    """

    def __init__(
        self,
        store: SqlUserTableStore,
        files: FileStore,
        tables: TableStore,
        rows: StoredRows,
        *,
        quota: UserTableQuota | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._files = files
        self._tables = tables
        self._rows = rows
        self._quota = quota or UserTableQuota()
        self._clock = clock
        self._manifests = UserTableManifests(store, files.home)

    def check_name(self, principal: Principal, name: str) -> str:
        """Check the name of a new table before its rows are read; give it without schema.

        Raises
        ------
        LoginRequired
            If the caller is anonymous.
        NotAllowed
            If it is in the schema of somebody else.
        UserTableRefused
            If it cannot be a name.
        UserTableExists
            If the caller has a table of this name.
        QuotaExceeded
            If the caller has too many tables.
        """
        owner = _owner(principal)
        checked = table_name(owner, name)
        tables = self._store.tables(owner)
        if any(table.name.lower() == checked.lower() for table in tables):
            raise UserTableExists.named(checked)
        if len(tables) >= self._quota.tables:
            raise QuotaExceeded.of_tables(self._quota.tables)
        return checked

    def table(self, principal: Principal, name: str) -> Table:
        """Describe a table of the caller.

        Raises
        ------
        LoginRequired, NotAllowed, UserTableRefused
            As `check_name`.
        UserTableNotFound
            If there is none of this name.
        """
        return described(*self._found(principal, name))

    def create(self, principal: Principal, name: str, content: TableContent) -> Table:
        """Make a table, empty or with rows.

        Parameters
        ----------
        principal
            Its owner.
        name
            With or without the schema.
        content
            Its columns, and the rows if there are some.

        Raises
        ------
        LoginRequired, NotAllowed, UserTableRefused, UserTableExists, QuotaExceeded
            As `check_name`, and for columns that cannot be.
        StorageFull
            If the disk is full; nothing is kept.
        """
        checked = self.check_name(principal, name)
        columns = defined_columns(content.fields)
        rows = fitting_rows(columns, content)
        now = self._clock()
        self._check_room(_owner(principal), None, rows.nbytes)
        draft = UserTable(
            id=0,
            owner=_owner(principal),
            name=checked,
            number=1,
            storage=Storage(""),
            n_rows=rows.num_rows,
            size_bytes=rows.nbytes,
            created=now,
            updated=now,
            last_used=now,
            description=content.description,
        )
        position = fresh_position(columns, rows)
        columns = marked_columns(columns, position)

        def keep(staged: StagedTable) -> UserTable:
            return self._store.add(_stored(draft, staged, position), columns, self._quota)

        table = self._written(columns, rows.to_batches(), position, keep)
        return described(table, columns)

    def load(self, principal: Principal, name: str, content: TableContent) -> Table:
        """Append rows to a table.

        Parameters
        ----------
        principal
            Its owner.
        name
            With or without the schema.
        content
            The rows; their columns are found by name.

        Raises
        ------
        LoginRequired, NotAllowed, UserTableNotFound
            As `table`.
        UserTableRefused
            If the rows do not fit.
        QuotaExceeded
            If the caller's tables would be too large.
        UserTableChanged
            If others change the table all the time.
        StorageFull
            If the disk is full; nothing is kept.
        """
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._load(principal, name, content)
            except UserTableChanged:
                continue
        return self._load(principal, name, content)

    def index(
        self, principal: Principal, name: str, column: str, *, unique: bool = False
    ) -> IndexReport:
        """Make conditions on a column fast, as far as that is in the gift of the storage.

        Parameters
        ----------
        principal
            The owner of the table.
        name
            Of the table.
        column
            Its name, in any case.
        unique
            Whether no value may come twice, now and in rows that are loaded later.

        Raises
        ------
        LoginRequired, NotAllowed, UserTableNotFound
            As `table`.
        UserTableRefused
            If there is no such column, or a value comes twice.
        UserTableChanged
            If somebody else changes the table at the same time.
        StorageFull
            If the disk is full; nothing is changed.

        Notes
        -----
        Rows are sorted by their position where the table has one, and by the indexed column
        otherwise: the engines skip blocks by the extremes of their values.
        """
        table, columns = self._found(principal, name)
        place = column_place(table, columns, column)
        chosen = columns[place]
        visible = described(table, columns)
        if unique:
            with self._rows(visible, ORDER_COLUMN) as batches:
                check_unique([chosen], batches)
        position = kept_position(table)
        changed = list(columns)
        if position is None:
            changed = [with_index(each, each is chosen) for each in columns]
        changed[place] = replace(changed[place], unique=chosen.unique or unique)
        if tuple(changed) != columns:
            order = ORDER_COLUMN if position is not None else chosen.column.physical
            with self._rows(visible, order) as batches:
                self._replaced(table, tuple(changed), batches, position)
        return IndexReport(
            visible.name, chosen.column.field.name, index_text(chosen.column, position)
        )

    def remove(self, principal: Principal, name: str) -> None:
        """Delete a table and its rows; queries that run go on.

        Raises
        ------
        LoginRequired, NotAllowed, UserTableNotFound, UserTableChanged
            As `table` and `index`.
        """
        table, _ = self._found(principal, name)
        self._store.remove(table, self._clock())
        self._manifests.follow()

    def _found(self, principal: Principal, name: str) -> tuple[UserTable, tuple[UserColumn, ...]]:
        owner = _owner(principal)
        checked = table_name(owner, name)
        table = self._store.table(owner, checked)
        if table is None:
            raise UserTableNotFound(
                f"you have no table {schema_name(owner)}.{checked}; see the list under /tables"
            )
        return table, self._store.columns([table.id])[table.id]

    def _check_room(self, owner: str, table_id: int | None, size_bytes: int) -> None:
        # Before anything is written; the transaction looks once more.
        others = [each for each in self._store.tables(owner) if each.id != table_id]
        other_bytes = sum(each.size_bytes for each in others)
        if size_bytes + other_bytes > self._quota.size_bytes:
            raise QuotaExceeded.of_bytes(size_bytes, other_bytes, self._quota.size_bytes)

    def _load(self, principal: Principal, name: str, content: TableContent) -> Table:
        table, columns = self._found(principal, name)
        rows = fitting_rows(columns, content)
        self._check_room(table.owner, table.id, table.size_bytes + rows.nbytes)
        position = fresh_position(columns, rows) if table.n_rows == 0 else kept_position(table)
        if position is not None and not can_be_indexed(position, rows):
            position = None
        if position is not None or kept_position(table) is not None:
            columns = marked_columns(columns, position)
        with self._rows(described(table, columns), ORDER_COLUMN) as old:
            batches = _joined(old, rows)
            after = self._replaced(table, columns, batches, position, rows)
        return described(after, columns)

    def _replaced(
        self,
        table: UserTable,
        columns: tuple[UserColumn, ...],
        batches: Iterable[pa.RecordBatch],
        position: Position | None,
        added: pa.Table | None = None,
    ) -> UserTable:
        now = self._clock()

        def keep(staged: StagedTable) -> UserTable:
            after = replace(
                _stored(table, staged, position),
                number=table.number + 1,
                size_bytes=table.size_bytes + (0 if added is None else added.nbytes),
                updated=now,
                last_used=now,
            )
            self._store.replace(table, after, columns, self._quota)
            return after

        return self._written(columns, batches, position, keep)

    def _written(
        self,
        columns: Sequence[UserColumn],
        batches: Iterable[pa.RecordBatch],
        position: Position | None,
        keep: Callable[[StagedTable], UserTable],
    ) -> UserTable:
        """Write rows to their place and have them recorded; nothing stays if that fails."""
        relation = f"{RELATION_PREFIX}_{secrets.token_hex(8)}"
        visible = [each.column for each in columns]
        unique = [each for each in columns if each.unique]
        checked = unique_rows(unique, batches) if unique else batches
        with self._files.staging() as staging:
            staged = self._tables.stage(relation, visible, checked, staging.path, position)
            file = staged.storage.file or staged.path.name
            try:
                with self._files.placing():
                    self._tables.publish(staged)
                    kept = keep(staged)
            except BaseException:
                # An interrupt may come after the commit: then the file belongs to the table.
                if file not in self._store.files_in_use(self._clock()):
                    self._tables.drop(file)
                raise
        self._manifests.follow()
        return kept


def _owner(principal: Principal) -> str:
    if principal.user is None:
        raise LoginRequired(
            "tables of your own need an account; send a token as `Authorization: Bearer TOKEN`, or "
            "your user name with the token as password"
        )
    return principal.user


def _stored(table: UserTable, staged: StagedTable, position: Position | None) -> UserTable:
    return replace(
        table,
        storage=Storage(staged.storage.relation, staged.storage.file or staged.path.name),
        n_rows=staged.n_rows,
        ra=None if position is None else position.ra,
        dec=None if position is None else position.dec,
    )


def _joined(old: Iterable[pa.RecordBatch], new: pa.Table) -> Iterator[pa.RecordBatch]:
    for batch in old:
        yield pa.RecordBatch.from_arrays(batch.columns, names=new.column_names)
    yield from new.to_batches()
