"""Rows, photometry, columns, sets and reports of training sets."""

import hashlib
import json
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from astropy.io import fits
from training_sets import run_folder, training_set, write_catalogue

from pipelines.configuration import check_configuration
from pipelines.errors import ConfigurationRejected, InputsRejected
from pipelines.training_set_maker import SPECIFICATION, check
from pipelines.training_set_maker.dust import reddening
from registry.formats.readers.opening import open_file

COUNT = 60
FLUXES = {"cmodel": ("{band}_cModelFlux", "{band}_cModelFluxErr")}


def positions(count=COUNT):
    random = np.random.default_rng(4)
    return random.uniform(0, 360, count), np.degrees(np.arcsin(random.uniform(-1, 1, count)))


def objects(folder, order=1, count=COUNT, **more):
    ra, dec = positions(count)
    columns = {
        "objectId": np.arange(count) + 2**53 + 1,
        "coord_ra": ra,
        "coord_dec": dec,
        "g_cModelFlux": np.where(np.arange(count) == 3, -1.0, 100.0 + np.arange(count)),
        "g_cModelFluxErr": np.full(count, 5.0),
        "note": np.array(["é"] * count),
    }
    return write_catalogue(folder, columns, order, ra="coord_ra", dec="coord_dec", **more)


def redshifts(count=COUNT):
    ra, dec = positions(count)
    return {
        "name": np.arange(count), "ra": ra, "dec": dec, "z": np.linspace(0, 3, count),
        "note": np.array(["a"] * count),
    }  # fmt: skip


def ebv_map(path, nside=1):
    """Write a map that has 0.1 everywhere but in one cell."""
    values = np.full(12 * nside * nside, 0.1, np.float32)
    column = fits.Column("EBV", "E", array=values)
    table = fits.BinTableHDU.from_columns([column])
    table.header.update(PIXTYPE="HEALPIX", ORDERING="NESTED", NSIDE=nside, COORDSYS="G")
    table.writeto(path)
    return path


@pytest.fixture
def catalogue(tmp_path):
    return objects(tmp_path / "objects")


def made(tmp_path, catalogue, *, rows=None, run="run", executor=None, **said):
    said = {"fluxes": FLUXES, "maps": {}} | said
    given = {"fluxes": said.pop("fluxes"), "maps": said.pop("maps")}
    param = {"dereddening": "none"} | said
    rows = redshifts() if rows is None else rows
    folder = run_folder(
        tmp_path / run, rows, catalogue, catalogue=given, ids={"id": "objectId"},
        columns={"id": "name"}, **param,
    )  # fmt: skip
    return training_set(folder, executor)


def test_magnitudes_are_ab_of_nanojansky(tmp_path, catalogue):
    _, table = made(tmp_path, catalogue)
    rows = {row["name"]: row for row in table.to_pylist()}
    assert rows[0]["mag_g"] == pytest.approx(31.4 - 2.5 * np.log10(100))
    assert rows[0]["magerr_g"] == pytest.approx(5 / 100 / np.log(10) / 0.4)
    assert rows[3]["mag_g"] is None
    assert rows[3]["magerr_g"] is None
    assert rows[5]["objectId"] == 5 + 2**53 + 1


@pytest.mark.parametrize("magnitudes", [True, False])
def test_dust_is_taken_away_by_the_map_of_the_site(tmp_path, catalogue, magnitudes):
    maps = {"sfd": str(ebv_map(tmp_path / "ebv.fits"))}
    _, table = made(
        tmp_path, catalogue, maps=maps, dereddening="sfd", convert_flux_to_mag=magnitudes
    )
    row = table.to_pylist()[0]
    extinction = 3.64 * 0.1
    if magnitudes:
        assert row["mag_dered_g"] == pytest.approx(
            31.4 - 2.5 * np.log10(100) - extinction, abs=1e-6
        )
        assert row["magerr_dered_g"] == pytest.approx(5 / 100 / np.log(10) / 0.4, abs=1e-6)
    else:
        assert row["flux_dered_g"] == pytest.approx(100 * 10 ** (0.4 * extinction), rel=1e-6)
        assert row["fluxerr_dered_g"] == pytest.approx(5 * 10 ** (0.4 * extinction), rel=1e-6)


