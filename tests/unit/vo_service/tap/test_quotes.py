from dataclasses import replace
from datetime import timedelta

import pytest
from jobs import START, ManualClock, MemoryDurationLog, MemoryJobStore

from registry.model.field import Datatype, Field, ValueType
from registry.model.principal import ANONYMOUS
from registry.model.table import Column, Position, Schema, Storage, Table, TableSet
from uws.errors import JobStoreUnavailable
from uws.model import Job, Parameter, Phase
from uws.service import JobAddress, JobService
from uws.store.base import ClaimRequest
from vo_service.adql.parser import parse
from vo_service.adql.resolver import resolve
from vo_service.dali.request import RequestLimits
from vo_service.engines.shape import query_shape
from vo_service.tap.jobs import job_request
from vo_service.tap.quotes import ENOUGH, JobQuotes

DOUBLE = ValueType(Datatype.DOUBLE)
NAMES = ("ra", "dec", "z")


def table(name, rows):
    columns = tuple(Column(Field(n, DOUBLE), f"c{i}") for i, n in enumerate(NAMES))
    position = Position("c0", "c1", "hpx")
    return Table("s", name, columns, Storage(name, name), nrows=rows, position=position)


TABLES = TableSet((Schema("s", (table("large", 10**9), table("small", 1000))),), "1")


def shape(adql, rows_max=10**6):
    return query_shape(resolve(parse(adql), TABLES, adql), rows_max)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT z FROM s.large WHERE z > 1", "SELECT ra FROM s.large WHERE z < 2"),
        (
            "SELECT z FROM s.large WHERE DISTANCE(ra, dec, 10, 20) < 0.1",
            "SELECT z FROM s.large WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(99, 2, 0.11))",
        ),
    ],
)
def test_queries_that_do_the_same_work_are_alike(one, other):
    assert shape(one) == shape(other)


ALL_DIFFERENT = (
    "SELECT z FROM s.large",
    "SELECT z FROM s.small",
    "SELECT TOP 10 z FROM s.large",
    "SELECT z FROM s.large ORDER BY z",
    "SELECT z, COUNT(*) AS n FROM s.large GROUP BY z",
    "SELECT DISTINCT z FROM s.large",
    "SELECT z FROM s.large WHERE DISTANCE(ra, dec, 10, 20) < 0.1",
    "SELECT z FROM s.large WHERE DISTANCE(ra, dec, 10, 20) < 10",
    "SELECT z FROM s.large WHERE 1 = CONTAINS(POINT(ra, dec), POLYGON(1, 1, 2, 2, 3, 1))",
    "SELECT a.z FROM s.large AS a JOIN s.small AS b ON a.z = b.z",
    "SELECT a.z FROM s.large AS a JOIN s.small AS b ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < 0.001",
    "SELECT z FROM s.small UNION ALL SELECT z FROM s.large",
    "SELECT z FROM s.large WHERE z IN (SELECT z FROM s.small)",
)


def test_queries_that_do_other_work_are_not():
    shapes = [shape(adql) for adql in ALL_DIFFERENT]
    assert len(set(shapes)) == len(shapes), shapes


def test_a_limit_of_rows_counts():
    assert shape("SELECT z FROM s.large", 10) != shape("SELECT z FROM s.large", 10**6)


SCAN = "SELECT z FROM s.large WHERE z > 1"


class Queries:
    """Tells shapes as the query service does."""

    def shape(self, _principal, adql, maxrec):
        return shape(adql, maxrec)


