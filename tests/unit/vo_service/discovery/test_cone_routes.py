"""Cone search over a small installation: what SCS 1.03 demands, and what its clients read."""

from __future__ import annotations

import io

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io.votable import parse
from astropy.table import vstack
from schemas import validate

TABLE = "redshift_catalog.p1_survey"
URL = f"/scs/{TABLE}"


@pytest.fixture(scope="module")
def search(installation):
    def run(path=URL, method="get", **parameters):
        options = {"data" if method == "post" else "query_string": parameters or None}
        return getattr(installation.client, method)(path, **options)

    return run


@pytest.fixture(scope="module")
def positions(installation):
    # One answer has no more than 30 rows.
    halves = [
        f"SELECT TOP 20 id, ra, dec FROM {TABLE} ORDER BY id {order}" for order in ("", "DESC")
    ]
    return vstack([read(installation.ask(half)).to_table() for half in halves])


def read(answer):
    assert answer.status_code == 200, answer.data
    return parse(io.BytesIO(answer.data)).get_first_table()


def error_of(answer):
    """Give the message where clients of SCS 1.03 and of DALI look for it, once each."""
    document = parse(io.BytesIO(answer.data))
    assert document.infos[0].name == "Error"
    status = document.resources[0].infos[0]
    assert (status.name, status.value) == ("QUERY_STATUS", "ERROR")
    assert status.content == document.infos[0].value
    return status.content


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_cone_has_the_rows_within_it_and_no_others(search, positions, method):
    places = SkyCoord(positions["ra"], positions["dec"], unit="deg")
    near = places.separation(SkyCoord(350, 10, unit="deg")).deg <= 60
    assert 0 < near.sum() < len(places)
    found = read(search(method=method, RA="350", DEC="10", SR="60", MAXREC="30")).to_table()
    assert sorted(found["id"]) == sorted(str(each) for each in positions["id"][near])


def test_three_columns_have_the_ucds_and_types_that_clients_look_for(search):
    fields = {f.ucd: f for f in read(search(RA=0, DEC=0, SR=180)).fields}
    assert fields["ID_MAIN"].datatype == "char"
    assert fields["POS_EQ_RA_MAIN"].datatype == fields["POS_EQ_DEC_MAIN"].datatype == "double"
    assert {ucd: fields[ucd].name for ucd in ("POS_EQ_RA_MAIN", "POS_EQ_DEC_MAIN", "ID_MAIN")} == {
        "POS_EQ_RA_MAIN": "ra",
        "POS_EQ_DEC_MAIN": "dec",
        "ID_MAIN": "id",
    }


def test_a_table_without_identifiers_gets_some(search, installation):
    table = read(search("/scs/redshift_catalog.p2_scriptalert1script", RA=10, DEC=-10, SR=0.1))
    field = next(f for f in table.fields if f.ucd == "ID_MAIN")
    assert field.datatype == "char"
    assert int(table.array[field.name][0]) > 0


def test_names_are_parameters_in_any_case_and_others_are_ignored(search):
    assert len(read(search(ra=1, Dec=2, sr=180, dummy="x", MAXREC=100)).array) == 30


def test_a_radius_of_zero_gives_the_columns_alone(search):
    answer = search(RA=1, DEC=2, SR=0)
    assert len(read(answer).array) == 0
    assert b"OVERFLOW" not in answer.data


def test_an_answer_that_was_cut_says_so(search):
    answer = search(RA=1, DEC=2, SR=180, MAXREC=3)
    assert len(read(answer).array) == 3
    assert b'value="OVERFLOW"' in answer.data


@pytest.mark.parametrize(("verb", "columns"), [(1, 3), (3, 8)])
def test_verbosity_chooses_columns(search, verb, columns):
    assert len(read(search(RA=1, DEC=2, SR=1, VERB=verb)).fields) == columns


