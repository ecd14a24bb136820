"""Frames of positions, scales of times, and values that stand for none, of columns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; the positions of tables until now are ICRS, as every role RA and Dec was."""
    op.add_column("product_columns", sa.Column("frame", sa.Text))
    op.add_column("product_contents", sa.Column("frame", sa.Text))
    op.add_column("product_contents", sa.Column("null_values", sa.JSON(none_as_null=True)))
    op.execute("UPDATE product_columns SET frame = 'ICRS' WHERE alias IN ('RA', 'Dec')")


def downgrade() -> None:
    """Remove them."""
    op.drop_column("product_contents", "null_values")
    op.drop_column("product_contents", "frame")
    op.drop_column("product_columns", "frame")
