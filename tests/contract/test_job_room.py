"""What one owner, or one address without an account, may keep; and whose turn it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from jobs import MemoryJobStore

from uws.errors import JobsExceeded
from uws.model import Job, JobInfo, JobResult, Phase
from uws.store.base import ClaimRequest, JobQuery, JobRoom
from uws.store.database import JobDatabase
from uws.store.sql import SqlJobStore
from uws.transition import Transition

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    if request.param == "memory":
        return MemoryJobStore()
    database = JobDatabase(f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    database.prepare()
    return SqlJobStore(database)


def job(name, address="192.0.2.1", owner=None, **values) -> Job:
    made = Job(
        job_id=name, kind="say", owner=owner, address=address, creation_time=NOW, phase=Phase.QUEUED
    )
    return replace(made, **{"queue_time": NOW} | values)


def claim(store):
    lease = NOW + timedelta(seconds=20)
    return store.claim(
        ClaimRequest(kinds=frozenset({"say"}), worker="w", at=NOW, lease_expires=lease)
    )


def test_an_address_keeps_so_many_jobs_and_others_are_not_concerned(store):
    room = JobRoom(stored=2)
    for name in ("a", "b"):
        store.create(job(name), room=room)
    with pytest.raises(JobsExceeded):
        store.create(job("c"), room=room)
    store.create(job("c", "192.0.2.2"), room=room)
    store.create(job("d", "", "ada"), room=room)
    store.delete("a")
    store.create(job("e"), room=room)


def test_so_many_jobs_may_wait_to_be_run(store):
    room = JobRoom(pending=1)
    pending = {"phase": Phase.PENDING}
    store.create(job("a", **pending), room=room)
    with pytest.raises(JobsExceeded):
        store.create(job("b", **pending), room=room)
    store.create(job("c", "192.0.2.2", **pending), room=room)
    store.transition(Transition.queueing("a", NOW))
    store.create(job("b", **pending), room=room)


@pytest.mark.parametrize(("size", "fits"), [(99, True), (100, False), (101, False)])
def test_results_of_a_size_leave_no_room_for_more_jobs(store, size, fits):
    room = JobRoom(result_bytes=100)
    store.create(job("a"), room=room)
    results = (JobResult("result", "text/plain", size, "a/1/result"),)
    store.transition(Transition.completion(claim(store).claim, NOW, results, JobInfo()))
    store.create(job("other", "192.0.2.2"), room=room)
    if fits:
        store.create(job("b"), room=room)
    else:
        with pytest.raises(JobsExceeded):
            store.create(job("b"), room=room)
    store.delete("a")
    store.create(job("c"), room=room)


def test_addresses_take_turns_whoever_sent_more(store):
    for number in range(5):
        store.create(job(f"many{number}"))
    assert claim(store).job_id == "many0"
    store.create(job("one", "192.0.2.2", queue_time=NOW + timedelta(seconds=9)))
    store.create(job("user", "", "ada", queue_time=NOW + timedelta(seconds=10)))
    assert [claim(store).job_id for _ in range(3)] == ["one", "user", "many1"]


def test_jobs_that_were_never_run_are_found_after_a_while(store):
    store.create(job("pending", phase=Phase.PENDING))
    store.create(job("queued"))
    late = NOW + timedelta(hours=2)
    assert store.destroyable(late, limit=9) == []
    before = NOW - timedelta(seconds=1)
    assert store.destroyable(late, limit=9, pending_before=before) == []
    assert store.destroyable(late, limit=9, pending_before=NOW) == ["pending"]


def test_jobs_are_listed_by_address(store):
    for name, address in (("a", "192.0.2.1"), ("b", "192.0.2.2")):
        store.create(job(name, address))
    found = store.list(JobQuery(address="192.0.2.2"))
    assert [(each.job_id, each.address) for each in found] == [("b", "192.0.2.2")]
