"""``pzvo pipeline``, here and at a server."""

import json
import threading
from contextlib import contextmanager

import pytest
from click.testing import CliRunner
from flask import Flask, request
from jobs import MemoryJobStore
from shelves import FolderShelf
from werkzeug.serving import make_server

from pipelines.catalogue import packaged_pipelines
from registry.access import AccessPolicy
from registry.errors import LoginRequired
from registry.model.principal import Principal
from uws.results.folder import FolderResultStore
from uws.worker import Worker, WorkerSettings
from vo_service.cli import main
from vo_service.http.errors import install_errors
from vo_service.processing.assembly import Processing, ProcessingSettings
from vo_service.processing.local import free_folder

CATALOGUE = "name,alpha,delta,redshift\na,1.5,-2.0,0.1\nb,2.5,-3.0,0.9\n"
CONFIGURATION = """
inputs:
  specz:
    - path: galaxies.csv
      internal_name: 3_galaxies
      columns: {id: name, ra: alpha, dec: delta, z: redshift}
param:
  z_min: 0.5
output_format: csv
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "galaxies.csv").write_text(CATALOGUE)
    (tmp_path / "far.yaml").write_text(CONFIGURATION)
    return tmp_path


def pzvo(*arguments):
    return CliRunner().invoke(main, ["pipeline", *map(str, arguments)])


def test_pipelines_are_listed_and_shown():
    assert "hello_world" in pzvo("list").output
    shown = pzvo("show", "hello_world").output
    assert "Smallest redshift that is kept" in shown
    assert "inputs.specz: 1 to 1 of redshift_catalog" in shown
    refused = pzvo("show", "hallo")
    assert refused.exit_code == 1
    assert "there is no pipeline 'hallo'" in refused.output


def test_configuration_runs_without_a_server(folder):
    done = pzvo("run", "hello_world", folder / "far.yaml", "--run-dir", folder / "out")
    assert done.exit_code == 0, done.output
    assert '"rows_kept": 1' in done.output
    output = folder / "out" / "outputs" / "hello.csv"
    assert output.read_text().splitlines() == ['"id","ra","dec","z"', '"b",2.5,-3,0.9']
    assert str(output) in done.output
    assert not (folder / "out" / "inputs").exists()
    assert (folder / "galaxies.csv").read_text() == CATALOGUE


def test_outputs_go_where_the_configuration_wants_them(folder):
    text = CONFIGURATION + "output_root_dir: storage\noutput_dir: mine\noutput_name: far\n"
    (folder / "far.yaml").write_text(text)
    done = pzvo("run", "hello_world", folder / "far.yaml", "--run-dir", folder / "out")
    assert str(folder / "out" / "storage" / "mine" / "far.csv") in done.output
    assert (folder / "out" / "storage" / "mine" / "process.yml").exists()


def test_check_reads_the_inputs_alone(folder):
    done = pzvo("run", "hello_world", folder / "far.yaml", "--run-dir", folder / "out", "--check")
    assert json.loads(done.output)["rows"] == 2
    assert list((folder / "out" / "outputs").iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "problems"),
    [
        ("z_min: 0.5", "z_mni: 0.5\n  z_max: x", ["did you mean 'z_min'", "param.z_max"]),
        ("galaxies.csv", "none.csv", ["there is no"]),
        ("ra: alpha, dec: delta", "ra: alfa, dec: name", ["no column 'alfa'", "not made of"]),
    ],
)
def test_every_problem_is_told_before_anything_runs(folder, old, new, problems):
    (folder / "far.yaml").write_text(CONFIGURATION.replace(old, new))
    done = pzvo("run", "hello_world", folder / "far.yaml", "--run-dir", folder / "out")
    assert done.exit_code == 1
    assert "this cannot be run:" in done.output
    assert all(problem in done.output for problem in problems)


def test_folder_of_another_run_is_not_overwritten(folder):
    (folder / "out").mkdir()
    (folder / "out" / "precious").touch()
    done = pzvo("run", "hello_world", folder / "far.yaml", "--run-dir", folder / "out")
    assert "is not empty" in done.output


def test_run_folders_are_numbered(tmp_path):
    assert free_folder(tmp_path).name == "process001"
    (tmp_path / "process001").mkdir()
    assert free_folder(tmp_path).name == "process002"


@contextmanager
def server(folder):
    app = Flask(__name__)
    store, results = MemoryJobStore(), FolderResultStore(folder / "results")
    shelf = FolderShelf(folder / "shelf")
    columns = {"ID": "name", "RA": "alpha", "Dec": "delta", "z": "redshift"}
    shelf.put(3, CATALOGUE, columns=columns)
    processing = Processing(
        ProcessingSettings(folder), store, results, shelf, AccessPolicy,
        catalogue=packaged_pipelines(),
    )  # fmt: skip

    def required():
        if request.headers.get("Authorization") != "Bearer sesame":
            raise LoginRequired("this needs an account")
        return Principal("ann")

    install_errors(app)
    serving = make_server("127.0.0.1", 0, app, threaded=True)
    url = f"http://127.0.0.1:{serving.server_port}"
    for blueprint, end in processing.blueprints(required, f"{url}/pipelines"):
        app.register_blueprint(blueprint, url_prefix=f"/pipelines{end}")
    worker = Worker(store, results, processing.handlers(), settings=WorkerSettings(watch_s=0.05))
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    worker.start()
    try:
        yield url, shelf
    finally:
        worker.stop(grace_s=0)
        serving.shutdown()
        thread.join()
        serving.server_close()


def submit(folder, url, *more, token="sesame"):
    (folder / "token").write_text(f"{token}\n")
    return pzvo(
        "submit", "hello_world", folder / "far.yaml", "--server", url,
        "--token-file", folder / "token", "--wait", *more,
    )  # fmt: skip


def test_configuration_runs_at_a_server(folder):
    (folder / "far.yaml").write_text(CONFIGURATION.replace("3_galaxies", "3"))
    with server(folder) as (url, shelf):
        done = submit(folder, url, "--name", "Far ones")
        assert done.exit_code == 0, done.output
        job_id = done.output.splitlines()[0].rpartition("/")[2]
        product = shelf.read(job_id)
    assert done.output.splitlines()[-1] == "7_Far ones\t\t1"
    assert product["parameters"] == {"z_min": 0.5, "z_max": 10.0}
    assert product["files"] == ["hello.csv", "process.yml"]


def test_reason_of_a_failure_at_a_server_is_told(folder):
    with server(folder) as (url, _):
        done = submit(folder, url)
        assert done.exit_code == 1
        assert "the server says 400: there is no product '3_galaxies'" in done.output
        text = CONFIGURATION.replace("3_galaxies", "3").replace("z_min: 0.5", "z_min: red")
        (folder / "far.yaml").write_text(text)
        failed = submit(folder, url)
        assert "the job is ERROR: param.z_min: input should be a valid number" in failed.output
        refused = submit(folder, url, token="guess")
    assert "the server says 401" in refused.output
    unreachable = submit(folder, url)
    assert "cannot be reached" in unreachable.output
