"""Runs of the packaged pipelines, started with the very program that the executor is given."""

import json
import subprocess

import pytest
import yaml
from combine_runs import run_folder
from pipeline_jobs import offered

from pipelines.launching import run_task
from pipelines.runs import RunFolder
from pipelines.specification import OUTPUT_FORMATS

CATALOGUE = {
    "name": ["a", None, "c"],
    "ra": [10.0, 20.0, 359.9],
    "dec": [-10.0, 0.0, 89.0],
    "z": [0.5, 1.5, 0.1],
    "quality": [4.0, 3.0, None],
    "kind": ["s", "s", "p"],
}
COLUMNS = {
    "id": "name",
    "ra": "ra",
    "dec": "dec",
    "z": "z",
    "z_flag_homogenized": "quality",
    "instrument_type_homogenized": "kind",
}


def started(package: str, folder: RunFolder) -> dict:
    """Run a folder as a task; give its outcome."""
    task = run_task(offered(package, confined=False), folder)
    done = subprocess.run(
        task.command,
        cwd=task.folder,
        env=task.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    log = folder.log_file.read_text() if folder.log_file.exists() else ""
    assert done.returncode == 0, done.stderr + log
    return folder.read_state("outcome.json")


@pytest.mark.parametrize("output_format", OUTPUT_FORMATS)
@pytest.mark.parametrize("pipeline", ["combine_redshift_dedup", "hello_world"])
def test_every_format_is_made_without_the_libraries_that_are_kept_out(
    tmp_path, pipeline, output_format
):
    folder = run_folder(
        tmp_path / "run", [(CATALOGUE, COLUMNS)], output_format, combine_type="concatenate"
    )
    if pipeline == "hello_world":
        text = yaml.safe_load(folder.configuration_file.read_text())
        del text["version"]
        (given,) = text["inputs"].values()
        text |= {"pipeline": pipeline, "param": {}, "inputs": {"specz": given}}
        folder.configuration_file.write_text(yaml.safe_dump(text))
    outcome = started(f"pipelines.{pipeline}", folder)
    assert (outcome["status"], outcome["main"].startswith("crd")) == ("Successful", True)
    assert (folder.outputs / outcome["main"]).exists(), json.dumps(outcome)
