"""What is to be cited with a product."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NAMES = ("creators", "article", "doi", "licence")


def upgrade() -> None:
    """Add it; nothing was known until now."""
    for name in _NAMES:
        op.add_column("products", sa.Column(name, sa.Text()))


def downgrade() -> None:
    """Remove it."""
    for name in reversed(_NAMES):
        op.drop_column("products", name)
