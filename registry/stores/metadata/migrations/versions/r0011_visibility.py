"""Who may see a product, beside what its release says."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add it; until now the release alone decided."""
    op.add_column(
        "products",
        sa.Column("visibility", sa.String(16), nullable=False, server_default="release"),
    )
    op.create_table(
        "product_groups",
        sa.Column("product_id", _ID, sa.ForeignKey("products.id"), primary_key=True),
        sa.Column("name", sa.String(150), primary_key=True),
    )


def downgrade() -> None:
    """Remove it; fails where a product is hidden, which would be shown then."""
    hidden = "SELECT internal_name FROM products WHERE visibility <> 'release'"
    for name in op.get_bind().execute(sa.text(hidden)).scalars():
        raise RuntimeError(f"{name} would be shown to all who see its release; delete it first")
    op.drop_table("product_groups")
    op.drop_column("products", "visibility")
