"""What is particular to the engine over a database server."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import psycopg2
import pyarrow as pa
import pytest
from engines import PostgresBackend, answer
from sky import publish_sky

from registry.model.field import Datatype, Field, ValueType
from registry.model.table import Column, Position, Schema, Storage, Table, TableSet
from vo_service.adql.parser import parse
from vo_service.adql.resolver import resolve
from vo_service.engines.base import QueryCancelled, QueryRejected, ResourceExhausted
from vo_service.engines.postgres.engine import PostgresEngine
from vo_service.engines.postgres.installation import prepare
from vo_service.engines.postgres.sessions import SessionPool, SessionSettings, connect
from vo_service.engines.postgres.store import PostgresTableStore, StoreUnavailable, TableNotWritten
from vo_service.engines.processor import LocalProcessor

pytestmark = pytest.mark.postgres

ENDLESS = "SELECT COUNT(*) FROM sky.big a, sky.big b, sky.big c WHERE a.z + b.z < c.z"
LONG = ValueType(Datatype.LONG)
TEXT = ValueType(Datatype.UNICODE_CHAR, "*")


@pytest.fixture(scope="module")
def backend(postgres_server):
    made = PostgresBackend(postgres_server)
    yield made
    made.close()


def started(engine, sky, adql, temporaries=None, time_limit_s=600.0):
    statement = engine.translate(resolve(parse(adql), sky.tables, adql))
    return engine.execute(statement, temporaries or {}, time_limit_s)


def upload(rows: pa.Table) -> Table:
    types = {pa.int64(): LONG, pa.float64(): ValueType(Datatype.DOUBLE), pa.string(): TEXT}
    columns = tuple(
        Column(Field(field.name, types[field.type]), field.name) for field in rows.schema
    )
    return Table("TAP_UPLOAD", "mine", columns, Storage("upload_mine"), nrows=rows.num_rows)


def asked_with(engine, sky, rows: pa.Table, adql: str) -> pa.Table:
    tables = TableSet((*sky.tables.schemas, Schema("TAP_UPLOAD", (upload(rows),))), "2")
    query = resolve(parse(adql), tables, adql)
    execution = engine.execute(engine.translate(query), {"upload_mine": rows}, 60.0)
    try:
        return pa.Table.from_batches(
            list(execution), pa.schema([field.arrow for field in query.fields])
        )
    finally:
        execution.close()


def test_a_query_is_stopped_before_it_has_begun(engine, sky):
    for _ in range(10):
        execution = started(engine, sky, ENDLESS)
        execution.cancel()
        with pytest.raises(QueryCancelled):
            next(execution)
        execution.close()


def test_a_query_is_closed_before_it_has_begun_and_leaves_nothing_running(backend, engine, sky):
    for _ in range(10):
        started(engine, sky, ENDLESS).close()
    session = connect(backend.url)
    with session, session.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
            " AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchone() == (0,)
    session.close()


def test_cancelling_late_does_not_meet_the_next_query(engine, sky):
    first = started(engine, sky, "SELECT id FROM sky.small")
    assert sum(batch.num_rows for batch in first) == 300
    first.close()
    second = started(engine, sky, "SELECT id FROM sky.big")
    first.cancel()
    assert sum(batch.num_rows for batch in second) == 20_000
    second.close()


def test_many_queries_run_at_once(engine, sky):
    found = []

    def ask():
        found.extend(
            answer(LocalProcessor(engine), sky, "SELECT COUNT(*) FROM sky.big")[0][0].as_py()
            for _ in range(5)
        )

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [20_000] * 40


def test_a_reader_that_waits_holds_few_rows(engine, sky):
    execution = started(engine, sky, "SELECT a.id, a.name FROM sky.big AS a, sky.small AS b")
    next(execution)
    time.sleep(0.3)
    answer_ = execution._answer
    assert sum(map(len, answer_._parts)) + answer_._size < 5 * 2**20
    execution.close()


def test_uploaded_rows_keep_their_values_and_are_gone_afterwards(backend, engine, sky):
    rows = pa.table(
        {
            "n": pa.array([1, None, 2**63 - 1]),
            "x": pa.array([0.1, None, float("inf")]),
            "word": ['a,"b"\n', None, ""],
        }
    )
    found = asked_with(engine, sky, rows, "SELECT n, x, word FROM TAP_UPLOAD.mine")
    assert found.to_pydict() == rows.to_pydict()
    session = connect(backend.url)
    with session, session.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname = 'upload_mine'")
        assert cursor.fetchone() == (0,)
    session.close()


def test_uploaded_positions_find_their_neighbours(engine, sky):
    table = sky.rows["big"].slice(5000, 2000)
    rows = pa.table({"k": table["id"], "a": table["ra"], "d": table["dec"]})
    adql = (
        "SELECT m.k, b.id FROM TAP_UPLOAD.mine AS m JOIN sky.big AS b"
        " ON DISTANCE(m.a, m.d, b.ra, b.dec) < 1e-7"
    )
    found = asked_with(engine, sky, rows, adql)
    assert found.column(0).equals(found.column(1))
    assert np.array_equal(np.sort(found.column(0).to_numpy()), table["id"].to_numpy())


def test_text_that_cannot_be_stored_is_refused(engine, sky):
    rows = pa.table({"word": ["a\0b"]})
    with pytest.raises(QueryRejected):
        asked_with(engine, sky, rows, "SELECT word FROM TAP_UPLOAD.mine")


def test_temporary_space_is_limited(backend, sky):
    settings = SessionSettings(memory_bytes=65_536, temporary_bytes=2**20)
    engine = PostgresEngine(backend.url, settings)
    with pytest.raises(ResourceExhausted):
        answer(
            LocalProcessor(engine),
            sky,
            "SELECT * FROM sky.big AS a, sky.small AS b ORDER BY a.z + b.z",
        )
    engine.close()


def test_connections_of_another_process_are_left_alone(backend, monkeypatch):
    pool = SessionPool(backend.url, SessionSettings())
    inherited = pool.take()
    pool.give_back(inherited)
    process = os.getpid()
    monkeypatch.setattr("os.getpid", lambda: process + 1)
    own = pool.take()
    assert own is not inherited
    assert not inherited.closed
    pool.give_back(own)
    pool.close()
    assert own.closed
    inherited.close()


def test_idle_connections_are_few(backend):
    pool = SessionPool(backend.url, SessionSettings(idle=2))
    sessions = [pool.take() for _ in range(4)]
    for session in sessions:
        pool.give_back(session)
    assert sum(not session.closed for session in sessions) == 2
    pool.close()
    assert all(session.closed for session in sessions)


def test_preparing_again_changes_nothing(backend, engine, sky):
    prepare(backend.url, reader="pzvo_reader")
    assert (
        answer(LocalProcessor(engine), sky, "SELECT COUNT(*) FROM sky.small")[0][0].as_py() == 300
    )


def test_staged_tables_of_dead_publications_go(backend, tmp_path):
    column = Column(Field("n", LONG), "c0")
    for name in ("old", "young"):
        batch = pa.RecordBatch.from_arrays([pa.array([1])], names=["c0"])
        backend.store.stage(name, [column], [batch], tmp_path)
    session = connect(backend.url)
    with session, session.cursor() as cursor:
        cursor.execute("COMMENT ON TABLE pzvo_staging.old IS '2020-01-01T00:00:00+00:00'")
    session.close()
    prepare(backend.url)
    session = connect(backend.url)
    with session, session.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relname IN ('old', 'young')")
        assert cursor.fetchall() == [("young",)]
    session.close()


def test_a_text_with_a_zero_byte_is_not_published(backend, tmp_path):
    batch = pa.RecordBatch.from_arrays([pa.array(["a\0b"])], names=["c0"])
    with pytest.raises(TableNotWritten, match="could not be stored"):
        backend.store.stage("t9_v1", [Column(Field("w", TEXT), "c0")], [batch], tmp_path)


def test_a_store_without_a_server_says_so(tmp_path):
    store = PostgresTableStore("postgresql+psycopg2://nobody@/nothing?host=/nonexistent")
    with pytest.raises(StoreUnavailable):
        list(store.files())


def test_positions_that_are_none_are_stored_and_not_found(backend, tmp_path):
    double = ValueType(Datatype.DOUBLE)
    columns = (Column(Field("ra", double), "c0"), Column(Field("dec", double), "c1"))
    infinite = pa.array([1.0, float("inf"), 3.0, None])
    batch = pa.RecordBatch.from_arrays(
        [infinite, pa.array([1.0, 2.0, float("-inf"), 4.0])], names=["c0", "c1"]
    )
    position = Position("c0", "c1", "hpx")
    staged = backend.store.stage("t10_v1", columns, [batch], tmp_path, position)
    backend.store.publish(staged)
    assert staged.n_rows == 4


def test_the_reader_may_not_write(backend):
    session = connect(backend.reader_url)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege), session, session.cursor() as cursor:
        cursor.execute("DROP TABLE pzvo_tables.t0_v1")
    session.close()


def test_a_small_sky_is_published_where_single_precision_is_indexed(backend, tmp_path):
    single, short = ValueType(Datatype.FLOAT), ValueType(Datatype.SHORT)
    columns = (Column(Field("ra", single), "c0"), Column(Field("dec", short), "c1"))
    position = Position("c0", "c1", "hpx")
    batch = pa.RecordBatch.from_arrays(
        [pa.array([10.5, 200.25], pa.float32()), pa.array([-5, 60], pa.int16())],
        names=["c0", "c1"],
    )
    staged = backend.store.stage("t11_v1", columns, [batch], tmp_path, position)
    backend.store.publish(staged)
    table = Table("one", "single", columns, staged.storage, nrows=2, position=position)
    tables = TableSet((Schema("one", (table,)),), "1")
    adql = (
        "SELECT a.ra FROM one.single AS a JOIN one.single AS b"
        " ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < 0.01"
    )
    query = resolve(parse(adql), tables, adql)
    execution = backend.engine.execute(backend.engine.translate(query), {}, 60.0)
    assert sorted(next(execution).column(0).to_pylist()) == [10.5, 200.25]
    execution.close()


@pytest.fixture(scope="module")
def sky(backend, tmp_path_factory):
    return publish_sky(
        backend.store, tmp_path_factory.mktemp("staging"), {"big": 20_000, "small": 300}
    )
