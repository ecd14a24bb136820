"""Jobs without a database: a job table in memory, a clock to turn, handlers that do little."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import RLock

from uws.errors import (
    InvalidTransition,
    JobFailed,
    JobIrrevocable,
    JobNotFound,
    JobsExceeded,
)
from uws.model import Claim, Job, Parameter, Phase, merge_parameters, phase_seen
from uws.notification import ChangeSignal
from uws.store.base import ClaimRequest, JobQuery, JobRoom
from uws.store.durations import KEPT_PER_SHAPE
from uws.transition import Transition

START = datetime(2026, 1, 1, tzinfo=UTC)


class ManualClock:
    """Tells the time that the test has set."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


def _seen(job: Job) -> Job:
    return replace(job, phase=phase_seen(job.phase, job.start_time))


class MemoryJobStore:
    """The job table as a dictionary; `trouble` is raised by the next call and forgotten."""

    def __init__(self) -> None:
        self.signal = ChangeSignal()
        self.trouble: Exception | None = None
        self._jobs: dict[str, Job] = {}
        self._changes = 1
        self._lock = RLock()

    def create(
        self, job: Job, *, stored_max: int | None = None, room: JobRoom | None = None
    ) -> None:
        with self._entered():
            stored = [other for other in self._jobs.values() if other.owner == job.owner]
            if stored_max is not None and len(stored) >= stored_max:
                raise JobsExceeded(f"{stored_max} jobs are kept already")
            _check_room([other for other in stored if other.address == job.address], room)
            self._jobs[job.job_id] = job
            self._changed()

    def get(self, job_id: str) -> Job:
        with self._entered():
            return _seen(self._get(job_id))

    def list(self, query: JobQuery):
        with self._entered():
            chosen = [
                job.summary for job in map(_seen, self._jobs.values()) if _matches(job, query)
            ]
        chosen.sort(key=lambda job: (job.creation_time, job.job_id))
        return chosen if query.last is None else chosen[-query.last :]

    def set_parameters(self, job_id: str, sent: list[Parameter], merge=merge_parameters) -> Job:
        with self._entered():
            merged = merge(self._get(job_id).parameters, sent)
            return self._set_pending(job_id, "change parameters", parameters=merged)

    def set_run_id(self, job_id: str, run_id: str | None) -> Job:
        with self._entered():
            return self._set_pending(job_id, "change the run id", run_id=run_id)

    def set_execution_duration(self, job_id: str, duration_s: int) -> Job:
        with self._entered():
            return self._set_pending(job_id, "change", execution_duration_s=duration_s)

    def set_destruction(self, job_id: str, destruction: datetime | None) -> Job:
        with self._entered():
            self._jobs[job_id] = replace(self._get(job_id), destruction=destruction)
            return self._jobs[job_id]

    def transition(self, change: Transition) -> Job:
        with self._entered():
            job = self._get(change.job_id)
            if not _allowed(job, change):
                if change.revocable and job.irrevocable:
                    raise JobIrrevocable(change.action)
                raise InvalidTransition(change.origins, job.phase, change.action)
            losses = job.losses + change.counts_loss
            after = replace(job, phase=change.target, losses=losses, **change.values)
            self._jobs[job.job_id] = after
            self._changed()
            return _seen(after)

    def claim(self, request: ClaimRequest) -> Job | None:
        with self._entered():
            running = Counter(
                job.owner for job in self._jobs.values() if job.phase is Phase.EXECUTING
            )
            queue = [
                job
                for job in self._jobs.values()
                if job.phase is Phase.QUEUED
                and job.kind in request.kinds
                and _has_room(job, running[job.owner], request)
            ]
            if not queue:
                return None
            mine = Counter((job.owner, job.address) for job in self._executing())
            job = min(
                queue, key=lambda job: (mine[job.owner, job.address], job.queue_time, job.job_id)
            )
            limit = timedelta(seconds=job.execution_duration_s)
            self._jobs[job.job_id] = taken = replace(
                job,
                phase=Phase.EXECUTING,
                attempt=job.attempt + 1,
                start_time=request.at,
                deadline=request.at + limit if limit else None,
                worker=request.worker,
                lease_expires=request.lease_expires,
            )
            self._changed()
            return taken

    def heartbeat(self, worker: str, lease_expires: datetime) -> frozenset[Claim]:
        with self._entered():
            held = self._held(worker)
            for claim in held:
                job = self._jobs[claim.job_id]
                self._jobs[claim.job_id] = replace(job, lease_expires=lease_expires)
            return held

    def held(self, worker: str) -> frozenset[Claim]:
        with self._entered():
            return self._held(worker)

    def report(self, claim: Claim, info, quote) -> None:
        with self._entered():
            job = self._jobs.get(claim.job_id)
            if job and job.phase is Phase.EXECUTING and job.claim == claim:
                self._jobs[claim.job_id] = replace(job, info=info, quote=quote)

    def expired(self, at: datetime):
        with self._entered():
            return [job for job in self._executing() if job.lease_expires < at]

    def overdue(self, at: datetime):
        with self._entered():
            return [job for job in self._executing() if job.deadline and job.deadline < at]

    def destroyable(self, at: datetime, *, limit: int, pending_before=None):
        with self._entered():
            due = [
                job
                for job in self._jobs.values()
                if (job.destruction and job.destruction <= at)
                or (
                    pending_before is not None
                    and job.phase is Phase.PENDING
                    and job.creation_time <= pending_before
                )
            ]
            return [job.job_id for job in sorted(due, key=lambda job: job.destruction or at)][
                :limit
            ]

    def delete(self, job_id: str) -> bool:
        with self._entered():
            if self._jobs.pop(job_id, None) is None:
                return False
            self._changed()
            return True

    def counts(self, owner: str | None):
        with self._entered():
            return Counter(_seen(job).phase for job in self._jobs.values() if job.owner == owner)

    def changes(self) -> int:
        with self._entered():
            return self._changes

    def phases(self, job_ids):
        with self._entered():
            return {key: _seen(self._jobs[key]).phase for key in job_ids if key in self._jobs}

    def known(self, job_ids):
        with self._entered():
            return frozenset(job_ids) & frozenset(self._jobs)

    def _entered(self) -> RLock:
        trouble, self.trouble = self.trouble, None
        if trouble is not None:
            raise trouble
        return self._lock

    def _get(self, job_id: str) -> Job:
        if job_id not in self._jobs:
            raise JobNotFound(job_id)
        return self._jobs[job_id]

    def _set_pending(self, job_id: str, action: str, **values: object) -> Job:
        job = self._get(job_id)
        if job.phase is not Phase.PENDING:
            raise InvalidTransition([Phase.PENDING], job.phase, action)
        self._jobs[job_id] = replace(job, **values)
        return self._jobs[job_id]

    def _held(self, worker: str) -> frozenset[Claim]:
        return frozenset(job.claim for job in self._executing() if job.worker == worker)

    def _executing(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.phase is Phase.EXECUTING]

    def _changed(self) -> None:
        self._changes += 1
        self.signal.notify()


