"""The tables that a visitor may query, as the schema browser and the completion show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from registry.model.table import Column, Table, TableSet
from registry.tap_schema import column_name
from vo_service.adql.functions import FUNCTIONS
from vo_service.adql.reserved import RESERVED_WORDS

__all__ = ["TABLES_SHOWN", "ShownColumn", "columns_of", "find_tables", "words"]

TABLES_SHOWN = 100
"""Tables that the browser lists at once; more are found by searching."""


@dataclass(frozen=True, slots=True)
class ShownColumn:
    """A column as queries write it, with what it means."""

    name: str
    type: str
    unit: str | None
    ucd: str | None
    description: str | None
    indexed: bool


def find_tables(tables: TableSet, wanted: str) -> list[Table]:
    """List the tables in which all words occur: in their names, descriptions or columns.

    Parameters
    ----------
    tables
        What the visitor may query.
    wanted
        Words, in any case of letters; without any, all tables.
    """
    asked = wanted.lower().split()
    return [table for table in tables if _fits(table, asked)]


def columns_of(tables: TableSet, name: str) -> list[ShownColumn]:
    """List the columns of a table by its qualified name; none where there is no such table."""
    schema, _, bare = name.partition(".")
    table = tables.by_name.get((schema.lower(), bare.lower()))
    return [] if table is None else [_shown(table, column) for column in table.columns]


def words(tables: TableSet) -> dict[str, object]:
    """Give what the editor completes: reserved words, functions, and names of tables."""
    return {
        "keywords": sorted(RESERVED_WORDS - set(FUNCTIONS)),
        "functions": [
            {"name": each.name, "signature": each.signatures[0], "about": each.description}
            for each in FUNCTIONS.values()
        ],
        "tables": [
            {"name": table.name, "about": table.title or table.description or ""}
            for table in tables
        ],
    }


def _fits(table: Table, asked: list[str]) -> bool:
    if not asked:
        return True
    text = "\n".join(_texts(table)).lower()
    return all(word in text for word in asked)


def _texts(table: Table) -> Iterator[str]:
    yield from (table.name, table.title or "", table.description or "")
    for column in table.columns:
        field = column.field
        yield from (field.name, field.ucd or "", field.description or "")


def _shown(table: Table, column: Column) -> ShownColumn:
    field = column.field
    size = f"[{field.type.arraysize}]" if field.type.is_array else ""
    kind = field.type.xtype or f"{field.type.datatype.value}{size}"
    return ShownColumn(
        column_name(table, column), kind, field.unit, field.ucd, field.description, column.indexed
    )
