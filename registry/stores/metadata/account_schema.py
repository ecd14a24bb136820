"""Tables of people, their credentials and the data releases that they may see."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from registry.stores.metadata.schema import METADATA, UtcDateTime

__all__ = [
    "external_logins",
    "groups",
    "memberships",
    "release_groups",
    "releases",
    "sessions",
    "tokens",
    "users",
]

_ID = BigInteger().with_variant(Integer(), "sqlite")

users = Table(
    "users",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("name", String(150), nullable=False, unique=True),
    Column("display_name", String(255), nullable=False),
    Column("first_name", String(150), nullable=False),
    Column("last_name", String(150), nullable=False),
    Column("email", String(254), nullable=False),
    Column("password_hash", String(255)),
    Column("active", Boolean, nullable=False),
    Column("coordinator", Boolean, nullable=False),
    Column("operator", Boolean, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("issuer", String(255)),
    Column("subject", String(255)),
    UniqueConstraint("issuer", "subject"),
    sqlite_autoincrement=True,
)
"""One row per account. `issuer` and `subject` name a person of an institutional login."""

groups = Table(
    "groups",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("name", String(150), nullable=False, unique=True),
    Column("display_name", String(255), nullable=False),
    Column("description", Text, nullable=False),
    Column("source", String(16), nullable=False),
    Column("created", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)
"""One row per group. `source` says who made it: `local`, or the kind of institutional login."""

memberships = Table(
    "memberships",
    METADATA,
    Column("user_id", _ID, ForeignKey("users.id"), primary_key=True),
    Column("group_id", _ID, ForeignKey("groups.id"), primary_key=True),
    Column("source", String(16), nullable=False),
    Index("ix_memberships_group_id", "group_id"),
)
"""Who is in which group. A login replaces the memberships of its own source alone."""

tokens = Table(
    "tokens",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("user_id", _ID, ForeignKey("users.id"), nullable=False),
    Column("name", String(150), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("created", UtcDateTime, nullable=False),
    Column("expires", UtcDateTime),
    Column("last_used", UtcDateTime),
    Index("ix_tokens_user_id", "user_id"),
    sqlite_autoincrement=True,
)
"""One row per access token, by the SHA-256 of its secret; a revoked one has none."""

sessions = Table(
    "sessions",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("user_id", _ID, ForeignKey("users.id"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("expires", UtcDateTime, nullable=False),
    Index("ix_sessions_user_id", "user_id"),
)
"""One row per browser that is logged in, by the SHA-256 of its cookie."""

external_logins = Table(
    "external_logins",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("nonce", String(64), nullable=False),
    Column("verifier", String(128), nullable=False),
    Column("next", Text, nullable=False),
    Column("expires", UtcDateTime, nullable=False),
)
"""One row per login that is under way at an OpenID provider, by the SHA-256 of its state."""

releases = Table(
    "releases",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("display_name", String(255), nullable=False),
    Column("description", Text, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("indexing_column", String(255), nullable=False),
    Column("has_mag_hats", Boolean, nullable=False),
    Column("has_flux_hats", Boolean, nullable=False),
    Column("dereddening", JSON(none_as_null=True)),
    Column("fluxes", JSON(none_as_null=True)),
    Column("is_public", Boolean, nullable=False),
    Column("catalogs", JSON(none_as_null=True)),
    sqlite_autoincrement=True,
)
"""One row per data release; products name theirs by `name`."""

release_groups = Table(
    "release_groups",
    METADATA,
    Column("release_id", _ID, ForeignKey("releases.id"), primary_key=True),
    Column("group_id", _ID, ForeignKey("groups.id"), primary_key=True),
    Index("ix_release_groups_group_id", "group_id"),
)
"""Which groups may see a release that is not public."""