class Site:
    def __init__(self):
        self.clock = ManualClock()
        self.store = MemoryJobStore()
        self.log = MemoryDurationLog()
        self.quotes = JobQuotes(
            "tap",
            self.log,
            self.store,
            queries=Queries(),
            principal=lambda _owner: ANONYMOUS,
            request=lambda job: job_request(job.parameters, RequestLimits(100, 1000, True)),
            clock=self.clock,
        )

    def job(self, number=0, adql=SCAN, **values):
        parameters = [Parameter("LANG", "ADQL"), Parameter("QUERY", adql)]
        parameters += [Parameter(name, value) for name, value in values.pop("more", {}).items()]
        made = Job(
            f"job{number}",
            "tap",
            None,
            START + timedelta(seconds=number),
            phase=Phase.QUEUED,
            queue_time=START,
            parameters=tuple(parameters),
        )
        self.store.create(replace(made, **values))
        return self.store.get(f"job{number}")

    def know(self, *durations_s, adql=SCAN):
        for duration_s in durations_s:
            self.log.record("tap", shape(adql, 100), duration_s, self.clock())

    def claim(self, worker="w"):
        expires = self.clock() + timedelta(hours=1)
        return self.store.claim(ClaimRequest(frozenset({"tap"}), worker, self.clock(), expires))


@pytest.fixture
def site():
    return Site()


def test_nothing_is_said_before_enough_is_known(site):
    job = site.job()
    for _ in range(ENOUGH):
        assert site.quotes(job) is None
        site.know(10.0)
    assert site.quotes(job) == START + timedelta(seconds=10)


def test_other_shapes_do_not_count(site):
    site.know(1.0, 1.0, 1.0, adql="SELECT z FROM s.small")
    assert site.quotes(site.job()) is None


def test_a_job_that_its_owner_has_not_started_has_no_end(site):
    site.know(1.0, 1.0, 1.0)
    assert site.quotes(site.job(phase=Phase.PENDING, queue_time=None)) is None


def test_a_running_job_ends_as_those_that_took_longer_than_it_has(site):
    site.know(10.0, 20.0, 60.0)
    site.job()
    job = site.claim()
    assert site.quotes(job) == START + timedelta(seconds=20)
    site.clock.advance(15)
    assert site.quotes(job) == START + timedelta(seconds=40)
    site.clock.advance(15)
    assert site.quotes(job) == START + timedelta(seconds=60)
    site.clock.advance(60)
    assert site.quotes(job) is None


def test_a_waiting_job_waits_for_those_before_it(site):
    site.know(10.0, 10.0, 10.0)
    site.job(0)
    site.claim()
    site.job(1)
    last = site.job(2)
    # One runs and one is before it.
    assert site.quotes(last) == START + timedelta(seconds=30)


@pytest.mark.parametrize(
    ("adql", "more"), [("nonsense", {}), (SCAN, {"UPLOAD": "t,param:t"}), (SCAN, {"MAXREC": "x"})]
)
def test_what_cannot_be_understood_here_has_no_quote(site, adql, more):
    site.know(1.0, 1.0, 1.0)
    assert site.quotes(site.job(adql=adql, more=more)) is None


def test_a_prediction_that_did_not_come_true_is_taken_back(site, results):
    site.know(10.0, 20.0, 60.0)
    site.job()
    running = site.claim()
    site.store.report(running.claim, running.info, START + timedelta(seconds=5))
    service = JobService(site.store, results, quote=site.quotes, clock=site.clock)
    address = JobAddress(None, "tap", "job0")
    assert service.get(address).quote == START + timedelta(seconds=5)
    site.clock.advance(15)
    assert service.get(address).quote == START + timedelta(seconds=40)
    silent = JobService(site.store, results, clock=site.clock)
    assert silent.get(address).quote is None


def test_the_queue_is_looked_at_once_for_many(site, monkeypatch):
    site.know(1.0, 1.0, 1.0)
    jobs = [site.job(number) for number in range(5)]
    assert all(site.quotes(job) for job in jobs)
    monkeypatch.setattr(site.store, "list", None)
    assert all(site.quotes(job) for job in jobs)


def test_a_duration_that_cannot_be_remembered_does_not_harm_the_job(site, monkeypatch, caplog):
    from vo_service.tap.jobs import TapJobHandler

    def fail(*arguments):
        raise JobStoreUnavailable("gone")

    monkeypatch.setattr(site.log, "record", fail)
    handler = object.__new__(TapJobHandler)
    handler._remember(site.quotes, "scan", 1.0)
    assert "not remembered" in caplog.text


@pytest.fixture
def results(tmp_path):
    from uws.results.folder import FolderResultStore

    return FolderResultStore(tmp_path / "results")
