"""Processes through the API, over pipelines that do nothing."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from process_services import RecordedProcesses
from product_application import product_application
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

from uws.model import Phase


@pytest.fixture(scope="module")
def processes():
    return RecordedProcesses()


@pytest.fixture(scope="module")
def owner(tmp_path_factory, processes):
    return product_application(tmp_path_factory.mktemp("home"), processes).client("owner")


def test_pipeline_is_found_by_name_with_what_the_client_reads(owner):
    found = owner.get("/api/pipelines/?name=combine_redshift_dedup").json
    assert found["count"] == 1
    pipeline = found["results"][0]
    assert pipeline["system_config"]["param"] == {"combine_type": "concatenate"}
    assert (pipeline["product_types_accepted"], pipeline["output_product_type"]) == ([1], 1)
    assert owner.get("/api/pipelines/?name=nothing").json == {"count": 0, "results": []}


def test_process_is_made_as_the_client_sends_it(owner, processes):
    config = {"param": {"combine_type": "x"}, "output_format": "csv"}
    body = {"display_name": "p", "used_config": json.dumps(config), "pipeline": 1,
            "inputs": [1, 2], "release": 1}  # fmt: skip
    made = owner.post("/api/processes/", json=body)
    assert made.status_code == 201, made.text
    assert (made.json["status"], made.json["release_name"]) == ("Pending", "DP1")
    assert made.json["used_config"] == config
    assert processes.drafts[-1].inputs == (1, 2)
    assert processes.drafts[-1].release == "dp1"


def test_flags_come_as_a_file_of_the_form(owner, processes):
    flags = (io.BytesIO(b"a: 1"), "flags.yaml")
    form = {"display_name": "p", "used_config": "{}", "pipeline": "1", "inputs": ["1", "2"],
            "output_format": "fits", "flags_translation_file": flags}  # fmt: skip
    assert owner.post("/api/processes/", data=form).status_code == 201
    assert processes.drafts[-1].flags_translation == ("flags.yaml", b"a: 1")
    assert processes.drafts[-1].used_config == {"output_format": "fits"}
    file = FileStorage(io.BytesIO(b"x" * 2**21), "flags.yaml")
    large = MultiDict([("display_name", "p"), ("pipeline", "1"), ("inputs", "1")])
    large.add("flags_translation_file", file)
    boundary, body = encode_multipart(large)
    kind = f"multipart/form-data; boundary={boundary}"
    refused = owner.post("/api/processes/", data=body, content_type=kind)
    assert "flags_translation_file" in refused.json


@pytest.mark.parametrize(
    ("phase", "word"),
    [
        (Phase.PENDING, "Pending"),
        (Phase.QUEUED, "Pending"),
        (Phase.HELD, "Pending"),
        (Phase.EXECUTING, "Running"),
        (Phase.COMPLETED, "Successful"),
        (Phase.ERROR, "Failed"),
        (Phase.ABORTED, "Stopped"),
    ],
)
def test_phases_have_the_words_that_the_client_waits_on(owner, processes, phase, word):
    body = {"display_name": "p", "pipeline": 1, "inputs": [1]}
    number = owner.post("/api/processes/", json=body).json["id"]
    processes.records[number] = replace(processes.records[number], phase=phase)
    assert owner.get(f"/api/processes/{number}/").json["status"] == word
    assert number in [p["id"] for p in owner.get(f"/api/processes/?status={word}").json["results"]]


def test_process_that_cannot_be_is_refused_by_field(owner):
    body = {"display_name": "p", "pipeline": 77, "inputs": [1]}
    assert "pipeline" in owner.post("/api/processes/", json=body).json
    assert "release" in owner.post("/api/processes/", json=body | {"release": 99}).json
    assert "inputs" in owner.post("/api/processes/", json=body | {"inputs": []}).json


def test_logs_are_names_and_contents(owner):
    body = {"display_name": "p", "pipeline": 1, "inputs": [1]}
    number = owner.post("/api/processes/", json=body).json["id"]
    assert owner.get(f"/api/processes/{number}/logs/").json == {
        "pipeline": {"filename": ["pipeline.log"], "content": ["done"]},
        "slurm": {"filename": ["run.err"], "content": [""]},
    }
    assert owner.get(f"/api/processes/{number}/stop/").json["status"] == "Stopped"


def test_service_without_pipelines_says_so(tmp_path):
    client = product_application(tmp_path / "none").client("owner")
    for path in ("/api/pipelines/", "/api/processes/"):
        assert client.get(path).json == {"count": 0, "results": []}
        assert client.get(f"{path}1/").status_code == 404
    body = {"display_name": "p", "pipeline": 1, "inputs": [1]}
    refused = client.post("/api/processes/", json=body)
    assert refused.status_code == 400
    assert refused.json == {"pipeline": ["This service runs no pipelines."]}
