"""Image search over a small installation: what SIA 2.0 demands."""

from __future__ import annotations

import io
from threading import Event

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io.votable import from_table, parse
from astropy.table import Table
from schemas import validate

from vo_service.assemble.jobs import map_maker
from vo_service.dali.params import Parameters
from vo_service.dali.request import RequestLimits
from vo_service.discovery.image_query import ImageRequest

HOSTILE = "redshift_catalog.p2_scriptalert1script"
DID = "ivo://x-unregistered/tap?redshift_catalog/p1_survey/density"


@pytest.fixture(scope="module")
def search(installation):
    map_maker(installation.services).work(Event())

    def run(path="/sia2/query", method="get", **parameters):
        options = {"data" if method == "post" else "query_string": parameters or None}
        return getattr(installation.client, method)(path, **options)

    return run


def found(answer):
    assert answer.status_code == 200, answer.data
    assert answer.headers["Content-Type"] == "application/x-votable+xml"
    table = parse(io.BytesIO(answer.data)).get_first_table()
    return sorted(row["obs_publisher_did"].rpartition("?")[2] for row in table.to_table())


ALL = sorted(
    f"redshift_catalog/{name}/{kind}"
    for name in ("p1_survey", "p2_scriptalert1script")
    for kind in ("density", "redshift")
)
SURVEY = [each for each in ALL if "survey" in each]


@pytest.mark.parametrize("method", ["get", "post"])
def test_without_conditions_all_images_are_found_and_no_catalogues(search, method):
    assert found(search(method=method, MAXREC="20")) == ALL


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"POS": "CIRCLE 10 -10 0.1"}, ALL),
        ({"POS": "CIRCLE 200 50 1"}, SURVEY),
        ({"POS": "RANGE 190 200 40 50"}, SURVEY),
        ({"POS": "RANGE 0 +Inf -Inf +Inf"}, ALL),
        ({"POS": "RANGE -Inf 9.9 -10 -10"}, SURVEY),
        ({"POS": "POLYGON 9 -11 11 -11 11 -9 9 -9"}, ALL),
        ({"POS": ["CIRCLE 200 50 1", "CIRCLE 10 -10 0.1"]}, ALL),
        ({"pos": "circle 200 50 1"}, SURVEY),
        ({"FOV": "100 360"}, SURVEY),
        ({"FOV": ["0 1", "200 +Inf"]}, ALL),
        ({"BAND": "1e-7 1e-6"}, []),
        ({"TIME": "55000"}, []),
        ({"SPATRES": "-Inf 1e9"}, ALL),
        ({"POL": "I"}, []),
        ({"CALIB": ["4", "2"]}, ALL),
        ({"CALIB": "2"}, []),
        ({"ID": DID.upper()}, ["redshift_catalog/p1_survey/density"]),
        ({"ID": DID[:-1]}, []),
        ({"COLLECTION": "redshift_catalog"}, ALL),
        ({"COLLECTION": "Redshift_catalog"}, []),
        ({"COLLECTION": "x' OR 1=1 --"}, []),
        ({"FACILITY": "Rubin", "INSTRUMENT": "LSSTCam"}, []),
        ({"DPTYPE": "image"}, ALL),
        ({"DPTYPE": "cube"}, []),
        ({"FORMAT": "image/fits"}, ALL),
        ({"TARGET": "é"}, []),
        ({"UNKNOWN": "x"}, ALL),
        ({"POS": ""}, ALL),
    ],
)
def test_parameters_choose_images(search, parameters, expected):
    assert found(search(MAXREC="20", **parameters)) == expected


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"POS": "CIRCLE 10 -10"}, "POS"),
        ({"POS": "CIRCLE 10 -10 -1"}, "POS"),
        ({"POS": "CIRCLE 10 -10 NaN"}, "POS"),
        ({"POS": "CIRCLE 10 +Inf 1"}, "POS"),
        ({"POS": "CIRCLE 361 0 1"}, "POS"),
        ({"POS": "RANGE 10 5 0 1"}, "POS"),
        ({"POS": "RANGE 0 1 -91 0"}, "POS"),
        ({"POS": "RANGE +Inf +Inf 0 1"}, "POS"),
        ({"POS": "POLYGON 1 2 3 4"}, "POS"),
        ({"POS": "BOX 1 2 3 4"}, "POS"),
        ({"POS": "10 20 3"}, "POS"),
        ({"BAND": "2 1"}, "BAND"),
        ({"BAND": "1 2 3"}, "BAND"),
        ({"TIME": "2026-01-01"}, "TIME"),
        ({"FOV": "NaN"}, "FOV"),
        ({"EXPTIME": "+Inf"}, "EXPTIME"),
        ({"POL": "Z"}, "POL"),
        ({"CALIB": "5"}, "CALIB"),
        ({"MAXREC": "-1"}, "MAXREC"),
        ({"RESPONSEFORMAT": "doc"}, "RESPONSEFORMAT"),
        ({"COLLECTION": [str(n) for n in range(51)]}, "COLLECTION"),
        ({"POS": [f"RANGE {n} {n + 1} 1 2" for n in range(50)]}, "POS=all values together"),
    ],
)
def test_wrong_parameters_are_usage_faults(search, parameters, named):
    answer = search(**parameters)
    assert answer.status_code == 400
    (info,) = parse(io.BytesIO(answer.data)).resources[0].infos
    assert (info.name, info.value) == ("QUERY_STATUS", "ERROR")
    assert info.content.startswith(f"UsageFault: {named}")


