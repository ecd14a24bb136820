"""Whatever valid query comes, it gives rows or a clean error, and the next one is answered."""

from __future__ import annotations

from contextlib import suppress

import pytest
from engines import ProcessBackend, answer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sky import publish_sky

from vo_service.adql.errors import QueryTooComplex
from vo_service.engines.base import QueryTimeout, ResourceExhausted

SIZES = st.sampled_from((1, 3, 30, 300, 3_000))


def texts(depth):
    leaf = st.sampled_from(("name", "'abc'", "CAST(id AS CHAR(20))"))
    if depth == 0:
        return leaf
    inner = texts(depth - 1)
    return st.one_of(
        leaf,
        st.builds(lambda a, n: "||".join([a] * min(n, 30)), inner, SIZES),
        st.builds(lambda a, n: f"CAST({a} AS CHAR({n * 1_000}))", inner, SIZES),
        st.builds(lambda a: f"UPPER({a})", inner),
    )


def conditions(count, kind):
    form = ("ra <> {}", "ra NOT BETWEEN {} AND {}.5", "DISTANCE(ra, dec, 1, {}e-3) < 1")[kind]
    return " AND ".join(form.format(n, n) for n in range(count))


SOURCES = st.builds(
    lambda count: ", ".join(f"sky.small AS t{n}" for n in range(count)), st.integers(1, 4)
)
QUERIES = st.one_of(
    st.builds(lambda x: f"SELECT {x} AS x FROM sky.small", texts(3)),
    st.builds(lambda x: f"SELECT MAX({x}) AS x FROM sky.small GROUP BY n", texts(2)),
    st.builds(
        lambda n, k: f"SELECT id FROM sky.small WHERE {conditions(n, k)}", SIZES, st.integers(0, 2)
    ),
    st.builds(lambda f, n: f"SELECT TOP {n} t0.id FROM {f} ORDER BY t0.z", SOURCES, SIZES),
    st.builds(lambda f: f"SELECT COUNT(*) AS n FROM {f} WHERE t0.z < 0", SOURCES),
    st.builds(lambda n: f"SELECT {','.join(['*'] * n)} FROM sky.small", SIZES),
    st.builds(
        lambda n: f"SELECT 1 AS a FROM sky.small GROUP BY {','.join(f'n + {k}' for k in range(n))}",
        SIZES,
    ),
)


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    made = ProcessBackend(tmp_path_factory.mktemp("engine"), memory_bytes=400 * 2**20)
    yield made
    made.close()


@pytest.fixture(scope="module")
def sky(backend, tmp_path_factory):
    return publish_sky(backend.store, tmp_path_factory.mktemp("staging"), {"small": 300})


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(adql=QUERIES)
def test_a_query_gives_rows_or_a_clean_error(backend, sky, adql):
    # Any other error is a fault: these are valid queries.
    with suppress(QueryTooComplex, QueryTimeout, ResourceExhausted):
        answer(backend.processor, sky, adql, row_limit=1_000, time_limit_s=1.0)
    found = answer(backend.processor, sky, "SELECT COUNT(*) AS n FROM sky.small")
    assert found[0][0].as_py() == 300
