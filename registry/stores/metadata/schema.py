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
    text,
)
from sqlalchemy.types import TypeDecorator

__all__ = [
    "METADATA",
    "REVISION",
    "UtcDateTime",
    "discarded_files",
    "installation",
    "product_columns",
    "product_contents",
    "product_file_facts",
    "product_file_members",
    "product_files",
    "product_groups",
    "product_inputs",
    "product_provenance",
    "product_versions",
    "products",
    "schema_state",
]

REVISION = "0012"
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
    Column("pz_code", String(55)),
    Column("release_year", Integer),
    Column("data_url", Text),
    Column("creators", Text),
    Column("article", Text),
    Column("doi", Text),
    Column("licence", Text),
    Column("visibility", String(16), nullable=False, server_default="release"),
    Column("failure", Text),
    Column("origin", String(255)),
    Column("process", String(64)),
    Column("revision", BigInteger, nullable=False, server_default="1"),
    Column("manifest_revision", BigInteger, nullable=False, server_default="0"),
    Index("ix_products_status", "status"),
    Index("ix_products_process", "process", unique=True),
    sqlite_autoincrement=True,
)
"""One row per product. `staging` names the staging folder while a first version is made;
`revision` counts the changes of everything that is known of it, and `manifest_revision` says with
which of them the manifest beside its files was written."""

product_groups = Table(
    "product_groups",
    METADATA,
    Column("product_id", _ID, ForeignKey("products.id"), primary_key=True),
    Column("name", String(150), primary_key=True),
)
"""Groups that products are for, by their names: records are made again where groups are not."""

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
    Column("annotation", Integer, nullable=False, server_default="0"),
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
    Column("frame", Text),
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

product_files = Table(
    "product_files",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("product_id", _ID, ForeignKey("products.id"), nullable=False),
    Column("role", Integer, nullable=False),
    Column("version", Integer),
    Column("name", String(1024), nullable=False),
    Column("media_type", String(255)),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("crc32", BigInteger),
    Column("is_directory", Boolean, nullable=False),
    Column("n_rows", BigInteger),
    Column("stored", String(1100), nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("updated", UtcDateTime, nullable=False),
    Column("registered", UtcDateTime),
    Column("reading", JSON(none_as_null=True)),
    Index("ix_product_files_product_id", "product_id"),
    Index(
        "ix_product_files_main",
        "product_id",
        unique=True,
        sqlite_where=text("role = 0 AND version IS NULL"),
        postgresql_where=text("role = 0 AND version IS NULL"),
    ),
    Index(
        "ix_product_files_name",
        "product_id",
        "name",
        unique=True,
        sqlite_where=text("role <> 0"),
        postgresql_where=text("role <> 0"),
    ),
    UniqueConstraint("product_id", "version"),
    sqlite_autoincrement=True,
)
"""One row per file. `version` is set for main files when they are published; a product has at
most one main file beside the published ones. `stored` is below the product's archive folder."""

product_file_members = Table(
    "product_file_members",
    METADATA,
    Column("file_id", _ID, ForeignKey("product_files.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("path", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("crc32", BigInteger, nullable=False),
)
"""One row per file inside a folder that counts as one file."""

product_file_facts = Table(
    "product_file_facts",
    METADATA,
    Column("file_id", _ID, ForeignKey("product_files.id"), primary_key=True),
    Column("facts", JSON(none_as_null=True), nullable=False),
)
"""What registration found in a main file: preview, histogram, footprint, layout."""

product_contents = Table(
    "product_contents",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("product_id", _ID, ForeignKey("products.id"), nullable=False),
    Column("file_id", _ID, ForeignKey("product_files.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("column_name", Text, nullable=False),
    Column("file_type", Text, nullable=False),
    Column("ucd", Text),
    Column("alias", Text),
    Column("unit", Text),
    Column("description", Text),
    Column("utype", Text),
    Column("frame", Text),
    Column("null_values", JSON(none_as_null=True)),
    Column("suggestion", JSON(none_as_null=True)),
    Column("statistics", JSON(none_as_null=True)),
    UniqueConstraint("file_id", "position"),
    Index("ix_product_contents_product_id", "product_id"),
    sqlite_autoincrement=True,
)
"""One row per column of a main file, with what is said of it."""

product_inputs = Table(
    "product_inputs",
    METADATA,
    Column("product_id", _ID, ForeignKey("products.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("input_id", _ID, ForeignKey("products.id"), nullable=False),
    Column("internal_name", String(255), nullable=False),
    Column("version", Integer),
    Column("sha256", String(64)),
    Index("ix_product_inputs_input_id", "input_id"),
)
"""One row per product that another one was made from, in the order of the pipeline's inputs."""

product_provenance = Table(
    "product_provenance",
    METADATA,
    Column("product_id", _ID, ForeignKey("products.id"), primary_key=True),
    Column("pipeline", String(255), nullable=False),
    Column("pipeline_version", String(255)),
    Column("configuration", JSON(none_as_null=True), nullable=False),
    Column("started", UtcDateTime),
    Column("ended", UtcDateTime),
)
"""One row per product that a pipeline made: how it was made."""

installation = Table(
    "installation",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("identity", String(64)),
    Column("seen", UtcDateTime),
    Column("steady_since", UtcDateTime),
)
"""One row: which home the records belong to, and when the clock was last seen to leap."""

discarded_files = Table(
    "discarded_files",
    METADATA,
    Column("product", String(255), primary_key=True),
    Column("stored", String(1100), primary_key=True),
    Column("discarded", UtcDateTime, nullable=False),
)
"""Files that somebody removed or replaced: the only files of living products that may go."""
