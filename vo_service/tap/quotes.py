"""QUOTE: when a job will probably be over, or that nobody knows (UWS 1.1, section 2.1.7).

Queries are alike if they do the same kinds of work on about as many rows; that is their shape,
and how long those of a shape took is remembered for all. With fewer than three of them nothing
is said.
"""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from registry.errors import RegistryError
from registry.model.principal import Principal
from uws.model import Job, JobSummary, Phase, utc_now
from uws.store.base import JobQuery, JobStore
from uws.store.durations import DurationLog
from vo_service.adql.errors import AdqlError
from vo_service.dali.errors import DaliError
from vo_service.dali.request import TapRequest
from vo_service.engines.base import EngineError
from vo_service.queries import QueryService
from vo_service.slots import ServiceBusy

__all__ = ["ENOUGH", "JobQuotes"]

ENOUGH = 3
"""Runs of a shape without which nothing is said: two may both be odd."""

_SNAPSHOT_S = 2.0
"""The queue is looked at once in so long, however many clients ask."""

_SHAPES_KEPT = 2000
"""Shapes of jobs in memory: those that clients watch at a moment."""


@dataclass(frozen=True, slots=True)
class _Queue:
    """The jobs that wait and run, at a moment of the monotonic clock."""

    at: float
    waiting: tuple[JobSummary, ...] = ()
    running: int = 0


class JobQuotes:
    """Predicts the ends of jobs.

    Parameters
    ----------
    kind
        Of the jobs.
    log
        What others took.
    store
        The queue.
    queries
        Tells the shape of a query.
    principal
        The rights that the owner of a job has now, by identifier.
    request
        Reads the parameters of a job.
    clock
        Tells the time, aware.
    """

    def __init__(
        self,
        kind: str,
        log: DurationLog,
        store: JobStore,
        *,
        queries: QueryService,
        principal: Callable[[str | None], Principal],
        request: Callable[[Job], TapRequest],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._kind = kind
        self._log = log
        self._store = store
        self._queries = queries
        self._principal = principal
        self._request = request
        self._clock = clock
        self._lock = threading.Lock()
        self._shapes: OrderedDict[str, str | None] = OrderedDict()
        self._queue = _Queue(-math.inf)

    def __call__(self, job: Job) -> datetime | None:
        """Predict the end of a job that waits or runs, none where nobody knows.

        Parameters
        ----------
        job
            As it is now.
        """
        if job.phase not in (Phase.QUEUED, Phase.EXECUTING):
            # One that is PENDING waits for its owner.
            return None
        now = self._clock()
        shape = self._shape_of(job)
        if shape is None:
            return None
        if job.phase is Phase.EXECUTING and job.start_time is not None:
            elapsed_s = (now - job.start_time).total_seconds()
            taken_s = self.expected_s(shape, elapsed_s)
            return None if taken_s is None else job.start_time + timedelta(seconds=taken_s)
        wait_s, taken_s = self._wait_s(job), self.expected_s(shape)
        if wait_s is None or taken_s is None:
            return None
        return now + timedelta(seconds=wait_s + taken_s)

    def expected_s(self, shape: str, elapsed_s: float = 0.0) -> float | None:
        """Say how long a run will take in all, none where too few are known.

        Parameters
        ----------
        shape
            Of its query.
        elapsed_s
            What it has taken already: those that took less do not count any more.
        """
        known = self._log.recent(self._kind, shape)
        longer = [duration_s for duration_s in known if duration_s > elapsed_s]
        if len(known) < ENOUGH or not longer:
            return None
        return statistics.median(longer)

    def record(self, shape: str, duration_s: float) -> None:
        """Remember a run; raises as `DurationLog.record`."""
        self._log.record(self._kind, shape, duration_s, self._clock())

    def _shape_of(self, job: Job) -> str | None:
        with self._lock:
            if job.job_id in self._shapes:
                return self._shapes[job.job_id]
        shape: str | None = None
        try:
            asked = self._request(job)
            # What comes with a job is not read for this; its worker says more.
            if not asked.uploads:
                principal = self._principal(job.owner)
                shape = self._queries.shape(principal, asked.query, asked.maxrec)
        except ServiceBusy:
            return None
        except (AdqlError, DaliError, EngineError, RegistryError):
            shape = None
        with self._lock:
            self._shapes[job.job_id] = shape
            while len(self._shapes) > _SHAPES_KEPT:
                self._shapes.popitem(last=False)
        return shape

    def _wait_s(self, job: Job) -> float | None:
        """Say how long a job will wait: as its turn comes, with as many running as do now."""
        queue = self._seen_queue()
        ahead = sum(other.creation_time < job.creation_time for other in queue.waiting)
        if queue.running:
            # One of those has to end first.
            ahead += 1
        if not ahead:
            return 0.0
        durations = self._log.recent(self._kind)
        if len(durations) < ENOUGH:
            return None
        return statistics.fmean(durations) * ahead / max(1, queue.running)

    def _seen_queue(self) -> _Queue:
        now = time.monotonic()
        with self._lock:
            if now - self._queue.at < _SNAPSHOT_S:
                return self._queue
        phases = frozenset({Phase.QUEUED, Phase.EXECUTING})
        wanted = JobQuery(everyone=True, kinds=frozenset({self._kind}), phases=phases)
        jobs: Mapping[bool, list[JobSummary]] = {True: [], False: []}
        for job in self._store.list(wanted):
            jobs[job.phase is Phase.QUEUED].append(job)
        queue = _Queue(now, tuple(jobs[True]), len(jobs[False]))
        with self._lock:
            self._queue = queue
        return queue
