"""Users' own tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "user_tables",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("owner", sa.String(150), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("name_key", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("relation", sa.String(64), nullable=False),
        sa.Column("table_file", sa.String(255), nullable=False),
        sa.Column("n_rows", sa.BigInteger, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("ra", sa.String(16)),
        sa.Column("dec", sa.String(16)),
        sa.Column("description", sa.Text),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("updated", sa.DateTime, nullable=False),
        sa.Column("last_used", sa.DateTime, nullable=False),
        sa.UniqueConstraint("owner", "name_key", name="uq_user_tables_owner"),
        sa.UniqueConstraint("relation", name="uq_user_tables_relation"),
        sa.UniqueConstraint("table_file", name="uq_user_tables_table_file"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_user_tables_last_used", "user_tables", ["last_used"])
    op.create_table(
        "user_table_columns",
        sa.Column("table_id", _ID, nullable=False),
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
        sa.Column("indexed", sa.Boolean, nullable=False),
        sa.Column("is_unique", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("table_id", "position", name="pk_user_table_columns"),
        sa.ForeignKeyConstraint(
            ["table_id"],
            ["user_tables.id"],
            name="fk_user_table_columns_table_id",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "retired_user_tables",
        sa.Column("table_file", sa.String(255), nullable=False),
        sa.Column("retired", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("table_file", name="pk_retired_user_tables"),
    )
    op.create_index("ix_retired_user_tables_retired", "retired_user_tables", ["retired"])


def downgrade() -> None:
    """Remove them."""
    for name in ("retired_user_tables", "user_table_columns", "user_tables"):
        op.drop_table(name)
