"""Pipelines on a served installation that is killed, filled and stopped at every step.

Afterwards the job document tells the truth, there is exactly one product or none, nothing is half
published, and `pzvo doctor` finds nothing.
"""

import contextlib
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
import requests
from live_pipelines import COMBINE, FIRST, SECOND, pipeline_service
from small_disks import small_disk

pytestmark = pytest.mark.clients

ROOT = Path(__file__).resolve().parents[2]
SITES = {
    COMBINE: (ROOT / "config" / "pipelines" / f"{COMBINE}.toml").read_text(),
    "troublesome": (
        'id = 900\npackage = "troublesome"\nmemory_bytes = 402653184\ntime_limit_s = 6\n'
    ),
}
STEPS = (
    "claimed", "staging", "staged", "launching", "running", "harvesting", "publishing",
    "registered", "committing", "moved", "committed", "published", "completing", "completed",
)  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    found = pipeline_service(tmp_path_factory.mktemp("home"), SITES)
    yield found
    found.stop()


@pytest.fixture(scope="module")
def inputs(service):
    return service.publish("first", FIRST), service.publish("second", SECOND)


@contextlib.contextmanager
def frozen(service):
    """Let nobody claim a job."""
    workers = service.processes_of("worker")
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGCONT)


def told(service, job, killed=False) -> dict:
    """Check that job, product and table say the same; give the product.

    A publication that was killed may leave one table that no record names, for the quarantine.
    """
    (product,) = service.products_of(job.url)
    if job.phase == "COMPLETED":
        said = json.loads(service.result(job.url, "product"))
        assert (said["id"], product["product_status"]) == (product["id"], "Published")
        assert service.rows(said["table"]) == said["rows"] == 7
    else:
        assert product["product_status"] == "Failed"
        assert job.results == []
        assert service.rows(f"redshift_catalog.p{product['internal_name']}") is None
    found = service.findings()
    assert found == [] or (killed and len(found) == 1 and found[0].startswith("orphan: tables/"))
    service.left.update(found)
    return product


def programs(service, job_id) -> tuple[int, int]:
    """Find the keeper of a run, and its program."""
    record = service.home / "runs" / job_id / "0001" / "executor" / "process.json"
    keeper = service.wait(lambda: record.exists() and json.loads(record.read_text())["pid"])
    children = Path(f"/proc/{keeper}/task/{keeper}/children")
    return keeper, service.wait(lambda: [int(pid) for pid in children.read_text().split()])[0]


@pytest.mark.parametrize("step", STEPS)
def test_service_killed_at_a_step_publishes_one_product_in_the_end(service, inputs, step):
    service.step.write_text(step)
    url = service.submit(*inputs)
    service.restart_when_dead()
    job = service.until(url)
    assert (job.phase, job.error) == ("COMPLETED", None)
    told(service, job, killed=True)


def test_service_killed_while_a_job_is_queued_runs_it_later(service, inputs):
    with frozen(service):
        url = service.submit(*inputs)
        assert service.job(url).phase == "QUEUED"
        service.kill()
    service.start()
    job = service.until(url)
    assert job.phase == "COMPLETED"
    told(service, job)


@pytest.mark.parametrize("part", [0, 1], ids=["keeper", "program"])
def test_killed_run_is_told_and_leaves_nothing(service, part):
    url = service.submit(pipeline="troublesome", do="sleep")
    os.kill(programs(service, url.rpartition("/")[2])[part], signal.SIGKILL)
    job = service.until(url)
    assert job.phase == "ERROR"
    assert ("lost", "killed")[part] in job.error
    assert told(service, job)["failure"] == job.error


@pytest.mark.parametrize(
    ("trouble", "said"),
    [("memory", "memory"), ("sleep", "6 s"), ("full", "space"), ("bug", "what")],
)
def test_limits_and_faults_of_a_run_are_told(service, trouble, said):
    job = service.until(service.submit(pipeline="troublesome", do=trouble))
    assert job.phase == "ERROR"
    assert said in job.error
    told(service, job)


