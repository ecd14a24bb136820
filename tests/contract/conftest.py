"""Engines with a small sky in them, and what asks them."""

from __future__ import annotations

import pytest
from engines import DuckdbBackend, PostgresBackend, answer
from sky import Sky, publish_sky

ROWS = 20_000


@pytest.fixture(
    scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def backend(request, tmp_path_factory):
    if request.param == "duckdb":
        made = DuckdbBackend(tmp_path_factory.mktemp("engine"))
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
def run(engine, sky):
    def run(adql, row_limit=None, time_limit_s=600.0):
        return answer(engine, sky, adql, row_limit, time_limit_s)

    return run