def _check_room(mine: list[Job], room: JobRoom | None) -> None:
    if room is None:
        return
    pending = sum(job.phase is Phase.PENDING for job in mine)
    size = sum(result.size_bytes for job in mine for result in job.results)
    for found, limit in (
        (len(mine), room.stored), (pending, room.pending), (size, room.result_bytes)
    ):  # fmt: skip
        if limit is not None and found >= limit:
            raise JobsExceeded(f"{limit} is the limit")


def _matches(job: Job, query: JobQuery) -> bool:
    phases = query.phases or set(Phase) - {Phase.ARCHIVED}
    return (
        (query.everyone or job.owner == query.owner)
        and (query.kinds is None or job.kind in query.kinds)
        and job.phase in phases
        and (query.address is None or job.address == query.address)
        and (query.after is None or job.creation_time > query.after)
    )


def _allowed(job: Job, change: Transition) -> bool:
    lease, deadline = change.lease_until, change.deadline_until
    return (
        job.phase in change.origins
        and change.attempt in (None, job.attempt)
        and not (change.revocable and job.irrevocable)
        and (lease is None or (job.lease_expires is not None and job.lease_expires < lease))
        and (deadline is None or (job.deadline is not None and job.deadline < deadline))
    )


def _has_room(job: Job, running: int, request: ClaimRequest) -> bool:
    limit = request.running_anonymous if job.owner is None else request.running_per_owner
    return limit is None or running < limit


class SayHandler:
    """Writes the value of SAY as its result; fails, sleeps or is slow to stop as told."""

    kind = "say"

    def validate(self, parameters) -> None:
        names = [parameter.name.upper() for parameter in parameters]
        if "REFUSE" in names:
            raise JobFailed("REFUSE is not wanted")

    def run(self, job, context):
        if job.values("BREAK"):
            raise ZeroDivisionError("a secret of the service")
        if job.values("FAIL"):
            raise JobFailed(job.values("FAIL")[0], transient=True)
        for seconds in job.values("SLEEP"):
            context.progress(0.5, "sleeping")
            if context.wait_cancelled(float(seconds)):
                context.raise_if_cancelled()
        with (
            context.timed("write"),
            context.open_result("result", "text/plain; charset=utf-8") as pending,
        ):
            pending.sink.write(" ".join(job.values("SAY")).encode())
        return [pending.result(rows=1)]


class MemoryDurationLog:
    """How long jobs took, as a list."""

    def __init__(self) -> None:
        self._runs: list[tuple[str, str, float, datetime]] = []

    def record(self, kind: str, shape: str, duration_s: float, ended: datetime) -> None:
        self._runs.append((kind, shape, duration_s, ended))
        same = [run for run in self._runs if run[:2] == (kind, shape)]
        gone = same[:-KEPT_PER_SHAPE]
        self._runs = [
            run for run in self._runs if run not in gone and run[3] >= ended - timedelta(days=180)
        ]

    def recent(self, kind: str, shape: str | None = None):
        runs = [run for run in self._runs if run[0] == kind and shape in (None, run[1])]
        return [run[2] for run in reversed(runs)][:KEPT_PER_SHAPE]
