"""Uploads with real clients: STILTS, pyvo, and files of several formats."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import pyvo
import requests
from astropy.table import Table

pytestmark = [
    pytest.mark.clients,
    # pyvo leaves its connections to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SURVEY = "redshift_catalog.p1_test_survey"
FIRST = 2**53 + 1
JOIN = (
    f"SELECT t.obj, t.tag, s.z FROM TAP_UPLOAD.mine AS t JOIN {SURVEY} AS s ON t.obj = s.OBJID"
    " ORDER BY t.obj"
)
NEAR = (
    "SELECT t.obj, s.OBJID AS hit FROM TAP_UPLOAD.mine AS t"
    f" JOIN {SURVEY} AS s ON DISTANCE(s.RA, s.DEC, t.ra, t.de) < 1/3600. ORDER BY t.obj"
)
ROWS = 200


@pytest.fixture(scope="module")
def mine(survey):
    """Every fifth object of the survey, half an arcsecond away, with values of many types."""
    chosen = survey.take(pa.array(np.arange(0, 5 * ROWS, 5)))
    number = np.arange(ROWS)
    return Table(
        {
            "obj": chosen["OBJID"].to_numpy(),
            "ra": chosen["RA"].to_numpy(),
            "de": np.clip(chosen["DEC"].to_numpy() + 0.5 / 3600, -90, 90),
            "tag": [f"tag {i}" for i in number],
            "n": (number % 99).astype(np.int16),
            "flag": number % 2 == 0,
            "mag": np.linspace(20, 25, ROWS, dtype=np.float32),
        }
    )


@pytest.fixture(scope="module")
def files(mine, tmp_path_factory):
    """The table as files of several formats."""
    folder = tmp_path_factory.mktemp("mine")
    made = {}
    for kind in ("tabledata", "binary", "binary2"):
        made[kind] = folder / f"{kind}.vot"
        mine.write(made[kind], format="votable", tabledata_format=kind)
    for kind, name in (("fits", "mine.fits"), ("ascii.csv", "mine.csv")):
        made[kind] = folder / name
        mine.write(made[kind], format=kind)
    made["parquet"] = folder / "mine.parquet"
    pq.write_table(
        pa.table({name: pa.array(mine[name].tolist()) for name in mine.colnames}), made["parquet"]
    )
    return made


def rows(done):
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


def expected(mine):
    return sorted(int(value) for value in mine["obj"])


# STILTS


@pytest.mark.parametrize("sync", ["sync=true", "sync=false"])
@pytest.mark.parametrize("serialization", ["TABLEDATA", "BINARY", "BINARY2"])
def test_stilts_tapquery_uploads(service, stilts, files, serialization, sync):
    done = stilts(
        "tapquery", f"tapurl={service.url}", sync, "nupload=1", "upname1=mine",
        f"upload1={files['fits']}", f"upvotformat={serialization}", f"adql={JOIN}", "ofmt=csv",
    )  # fmt: skip
    mine = Table.read(files["fits"])
    found = rows(done)
    assert [int(row["obj"]) for row in found] == expected(mine)
    assert {row["tag"] for row in found} == set(mine["tag"])


def test_stilts_uploads_two_tables(service, stilts, files, mine):
    done = stilts(
        "tapquery", f"tapurl={service.url}", "sync=true", "nupload=2", "upname1=a", "upname2=b",
        f"upload1={files['fits']}", f"upload2={files['fits']}", "ofmt=csv",
        "adql=SELECT a.obj, b.tag FROM TAP_UPLOAD.a AS a JOIN TAP_UPLOAD.b AS b ON a.obj = b.obj",
    )  # fmt: skip
    assert len(rows(done)) == len(mine)


@pytest.mark.parametrize("sync", ["true", "false"])
def test_stilts_tapskymatch_matches(service, stilts, files, mine, sync):
    done = stilts(
        "tapskymatch", f"tapurl={service.url}", f"taptable={SURVEY}", "taplon=RA", "taplat=DEC",
        f"in={files['fits']}", "inlon=ra", "inlat=de", "sr=0.00028", f"sync={sync}",
        "blocksize=80", "ofmt=csv",
    )  # fmt: skip
    assert sorted(int(row["obj"]) for row in rows(done)) == expected(mine)


def test_stilts_shows_what_is_wrong_with_an_upload(service, stilts, files):
    done = stilts(
        "tapquery", f"tapurl={service.url}", "sync=true", "nupload=1", "upname1=mine",
        f"upload1={files['fits']}", "adql=SELECT * FROM TAP_UPLOAD.mini",
    )  # fmt: skip
    assert done.returncode != 0
    assert "TAP_UPLOAD.mine" in done.stderr


def test_taplint_finds_nothing_wrong_with_uploads(service, stilts):
    done = stilts(
        "taplint", f"tapurl={service.url}", "interface=tap1.1", "stages=TMV TME TMS TMC CAP UPL",
        "report=EWF", "format=json",
    )  # fmt: skip
    report = json.loads(done.stdout)
    found = [
        (section["code"], entry["code"], entry["text"])
        for section in report["sections"]
        for entry in section.get("reports", [])
        if entry["level"] in ("ERROR", "WARNING", "FAILURE") and entry["code"] != "KEYX"
    ]
    assert "UPL" in [section["code"] for section in report["sections"]]
    assert found == []


# pyvo


@pytest.fixture(scope="module")
def tap(service):
    session = requests.Session()
    yield pyvo.dal.TAPService(service.url, session=session)
    session.close()


@pytest.mark.parametrize("way", ["run_sync", "run_async"])
def test_pyvo_uploads_a_table_of_astropy(tap, mine, way):
    found = getattr(tap, way)(JOIN, uploads={"mine": mine}).to_table()
    assert found["obj"].tolist() == expected(mine)


def test_pyvo_gets_back_what_it_sent(tap, mine):
    found = tap.run_sync("SELECT * FROM TAP_UPLOAD.mine", uploads={"mine": mine}).to_table()
    assert found.colnames == mine.colnames
    for name in mine.colnames:
        assert found[name].tolist() == mine[name].tolist(), name
        if name != "tag":
            assert found[name].dtype == mine[name].dtype


def test_pyvo_matches_by_position(tap, mine):
    found = tap.run_sync(NEAR, uploads={"mine": mine}).to_table()
    assert found["obj"].tolist() == found["hit"].tolist() == expected(mine)


def test_pyvo_uploads_to_a_job_that_it_drives(tap, mine):
    job = tap.submit_job(JOIN, uploads={"mine": mine})
    job.run().wait(phases=["COMPLETED", "ERROR"], timeout=240)
    assert job.fetch_result().to_table()["obj"].tolist() == expected(mine)
    job.delete()


def test_pyvo_shows_what_is_wrong_with_an_upload(tap, mine):
    with pytest.raises(pyvo.dal.DALQueryError, match="letters, digits and underscores"):
        tap.run_sync("SELECT * FROM TAP_UPLOAD.x", uploads={"1x": mine})


# Files


@pytest.mark.parametrize("kind", ["tabledata", "binary2", "fits", "ascii.csv", "parquet"])
@pytest.mark.parametrize("way", ["sync", "async"])
def test_files_of_other_formats_are_uploaded(service, files, mine, kind, way):
    form = {"LANG": "ADQL", "QUERY": JOIN, "UPLOAD": "mine,param:f", "RESPONSEFORMAT": "csv"}
    with files[kind].open("rb") as file:
        answer = requests.post(
            f"{service.url}/{way}",
            data=form if way == "sync" else form | {"PHASE": "RUN"},
            files={"f": file},
            timeout=240,
        )
    if way == "async":
        assert answer.status_code == 200, answer.text
        job = answer.url
        requests.get(f"{job}?WAIT=60&PHASE=QUEUED", timeout=90)
        requests.get(f"{job}?WAIT=60&PHASE=EXECUTING", timeout=90)
        answer = requests.get(f"{job}/results/result", timeout=240)
    assert answer.status_code == 200, answer.text
    found = list(csv.DictReader(io.StringIO(answer.text)))
    assert [int(row["obj"]) for row in found] == expected(mine)


def test_nothing_of_an_upload_stays(service, files):
    with files["fits"].open("rb") as file:
        requests.post(
            f"{service.url}/sync",
            data={"LANG": "ADQL", "QUERY": JOIN, "UPLOAD": "mine,param:f"},
            files={"f": file},
            timeout=240,
        )
    left = [p.name for p in (service.home / "uploads").rglob("*") if p.is_file()]
    assert set(left) <= {"lock"}
