"""Training sets of a served installation, by the published `pzserver` client and by TAP."""

from __future__ import annotations

import json

import numpy as np
import pytest
import requests
from command_line import pzvo
from hats_catalogues import write_catalogue
from live_pipelines import pipeline_service
from pzserver_client import Client, client_python

pytestmark = pytest.mark.clients

COUNT = 40
MAKER = "training_set_maker"
QUICK = """
import time
pause = time.sleep
time.sleep = lambda seconds: pause(min(seconds, 0.3))
"""


def positions():
    random = np.random.default_rng(6)
    return random.uniform(0, 360, COUNT), random.uniform(-60, 60, COUNT)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    client_python()
    ra, dec = positions()
    folder = tmp_path_factory.mktemp("disks") / "object"
    columns = {"objectId": np.arange(COUNT) + 500, "coord_ra": ra, "coord_dec": dec}
    columns |= {f"g_cModelFlux{end}": np.full(COUNT, 100.0) for end in ("", "Err")}
    write_catalogue(folder, columns, 1, ra="coord_ra", dec="coord_dec")
    found = pipeline_service(tmp_path_factory.mktemp("home"))
    done = pzvo(
        found.home, "release", "add", "sky", "--public", "--indexing-column", "objectId",
        "--catalog", f"object={folder}", "--flux", "cmodel={band}_cModelFlux,{band}_cModelFluxErr",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    yield found
    found.stop()


@pytest.fixture(scope="module")
def redshifts(service):
    ra, dec = positions()
    lines = [
        f"R{n},{place[0]!r},{place[1]!r},0.{n + 10}"
        for n, place in enumerate(zip(ra.tolist(), dec.tolist(), strict=True))
    ]
    roles = {"name": "ID", "ra": "RA", "dec": "Dec", "zz": "z"}
    return service.publish("redshifts", "name,ra,dec,zz\n" + "\n".join(lines) + "\n", roles)


def test_client_makes_a_training_set_of_a_release(service, redshifts, tmp_path):
    owner = Client(
        client_python(), f"{service.url}/api/", service.installation.tokens["owner"], tmp_path
    )
    facts, printed = owner.run(
        QUICK
        + f"""
def made(name, **config):
    maker = server.training_set_maker(name)
    maker.set_release(name="sky")
    maker.set_redshift(_id={redshifts})
    maker.set_config(config)
    server.run_and_wait(maker)
    return maker
good = made("Good", flux_type="cmodel", dereddening="none", random_seed=3)
facts["good"] = good.check_status()
table = server.get_product(good.output["id"])
facts["columns"] = list(table.columns)
facts["objects"] = sorted(int(v) for v in table["objectId"])
facts["magnitudes"] = sorted(set(round(float(v), 3) for v in table["mag_g"]))
bad = made("Bad", flux_type="psf", dereddening="none")
facts["bad"] = bad.check_status()
facts["process"] = bad.process["id"]
"""
    )
    assert (facts["good"], facts["bad"]) == ("Successful", "Failed"), printed
    assert facts["objects"] == [n + 500 for n in range(COUNT)]
    assert facts["magnitudes"] == [26.4]
    comment = service.api("GET", f"processes/{facts['process']}/").json()["comment"]
    assert "it has no 'psf'; it has cmodel" in comment


def test_training_set_is_a_table_with_units(service, redshifts):
    url = service.submit(
        str(redshifts), pipeline=MAKER, RELEASE="sky", dereddening="none", NAME="By UWS"
    )
    job = service.until(url)
    assert job.phase == "COMPLETED", job.error
    made = service.result(url, "product")
    table = json.loads(made)["table"]
    assert service.rows(table) == COUNT
    query = {
        "LANG": "ADQL", "RESPONSEFORMAT": "csv",
        "QUERY": "SELECT column_name, unit, ucd FROM TAP_SCHEMA.columns "
        f"WHERE table_name = '{table}' AND column_name = 'mag_g'",
    }  # fmt: skip
    said = requests.get(
        f"{service.url}/tap/sync", params=query, headers=service.headers("owner"), timeout=240
    ).text
    assert "mag_g,mag,phot.mag;em.opt" in said


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "name a data release, or an object catalogue"),
        ({"RELEASE": "nowhere"}, "nowhere"),
        ({"RELEASE": "sky", "catalog": "other"}, "it has object"),
    ],
)
def test_missing_catalogue_is_told(service, redshifts, given, words):
    form = {"NAME": "Out", "INPUTS": str(redshifts)} | given
    address = f"{service.url}/pipelines/{MAKER}/check"
    answer = requests.post(address, data=form, headers=service.headers("owner"), timeout=240)
    assert answer.status_code == 400
    assert words in answer.text
