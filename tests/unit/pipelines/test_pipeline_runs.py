"""``python -P -m pipelines``: a run from its folder alone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from pipelines.errors import RunFolderDamaged
from pipelines.runs import RunFolder

ROOT = Path(__file__).resolve().parents[3]
SUPPORT = ROOT / "tests" / "support"
ENVIRONMENT = {"PYTHONPATH": f"{ROOT}:{SUPPORT}", "LANG": "C.UTF-8", "PATH": "/usr/bin"}


@pytest.fixture
def folder(tmp_path):
    made = RunFolder(tmp_path / "run")
    made.make()
    return made


def configure(folder, pipeline="troublesome", **param):
    text = {"pipeline": pipeline, "param": param, "output_name": "out", "output_format": "csv"}
    folder.configuration_file.write_text(yaml.safe_dump(text))


def command(folder, action="run", *options):
    package = [] if "--package" in options else ["--package", "troublesome"]
    return [sys.executable, "-P", "-m", "pipelines", action, str(folder.path), *package, *options]


def run(folder, action="run", *options):
    done = subprocess.run(
        command(folder, action, *options), env=ENVIRONMENT, capture_output=True, check=False
    )
    return done.returncode, folder.read_state("outcome.json")


def test_run_leaves_output_annotations_provenance_log_and_outcome(folder):
    configure(folder)
    code, outcome = run(folder)
    assert (code, outcome["status"], outcome["main"]) == (0, "Successful", "out.csv")
    assert outcome["summary"] == {"bad": None}
    names = sorted(path.name for path in folder.outputs.iterdir())
    assert names == ["annotations.yaml", "out.csv", "process.yml"]
    process = yaml.safe_load((folder.outputs / "process.yml").read_text())
    assert (process["status"], process["version"]) == ("Successful", None)
    assert process["outputs"][0] == {
        "path": "out.csv",
        "root_dir": ".",
        "role": "main",
        "columns_assoc": {"ra": "ra"},
    }
    annotations = yaml.safe_load((folder.outputs / "annotations.yaml").read_text())
    assert list(annotations["columns"]) == ["ra"]
    assert not folder.work.exists()
    lines = folder.log_file.read_text().splitlines()
    assert lines[-1].split(" | ")[1:] == [
        "INFO", "register", "pipelines.execution", "ended: Successful",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("do", "code", "kind"),
    [
        ("fail", 1, "failure"),
        ("bug", 1, "failure"),
        ("inputs", 3, "inputs"),
        ("full", 5, "storage"),
    ],
)
def test_failure_has_its_exit_code_and_leaves_no_output(folder, do, code, kind):
    configure(folder, do=do)
    done, outcome = run(folder)
    assert (done, outcome["status"], outcome["kind"]) == (code, "Failed", kind)
    assert list(folder.outputs.iterdir()) == []


def test_memory_that_is_refused_is_told_as_such(folder):
    configure(folder, do="memory")
    done, outcome = run(folder, "run", "--confined", "--memory-bytes", str(2**28))
    assert (done, outcome["kind"]) == (6, "memory")
    assert "more memory than it may have" in outcome["reason"]


def test_disk_that_is_full_for_real_is_told_as_such(folder):
    configure(folder, do="large")
    done, outcome = run(folder, "run", "--confined", "--file-bytes", str(2**20))
    assert (done, outcome["kind"]) == (5, "storage")


def test_check_makes_nothing(folder):
    configure(folder, count=3)
    code, outcome = run(folder, "check")
    assert (code, outcome["summary"]) == (0, {"count": 3})
    assert list(folder.outputs.iterdir()) == []


def test_configuration_that_is_missing_is_an_outcome(folder):
    code, outcome = run(folder)
    assert (code, outcome["status"]) == (1, "Failed")
    assert "no configuration of a run" in outcome["reason"]


def test_stopped_run_says_so_and_leaves_no_output(folder):
    configure(folder, do="sleep")
    with subprocess.Popen(command(folder), env=ENVIRONMENT) as process:
        deadline = time.monotonic() + 180
        while folder.read_state("progress.json") is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(180) == 4
    outcome = folder.read_state("outcome.json")
    assert (outcome["status"], outcome["reason"]) == ("Stopped", "the run was stopped")
    assert list(folder.outputs.iterdir()) == []


@pytest.mark.parametrize("content", ["", "[1]", "{", '"text"', "\xff", "[" * 100_000])
def test_state_that_a_job_has_damaged_is_not_believed(folder, content):
    (folder.state / "outcome.json").write_text(content, encoding="latin-1")
    with pytest.raises(RunFolderDamaged, match="damaged"):
        folder.read_state("outcome.json")


def test_state_that_is_a_link_or_a_pipe_is_not_followed(folder, tmp_path):
    (tmp_path / "secret").write_text(json.dumps({"password": "x"}))
    (folder.state / "outcome.json").symlink_to(tmp_path / "secret")
    os.mkfifo(folder.state / "progress.json")
    with pytest.raises(RunFolderDamaged):
        folder.read_state("outcome.json")
    with pytest.raises(RunFolderDamaged):
        folder.read_state("progress.json")
