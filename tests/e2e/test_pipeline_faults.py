"""kill -9 of the worker of a pipeline at each step, and what the next one makes of it."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from pipeline_jobs import PipelineJobs, offered
from pipeline_worker import STEPS

from uws.errors import JobIrrevocable
from uws.model import Phase
from uws.store.database import JobDatabase
from uws.store.sql import SqlJobStore

SUPPORT = Path(__file__).resolve().parents[1] / "support"
ROOT = SUPPORT.parents[1]
LEASE_S = 1.0


@pytest.fixture
def url(tmp_path):
    address = f"sqlite:///{tmp_path / 'jobs.db'}"
    JobDatabase(address).prepare()
    return address


@pytest.fixture
def jobs(tmp_path, url):
    made = PipelineJobs(SqlJobStore(JobDatabase(url)), tmp_path, offered("troublesome"))
    yield made
    made.discard()


@contextmanager
def worker(tmp_path, url, *step):
    process = subprocess.Popen(
        [sys.executable, SUPPORT / "pipeline_worker.py", url, tmp_path, str(LEASE_S), *step],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{SUPPORT}"},
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout.readline() == b"working\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("step", STEPS)
def test_worker_killed_at_a_step_leaves_one_product_in_the_end(tmp_path, url, jobs, step):
    with worker(tmp_path, url, step) as first:
        job_id = jobs.submit()
        assert first.wait(180) == -signal.SIGKILL
    assert jobs.store.get(job_id).phase is Phase.EXECUTING
    with worker(tmp_path, url):
        job = jobs.until(job_id)
    assert (job.phase, job.error, job.attempt) == (Phase.COMPLETED, None, 2)
    product = jobs.shelf.read(job_id)
    assert (product["status"], product["publications"]) == ("published", 1)
    runs = jobs.archive.attempts(job_id)
    if step in ("submitted", "outcome", "publish", "commit", "published"):
        assert [run.path.name for run in runs] == ["0001"], "the run was adopted, not repeated"


def test_job_whose_worker_died_after_the_point_of_no_return_is_not_aborted(tmp_path, url, jobs):
    with worker(tmp_path, url, "published") as first:
        job_id = jobs.submit()
        first.wait(180)
    with pytest.raises(JobIrrevocable):
        jobs.service.abort(jobs.address(job_id))
    with worker(tmp_path, url):
        assert jobs.until(job_id).phase is Phase.COMPLETED
    assert jobs.shelf.read(job_id)["publications"] == 1


def test_job_aborted_while_its_worker_is_dead_leaves_nothing(tmp_path, url, jobs):
    with worker(tmp_path, url, "submitted") as first:
        job_id = jobs.submit(do="sleep")
        first.wait(180)
    jobs.service.abort(jobs.address(job_id))
    with worker(tmp_path, url):
        jobs.wait(lambda: jobs.shelf.read(job_id)["status"] == "failed")
    assert jobs.store.get(job_id).phase is Phase.ABORTED
    handle = jobs.executor.adopt(jobs.archive.latest(job_id).path)
    assert jobs.executor.poll([handle])[handle].phase == "ENDED"
