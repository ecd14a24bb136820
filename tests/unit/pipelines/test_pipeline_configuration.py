"""Specifications, configurations and the catalogue of pipelines."""

import pytest
import yaml
from pydantic import Field

from pipelines.catalogue import PipelineCatalogue, packaged_pipelines
from pipelines.configuration import check_configuration, load_document
from pipelines.errors import ConfigurationRejected, PipelineError, PipelineNotFound
from pipelines.hello_world import SPECIFICATION
from pipelines.request import PipelineRequest, job_parameters
from pipelines.runs import RunFolder
from pipelines.specification import (
    FileParameter,
    InputSpecification,
    PipelineParameters,
    PipelineSpecification,
    UserFile,
)
from pipelines.staging import resolve_paths, stage
from uws.model import Parameter

ENTRY = {
    "path": "a.csv",
    "internal_name": "1_a",
    "columns": {"id": None, "ra": "alpha", "dec": "delta", "z": "redshift"},
}


def document(**changes):
    return {"inputs": {"specz": [ENTRY]}, "param": {"z_min": 0.5}, **changes}


def problems(changed):
    with pytest.raises(ConfigurationRejected) as refused:
        check_configuration(SPECIFICATION, changed)
    return refused.value.problems


class Files(PipelineParameters):
    rules: UserFile | None = Field(None, description="Rules")
    more: UserFile = Field("", description="More")
    number: int = Field(1, description="A number")


def specification(**changes):
    return PipelineSpecification(
        **{
            "name": "one",
            "display_name": "One",
            "version": "1",
            "description": "One.",
            "parameters": Files,
            "inputs": (InputSpecification("specz", ("redshift_catalog",), {}),),
            "output_type": "redshift_catalog",
            **changes,
        }
    )


def test_defaults_are_filled_in_and_unmapped_columns_left_out():
    complete = check_configuration(SPECIFICATION, document())
    assert complete.param == {"z_min": 0.5, "z_max": 10.0}
    assert (complete.output_name, complete.output_format) == ("hello", "parquet")
    assert (complete.pipeline, complete.version) == ("hello_world", "1.0.0")
    assert complete.inputs["specz"][0].columns == {"ra": "alpha", "dec": "delta", "z": "redshift"}


def test_configuration_of_the_photoz_server_is_taken_with_its_executor():
    original = document(
        executor={"name": "local", "args": {"n_workers": 2}},
        output_root_dir="storage",
        output_dir="outputs",
        output_name="crd",
    )
    complete = check_configuration(SPECIFICATION, original)
    assert (complete.executor, complete.output_root_dir) == (None, "storage")


def test_single_input_need_not_be_a_list():
    complete = check_configuration(SPECIFICATION, document(inputs={"specz": ENTRY}))
    assert len(complete.inputs["specz"]) == 1


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"param": {"z_mni": 1}}, "param.z_mni: unknown key; did you mean 'z_min'?"),
        ({"parameters": {}}, "parameters: unknown key; did you mean"),
        ({"param": {"z_min": "red"}}, "param.z_min: input should be a valid number"),
        ({"param": {"z_min": -3}}, "greater than or equal to -1, not -3"),
        ({"param": [1]}, "param: input should be"),
        ({"inputs": {"specs": [ENTRY]}}, "inputs.specs: unknown key; did you mean 'specz'?"),
        ({"inputs": {}}, "inputs.specz: 0 given, at least 1 needed"),
        ({"inputs": {"specz": [ENTRY, ENTRY]}}, "'1_a' is given twice"),
        ({"inputs": {"specz": [{**ENTRY, "colour": 1}]}}, "inputs.specz[0].colour: unknown key"),
        ({"inputs": {"specz": [{**ENTRY, "columns": {"ra": "a"}}]}}, "'dec' is not mapped"),
        (
            {"inputs": {"specz": [{**ENTRY, "columns": {**ENTRY["columns"], "mag": "m"}}]}},
            "inputs.specz[0].columns.mag: unknown key",
        ),
        ({"output_format": "xls"}, "output_format: 'xls' is not one of parquet, csv"),
        ({"output_name": "../../etc"}, "output_name: must be a file stem"),
        ({"pipeline": "other"}, "pipeline: 'other' is not 'hello_world'"),
    ],
)
def test_problem_of_a_configuration_names_the_key_and_what_to_do(changes, text):
    assert text in "\n".join(problems(document(**changes)))


def test_all_problems_of_a_configuration_are_told_at_once():
    found = problems({"param": {"z_mni": 1, "z_max": "x"}, "output_format": "xls"})
    assert len(found) == 4


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "\x00", "&a [*a]"])
def test_document_that_is_no_configuration_is_refused(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationRejected, match=r"c\.yaml"):
        load_document(path)
    with pytest.raises(ConfigurationRejected, match="cannot be read"):
        load_document(tmp_path / "none.yaml")


def test_parameters_that_are_files_are_found_by_their_type():
    assert specification().file_parameters == ("rules", "more")
    assert FileParameter() == FileParameter("application/yaml")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "One Two"},
        {"output_formats": ("xls",)},
        {"parameters": type("Bare", (PipelineParameters,), {"__annotations__": {"a": "int"}})},
    ],
)
def test_specification_that_could_not_be_shown_is_refused(changes):
    with pytest.raises(ValueError, match=r"One Two|xls|'a'"):
        specification(**changes)


