"""What clients of the VO find here and how: cone searches by STILTS, pyvo and astroquery."""

from __future__ import annotations

import astropy.units as u
import pytest
import pyvo
import requests
from astropy.coordinates import SkyCoord
from astropy.table import Table
from pyvo.dal.exceptions import DALQueryError

pytestmark = pytest.mark.clients

SURVEY = "redshift_catalog.p1_test_survey"


@pytest.fixture(scope="module")
def site(service):
    return service.url.removesuffix("/tap")


@pytest.fixture(scope="module")
def cone_url(site):
    return f"{site}/scs/{SURVEY}?"


@pytest.fixture(scope="module")
def expected(service):
    query = f"SELECT OBJID FROM {SURVEY} WHERE 1=CONTAINS(POINT(RA, DEC), CIRCLE(0, 0, 20))"
    found = pyvo.dal.TAPService(service.url).run_sync(query)
    assert len(found) > 50
    return sorted(str(each) for each in found["OBJID"])


def test_pyvo_searches_a_cone_and_knows_its_columns(cone_url, expected):
    service = pyvo.dal.SCSService(cone_url)
    found = service.search(pos=(0.0, 0.0), radius=20.0, verbosity=3)
    assert sorted(each.id for each in found) == expected
    assert "survey name" in found.fieldnames


def test_pyvo_is_told_what_is_wrong(cone_url):
    with pytest.raises(DALQueryError, match="SR=200"):
        pyvo.dal.SCSService(cone_url).search(pos=(0.0, 0.0), radius=200.0)


def test_stilts_searches_a_cone(cone_url, stilts, expected, tmp_path):
    out = tmp_path / "cone.csv"
    done = stilts(
        "cone", f"serviceurl={cone_url}", "servicetype=cone", "lon=0", "lat=0", "radius=20",
        "verb=3", f"out={out}", "ofmt=csv",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(str(each) for each in Table.read(out)["OBJID"]) == expected


def test_stilts_says_what_the_service_says(cone_url, stilts):
    done = stilts("cone", f"serviceurl={cone_url}", "lon=0", "lat=0", "radius=200")
    assert done.returncode != 0
    assert "SR=200" in done.stderr


def test_stilts_matches_a_list_of_places(cone_url, service, stilts, tmp_path):
    found = pyvo.dal.TAPService(service.url).run_sync(f"SELECT TOP 5 RA, DEC, OBJID FROM {SURVEY}")
    places, out = tmp_path / "places.csv", tmp_path / "matched.csv"
    Table({"a": found["RA"], "d": found["DEC"], "name": found["OBJID"]}).write(places)
    done = stilts(
        "coneskymatch", f"serviceurl={cone_url}", f"in={places}", "ifmt=csv", "ra=a", "dec=d",
        "sr=0.01", "find=best", "copycols=*", f"out={out}", "ofmt=csv", "parallel=2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    matched = Table.read(out)
    assert len(matched) == 5
    assert list(matched["OBJID"]) == list(matched["name"])


def test_stilts_finds_no_fault_in_the_document(cone_url, stilts, tmp_path):
    document = tmp_path / "cone.vot"
    document.write_bytes(requests.get(f"{cone_url}RA=0&DEC=0&SR=20&VERB=3", timeout=240).content)
    done = stilts("votlint", f"votable={document}")
    assert done.stdout + done.stderr == ""


def test_astroquery_searches_a_cone(cone_url, expected):
    from astroquery.vo_conesearch import conesearch

    centre = SkyCoord(0, 0, unit="deg")
    found = conesearch.conesearch(centre, 20 * u.deg, catalog_db=cone_url, verb=3, verbose=False)
    assert sorted(str(each) for each in found["OBJID"]) == expected


def test_pyvo_follows_the_links_of_a_result(service):
    query = "SELECT publisher_did FROM pz.products"
    found = pyvo.dal.TAPService(service.url).run_sync(query)
    (links,) = found.iter_datalinks()
    assert links.original_row["publisher_did"].endswith("p1_test_survey")
    kinds = {link.content_type for link in links if link.semantics == "#this"}
    assert {"application/fits", "text/csv"} <= kinds


def test_stilts_finds_no_fault_in_links_but_terms_newer_than_it(site, stilts, tmp_path):
    document = tmp_path / "links.vot"
    did = "ivo://x-unregistered/tap?redshift_catalog/p1_test_survey"
    answer = requests.get(f"{site}/datalink/links", params={"ID": did}, timeout=240)
    document.write_bytes(answer.content)
    done = stilts("datalinklint", f"votable={document}")
    reports = [line for line in done.stdout.splitlines() if line.startswith(("E-", "W-"))]
    assert [line for line in reports if not line.startswith("E-SMCO")] == []
