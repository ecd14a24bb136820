"""The identity of the installation, files that were removed on purpose, and manifests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; every product needs its manifest."""
    installation = op.create_table(
        "installation",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("identity", sa.String(64)),
        sa.Column("seen", sa.DateTime),
        sa.Column("steady_since", sa.DateTime),
        sa.PrimaryKeyConstraint("id", name="pk_installation"),
    )
    op.bulk_insert(installation, [{"id": 1}])
    op.create_table(
        "discarded_files",
        sa.Column("product", sa.String(255), nullable=False),
        sa.Column("stored", sa.String(1100), nullable=False),
        sa.Column("discarded", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("product", "stored", name="pk_discarded_files"),
    )
    for name, default in (("revision", "1"), ("manifest_revision", "0")):
        op.add_column(
            "products", sa.Column(name, sa.BigInteger, nullable=False, server_default=default)
        )


def downgrade() -> None:
    """Remove them."""
    op.drop_column("products", "manifest_revision")
    op.drop_column("products", "revision")
    op.drop_table("discarded_files")
    op.drop_table("installation")