def test_maps_of_schlegel_are_read_in_both_hemispheres(tmp_path):
    for name, sign in (("ngp", 1), ("sgp", -1)):
        y, x = np.mgrid[:64, :64]
        header = fits.Header({"LAM_NSGP": sign, "LAM_SCAL": 32, "CRPIX1": 32.5, "CRPIX2": 32.5})
        fits.PrimaryHDU((x + 100.0 * y + sign).astype(np.float32), header).writeto(
            tmp_path / f"SFD_dust_64_{name}.fits"
        )
    # The galactic poles, and l = 0, b = 30: x = 32 sqrt(1 - 0.5) + 31.5, y = 31.5.
    ra, dec = np.array([192.85948, 12.85948, 229.00]), np.array([27.12825, -27.12825, 0.0])
    found = reddening(tmp_path, ra, dec)
    assert found[0] == pytest.approx(31.5 * 101 + 1, abs=0.1)
    assert found[1] == pytest.approx(31.5 * 101 - 1, abs=0.1)
    from astropy.coordinates import SkyCoord

    place = SkyCoord(ra[2], dec[2], unit="deg").galactic
    radius = 32 * np.sqrt(1 - np.sin(place.b.rad))
    expected = radius * np.cos(place.l.rad) + 31.5 + 100 * (31.5 - radius * np.sin(place.l.rad)) + 1
    assert found[2] == pytest.approx(expected, rel=1e-5)


def test_columns_are_those_that_were_selected(tmp_path, catalogue):
    _, table = made(tmp_path, catalogue, selected_cols=["note", "mag_g", "coord_ra"])
    assert table.column_names == [
        "name", "ra", "dec", "z", "note_specz", "note", "coord_ra", "mag_g",
        "_dist_arcsec", "is_training_set",
    ]  # fmt: skip


def test_everything_that_does_not_exist_is_told_at_once(tmp_path, catalogue):
    with pytest.raises(InputsRejected) as refused:
        made(
            tmp_path, catalogue, rows=redshifts() | {"ra": np.full(COUNT, 400.0)},
            selected_cols=["mag_x"], dereddening="sfd",
        )  # fmt: skip
    said = "\n".join(refused.value.problems)
    for words in ("outside of [-180, 360]", "no column 'mag_x'; similar", "no map 'sfd'"):
        assert words in said


@pytest.mark.parametrize("said", ["psf", "cModel"])
def test_unknown_type_of_flux_is_refused_with_those_that_exist(tmp_path, catalogue, said):
    with pytest.raises(InputsRejected, match="it has cmodel"):
        made(tmp_path, catalogue, flux_type=said)


def test_units_and_ucds_travel_and_one_position_is_the_main_one(tmp_path, catalogue):
    output, _ = made(tmp_path, catalogue)
    said = output.annotations
    assert (said["mag_g"].unit, said["mag_g"].ucd) == ("mag", "phot.mag;em.opt")
    assert said["_dist_arcsec"].ucd == "pos.angDistance"
    assert [name for name, column in said.items() if column.alias == "RA"] == ["ra"]
    assert output.columns_assoc == {"id": "name", "ra": "ra", "dec": "dec", "z": "z"}


def test_split_is_the_documented_hash_of_seed_and_identifier(tmp_path, catalogue):
    _, table = made(tmp_path, catalogue, random_seed=7)
    for row in table.to_pylist():
        digest = hashlib.blake2b(f"split:7:{row['objectId']}".encode(), digest_size=8).digest()
        place = (int.from_bytes(digest) >> 11) / 2**53
        assert row["is_training_set"] == int(place < 0.7)


def sets(table, column="split_set"):
    return dict(zip(table["objectId"].to_pylist(), table[column].to_pylist(), strict=True))


