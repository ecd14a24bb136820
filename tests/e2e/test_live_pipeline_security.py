"""What runs of a served installation may not do: run text as code, see secrets, or read others."""

import json
import re
import socket
from pathlib import Path

import pytest
from command_line import pzvo
from live_pipelines import COMBINE, FIRST, SECOND, pipeline_service

pytestmark = pytest.mark.clients

ROOT = Path(__file__).resolve().parents[2]
SITES = {
    COMBINE: (ROOT / "config" / "pipelines" / f"{COMBINE}.toml").read_text(),
    "troublesome": 'id = 900\npackage = "troublesome"\ntime_limit_s = 30\n',
}
RULES = """\
translation_rules:
  2DFGRS:
    z_flag_translation:
      conditions:
        - {{expr: {expression}, value: 4}}
"""
ATTACKS = {
    "import": "\"__import__('os').system('id') == 0\"",
    "attribute": '"z_flag.__class__.__mro__ != 0"',
    "library": '"np.lib.os.getpid() > 0"',
    "power": '"z_flag == 9 ** 9 ** 9"',
    "exponent": f'"z_flag == 1e{"9" * 400}"',
    "lambda": '"(lambda: 1)() == 1"',
    "comprehension": '"[x for x in (1, 2)] != 0"',
    "format": "\"f'{z_flag}' == ''\"",
    "nesting": f'"{"(" * 500}z_flag{")" * 500} == 1"',
    "subscript": '"survey[z_flag] == 1"',
}
DOCUMENTS = {
    "aliases": "a: &a [1, 1]\ntranslation_rules: {X: *a}\n",
    "tag": "translation_rules: !!python/object/apply:os.system ['id']\n",
    "deep": "translation_rules: " + "[" * 200 + "]" * 200 + "\n",
    "binary": "\x00\x01",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    found = pipeline_service(tmp_path_factory.mktemp("home"), SITES)
    yield found
    found.stop()


@pytest.fixture(scope="module")
def inputs(service):
    return service.publish("first", FIRST), service.publish("second", SECOND)


def refusal(service, inputs, text) -> str:
    """Give the reason for which a flags file is refused by a job, and by a dry run alike."""
    files = {"flags_translation_file": ("rules.yaml", text.encode())}
    job = service.until(service.submit(*inputs, files=files))
    assert (job.phase, job.results) == ("ERROR", [])
    assert [p["product_status"] for p in service.products_of(job.url)] == ["Failed"]
    return job.error


@pytest.mark.parametrize("attack", ATTACKS)
def test_expression_that_is_none_is_refused_with_its_line(service, inputs, attack):
    said = refusal(service, inputs, RULES.format(expression=ATTACKS[attack]))
    assert re.search(r"line 5\b", said), said
    assert len(said) < 2000


@pytest.mark.parametrize("document", DOCUMENTS)
def test_document_that_is_no_flags_file_is_refused(service, inputs, document):
    assert "flags" in refusal(service, inputs, DOCUMENTS[document])


def test_run_sees_no_secret_and_nothing_of_others(service, inputs):
    others = service.publish("others", SECOND.replace("B", "SECRETROW"), user="other")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = f"{service.home}/metadata.db#{listener.getsockname()[1]}"
        job = service.until(
            service.submit(inputs[0], pipeline="troublesome", do="spy", place=place)
        )
    assert job.phase == "ERROR"
    seen = json.loads(job.error)
    tokens = service.installation.tokens.values()
    assert not any(token in job.error for token in tokens)
    assert set(seen["environment"]) <= {
        "PATH", "LANG", "PYTHONPATH", "HOME", "TMPDIR", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
        "ARROW_DEFAULT_MEMORY_POOL", "HDF5_PLUGIN_PRELOAD", "HDF5_USE_FILE_LOCKING", "RUN_FOLDER",
        "LC_CTYPE", "LD_LIBRARY_PATH",
    }  # fmt: skip
    staged = [name for name in seen["folder"] if name.startswith("inputs/") and "." in name]
    assert len(staged) == 1
    assert not any(str(others) in name.split("/") for name in seen["folder"])
    assert {"read", "list", "input", "configuration", "program", "connection"} & {
        name for name, result in seen.items() if result == "done"
    } == set()


def test_run_folder_holds_no_secret_and_no_input_of_others(service, inputs):
    hidden = service.publish("hidden", SECOND.replace("B", "SECRETROW"), user="other")
    with service.held("launching") as reached:
        url = service.submit(*inputs)
        reached()
        run = service.home / "runs" / url.rpartition("/")[2]
        contents = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert contents
    for path, content in contents.items():
        assert b"SECRETROW" not in content, path
        for token in service.installation.tokens.values():
            assert token.encode() not in content, path
        assert f"/{hidden}_".encode() not in content, path
    assert (run / "0001").stat().st_mode & 0o077 == 0
    assert service.until(url).phase == "COMPLETED"


def test_inputs_must_be_visible_at_the_submission(service, inputs):
    hidden = service.publish(
        "insiders", FIRST, user="insider", kind=2, release=release(service, "dp3")
    )
    with pytest.raises(AssertionError, match=f"input '{hidden}'"):
        service.submit(inputs[0], hidden, user="other")


def test_inputs_must_be_visible_at_the_start(service, inputs):
    taken = service.publish("taken away", SECOND, user="insider")
    with service.held("claimed") as reached:
        url = service.submit(inputs[0], taken)
        reached()
        assert service.api("DELETE", f"products/{taken}/", "insider").status_code == 204
    job = service.until(url)
    assert job.phase == "ERROR"
    assert str(taken) in job.error
    assert service.products_of(url) == [] or service.products_of(url)[0]["status"] != 1


def test_input_whose_release_is_taken_away_before_the_start_is_refused(service):
    source = service.publish(
        "released", FIRST, user="insider", kind=2, release=release(service, "dp2")
    )
    first = service.until(service.submit(source, user="other", pipeline="troublesome"), "other")
    assert "no product" not in (first.error or "")
    with service.held("claimed") as reached:
        url = service.submit(source, user="other", pipeline="troublesome")
        reached()
        done = pzvo(service.home, "release", "update", "dp2", "--group", "insiders")
        assert done.returncode == 0, done.stderr
    job = service.until(url, "other")
    assert job.phase == "ERROR"
    assert f"input '{source}'" in job.error
    assert service.products_of(url) == []


def release(service, name) -> int:
    found = service.api("GET", "releases/").json()["results"]
    return next(each["id"] for each in found if each["name"] == name)
