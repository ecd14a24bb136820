"""Coverage maps: every format has the same cells, and they hold all positions."""

from __future__ import annotations

import io

import astropy.units as u
import pytest
from astropy.coordinates import Latitude, Longitude
from astropy.io.votable import parse
from flask import Flask
from mocpy import MOC

from registry.coverage import coarser, united
from registry.model.principal import ANONYMOUS
from vo_service.discovery.moc import moc_blueprint

TABLE = "redshift_catalog.p1_survey"


@pytest.fixture(scope="module")
def positions(installation):
    answer = installation.ask(f"SELECT ra, dec FROM {TABLE}")
    return parse(io.BytesIO(answer.data)).get_first_table().to_table()


@pytest.mark.parametrize("path", ["/moc", f"/moc/{TABLE}"])
def test_every_format_has_the_same_cells_with_all_positions(
    installation, positions, path, tmp_path
):
    answers = {f: installation.client.get(path, query_string={"format": f}) for f in
               ("fits", "json", "ascii")}  # fmt: skip
    kinds = [answer.headers["Content-Type"].partition(";")[0] for answer in answers.values()]
    assert kinds == ["application/fits", "application/json", "text/plain"]
    (tmp_path / "map.fits").write_bytes(answers["fits"].data)
    fits = MOC.load(tmp_path / "map.fits", "fits")
    assert fits == MOC.from_json(answers["json"].json)
    assert fits == MOC.from_string(answers["ascii"].text, "ascii")
    ra, dec = positions["ra"].value * u.deg, positions["dec"].value * u.deg
    assert fits.contains_lonlat(ra, dec).all()


def test_the_union_has_the_cells_of_all_tables(installation):
    names = [TABLE, "redshift_catalog.p2_scriptalert1script"]
    maps = [installation.client.get(f"/moc/{name}?format=ascii").text for name in names]
    whole = MOC.from_string(installation.client.get("/moc?format=ascii").text, "ascii")
    assert whole == MOC.from_string(united(maps), "ascii")
    assert whole.sky_fraction > MOC.from_string(maps[0], "ascii").sky_fraction


def test_the_union_of_many_maps_is_coarser_and_covers_no_less(installation, monkeypatch):
    monkeypatch.setattr("vo_service.discovery.moc._FINE_MAPS", 1)
    app = Flask(__name__)
    tables = installation.services.data.catalogue.tables
    app.register_blueprint(
        moc_blueprint(tables=tables, principal=lambda: ANONYMOUS), url_prefix="/moc"
    )
    coarse = MOC.from_string(app.test_client().get("/moc?format=ascii").text, "ascii")
    fine = MOC.from_string(installation.client.get("/moc?format=ascii").text, "ascii")
    assert coarse.max_order < fine.max_order
    assert fine.difference(coarse).empty()


def test_coarser_maps_cover_no_less():
    fine = MOC.from_cone(
        lon=Longitude(0, u.deg), lat=Latitude(89, u.deg), radius=3 * u.deg, max_depth=10
    )
    coarse = MOC.from_string(coarser(fine.to_string("ascii"), 5), "ascii")
    assert coarse.max_order <= 5
    assert fine.difference(coarse).empty()
    assert united([]) is None


@pytest.mark.parametrize("name", ["redshift_catalog.p9_none", "TAP_SCHEMA.tables", "x"])
def test_what_has_no_map_is_not_there(installation, name):
    answer = installation.client.get(f"/moc/{name}")
    assert answer.status_code == 404
    assert name in answer.text


def test_an_unknown_format_is_refused(installation):
    answer = installation.client.get("/moc?format=png")
    assert answer.status_code == 400
    assert "fits, json, ascii" in answer.text
