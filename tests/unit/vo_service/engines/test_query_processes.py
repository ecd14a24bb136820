"""Queries in processes of their own: how they end, and that nobody else notices."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from engines import ProcessBackend, answer
from sky import publish_sky

from registry.model.field import Datatype, Field, ValueType
from registry.model.table import Column, Storage, Table
from vo_service.adql.errors import QueryTooComplex, UnknownColumn
from vo_service.adql.limits import Limits
from vo_service.engines.base import (
    EngineUnavailable,
    QueryCancelled,
    QueryTimeout,
    ResourceExhausted,
)
from vo_service.engines.process import pool as pools
from vo_service.engines.process.launching import EngineHostClient
from vo_service.engines.process.messages import EngineFault
from vo_service.engines.process.pool import EnginePool
from vo_service.engines.process.processor import ProcessProcessor
from vo_service.engines.processor import QueryRequest, UploadedTable

ROOT = Path(__file__).resolve().parents[4]
MEMORY_BYTES = 400 * 2**20
UNBOUNDED = Limits(
    columns=10**6,
    conditions=10**6,
    keys=10**6,
    relations=10**6,
    expanded_values=10**9,
    text_characters=10**15,
    sql_characters=10**9,
)
ENDLESS = "SELECT COUNT(*) AS n FROM sky.big AS a, sky.big AS b, sky.big AS c WHERE a.z + b.z < c.z"
COUNT = "SELECT COUNT(*) AS n FROM sky.big"
STREAM = "SELECT a.*, b.* FROM sky.big AS a, sky.small AS b"
GREEDY = (
    "SELECT MAX(a.s || b.s) AS m FROM (SELECT CAST(name AS CHAR(400000)) AS s FROM sky.big) AS a"
    " JOIN (SELECT CAST(name AS CHAR(400000)) AS s FROM sky.big) AS b ON a.s = b.s"
)


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    made = ProcessBackend(tmp_path_factory.mktemp("engine"), memory_bytes=MEMORY_BYTES)
    yield made
    made.close()


@pytest.fixture(scope="module")
def sky(backend, tmp_path_factory):
    return publish_sky(
        backend.store, tmp_path_factory.mktemp("staging"), {"big": 20_000, "small": 300}
    )


@pytest.fixture
def processor(backend, sky):
    return backend.processor


@pytest.fixture(scope="module")
def unbounded(backend, sky, tmp_path_factory):
    program = backend.pool.program
    options = {**program.options, "limits": UNBOUNDED}
    pool = EnginePool(replace(program, options=options), tmp_path_factory.mktemp("processes"))
    made = ProcessProcessor(pool)
    yield made
    made.close()


def count(processor, sky):
    return answer(processor, sky, COUNT)[0][0].as_py()


def started(processor, sky, adql, time_limit_s=60.0, uploads=()):
    request = QueryRequest(adql, sky.tables, time_limit_s, uploads=tuple(uploads))
    return processor.start(request).execution


def host_pid():
    return EngineHostClient.of_process()._host.pid


def children(pid):
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def exists(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(condition):
    """Wait for something that must happen, however slow the machine is."""
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def pid_of(execution, processor, sky):
    """Find the process of a running query: the child of the host that uses the processor."""

    def busy():
        used = {}
        for pid in children(host_pid()):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used[pid] = int(fields[11]) + int(fields[12])
        return used

    before = busy()
    found = []

    def one():
        after = busy()
        grown = {pid: after[pid] - before.get(pid, 0) for pid in after}
        found[:] = [max(grown, key=grown.get)]
        return grown[found[0]] > 20

    until(one)
    return found[0]


def test_errors_of_the_language_cross_as_themselves(processor, sky):
    with pytest.raises(UnknownColumn) as caught:
        answer(processor, sky, "SELECT id,\n  nome FROM sky.big")
    assert (caught.value.line, caught.value.column) == (2, 3)
    assert caught.value.suggestions == ("name",)
    assert str(caught.value).endswith('did you mean "name"?')


def test_a_query_that_is_refused_keeps_its_process(processor, sky, backend):
    count(processor, sky)
    until(lambda: len(children(host_pid())) >= 1)
    before = children(host_pid())
    for _ in range(5):
        with pytest.raises(UnknownColumn):
            answer(processor, sky, "SELECT nome FROM sky.big")
    assert children(host_pid()) == before


@pytest.mark.parametrize(
    "adql",
    [
        "SELECT COUNT(*) AS n FROM sky.big WHERE " + " AND ".join(["ra <> 1"] * 3_000),
        "SELECT COUNT(*) AS n FROM sky.big WHERE "
        + " AND ".join(f"ra NOT BETWEEN {n} AND {n}.5" for n in range(1_500)),
        "SELECT COUNT(*) AS n FROM sky.big WHERE "
        + " OR ".join(f"DISTANCE(ra, dec, {n % 360}, 10) < 0.1" for n in range(1_000)),
        "SELECT COUNT(*) AS n FROM sky.big GROUP BY " + ",".join(f"n + {n}" for n in range(2_000)),
        "SELECT CAST(name AS CHAR(1000000000)) AS x FROM sky.big",
        "SELECT " + ",".join(["ra"] * 20_000) + " FROM sky.big",
        "SELECT ivo_string_agg(a.name, ',') AS s FROM sky.big AS a, sky.big AS b",
        "SELECT a.id FROM sky.big AS a, sky.big AS b ORDER BY a.z + b.z",
        ENDLESS,
        GREEDY,
    ],
)
def test_a_bomb_ends_in_a_clean_error_beneath_the_bounds(unbounded, sky, adql):
    with pytest.raises((QueryTimeout, ResourceExhausted)) as caught:
        answer(unbounded, sky, adql, time_limit_s=1.0)
    assert "1 s" in str(caught.value) or "memory" in str(caught.value)
    assert count(unbounded, sky) == 20_000


def test_the_bounds_hold_in_the_process(processor, sky):
    with pytest.raises(QueryTooComplex, match="text_characters"):
        answer(processor, sky, "SELECT CAST(name AS CHAR(1000000000)) AS x FROM sky.big")


def test_a_query_without_memory_says_so_and_its_neighbour_goes_on(unbounded, sky):
    with closing(started(unbounded, sky, STREAM)) as neighbour:
        assert next(neighbour).num_rows
        with pytest.raises(ResourceExhausted, match="memory"):
            answer(unbounded, sky, GREEDY)
        assert next(neighbour).num_rows


@pytest.mark.parametrize("values", [5, 4])
def test_values_of_uploads_count_against_the_memory_of_the_query(processor, sky, values):
    text = ValueType(Datatype.CHAR, "*")
    table = Table("TAP_UPLOAD", "t", (Column(Field("s", text), "c0"),), Storage("upload_0"))
    rows = pa.table({"c0": pa.array(["x" * 10**8] * values)})
    with pytest.raises(ResourceExhausted, match="400 MiB"):
        closing(
            started(
                processor, sky, "SELECT s FROM TAP_UPLOAD.t", 60.0, [UploadedTable(table, rows)]
            )
        )
    assert count(processor, sky) == 20_000


def test_all_queries_together_keep_under_a_limit(backend, sky, tmp_path):
    program = replace(backend.pool.program, all_memory_bytes=100 * 2**20)
    program = replace(program, options={**program.options, "limits": UNBOUNDED})
    processor = ProcessProcessor(EnginePool(program, tmp_path / "processes"))
    with closing(processor):
        with pytest.raises(ResourceExhausted, match="all queries together"):
            answer(processor, sky, GREEDY)
        assert count(processor, sky) == 20_000


def test_a_killed_process_fails_its_own_query_alone(processor, sky):
    with closing(started(processor, sky, STREAM)) as neighbour:
        assert next(neighbour).num_rows
        with closing(started(processor, sky, ENDLESS)) as execution:
            os.kill(pid_of(execution, processor, sky), signal.SIGKILL)
            with pytest.raises(EngineUnavailable, match="ended from outside"):
                next(execution)
        assert next(neighbour).num_rows
    assert count(processor, sky) == 20_000


def test_queries_outlive_the_host_that_made_their_processes(processor, sky):
    with closing(started(processor, sky, STREAM)) as execution:
        assert next(execution).num_rows
        os.kill(host_pid(), signal.SIGKILL)
        assert next(execution).num_rows
        with pytest.raises(QueryTimeout):
            answer(processor, sky, ENDLESS, time_limit_s=0.3)
        assert count(processor, sky) == 20_000
        assert next(execution).num_rows


def test_cancelling_ends_the_process_whatever_it_does(processor, sky):
    execution = started(processor, sky, ENDLESS)
    pid = pid_of(execution, processor, sky)
    threading.Timer(0.1, execution.cancel).start()
    with pytest.raises(QueryCancelled):
        next(execution)
    execution.close()
    assert not exists(pid)


def test_after_a_burst_the_pool_is_as_small_as_before(backend, sky, tmp_path, monkeypatch):
    monkeypatch.setattr(pools, "_REST_S", 0.1)
    pool = EnginePool(backend.pool.program, tmp_path / "processes")
    processor = ProcessProcessor(pool)
    with closing(processor):
        running = [started(processor, sky, COUNT) for _ in range(6)]
        for execution in running:
            assert sum(batch.num_rows for batch in execution) == 1
        assert len(pool._idle) > 1
        until(lambda: len(pool._idle) == 1)


def test_a_process_that_took_much_memory_is_not_used_again(backend, sky, tmp_path):
    program = replace(backend.pool.program, idle_bytes=1)
    pool = EnginePool(program, tmp_path / "processes")
    processor = ProcessProcessor(pool)
    with closing(processor):
        count(processor, sky)
        first = pool._idle[0].process
        count(processor, sky)
        assert first not in [each.process for each in pool._idle]
        assert not first.alive


def test_a_large_process_that_rests_is_replaced(backend, sky, tmp_path, monkeypatch):
    monkeypatch.setattr(pools, "_REST_S", 0.1)
    monkeypatch.setattr(pools, "_REST_BYTES", 1)
    pool = EnginePool(backend.pool.program, tmp_path / "processes")
    processor = ProcessProcessor(pool)
    with closing(processor):
        count(processor, sky)
        until(lambda: [each.memory_bytes for each in pool._idle] == [0])
        assert count(processor, sky) == 20_000


def test_an_engine_process_is_confined(processor, sky):
    with closing(started(processor, sky, ENDLESS)) as execution:
        pid = pid_of(execution, processor, sky)
        status = Path(f"/proc/{pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status
        assert "Seccomp:\t2" in status
        assert resource.prlimit(pid, resource.RLIMIT_DATA)[1] == MEMORY_BYTES
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"PYTEST" not in environment


PROGRAM = """
import sys, threading
sys.path[:0] = ["tests/support"]
from pathlib import Path
from engines import ProcessBackend
from sky import publish_sky
from vo_service.engines.process.launching import EngineHostClient
from vo_service.engines.processor import QueryRequest
home = Path(sys.argv[1])
backend = ProcessBackend(home / "engine")
(home / "staging").mkdir()
sky = publish_sky(backend.store, home / "staging", {"big": 20_000})
execution = backend.processor.start(QueryRequest(sys.argv[2], sky.tables, 600.0)).execution
print(EngineHostClient.of_process()._host.pid, file=sys.stderr, flush=True)
next(execution)
"""


def test_no_process_outlives_its_service(tmp_path):
    service = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path), ENDLESS],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with service:
        host = int(service.stderr.readline())
        until(lambda: children(host))
        engines = children(host)
        service.kill()
    until(lambda: not any(map(exists, engines)))
    until(lambda: not exists(host))


def test_a_fault_of_ours_is_no_error_of_the_query(processor, sky):
    with pytest.raises(EngineFault):
        processor.start(QueryRequest(COUNT, None, 10.0))
    assert count(processor, sky) == 20_000
