"""Groups of an institution are called by its kind of login, never as groups of this service."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rename them; memberships that a login gave in local groups end, and come with the next."""
    op.execute(
        "UPDATE groups SET name = substr('local ' || name, 1, 150) WHERE source = 'local'"
        " AND (name LIKE 'oidc:%' OR name LIKE 'proxy:%')"
    )
    op.execute("UPDATE groups SET name = substr(source || ':' || name, 1, 150)"
               " WHERE source <> 'local'")  # fmt: skip
    op.execute(
        "DELETE FROM memberships WHERE source <> 'local'"
        " AND group_id IN (SELECT id FROM groups WHERE source = 'local')"
    )


def downgrade() -> None:
    """Give them their names again; fails where a local group has the name."""
    op.execute("UPDATE groups SET name = substr(name, length(source) + 2) WHERE source <> 'local'")
