"""Jobs of pipelines, with a real executor, on a job table in memory."""

import json
import os
import signal
import socket
from pathlib import Path

import pytest
import yaml
from jobs import MemoryJobStore
from pipeline_jobs import PipelineJobs, offered

from uws.errors import JobIrrevocable
from uws.executors.base import TaskPhase
from uws.executors.keeper import MARKER
from uws.model import ErrorType, Phase

CATALOGUE = "name,alpha,delta,redshift\na,1.5,-2.0,0.1\nb,2.5,-3.0,0.9\nc,3.5,-4.0,2.0\n"
COLUMNS = {"ID": "name", "RA": "alpha", "Dec": "delta", "z": "redshift"}


@pytest.fixture
def jobs(tmp_path, request):
    made = []

    def make(package="troublesome", **site):
        made.append(PipelineJobs(MemoryJobStore(), tmp_path, offered(package, **site)))
        made[0].work()
        return made[0]

    yield make
    for each in made:
        each.discard()


@pytest.fixture
def trouble(jobs):
    return jobs()


def programs(run):
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            alive = (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            continue
        if alive and f"{MARKER}={run.path}".encode() in environment:
            found.append(int(entry.name))
    return found


def test_job_publishes_what_its_pipeline_made(jobs):
    hello = jobs("pipelines.hello_world")
    reference = hello.shelf.put(3, CATALOGUE, columns=COLUMNS)
    job_id = hello.submit(INPUTS=reference, z_min="0.5", OUTPUT_FORMAT="csv")
    job = hello.until(job_id)
    assert (job.phase, job.error) == (Phase.COMPLETED, None)
    product = hello.shelf.read(job_id)
    assert product["status"] == "published"
    assert (hello.shelf.folder / "made" / f"{job_id}.csv").read_text().splitlines() == [
        '"id","ra","dec","z"',
        '"b",2.5,-3,0.9',
        '"c",3.5,-4,2',
    ]
    annotations = yaml.safe_load(product["annotations"])["columns"]
    assert annotations["ra"] == {
        "description": "Right ascension",
        "ucd": "pos.eq.ra;meta.main",
        "unit": "deg",
        "alias": "RA",
    }
    assert product["inputs"][0]["product_id"] == 3
    assert product["inputs"][0]["version"] == 1
    assert product["parameters"] == {"z_min": 0.5, "z_max": 10.0}
    assert product["files"] == ["hello.csv", "process.yml"]


def test_results_are_the_product_the_report_and_the_log(jobs):
    hello = jobs("pipelines.hello_world")
    reference = hello.shelf.put(3, CATALOGUE, columns=COLUMNS)
    job = hello.until(hello.submit(INPUTS=reference))
    assert [result.id for result in job.results] == ["product", "report", "log"]
    made = json.loads(hello.result(job.job_id, "product"))
    assert (made["id"], made["internal_name"], made["rows"]) == (7, "7_Out", 3)
    report = json.loads(hello.result(job.job_id, "report"))
    assert report["summary"] == {"rows_read": 3, "rows_kept": 3}
    assert report["version"] == "1.0.0"
    assert b"| INFO | selection | pipelines.hello_world | 3 of 3 rows kept" in hello.result(
        job.job_id, "log"
    )
    assert job.info.progress == 1.0
    assert {"stage", "selection", "publish"} <= dict(job.info.timings).keys()


def test_inputs_and_outputs_of_a_run_go_and_its_log_stays(jobs):
    hello = jobs("pipelines.hello_world")
    job = hello.until(hello.submit(INPUTS=hello.shelf.put(3, CATALOGUE, columns=COLUMNS)))
    hello.settlement.run_once()
    run = hello.archive.latest(job.job_id)
    assert not run.inputs_folder.exists()
    assert not run.outputs.exists()
    assert run.log_file.exists()


def test_every_problem_of_a_configuration_is_in_one_report(jobs):
    hello = jobs("pipelines.hello_world")
    job = hello.until(hello.submit(NAME=" ", z_min="red", zmax="3", OUTPUT_FORMAT="xls"))
    assert job.phase is Phase.ERROR
    lines = job.error.message.splitlines()
    assert len(lines) == 5
    assert "NAME: missing" in job.error.message
    assert "zmax: unknown parameter; did you mean 'z_max'?" in job.error.message
    assert "param.z_min: input should be a valid number" in job.error.message
    assert "output_format: 'xls' is not one of parquet, csv" in job.error.message
    assert "inputs.specz: 0 given, at least 1 needed" in job.error.message


def test_hidden_unknown_and_unfit_inputs_are_refused_together(trouble):
    hidden = trouble.shelf.put(3, CATALOGUE, owner="bob")
    unfit = trouble.shelf.put(4, CATALOGUE, product_type="other")
    bare = trouble.shelf.put(5, CATALOGUE)
    job = trouble.until(trouble.submit(INPUTS=[hidden, "99", unfit, bare]))
    *others, bare_one = job.error.message.splitlines()
    assert others == [
        "there is no product '3'",
        "there is no product '99'",
        "input '4_cat' is of type 'other', not redshift_catalog or training_set",
    ]
    assert bare_one.startswith("input '5_cat' has no column with the role 'RA'; say which")
    assert trouble.shelf.read(job.job_id) is None
    assert trouble.archive.latest(job.job_id) is None


def test_input_is_what_the_owner_may_see_when_the_job_starts(trouble):
    reference = trouble.shelf.put(3, CATALOGUE, columns=COLUMNS)
    job_id = trouble.submit(INPUTS=reference, run=False)
    trouble.shelf.put(3, CATALOGUE, owner="bob", columns=COLUMNS)
    trouble.service.start(trouble.address(job_id))
    assert "no product '3'" in trouble.until(job_id).error.message


def test_anonymous_visitors_run_nothing(trouble):
    job = trouble.until(trouble.submit(owner=None))
    assert "sign in" in job.error.message


@pytest.mark.parametrize(
    ("do", "reason"),
    [
        ("fail", "the sky is falling"),
        ("inputs", "first: wrong\nsecond: wrong as well"),
        ("bug", "the pipeline failed (KeyError)"),
        ("full", "no space left for the run"),
        ("die", "killed from outside"),
        ("memory", "memory"),
    ],
)
def test_reason_of_a_failure_is_in_the_job_and_in_the_product(trouble, do, reason):
    job = trouble.until(trouble.submit(do=do))
    assert job.phase is Phase.ERROR
    assert reason in job.error.message
    product = trouble.shelf.read(job.job_id)
    assert (product["status"], product["reason"]) == ("failed", job.error.message)
    assert not (trouble.shelf.folder / "made" / f"{job.job_id}.csv").exists()
    assert not trouble.archive.latest(job.job_id).outputs.exists()


def test_bug_leaves_its_trace_in_the_log_alone(trouble):
    job = trouble.until(trouble.submit(do="bug"))
    log = trouble.archive.latest(job.job_id).log_file.read_text()
    assert "Traceback" in log
    assert "Traceback" not in job.error.message


def test_lost_program_may_be_run_again(trouble):
    job = trouble.until(trouble.submit(do="die"))
    assert job.error.type is ErrorType.TRANSIENT


def test_time_limit_of_the_site_ends_a_run(jobs):
    trouble = jobs(time_limit_s=1)
    job = trouble.until(trouble.submit(do="sleep"))
    assert "the limit is 1 s" in job.error.message
    assert not programs(trouble.archive.latest(job.job_id))


def test_execution_duration_of_a_job_ends_its_run_and_its_product(trouble):
    job_id = trouble.submit(do="sleep", duration_s=1)
    job = trouble.until(job_id)
    assert job.phase in (Phase.ABORTED, Phase.ERROR)
    assert "duration" in job.error.message
    trouble.wait(lambda: trouble.shelf.read(job_id)["status"] == "failed")
    trouble.wait(lambda: not programs(trouble.archive.latest(job_id)))


def test_file_beyond_its_limit_ends_a_run(jobs):
    trouble = jobs(confined=True, output_bytes=2**21)
    job = trouble.until(trouble.submit(do="large"))
    assert "no space left" in job.error.message


def test_output_that_is_a_link_is_refused(trouble, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("ra\n1\n")
    job = trouble.until(trouble.submit(do="link", place=secret))
    assert "did not make" in job.error.message
    assert trouble.shelf.read(job.job_id)["status"] == "failed"


def test_progress_of_a_run_is_that_of_its_job(trouble, tmp_path):
    job_id = trouble.submit(do="wait", place=tmp_path / "go")
    trouble.wait(lambda: trouble.store.get(job_id).info.progress == 0.25)
    assert trouble.store.get(job_id).info.text == "trouble: begins"
    (tmp_path / "go").touch()
    assert trouble.until(job_id).phase is Phase.COMPLETED


def test_aborted_job_has_no_program_and_no_product(trouble):
    job_id = trouble.submit(do="sleep")
    run = trouble.until_running(job_id)
    assert programs(run)
    trouble.service.abort(trouble.address(job_id))
    trouble.wait(lambda: not programs(run))
    trouble.wait(lambda: trouble.shelf.read(job_id)["status"] == "failed")
    assert "stopped by its owner" in trouble.shelf.read(job_id)["reason"]
    assert trouble.store.get(job_id).phase is Phase.ABORTED


def test_abort_between_publication_and_completion_is_refused(trouble):
    job_id, refusals = trouble.submit(run=False), []

    def abort():
        with pytest.raises(JobIrrevocable) as refused:
            trouble.service.abort(trouble.address(job_id))
        refusals.append(str(refused.value))

    trouble.shelf.before_commit = trouble.shelf.after_commit = abort
    trouble.service.start(trouble.address(job_id))
    assert trouble.until(job_id).phase is Phase.COMPLETED
    assert len(refusals) == 2
    assert trouble.shelf.read(job_id)["status"] == "published"


def test_abort_after_completion_is_refused_and_the_product_stays(trouble):
    job_id = trouble.submit()
    trouble.until(job_id)
    with pytest.raises(Exception, match="COMPLETED"):
        trouble.service.abort(trouble.address(job_id))
    trouble.settlement.run_once()
    assert trouble.shelf.read(job_id)["status"] == "published"


def test_deleting_a_running_job_ends_everything(trouble):
    job_id = trouble.submit(do="sleep")
    run = trouble.until_running(job_id)
    trouble.service.delete(trouble.address(job_id))
    trouble.settlement.run_once()
    trouble.wait(lambda: not programs(run))
    assert trouble.shelf.read(job_id)["status"] == "failed"
    trouble.settlement.forget(job_id)
    assert not run.path.exists()


def test_deleting_a_completed_job_leaves_its_product(trouble):
    job_id = trouble.submit()
    trouble.until(job_id)
    trouble.service.delete(trouble.address(job_id))
    trouble.settlement.run_once()
    assert trouble.shelf.read(job_id)["status"] == "published"
    # Without the record nobody knows that the run may go; deleting the job says so.
    assert trouble.archive.latest(job_id) is not None
    trouble.settlement.forget(job_id)
    assert trouble.archive.latest(job_id) is None


def test_product_of_a_job_that_never_ran_fails_with_it(trouble):
    job_id = trouble.submit(run=False)
    trouble.shelf.write(job_id, {"status": "processing", "owner": "ann", "name": "Out"})
    trouble.service.abort(trouble.address(job_id))
    trouble.settlement.run_once()
    assert trouble.shelf.read(job_id)["status"] == "failed"


def test_program_goes_on_without_its_worker_and_the_next_one_adopts_it(trouble, tmp_path):
    job_id = trouble.submit(do="wait", place=tmp_path / "go")
    run = trouble.until_running(job_id)
    program = programs(run)
    trouble.rest()
    assert trouble.store.get(job_id).phase is Phase.QUEUED
    assert programs(run) == program
    trouble.work()
    trouble.until(job_id, {Phase.EXECUTING})
    (tmp_path / "go").touch()
    job = trouble.until(job_id)
    assert (job.phase, job.attempt) == (Phase.COMPLETED, 2)
    assert len(trouble.archive.attempts(job_id)) == 1
    assert trouble.shelf.read(job_id)["publications"] == 1


def test_program_that_was_lost_with_its_worker_is_started_again(trouble, tmp_path):
    job_id = trouble.submit(do="wait", place=tmp_path / "go")
    run = trouble.until_running(job_id)
    trouble.rest()
    handle = trouble.executor.adopt(run.path)
    os.kill(int(handle.task_id.split("@")[0]), signal.SIGKILL)
    trouble.wait(lambda: trouble.executor.poll([handle])[handle].phase is TaskPhase.ENDED)
    (tmp_path / "go").touch()
    trouble.work()
    job = trouble.until(job_id)
    assert job.phase is Phase.COMPLETED
    assert len(trouble.archive.attempts(job_id)) == 2


def test_worker_that_dies_after_the_publication_leaves_one_product(trouble):
    job_id = trouble.submit(run=False)
    deaths = iter([True])

    def die():
        if next(deaths, False):
            raise SystemExit

    trouble.shelf.after_commit = die
    # The first attempt ends without a word, as if its worker had been killed.
    original = trouble.handler.run

    def run(job, context):
        try:
            return original(job, context)
        except SystemExit:
            from uws.context import CancelReason

            context.cancel(CancelReason.STOPPING)
            raise

    trouble.handler.run = run
    trouble.service.start(trouble.address(job_id))
    job = trouble.until(job_id)
    assert (job.phase, job.attempt) == (Phase.COMPLETED, 2)
    assert trouble.shelf.read(job_id)["publications"] == 1


def test_file_of_the_user_is_in_the_run_and_no_other_can_be_named(trouble):
    trouble.files["rules"] = b"my rules"
    assert trouble.until(trouble.submit(do="rules")).error.message == "my rules"
    job = trouble.until(trouble.submit(do="rules", rules="/etc/passwd"))
    assert "no file of the server can be named" in job.error.message


def test_run_sees_its_own_folder_and_nothing_else(jobs, tmp_path, monkeypatch):
    monkeypatch.setenv("PZVO_DATABASE_URL", "postgresql://user:secret@host/db")
    trouble = jobs(confined=True)
    mine = trouble.shelf.put(3, CATALOGUE, columns=COLUMNS)
    trouble.shelf.put(4, "other people's data", owner="bob")
    with socket.create_server(("127.0.0.1", 0)) as server:
        other = f"{tmp_path}/shelf/inputs/4.csv#{server.getsockname()[1]}"
        (tmp_path / "shelf" / "inputs" / other.rpartition("/")[2]).write_text("secret")
        job = trouble.until(trouble.submit(INPUTS=mine, do="spy", place=other))
    seen = json.loads(job.error.message)
    assert not [name for name in seen["environment"] if "PZVO" in name or "SECRET" in name]
    assert "secret" not in json.dumps(seen["environment"])
    assert set(seen["environment"]) <= {
        "PATH", "LANG", "PYTHONPATH", "HOME", "TMPDIR", "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS", "ARROW_DEFAULT_MEMORY_POOL", "HDF5_PLUGIN_PRELOAD",
        "HDF5_USE_FILE_LOCKING", "LD_LIBRARY_PATH", "LC_CTYPE", MARKER,
    }  # fmt: skip
    inputs = [name for name in seen["folder"] if name.startswith("inputs/") and "." in name]
    assert inputs == ["inputs/specz/0001/3.csv"]
    for attempt in ("read", "list", "input", "configuration", "program"):
        assert seen[attempt] == "PermissionError", attempt


def test_input_is_copied_where_the_kernel_cannot_protect_it(jobs, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.launching.landlock_version", lambda: 0)
    hello = jobs("pipelines.hello_world")
    links = []
    staged = hello.executor.submit

    def submit(task):
        links.extend(p.stat().st_nlink for p in task.folder.rglob("inputs/**/*.csv"))
        return staged(task)

    hello.executor.submit = submit
    job = hello.until(hello.submit(INPUTS=hello.shelf.put(3, CATALOGUE, columns=COLUMNS)))
    assert (job.phase, links) == (Phase.COMPLETED, [1])


def test_input_is_copied_for_runs_that_are_not_confined(jobs, tmp_path):
    trouble = jobs(confined=False)
    mine = trouble.shelf.put(3, CATALOGUE, columns=COLUMNS)
    job_id = trouble.submit(INPUTS=mine, do="wait", place=tmp_path / "go")
    run = trouble.until_running(job_id)
    assert next(run.inputs_folder.rglob("*.csv")).stat().st_nlink == 1
    (tmp_path / "go").touch()
    trouble.until(job_id)
