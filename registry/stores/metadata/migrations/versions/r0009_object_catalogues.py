"""Releases name their object catalogues, which stay where they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; releases of before name none."""
    op.add_column("releases", sa.Column("catalogs", sa.JSON(none_as_null=True)))


def downgrade() -> None:
    """Forget them."""
    op.drop_column("releases", "catalogs")
