"""The published `pzserver` client, unmodified, running pipelines of `pzvo serve`; and the same
jobs by `pyvo` and by `curl`.
"""

from __future__ import annotations

import json
import subprocess

import pytest
import pyvo
import requests
from live_pipelines import COMBINE, FIRST, SECOND, pipeline_service
from pyvo.dal.tap import AsyncTAPJob
from pzserver_client import Client, client_python

pytestmark = pytest.mark.clients

# Waiting half a minute between two questions is the client's choice, not what is tested.
QUICK = """
import time
pause = time.sleep
time.sleep = lambda seconds: pause(min(seconds, 0.3))
"""
UPLOAD = (
    QUICK
    + """
ROLES = {"name": "ID", "ra": "RA", "dec": "Dec", "zz": "z", "flag": "z_flag", "survey": "survey"}
def publish(name, path):
    upload = server.upload(name=name, product_type="redshift_catalog", main_file=path)
    upload.make_columns_association(ROLES)
    upload.save()
    return upload.product_id
first, second = publish("first", "first.csv"), publish("second", "second.csv")
process = server.combine_redshift_catalogs("Both")
process.append_catalog(_id=first)
process.append_catalog(_id=second)
"""
)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    client_python()
    found = pipeline_service(tmp_path_factory.mktemp("home"))
    yield found
    found.stop()


@pytest.fixture(params=["PZSERVER_PYTHON", "PZSERVER_034_PYTHON"], ids=["0.3.7", "0.3.4"])
def either_owner(request, service, tmp_path):
    return client(service, tmp_path, request.param)


@pytest.fixture
def owner(service, tmp_path):
    return client(service, tmp_path, "PZSERVER_PYTHON")


def client(service, tmp_path, variable):
    (tmp_path / "first.csv").write_text(FIRST)
    (tmp_path / "second.csv").write_text(SECOND)
    token = service.installation.tokens["owner"]
    return Client(client_python(variable), f"{service.url}/api/", token, tmp_path)


def test_catalogues_are_combined_and_the_client_waits(either_owner):
    facts, printed = either_owner.run(
        UPLOAD
        + """
process.set_config({"combine_type": "concatenate_and_mark_duplicates"})
server.run_and_wait(process)
facts["status"] = process.check_status()
facts["output"] = {key: str(value) for key, value in process.output.items()}
table = server.get_product(process.output["id"])
facts["ties"] = sorted(int(v) for v in table["tie_result"])
"""
    )
    assert facts["status"] == "Successful"
    assert "Done! Results registered as ID=" in printed
    assert facts["output"]["display_name"] == "Both"
    assert facts["ties"] == [0, 0, 0, 1, 1, 1, 1]


def test_own_flags_file_is_used(owner, service):
    facts, _ = owner.run(
        UPLOAD
        + """
with open("rules.yaml", "w") as rules:
    rules.write("translation_rules:\\n  2DFGRS:\\n    z_flag_translation: {3: 2, 5: 1}\\n"
                "    instrument_type_translation: {default: g}\\n")
process.set_config({"z_flag_homogenized_value_to_cut": 0.0,
                    "combine_type": "concatenate_and_mark_duplicates"})
process.set_flags_translation("rules.yaml")
server.run_and_wait(process)
facts["status"] = process.check_status()
table = server.get_product(process.output["id"])
facts["flags"] = sorted(float(v) for v in table["z_flag_homogenized"])
facts["ties"] = sorted(int(v) for v in table["tie_result"])
"""
    )
    assert facts["status"] == "Successful"
    assert facts["flags"] == [1.0] * 4 + [2.0] * 3
    assert facts["ties"] == [0, 0, 0, 1, 1, 1, 1]


def test_process_that_fails_says_why(owner, service):
    facts, _ = owner.run(
        UPLOAD
        + """
with open("rules.yaml", "w") as rules:
    rules.write("translation_rules:\\n  2DFGRS:\\n    z_flag_translation:\\n"
                "      conditions:\\n        - {expr: '__import__(1)', value: 1}\\n")
process.set_flags_translation("rules.yaml")
server.run_and_wait(process)
facts["status"] = process.check_status()
facts["process"] = process.process["id"]
"""
    )
    assert facts["status"] == "Failed"
    comment = service.api("GET", f"processes/{facts['process']}/").json()["comment"]
    assert "__import__" in comment
    assert "line" in comment


