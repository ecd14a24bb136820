"""Jobs of visitors without an account are counted by address, and all by the size of results."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; the results that are kept already are counted."""
    op.add_column(
        "uws_jobs", sa.Column("address", sa.String(128), nullable=False, server_default="")
    )
    op.add_column(
        "uws_jobs", sa.Column("result_bytes", sa.BigInteger, nullable=False, server_default="0")
    )
    op.create_index("ix_uws_jobs_address", "uws_jobs", ["owner", "address"])
    connection = op.get_bind()
    jobs = sa.table(
        "uws_jobs", sa.column("job_id"), sa.column("results"), sa.column("result_bytes")
    )
    for job_id, results in connection.execute(sa.select(jobs.c.job_id, jobs.c.results)).all():
        kept = json.loads(results) if isinstance(results, str) else results
        size = sum(result[2] for result in kept)
        if size:
            connection.execute(
                sa.update(jobs).where(jobs.c.job_id == job_id).values(result_bytes=size)
            )


def downgrade() -> None:
    """Remove them."""
    op.drop_index("ix_uws_jobs_address", "uws_jobs")
    op.drop_column("uws_jobs", "result_bytes")
    op.drop_column("uws_jobs", "address")