def test_an_answer_that_was_cut_says_so_and_maxrec_zero_gives_the_columns(search):
    answer = search(MAXREC=1)
    assert len(found(answer)) == 1
    assert b'value="OVERFLOW"' in answer.data
    fields = parse(io.BytesIO(search(MAXREC=0).data)).get_first_table().fields
    names = {field.name: field.utype for field in fields}
    assert names["s_region"] == "obscore:Char.SpatialAxis.Coverage.Support.Area"
    assert len(names) >= 30


def test_the_image_is_where_the_row_says(search, installation):
    table = parse(io.BytesIO(search(ID=DID).data)).get_first_table().to_table()
    url = str(table["access_url"][0]).removeprefix("https://vo.example.org/photoz")
    with installation.client.get(url) as answer:
        assert answer.data.startswith(b"SIMPLE")
    assert b"datalink/links" in search(ID=DID).data


def test_the_capabilities_obey_their_schema(search):
    root = validate(search("/sia2/capabilities").data, "capabilities")
    declared = {c.get("standardID"): c.findtext("interface/accessURL") for c in root}
    assert declared["ivo://ivoa.net/std/SIA#query-2.0"].endswith("/photoz/sia2/query")
    assert search("/sia2/availability").status_code == 200
    assert search("/auth/sia2/query").status_code == 401


RANGES = [
    (10, 20, -5, 5), (0, 30, 60, 90), (350, 360, -90, -80), (0, 360, 10, 12), (100, 280, -1, 1),
    (0, 0, -30, 30), (179, 181, 89, 89.5), (40, 300, -60, 70),
]  # fmt: skip


@pytest.mark.parametrize("limits", RANGES)
def test_ranges_meet_the_circles_that_reach_into_them(installation, limits):
    rng = np.random.default_rng(int(sum(map(abs, limits))))
    circles = Table(
        {
            "n": np.arange(28),
            "s_ra": rng.uniform(0, 360, 28),
            "s_dec": np.degrees(np.arcsin(rng.uniform(-1, 1, 28))),
            "s_fov": rng.choice([1.0, 20.0, 60.0, 150.0, 250.0], 28),
        }
    )
    words = f"RANGE {' '.join(map(str, limits))}"
    wanted = ImageRequest.parse(Parameters({"POS": words}), RequestLimits(10, 10)).query
    condition = wanted.partition(" AND ")[2]
    file = io.BytesIO()
    from_table(circles).to_xml(file)
    answer = installation.client.post(
        "/tap/sync",
        data={
            "LANG": "ADQL", "RESPONSEFORMAT": "csv", "UPLOAD": "t,param:f", "MAXREC": "30",
            "QUERY": f"SELECT n FROM TAP_UPLOAD.t WHERE {condition}",
            "f": (io.BytesIO(file.getvalue()), "t.vot"),
        },
    )  # fmt: skip
    met = {int(line) for line in answer.text.split()[1:]}
    west, east, south, north = limits
    ra, dec = np.meshgrid(np.linspace(west, east, 400), np.linspace(south, north, 400))
    grid = SkyCoord(ra.ravel(), dec.ravel(), unit="deg")
    for row in circles:
        nearest = SkyCoord(row["s_ra"], row["s_dec"], unit="deg").separation(grid).deg.min()
        if abs(nearest - row["s_fov"] / 2) > 1:
            assert (int(row["n"]) in met) == (nearest < row["s_fov"] / 2), dict(row)
