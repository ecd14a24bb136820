"""Tables that users keep in schemas of their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from registry.model.table import Column, Storage

__all__ = ["UserColumn", "UserTable", "UserTableQuota"]


@dataclass(frozen=True, slots=True)
class UserColumn:
    """A column of a user's table.

    Attributes
    ----------
    column
        As queries see it.
    unique
        Whether its owner wants no value twice.
    """

    column: Column
    unique: bool = False


@dataclass(frozen=True, slots=True)
class UserTable:
    """A user's table as it is now.

    Attributes
    ----------
    id
        Number in the metadata database; 0 before it is kept.
    owner
        Name of the user.
    name
        Regular ADQL identifier, as its owner spelt it.
    number
        Counts the versions of its rows, from 1.
    storage
        Where the rows of this version are.
    n_rows, size_bytes
        Of this version; the size is that of the values in memory.
    ra, dec
        Physical names of the position's columns, where it is indexed.
    description
        For people.
    created, updated, last_used
        Aware UTC; the last use is a change, or a query that reads the table.
    """

    id: int
    owner: str
    name: str
    number: int
    storage: Storage
    n_rows: int
    size_bytes: int
    created: datetime
    updated: datetime
    last_used: datetime
    ra: str | None = None
    dec: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class UserTableQuota:
    """What one user may keep.

    Attributes
    ----------
    tables
        Number of tables.
    size_bytes
        Of all tables together.
    """

    tables: int = 100
    size_bytes: int = 2**30
