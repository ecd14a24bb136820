"""`ivoa.ObsCore`: what each caller sees of it, and the circles around coverage maps."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import Latitude, Longitude, SkyCoord
from mocpy import MOC
from shelf import ADA, BOB, Shelf

from registry import tap_schema
from registry.annotation.vocabulary import check_ucd
from registry.coverage import enclosing_circle
from registry.model.principal import ANONYMOUS, Principal

TEAM = Principal("tess", groups=frozenset({"team"}))


@pytest.fixture
def shelf(tmp_path):
    made = Shelf(tmp_path / "home")
    yield made
    made.close()


def table_of(shelf, who):
    return shelf.catalogue.tables(who).by_name["ivoa", "obscore"]


def observed(shelf, who):
    table = table_of(shelf, who)
    rows = tap_schema.rows(shelf.catalogue.tables(who))[table.storage.relation]
    names = {c.physical: c.field.name for c in table.columns}
    return rows.rename_columns([names[n] for n in rows.column_names]).to_pylist()


def test_a_product_with_positions_has_a_row_that_leads_to_its_links(shelf):
    product = shelf.published()
    (row,) = observed(shelf, ANONYMOUS)
    assert (row["dataproduct_type"], row["obs_id"]) == ("measurements", product.internal_name)
    assert row["obs_publisher_did"].endswith(f"?{product.table_name.replace('.', '/')}")
    assert row["access_url"].endswith(product.table_name.replace(".", "%2F"))
    assert row["access_format"] == "application/x-votable+xml;content=datalink"
    assert row["data_rights"] == "public"
    assert row["o_ucd"].startswith("src.redshift")
    assert row["s_region"] == [row["s_ra"], row["s_dec"], row["s_fov"] / 2]
    assert row["s_xel1"] is None


def test_what_is_hidden_has_no_row_and_is_not_counted(shelf):
    ada = Principal("ada", groups=frozenset({"team"}))
    shelf.published(who=ada, product_type="training_set", release="secret")
    for who in (BOB, ANONYMOUS):
        assert observed(shelf, who) == []
        assert table_of(shelf, who).nrows == 0
    for who in (ada, TEAM):
        assert [row["data_rights"] for row in observed(shelf, who)] == ["proprietary"]


def test_products_without_positions_have_no_row(shelf):
    product = shelf.draft(product_type="other", data_url="https://example.org/x")
    shelf.service.publish(ADA, product.id)
    assert observed(shelf, BOB) == []


def test_the_columns_have_valid_ucds_and_the_names_of_the_standard(shelf):
    columns = table_of(shelf, BOB).columns
    assert [c.field.name for c in columns if check_ucd(c.field.ucd).problem] == []
    assert all(c.std and c.field.utype.startswith("obscore:") for c in columns)


@pytest.mark.parametrize(
    ("ra", "dec", "radius"),
    [(0, 0, 2), (359.9, -30, 5), (123, 90, 3), (10, -89, 4), (200, 20, 0.01), (45, 45, 80)],
)
def test_the_circle_around_a_map_holds_it_and_little_more(ra, dec, radius):
    moc = MOC.from_cone(
        lon=Longitude(ra, u.deg), lat=Latitude(dec, u.deg), radius=radius * u.deg, max_depth=10
    )
    found = enclosing_circle(moc.to_string("ascii"))
    centre = SkyCoord(found[0], found[1], unit="deg")
    assert centre.separation(SkyCoord(ra, dec, unit="deg")).deg < 0.1 + radius / 10
    assert radius <= found[2] < radius * 1.2 + 0.2
    rng = np.random.default_rng(7)
    reach = np.sqrt(rng.uniform(0, 1, 5000)) * min(radius * 1.3 + 0.2, 170)
    places = SkyCoord(ra, dec, unit="deg").directional_offset_by(
        rng.uniform(0, 360, 5000) * u.deg, reach * u.deg
    )
    held = moc.contains_lonlat(places.ra, places.dec)
    assert held.any()
    assert (centre.separation(places[held]).deg <= found[2]).all()


def test_the_circle_around_the_whole_sky_is_the_whole_sky():
    assert enclosing_circle("0/0-11") == (0.0, 0.0, 180.0)
    assert enclosing_circle("0/") is None
    halves = enclosing_circle("0/0-7")
    assert np.isclose(halves[1], 90, atol=1)
    assert halves[2] > 90
