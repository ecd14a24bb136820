"""TAP_SCHEMA: the tables that describe the tables.

The definition of the five tables, and their rows for one snapshot. The VOSI tables document
is rendered from the same snapshot, so that the two always agree (TAP 1.1, section 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from registry.model.field import Datatype, Field, ValueType
from registry.model.identifier import adql_name
from registry.model.table import Column, ForeignKey, Schema, Storage, Table, TableSet

__all__ = [
    "SCHEMA_NAME",
    "column_name",
    "foreign_key_columns",
    "rows",
    "tap_schema",
    "with_tap_schema",
]

SCHEMA_NAME = "TAP_SCHEMA"
"""Name of the schema: TAP 1.1, section 4."""

_WORD = ValueType(Datatype.CHAR, "*")
_TEXT = ValueType(Datatype.UNICODE_CHAR, "*")
_INT = ValueType(Datatype.INT)
_LONG = ValueType(Datatype.LONG)

_Row = tuple[object, ...]


def tap_schema() -> Schema:
    """Define the schema TAP_SCHEMA.

    Returns
    -------
    Schema
        The five tables of TAP 1.1, section 4, with the columns in the order in which `rows`
        fills them. Columns that the standard does not know (`title`, `nrows`) have std 0.

    Notes
    -----
    Names of columns and free text may leave ASCII and are ``unicodeChar``; everything else is
    ``char``. Flags and indexes are ``int``, as the standard asks.
    """
    return Schema(
        SCHEMA_NAME,
        (_schemas(), _tables(), _columns(), _keys(), _key_columns()),
        description="Tables that describe the schemas, tables, columns and keys of this service.",
    )


def with_tap_schema(
    schemas: Sequence[Schema], version: str, contents: Mapping[str, pa.Table] | None = None
) -> TableSet:
    """Complete the schemas of a caller with TAP_SCHEMA.

    Parameters
    ----------
    schemas
        What the caller may see; TAP_SCHEMA comes behind them, so that listings begin with data.
    version
        Version of the snapshot.
    contents
        Rows of tables in `schemas` that come with the set, by their relation.

    Raises
    ------
    ValueError
        If one of `schemas` is called TAP_SCHEMA itself, in any case.
    """
    if any(schema.name.upper() == SCHEMA_NAME for schema in schemas):
        raise ValueError(f"the schema name {SCHEMA_NAME} is taken by the service: leave it out")
    return TableSet((*schemas, tap_schema()), version, contents or {})


def column_name(table: Table, column: Column) -> str:
    """Write the name of a column as queries must: quoted where ADQL needs it.

    A name is also quoted where another column of the table differs in case alone, because bare
    names do not tell them apart.
    """
    name = column.field.name
    if len(table.by_name.get(name.lower(), ())) > 1:
        return '"' + name.replace('"', '""') + '"'
    return adql_name(name)


def foreign_key_columns(tables: TableSet, table: Table, key: ForeignKey) -> list[tuple[str, str]]:
    """List the pairs of a foreign key as queries write them, from `table` and from the target."""
    schema, _, name = key.target_table.partition(".")
    target = tables.by_name.get((schema.lower(), name.lower()))
    return [(_named(table, own), _named(target, other)) for own, other in key.columns]


def _named(table: Table | None, name: str) -> str:
    if table is not None:
        for column in table.by_name.get(name.lower(), ()):
            if column.field.name == name:
                return column_name(table, column)
    return adql_name(name)


def rows(tables: TableSet) -> dict[str, pa.Table]:
    """Make the contents of TAP_SCHEMA for one snapshot, beside those that come with it.

    Parameters
    ----------
    tables
        Everything that the caller may query, TAP_SCHEMA itself among it.

    Returns
    -------
    dict of str to pyarrow.Table
        By physical name of the relation (`Storage.relation`); the columns have their physical
        names (`Column.physical`). The tables depend on the snapshot alone and may be kept as
        long as it lasts.

    Notes
    -----
    Indexes count from 1 in display order: schemas in the set, tables in their schema, columns
    in their table.
    """
    contents: dict[str, Iterable[_Row]] = {
        "schemas": _schema_rows(tables),
        "tables": _table_rows(tables),
        "columns": _column_rows(tables),
        "keys": _key_rows(tables),
        "key_columns": _key_column_rows(tables),
    }
    return {
        **tables.contents,
        **{
            table.storage.relation: _arrow(table, contents[table.table_name])
            for table in tap_schema().tables
        },
    }


def _arrow(table: Table, content: Iterable[_Row]) -> pa.Table:
    schema = pa.schema([(c.physical, c.field.type.arrow) for c in table.columns])
    values = list(zip(*content, strict=True)) or [()] * len(schema)
    return pa.Table.from_arrays(
        [pa.array(v, type=f.type) for v, f in zip(values, schema, strict=True)], schema=schema
    )


def _schema_rows(tables: TableSet) -> Iterator[_Row]:
    for index, schema in enumerate(tables.schemas, start=1):
        yield schema.name, schema.utype, schema.description, index


def _table_rows(tables: TableSet) -> Iterator[_Row]:
    for schema in tables.schemas:
        for index, table in enumerate(schema.tables, start=1):
            yield (
                schema.name,
                table.name,
                "table",
                table.utype,
                table.description,
                index,
                table.title,
                table.nrows,
            )


def _column_rows(tables: TableSet) -> Iterator[_Row]:
    for table in tables:
        for index, column in enumerate(table.columns, start=1):
            field = column.field
            yield (
                table.name,
                column_name(table, column),
                field.type.datatype.value,
                field.type.arraysize,
                field.type.xtype,
                field.type.bound,
                field.description,
                field.utype,
                field.unit,
                field.ucd,
                int(column.indexed),
                int(column.principal),
                int(column.std),
                index,
            )


def _key_rows(tables: TableSet) -> Iterator[_Row]:
    for table in tables:
        for key in table.foreign_keys:
            yield key.key_id, table.name, key.target_table, key.description, key.utype


def _key_column_rows(tables: TableSet) -> Iterator[_Row]:
    for table in tables:
        for key in table.foreign_keys:
            for own, other in foreign_key_columns(tables, table, key):
                yield key.key_id, own, other


def _table(
    name: str, description: str, columns: Sequence[Column], keys: tuple[ForeignKey, ...] = ()
) -> Table:
    return Table(
        SCHEMA_NAME,
        name,
        tuple(columns),
        Storage(relation=f"tap_schema_{name}"),
        description=description,
        foreign_keys=keys,
    )


def _column_list(
    *definitions: tuple[str, ValueType, str], extra: frozenset[str] = frozenset()
) -> list[Column]:
    return [
        Column(
            Field(name, value_type, description=description),
            physical=f"c{number}",
            principal=name not in ("utype", "size"),
            std=name not in extra,
        )
        for number, (name, value_type, description) in enumerate(definitions)
    ]


def _key(key_id: str, target: str, own: str, other: str, description: str) -> ForeignKey:
    return ForeignKey(key_id, f"{SCHEMA_NAME}.{target}", ((own, other),), description)


def _schemas() -> Table:
    return _table(
        "schemas",
        "Schemas of this service.",
        _column_list(
            ("schema_name", _WORD, "Name of the schema."),
            ("utype", _WORD, "Pointer into a data model."),
            ("description", _TEXT, "What the schema holds."),
            ("schema_index", _INT, "Place of the schema in listings, from 1."),
        ),
    )


def _tables() -> Table:
    return _table(
        "tables",
        "Tables that can be queried.",
        _column_list(
            ("schema_name", _WORD, "Schema that the table belongs to."),
            ("table_name", _WORD, "Qualified name, as queries write it."),
            ("table_type", _WORD, "Kind of table: table or view."),
            ("utype", _WORD, "Pointer into a data model."),
            ("description", _TEXT, "What the table holds."),
            ("table_index", _INT, "Place of the table in its schema, from 1."),
            ("title", _TEXT, "Short heading."),
            ("nrows", _LONG, "Number of rows, where it is known."),
            extra=frozenset({"title", "nrows"}),
        ),
        (
            _key(
                "tap_schema_tables_schema",
                "schemas",
                "schema_name",
                "schema_name",
                "Schema of the table.",
            ),
        ),
    )


def _columns() -> Table:
    return _table(
        "columns",
        "Columns of the tables.",
        _column_list(
            ("table_name", _WORD, "Qualified name of the table."),
            ("column_name", _TEXT, "Name, as queries write it: quoted where ADQL needs it."),
            ("datatype", _WORD, "VOTable datatype of the values."),
            ("arraysize", _WORD, "VOTable arraysize; null for single values."),
            ("xtype", _WORD, "DALI extended type."),
            ("size", _INT, "Largest length of text and arrays, where known (old; see arraysize)."),
            ("description", _TEXT, "What the column holds."),
            ("utype", _WORD, "Pointer into a data model."),
            ("unit", _WORD, "Unit, in VOUnits; null where there is none."),
            ("ucd", _WORD, "Meaning, in UCD1+."),
            ("indexed", _INT, "1 where conditions on the column are fast, otherwise 0."),
            ("principal", _INT, "1 where short listings should show the column, otherwise 0."),
            ("std", _INT, "1 where a standard defines the column, otherwise 0."),
            ("column_index", _INT, "Place of the column in its table, from 1."),
        ),
        (
            _key(
                "tap_schema_columns_table",
                "tables",
                "table_name",
                "table_name",
                "Table of the column.",
            ),
        ),
    )


def _keys() -> Table:
    return _table(
        "keys",
        "Relations between tables.",
        _column_list(
            ("key_id", _WORD, "Identifier of the relation."),
            ("from_table", _WORD, "Qualified name of the table that refers."),
            ("target_table", _WORD, "Qualified name of the table that is referred to."),
            ("description", _TEXT, "What the relation means."),
            ("utype", _WORD, "Pointer into a data model."),
        ),
        (
            _key(
                "tap_schema_keys_from", "tables", "from_table", "table_name", "Table that refers."
            ),
            _key(
                "tap_schema_keys_target",
                "tables",
                "target_table",
                "table_name",
                "Table that is referred to.",
            ),
        ),
    )


def _key_columns() -> Table:
    return _table(
        "key_columns",
        "Pairs of columns of the relations.",
        _column_list(
            ("key_id", _WORD, "Identifier of the relation."),
            ("from_column", _TEXT, "Column of the table that refers."),
            ("target_column", _TEXT, "Column of the table that is referred to."),
        ),
        (_key("tap_schema_key_columns_key", "keys", "key_id", "key_id", "Relation of the pair."),),
    )
