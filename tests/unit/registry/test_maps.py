"""Maps of catalogues: every row is counted once, where it is."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pyarrow as pa
import pytest
from astropy.coordinates import Latitude, Longitude
from astropy.io import fits
from astropy.wcs import WCS
from cdshealpix.nested import lonlat_to_healpix

from registry.errors import StorageFull
from registry.ingestion.positions import PositionScan
from registry.maps.drawing import CellMap, draw, plan_map
from registry.maps.files import cells_file, image_file, picture
from registry.maps.folder import MapFacts, MapFolder


def around(ra, dec, radius, rows, seed=1):
    rng = np.random.default_rng(seed)
    distance, angle = radius * np.sqrt(rng.uniform(0, 1, rows)), rng.uniform(0, 360, rows)
    from astropy.coordinates import SkyCoord

    places = SkyCoord(ra, dec, unit="deg").directional_offset_by(
        Longitude(angle, "deg"), distance * (Latitude(1, "deg"))
    )
    return places.ra.deg % 360, places.dec.deg


def mapped(ra, dec, z=None):
    scan = PositionScan("ra", "dec")
    scan.see(pa.array(ra), pa.array(dec))
    plan = plan_map(scan.coverage(), len(ra))
    index = lonlat_to_healpix(Longitude(ra, "deg"), Latitude(dec, "deg"), plan.order)
    cells, place, counts = np.unique(index, return_inverse=True, return_counts=True)
    means = None if z is None else np.bincount(place, z) / counts
    return plan, CellMap(cells.astype(np.int64), counts, means)


FIELDS = [(0.1, 0, 2), (150, 2.2, 0.5), (10, 90, 3), (200, -89.9, 1), (359.9, 45, 40), (7, 7, 0)]


@pytest.mark.parametrize(("ra", "dec", "radius"), FIELDS)
def test_the_density_sums_to_the_rows_and_lies_where_they_are(ra, dec, radius):
    plan, found = mapped(*around(ra, dec, radius, 3000))
    numbers, means = draw(plan, found)
    assert means is None
    assert numbers.sum() == pytest.approx(3000, rel=1e-9)
    file = fits.open(io.BytesIO(image_file(plan, numbers, {"BUNIT": "count"})))
    x, y = WCS(file[0].header).world_to_pixel_values(*around(ra, dec, radius, 3000))
    held = file[0].data[np.rint(y).astype(int), np.rint(x).astype(int)] > 0
    assert held.mean() > 0.97


def test_the_whole_sky_sums_to_the_rows():
    rng = np.random.default_rng(3)
    ra, dec = rng.uniform(0, 360, 20_000), np.degrees(np.arcsin(rng.uniform(-1, 1, 20_000)))
    plan, found = mapped(ra, dec)
    assert plan.is_sky
    assert draw(plan, found)[0].sum() == pytest.approx(20_000, rel=1e-9)


def test_the_mean_redshift_is_that_of_the_rows_of_a_place():
    ra, dec = around(30, -10, 2, 20_000)
    plan, found = mapped(ra, dec, np.where(ra > 30, 2.0, 0.5))
    means = draw(plan, found)[1]
    x, y = WCS(fits.getheader(io.BytesIO(image_file(plan, means, {})))).world_to_pixel_values(
        [29, 31], [-10, -10]
    )
    left, right = means[np.rint(y).astype(int), np.rint(x).astype(int)]
    assert (left, right) == (pytest.approx(0.5), pytest.approx(2.0))
    assert np.isnan(means[0, 0])


def test_places_without_redshifts_have_no_mean():
    plan, found = mapped(*around(30, -10, 2, 500), np.full(500, np.nan))
    assert np.isnan(draw(plan, found)[1]).all()


def test_the_cells_are_a_partial_map_of_healpix():
    plan, found = mapped(*around(30, -10, 2, 500), np.ones(500))
    table = fits.open(io.BytesIO(cells_file(plan, found, "density", {})))[1]
    header = table.header
    assert (header["PIXTYPE"], header["ORDERING"], header["INDXSCHM"]) == (
        "HEALPIX", "NESTED", "EXPLICIT",
    )  # fmt: skip
    assert header["NSIDE"] == 2**plan.order
    assert table.data["DENSITY"].sum() == 500
    assert table.columns.names[0] == "PIXEL"


def test_a_picture_is_a_png_with_north_up_and_nothing_where_nothing_is():
    image = np.array([[np.nan, 1.0], [2.0, 3.0]])
    content = picture(image, stretched=False)
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    start = content.index(b"IDAT") + 4
    length = int.from_bytes(content[start - 8 : start - 4], "big")
    raw = zlib.decompress(content[start : start + length])
    # The last line of FITS is the first of the picture; colour 0 is transparent.
    assert raw[3:5] == b"\0\0"
    assert raw[0] == 0
    assert raw[4] == 0
    assert 0 not in raw[1:3]


def test_a_sparse_catalogue_has_larger_cells():
    dense, _ = mapped(*around(30, -10, 2, 20_000))
    sparse, _ = mapped(*around(30, -10, 2, 50))
    assert sparse.order < dense.order


FACTS = MapFacts(("density",), 2, 1, 0.1, {"density.fits": 3})


def test_maps_are_kept_all_at_once_and_found_by_name_alone(tmp_path):
    folder = MapFolder(tmp_path)
    assert folder.facts("t1") is None
    folder.keep("t1", FACTS, {"density.fits": b"abc"})
    assert folder.names() == {"t1"}
    assert MapFolder(tmp_path).facts("t1") == FACTS
    assert folder.path("t1", "density.fits").read_bytes() == b"abc"
    for name in ("map.json", "redshift.fits", "../t1/density.fits", ""):
        assert folder.path("t1", name) is None
    folder.remove("t1")
    assert folder.facts("t1") is None
    assert folder.names() == set()


def test_a_map_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    folder = MapFolder(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(StorageFull):
        folder.keep("t1", FACTS, {"density.fits": b"abc"})
    assert folder.names() == set()
    assert list((tmp_path / "maps").iterdir()) == []


def test_one_process_at_a_time_makes_maps(tmp_path):
    with MapFolder(tmp_path).alone() as first, MapFolder(tmp_path).alone() as second:
        assert (first, second) == (True, False)
