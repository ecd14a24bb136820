"""Positional joins on PostgreSQL, with what the server has installed: the same pairs each time."""

from __future__ import annotations

import numpy as np
import pytest
from engines import PostgresBackend, answer
from sky import publish_sky

from vo_service.adql.parser import parse
from vo_service.adql.resolver import resolve
from vo_service.engines.base import EngineUnavailable
from vo_service.engines.postgres.context import Prefilter
from vo_service.engines.postgres.installation import available_prefilters, prepare
from vo_service.engines.processor import LocalProcessor

pytestmark = pytest.mark.postgres

SIZES = {"big": 1_500, "small": 80}
OF_PREFILTER = {
    Prefilter.NONE: "_zone",
    Prefilter.Q3C: "q3c_nearby_it",
    Prefilter.PGSPHERE: "scircle",
}


DERIVED = (
    "(SELECT id, ra, dec FROM sky.big) a, (SELECT ra + 0 AS x, dec, id FROM sky.small) b"
    " WHERE {} > DISTANCE(b.x, b.dec, a.ra, a.dec)"
)


@pytest.fixture(scope="module", params=list(Prefilter), ids=str)
def searched(request, postgres_server, tmp_path_factory):
    if request.param not in available_prefilters(postgres_server.new_database()):
        pytest.skip(f"{request.param} is not installed")
    backend = PostgresBackend(postgres_server, request.param)
    sky = publish_sky(backend.store, tmp_path_factory.mktemp("staging"), SIZES)
    yield request.param, backend.engine, sky
    backend.close()


def vectors(table):
    ra, dec = np.radians(table["ra"].to_numpy()), np.radians(table["dec"].to_numpy())
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


@pytest.mark.parametrize("radius", [1e-4, 0.003, 0.1, 0.2, 3.0, 9.9])
@pytest.mark.parametrize(
    "source",
    [
        "sky.big a, sky.small b WHERE DISTANCE(a.ra, a.dec, b.ra, b.dec) < {}",
        "sky.small b JOIN sky.big a ON 1 = CONTAINS(POINT(a.ra, a.dec), CIRCLE(b.ra, b.dec, {}))",
        DERIVED,
    ],
)
def test_pairs_are_those_of_brute_force(searched, source, radius):
    prefilter, engine, sky = searched
    adql = "SELECT a.id, b.id FROM " + source.format(radius)
    statement = engine.translate(resolve(parse(adql), sky.tables, adql))
    assert OF_PREFILTER[prefilter] in statement.sql
    found = answer(LocalProcessor(engine), sky, adql)
    big, small = sky.rows["big"], sky.rows["small"]
    apart = np.linalg.norm(vectors(big)[:, None] - vectors(small)[None], axis=-1)
    near = np.nonzero(apart < 2 * np.sin(np.radians(radius) / 2))
    expected = zip(
        big["id"].to_numpy()[near[0]].tolist(),
        small["id"].to_numpy()[near[1]].tolist(),
        strict=True,
    )
    assert sorted(zip(*(c.to_pylist() for c in found.columns), strict=True)) == sorted(expected)


@pytest.mark.parametrize("scale", [1e-4, 0.02, 0.3, 20.0])
@pytest.mark.parametrize(
    "source",
    [
        "sky.big a, sky.small b WHERE DISTANCE(a.ra, a.dec, b.ra, b.dec) < {}",
        (
            "sky.big a LEFT JOIN sky.small b ON 1 = CONTAINS(POINT(a.ra, a.dec),"
            " CIRCLE(b.ra, b.dec, {}))"
        ),
        "sky.small b LEFT JOIN sky.big a ON {} > DISTANCE(b.ra, b.dec, a.ra, a.dec)",
    ],
)
def test_pairs_within_a_radius_of_each_row_are_those_of_brute_force(searched, source, scale):
    _, engine, sky = searched
    # From a negative radius to one of seven times the scale.
    radius = f"(MOD(b.id, 9) - 1) * {scale}"
    found = answer(LocalProcessor(engine), sky, "SELECT a.id, b.id FROM " + source.format(radius))
    big, small = sky.rows["big"], sky.rows["small"]
    apart = np.linalg.norm(vectors(big)[:, None] - vectors(small)[None], axis=-1)
    radii = (small["id"].to_numpy() % 9 - 1) * scale
    chord = np.where(radii > 0, 2 * np.sin(np.radians(np.minimum(radii, 180)) / 2), 0)
    near = apart < chord
    pairs = [(int(big["id"][i]), int(small["id"][j])) for i, j in np.argwhere(near).tolist()]
    found_pairs = set(zip(*(c.to_pylist() for c in found.columns), strict=True))
    assert {pair for pair in found_pairs if None not in pair} == set(pairs)
    if "LEFT" in source:
        alone = [ids for ids in found_pairs if None in ids]
        kept, axis = (big, 1) if "big a LEFT" in source else (small, 0)
        assert len(alone) == int((~near.any(axis=axis)).sum()) <= kept.num_rows


def test_an_extension_that_is_missing_is_named(postgres_server, monkeypatch):
    monkeypatch.setattr(
        "vo_service.engines.postgres.installation._EXTENSIONS", {Prefilter.Q3C: "q4d"}
    )
    with pytest.raises(EngineUnavailable, match="q4d is not installed on the database server"):
        prepare(postgres_server.new_database(), Prefilter.Q3C)
