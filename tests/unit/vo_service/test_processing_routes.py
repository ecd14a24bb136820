"""Pipelines over HTTP and as processes of the API, with products in a folder."""

import io
import json
from contextlib import contextmanager

import pipeline_jobs
import pytest
from flask import Flask, request
from jobs import MemoryJobStore
from lxml import etree
from shelves import FolderShelf

from pipelines.catalogue import PipelineCatalogue
from registry.access import AccessPolicy
from registry.errors import LoginRequired, NotAllowed
from registry.model.principal import ANONYMOUS, Principal
from uws.model import Phase
from uws.results.folder import FolderResultStore
from uws.worker import Worker, WorkerSettings
from vo_service.api.processes import ProcessDraft, ProcessNotFound, ProcessRefused
from vo_service.http.errors import install_errors
from vo_service.processing.assembly import Processing, ProcessingSettings

URL = "http://host/pipelines"
UWS = "{http://www.ivoa.net/xml/UWS/v1.0}"
CATALOGUE = "name,alpha,delta,redshift\na,1.5,-2.0,0.1\nb,2.5,-3.0,0.9\n"
COLUMNS = {"ID": "name", "RA": "alpha", "Dec": "delta", "z": "redshift"}
ANN, BOB = Principal("ann"), Principal("bob")
ADMIN = Principal("root", operator=True)

SITES = {
    "hello_world": "id = 100\n",
    "troublesome": 'id = 7\npackage = "troublesome"\nconfined = false\n',
    "switched_off": 'id = 8\npackage = "nowhere"\nenabled = false\n',
}


@pytest.fixture
def processing(tmp_path):
    assert pipeline_jobs.ROOT
    sites = tmp_path / "sites"
    sites.mkdir()
    for name, text in SITES.items():
        (sites / f"{name}.toml").write_text(text)
    made = Processing(
        ProcessingSettings(tmp_path),
        MemoryJobStore(),
        FolderResultStore(tmp_path / "results"),
        FolderShelf(tmp_path / "shelf"),
        AccessPolicy,
        catalogue=PipelineCatalogue(sites),
    )
    made.shelf.put(3, CATALOGUE, columns=COLUMNS)
    made.shelf.put(4, CATALOGUE, owner="bob", columns=COLUMNS)
    yield made
    for job_id in made.archive.unsettled():
        for run in made.archive.attempts(job_id):
            made.executor.discard(run.path)


@pytest.fixture
def client(processing):
    app = Flask(__name__)

    def required():
        name = request.headers.get("X-User")
        if name is None:
            raise LoginRequired("this needs an account")
        return Principal(name)

    install_errors(app)
    for blueprint, end in processing.blueprints(required, URL):
        app.register_blueprint(blueprint, url_prefix=f"/pipelines{end}")
    return app.test_client()


@contextmanager
def working(processing):
    store, results = processing.processes._stores.store, processing.jobs._results
    settings = WorkerSettings(slots=2, watch_s=0.05)
    worker = Worker(store, results, processing.handlers(), settings=settings)
    worker.start()
    try:
        yield
    finally:
        worker.stop(grace_s=0)


def ann(**more):
    return {"headers": {"X-User": "ann"}, **more}


def finished(processing, process_id, principal=ANN):
    waiter = pipeline_jobs.PipelineJobs.wait
    record = processing.processes.process
    waiter(None, lambda: record(principal, process_id).phase not in ("QUEUED", "EXECUTING"))
    return record(principal, process_id)


def draft(**more):
    return ProcessDraft(
        **{"pipeline": 100, "display_name": "Mine", "inputs": (3,), "used_config": {}, **more}
    )


def test_list_of_pipelines_is_for_programs(client):
    listed = client.get("/pipelines").get_json()
    assert [each["name"] for each in listed] == ["hello_world", "troublesome"]
    assert listed[0]["jobs_url"] == f"{URL}/hello_world/async"


def test_description_has_every_parameter_with_its_default_and_a_schema(client):
    found = client.get("/pipelines/hello_world").get_json()
    parameters = {each["name"]: each for each in found["parameters"]}
    assert parameters["z_min"]["default"] == 0.0
    assert parameters["z_min"]["description"] == "Smallest redshift that is kept"
    assert {"NAME", "INPUTS", "OUTPUT_FORMAT"} <= parameters.keys()
    assert found["schema"]["properties"]["z_min"]["minimum"] == -1.0
    assert found["inputs"][0]["required"] == ["ra", "dec", "z"]
    assert client.get("/pipelines/troublesome").get_json()["parameters"][-1]["file"] is True


def test_unknown_and_switched_off_pipelines_are_not_there(client):
    answer = client.get("/pipelines/switched_off")
    assert answer.status_code == 404
    assert "the pipelines are: hello_world, troublesome" in answer.text
    assert client.get("/pipelines/none/async", **ann()).status_code == 404


