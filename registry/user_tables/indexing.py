"""Which columns of a user's table conditions are fast on, and what an index comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from registry.errors import UserTableRefused
from registry.model.table import Column, Position
from registry.model.user_table import UserColumn, UserTable

__all__ = ["IndexReport", "column_place", "index_text", "marked_columns", "with_index"]


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What an index has come to.

    Attributes
    ----------
    table
        Qualified name.
    column
        As the table spells it.
    text
        What makes conditions on the column fast, or why nothing had to be done.
    """

    table: str
    column: str
    text: str


def column_place(table: UserTable, columns: Sequence[UserColumn], asked: str) -> int:
    """Find a column that can be indexed by its name in any case.

    Raises
    ------
    UserTableRefused
        If there is none.
    """
    wanted = asked.strip().strip('"').lower()
    for place, each in enumerate(columns):
        if each.column.field.name.lower() == wanted:
            if each.column.field.type.is_array:
                break
            return place
    names = ", ".join(c.column.field.name for c in columns if not c.column.field.type.is_array)
    raise UserTableRefused(
        f"the table {table.name!r} has no column {asked[:64]!r} that can be indexed; it has "
        f"{names[:400]}"
    )


def marked_columns(
    columns: Sequence[UserColumn], position: Position | None
) -> tuple[UserColumn, ...]:
    """Mark the columns of the position, and no others: rows have one order alone."""
    places = () if position is None else (position.ra, position.dec)
    return tuple(with_index(each, each.column.physical in places) for each in columns)


def with_index(each: UserColumn, indexed: bool) -> UserColumn:
    """Mark a column, or take its mark away."""
    return replace(each, column=replace(each.column, indexed=indexed))


def index_text(column: Column, position: Position | None) -> str:
    """Say what makes conditions on a column fast.

    Parameters
    ----------
    column
        That was asked for.
    position
        Of the table, where it is indexed.
    """
    name = column.field.name
    if position is None:
        return f"the rows are kept in the order of {name}: conditions on it read what they need"
    if column.physical in (position.ra, position.dec):
        return f"{name} belongs to the position, which has an index by HEALPix already"
    return (
        f"the rows stay in the order of their position, so that crossmatches are fast: conditions "
        f"on {name} read the whole column, and nothing else of the rows that they leave out"
    )
