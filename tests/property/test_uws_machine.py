"""The job service beside a model of it, through random calls, deaths and jumps of the clock."""

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from jobs import ManualClock, MemoryJobStore

from uws.errors import InvalidTransition, JobNotFound, JobsExceeded
from uws.limits import JobLimits
from uws.model import Claim, JobError, JobInfo, Parameter, Phase
from uws.reconciler import Reconciler
from uws.results.folder import FolderResultStore
from uws.service import JobAddress, JobRequest, JobService
from uws.store.base import ClaimRequest, JobQuery
from uws.store.database import JobDatabase
from uws.store.sql import SqlJobStore
from uws.transition import Transition

OWNERS = ["ada", "bob", None]
LEASE = timedelta(seconds=20)
LIMITS = JobLimits(
    execution_duration_default_s=60,
    execution_duration_max_s=100,
    destruction_default_s=300,
    destruction_max_s=800,
    stored_per_owner=4,
    stored_anonymous=5,
)
RUNNING = {"ada": 2, "bob": 2, None: 3}
OVER = (Phase.COMPLETED, Phase.ERROR, Phase.ABORTED)

owners = st.sampled_from(OWNERS)
callers = st.sampled_from(["the owner", "the owner", "the owner", *OWNERS])
durations = st.sampled_from([0, 5, 60, 100, 150])


@dataclass
class ModelJob:
    """What is expected of a job."""

    owner: str | None
    created: datetime
    destruction: datetime
    duration: int
    phase: str = "PENDING"
    queued: datetime | None = None
    attempt: int = 0
    losses: int = 0
    started: datetime | None = None
    lease: datetime | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    completions: int = 0

    def end(self, phase: str) -> None:
        self.phase, self.lease = phase, None


