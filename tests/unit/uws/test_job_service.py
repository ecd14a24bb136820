from datetime import datetime, timedelta
from threading import Event, Thread

import pytest
from jobs import START

from uws.errors import (
    InvalidJobParameter,
    InvalidTransition,
    JobForbidden,
    JobNotFound,
    JobsExceeded,
    JobStoreUnavailable,
    ResultNotFound,
)
from uws.limits import JobLimits
from uws.model import Parameter, Phase
from uws.removal import JobRemover
from uws.service import JobAddress, JobRequest, JobService
from uws.store.base import JobQuery
from uws.watcher import PhaseWatcher

LIMITS = JobLimits(
    execution_duration_default_s=60,
    execution_duration_max_s=100,
    destruction_default_s=1000,
    destruction_max_s=2000,
    stored_per_owner=3,
    stored_anonymous=2,
    wait_max_s=5,
)


@pytest.fixture
def service(store, results, clock):
    return JobService(store, results, limits=LIMITS, clock=clock)


def new(service, owner="ada", **parts):
    return service.create(JobRequest(owner, "say", **parts))


def address(job, owner="ada", kind="say"):
    return JobAddress(owner, kind, job.job_id)


def test_a_new_job_is_pending_with_the_defaults(service):
    job = new(service, parameters=[Parameter("SAY", "hi")])
    assert service.get(address(job)) == job
    assert (job.phase, job.execution_duration_s) == (Phase.PENDING, 60)
    assert job.creation_time == START
    assert job.destruction == START + timedelta(seconds=1000)


def test_a_new_job_may_run_at_once(service):
    job = new(service, run=True)
    assert (job.phase, job.queue_time) == (Phase.QUEUED, START)


def test_identifiers_cannot_be_guessed(service):
    names = {new(service, owner=f"o{n}").job_id for n in range(50)}
    assert len(names) == 50
    assert all(len(name) == 32 and name.isalnum() for name in names)


@pytest.mark.parametrize("owner", ["bob", None])
@pytest.mark.parametrize("error", [JobNotFound, JobForbidden])
def test_the_job_of_another_owner_is_hidden_or_refused(store, results, owner, error):
    service = JobService(store, results, reveal_foreign=error is JobForbidden)
    job = new(service)
    there = address(job, owner)
    for action in (
        service.get,
        service.start,
        service.abort,
        service.delete,
        lambda a: service.wait(a, 1),
        lambda a: service.set_parameters(a, []),
        lambda a: service.set_run_id(a, "x"),
        lambda a: service.set_execution_duration(a, 1),
        lambda a: service.set_destruction(a, START),
        lambda a: service.open_result(a, "result"),
    ):
        with pytest.raises(error):
            action(there)
    assert service.get(address(job)) == job


def test_a_hidden_job_reads_like_an_unknown_one(service):
    job = new(service)
    with pytest.raises(JobNotFound) as hidden:
        service.get(address(job, "bob"))
    service.delete(address(job))
    with pytest.raises(JobNotFound) as unknown:
        service.get(address(job, "bob"))
    assert str(hidden.value) == str(unknown.value)


@pytest.mark.parametrize("job_id", ["", "a\x00b", "a/b", "a b", "'"])
def test_a_name_that_no_job_can_have_never_reaches_the_table(service, store, job_id):
    store.trouble = JobStoreUnavailable("asked")
    with pytest.raises(JobNotFound):
        service.get(JobAddress("ada", "say", job_id))


def test_an_anonymous_job_is_open_to_who_knows_it(service):
    job = new(service, owner=None)
    assert service.get(address(job, "bob")) == service.get(address(job, None)) == job


def test_a_job_of_another_kind_is_not_here(service):
    with pytest.raises(JobNotFound):
        service.get(address(new(service), kind="pipeline"))


def test_lists_show_the_callers_jobs_and_none_to_the_anonymous(service):
    job, hidden = new(service), new(service, owner=None)
    assert [j.job_id for j in service.list(JobQuery("ada"))] == [job.job_id]
    assert service.list(JobQuery(None)) == []
    everyone = {j.job_id for j in service.list(JobQuery(everyone=True))}
    assert everyone == {job.job_id, hidden.job_id}


