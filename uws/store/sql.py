"""The job table in SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from uws.errors import InvalidTransition, JobIrrevocable, JobNotFound
from uws.model import (
    Claim,
    Job,
    JobInfo,
    JobSummary,
    Parameter,
    ParameterMerge,
    Phase,
    merge_parameters,
)
from uws.notification import ChangeSignal
from uws.store.base import ClaimRequest, JobQuery, JobRoom
from uws.store.database import JobDatabase
from uws.store.queue import take_next
from uws.store.records import job_from_row, job_values, owner_key, summary_from_row
from uws.store.room import check_room
from uws.store.schema import PHASE, uws_jobs, uws_state
from uws.transition import Transition

__all__ = ["SqlJobStore"]

_SUMMARY = tuple(uws_jobs.c[field.name] for field in fields(JobSummary))

_EXECUTING = uws_jobs.c.phase == str(Phase.EXECUTING)

_PENDING = frozenset({Phase.PENDING})


class SqlJobStore:
    """Keeps jobs in a relational database; see `JobStore` for what the methods promise.

    Parameters
    ----------
    database
        Prepared by `JobDatabase.prepare`.
    """

    def __init__(self, database: JobDatabase) -> None:
        self._database = database
        self.signal = ChangeSignal()

    def create(
        self, job: Job, *, stored_max: int | None = None, room: JobRoom | None = None
    ) -> None:
        """Keep a new job; see `JobStore.create`."""
        values = {field.name: getattr(job, field.name) for field in fields(Job)}
        with self._changing() as connection:
            if stored_max is not None or room is not None:
                check_room(connection, job, stored_max, room or JobRoom())
            connection.execute(insert(uws_jobs).values(**job_values(values)))

    def get(self, job_id: str) -> Job:
        """Read a job; see `JobStore.get`."""
        with self._database.reading() as connection:
            return _read(connection, job_id)

    def list(self, query: JobQuery) -> Sequence[JobSummary]:
        """List jobs, the oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(_listing(query)).mappings().all()
        return [summary_from_row(row) for row in reversed(rows)]

    def set_parameters(
        self, job_id: str, sent: Sequence[Parameter], merge: ParameterMerge = merge_parameters
    ) -> Job:
        """Merge parameters into those of a pending job; see `JobStore.set_parameters`."""
        with self._database.writing() as connection:
            present = _read(connection, job_id, for_update=True)
            merged = merge(present.parameters, sent)
            return _set(connection, job_id, "change parameters", _PENDING, parameters=merged)

    def set_run_id(self, job_id: str, run_id: str | None) -> Job:
        """Name a pending job; see `JobStore.set_run_id`."""
        with self._database.writing() as connection:
            return _set(connection, job_id, "change the run id", _PENDING, run_id=run_id)

    def set_execution_duration(self, job_id: str, duration_s: int) -> Job:
        """Limit the run of a pending job; see `JobStore.set_execution_duration`."""
        action = "change the execution duration"
        with self._database.writing() as connection:
            return _set(connection, job_id, action, _PENDING, execution_duration_s=duration_s)

    def set_destruction(self, job_id: str, destruction: datetime | None) -> Job:
        """Say when a job goes; see `JobStore.set_destruction`."""
        action = "change the destruction time"
        with self._database.writing() as connection:
            return _set(connection, job_id, action, frozenset(Phase), destruction=destruction)

    def transition(self, change: Transition) -> Job:
        """Change the phase of a job by one atomic statement; see `JobStore.transition`."""
        values = job_values({"phase": change.target, **change.values})
        if change.counts_loss:
            values["losses"] = uws_jobs.c.losses + 1
        with self._changing() as connection:
            try:
                return _update(
                    connection,
                    change.job_id,
                    change.action,
                    change.origins,
                    values,
                    guards=_guards(change),
                )
            except InvalidTransition:
                if change.revocable and _read(connection, change.job_id).irrevocable:
                    raise JobIrrevocable(change.action) from None
                raise

    def claim(self, request: ClaimRequest) -> Job | None:
        """Take a job out of the queue; see `JobStore.claim`."""
        with self._database.writing() as connection:
            job = take_next(connection, request)
            if job is None:
                return None
            _count_change(connection)
        self.signal.notify()
        return job

    def heartbeat(self, worker: str, lease_expires: datetime) -> frozenset[Claim]:
        """Extend the leases of a worker; see `JobStore.heartbeat`."""
        statement = (
            update(uws_jobs)
            .where(uws_jobs.c.worker == worker, _EXECUTING)
            .values(lease_expires=lease_expires)
            .returning(uws_jobs.c.job_id, uws_jobs.c.attempt)
        )
        with self._database.writing() as connection:
            return frozenset(Claim(*row) for row in connection.execute(statement))

    def held(self, worker: str) -> frozenset[Claim]:
        """Give what a worker still may finish."""
        statement = select(uws_jobs.c.job_id, uws_jobs.c.attempt).where(
            uws_jobs.c.worker == worker, _EXECUTING
        )
        with self._database.reading() as connection:
            return frozenset(Claim(*row) for row in connection.execute(statement))

    def report(self, claim: Claim, info: JobInfo, quote: datetime | None) -> None:
        """Keep what a running attempt tells of itself."""
        with self._database.writing() as connection:
            connection.execute(
                update(uws_jobs)
                .where(
                    uws_jobs.c.job_id == claim.job_id,
                    uws_jobs.c.attempt == claim.attempt,
                    _EXECUTING,
                )
                .values(**job_values({"info": info, "quote": quote}))
            )

    def expired(self, at: datetime) -> Sequence[Job]:
        """Find executing jobs whose lease has run out."""
        return self._find(uws_jobs.c.lease_expires < at)

    def overdue(self, at: datetime) -> Sequence[Job]:
        """Find executing jobs whose execution duration has run out."""
        return self._find(uws_jobs.c.deadline < at)

    def destroyable(
        self, at: datetime, *, limit: int, pending_before: datetime | None = None
    ) -> Sequence[str]:
        """Find jobs that are to go; see `JobStore.destroyable`."""
        due = uws_jobs.c.destruction <= at
        if pending_before is not None:
            forgotten = uws_jobs.c.creation_time <= pending_before
            due = or_(due, and_(uws_jobs.c.phase == str(Phase.PENDING), forgotten))
        statement = (
            select(uws_jobs.c.job_id).where(due).order_by(uws_jobs.c.destruction).limit(limit)
        )
        with self._database.reading() as connection:
            return list(connection.execute(statement).scalars())

    def delete(self, job_id: str) -> bool:
        """Forget a job; see `JobStore.delete`."""
        with self._database.writing() as connection:
            gone = connection.execute(delete(uws_jobs).where(uws_jobs.c.job_id == job_id))
            if not gone.rowcount:
                return False
            _count_change(connection)
        self.signal.notify()
        return True

    def counts(self, owner: str | None) -> Mapping[Phase, int]:
        """Count the jobs of an owner by phase."""
        statement = (
            select(PHASE, func.count()).where(uws_jobs.c.owner == owner_key(owner)).group_by(PHASE)
        )
        with self._database.reading() as connection:
            return {Phase(phase): number for phase, number in connection.execute(statement)}

    def changes(self) -> int:
        """Give the counter of changes."""
        # Asked many times a second by processes that wait.
        return self._database.glance("SELECT changes FROM uws_state")

    def phases(self, job_ids: Collection[str]) -> Mapping[str, Phase]:
        """Give the phases of some jobs."""
        statement = select(uws_jobs.c.job_id, PHASE).where(
            uws_jobs.c.job_id.in_(sorted(set(job_ids)))
        )
        with self._database.reading() as connection:
            return {job_id: Phase(phase) for job_id, phase in connection.execute(statement)}

    def known(self, job_ids: Iterable[str]) -> frozenset[str]:
        """Give those identifiers that belong to a job."""
        return frozenset(self.phases(list(job_ids)))

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with self._database.writing() as connection:
            yield connection
            _count_change(connection)
        self.signal.notify()

    def _find(self, condition: ColumnElement[bool]) -> Sequence[Job]:
        statement = select(uws_jobs).where(_EXECUTING, condition)
        with self._database.reading() as connection:
            return [job_from_row(row) for row in connection.execute(statement).mappings()]


