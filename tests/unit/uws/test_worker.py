import errno
import logging
from datetime import timedelta
from threading import Event, Thread

import pytest
from jobs import SayHandler

from uws.errors import JobFailed, JobNotFound, JobStoreUnavailable, StorageFull
from uws.execution import describe_error
from uws.limits import JobLimits
from uws.model import ErrorType, Parameter, Phase
from uws.reconciler import Reconciler
from uws.service import JobAddress, JobRequest, JobService
from uws.store.base import ClaimRequest
from uws.worker import Worker, WorkerSettings

QUICK = WorkerSettings(slots=2, lease_s=60, poll_s=0.01, watch_s=0.01, report_s=0.01)


@pytest.fixture
def service(store, results, clock):
    return JobService(store, results, limits=JobLimits(wait_max_s=30), clock=clock)


@pytest.fixture
def reconciler(store, results, clock):
    return Reconciler(store, results, clock=clock)


@pytest.fixture
def start(store, results, clock):
    started = []

    def begin(handler=None, **settings):
        worker = Worker(
            store,
            results,
            [handler or SayHandler()],
            settings=WorkerSettings(**{**vars(QUICK), **settings}),
            clock=clock,
        )
        worker.start()
        started.append(worker)
        return worker

    yield begin
    for worker in started:
        worker.stop(grace_s=0)


def submit(service, owner="ada", *, duration_s=None, **parameters):
    sent = [Parameter(name, str(value)) for name, value in parameters.items()]
    request = JobRequest(owner, "say", sent, run=True, execution_duration_s=duration_s)
    return JobAddress(owner, "say", service.create(request).job_id)


def finish(service, address):
    """Wait until a job is over."""
    for phase in (Phase.QUEUED, Phase.EXECUTING):
        job = service.wait(address, -1, phase)
    return job


def executing(service, address):
    job = service.wait(address, -1, Phase.QUEUED)
    assert job.phase is Phase.EXECUTING
    return job


def gone(worker):
    """Wait until nothing runs any more."""
    for _ in range(2000):
        if not worker.running:
            return True
        Event().wait(0.01)
    return False


class DeafHandler:
    """Runs until the test lets it, whatever it is told; `told` is set when it is cancelled."""

    kind = "say"

    def __init__(self):
        self.begun, self.go, self.told = Event(), Event(), Event()

    def validate(self, parameters):
        pass

    def run(self, job, context):
        context.on_cancel(self.told.set)
        self.begun.set()
        assert self.go.wait(180)
        return []


def test_a_job_is_run_and_its_result_kept(service, start, caplog):
    caplog.set_level(logging.INFO, "pzvo.jobs")
    address = submit(service, SAY="hello")
    worker = start()
    job = finish(service, address)
    assert (job.phase, job.attempt, job.error) == (Phase.COMPLETED, 1, None)
    (result,) = job.results
    assert (result.id, result.size_bytes, result.rows) == ("result", 5, 1)
    assert [name for name, _ in job.info.timings] == ["write"]
    _, _, stored = service.open_result(address, "result")
    with stored.content as content:
        assert content.read() == b"hello"
    assert gone(worker)
    assert f"job={job.job_id} kind=say phase=COMPLETED attempt=1" in caplog.text
    assert "write_s=" in caplog.text


def test_many_jobs_run_in_a_few_slots(service, start):
    start(slots=2)
    jobs = [submit(service, SAY=n) for n in range(20)]
    assert {finish(service, job).phase for job in jobs} == {Phase.COMPLETED}


def test_slots_bound_what_runs_at_once(service, clock, start):
    handler = DeafHandler()
    worker = start(handler, slots=2)
    jobs = []
    for _ in range(3):
        jobs.append(submit(service))
        clock.advance(1)
    for job in jobs[:2]:
        executing(service, job)
    assert len(worker.running) == 2
    assert service.get(jobs[2]).phase is Phase.QUEUED
    handler.go.set()
    assert {finish(service, job).phase for job in jobs} == {Phase.COMPLETED}


def test_a_handlers_error_is_the_jobs_error(service, start, results):
    start()
    job = finish(service, submit(service, FAIL="no such column: nope"))
    assert job.phase is Phase.ERROR
    assert (job.error.message, job.error.type) == ("no such column: nope", ErrorType.TRANSIENT)
    job = finish(service, submit(service, REFUSE="x"))
    assert job.error.message == "REFUSE is not wanted"