def test_jobs_run_once(service):
    job = new(service)
    assert service.start(address(job)).phase is Phase.QUEUED
    with pytest.raises(InvalidTransition, match="cannot run the job: the job is QUEUED"):
        service.start(address(job))


def test_what_is_over_cannot_be_aborted(service):
    job = new(service)
    assert service.abort(address(job)).phase is Phase.ABORTED
    with pytest.raises(InvalidTransition):
        service.abort(address(job))
    with pytest.raises(InvalidTransition):
        service.start(address(job))


def test_deleting_takes_results_and_whatever_else_belongs_to_the_job(store, results, clock):
    forgotten = []
    remover = JobRemover(store, results, [forgotten.append])
    service = JobService(store, results, limits=LIMITS, clock=clock, remover=remover)
    job = new(service)
    with results.stage(job.job_id, 0, "upload") as sink:
        sink.write(b"x")
    service.delete(address(job))
    assert forgotten == [job.job_id]
    assert list(results.jobs()) == []
    with pytest.raises(JobNotFound):
        service.delete(address(job))


def test_results_without_a_job_are_set_aside_once_they_are_old(store, results, clock):
    service = JobService(store, results, limits=LIMITS, clock=clock)
    job = new(service)
    for name in (job.job_id, "0123456789"):
        with results.stage(name, 1, "result") as sink:
            sink.write(b"x")
    ((_, modified), _) = results.jobs()
    asked = []

    def set_aside(jobs, total):
        asked.append((jobs, total))
        return len(jobs)

    assert JobRemover(store, results).set_orphans_aside(modified + timedelta(days=400)) == 0
    remover = JobRemover(store, results, orphans=set_aside)
    assert remover.set_orphans_aside(modified + timedelta(minutes=30)) == 0
    assert remover.set_orphans_aside(modified + timedelta(minutes=90)) == 1
    assert asked == [(["0123456789"], 2)]
    assert len(list(results.jobs())) == 2


def test_stored_jobs_are_limited(service):
    for _ in range(3):
        new(service)
    with pytest.raises(JobsExceeded):
        new(service)
    new(service, owner=None)
    new(service, owner=None)
    with pytest.raises(JobsExceeded):
        new(service, owner=None)


def test_times_are_clipped_to_the_limits(service, clock):
    job = new(service, execution_duration_s=10**6, destruction=START + timedelta(days=9))
    assert job.execution_duration_s == 100
    assert job.destruction == START + timedelta(seconds=2000)
    clock.advance(500)
    changed = service.set_destruction(address(job), START + timedelta(days=9))
    assert changed.destruction == START + timedelta(seconds=2000)
    assert service.set_execution_duration(address(job), 7).execution_duration_s == 7
    with pytest.raises(InvalidJobParameter):
        service.set_execution_duration(address(job), -7)
    with pytest.raises(InvalidJobParameter, match="time zone"):
        service.set_destruction(address(job), datetime(2026, 1, 1))  # noqa: DTZ001 - on purpose


def test_a_queued_job_cannot_be_set_up_but_its_destruction_can(service):
    job = new(service, run=True)
    with pytest.raises(InvalidTransition):
        service.set_parameters(address(job), [Parameter("SAY", "x")])
    with pytest.raises(InvalidTransition):
        service.set_execution_duration(address(job), 5)
    at = START + timedelta(seconds=5)
    assert service.set_destruction(address(job), at).destruction == at


def test_a_result_that_is_not_there_is_said_so(service):
    with pytest.raises(ResultNotFound, match="PENDING"):
        service.open_result(address(new(service)), "result")


def test_quotes_come_from_the_job_or_from_an_estimate(store, results, clock):
    later = START + timedelta(seconds=9)
    service = JobService(store, results, limits=LIMITS, clock=clock, quote=lambda _: later)
    job = new(service)
    assert service.get(address(job)).quote == later
    service.abort(address(job))
    assert service.get(address(job)).quote is None


def waiting(service, job, wait_s=-1.0, phase=None):
    """Wait in a thread; gives a function that joins it and tells what it saw."""
    seen = []

    def wait():
        try:
            seen.append(service.wait(address(job), wait_s, phase).phase)
        except JobNotFound as error:
            seen.append(error)

    thread = Thread(target=wait)
    thread.start()

    def join():
        thread.join(180)
        assert not thread.is_alive()
        return seen[0]

    return join


