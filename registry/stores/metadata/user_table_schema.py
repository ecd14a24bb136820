"""Tables of the metadata database that describe users' own tables."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from registry.stores.metadata.schema import METADATA, UtcDateTime

__all__ = ["retired_user_tables", "user_table_columns", "user_tables"]

_ID = BigInteger().with_variant(Integer(), "sqlite")

user_tables = Table(
    "user_tables",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("owner", String(150), nullable=False),
    Column("name", String(64), nullable=False),
    Column("name_key", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("relation", String(64), nullable=False, unique=True),
    Column("table_file", String(255), nullable=False, unique=True),
    Column("n_rows", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("ra", String(16)),
    Column("dec", String(16)),
    Column("description", Text),
    Column("created", UtcDateTime, nullable=False),
    Column("updated", UtcDateTime, nullable=False),
    Column("last_used", UtcDateTime, nullable=False),
    UniqueConstraint("owner", "name_key"),
    Index("ix_user_tables_last_used", "last_used"),
    sqlite_autoincrement=True,
)
"""One row per table, with the rows that it has now. `name_key` is the name in lower case."""

user_table_columns = Table(
    "user_table_columns",
    METADATA,
    Column("table_id", _ID, ForeignKey("user_tables.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("physical", String(16), nullable=False),
    Column("datatype", String(16), nullable=False),
    Column("arraysize", String(32)),
    Column("xtype", String(64)),
    Column("unit", Text),
    Column("ucd", Text),
    Column("utype", Text),
    Column("description", Text),
    Column("indexed", Boolean, nullable=False),
    Column("is_unique", Boolean, nullable=False),
)
"""One row per column, in the order of the definition."""

retired_user_tables = Table(
    "retired_user_tables",
    METADATA,
    Column("table_file", String(255), primary_key=True),
    Column("retired", UtcDateTime, nullable=False),
    Index("ix_retired_user_tables_retired", "retired"),
)
"""Files of rows that have been replaced or removed; a query that has just begun may need them."""
