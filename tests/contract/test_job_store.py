"""What every job table must do, the one in memory included."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from jobs import START, MemoryJobStore
from sqlalchemy import create_engine, delete, inspect

from uws.errors import (
    InvalidTransition,
    JobIrrevocable,
    JobNotFound,
    JobsExceeded,
    JobStoreUnavailable,
)
from uws.model import (
    Claim,
    ErrorType,
    Job,
    JobError,
    JobInfo,
    JobResult,
    Parameter,
    Phase,
    sources,
)
from uws.store.base import ClaimRequest, JobQuery
from uws.store.database import JobDatabase
from uws.store.migration import alembic_config
from uws.store.schema import METADATA, VERSION_TABLE, uws_jobs
from uws.store.sql import SqlJobStore
from uws.transition import Transition

LATER = START + timedelta(hours=1)
ERROR = JobError("Column not found: «nope»", ErrorType.TRANSIENT, has_detail=False)
RESULT = JobResult("result", "text/csv;header=present", 12, "a/1/result", 3)
INFO = JobInfo(0.5, "half", (("parse", 0.25), ("stream", 1.5)))


ROOT = Path(__file__).resolve().parents[2]
BACKENDS = ["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
DATABASES = BACKENDS[1:]
PHASES = sorted(Phase)


@pytest.fixture(scope="module")
def postgres_jobs(postgres_server):
    opened = JobDatabase(postgres_server.new_database())
    opened.prepare()
    yield opened
    opened.close()


@pytest.fixture(params=BACKENDS)
def store(request, tmp_path):
    if request.param == "memory":
        yield MemoryJobStore()
        return
    if request.param == "sqlite":
        database = JobDatabase(f"sqlite:///{tmp_path / 'jobs.sqlite'}")
        database.prepare()
    else:
        database = request.getfixturevalue("postgres_jobs")
        with database.writing() as connection:
            connection.execute(delete(uws_jobs))
    yield SqlJobStore(database)
    database.close()


@pytest.fixture(params=DATABASES)
def url(request, tmp_path):
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new.sqlite'}"
    return request.getfixturevalue("postgres_server").new_database()


def job(job_id="a", owner="ada", at=0.0, **parts):
    return Job(job_id, "tap", owner, START + timedelta(seconds=at), **parts)


def queued(job_id="a", owner="ada", at=0.0, **parts):
    moment = START + timedelta(seconds=at)
    return job(job_id, owner, at, phase=Phase.QUEUED, queue_time=moment, **parts)


def claim(store, worker="w1", at=START, lease_s=20.0, kinds=("tap",), **limits):
    lease = at + timedelta(seconds=lease_s)
    return store.claim(ClaimRequest(frozenset(kinds), worker, at, lease, **limits))


def test_a_job_is_read_as_it_was_made(store):
    made = job(
        run_id="my run",
        execution_duration_s=600,
        destruction=LATER,
        quote=LATER,
        parameters=(
            Parameter("QUERY", "SELECT 'é' \n"),
            Parameter("UPLOAD", "a,b", False),
            Parameter("NUL", "a\x00b"),
        ),
        results=(RESULT,),
        error=ERROR,
        info=INFO,
    )
    store.create(made)
    assert store.get("a") == made


def test_times_of_other_zones_are_the_same_moments(store):
    zone = timezone(timedelta(hours=-3))
    store.create(job(destruction=LATER.astimezone(zone)))
    assert store.get("a").destruction == LATER
    assert store.destroyable(LATER - timedelta(seconds=1), limit=9) == []
    assert store.destroyable(LATER, limit=9) == ["a"]


def test_the_anonymous_owner_comes_back_as_none(store):
    store.create(job(owner=None))
    assert store.get("a").owner is None


def test_an_unknown_job_is_not_found(store):
    with pytest.raises(JobNotFound, match="nowhere"):
        store.get("nowhere")
    with pytest.raises(JobNotFound):
        store.transition(Transition.abortion("nowhere", START))
    with pytest.raises(JobNotFound):
        store.set_parameters("nowhere", [])
    with pytest.raises(JobNotFound):
        store.set_destruction("nowhere", LATER)
    assert store.delete("nowhere") is False


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("target", [Phase.QUEUED, Phase.ABORTED])
def test_phases_change_only_by_the_table(store, phase, target):
    store.create(job(phase=phase, start_time=START))
    queueing = target is Phase.QUEUED
    change = Transition.queueing("a", LATER) if queueing else Transition.abortion("a", LATER)
    allowed = {Phase.PENDING, Phase.HELD} if queueing else sources(target)
    before = store.changes()
    if phase in allowed:
        assert store.transition(change).phase is target
        assert store.get("a").phase is target
        assert store.changes() > before
    else:
        with pytest.raises(InvalidTransition) as refused:
            store.transition(change)
        assert refused.value.actual == phase
        assert refused.value.expected == tuple(sorted(allowed))
        assert store.get("a").phase is phase
        assert store.changes() == before


def test_queueing_tells_when(store):
    store.create(job())
    assert store.transition(Transition.queueing("a", LATER)).queue_time == LATER


def test_a_claim_is_a_numbered_lease(store):
    store.create(queued(execution_duration_s=60))
    taken = claim(store, at=LATER)
    assert (taken.phase, taken.attempt, taken.worker) == (Phase.EXECUTING, 1, "w1")
    assert taken.start_time == LATER
    assert taken.lease_expires == LATER + timedelta(seconds=20)
    assert taken.deadline == LATER + timedelta(seconds=60)
    assert store.get("a") == taken
    assert claim(store) is None


def test_nothing_but_queued_jobs_of_known_kinds_is_claimed(store):
    for phase in set(Phase) - {Phase.QUEUED}:
        store.create(job(phase.value, phase=phase))
    store.create(replace(queued("other"), kind="pipeline"))
    before = store.changes()
    assert claim(store) is None
    assert store.changes() == before
    assert claim(store, kinds=("tap", "pipeline")).job_id == "other"


def test_without_a_duration_there_is_no_deadline(store):
    store.create(queued())
    assert claim(store).deadline is None


def test_the_oldest_of_the_owner_with_fewest_running_is_next(store):
    for at, (name, owner) in enumerate(
        [("a1", "ada"), ("a2", "ada"), ("a3", "ada"), ("b1", "bob"), ("n1", None), ("n2", None)]
    ):
        store.create(queued(name, owner, at))
    order = [claim(store).job_id for _ in range(6)]
    assert order == ["a1", "b1", "n1", "a2", "n2", "a3"]


def test_running_limits_hold_per_owner(store):
    for at, (name, owner) in enumerate(
        [("a1", "ada"), ("a2", "ada"), ("n1", None), ("n2", None), ("n3", None)]
    ):
        store.create(queued(name, owner, at))
    limits = {"running_per_owner": 1, "running_anonymous": 2}
    taken = [claim(store, **limits) for _ in range(4)]
    assert [job and job.job_id for job in taken] == ["a1", "n1", "n2", None]
    store.transition(Transition.completion(taken[0].claim, LATER, (), INFO))
    assert claim(store, **limits).job_id == "a2"


def test_a_limit_of_zero_runs_nothing(store):
    store.create(queued())
    assert claim(store, running_per_owner=0) is None


def test_completion_keeps_results_and_gives_the_lease_up(store):
    store.create(queued())
    taken = claim(store)
    done = store.transition(Transition.completion(taken.claim, LATER, (RESULT,), INFO))
    assert store.get("a") == done
    assert (done.phase, done.end_time, done.results, done.info) == (
        Phase.COMPLETED,
        LATER,
        (RESULT,),
        INFO,
    )
    assert (done.worker, done.lease_expires, done.deadline) == (None, None, None)


def test_failure_keeps_the_whole_error(store):
    store.create(queued())
    failed = store.transition(Transition.failure(claim(store).claim, LATER, ERROR))
    assert (failed.phase, failed.error, failed.end_time) == (Phase.ERROR, ERROR, LATER)
    assert store.get("a") == failed


def test_a_late_worker_cannot_finish_what_was_given_to_another(store):
    store.create(queued())
    first = claim(store, "w1")
    store.transition(Transition.recovery(first.claim, START + timedelta(seconds=21)))
    second = claim(store, "w2")
    assert second.attempt == 2
    for change in (
        Transition.completion(first.claim, LATER, (RESULT,), INFO),
        Transition.failure(first.claim, LATER, ERROR),
        Transition.release(first.claim),
    ):
        with pytest.raises(InvalidTransition):
            store.transition(change)
    store.report(first.claim, INFO, LATER)
    assert store.get("a") == second
    store.transition(Transition.completion(second.claim, LATER, (RESULT,), INFO))


def test_a_lost_job_keeps_its_place_and_counts_the_loss(store):
    store.create(queued("a", at=0))
    store.create(queued("b", at=1))
    first = claim(store)
    again = store.transition(Transition.recovery(first.claim, START + timedelta(seconds=21)))
    assert (again.phase, again.losses, again.start_time, again.worker) == (
        Phase.QUEUED,
        1,
        None,
        None,
    )
    assert again.queue_time == first.queue_time
    assert claim(store).job_id == "a"


def test_a_released_job_counts_no_loss(store):
    store.create(queued())
    again = store.transition(Transition.release(claim(store).claim))
    assert (again.phase, again.losses, again.attempt) == (Phase.QUEUED, 0, 1)
    assert claim(store, "w2").attempt == 2


def test_a_living_lease_is_not_recovered(store):
    store.create(queued())
    taken = claim(store)
    at = START + timedelta(seconds=20)
    assert store.expired(at) == []
    with pytest.raises(InvalidTransition):
        store.transition(Transition.recovery(taken.claim, at))
    assert store.heartbeat("w1", LATER) == {Claim("a", 1)}
    at = START + timedelta(seconds=21)
    assert store.expired(at) == []
    with pytest.raises(InvalidTransition):
        store.transition(Transition.loss(taken.claim, at, ERROR))


def test_an_expired_lease_is_found_and_given_up(store):
    store.create(queued())
    taken = claim(store)
    at = START + timedelta(seconds=21)
    assert store.expired(at) == [taken]
    lost = store.transition(Transition.loss(taken.claim, at, ERROR))
    assert (lost.phase, lost.error, lost.losses) == (Phase.ERROR, ERROR, 1)
    assert store.expired(LATER) == []


def test_overdue_jobs_are_found_and_aborted_with_a_reason(store):
    store.create(queued(execution_duration_s=60))
    taken = claim(store)
    at = START + timedelta(seconds=60)
    assert store.overdue(at) == []
    with pytest.raises(InvalidTransition):
        store.transition(Transition.overdue(taken.claim, at, ERROR))
    at = START + timedelta(seconds=61)
    assert store.overdue(at) == [taken]
    over = store.transition(Transition.overdue(taken.claim, at, ERROR))
    assert (over.phase, over.error) == (Phase.ABORTED, ERROR)


def test_a_job_that_waits_elsewhere_is_queued_and_stays_with_its_worker(store):
    store.create(queued(execution_duration_s=60))
    taken = claim(store)
    before = store.changes()
    waiting = store.transition(Transition.waiting(taken.claim))
    assert (waiting.phase, waiting.start_time, waiting.deadline) == (Phase.QUEUED, None, None)
    assert store.changes() > before
    assert store.get("a") == waiting
    assert store.phases(["a"]) == {"a": Phase.QUEUED}
    assert dict(store.counts("ada")) == {Phase.QUEUED: 1}
    for phase, found in ((Phase.QUEUED, ["a"]), (Phase.EXECUTING, [])):
        listed = store.list(JobQuery(owner="ada", phases=frozenset({phase})))
        assert [each.job_id for each in listed] == found
    # Nobody else gets it, its time does not pass, and a lost worker is noticed.
    assert claim(store, "w2") is None
    assert store.overdue(LATER) == []
    assert store.held("w1") == {taken.claim}
    assert [each.job_id for each in store.expired(LATER)] == ["a"]
    begun = store.transition(Transition.start(taken.claim, LATER, 60))
    assert (begun.phase, begun.start_time) == (Phase.EXECUTING, LATER)
    assert begun.deadline == LATER + timedelta(seconds=60)
    with pytest.raises(InvalidTransition):
        store.transition(Transition.waiting(Claim("a", 2)))
    ended = store.transition(Transition.completion(taken.claim, LATER, (RESULT,), INFO))
    assert (ended.phase, ended.start_time) == (Phase.COMPLETED, LATER)


def test_a_job_that_waits_elsewhere_is_aborted_like_any_other(store):
    store.create(queued())
    store.transition(Transition.waiting(claim(store).claim))
    assert store.transition(Transition.abortion("a", LATER)).phase is Phase.ABORTED
    assert store.get("a").phase is Phase.ABORTED


def test_heartbeats_tell_what_is_still_held(store):
    for name in ("a", "b", "c"):
        store.create(queued(name))
        claim(store)
    store.transition(Transition.abortion("a", LATER))
    store.delete("b")
    assert store.held("w1") == {Claim("c", 1)}
    assert store.heartbeat("w1", LATER) == {Claim("c", 1)}
    assert store.get("c").lease_expires == LATER
    assert store.get("a").lease_expires is None
    assert store.held("w2") == frozenset()


def test_reports_show_without_counting_as_changes(store):
    store.create(queued())
    taken = claim(store)
    before = store.changes()
    store.report(taken.claim, INFO, LATER)
    assert (store.get("a").info, store.get("a").quote) == (INFO, LATER)
    assert store.changes() == before


def test_pending_jobs_can_be_set_up(store):
    store.create(job(parameters=(Parameter("LANG", "ADQL"), Parameter("query", "old"))))
    sent = [Parameter("QUERY", "new"), Parameter("UPLOAD", "a"), Parameter("upload", "b")]
    store.set_parameters("a", sent)
    store.set_run_id("a", "mine")
    store.set_execution_duration("a", 5)
    present = store.get("a")
    assert present.parameters == (Parameter("LANG", "ADQL"), *sent)
    assert present.values("Query") == ("new",)
    assert present.values("UPLOAD") == ("a", "b")
    assert (present.run_id, present.execution_duration_s) == ("mine", 5)


def test_parameters_are_put_together_as_the_protocol_wants(store):
    store.create(job(parameters=(Parameter("UPLOAD", "a"),)))
    given = store.set_parameters(
        "a", [Parameter("UPLOAD", "b")], lambda present, sent: (*present, *sent)
    )
    assert given.values("UPLOAD") == store.get("a").values("UPLOAD") == ("a", "b")


@pytest.mark.parametrize("phase", [p for p in PHASES if p != "PENDING"])
def test_other_jobs_cannot_be_set_up_any_more(store, phase):
    made = job(phase=phase, start_time=START)
    store.create(made)
    with pytest.raises(InvalidTransition):
        store.set_parameters("a", [Parameter("QUERY", "new")])
    with pytest.raises(InvalidTransition):
        store.set_run_id("a", "mine")
    with pytest.raises(InvalidTransition):
        store.set_execution_duration("a", 5)
    assert store.get("a") == made
    assert store.set_destruction("a", LATER).destruction == LATER


def test_destruction_is_due_at_its_time_oldest_first(store):
    store.create(job("late", destruction=START + timedelta(seconds=9)))
    store.create(job("soon", destruction=START + timedelta(seconds=5)))
    store.create(job("never"))
    at = START + timedelta(seconds=9)
    assert store.destroyable(START, limit=9) == []
    assert store.destroyable(at, limit=9) == ["soon", "late"]
    assert store.destroyable(at, limit=1) == ["soon"]


def test_lists_show_one_owner_oldest_first(store):
    for at, (name, owner) in enumerate([("c", "ada"), ("b", "bob"), ("a", "ada"), ("n", None)]):
        store.create(job(name, owner, at))
    assert [j.job_id for j in store.list(JobQuery("ada"))] == ["c", "a"]
    assert [j.job_id for j in store.list(JobQuery(None))] == ["n"]
    assert [j.job_id for j in store.list(JobQuery(everyone=True))] == ["c", "b", "a", "n"]
    assert store.list(JobQuery("ada"))[0] == store.get("c").summary


def test_lists_filter_by_kind_phase_time_and_number(store):
    for at, phase in enumerate(Phase):
        store.create(job(phase.value, at=at, phase=phase, start_time=START))
    store.create(replace(job("z", at=99), kind="pipeline"))

    def names(**filters):
        return [j.job_id for j in store.list(JobQuery("ada", **filters))]

    assert "ARCHIVED" not in names()
    assert names(phases=frozenset({Phase.ARCHIVED})) == ["ARCHIVED"]
    assert names(phases=frozenset({Phase.QUEUED, Phase.ERROR})) == ["QUEUED", "ERROR"]
    assert names(kinds=frozenset({"pipeline"})) == ["z"]
    assert names(after=START + timedelta(seconds=8)) == ["z"]
    assert names(last=2) == ["SUSPENDED", "z"]
    assert names(kinds=frozenset({"tap"}), last=1) == ["SUSPENDED"]


def test_stored_jobs_are_limited_per_owner(store):
    store.create(job("a"), stored_max=2)
    store.create(job("b"), stored_max=2)
    with pytest.raises(JobsExceeded, match="2"):
        store.create(job("c"), stored_max=2)
    store.create(job("d", owner="bob"), stored_max=2)
    store.delete("a")
    store.create(job("c"), stored_max=2)
    assert store.known(["a", "b", "c"]) == {"b", "c"}


def test_counts_are_per_owner_and_phase(store):
    store.create(job("a"))
    store.create(job("b"))
    store.create(queued("c"))
    store.create(queued("d", owner=None))
    assert store.counts("ada") == {Phase.PENDING: 2, Phase.QUEUED: 1}
    assert store.counts(None) == {Phase.QUEUED: 1}


def test_every_visible_change_moves_the_counter_and_the_signal(store):
    seen = [(store.changes(), store.signal.count)]

    def moved():
        seen.append((store.changes(), store.signal.count))
        (old, signal), (new, now) = seen[-2:]
        return new > old and now > signal

    store.create(job())
    assert moved()
    store.transition(Transition.queueing("a", START))
    assert moved()
    claim(store)
    assert moved()
    store.delete("a")
    assert moved()
    store.phases(["a"])
    store.heartbeat("w1", LATER)
    assert not moved()


def test_phases_leave_out_what_is_gone(store):
    store.create(queued("a"))
    store.create(job("b"))
    assert store.phases(["a", "b", "c"]) == {"a": Phase.QUEUED, "b": Phase.PENDING}
    assert store.phases([]) == {}


def test_threads_that_race_share_the_jobs_out(store):
    for at in range(40):
        store.create(queued(f"j{at}", f"owner{at % 3}", at))

    def work(number):
        taken = []
        while (job := claim(store, f"w{number}")) is not None:
            taken.append(job.claim)
            store.transition(Transition.completion(job.claim, LATER, (), INFO))
        return taken

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(work, range(4)))
    claims = [one for share in shares for one in share]
    assert sorted(c.job_id for c in claims) == sorted(f"j{at}" for at in range(40))
    assert {c.attempt for c in claims} == {1}
    assert store.counts("owner0")[Phase.COMPLETED] == 14


def test_racing_claims_never_pass_the_limit_of_an_owner(store):
    for at in range(8):
        store.create(queued(f"j{at}", at=at))
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda n: claim(store, f"w{n}", running_per_owner=2), range(8)))
    assert len([job for job in taken if job is not None]) == 2


def test_racing_creations_never_pass_the_limit_of_an_owner(store):
    def create(number):
        try:
            store.create(job(f"j{number}"), stored_max=3)
        except JobsExceeded:
            return 0
        return 1

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(create, range(8))) == 3


def test_of_racing_transitions_one_wins(store):
    store.create(queued())
    taken = claim(store)
    changes = [
        Transition.completion(taken.claim, LATER, (RESULT,), INFO),
        Transition.abortion("a", LATER),
        Transition.release(taken.claim),
        Transition.failure(taken.claim, LATER, ERROR),
    ]

    def attempt(change):
        try:
            return store.transition(change).phase
        except InvalidTransition:
            return None

    with ThreadPoolExecutor(4) as pool:
        won = [phase for phase in pool.map(attempt, changes) if phase is not None]
    # A released job may still be aborted; nothing else follows on anything.
    assert won in ([won[0]], [Phase.ABORTED, Phase.QUEUED])


def test_the_migrations_make_the_tables_of_the_code(url):
    database = JobDatabase(url)
    database.prepare()
    database.prepare()
    ours = {*METADATA.tables, VERSION_TABLE}
    with database.reading() as connection:
        assert set(inspect(connection).get_table_names()) == ours
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []
    with database.writing() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert set(inspect(connection).get_table_names()) == {VERSION_TABLE}
    database.prepare()
    assert SqlJobStore(database).changes() == 1
    database.close()


def test_jobs_live_beside_tables_of_others(url):
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('0042')")
    database = JobDatabase(url)
    database.prepare()
    with engine.connect() as connection:
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
        assert version.scalar_one() == "0042"
    database.close()
    engine.dispose()


def test_processes_that_start_together_make_the_tables_once(url):
    code = "import sys; from uws.store.database import JobDatabase as D; D(sys.argv[1]).prepare()"
    started = [
        subprocess.Popen([sys.executable, "-c", code, url], cwd=ROOT, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in started:
        _, problems = process.communicate(timeout=240)
        assert process.returncode == 0, problems.decode()
    database = JobDatabase(url)
    assert SqlJobStore(database).changes() == 1
    database.close()


def test_a_database_that_cannot_be_reached_is_said_to_be_so(tmp_path):
    folder = tmp_path / "jobs.sqlite"
    folder.mkdir()
    database = JobDatabase(f"sqlite:///{folder}")
    store = SqlJobStore(database)
    for ask in (lambda: store.get("a"), store.changes):
        with pytest.raises(JobStoreUnavailable, match="try again later"):
            ask()
    database.close()


def test_a_database_that_is_damaged_while_it_is_asked_is_asked_again_later(tmp_path):
    database = JobDatabase(f"sqlite:///{tmp_path}/jobs.sqlite")
    database.prepare()
    store = SqlJobStore(database)
    assert store.changes() == 1
    for before, after in (("uws_state", "hidden"), ("hidden", "uws_state")):
        with database.writing() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {before} RENAME TO {after}")
        if after == "hidden":
            with pytest.raises(JobStoreUnavailable, match="try again later"):
                store.changes()
    assert store.changes() == 1
    database.close()


def committed(store):
    store.create(queued(execution_duration_s=10))
    claimed = claim(store)
    assert store.transition(Transition.commitment(claimed.claim)).irrevocable
    return claimed


def test_job_past_its_point_of_no_return_is_not_aborted(store):
    claimed = committed(store)
    with pytest.raises(JobIrrevocable, match="being published"):
        store.transition(Transition.abortion(claimed.job_id, LATER))
    assert list(store.overdue(LATER + timedelta(days=1))) == []
    with pytest.raises(InvalidTransition):
        store.transition(Transition.overdue(claimed.claim, LATER, ERROR))
    done = store.transition(Transition.completion(claimed.claim, LATER, (RESULT,), INFO))
    assert (done.phase, done.irrevocable) == (Phase.COMPLETED, False)


def test_lost_worker_takes_a_job_back_from_its_point_of_no_return(store):
    claimed = committed(store)
    late = claimed.lease_expires + timedelta(seconds=1)
    assert not store.transition(Transition.recovery(claimed.claim, late)).irrevocable
    assert store.transition(Transition.abortion(claimed.job_id, LATER)).phase is Phase.ABORTED


def test_aborted_job_does_not_pass_its_point_of_no_return(store):
    store.create(queued())
    claimed = claim(store)
    store.transition(Transition.abortion(claimed.job_id, LATER))
    with pytest.raises(InvalidTransition):
        store.transition(Transition.commitment(claimed.claim))