def test_the_media_type_is_that_of_the_standard_or_the_one_asked_for(search):
    assert search(RA=1, DEC=2, SR=1).headers["Content-Type"] == "text/xml;content=x-votable"
    answer = search(RA=1, DEC=2, SR=1, RESPONSEFORMAT="csv")
    assert answer.headers["Content-Type"].startswith("text/csv")


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"DEC": 1, "SR": 1}, "RA"),
        ({"RA": 1, "SR": 1}, "DEC"),
        ({"RA": 1, "DEC": 1}, "SR"),
        ({"RA": "12:30:00", "DEC": 1, "SR": 1}, "RA"),
        ({"RA": "nan", "DEC": 1, "SR": 1}, "RA"),
        ({"RA": "361", "DEC": 1, "SR": 1}, "RA"),
        ({"RA": 1, "DEC": "-90.1", "SR": 1}, "DEC"),
        ({"RA": 1, "DEC": 1, "SR": "-1"}, "SR"),
        ({"RA": 1, "DEC": 1, "SR": "inf"}, "SR"),
        ({"RA": 1, "DEC": 1, "SR": "1e999"}, "SR"),
        ({"RA": 1, "DEC": 1, "SR": "0x1"}, "SR"),
        ({"RA": 1, "DEC": 1, "SR": "1); DROP"}, "SR"),
        ({"RA": 1, "DEC": 1, "SR": 181}, "SR"),
        ({"RA": 1, "DEC": 1, "SR": 1, "VERB": 4}, "VERB"),
        ({"RA": 1, "DEC": 1, "SR": 1, "MAXREC": "-1"}, "MAXREC"),
        ({"RA": 1, "DEC": 1, "SR": 1, "RESPONSEFORMAT": "doc"}, "RESPONSEFORMAT"),
    ],
)
def test_wrong_parameters_are_answered_as_the_standard_says(search, parameters, named):
    answer = search(**parameters)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/xml;content=x-votable"
    assert error_of(answer).startswith(named)


@pytest.mark.parametrize("name", ["redshift_catalog.p9_none", "TAP_SCHEMA.tables", "x", "a.b.c"])
@pytest.mark.parametrize("rest", ["?RA=1&DEC=1&SR=1", "/capabilities"])
def test_what_has_no_positions_or_does_not_exist_is_not_there(search, name, rest):
    answer = search(f"/scs/{name}{rest}")
    assert answer.status_code == 404
    assert name in error_of(answer)


@pytest.mark.parametrize("mount", ["", "/auth"])
def test_the_capability_obeys_its_schema_and_its_test_query_finds_something(
    search, installation, mount
):
    headers = {}
    if mount:
        people = installation.services.people
        people.accounts.add_user("cone", password="cone-password-1")
        token = people.credentials.create_token("cone", "t")[1]
        headers = {"Authorization": f"Bearer {token}"}
        assert search(f"/auth{URL}/capabilities").status_code == 401
    answer = installation.client.get(f"{mount}{URL}/capabilities", headers=headers)
    root = validate(answer.data, "capabilities")
    cone = root[1]
    assert cone.get("standardID") == "ivo://ivoa.net/std/ConeSearch"
    assert cone.find("interface/accessURL").text.endswith(f"{mount}{URL}?")
    asked = {each.tag.upper(): each.text for each in cone.find("testQuery")}
    assert len(read(search(**asked)).array) > 0
    assert float(asked["SR"]) < 1


def test_cones_at_the_poles_and_across_the_origin_agree_with_trigonometry(search, positions):
    places = SkyCoord(positions["ra"], positions["dec"], unit="deg")
    for ra, dec, radius in [(0, 90, 40), (123, -90, 70), (0, 0, 45), (360, 5, 30), (10, 80, 120)]:
        near = places.separation(SkyCoord(ra, dec, unit="deg")).deg <= radius
        found = read(search(RA=ra, DEC=dec, SR=radius, MAXREC=30))
        assert len(found.array) == min(30, np.count_nonzero(near))
