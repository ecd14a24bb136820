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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any

from registry.errors import RegistryError
from registry.model.principal import Principal
from registry.model.table import Schema, Table, TableSet
from uws.model import Job, JobSummary, Phase, utc_now
from uws.store.base import JobQuery, JobStore
from uws.store.durations import DurationLog
from vo_service.adql.errors import AdqlError
from vo_service.adql.parser import parse
from vo_service.adql.resolver import resolve
from vo_service.adql.typed import (
    And,
    DerivedRelation,
    Exists,
    InQuery,
    Join,
    Predicate,
    Query,
    Select,
    SetOperation,
    TableRelation,
)
from vo_service.dali.errors import DaliError
from vo_service.dali.request import TapRequest
from vo_service.engines.spatial import (
    IndexedColumns,
    constant_number,
    constant_shape,
    enclosure,
    indexed_point,
    proximity,
)
from vo_service.queries import UPLOAD_SCHEMA, UploadedTable

__all__ = ["ENOUGH", "JobQuotes", "query_shape"]

ENOUGH = 3
"""Runs of a shape without which nothing is said: two may both be odd."""

_SNAPSHOT_S = 2.0
"""The queue is looked at once in so long, however many clients ask."""

_SHAPES_KEPT = 2000
"""Shapes of jobs in memory: those that clients watch at a moment."""


def query_shape(query: Query, rows_max: int) -> str:
    """Say what a query has in common with others that take about as long.

    Parameters
    ----------
    query
        Resolved.
    rows_max
        Rows of the result at most.

    Returns
    -------
    str
        The kinds of its work, and the orders of magnitude of the rows that it reads and gives,
        in powers of four.
    """
    kinds: set[str] = set()
    rows = 0.0
    for node in _nodes(query):
        if isinstance(node, Select):
            rows += _rows_read(node, kinds)
            kinds.update(word for word, there in _select_kinds(node) if there)
        elif isinstance(node, SetOperation):
            kinds.add("set")
        elif isinstance(node, DerivedRelation | Exists | InQuery):
            kinds.add("subquery")
        elif isinstance(node, Query) and node.order_by:
            kinds.add("order")
    if any(table.schema_name == UPLOAD_SCHEMA for table in query.tables):
        kinds.add("upload")
    top = query.body.top if isinstance(query.body, Select) else None
    given = min(rows, rows_max, math.inf if top is None else top)
    words = "+".join(sorted(kinds)) or "scan"
    return f"{words} {_magnitude(rows)} {_magnitude(given)}"


def _select_kinds(node: Select) -> Iterator[tuple[str, bool]]:
    yield "group", bool(node.group_by)
    yield "distinct", node.distinct
    yield "join", len(node.relations) > 1 or any(isinstance(r, Join) for r in node.relations)


def _rows_read(node: Select, kinds: set[str]) -> float:
    """Add up the rows of a SELECT's tables, as far as its conditions find them by the index."""
    tables = {r.number: r.table for r in _relations(node.relations)}
    positions = {
        number: IndexedColumns(table.position.ra, table.position.dec, "", table.nrows or 0)
        for number, table in tables.items()
        if table.position is not None
    }
    part = dict.fromkeys(tables, 1.0)
    for condition in _conditions(node):
        near = proximity(condition)
        if near is not None:
            radius_deg = constant_number(near.radius_deg)
            first, second = (indexed_point(p, positions) for p in (near.left, near.right))
            fixed = [constant_shape(p) is not None for p in (near.left, near.right)]
            found = first or second
            kinds.add("cone" if any(fixed) else "crossmatch")
            if found is not None and any(fixed) and radius_deg is not None:
                part[found.relation] = min(part[found.relation], _cap(radius_deg))
        elif enclosure(condition) is not None:
            kinds.add("region")
    return sum((table.nrows or 0) * part[number] for number, table in tables.items())


def _relations(relations: Sequence[Any]) -> Iterator[TableRelation]:
    for relation in relations:
        if isinstance(relation, TableRelation):
            yield relation
        elif isinstance(relation, Join):
            yield from _relations((relation.left, relation.right))


def _conditions(node: Select) -> Iterator[Predicate]:
    found = [node.where] + [r.condition for r in node.relations if isinstance(r, Join)]
    while found:
        condition = found.pop()
        if isinstance(condition, And):
            found.extend(condition.operands)
        elif condition is not None:
            yield condition


def _cap(radius_deg: float) -> float:
    """Give the part of the sky within a radius."""
    return (1 - math.cos(math.radians(min(max(radius_deg, 0.0), 180.0)))) / 2


def _magnitude(rows: float) -> int:
    return 0 if rows < 1 else 1 + round(math.log(rows, 4))


def _nodes(node: Any) -> Iterator[Any]:  # noqa: ANN401 - any node of the tree
    stack = [node]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            stack.extend(node)
        elif is_dataclass(node) and not isinstance(node, Table):
            yield node
            stack.extend(getattr(node, field.name) for field in fields(node))


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
    tables
        Everything that a caller may query.
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
        tables: Callable[[Principal], TableSet],
        principal: Callable[[str | None], Principal],
        request: Callable[[Job], TapRequest],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._kind = kind
        self._log = log
        self._store = store
        self._tables = tables
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

    def shape(
        self, principal: Principal, asked: TapRequest, uploads: Sequence[UploadedTable] = ()
    ) -> str:
        """Give the shape of a query.

        Raises
        ------
        AdqlError
            If it cannot be understood.
        """
        tables = self._tables(principal)
        if uploads:
            sent = Schema(UPLOAD_SCHEMA, tuple(each.table for each in uploads))
            tables = TableSet((*tables.schemas, sent), tables.version)
        return query_shape(resolve(parse(asked.query), tables, asked.query), asked.maxrec)

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
                shape = self.shape(self._principal(job.owner), asked)
        except (AdqlError, DaliError, RegistryError):
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
