import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hats_catalogues import write_catalogue

from registry.errors import CatalogueRejected
from registry.model.object_catalogue import ObjectCatalogue, bands_of
from registry.object_catalogues import check_catalogue, offers_of

FLUXES = {"cmodel": ("{band}_cModelFlux", "{band}_cModelFluxErr")}


def objects(count=400):
    random = np.random.default_rng(5)
    return {
        "objectId": np.arange(count),
        "coord_ra": random.uniform(0, 360, count),
        "coord_dec": np.degrees(np.arcsin(random.uniform(-1, 1, count))),
        **{f"{b}_cModelFlux{e}": random.uniform(1, 9, count) for b in "gr" for e in ("", "Err")},
    }


@pytest.fixture
def folder(tmp_path):
    return write_catalogue(tmp_path / "objects", objects(), ra="coord_ra", dec="coord_dec")


def catalogue(folder, **said):
    values = {"id_column": "objectId", "fluxes": FLUXES} | said
    return ObjectCatalogue("objects", str(folder), **values)


def problems(folder, **said):
    with pytest.raises(CatalogueRejected) as refused:
        check_catalogue(catalogue(folder, **said))
    return "\n".join(refused.value.problems)


def partitions(folder):
    return sorted(folder.glob("dataset/Norder=*/Dir=*/*.parquet"))


def test_good_catalogue_is_described(folder):
    (facts,) = check_catalogue(catalogue(folder))
    assert (facts.path, facts.rows, facts.orders) == ("", 400, (1, 1))
    assert facts.partitions == len(partitions(folder)) == 48
    assert facts.margin_arcsec is None


def test_catalogues_by_photometry_are_found_below_their_folder(tmp_path):
    columns = objects()
    for place in ("mag/auto/sfd/catalog", "flux/psf/none"):
        write_catalogue(tmp_path / place, columns, 0, ra="coord_ra", dec="coord_dec")
    found = check_catalogue(catalogue(tmp_path, fluxes={}))
    assert {facts.path for facts in found} == {"mag/auto/sfd", "flux/psf/none"}
    offers = offers_of([catalogue(tmp_path, fluxes={})])
    assert (offers["has_mag_hats"], offers["has_flux_hats"]) == (True, True)
    assert {each["name"] for each in offers["fluxes"]} == {"auto", "psf"}
    assert {each["name"] for each in offers["dereddening"]} == {"sfd", "none"}


def test_everything_that_is_wrong_is_told_at_once(folder, tmp_path):
    first, second, third, *_ = partitions(folder)
    first.unlink()
    second.write_bytes(second.read_bytes()[:100])
    pq.write_table(pq.read_table(third).drop_columns("r_cModelFlux"), third)
    said = problems(
        folder, id_column="id", fluxes={"psf": ("{band}_psf", "{band}_psfErr"), "x": ("a", "b")},
        maps={"sfd": str(tmp_path / "none")},
    )  # fmt: skip
    for words in (
        "Npix=0 is missing", "is damaged", "has other columns", "identifier 'id'",
        "no column is like '{band}_psf'", "'a' does not have {band}", "there is no map",
    ):  # fmt: skip
        assert words in said, words


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda t: t.set_column(0, "_healpix_29", pc_shift(t)), "another '_healpix_29'"),
        (lambda t: t.set_column(2, "coord_ra", pa.array((t["coord_ra"].to_numpy() + 180) % 360)),
         "outside of its cell"),
        (lambda t: t.set_column(2, "coord_ra", pa.array(["x"] * len(t))), "no numbers"),
    ],
)  # fmt: skip
def test_positions_that_do_not_fit_are_told(folder, harm, words):
    for path in partitions(folder):
        pq.write_table(harm(pq.read_table(path)), path)
    assert words in problems(folder)


def pc_shift(table):
    return pa.array(table["_healpix_29"].to_numpy() + 1)


def test_partition_inside_of_another_one_is_told(tmp_path):
    folder = write_catalogue(tmp_path / "o", objects(), ra="coord_ra", dec="coord_dec")
    part = folder / "dataset/Norder=2/Dir=0/Npix=0.parquet"
    part.parent.mkdir(parents=True)
    part.write_bytes(partitions(folder)[0].read_bytes())
    said = problems(folder)
    assert "lies inside of" in said
    assert "Npix=0 is not in partition_info.csv" in said


def test_missing_margin_of_a_collection_is_told(tmp_path):
    write_catalogue(tmp_path / "c" / "catalog", objects(), ra="coord_ra", dec="coord_dec")
    properties = tmp_path / "c" / "collection.properties"
    properties.write_text("hats_primary_table_url=catalog\nall_margins=margin_5arcs\n")
    assert "margin 'margin_5arcs' is missing" in problems(tmp_path / "c")
    (tmp_path / "c" / "margin_5arcs").mkdir()
    (tmp_path / "c/margin_5arcs/properties").write_text("hats_margin_threshold=5.0\n")
    assert check_catalogue(catalogue(tmp_path / "c"))[0].margin_arcsec == 5


@pytest.mark.parametrize("place", ["nowhere", "."])
def test_folder_that_is_no_catalogue_is_refused(tmp_path, place):
    assert "objects" not in problems(tmp_path / place).split("'")[0]


def test_bands_are_found_by_pattern():
    names = ["g_x", "r_x", "x", "g_xErr", "grz_x", "_x"]
    assert bands_of("{band}_x", names) == {"g": "g_x", "r": "r_x", "grz": "grz_x"}