def test_an_unknown_error_keeps_its_text_to_itself(service, start, caplog):
    start()
    job = finish(service, submit(service, BREAK="x"))
    assert job.phase is Phase.ERROR
    assert "secret" not in job.error.message
    incident = job.error.message.split()[-1].rstrip(".")
    assert f"incident {incident}" in caplog.text
    assert "a secret of the service" in caplog.text


def test_errors_are_worded_for_their_kind():
    assert describe_error(StorageFull("full")).type is ErrorType.TRANSIENT
    assert describe_error(JobStoreUnavailable("away")).type is ErrorType.TRANSIENT
    assert describe_error(JobFailed("bad")).type is ErrorType.FATAL


def test_an_aborted_job_stops_and_leaves_nothing(service, start, results):
    worker = start()
    address = submit(service, SLEEP=60)
    executing(service, address)
    assert service.abort(address).phase is Phase.ABORTED
    assert gone(worker)
    job = service.get(address)
    assert (job.phase, job.results, job.error) == (Phase.ABORTED, (), None)
    assert list(results.jobs()) == []


def test_a_deleted_job_stops_and_leaves_nothing(service, start, results):
    worker = start()
    address = submit(service, SLEEP=60)
    executing(service, address)
    service.delete(address)
    assert gone(worker)
    with pytest.raises(JobNotFound):
        service.get(address)


def test_a_job_cannot_complete_after_it_was_aborted(service, start):
    handler = DeafHandler()
    worker = start(handler)
    address = submit(service)
    assert handler.begun.wait(180)
    service.abort(address)
    assert handler.told.wait(180)
    handler.go.set()
    assert gone(worker)
    assert service.get(address).phase is Phase.ABORTED


def test_the_execution_duration_is_enforced_with_a_reason(service, start, clock):
    worker = start()
    address = submit(service, SLEEP=60, duration_s=5)
    executing(service, address)
    clock.advance(6)
    job = service.wait(address, -1, Phase.EXECUTING)
    assert job.phase is Phase.ABORTED
    assert "execution duration of 5 s" in job.error.message
    assert gone(worker)


def test_progress_shows_while_the_job_runs(service, start):
    start()
    address = submit(service, SLEEP=60)
    for _ in range(2000):
        info = service.get(address).info
        if info.text is not None:
            break
        Event().wait(0.01)
    assert (info.progress, info.text) == (0.5, "sleeping")


def test_leases_are_extended_while_jobs_run(service, start, clock):
    start(lease_s=0.2)
    address = submit(service, SLEEP=60, duration_s=3600)
    executing(service, address)
    clock.advance(1000)
    for _ in range(2000):
        if service.get(address).lease_expires > clock.now:
            break
        Event().wait(0.01)
    assert service.get(address).lease_expires == clock.now + timedelta(seconds=0.2)


def test_a_worker_that_stops_gives_its_jobs_back_without_a_loss(service, start):
    worker = start()
    address = submit(service, SLEEP=60)
    executing(service, address)
    worker.stop(grace_s=0)
    job = service.get(address)
    assert (job.phase, job.losses, job.attempt, job.error) == (Phase.QUEUED, 0, 1, None)
    assert not worker.running


def test_a_worker_that_stops_lets_short_jobs_finish(service, start):
    worker = start()
    address = submit(service, SLEEP=0.05, SAY="done")
    executing(service, address)
    worker.stop(grace_s=20)
    assert service.get(address).phase is Phase.COMPLETED


def test_a_worker_that_stops_gives_back_even_jobs_that_do_not_listen(service, start, monkeypatch):
    monkeypatch.setattr("uws.worker._CANCEL_GRACE_S", 0.05)
    handler = DeafHandler()
    worker = start(handler)
    address = submit(service)
    assert handler.begun.wait(180)
    worker.stop(grace_s=0)
    assert service.get(address).phase is Phase.QUEUED
    handler.go.set()
    assert gone(worker)
    assert service.get(address).phase is Phase.QUEUED


def test_a_worker_with_all_slots_taken_that_looks_rarely_stops_at_once(service, start):
    worker = start(slots=1, watch_s=3600)
    address = submit(service, SLEEP=60)
    executing(service, address)
    stopping = Thread(target=worker.stop, args=(0,), daemon=True)
    stopping.start()
    stopping.join(120)
    assert not stopping.is_alive()
    assert service.get(address).phase is Phase.QUEUED