def _count_change(connection: Connection) -> None:
    # The last statement of its transaction: the lock on the row is held for the commit alone,
    # and the counter moves in the order of commits.
    connection.execute(update(uws_state).values(changes=uws_state.c.changes + 1))


def _read(connection: Connection, job_id: str, *, for_update: bool = False) -> Job:
    statement = select(uws_jobs).where(uws_jobs.c.job_id == job_id)
    if for_update:
        statement = statement.with_for_update()
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise JobNotFound(job_id)
    return job_from_row(row)


def _set(
    connection: Connection, job_id: str, action: str, phases: frozenset[Phase], **values: object
) -> Job:
    return _update(connection, job_id, action, phases, job_values(values))


def _update(
    connection: Connection,
    job_id: str,
    action: str,
    phases: frozenset[Phase],
    values: Mapping[str, Any],
    *,
    guards: Iterable[ColumnElement[bool]] = (),
) -> Job:
    statement = (
        update(uws_jobs)
        .where(uws_jobs.c.job_id == job_id, uws_jobs.c.phase.in_(sorted(phases)), *guards)
        .values(**values)
        .returning(*uws_jobs.c)
    )
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise InvalidTransition(phases, _read(connection, job_id).phase, action)
    return job_from_row(row)


def _guards(change: Transition) -> Iterator[ColumnElement[bool]]:
    if change.attempt is not None:
        yield uws_jobs.c.attempt == change.attempt
    if change.lease_until is not None:
        yield uws_jobs.c.lease_expires < change.lease_until
    if change.deadline_until is not None:
        yield uws_jobs.c.deadline < change.deadline_until
    if change.revocable:
        yield uws_jobs.c.irrevocable.is_(False)


def _listing(query: JobQuery) -> Select[Any]:
    statement = select(*_SUMMARY)
    if not query.everyone:
        statement = statement.where(uws_jobs.c.owner == owner_key(query.owner))
    if query.address is not None:
        statement = statement.where(uws_jobs.c.address == query.address)
    if query.kinds is not None:
        statement = statement.where(uws_jobs.c.kind.in_(sorted(query.kinds)))
    if query.phases:
        statement = statement.where(PHASE.in_(sorted(query.phases)))
    else:
        statement = statement.where(uws_jobs.c.phase != str(Phase.ARCHIVED))
    if query.after is not None:
        statement = statement.where(uws_jobs.c.creation_time > query.after)
    if query.last is not None:
        statement = statement.limit(query.last)
    return statement.order_by(uws_jobs.c.creation_time.desc(), uws_jobs.c.job_id.desc())
