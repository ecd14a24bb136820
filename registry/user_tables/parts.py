"""Everything about users' tables, made of the stores of an installation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from registry.model.principal import Principal
from registry.model.table import TableSet
from registry.model.user_table import UserTableQuota
from registry.stores.files import FileStore
from registry.stores.metadata.user_tables import SqlUserTableStore
from registry.stores.table import TableStore
from registry.user_tables.expiry import UserTableExpiry
from registry.user_tables.service import StoredRows, UserTableService
from registry.user_tables.visibility import OwnTables

__all__ = ["UserTables"]


@dataclass(frozen=True, slots=True)
class UserTables:
    """What makes, shows and removes users' tables.

    Attributes
    ----------
    service
        What users do with them.
    visible
        What each may query: the tables of everybody, and their own.
    expiry
        Removes what nobody uses.
    """

    service: UserTableService
    visible: OwnTables
    expiry: UserTableExpiry

    @classmethod
    def over(
        cls,
        store: SqlUserTableStore,
        files: FileStore,
        tables: TableStore,
        *,
        rows: StoredRows,
        base: Callable[[Principal], TableSet],
        quota: UserTableQuota,
        unused: timedelta | None,
    ) -> Self:
        """Make the parts.

        Parameters
        ----------
        store, files, tables
            The stores of the installation.
        rows
            Reads published tables.
        base
            What a caller may query beside tables of their own.
        quota
            What each user may keep.
        unused
            Time without a use after which a table goes; none keeps all.
        """
        return cls(
            UserTableService(store, files, tables, rows, quota=quota),
            OwnTables(base, store),
            UserTableExpiry(store, files, tables, unused),
        )
