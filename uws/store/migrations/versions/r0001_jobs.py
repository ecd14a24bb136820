"""Jobs and the counter of their changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of the first release."""
    _create_jobs()
    state = op.create_table(
        "uws_state",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("changes", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_uws_state"),
    )
    op.bulk_insert(state, [{"id": 1, "changes": 1}])


def downgrade() -> None:
    """Remove everything."""
    op.drop_table("uws_state")
    op.drop_table("uws_jobs")


def _create_jobs() -> None:
    op.create_table(
        "uws_jobs",
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("losses", sa.Integer, nullable=False),
        sa.Column("creation_time", sa.DateTime, nullable=False),
        sa.Column("queue_time", sa.DateTime),
        sa.Column("start_time", sa.DateTime),
        sa.Column("end_time", sa.DateTime),
        sa.Column("execution_duration_s", sa.Integer, nullable=False),
        sa.Column("deadline", sa.DateTime),
        sa.Column("destruction", sa.DateTime),
        sa.Column("quote", sa.DateTime),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("results", sa.JSON, nullable=False),
        sa.Column("error", sa.JSON),
        sa.Column("info", sa.JSON, nullable=False),
        sa.Column("worker", sa.String(255)),
        sa.Column("lease_expires", sa.DateTime),
        sa.PrimaryKeyConstraint("job_id", name="pk_uws_jobs"),
    )
    op.create_index("ix_uws_jobs_phase", "uws_jobs", ["phase", "owner", "queue_time"])
    op.create_index("ix_uws_jobs_owner", "uws_jobs", ["owner", "creation_time"])
    op.create_index("ix_uws_jobs_worker", "uws_jobs", ["worker"])
    op.create_index("ix_uws_jobs_destruction", "uws_jobs", ["destruction"])