@pytest.mark.parametrize(
    "step",
    ["claimed", "staging", "launching", "harvesting"],
)
def test_job_aborted_at_a_step_publishes_nothing(service, inputs, step):
    with service.held(step) as reached:
        url = service.submit(*inputs)
        reached()
        assert abort(service, url).phase == "ABORTED"
    # The worker hears of it within a second; until then it may begin the product.
    time.sleep(1.5)
    service.wait(lambda: {p["product_status"] for p in service.products_of(url)} <= {"Failed"})
    job = service.job(url)
    assert job.phase == "ABORTED"
    if step != "claimed" or service.products_of(url):
        told(service, job)


def test_job_is_not_aborted_after_its_point_of_no_return(service, inputs):
    with service.held("publishing") as reached:
        url = service.submit(*inputs)
        reached()
        refused = ask_to_abort(service, url)
        assert (refused.status_code, "being published" in refused.text) == (403, True)
        stopped = service.api("POST", f"processes/{url.rpartition('/')[2]}/stop/")
        assert service.job(url).phase == "EXECUTING", stopped.text
    job = service.until(url)
    assert (job.phase, job.error) == ("COMPLETED", None)
    told(service, job)


def test_queued_and_running_jobs_are_aborted(service, inputs):
    with frozen(service):
        queued = service.submit(*inputs)
        assert abort(service, queued).phase == "ABORTED"
    running = service.submit(pipeline="troublesome", do="sleep")
    keeper, program = programs(service, running.rpartition("/")[2])
    assert abort(service, running).phase == "ABORTED"
    service.wait(lambda: not any(Path(f"/proc/{pid}").exists() for pid in (keeper, program)))
    service.wait(lambda: service.products_of(running)[0]["product_status"] == "Failed")
    told(service, service.job(running))
    assert service.products_of(queued) == []


def ask_to_abort(service, url):
    form, address = {"PHASE": "ABORT"}, f"{service.here(url)}/phase"
    return requests.post(address, data=form, headers=service.headers("owner"), timeout=240)


def abort(service, url):
    answer = ask_to_abort(service, url)
    assert answer.ok, answer.text
    return service.job(url)


def filled(disk):
    """Leave no room on a disk; give the file to remove."""
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        while stream.write(bytes(2**16)):
            continue
    return filler


def test_disk_of_runs_that_is_full_is_told_and_the_next_run_works(tmp_path):
    with small_disk(tmp_path / "home" / "runs", "24M") as disk:
        service = pipeline_service(tmp_path / "home")
        try:
            inputs = service.publish("first", FIRST), service.publish("second", SECOND)
            filler = filled(disk)
            job = service.until(service.submit(*inputs))
            assert (job.phase, "space" in job.error) == ("ERROR", True)
            filler.unlink()
            told(service, job)
            job = service.until(service.submit(*inputs))
            assert job.phase == "COMPLETED", job.error
            told(service, job)
        finally:
            service.stop()


def test_disk_that_is_full_at_the_publication_leaves_one_product_or_none(tmp_path):
    # Not even the end of the job can be written before there is room again.
    with small_disk(tmp_path / "home", "200M") as disk:
        service = pipeline_service(disk)
        try:
            inputs = service.publish("first", FIRST), service.publish("second", SECOND)
            with service.held("publishing") as reached:
                url = service.submit(*inputs)
                reached()
                filler = filled(disk)
            time.sleep(3)
            filler.unlink()
            job = service.until(url)
            service.wait(lambda: service.products_of(url)[0]["product_status"] != "Processing")
            told(service, job)
            job = service.until(service.submit(*inputs))
            assert job.phase == "COMPLETED", job.error
        finally:
            service.stop()


def test_web_process_killed_in_the_middle_of_a_submission_leaves_no_half_job(service, inputs):
    sent = threading.Thread(target=try_to_submit, args=(service, inputs))
    sent.start()
    os.kill(service.processes_of("web")[0], signal.SIGKILL)
    sent.join()
    service.kill()
    service.start()
    listed = service.api("GET", "processes/?page_size=500").json()["results"]
    service.wait(lambda: all(over(service, each) for each in listed))
    assert service.findings() == []


def over(service, process) -> bool:
    status = service.api("GET", f"processes/{process['id']}/").json()["status"]
    return status in ("Successful", "Failed", "Stopped")


def try_to_submit(service, inputs) -> None:
    with contextlib.suppress(requests.RequestException, AssertionError):
        service.submit(*inputs)