class JobMachine(RuleBasedStateMachine):
    """Every rule does the same to the service and to the model, and compares the answers."""

    jobs = Bundle("jobs")
    claims = Bundle("claims")

    def __init__(self):
        super().__init__()
        self.clock = ManualClock()
        self.folder = Path(tempfile.mkdtemp(prefix="pzvo-uws-"))
        # Ties in the queue fall by identifier: a run must be the same when it is replayed.
        numbers = (f"{number:04}" for number in count())
        identifiers = SimpleNamespace(token_hex=lambda _: next(numbers))
        self.patch = patch("uws.service.secrets", identifiers)
        self.patch.start()
        self.store = self.make_store()
        results = FolderResultStore(self.folder / "results")
        self.service = JobService(self.store, results, limits=LIMITS, clock=self.clock)
        self.reconciler = Reconciler(self.store, results, clock=self.clock)
        self.model: dict[str, ModelJob] = {}
        self.changes = 0

    def make_store(self):
        return MemoryJobStore()

    def teardown(self):
        self.patch.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # What clients do.

    @initialize(target=jobs)
    def first_jobs(self):
        owned = ["ada", "ada", "ada", "bob", "bob", None, None]
        return multiple(*(self.create(owner, run=True, duration=None) for owner in owned))

    @rule(target=jobs, owner=owners, run=st.booleans(), duration=st.none() | durations)
    def create(self, owner, run, duration):
        request = JobRequest(owner, "tap", run=run, execution_duration_s=duration)
        stored = sum(job.owner == owner for job in self.model.values())
        if stored >= LIMITS.stored(owner):
            with pytest.raises(JobsExceeded):
                self.service.create(request)
            return multiple()
        job_id = self.service.create(request).job_id
        assert job_id not in self.model
        limit = 60 if duration is None else min(duration or 100, 100)
        now = self.clock.now
        model = ModelJob(owner, now, now + timedelta(seconds=300), limit)
        if run:
            model.phase, model.queued = "QUEUED", now
        self.model[job_id] = model
        return job_id

    @rule(job_id=jobs, caller=callers)
    def start(self, job_id, caller):
        job = self.expect(job_id, caller, ["PENDING"], self.service.start)
        if job is not None:
            job.phase, job.queued = "QUEUED", self.clock.now

    @rule(job_id=jobs, caller=callers)
    def abort(self, job_id, caller):
        phases = ["PENDING", "QUEUED", "EXECUTING"]
        job = self.expect(job_id, caller, phases, self.service.abort)
        if job is not None:
            job.end("ABORTED")

    @rule(job_id=jobs, caller=callers)
    def delete(self, job_id, caller):
        if self.expect(job_id, caller, list(Phase), self.service.delete) is not None:
            del self.model[job_id]

    @rule(
        job_id=jobs,
        caller=callers,
        what=st.sampled_from(["QUERY", "query", "duration"]),
        n=durations,
    )
    def set_up(self, job_id, caller, what, n):
        def action(address):
            if what == "duration":
                self.service.set_execution_duration(address, n)
            else:
                self.service.set_parameters(address, [Parameter(what, str(n))])

        job = self.expect(job_id, caller, ["PENDING"], action)
        if job is not None and what == "duration":
            job.duration = min(n or 100, 100)
        elif job is not None:
            job.parameters[what.upper()] = str(n)

    @rule(job_id=jobs, caller=callers, after=st.integers(-100, 1000))
    def set_destruction(self, job_id, caller, after):
        at = self.clock.now + timedelta(seconds=after)

        def action(address):
            self.service.set_destruction(address, at)

        job = self.expect(job_id, caller, list(Phase), action)
        if job is not None:
            job.destruction = min(at, job.created + timedelta(seconds=800))

    @rule(owner=owners, phases=st.sets(st.sampled_from(sorted(Phase))), last=st.integers(1, 3))
    def list_jobs(self, owner, phases, last):
        query = JobQuery(owner, phases=frozenset(phases))
        seen = {job.job_id: job.phase for job in self.service.list(query)}
        assert seen == {
            job_id: job.phase
            for job_id, job in self.model.items()
            if owner is not None and job.owner == owner and (not phases or job.phase in phases)
        }
        newest = self.service.list(JobQuery(owner, last=last))
        created = sorted(job.created for job in self.model.values() if job.owner == owner)
        expected = [] if owner is None else created[-last:]
        assert [job.creation_time for job in newest] == expected

    # What workers do, and how they end.

    @rule(target=claims, worker=st.sampled_from(["w1", "w2"]))
    def claim(self, worker):
        now = self.clock.now
        request = ClaimRequest(
            frozenset({"tap"}),
            worker,
            now,
            now + LEASE,
            running_per_owner=RUNNING["ada"],
            running_anonymous=RUNNING[None],
        )
        taken = self.store.claim(request)
        running = {
            owner: sum(j.phase == "EXECUTING" and j.owner == owner for j in self.model.values())
            for owner in OWNERS
        }
        queue = sorted(
            (running[job.owner], job.queued, job_id)
            for job_id, job in self.model.items()
            if job.phase == "QUEUED" and running[job.owner] < RUNNING[job.owner]
        )
        if not queue:
            assert taken is None
            return multiple()
        job = self.model[queue[0][2]]
        job.phase, job.started, job.lease = "EXECUTING", now, now + LEASE
        job.attempt += 1
        assert taken.claim == Claim(queue[0][2], job.attempt)
        return worker, taken.claim

    @rule(claim=claims)
    def heartbeat(self, claim):
        worker, one = claim
        held = self.store.heartbeat(worker, self.clock.now + LEASE)
        assert (one in held) == self.may_finish(one)
        for other in held:
            assert self.may_finish(other)
            self.model[other.job_id].lease = self.clock.now + LEASE

    @rule(claim=consumes(claims), how=st.sampled_from(["complete", "fail", "release"]))
    def finish(self, claim, how):
        one = claim[1]
        at = self.clock.now
        change = {
            "complete": Transition.completion(one, at, (), JobInfo()),
            "fail": Transition.failure(one, at, JobError("no")),
            "release": Transition.release(one),
        }[how]
        if not self.may_finish(one):
            with pytest.raises((InvalidTransition, JobNotFound)):
                self.store.transition(change)
            return
        self.store.transition(change)
        job = self.model[one.job_id]
        job.end({"complete": "COMPLETED", "fail": "ERROR", "release": "QUEUED"}[how])
        job.completions += how == "complete"

    @rule(by=st.sampled_from([1, 6, 15]))
    def pass_time(self, by):
        self.clock.advance(by)

    @rule()
    def lose_all_workers(self):
        self.clock.advance(21)
        self.reconcile()

    @rule()
    def reconcile(self):
        self.reconciler.run_once()
        now = self.clock.now
        for job_id, job in list(self.model.items()):
            if job.phase == "EXECUTING":
                limit = timedelta(seconds=job.duration)
                if job.duration and job.started + limit < now:
                    job.end("ABORTED")
                elif job.lease < now:
                    job.losses += 1
                    job.end("QUEUED" if job.losses == 1 else "ERROR")
            if job.destruction <= now:
                del self.model[job_id]

    # What always holds.

    @invariant()
    def the_service_is_what_the_model_says(self):
        assert set(self.store.known(self.model)) == set(self.model)
        assert len(self.store.list(JobQuery(everyone=True))) == len(self.model)
        for job_id, expected in self.model.items():
            job = self.store.get(job_id)
            assert (job.phase, job.attempt, job.losses) == (
                expected.phase,
                expected.attempt,
                expected.losses,
            )
            assert {p.name.upper(): p.value for p in job.parameters} == expected.parameters
            assert len(job.parameters) == len(expected.parameters)
            assert (job.destruction, job.execution_duration_s) == (
                expected.destruction,
                expected.duration,
            )
            assert (job.end_time is not None) == (job.phase in OVER)
            assert (job.worker is not None) == (job.phase is Phase.EXECUTING)
            assert expected.completions <= 1

    @invariant()
    def changes_are_counted(self):
        changes = self.store.changes()
        assert changes >= self.changes
        self.changes = changes

    def may_finish(self, claim):
        job = self.model.get(claim.job_id)
        return job is not None and (job.phase, job.attempt) == ("EXECUTING", claim.attempt)

    def expect(self, job_id, caller, phases, action):
        """Do something to a job; give the model's job if that should have worked."""
        job = self.model.get(job_id)
        if caller == "the owner":
            caller = job.owner if job is not None else None
        address = JobAddress(caller, "tap", job_id)
        if job is None or job.owner not in (None, caller):
            with pytest.raises(JobNotFound):
                action(address)
            return None
        if job.phase not in phases:
            with pytest.raises(InvalidTransition) as refused:
                action(address)
            assert refused.value.actual == job.phase
            return None
        action(address)
        return job


class SqliteJobMachine(JobMachine):
    """The same on the job table in SQLite."""

    def make_store(self):
        self.database = JobDatabase(f"sqlite:///{self.folder / 'jobs.sqlite'}")
        self.database.prepare()
        return SqlJobStore(self.database)

    def teardown(self):
        self.database.close()
        super().teardown()


def check(machine, examples, steps):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_service_does_what_the_model_does():
    check(JobMachine, examples=200, steps=60)


def test_the_service_does_so_on_sqlite():
    check(SqliteJobMachine, examples=20, steps=60)