@pytest.mark.parametrize("method", ["get", "post"])
def test_jobs_are_for_those_who_have_an_account(client, method):
    assert getattr(client, method)("/pipelines/hello_world/async").status_code == 401
    assert client.post("/pipelines/hello_world/check").status_code == 401


def test_job_runs_over_http_like_any_job_of_uws(client, processing):
    form = {"NAME": "Mine", "INPUTS": "3", "z_min": "0.5", "PHASE": "RUN", "OUTPUT_FORMAT": "csv"}
    with working(processing):
        made = client.post("/pipelines/hello_world/async", data=form, **ann())
        assert made.status_code == 303
        path = made.headers["Location"].removeprefix("http://host")
        job_id = path.rpartition("/")[2]
        finished(processing, job_id)
    job = etree.fromstring(client.get(path, **ann()).data)
    assert job.findtext(f"{UWS}phase") == "COMPLETED"
    assert [r.get("id") for r in job.iter(f"{UWS}result")] == ["product", "report", "log"]
    with client.get(f"{path}/results/product", **ann()) as product:
        assert json.loads(product.data)["rows"] == 1
    with client.get(f"{path}/results/log", **ann()) as log:
        assert (log.mimetype, b"rows kept" in log.data) == ("text/plain", True)
    assert client.get(path, headers={"X-User": "bob"}).status_code == 404


def test_inputs_that_the_caller_may_not_see_are_refused_at_submission(client, processing):
    form = {"NAME": "Mine", "INPUTS": "4,3", "PHASE": "RUN"}
    answer = client.post("/pipelines/troublesome/async", data=form, **ann())
    assert (answer.status_code, answer.text) == (400, "there is no product '4'\n")
    assert processing.processes.processes(ANN) == []
    made = client.post("/pipelines/troublesome/async", data={"NAME": "Mine"}, **ann())
    path = made.headers["Location"].removeprefix("http://host")
    changed = client.post(f"{path}/parameters", data={"specz": "4"}, **ann())
    assert changed.status_code == 400


def test_failed_job_has_its_reason_as_text(client, processing):
    with working(processing):
        form = {"NAME": "Mine", "do": "fail", "PHASE": "RUN"}
        made = client.post("/pipelines/troublesome/async", data=form, **ann())
        path = made.headers["Location"].removeprefix("http://host")
        finished(processing, path.rpartition("/")[2])
    answer = client.get(f"{path}/error", **ann())
    assert (answer.mimetype, answer.text) == ("text/plain", "the sky is falling\n")


def test_file_comes_with_the_job_as_a_part_of_its_form(client, processing):
    with working(processing):
        form = {"NAME": "Mine", "do": "rules", "PHASE": "RUN", "rules": (io.BytesIO(b"r"), "r.yml")}
        made = client.post("/pipelines/troublesome/async", data=form, **ann())
        record = finished(processing, made.headers["Location"].rpartition("/")[2])
    assert record.comment == "r"


def test_file_that_no_parameter_takes_is_refused(client):
    form = {"NAME": "Mine", "more": (io.BytesIO(b"r"), "r.yml")}
    answer = client.post("/pipelines/troublesome/async", data=form, **ann())
    assert answer.status_code == 400
    assert "files can be: rules" in answer.text


def test_dry_run_says_what_would_be_read(client):
    form = {"NAME": "Mine", "INPUTS": "3"}
    answer = client.post("/pipelines/hello_world/check", data=form, **ann())
    assert answer.get_json()["summary"]["rows"] == 2
    assert answer.get_json()["summary"]["columns"]["ra"] == "alpha"


def test_dry_run_names_every_problem(client):
    form = {"NAME": "Mine", "INPUTS": ["4", "5"]}
    answer = client.post("/pipelines/troublesome/check", data=form, **ann())
    assert answer.status_code == 400
    assert answer.text.count("there is no product") == 2
    answer = client.post("/pipelines/hello_world/check", data={"z_min": "x"}, **ann())
    assert answer.text.count("\n") == 3


def test_dry_run_leaves_nothing(client, processing, tmp_path):
    client.post("/pipelines/hello_world/check", data={"NAME": "M", "INPUTS": "3"}, **ann())
    assert list((tmp_path / "checks").iterdir()) == []
    assert processing.shelf.unfinished() == []


def test_pipelines_of_the_api_have_an_object_of_parameters(processing):
    hello, _ = processing.processes.pipelines()
    assert (hello.id, hello.name, hello.output_type) == (100, "hello_world", "redshift_catalog")
    assert hello.system_config["param"] == {"z_min": 0.0, "z_max": 10.0}
    assert hello.input_types == ("redshift_catalog",)