def test_a_stopped_worker_claims_nothing(service, start):
    start().stop()
    address = submit(service, SAY="x")
    assert service.wait(address, 0.1).phase is Phase.QUEUED


def test_running_limits_of_owners_hold(service, start, clock):
    handler = DeafHandler()
    worker = start(handler, slots=3, running_per_owner=1)
    mine = submit(service)
    clock.advance(1)
    again, other = submit(service), submit(service, "bob")
    executing(service, mine)
    executing(service, other)
    assert service.wait(again, 0.1).phase is Phase.QUEUED
    handler.go.set()
    assert finish(service, again).phase is Phase.COMPLETED
    assert gone(worker)


def test_a_worker_survives_trouble_with_its_table(service, start, store, monkeypatch, caplog):
    monkeypatch.setattr("uws.worker._TROUBLE_PAUSE_S", 0.01)
    store.trouble = JobStoreUnavailable("locked")
    start()
    for _ in range(2000):
        if caplog.records:
            break
        Event().wait(0.01)
    assert finish(service, submit(service, SAY="x")).phase is Phase.COMPLETED


def test_the_end_of_a_job_is_recorded_once_the_table_is_back(service, start, store, monkeypatch):
    monkeypatch.setattr("uws.execution._RETRY_PAUSES_S", (0.01, 0.01, 0.01))
    transition, troubles = store.transition, [JobStoreUnavailable("a"), StorageFull("b")]

    def troubled(change):
        if change.target is Phase.COMPLETED and troubles:
            raise troubles.pop()
        return transition(change)

    monkeypatch.setattr(store, "transition", troubled)
    start()
    assert finish(service, submit(service, SAY="x")).phase is Phase.COMPLETED
    assert not troubles


def test_results_stay_when_the_answer_to_their_commit_was_lost(service, start, store, monkeypatch):
    monkeypatch.setattr("uws.execution._RETRY_PAUSES_S", (0.01, 0.01))
    transition, troubles = store.transition, [JobStoreUnavailable("connection lost")]

    def troubled(change):
        job = transition(change)
        if change.target is Phase.COMPLETED and troubles:
            raise troubles.pop()
        return job

    monkeypatch.setattr(store, "transition", troubled)
    worker = start()
    address = submit(service, SAY="kept")
    assert finish(service, address).phase is Phase.COMPLETED
    assert gone(worker)
    _, _, stored = service.open_result(address, "result")
    with stored.content as content:
        assert content.read() == b"kept"