def until(condition):
    for _ in range(4000):
        if condition():
            return
        Event().wait(0.005)
    raise AssertionError("it did not come to that")


@pytest.fixture
def patient(store, results, clock):
    """A service whose callers wait until something happens, and its watcher."""
    watcher = PhaseWatcher(store, poll_s=0.01, waiters_max=2)
    limits = JobLimits(wait_max_s=60)
    return JobService(store, results, limits=limits, watcher=watcher, clock=clock), watcher


def test_who_waits_is_woken_by_a_change(patient):
    service, watcher = patient
    job = new(service)
    join = waiting(service, job)
    until(lambda: watcher.waiting)
    service.start(address(job))
    assert join() is Phase.QUEUED
    assert watcher.waiting == 0


def test_who_waits_is_woken_by_another_process(patient, store):
    service, watcher = patient
    job = new(service)
    join = waiting(service, job)
    until(lambda: watcher.waiting)
    store.signal = type(store.signal)()  # Whoever changes the job has a signal of its own.
    service.start(address(job))
    assert join() is Phase.QUEUED


def test_who_waits_learns_that_the_job_is_deleted(patient):
    service, watcher = patient
    job = new(service)
    join = waiting(service, job)
    until(lambda: watcher.waiting)
    service.delete(address(job))
    assert isinstance(join(), JobNotFound)


def test_changes_of_other_jobs_wake_nobody(patient):
    service, watcher = patient
    job, other = new(service), new(service)
    join = waiting(service, job)
    until(lambda: watcher.waiting)
    service.start(address(other))
    assert watcher.wait(job.job_id, Phase.PENDING, 0.1) is False
    assert watcher.waiting == 1
    service.abort(address(job))
    assert join() is Phase.ABORTED


def test_a_change_before_the_waiting_began_is_not_missed(patient):
    service, watcher = patient
    job, other = new(service), new(service)
    join = waiting(service, other)
    until(lambda: watcher.waiting)
    service.start(address(job))
    assert watcher.wait(other.job_id, Phase.PENDING, 0.1) is False
    assert watcher.wait(job.job_id, Phase.PENDING, 20) is True
    service.abort(address(other))
    assert join() is Phase.ABORTED


def test_beyond_the_cap_the_answer_comes_at_once(patient):
    service, watcher = patient
    job = new(service)
    joins = [waiting(service, job), waiting(service, job)]
    until(lambda: watcher.waiting == 2)
    assert service.wait(address(job), -1).phase is Phase.PENDING
    service.start(address(job))
    assert [join() for join in joins] == [Phase.QUEUED, Phase.QUEUED]


@pytest.mark.parametrize(
    ("phase", "wait_s", "asked"),
    [
        (Phase.PENDING, 0, None),
        (Phase.PENDING, -1, Phase.QUEUED),
        (Phase.ABORTED, -1, None),
        (Phase.ABORTED, -1, Phase.ABORTED),
    ],
)
def test_without_a_reason_nobody_waits(patient, phase, wait_s, asked):
    service, _ = patient
    job = new(service)
    if phase is Phase.ABORTED:
        service.abort(address(job))
    assert service.wait(address(job), wait_s, asked).phase is phase


def test_waiting_ends_in_time(service):
    job = new(service)
    assert service.wait(address(job), 0.05).phase is Phase.PENDING


def test_the_longest_wait_is_the_services(store, results, clock):
    limits = JobLimits(wait_max_s=0.05)
    service = JobService(store, results, limits=limits, clock=clock)
    assert service.wait(address(new(service)), -1).phase is Phase.PENDING
    assert service.wait(address(new(service)), 10**9).phase is Phase.PENDING


def test_trouble_with_the_table_answers_who_waits(patient, store, caplog, monkeypatch):
    service, watcher = patient
    job = new(service)
    join = waiting(service, job)
    until(lambda: watcher.waiting)

    def broken():
        raise JobStoreUnavailable("locked")

    monkeypatch.setattr(store, "changes", broken)
    assert join() is Phase.PENDING
    assert "watching the job table failed" in caplog.text
