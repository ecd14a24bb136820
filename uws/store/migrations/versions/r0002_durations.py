"""How long runs of jobs took."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "uws_durations",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("shape", sa.String(255), nullable=False),
        sa.Column("ended", sa.DateTime, nullable=False),
        sa.Column("duration_s", sa.Float, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_uws_durations_shape", "uws_durations", ["kind", "shape", "id"])
    op.create_index("ix_uws_durations_ended", "uws_durations", ["ended"])


def downgrade() -> None:
    """Remove it."""
    op.drop_table("uws_durations")
