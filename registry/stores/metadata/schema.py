"""Tables of the metadata database, in types that SQLite and PostgreSQL share."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

__all__ = [
    "METADATA",
    "REVISION",
    "UtcDateTime",
    "product_columns",
    "product_versions",
    "products",
    "schema_state",
]

REVISION = "0001"
"""The migration that makes the tables as they stand here."""

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""All tables of the database."""

_ID = BigInteger().with_variant(Integer(), "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """Keep aware moments as UTC without a zone, alike on both databases."""

    impl = DateTime(timezone=False)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - signature of the library
        """Take the zone off."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - signature of the library
        """Put the zone back."""
        return None if value is None else value.replace(tzinfo=UTC)


products = Table(
    "products",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("internal_name", String(255), unique=True),
    Column("display_name", String(255), nullable=False),
    Column("product_type", String(64), nullable=False),
    Column("release", String(255)),
    Column("description", Text),
    Column("status", Integer, nullable=False),
    Column("owner", String(255)),
    Column("official", Boolean, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("updated", UtcDateTime, nullable=False),
    Column("current_version", Integer),
    Column("staging", String(255)),
    Index("ix_products_status", "status"),
    sqlite_autoincrement=True,
)
"""One row per product. `staging` names the staging folder while a first version is made."""

product_versions = Table(
    "product_versions",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("product_id", _ID, ForeignKey("products.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("file_name", String(1024), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("n_rows", BigInteger, nullable=False),
    Column("relation", String(64), nullable=False, unique=True),
    Column("table_file", String(255), nullable=False, unique=True),
    Column("ra", String(16)),
    Column("dec", String(16)),
    Column("coverage", Text),
    Column("description", Text),
    Column("created", UtcDateTime, nullable=False),
    Column("retired", UtcDateTime),
    UniqueConstraint("product_id", "number"),
    sqlite_autoincrement=True,
)
"""One row per published edition. `retired` is when another took its place, or none."""

product_columns = Table(
    "product_columns",
    METADATA,
    Column("version_id", _ID, ForeignKey("product_versions.id"), primary_key=True),
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
    Column("alias", Text),
    Column("principal", Boolean, nullable=False),
    Column("indexed", Boolean, nullable=False),
    Column("file_type", Text, nullable=False),
    Column("statistics", JSON(none_as_null=True)),
)
"""One row per column of an edition, in file order."""

schema_state = Table(
    "schema_state",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("version", BigInteger, nullable=False),
)
"""One row: a counter that moves in the same commit as anything that queries can see."""
