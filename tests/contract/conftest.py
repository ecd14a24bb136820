"""Engines with a small sky in them, and what asks them."""

from __future__ import annotations

import pytest
from engines import DuckdbBackend, PostgresBackend, ProcessBackend, answer
from sky import Sky, publish_sky

from vo_service.engines.processor import QueryRequest

ROWS = 20_000


@pytest.fixture(
    scope="module",
    params=["duckdb", "processes", pytest.param("postgres", marks=pytest.mark.postgres)],
)
def backend(request, tmp_path_factory):
    if request.param == "duckdb":
        made = DuckdbBackend(tmp_path_factory.mktemp("engine"))
    elif request.param == "processes":
        made = ProcessBackend(tmp_path_factory.mktemp("engine"))
    else:
        made = PostgresBackend(request.getfixturevalue("postgres_server"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def sky(backend, tmp_path_factory) -> Sky:
    return publish_sky(
        backend.store,
        tmp_path_factory.mktemp("staging"),
        {"big": ROWS, "mid": 4_000, "small": 300},
    )


@pytest.fixture(scope="module")
def engine(backend, sky):
    return backend.engine


@pytest.fixture
def run(backend, sky):
    def run(adql, row_limit=None, time_limit_s=600.0):
        return answer(backend.processor, sky, adql, row_limit, time_limit_s)

    return run


@pytest.fixture
def start(backend, sky):
    def start(adql, time_limit_s=60.0):
        request = QueryRequest(adql, sky.tables, time_limit_s)
        return backend.processor.start(request).execution

    return start