def test_schema_of_parameters_has_descriptions_and_bounds():
    found = SPECIFICATION.schema()["properties"]["z_min"]
    assert (found["description"], found["minimum"], found["default"]) == (
        "Smallest redshift that is kept",
        -1.0,
        0.0,
    )


def test_request_survives_being_a_job():
    request = PipelineRequest(
        name="Mine, of course",
        inputs={"specz": ("3",)},
        param={"z_min": 0.5},
        output_format="csv",
        description="text",
        release="dr1",
        official=True,
    )
    parsed = PipelineRequest.parse(SPECIFICATION, job_parameters(SPECIFICATION, request))
    assert parsed.param == {"z_min": "0.5"}
    assert parsed.configuration(SPECIFICATION).param["z_min"] == 0.5
    assert (parsed.inputs, parsed.official, parsed.release) == ({"specz": ("3",)}, True, "dr1")


def test_inputs_are_repeated_or_separated_by_commas():
    sent = [
        Parameter("inputs", "3, 4"),
        Parameter("INPUTS", "12_deep_field"),
        Parameter("NAME", "n"),
    ]
    parsed = PipelineRequest.parse(specification(), sent)
    assert parsed.inputs["specz"] == ("3", "4", "12_deep_field")


def test_value_that_is_sent_twice_is_refused():
    sent = [Parameter("NAME", "a"), Parameter("name", "b"), Parameter("INPUTS", "1")]
    with pytest.raises(ConfigurationRejected, match="NAME: sent 2 times"):
        PipelineRequest.parse(specification(), sent)


def test_packaged_pipelines_are_in_the_order_of_their_site_files():
    names = [offered.name for offered in packaged_pipelines()]
    assert names == ["combine_redshift_dedup", "training_set_maker", "hello_world"]
    assert packaged_pipelines().pipeline("combine_redshift_dedup").site.id == 2
    with pytest.raises(PipelineNotFound, match="the pipelines are: combine"):
        packaged_pipelines().pipeline("training")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("hello_world", "id = 0", "id"),
        ("hello_world", "id = 1\nmemory = 3", "memory"),
        ("hello_world", "id = ", "hello_world"),
        ("nothing", "id = 1", "no package of a pipeline"),
        ("other", 'id = 1\npackage = "pipelines.hello_world"', "has the pipeline 'hello_world'"),
        ("other", 'id = 1\npackage = "pipelines.errors"', "no package of a pipeline"),
    ],
)
def test_site_file_that_is_wrong_is_named(tmp_path, name, text, message):
    (tmp_path / f"{name}.toml").write_text(text)
    with pytest.raises(PipelineError, match=message):
        PipelineCatalogue(tmp_path)


def test_two_pipelines_with_one_number_are_refused(tmp_path):
    for name in ("hello_world", "combine_redshift_dedup"):
        (tmp_path / f"{name}.toml").write_text("id = 1")
    with pytest.raises(PipelineError, match="same id"):
        PipelineCatalogue(tmp_path)


@pytest.mark.parametrize("link", [True, False])
def test_inputs_are_staged_in_file_order_with_their_files(tmp_path, link):
    (tmp_path / "a.csv").write_text("a")
    hats = tmp_path / "hats"
    (hats / "dataset").mkdir(parents=True)
    (hats / "dataset" / "part").write_text("p")
    (tmp_path / "rules.yaml").write_text("r: 1")
    text = {
        "inputs": {
            "specz": [
                {"path": "hats", "internal_name": "2_b"},
                {"path": "a.csv", "internal_name": "1_a"},
            ]
        },
        "param": {"rules": "rules.yaml"},
    }
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(text))
    spec = specification(parameters=type("R", (PipelineParameters,), {
        "__annotations__": {"rules": UserFile | None},
        "rules": Field(None, description="Rules"),
    }))  # fmt: skip
    complete = check_configuration(spec, load_document(tmp_path / "c.yaml"))
    complete, files = resolve_paths(spec, complete, tmp_path)
    folder = RunFolder(tmp_path / "run")
    stage(folder, complete, files, link=link)
    first, second = RunFolder(folder.path).inputs("specz")
    assert (first.internal_name, (first.path / "dataset" / "part").read_text()) == ("2_b", "p")
    assert (second.path.name, second.path.stat().st_nlink) == ("a.csv", 2 if link else 1)
    assert RunFolder(folder.path).user_file("rules").read_text() == "r: 1"
    assert not any(path.startswith("/") for path in (e.path for e in
                   RunFolder(folder.path).configuration.inputs["specz"]))  # fmt: skip


def test_every_missing_file_of_a_configuration_is_named(tmp_path):
    text = document(inputs={"specz": [{"path": "no.csv", "internal_name": "1_a"}]})
    text["param"] = {"rules": "no.yaml", "more": "no.txt"}
    complete = check_configuration(specification(), text)
    with pytest.raises(ConfigurationRejected) as refused:
        resolve_paths(specification(), complete, tmp_path)
    assert len(refused.value.problems) == 3