@pytest.mark.parametrize("method", ["random", "stratified", "blocked"])
def test_sets_do_not_depend_on_partitions_rows_or_workers(tmp_path, method):
    options = {"split_method": method, "validation_fraction": 0.2, "n_folds": 4}
    rows = pa.table(redshifts())
    _, one = made(tmp_path, objects(tmp_path / "a", 0), rows=rows, run="1", **options)
    turned = rows.take(pa.array(np.random.default_rng(1).permutation(COUNT)))
    with ThreadPoolExecutor(3) as threads:
        fine = objects(tmp_path / "b", 3, index=False)
        _, other = made(tmp_path, fine, rows=turned, run="2", executor=threads, **options)
    assert sets(one) == sets(other)
    assert sets(one, "fold") == sets(other, "fold")
    keys = [(name, "ascending") for name in ("name", "objectId")]
    assert one.sort_by(keys).equals(other.sort_by(keys))


def test_processes_give_the_same_as_threads(tmp_path, catalogue):
    _, one = made(tmp_path, catalogue, run="1")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        _, other = made(tmp_path, catalogue, run="2", executor=processes)
    assert one.equals(other)


def test_strata_are_split_alike(tmp_path):
    count = 2000
    catalogue = objects(tmp_path / "o", 1, count)
    options = {"split_method": "stratified", "split_strata": 5, "train_fraction": 0.6}
    _, table = made(tmp_path, catalogue, rows=redshifts(count), **options)
    z, train = table["z"].to_numpy(), table["is_training_set"].to_numpy()
    for part in np.array_split(np.argsort(z, kind="stable"), 5):
        assert train[part].mean() == pytest.approx(0.6, abs=0.01)


def test_blocks_of_the_sky_stay_together(tmp_path):
    from registry.healpix import healpix_index

    catalogue = objects(tmp_path / "o", 1, 2000)
    options = {"split_method": "blocked", "split_block_order": 2}
    _, table = made(tmp_path, catalogue, rows=redshifts(2000), **options)
    cells = healpix_index(
        table["coord_ra"].combine_chunks(), table["coord_dec"].combine_chunks()
    ).to_numpy() >> (2 * 27)
    found = {}
    for cell, train in zip(cells.tolist(), table["is_training_set"].to_pylist(), strict=True):
        found.setdefault(cell, set()).add(train)
    assert all(len(values) == 1 for values in found.values())
    assert {value for values in found.values() for value in values} == {0, 1}


def test_two_redshifts_of_one_object_are_in_one_set(tmp_path, catalogue):
    twice = pa.concat_tables([pa.table(redshifts())] * 2)
    _, table = made(tmp_path, catalogue, rows=twice, split_method="stratified")
    assert table.num_rows == 2 * COUNT
    found = {}
    for key, value in zip(table["objectId"].to_pylist(), table["is_training_set"].to_pylist(),
                          strict=True):  # fmt: skip
        found.setdefault(key, set()).add(value)
    assert all(len(values) == 1 for values in found.values())


@pytest.mark.parametrize("kind", ["csv", "fits", "hdf5", "votable", "hats", "parquet"])
def test_product_has_any_format(tmp_path, catalogue, kind):
    folder = run_folder(
        tmp_path / "run", redshifts(), catalogue, output_format=kind, dereddening="none",
        catalogue={"fluxes": FLUXES},
    )  # fmt: skip
    output, _ = training_set(folder)
    _, table = open_file(output.main)
    with table:
        names = [column.name for column in table.columns]
        assert sum(batch.num_rows for batch in table.batches()) == COUNT
    assert set(output.columns) <= set(names)


def test_format_of_the_redshifts_is_the_default(tmp_path, catalogue):
    specz = {"path": "a", "columns": {"ra": "a", "dec": "b", "z": "c"}}
    document = {"inputs": {"specz": specz, "dataset": {"path": "b"}}}
    complete = check_configuration(SPECIFICATION, document)
    assert complete.output_format == "specz"
    folder = run_folder(tmp_path / "run", redshifts(), catalogue, output_format="specz",
                        dereddening="none")  # fmt: skip
    assert training_set(folder)[0].main.name == "tsm.parquet"


