"""Jobs that are past their point of no return."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; no job that runs now has passed that point."""
    op.add_column(
        "uws_jobs",
        sa.Column("irrevocable", sa.Boolean, nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_column("uws_jobs", "irrevocable")
