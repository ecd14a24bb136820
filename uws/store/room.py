"""How much an owner keeps, counted in the transaction that makes one more job."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, func, select

from uws.errors import JobsExceeded
from uws.model import Job, Phase
from uws.store.base import JobRoom
from uws.store.records import owner_key
from uws.store.schema import uws_jobs

__all__ = ["check_room"]


def check_room(connection: Connection, job: Job, stored_max: int | None, room: JobRoom) -> None:
    """Make sure that one more job may be kept; see `JobStore.create`.

    Raises
    ------
    JobsExceeded
        If not.
    """
    owner = owner_key(job.owner)
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("uws:" + owner))))
    of_owner = uws_jobs.c.owner == owner
    if stored_max is not None and _number(connection, of_owner) >= stored_max:
        raise JobsExceeded(_kept(stored_max, ""))
    # What an address keeps: for users, who have none, what they keep.
    mine = of_owner & (uws_jobs.c.address == job.address)
    whose = "" if job.owner is not None else " from your address"
    if room.stored is not None and _number(connection, mine) >= room.stored:
        raise JobsExceeded(_kept(room.stored, whose))
    pending = mine & (uws_jobs.c.phase == str(Phase.PENDING))
    if room.pending is not None and _number(connection, pending) >= room.pending:
        raise JobsExceeded(
            f"{room.pending} jobs{whose} were made and never run, which is the limit: run or "
            "delete some of them; after a while they go by themselves"
        )
    if room.result_bytes is not None:
        size = select(func.coalesce(func.sum(uws_jobs.c.result_bytes), 0)).where(mine)
        if connection.execute(size).scalar_one() >= room.result_bytes:
            raise JobsExceeded(
                f"the results of the jobs{whose} have {room.result_bytes} bytes, which is the "
                "limit: delete some of the jobs, or wait until they reach their destruction time"
            )


def _number(connection: Connection, condition: ColumnElement[bool]) -> int:
    statement = select(func.count()).select_from(uws_jobs).where(condition)
    number: int = connection.execute(statement).scalar_one()
    return number


def _kept(number: int, whose: str) -> str:
    return (
        f"{number} jobs{whose} are kept already, which is the limit: delete some of them, or "
        "wait until they reach their destruction time"
    )
