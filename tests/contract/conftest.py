"""An engine with a small sky in it, and what asks it."""

from __future__ import annotations

import pyarrow as pa
import pytest
from sky import Sky, publish_sky

from registry import tap_schema
from vo_service.adql.parser import parse
from vo_service.adql.resolver import resolve
from vo_service.engines.duckdb.engine import DuckdbEngine
from vo_service.engines.duckdb.instance import DuckdbInstance
from vo_service.engines.duckdb.store import DuckdbTableStore

ROWS = 20_000


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("engine")


@pytest.fixture(scope="module")
def sky(home) -> Sky:
    (home / "tables").mkdir()
    (home / "staging").mkdir()
    store = DuckdbTableStore(home / "tables")
    return publish_sky(store, home / "staging", {"big": ROWS, "small": 300})


@pytest.fixture(scope="module")
def engine(home, sky):
    engine = DuckdbEngine(
        lambda: DuckdbInstance(
            home / "tables",
            home / "temporary",
            memory_limit_bytes=2**29,
            temporary_limit_bytes=2**29,
            threads=2,
        )
    )
    yield engine
    engine.close()


@pytest.fixture
def run(engine, sky):
    def run(adql, row_limit=None, time_limit_s=60.0) -> pa.Table:
        query = resolve(parse(adql), sky.tables, adql)
        statement = engine.translate(query, row_limit)
        rows = tap_schema.rows(sky.tables)
        used = {t.storage.relation for t in query.tables if t.storage.file is None}
        execution = engine.execute(statement, {n: rows[n] for n in used}, time_limit_s)
        try:
            schema = pa.schema([field.arrow for field in query.fields])
            return pa.Table.from_batches(list(execution), schema)
        finally:
            execution.close()

    return run