def test_process_is_stopped_by_the_client(owner, service):
    with service.held("staging"):
        facts, _ = owner.run(
            UPLOAD
            + """
process.run()
process.stop()
facts["status"] = process.check_status()
facts["product"] = process.output["id"]
"""
        )
    assert facts["status"] == "Stopped"
    service.wait(
        lambda: (
            service.api("GET", f"products/{facts['product']}/", "root").json()["product_status"]
            == "Failed"
        )
    )


@pytest.fixture(scope="module")
def inputs(service):
    return service.publish("first", FIRST), service.publish("second", SECOND)


def test_same_job_runs_by_pyvo(service, inputs):
    session = pyvo.auth.authsession.AuthSession()
    session.credentials.set("anonymous", bearer(service))
    address = f"{service.url}/pipelines/{COMBINE}"
    form = {"NAME": "By pyvo", "INPUTS": ",".join(map(str, inputs)), "OUTPUT_FORMAT": "csv"}
    made = session.post(f"{address}/async", data=form)
    job = AsyncTAPJob(made.url, session=session)
    job.run().wait(timeout=240)
    job.raise_if_error()
    assert job.phase == "COMPLETED"
    assert [result.id_ for result in job.results] == ["product", "report", "log"]
    made = session.get(job.results[0].href).json()
    assert service.rows(made["table"]) == made["rows"] == 7


def bearer(service):
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {service.installation.tokens['owner']}"
    return session


def test_same_job_runs_by_curl(service, inputs):
    header = f"Authorization: Bearer {service.installation.tokens['owner']}"

    def curl(*arguments):
        done = subprocess.run(
            ["curl", "-sS", "--fail-with-body", "-H", header, *arguments],
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    first, second = map(str, inputs)
    job = curl(
        service.jobs_url(), "-o", "/dev/null", "-w", "%{redirect_url}", "-d", "NAME=By curl",
        "-d", f"INPUTS={first}", "-d", f"INPUTS={second}", "-d", "PHASE=RUN",
    )  # fmt: skip
    while (phase := curl(f"{job}/phase")) not in ("COMPLETED", "ERROR", "ABORTED"):
        curl(f"{job}?WAIT=10")
    assert phase == "COMPLETED", curl(f"{job}/error")
    made = json.loads(curl(f"{job}/results/product"))
    counted = curl(
        f"{service.url}/tap/sync", "-d", "LANG=ADQL", "-d", "RESPONSEFORMAT=csv",
        "-d", f"QUERY=SELECT COUNT(*) AS n FROM {made['table']}",
    )  # fmt: skip
    assert counted.split() == ["n", "7"]


def test_every_fault_of_every_input_is_in_one_report(service):
    head, good = "name,ra,dec,zz,flag,survey\n", "a,10.0,-30.0,0.1,3,2dfgrs\n"
    wrong = {
        "no survey of the table": head + good + "b,11.0,-30.0,0.1,3,NOSUCH\n",
        "flags out of range": "name,ra,dec,zz,z_flag_homogenized,survey\na,10.0,-30.0,0.1,9,X\n",
        "flags of another survey": head + "a,10.0,-30.0,0.1,77,2dfgrs\n",
        "no survey": "name,ra,dec,zz,flag\na,10.0,-30.0,0.1,3\n",
    }
    inputs = [service.publish(name, text) for name, text in wrong.items()]
    job = service.until(service.submit(*inputs))
    assert job.phase == "ERROR"
    for number, words in zip(
        inputs, ("NOSUCH", "Invalid values", "All values", "All values"), strict=True
    ):
        said = [line for line in job.error.splitlines() if f"{number}_" in line]
        assert said, (number, job.error)
        assert words in " ".join(said), job.error
