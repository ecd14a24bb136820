"""Tables as the Virtual Observatory sees them, and where their rows are stored.

A `TableSet` is one immutable snapshot of everything that one caller may see; VOSI's tables
document, TAP_SCHEMA and the resolver of ADQL names all read the same snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa

from registry.model.field import Field

__all__ = [
    "Column",
    "ForeignKey",
    "Position",
    "Schema",
    "Storage",
    "Table",
    "TableSet",
]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a published table.

    Attributes
    ----------
    field
        Name (spelt as in the file, without quotes) and meaning.
    physical
        Name inside the engine, generated: ``c0``, ``c1`` ...
    principal
        Whether a short listing of the table should show it.
    indexed
        Whether conditions on it are fast.
    std
        Whether a standard defines it (TAP_SCHEMA, ObsCore).
    """

    field: Field
    physical: str
    principal: bool = False
    indexed: bool = False
    std: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """The main sky position of a table and the hidden index over it.

    Attributes
    ----------
    ra, dec
        Physical names of the columns with right ascension and declination, ICRS degrees.
    healpix
        Physical name of the hidden column with the nested HEALPix index of order 29 of the
        position (null where the position is null); rows are sorted by it.
    """

    ra: str
    dec: str
    healpix: str


@dataclass(frozen=True, slots=True)
class Storage:
    """Where the rows of a table are.

    Attributes
    ----------
    relation
        Physical name of the table inside the engine.
    file
        Name of the table file inside the archive's table folder; absent where the rows come
        with the query (TAP_SCHEMA, uploads), as an Arrow table registered under `relation`.
    """

    relation: str
    file: str | None = None


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A documented relation between two tables.

    Attributes
    ----------
    key_id
        Identifier, unique in the table set.
    target_table
        Qualified name of the table that is referred to.
    columns
        Pairs of column names, from this table and from the target.
    description, utype
        For people, for data models.
    """

    key_id: str
    target_table: str
    columns: tuple[tuple[str, str], ...]
    description: str | None = None
    utype: str | None = None


@dataclass(frozen=True)
class Table:
    """A table that can be queried.

    Attributes
    ----------
    schema_name, table_name
        Regular ADQL identifiers; their qualified form is `name`.
    columns
        Visible columns in display order. Hidden columns of the engine (HEALPix index, file
        order) are not among them.
    storage
        Where the rows are.
    description, utype, title
        For people, for data models, a few words as heading.
    nrows
        Number of rows, where it is known.
    position
        Main sky position and its index, where there is one.
    order
        Physical name of the hidden column with the row's position in the user's file.
    foreign_keys
        Relations to other tables.
    product
        Internal name of the product that the table belongs to.
    coverage
        MOC of the positions in ASCII, where it is known.
    """

    schema_name: str
    table_name: str
    columns: tuple[Column, ...]
    storage: Storage
    description: str | None = None
    utype: str | None = None
    title: str | None = None
    nrows: int | None = None
    position: Position | None = None
    order: str | None = None
    foreign_keys: tuple[ForeignKey, ...] = ()
    product: str | None = None
    coverage: str | None = None

    @property
    def name(self) -> str:
        """Qualified name, as TAP_SCHEMA shows it."""
        return f"{self.schema_name}.{self.table_name}"

    @cached_property
    def by_name(self) -> dict[str, tuple[Column, ...]]:
        """Columns by lower-case name; several where the spelling differs in case alone."""
        found: dict[str, tuple[Column, ...]] = {}
        for column in self.columns:
            key = column.field.name.lower()
            found[key] = (*found.get(key, ()), column)
        return found


@dataclass(frozen=True)
class Schema:
    """A named set of tables.

    Attributes
    ----------
    name
        Regular ADQL identifier.
    tables
        Tables in display order.
    description, utype
        For people, for data models.
    """

    name: str
    tables: tuple[Table, ...]
    description: str | None = None
    utype: str | None = None


@dataclass(frozen=True)
class TableSet:
    """Everything that one caller may query, at one moment.

    Attributes
    ----------
    schemas
        Schemas in display order, TAP_SCHEMA among them.
    version
        Changes whenever the set or a table in it changes; a key for caches.
    contents
        Rows of tables that come with the set (`Storage.file` is absent), by their relation;
        those of TAP_SCHEMA are made from the set itself.
    """

    schemas: tuple[Schema, ...]
    version: str
    contents: Mapping[str, pa.Table] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def by_name(self) -> dict[tuple[str, str], Table]:
        """Tables by lower-case schema and table name."""
        return {(t.schema_name.lower(), t.table_name.lower()): t for t in self}

    @cached_property
    def by_bare_name(self) -> dict[str, tuple[Table, ...]]:
        """Tables by lower-case table name alone."""
        found: dict[str, tuple[Table, ...]] = {}
        for table in self:
            key = table.table_name.lower()
            found[key] = (*found.get(key, ()), table)
        return found

    def __iter__(self) -> Iterator[Table]:
        for schema in self.schemas:
            yield from schema.tables
