"""VOSI tables: the schemas, tables and columns of the service (VOSI 1.1, section 3.3).

The types are those of VODataService 1.2, which keeps the namespace of version 1.1.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum
from threading import Lock

from registry.model.field import ValueType
from registry.model.table import Column, ForeignKey, Schema, Table, TableSet
from registry.tap_schema import column_name, foreign_key_columns
from vosi.document import TABLES_NS, attribute_text, document, element, parent, text

__all__ = [
    "FLAGS_SCHEMA",
    "Detail",
    "TablesCache",
    "find_table",
    "render",
    "render_table",
    "split_names",
    "tableset_children",
]

_FLAGS = {"esatapplus": ("http://esa.int/xml/EsaTapPlus", "esatapplus.xsd")}
"""The namespace of ESA's TAP+, with its schema as it stands beside the document.

The TapPlus client of astroquery (0.4.11) reads no table unless its columns have the attribute
``flags`` of this namespace. VODataService 1.2 lets columns carry attributes of others, if a
schema declares them; validators that know IVOA's schemas alone still warn of it."""

FLAGS_SCHEMA = b"""<?xml version="1.0" encoding="UTF-8"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
           targetNamespace="http://esa.int/xml/EsaTapPlus">
  <xs:attribute name="flags" type="xs:integer"/>
</xs:schema>
"""
"""Declares the attribute that columns have where it is wanted: 1 for an indexed one, or 0."""


class Detail(StrEnum):
    """How much the document says: tables alone, or their columns and keys as well."""

    MIN = "min"
    MAX = "max"


_NAME = re.compile(r'\s*("(?:[^"]|"")+"|[^".\s]+)\s*\.\s*("(?:[^"]|"")+"|[^".\s]+)\s*')

_LISTED = re.compile(r'(?:"(?:[^"]|"")*"|[^,"])+')


def find_table(tables: TableSet, name: str) -> Table | None:
    """Find a table by the name that the document, or a query, gives it.

    Parameters
    ----------
    tables
        What the caller may see.
    name
        Qualified name; either part may be in double quotes.

    Returns
    -------
    Table or None
        None where there is no such table, or where the name is not a qualified name.
    """
    parts = _NAME.fullmatch(name)
    if parts is None:
        return None
    schema_name, table_name = (_unquoted(part).lower() for part in parts.groups())
    return tables.by_name.get((schema_name, table_name))


def _unquoted(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part


def split_names(value: str) -> list[str]:
    """Read a list of qualified names with commas between them; commas inside quotes are names'."""
    return [name.strip() for name in _LISTED.findall(value) if name.strip()]


def render(
    tables: TableSet,
    detail: Detail,
    *,
    flags: bool = False,
    chosen: Collection[Table] | None = None,
) -> bytes:
    """Write the document of all tables, or of some.

    Parameters
    ----------
    tables
        What the caller may see.
    detail
        How much it says.
    flags
        Whether columns have the attribute of `FLAGS_SCHEMA`.
    chosen
        Tables of the set that are written; none is all, also schemas without any.
    """
    children = (
        _schema(tables, schema, written, detail, flags)
        for schema in tables.schemas
        if (written := _written(schema, chosen)) or chosen is None
    )
    foreign = _FLAGS if flags else {}
    return document("tableset", TABLES_NS, ("vs",), children, foreign=foreign)


def tableset_children(tables: TableSet, chosen: Collection[Table]) -> list[str]:
    """Write the schemas of some tables of the set, as a record of the registry has them."""
    return [
        _schema(tables, schema, written, Detail.MAX, flags=False)
        for schema in tables.schemas
        if (written := _written(schema, chosen))
    ]


def render_table(tables: TableSet, table: Table) -> bytes:
    """Write the document of one table of the set, with its columns and keys."""
    children = _table_children(tables, table, Detail.MAX)
    return document("table", TABLES_NS, ("vs",), children, type="table")


class TablesCache:
    """Keep rendered documents of the most recent snapshots.

    Parameters
    ----------
    capacity
        Number of documents that are kept; the one that was not asked for longest goes first.
    """

    def __init__(self, capacity: int = 32) -> None:
        self._capacity = capacity
        self._documents: OrderedDict[tuple[str, Detail, bool], bytes] = OrderedDict()
        self._lock = Lock()

    def render(self, tables: TableSet, detail: Detail, *, flags: bool = False) -> bytes:
        """Give the document of a snapshot, from memory where it was made before; see `render`.

        Notes
        -----
        `TableSet.version` is the key: two snapshots with the same version are the same.
        """
        key = (tables.version, detail, flags)
        with self._lock:
            if key in self._documents:
                self._documents.move_to_end(key)
                return self._documents[key]
        rendered = render(tables, detail, flags=flags)
        with self._lock:
            self._documents[key] = rendered
            while len(self._documents) > self._capacity:
                self._documents.popitem(last=False)
        return rendered


def _written(schema: Schema, chosen: Collection[Table] | None) -> Sequence[Table]:
    if chosen is None:
        return schema.tables
    names = {table.name for table in chosen}
    return [table for table in schema.tables if table.name in names]


def _schema(
    tables: TableSet, schema: Schema, written: Sequence[Table], detail: Detail, flags: bool
) -> str:
    head = [
        element("name", schema.name),
        element("description", schema.description),
        element("utype", schema.utype),
    ]
    body = (
        parent("table", _table_children(tables, table, detail, flags), type="table")
        for table in written
    )
    return parent("schema", (*head, *body))


def _table_children(
    tables: TableSet, table: Table, detail: Detail, flags: bool = False
) -> Iterator[str]:
    yield element("name", table.name)
    yield element("title", table.title)
    yield element("description", table.description)
    yield element("utype", table.utype)
    yield element("nrows", table.nrows)
    if detail is Detail.MIN:
        return
    for column in table.columns:
        yield _column(table, column, flags)
    for key in table.foreign_keys:
        yield _foreign_key(tables, table, key)


def _column(table: Table, column: Column, flags: bool) -> str:
    field = column.field
    std = "true" if column.std else "false"
    flag = f' esatapplus:flags="{int(column.indexed)}"' if flags else ""
    return (
        f'<column std="{std}"{flag}><name>{text(column_name(table, column))}</name>'
        f"{element('description', field.description)}{element('unit', field.unit)}"
        f"{element('ucd', field.ucd)}{element('utype', field.utype)}{_data_type(field.type)}"
        f"{'<flag>indexed</flag>' if column.indexed else ''}</column>"
    )


def _data_type(value_type: ValueType) -> str:
    shape = attribute_text({"arraysize": value_type.arraysize, "extendedType": value_type.xtype})
    return f'<dataType xsi:type="vs:VOTableType"{shape}>{value_type.datatype.value}</dataType>'


def _foreign_key(tables: TableSet, table: Table, key: ForeignKey) -> str:
    pairs = (
        parent("fkColumn", (element("fromColumn", own), element("targetColumn", other)))
        for own, other in foreign_key_columns(tables, table, key)
    )
    children = (
        element("targetTable", key.target_table),
        *pairs,
        element("description", key.description),
        element("utype", key.utype),
    )
    return parent("foreignKey", children)
