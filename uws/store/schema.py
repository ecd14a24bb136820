"""Tables of the jobs, in types that SQLite and PostgreSQL share."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    and_,
    case,
    false,
)
from sqlalchemy.types import TypeDecorator

__all__ = [
    "METADATA",
    "PHASE",
    "REVISION",
    "VERSION_TABLE",
    "UtcDateTime",
    "uws_durations",
    "uws_jobs",
    "uws_state",
]

REVISION = "0004"
"""The migration that makes the tables as they stand here."""

VERSION_TABLE = "uws_alembic_version"
"""The package's own: other packages keep tables and migrations in the same database."""

METADATA = MetaData(naming_convention={"pk": "pk_%(table_name)s"})
"""All tables of the package."""


class UtcDateTime(TypeDecorator[datetime]):
    """Keep aware moments as UTC without a zone, alike on both databases."""

    impl = DateTime(timezone=False)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - signature of the library
        """Take the zone off."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - signature of the library
        """Put the zone back."""
        return None if value is None else value.replace(tzinfo=UTC)


uws_jobs = Table(
    "uws_jobs",
    METADATA,
    Column("job_id", String(64), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("owner", String(255), nullable=False),
    Column("run_id", Text),
    Column("phase", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("creation_time", UtcDateTime, nullable=False),
    Column("queue_time", UtcDateTime),
    Column("start_time", UtcDateTime),
    Column("end_time", UtcDateTime),
    Column("execution_duration_s", Integer, nullable=False),
    Column("deadline", UtcDateTime),
    Column("destruction", UtcDateTime),
    Column("quote", UtcDateTime),
    Column("parameters", JSON, nullable=False),
    Column("results", JSON, nullable=False),
    Column("error", JSON(none_as_null=True)),
    Column("info", JSON, nullable=False),
    Column("worker", String(255)),
    Column("lease_expires", UtcDateTime),
    Column("irrevocable", Boolean, nullable=False, server_default=false()),
    Column("address", String(128), nullable=False, server_default=""),
    Column("result_bytes", BigInteger, nullable=False, server_default="0"),
    Index("ix_uws_jobs_address", "owner", "address"),
    Index("ix_uws_jobs_phase", "phase", "owner", "queue_time"),
    Index("ix_uws_jobs_owner", "owner", "creation_time"),
    Index("ix_uws_jobs_worker", "worker"),
    Index("ix_uws_jobs_destruction", "destruction"),
)
"""One row per job. The anonymous owner is the empty text, so that owners can be compared."""

PHASE = case(
    (and_(uws_jobs.c.phase == "EXECUTING", uws_jobs.c.start_time.is_(None)), "QUEUED"),
    else_=uws_jobs.c.phase,
)
"""The phase that people see; see `uws.model.phase_seen`."""

uws_state = Table(
    "uws_state",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("changes", BigInteger, nullable=False),
)
"""One row: a counter that moves in the same commit as whatever a waiting client can see."""

uws_durations = Table(
    "uws_durations",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", String(64), nullable=False),
    Column("shape", String(255), nullable=False),
    Column("ended", UtcDateTime, nullable=False),
    Column("duration_s", Float, nullable=False),
    Index("ix_uws_durations_shape", "kind", "shape", "id"),
    Index("ix_uws_durations_ended", "ended"),
    sqlite_autoincrement=True,
)
"""One row per run that a handler wants to remember; what a shape is, the handler knows."""
