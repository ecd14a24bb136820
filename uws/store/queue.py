"""The job table as a queue: the statement that chooses the next job, and the one that takes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Integer, Select, case, func, literal, select, update

from uws.model import Job, Phase
from uws.store.base import ClaimRequest
from uws.store.records import job_from_row
from uws.store.schema import uws_jobs

__all__ = ["take_next"]

_LOCK_KEY = 7_239_063
"""Key of the advisory lock of PostgreSQL while jobs are claimed; any fixed number serves."""

_UNLIMITED = 2**31 - 1


def take_next(connection: Connection, request: ClaimRequest) -> Job | None:
    """Move the next job of the queue to EXECUTING, in the caller's writing transaction.

    Notes
    -----
    On SQLite the transaction is the only one that writes. On PostgreSQL a lock makes the count
    of running jobs exact, and rows that somebody is just changing are skipped.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})")
    chosen = connection.execute(_next_job(request)).mappings().one_or_none()
    if chosen is None:
        return None
    taken = connection.execute(
        update(uws_jobs)
        .where(uws_jobs.c.job_id == chosen["job_id"], uws_jobs.c.phase == str(Phase.QUEUED))
        .values(**_claimed(request, chosen))
        .returning(*uws_jobs.c)
    )
    row = taken.mappings().one_or_none()
    return None if row is None else job_from_row(row)


def _claimed(request: ClaimRequest, chosen: Mapping[Any, Any]) -> dict[str, Any]:
    limit_s = chosen["execution_duration_s"]
    return {
        "phase": str(Phase.EXECUTING),
        "attempt": uws_jobs.c.attempt + 1,
        "start_time": request.at,
        "deadline": request.at + timedelta(seconds=limit_s) if limit_s else None,
        "worker": request.worker,
        "lease_expires": request.lease_expires,
    }


def _next_job(request: ClaimRequest) -> Select[Any]:
    running = (
        select(uws_jobs.c.owner, func.count().label("number"))
        .where(uws_jobs.c.phase == str(Phase.EXECUTING))
        .group_by(uws_jobs.c.owner)
        .subquery()
    )
    number = func.coalesce(running.c.number, 0)
    of_address = (
        select(uws_jobs.c.owner, uws_jobs.c.address, func.count().label("number"))
        .where(uws_jobs.c.phase == str(Phase.EXECUTING))
        .group_by(uws_jobs.c.owner, uws_jobs.c.address)
        .subquery()
    )
    mine = func.coalesce(of_address.c.number, 0)
    limit = case(
        (uws_jobs.c.owner == "", literal(_limit(request.running_anonymous), Integer)),
        else_=literal(_limit(request.running_per_owner), Integer),
    )
    return (
        select(uws_jobs.c.job_id, uws_jobs.c.execution_duration_s)
        .select_from(
            uws_jobs.outerjoin(running, running.c.owner == uws_jobs.c.owner).outerjoin(
                of_address,
                (of_address.c.owner == uws_jobs.c.owner)
                & (of_address.c.address == uws_jobs.c.address),
            )
        )
        .where(
            uws_jobs.c.phase == str(Phase.QUEUED),
            uws_jobs.c.kind.in_(sorted(request.kinds)),
            number < limit,
        )
        .order_by(mine, uws_jobs.c.queue_time, uws_jobs.c.job_id)
        .limit(1)
        .with_for_update(of=uws_jobs, skip_locked=True)
    )


def _limit(limit: int | None) -> int:
    return _UNLIMITED if limit is None else limit
