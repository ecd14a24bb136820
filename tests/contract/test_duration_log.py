"""What every memory of durations must do, the one of the tests included."""

from datetime import timedelta

import pytest
from jobs import START, MemoryDurationLog

from uws.store.database import JobDatabase
from uws.store.durations import KEPT_PER_SHAPE, SqlDurationLog

BACKENDS = ["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=BACKENDS)
def logs(request, tmp_path):
    """Give a function that opens the memory, each time as another process would."""
    if request.param == "memory":
        only = MemoryDurationLog()
        yield lambda: only
        return
    url = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_server").new_database()
    JobDatabase(url).prepare()
    opened = []

    def open_log():
        opened.append(JobDatabase(url))
        return SqlDurationLog(opened[-1])

    yield open_log
    for database in opened:
        database.close()


def test_nothing_is_known_at_first(logs):
    assert list(logs().recent("tap", "scan 1 1")) == []
    assert list(logs().recent("tap")) == []


def test_durations_are_given_by_kind_and_shape_the_newest_first(logs):
    log = logs()
    for number, (kind, shape) in enumerate(
        [("tap", "a"), ("tap", "b"), ("tap", "a"), ("say", "a")]
    ):
        log.record(kind, shape, float(number), START + timedelta(seconds=number))
    assert list(log.recent("tap", "a")) == [2.0, 0.0]
    assert list(log.recent("tap")) == [2.0, 1.0, 0.0]
    assert list(log.recent("say", "b")) == []


def test_other_processes_know_them(logs):
    logs().record("tap", "a", 1.5, START)
    assert list(logs().recent("tap", "a")) == [1.5]


def test_the_oldest_of_a_shape_are_forgotten(logs):
    log = logs()
    log.record("tap", "other", 99.0, START)
    for number in range(KEPT_PER_SHAPE + 5):
        log.record("tap", "a", float(number), START)
    found = list(log.recent("tap", "a"))
    assert len(found) == KEPT_PER_SHAPE
    assert (found[0], found[-1]) == (KEPT_PER_SHAPE + 4, 5.0)
    assert list(log.recent("tap", "other")) == [99.0]


def test_what_is_long_ago_is_forgotten(logs):
    log = logs()
    log.record("tap", "a", 1.0, START)
    log.record("tap", "b", 2.0, START + timedelta(days=181))
    assert list(log.recent("tap", "a")) == []
    assert list(log.recent("tap")) == [2.0]
