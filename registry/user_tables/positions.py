"""The position of a user's table: its columns, its index, and the table that has it."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from registry.annotation.suggestions import ColumnProfile, suggest
from registry.ingestion.positions import PositionScan
from registry.model.field import Field
from registry.model.table import Position, Table
from registry.model.user_table import UserColumn, UserTable
from registry.stores.table import HEALPIX_COLUMN, ORDER_COLUMN
from registry.user_tables.names import schema_name

__all__ = ["can_be_indexed", "described", "fresh_position", "kept_position", "position_of"]

_UCDS = (("pos.eq.ra;meta.main", "pos.eq.dec;meta.main"), ("pos.eq.ra", "pos.eq.dec"))
"""The main position first; one that is not so marked counts if it is the only one."""


def position_of(columns: Sequence[UserColumn]) -> Position | None:
    """Find the columns of the position: by their UCDs, else by their names.

    Parameters
    ----------
    columns
        Of the table, in order.
    """
    numbers = [
        each.column
        for each in columns
        if each.column.field.type.is_numeric and each.column.field.unit in (None, "deg")
    ]
    for ra_ucd, dec_ucd in _UCDS:
        ra = [c.physical for c in numbers if _ucd(c.field) == ra_ucd]
        dec = [c.physical for c in numbers if _ucd(c.field) == dec_ucd]
        if len(ra) == len(dec) == 1:
            return Position(ra[0], dec[0], HEALPIX_COLUMN)
    guesses = suggest([ColumnProfile(c.field.name, True, False) for c in numbers])
    roles = {
        guess.alias: column.physical
        for column, guess in zip(numbers, guesses, strict=True)
        if guess is not None and guess.alias is not None and column.field.ucd is None
    }
    if "RA" in roles and "Dec" in roles:
        return Position(roles["RA"], roles["Dec"], HEALPIX_COLUMN)
    return None


def can_be_indexed(position: Position, rows: pa.Table) -> bool:
    """Tell whether all values are places on the sky, or null.

    Parameters
    ----------
    position
        Names of the columns.
    rows
        Any number of them.
    """
    scan = PositionScan(position.ra, position.dec)
    for batch in rows.select([position.ra, position.dec]).to_batches():
        scan.see(batch.column(position.ra), batch.column(position.dec))
    return not scan.problems()


def fresh_position(columns: Sequence[UserColumn], rows: pa.Table) -> Position | None:
    """Find the position of rows that have none before them, if it can be indexed."""
    position = position_of(columns)
    return position if position is not None and can_be_indexed(position, rows) else None


def kept_position(table: UserTable) -> Position | None:
    """Give the position by which the rows of a table are indexed and sorted."""
    if table.ra is None or table.dec is None:
        return None
    return Position(table.ra, table.dec, HEALPIX_COLUMN)


def described(table: UserTable, columns: Sequence[UserColumn]) -> Table:
    """Describe a user's table as queries see it.

    Parameters
    ----------
    table, columns
        As the metadata store gives them.
    """
    return Table(
        schema_name=schema_name(table.owner),
        table_name=table.name,
        columns=tuple(each.column for each in columns),
        storage=table.storage,
        description=table.description,
        nrows=table.n_rows,
        position=kept_position(table),
        order=ORDER_COLUMN,
    )


def _ucd(field: Field) -> str:
    return (field.ucd or "").lower()