def test_catalogues_by_photometry_are_chosen_by_the_parameters(tmp_path):
    for place in ("mag/auto/sfd/catalog", "flux/psf/none/catalog"):
        objects(tmp_path / "release" / place)
    chosen = {"convert_flux_to_mag": False, "flux_type": "psf", "dereddening": "none"}
    output, _ = made(tmp_path, tmp_path / "release", fluxes={}, **chosen)
    assert output.summary["objects"]["variant"] == "flux/psf/none"
    with pytest.raises(InputsRejected, match=r"no catalogue 'flux/psf/sfd'.*mag/auto/sfd"):
        made(tmp_path, tmp_path / "release", run="2", **chosen | {"dereddening": "sfd"})


def test_configuration_of_the_original_is_accepted_whole():
    document = yaml.safe_load(ORIGINAL)
    complete = check_configuration(SPECIFICATION, document)
    assert complete.param["crossmatch"]["radius_arcsec"] == 1.5
    assert complete.inputs["dataset"][0].columns == {"id": "id"}
    document["param"]["crossmatch"]["radius"] = 2
    with pytest.raises(ConfigurationRejected, match=r"crossmatch.radius"):
        check_configuration(SPECIFICATION, document)


ORIGINAL = """
executor: {name: slurm, args: {instance: {cores: 4}, scale: {minimum_jobs: 1}}}
inputs:
  dataset: {path: /data/dp02, columns: {id: id}}
  specz: [{path: specz.parquet, format: parquet, columns: {id: id, ra: ra, dec: dec, z: z}}]
output_root_dir: storage
output_dir: r1n1
output_format: null
output_name: tsm
param:
  flux_type: auto
  convert_flux_to_mag: true
  dereddening: sfd
  split_method: random
  train_fraction: 0.7
  random_seed: null
  use_absolute_lsdb_path: false
  selected_cols: []
  duplicate_criteria: closest
  crossmatch: {radius_arcsec: 1.5, n_neighbors: 1, output_catalog_name: null}
"""


@pytest.mark.parametrize(
    "wrong",
    [
        {"train_fraction": 1.0}, {"train_fraction": 0.7, "validation_fraction": 0.4},
        {"n_folds": 1}, {"crossmatch": {"radius_arcsec": 0}}, {"crossmatch": {"radius_arcsec": 91}},
        {"crossmatch": {"n_neighbors": 0}}, {"random_seed": -1}, {"split_method": "other"},
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused(wrong):
    document = yaml.safe_load(ORIGINAL) | {"param": wrong}
    with pytest.raises(ConfigurationRejected):
        check_configuration(SPECIFICATION, document)


def test_check_says_what_would_be_read(tmp_path, catalogue):
    folder = run_folder(tmp_path / "run", redshifts(), catalogue, dereddening="none",
                        catalogue={"fluxes": FLUXES}, selected_cols=["note", "mag_g"])  # fmt: skip
    said = check(folder, lambda *_: None)
    assert said["columns"] == ["note", "mag_g"]
    assert said["rows"] == COUNT
    assert 0 < said["partitions_touched"] <= 48


def test_report_of_quality_is_beside_the_product(tmp_path, catalogue):
    output, _ = made(tmp_path, catalogue)
    quality = json.loads(output.attachments[0].read_text())
    assert quality["redshifts_matched"] == COUNT
    assert quality["fraction_matched"] == 1
    assert sum(quality["separation_histogram"]["matches"]) == COUNT


def test_rows_without_position_are_left_out_and_counted(tmp_path, catalogue):
    rows = redshifts()
    rows["ra"] = pa.array([None, float("nan"), *rows["ra"][2:]])
    output, table = made(tmp_path, catalogue, rows=rows)
    assert table.num_rows == COUNT - 2
    assert output.summary["rows_without_position"] == 2


def test_objects_without_position_match_nothing(tmp_path, catalogue):
    for path in catalogue.rglob("Npix=*.parquet"):
        table = pq.read_table(path)
        values = pa.array([None] * len(table), pa.float64())
        pq.write_table(table.set_column(2, "coord_ra", values), path)
        break
    _, table = made(tmp_path, catalogue)
    assert 0 < table.num_rows < COUNT
