"""Files of products, what their columns mean, and where products come from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_PRODUCT_COLUMNS = (
    ("pz_code", sa.String(55)),
    ("release_year", sa.Integer),
    ("data_url", sa.Text),
    ("failure", sa.Text),
    ("origin", sa.String(255)),
    ("process", sa.String(64)),
)


def upgrade() -> None:
    """Make the tables, and describe the files of the products that are there."""
    for name, kind in _PRODUCT_COLUMNS:
        op.add_column("products", sa.Column(name, kind))
    op.create_index("ix_products_process", "products", ["process"], unique=True)
    op.add_column(
        "product_versions",
        sa.Column("annotation", sa.Integer, nullable=False, server_default="0"),
    )
    _create_files()
    _create_file_parts()
    _create_contents()
    _create_provenance()
    op.execute(_FILES_OF_VERSIONS)
    op.execute(_CONTENTS_OF_VERSIONS)


def downgrade() -> None:
    """Remove them."""
    for name in (
        "product_provenance",
        "product_inputs",
        "product_contents",
        "product_file_facts",
        "product_file_members",
        "product_files",
    ):
        op.drop_table(name)
    op.drop_column("product_versions", "annotation")
    op.drop_index("ix_products_process", "products")
    for name, _ in reversed(_PRODUCT_COLUMNS):
        op.drop_column("products", name)


_FILES_OF_VERSIONS = """
INSERT INTO product_files (product_id, role, version, name, size_bytes, sha256, is_directory,
                           n_rows, stored, created, updated, registered)
SELECT product_id, 0, number, file_name, size_bytes, sha256, false,
       n_rows, 'v' || number || '/' || file_name, created, created, created
FROM product_versions ORDER BY id
"""

_CONTENTS_OF_VERSIONS = """
INSERT INTO product_contents (product_id, file_id, position, column_name, file_type, ucd, alias,
                              unit, description, utype, statistics)
SELECT f.product_id, f.id, c.position, c.name, c.file_type, c.ucd, c.alias,
       c.unit, c.description, c.utype, c.statistics
FROM product_columns AS c
JOIN product_versions AS v ON v.id = c.version_id
JOIN product_files AS f ON f.product_id = v.product_id AND f.version = v.number
ORDER BY c.version_id, c.position
"""


def _create_files() -> None:
    pending_main = sa.text("role = 0 AND version IS NULL")
    beside_main = sa.text("role <> 0")
    op.create_table(
        "product_files",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("product_id", _ID, nullable=False),
        sa.Column("role", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("name", sa.String(1024), nullable=False),
        sa.Column("media_type", sa.String(255)),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("crc32", sa.BigInteger),
        sa.Column("is_directory", sa.Boolean, nullable=False),
        sa.Column("n_rows", sa.BigInteger),
        sa.Column("stored", sa.String(1100), nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("updated", sa.DateTime, nullable=False),
        sa.Column("registered", sa.DateTime),
        sa.UniqueConstraint("product_id", "version", name="uq_product_files_product_id"),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name="fk_product_files_product_id"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_product_files_product_id", "product_files", ["product_id"])
    op.create_index(
        "ix_product_files_main",
        "product_files",
        ["product_id"],
        unique=True,
        sqlite_where=pending_main,
        postgresql_where=pending_main,
    )
    op.create_index(
        "ix_product_files_name",
        "product_files",
        ["product_id", "name"],
        unique=True,
        sqlite_where=beside_main,
        postgresql_where=beside_main,
    )


def _create_file_parts() -> None:
    op.create_table(
        "product_file_members",
        sa.Column("file_id", _ID, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("crc32", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("file_id", "position", name="pk_product_file_members"),
        sa.ForeignKeyConstraint(
            ["file_id"], ["product_files.id"], name="fk_product_file_members_file_id"
        ),
    )
    op.create_table(
        "product_file_facts",
        sa.Column("file_id", _ID, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("file_id", name="pk_product_file_facts"),
        sa.ForeignKeyConstraint(
            ["file_id"], ["product_files.id"], name="fk_product_file_facts_file_id"
        ),
    )


def _create_contents() -> None:
    op.create_table(
        "product_contents",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("product_id", _ID, nullable=False),
        sa.Column("file_id", _ID, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("column_name", sa.Text, nullable=False),
        sa.Column("file_type", sa.Text, nullable=False),
        sa.Column("ucd", sa.Text),
        sa.Column("alias", sa.Text),
        sa.Column("unit", sa.Text),
        sa.Column("description", sa.Text),
        sa.Column("utype", sa.Text),
        sa.Column("suggestion", sa.JSON),
        sa.Column("statistics", sa.JSON),
        sa.UniqueConstraint("file_id", "position", name="uq_product_contents_file_id"),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name="fk_product_contents_product_id"
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["product_files.id"], name="fk_product_contents_file_id"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_product_contents_product_id", "product_contents", ["product_id"])


def _create_provenance() -> None:
    op.create_table(
        "product_inputs",
        sa.Column("product_id", _ID, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("input_id", _ID, nullable=False),
        sa.Column("internal_name", sa.String(255), nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("sha256", sa.String(64)),
        sa.PrimaryKeyConstraint("product_id", "position", name="pk_product_inputs"),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name="fk_product_inputs_product_id"
        ),
        sa.ForeignKeyConstraint(["input_id"], ["products.id"], name="fk_product_inputs_input_id"),
    )
    op.create_index("ix_product_inputs_input_id", "product_inputs", ["input_id"])
    op.create_table(
        "product_provenance",
        sa.Column("product_id", _ID, nullable=False),
        sa.Column("pipeline", sa.String(255), nullable=False),
        sa.Column("pipeline_version", sa.String(255)),
        sa.Column("configuration", sa.JSON, nullable=False),
        sa.Column("started", sa.DateTime),
        sa.Column("ended", sa.DateTime),
        sa.PrimaryKeyConstraint("product_id", name="pk_product_provenance"),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name="fk_product_provenance_product_id"
        ),
    )
