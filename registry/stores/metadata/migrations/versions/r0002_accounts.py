"""People, groups, tokens, sessions and releases."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; releases that products name already stay open to everybody."""
    _create_people()
    _create_credentials()
    _create_releases()


def downgrade() -> None:
    """Remove the tables."""
    for name in (
        "release_groups",
        "releases",
        "external_logins",
        "sessions",
        "tokens",
        "memberships",
        "groups",
        "users",
    ):
        op.drop_table(name)


def _create_people() -> None:
    op.create_table(
        "users",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(150), nullable=False),
        sa.Column("display_name", sa.String(255), nullable=False),
        sa.Column("first_name", sa.String(150), nullable=False),
        sa.Column("last_name", sa.String(150), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("password_hash", sa.String(255)),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("coordinator", sa.Boolean, nullable=False),
        sa.Column("operator", sa.Boolean, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("issuer", sa.String(255)),
        sa.Column("subject", sa.String(255)),
        sa.UniqueConstraint("name", name="uq_users_name"),
        sa.UniqueConstraint("issuer", "subject", name="uq_users_issuer"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "groups",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(150), nullable=False),
        sa.Column("display_name", sa.String(255), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.UniqueConstraint("name", name="uq_groups_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "memberships",
        sa.Column("user_id", _ID, nullable=False),
        sa.Column("group_id", _ID, nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "group_id", name="pk_memberships"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_memberships_user_id"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name="fk_memberships_group_id"),
    )
    op.create_index("ix_memberships_group_id", "memberships", ["group_id"])


def _create_credentials() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("user_id", _ID, nullable=False),
        sa.Column("name", sa.String(150), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("expires", sa.DateTime),
        sa.Column("last_used", sa.DateTime),
        sa.UniqueConstraint("hash", name="uq_tokens_hash"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_tokens_user_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tokens_user_id", "tokens", ["user_id"])
    op.create_table(
        "sessions",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("user_id", _ID, nullable=False),
        sa.Column("csrf", sa.String(64), nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("expires", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_sessions"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_sessions_user_id"),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_table(
        "external_logins",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("verifier", sa.String(128), nullable=False),
        sa.Column("next", sa.Text, nullable=False),
        sa.Column("expires", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_external_logins"),
    )


def _create_releases() -> None:
    releases = op.create_table(
        "releases",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("display_name", sa.String(255), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("indexing_column", sa.String(255), nullable=False),
        sa.Column("has_mag_hats", sa.Boolean, nullable=False),
        sa.Column("has_flux_hats", sa.Boolean, nullable=False),
        sa.Column("dereddening", sa.JSON),
        sa.Column("fluxes", sa.JSON),
        sa.Column("is_public", sa.Boolean, nullable=False),
        sa.UniqueConstraint("name", name="uq_releases_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "release_groups",
        sa.Column("release_id", _ID, nullable=False),
        sa.Column("group_id", _ID, nullable=False),
        sa.PrimaryKeyConstraint("release_id", "group_id", name="pk_release_groups"),
        sa.ForeignKeyConstraint(
            ["release_id"], ["releases.id"], name="fk_release_groups_release_id"
        ),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name="fk_release_groups_group_id"),
    )
    op.create_index("ix_release_groups_group_id", "release_groups", ["group_id"])
    products = sa.table("products", sa.column("release", sa.String))
    named = sa.select(products.c.release).where(products.c.release.is_not(None)).distinct()
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = [
        {
            "name": name,
            "display_name": name,
            "description": "",
            "created": now,
            "indexing_column": "",
            "has_mag_hats": False,
            "has_flux_hats": False,
            "is_public": True,
        }
        for name in op.get_bind().execute(named).scalars()
    ]
    if rows:
        op.bulk_insert(releases, rows)
