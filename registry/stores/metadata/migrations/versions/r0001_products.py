"""Products, their versions and columns, and the schema counter."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables of the first release."""
    _create_products()
    _create_versions()
    _create_columns()
    state = op.create_table(
        "schema_state",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_schema_state"),
    )
    op.bulk_insert(state, [{"id": 1, "version": 1}])


def downgrade() -> None:
    """Remove everything."""
    for name in ("schema_state", "product_columns", "product_versions", "products"):
        op.drop_table(name)


def _create_products() -> None:
    op.create_table(
        "products",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("internal_name", sa.String(255)),
        sa.Column("display_name", sa.String(255), nullable=False),
        sa.Column("product_type", sa.String(64), nullable=False),
        sa.Column("release", sa.String(255)),
        sa.Column("description", sa.Text),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(255)),
        sa.Column("official", sa.Boolean, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("updated", sa.DateTime, nullable=False),
        sa.Column("current_version", sa.Integer),
        sa.Column("staging", sa.String(255)),
        sa.UniqueConstraint("internal_name", name="uq_products_internal_name"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_products_status", "products", ["status"])


def _create_versions() -> None:
    op.create_table(
        "product_versions",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("product_id", _ID, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("file_name", sa.String(1024), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("n_rows", sa.BigInteger, nullable=False),
        sa.Column("relation", sa.String(64), nullable=False),
        sa.Column("table_file", sa.String(255), nullable=False),
        sa.Column("ra", sa.String(16)),
        sa.Column("dec", sa.String(16)),
        sa.Column("coverage", sa.Text),
        sa.Column("description", sa.Text),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("retired", sa.DateTime),
        sa.UniqueConstraint("product_id", "number", name="uq_product_versions_product_id"),
        sa.UniqueConstraint("relation", name="uq_product_versions_relation"),
        sa.UniqueConstraint("table_file", name="uq_product_versions_table_file"),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name="fk_product_versions_product_id"
        ),
        sqlite_autoincrement=True,
    )


def _create_columns() -> None:
    op.create_table(
        "product_columns",
        sa.Column("version_id", _ID, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("physical", sa.String(16), nullable=False),
        sa.Column("datatype", sa.String(16), nullable=False),
        sa.Column("arraysize", sa.String(32)),
        sa.Column("xtype", sa.String(64)),
        sa.Column("unit", sa.Text),
        sa.Column("ucd", sa.Text),
        sa.Column("utype", sa.Text),
        sa.Column("description", sa.Text),
        sa.Column("alias", sa.Text),
        sa.Column("principal", sa.Boolean, nullable=False),
        sa.Column("indexed", sa.Boolean, nullable=False),
        sa.Column("file_type", sa.Text, nullable=False),
        sa.Column("statistics", sa.JSON),
        sa.PrimaryKeyConstraint("version_id", "position", name="pk_product_columns"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["product_versions.id"], name="fk_product_columns_version_id"
        ),
    )
