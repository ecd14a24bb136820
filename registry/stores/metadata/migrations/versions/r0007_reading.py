"""How the table of a main file is found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it; files until now left no choice, or their choice was not kept."""
    op.add_column("product_files", sa.Column("reading", sa.JSON(none_as_null=True)))


def downgrade() -> None:
    """Remove it."""
    op.drop_column("product_files", "reading")