def test_a_full_disk_is_the_jobs_error_and_leaves_nothing(service, start, results, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    worker = start()
    job = finish(service, submit(service, SAY="too much"))
    assert (job.phase, job.results) == (Phase.ERROR, ())
    assert "no space left" in job.error.message
    assert job.error.type is ErrorType.TRANSIENT
    assert gone(worker)
    assert [path for path in results._folder.rglob("*") if path.is_file()] == []


def claim_by_nobody(store, clock, lease_s=20.0):
    """Take a job as a worker that dies at once."""
    lease = clock.now + timedelta(seconds=lease_s)
    return store.claim(ClaimRequest(frozenset({"say"}), "dead", clock.now, lease))


def test_a_lost_job_runs_once_more_and_then_is_an_error(service, store, reconciler, clock):
    address = submit(service)
    claim_by_nobody(store, clock)
    clock.advance(19)
    reconciler.run_once()
    assert service.get(address).phase is Phase.EXECUTING
    clock.advance(2)
    reconciler.run_once()
    assert service.get(address).phase is Phase.QUEUED
    claim_by_nobody(store, clock)
    clock.advance(21)
    reconciler.run_once()
    job = service.get(address)
    assert job.phase is Phase.ERROR
    assert "lost 2 times" in job.error.message
    assert job.attempt == 2


def test_restarts_can_be_set_by_kind(service, store, results, clock):
    address = submit(service)
    claim_by_nobody(store, clock)
    clock.advance(21)
    Reconciler(store, results, restarts={"say": 0}, clock=clock).run_once()
    job = service.get(address)
    assert (job.phase, job.attempt) == (Phase.ERROR, 1)
    assert "lost once" in job.error.message


def test_what_a_lost_attempt_wrote_is_removed(service, store, results, reconciler, clock):
    address = submit(service)
    claim_by_nobody(store, clock)
    with results.stage(address.job_id, 1, "result") as sink:
        sink.write(b"x")
    with results.stage(address.job_id, 0, "upload") as upload:
        upload.write(b"x")
    clock.advance(21)
    reconciler.run_once()
    results.open(upload.location).content.close()
    assert list(results._folder.rglob("result")) == []


class LateHandler(SayHandler):
    """Fails by a time limit of its own, as engines and executors do."""

    def __init__(self, clock, commits=False):
        self._clock, self._commits = clock, commits

    def run(self, job, context):
        if self._commits:
            context.commit()
        self._clock.advance(6)
        raise JobFailed("the query did not finish within its time limit of 5 s")


def test_a_used_up_duration_ends_alike_whoever_notices(service, store, reconciler, clock, start):
    ends = []
    # The worker itself does not look in between.
    for handler in (LateHandler(clock), None):
        worker = start(handler, watch_s=60) if handler else start()
        address = submit(service, SLEEP=60, duration_s=5)
        if handler is None:
            executing(service, address)
            clock.advance(6)
        ends.append(finish(service, address))
        worker.stop(grace_s=0)
    address = submit(service, duration_s=5)
    claim_by_nobody(store, clock, lease_s=1000)
    clock.advance(6)
    reconciler.run_once()
    ends.append(service.get(address))
    assert {job.phase for job in ends} == {Phase.ABORTED}
    assert len({job.error for job in ends}) == 1
    assert "execution duration of 5 s" in ends[0].error.message


def test_what_fails_past_its_point_of_no_return_says_why(service, clock, start):
    start(LateHandler(clock, commits=True), watch_s=60)
    job = finish(service, submit(service, duration_s=5))
    assert job.phase is Phase.ERROR
    assert "time limit of 5 s" in job.error.message


def test_overdue_jobs_of_dead_workers_are_aborted(service, store, reconciler, clock):
    address = submit(service, duration_s=5)
    claim_by_nobody(store, clock, lease_s=1000)
    clock.advance(6)
    reconciler.run_once()
    job = service.get(address)
    assert job.phase is Phase.ABORTED
    assert "execution duration" in job.error.message


def test_jobs_go_at_their_destruction_time(service, results, reconciler, clock, start):
    worker = start()
    done, running = submit(service, SAY="x"), submit(service, SLEEP=60)
    finish(service, done)
    executing(service, running)
    service.set_destruction(done, clock.now)
    service.set_destruction(running, clock.now)
    reconciler.run_once()
    for address in (done, running):
        with pytest.raises(JobNotFound):
            service.get(address)
    assert gone(worker)
    assert list(results.jobs()) == []


def test_the_reconciler_works_by_itself(service, store, results, clock):
    address = submit(service)
    service.set_destruction(address, clock.now)
    reconciler = Reconciler(store, results, interval_s=0.01, clock=clock)
    store.trouble = JobStoreUnavailable("locked")
    reconciler.start()
    for _ in range(2000):
        if not store._jobs:
            break
        Event().wait(0.01)
    reconciler.stop()
    with pytest.raises(JobNotFound):
        service.get(address)


class QueueingHandler:
    """Waits in a queue of another system until `go`, then works until it is told to stop."""

    kind = "say"

    def __init__(self):
        self.go = Event()

    def validate(self, parameters):
        pass

    def run(self, job, context):
        context.waiting(True)
        assert self.go.wait(60)
        context.waiting(False)
        context.wait_cancelled(60)
        context.raise_if_cancelled()
        return []


def test_waiting_in_a_queue_of_another_system_takes_none_of_the_execution_duration(
    service, store, start, clock
):
    handler = QueueingHandler()
    address = submit(service, duration_s=5)
    worker = start(handler)
    while not worker.running:
        Event().wait(0.01)
    while store.get(address.job_id).start_time is not None:
        Event().wait(0.01)
    clock.advance(3600)
    job = service.get(address)
    assert (job.phase, job.deadline) == (Phase.QUEUED, None)
    handler.go.set()
    assert executing(service, address).start_time == clock()
    clock.advance(6)
    assert service.wait(address, -1, Phase.EXECUTING).phase is Phase.ABORTED
    assert gone(worker)