def test_process_is_made_with_its_product_and_ends_as_successful(processing):
    config = {"param": {"z_min": 0.5, "z_max": 10.0}, "output_format": "csv"}
    record = processing.processes.submit(ANN, draft(used_config=config))
    assert (record.phase, record.product, record.inputs) == (Phase.QUEUED, 7, (3,))
    assert processing.shelf.read(record.id)["status"] == "processing"
    with working(processing):
        done = finished(processing, record.id)
    assert (done.phase, done.comment) == (Phase.COMPLETED, None)
    assert done.used_config == config
    assert done.path == f"{record.id}/0001"
    assert processing.processes.configuration(ANN, record.id) == {"config": config["param"]}
    logs = processing.processes.logs(ANN, record.id)
    assert logs.pipeline[0].name == "pipeline.log"
    assert "1 of 2 rows kept" in logs.pipeline[0].content
    assert [log.name for log in logs.scheduler] == ["run.out", "run.err"]


@pytest.mark.parametrize(
    ("change", "field", "text"),
    [
        ({"used_config": {"param": {"z_mim": 1}}}, "used_config", "did you mean 'z_min'"),
        ({"used_config": {"parm": {}}}, "used_config", "parm: unknown key"),
        ({"used_config": {"param": [1]}}, "used_config", "give an object"),
        ({"used_config": {"output_format": "xls"}}, "used_config", "not one of"),
        ({"inputs": (4,)}, "inputs", "there is no product '4'"),
        ({"inputs": ()}, "used_config", "at least 1 needed"),
        ({"flags_translation": ("f", b"")}, "used_config", "takes no file"),
        (
            {"pipeline": 7, "used_config": {"param": {"rules": "/etc/passwd"}}},
            "used_config",
            "send the file itself",
        ),
    ],
)
def test_process_that_cannot_work_is_refused_and_leaves_nothing(processing, change, field, text):
    with pytest.raises(ProcessRefused) as refused:
        processing.processes.submit(ANN, draft(**change))
    assert text in " ".join(refused.value.problems[field])
    assert processing.processes.processes(ANN) == []
    assert processing.shelf.unfinished() == []


def test_product_that_may_not_be_made_leaves_no_process(processing):
    def refuse(*_arguments):
        raise NotAllowed("not official")

    processing.shelf.reserve = refuse
    with pytest.raises(NotAllowed):
        processing.processes.submit(ANN, draft(official=True))
    assert processing.processes.processes(ANN) == []


def test_file_of_rules_comes_with_a_process(processing):
    config = {"param": {"do": "rules", "place": "", "count": 1, "rules": "/opt/default.yaml"}}
    rules = ("r.yaml", b"a: {b: 1}")
    record = processing.processes.submit(
        ANN, draft(pipeline=7, used_config=config, flags_translation=rules)
    )
    with working(processing):
        assert finished(processing, record.id).comment == "a: {b: 1}"
    document = processing.processes.configuration(ANN, record.id)
    assert document["flag_translation"] == {"a": {"b": 1}}


def test_stopped_process_is_stopped_with_its_product(processing):
    config = {"param": {"do": "sleep"}}
    record = processing.processes.submit(ANN, draft(pipeline=7, used_config=config))
    assert processing.processes.stop(ANN, record.id).phase is Phase.ABORTED
    assert processing.shelf.read(record.id)["status"] == "failed"
    assert processing.processes.stop(ANN, record.id).phase is Phase.ABORTED


def test_processes_of_others_are_hidden_but_from_operators(processing):
    record = processing.processes.submit(ANN, draft())
    for method in ("process", "stop", "remove", "logs", "configuration"):
        with pytest.raises(ProcessNotFound):
            getattr(processing.processes, method)(BOB, record.id)
    assert processing.processes.processes(BOB) == []
    assert processing.processes.processes(ANONYMOUS) == []
    assert [each.id for each in processing.processes.processes(ADMIN)] == [record.id]
    assert processing.processes.stop(ADMIN, record.id).phase is Phase.ABORTED
    with pytest.raises(ProcessNotFound):
        processing.processes.process(ANN, "no/such")


def test_removed_process_is_gone_and_its_published_product_stays(processing):
    record = processing.processes.submit(ANN, draft())
    with working(processing):
        finished(processing, record.id)
    processing.processes.remove(ANN, record.id)
    assert processing.processes.processes(ANN) == []
    assert processing.shelf.read(record.id)["status"] == "published"
    assert processing.archive.latest(record.id) is None


def test_anonymous_visitors_submit_nothing(processing):
    with pytest.raises(LoginRequired):
        processing.processes.submit(ANONYMOUS, draft())
