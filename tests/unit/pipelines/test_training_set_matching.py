"""Matches of training sets against brute force, at borders, poles and RA 0."""

import numpy as np
import pyarrow as pa
import pytest
from training_sets import displaced, run_folder, separations, sky, training_set, write_catalogue

from pipelines.errors import PipelineFailed

RADIUS = 1.0


def catalogue(folder, place, order=3, **more):
    columns = {"id": np.arange(len(place[0])) + 1000, "ra": place[0], "dec": place[1]}
    return write_catalogue(folder, columns, order, **more)


def redshifts(place):
    count = len(place[0])
    return {"id": np.arange(count), "ra": place[0], "dec": place[1], "z": np.full(count, 0.5)}


def pairs(table):
    return list(zip(table["id_specz"].to_pylist(), table["id"].to_pylist(), strict=True))


@pytest.fixture(scope="module")
def both():
    return sky(400, 1), sky(600, 2)


@pytest.mark.parametrize("order", [0, 3, 7])
@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("radius", [0.3, 1.0, 20.0])
def test_all_matches_are_those_of_brute_force(tmp_path, both, order, index, radius):
    objects = catalogue(tmp_path / "o", both[1], order, index=index, split=(1, 5, 200))
    param = {"crossmatch": {"radius_arcsec": radius}, "duplicate_criteria": "all"}
    _, table = training_set(run_folder(tmp_path / "run", redshifts(both[0]), objects, **param))
    distance = separations(*both)
    expected = {(r, o + 1000) for r, o in np.argwhere(distance < radius).tolist()}
    assert len(expected) > 10
    assert set(pairs(table)) == expected
    found = np.array([distance[r, o - 1000] for r, o in pairs(table)])
    np.testing.assert_allclose(table["_dist_arcsec"].to_numpy(), found, atol=1e-6)


@pytest.mark.parametrize("most", [1, 3])
def test_nearest_objects_are_kept_in_order(tmp_path, both, most):
    objects = catalogue(tmp_path / "o", both[1])
    param = {"crossmatch": {"radius_arcsec": 2.0, "n_neighbors": most}}
    _, table = training_set(run_folder(tmp_path / "run", redshifts(both[0]), objects, **param))
    expected = []
    for row, line in enumerate(separations(*both)):
        near = [place for place in np.argsort(line)[:most] if line[place] < 2.0]
        expected += [(row, int(place) + 1000) for place in near]
    assert pairs(table) == expected


def test_unique_keeps_each_object_once_with_its_nearest_redshift(tmp_path, both):
    objects = catalogue(tmp_path / "o", both[1])
    param = {"crossmatch": {"radius_arcsec": 2.0}, "duplicate_criteria": "unique"}
    _, table = training_set(run_folder(tmp_path / "run", redshifts(both[0]), objects, **param))
    distance, best = separations(*both), {}
    for row, line in enumerate(distance):
        place = int(np.argmin(line))
        if line[place] < 2.0 and (place not in best or line[place] < distance[best[place], place]):
            best[place] = row
    assert set(pairs(table)) == {(row, place + 1000) for place, row in best.items()}
    assert len(set(table["id"].to_pylist())) == table.num_rows


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_catalogue_that_is_one_file_gives_the_same(tmp_path, both, kind):
    import pyarrow.csv
    import pyarrow.parquet

    objects = pa.table({"id": np.arange(600) + 1000, "ra": both[1][0], "dec": both[1][1]})
    path = tmp_path / f"objects.{kind}"
    if kind == "csv":
        pyarrow.csv.write_csv(objects, path)
    else:
        pyarrow.parquet.write_table(objects, path)
    param = {"duplicate_criteria": "all"}
    _, one = training_set(run_folder(tmp_path / "a", redshifts(both[0]), path, **param))
    hats = catalogue(tmp_path / "o", both[1])
    _, other = training_set(run_folder(tmp_path / "b", redshifts(both[0]), hats, **param))
    assert pairs(one) == pairs(other)


def test_only_touched_partitions_are_read(tmp_path):
    random = np.random.default_rng(3)
    place = random.uniform(0, 360, 5000), np.degrees(np.arcsin(random.uniform(-1, 1, 5000)))
    objects = catalogue(tmp_path / "o", place, order=2)
    for path in objects.glob("dataset/Norder=2/Dir=0/*.parquet"):
        if path.name != "Npix=0.parquet":
            path.write_bytes(b"must not be read")
    near = [value[:1] for value in displaced(np.array([45.0]), np.array([0.4]), 0, 0)]
    mine = catalogue(tmp_path / "p", near, order=2)
    assert [p.name for p in mine.rglob("Npix=*")] == ["Npix=0.parquet"]
    next(mine.rglob("Npix=*")).replace(objects / "dataset/Norder=2/Dir=0/Npix=0.parquet")
    output, table = training_set(run_folder(tmp_path / "run", redshifts(near), objects))
    assert table.num_rows == 1
    assert output.summary["partitions_read"] == 1


def test_index_that_does_not_fit_its_positions_is_not_believed(tmp_path, both):
    objects = catalogue(tmp_path / "o", both[1])
    import pyarrow.parquet as pq

    for path in objects.rglob("Npix=*.parquet"):
        table = pq.read_table(path)
        pq.write_table(
            table.set_column(0, "_healpix_29", pa.array(np.zeros(len(table), int))), path
        )
    _, table = training_set(run_folder(tmp_path / "run", redshifts(both[0]), objects))
    assert table.num_rows == int((separations(*both).min(axis=1) < RADIUS).sum())


def test_damaged_partition_fails_the_run_with_its_name(tmp_path, both):
    objects = catalogue(tmp_path / "o", both[1], order=0)
    next(objects.rglob("Npix=5.parquet")).write_bytes(b"PAR1 damaged PAR1")
    with pytest.raises(PipelineFailed, match="Norder=0/Npix=5"):
        training_set(run_folder(tmp_path / "run", redshifts(both[0]), objects))


def test_nothing_that_matches_is_said(tmp_path, both):
    objects = catalogue(tmp_path / "o", both[1])
    far = {"ra": [123.0], "dec": [33.0], "z": [0.1]}
    with pytest.raises(PipelineFailed, match="no redshift has an object within 1 arcsec"):
        training_set(run_folder(tmp_path / "run", far, objects))


def test_chance_match_rate_is_that_of_the_density(tmp_path):
    random = np.random.default_rng(9)
    dense = 40 + random.uniform(0, 0.1, 20_000), random.uniform(0, 0.1, 20_000)
    own = 40.02 + random.uniform(0, 0.06, 3000), random.uniform(0.02, 0.08, 3000)
    objects = catalogue(tmp_path / "o", dense, order=6)
    param = {"crossmatch": {"radius_arcsec": 1.0}}
    output, _ = training_set(run_folder(tmp_path / "run", redshifts(own), objects, **param))
    density = 20_000 / (0.1 * 3600) ** 2
    expected = 1 - np.exp(-np.pi * density)
    rate = output.summary["match"]["chance_match_rate"]
    assert rate == pytest.approx(expected, rel=0.1)
