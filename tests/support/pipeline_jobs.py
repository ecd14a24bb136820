"""Jobs of pipelines over a job table of the test's choice, with a folder for everything else."""

from __future__ import annotations

import time
from pathlib import Path

from shelves import FolderShelf

from pipelines import launching
from pipelines.archive import RunArchive
from pipelines.catalogue import OfferedPipeline, PipelineSite, packaged_pipelines
from pipelines.handler import HandlerServices, PipelineJobHandler, job_kind
from pipelines.settlement import Settlement
from uws.executors.processes import ProcessExecutor
from uws.limits import JobLimits
from uws.model import TERMINAL, Parameter, Phase
from uws.results.folder import FolderResultStore
from uws.service import JobAddress, JobRequest, JobService
from uws.worker import Worker, WorkerSettings

ROOT = Path(__file__).resolve().parents[2]

# Programs of runs must find the pipelines of the tests.
launching._PACKAGES = f"{ROOT}:{ROOT / 'tests' / 'support'}"

PATIENCE_S = 240


def offered(package, **site):
    """Give a pipeline with limits of the test's choice."""
    if "." in package:
        known = packaged_pipelines().pipeline(package.rpartition(".")[2])
        return OfferedPipeline(known.specification, known.site.model_copy(update=site), package)
    import troublesome

    values = {"id": 900, "memory_bytes": 2**29, "time_limit_s": 60, "confined": False, **site}
    return OfferedPipeline(troublesome.SPECIFICATION, PipelineSite(**values), package)


class PipelineJobs:
    """Everything that jobs of one pipeline need, in one folder."""

    def __init__(self, store, folder, pipeline, *, lease_s=20.0, slots=2):
        self.store = store
        self.pipeline = pipeline
        self.shelf = FolderShelf(folder / "shelf")
        self.archive = RunArchive(folder / "runs")
        self.executor = ProcessExecutor()
        self.results = FolderResultStore(folder / "results")
        self.settlement = Settlement(store, self.executor, self.shelf, self.archive, interval_s=0.1)
        self.service = JobService(
            store, self.results, limits=JobLimits(execution_duration_default_s=300)
        )
        self.files = {}
        self.handler = PipelineJobHandler(
            pipeline,
            HandlerServices(
                self.shelf,
                self.executor,
                self.archive,
                lambda _job, part: self.files.get(part),
                self.settlement.settle,
            ),
        )
        self._settings = WorkerSettings(slots=slots, lease_s=lease_s, watch_s=0.05)
        self.worker = None

    def work(self):
        """Start a worker."""
        self.worker = Worker(self.store, self.results, [self.handler], settings=self._settings)
        self.worker.start()
        return self.worker

    def rest(self):
        """Stop the worker, and whatever it has left running."""
        if self.worker is not None:
            self.worker.stop(grace_s=0)
            self.worker = None

    def submit(self, owner="ann", run=True, duration_s=None, **parameters):
        """Make a job."""
        sent = [
            Parameter(name, str(value))
            for name, values in {"NAME": "Out", **parameters}.items()
            for value in (values if isinstance(values, list) else [values])
        ]
        request = JobRequest(
            owner, job_kind(self.pipeline.name), sent, execution_duration_s=duration_s, run=run
        )
        return self.service.create(request).job_id

    def address(self, job_id, owner="ann"):
        return JobAddress(owner, job_kind(self.pipeline.name), job_id)

    def until(self, job_id, phases=TERMINAL):
        """Wait until a job is in one of some phases."""
        self.wait(lambda: self.store.get(job_id).phase in phases)
        return self.store.get(job_id)

    def until_running(self, job_id):
        """Wait until the program of a job tells of its progress."""
        self.until(job_id, {Phase.EXECUTING})
        self.wait(lambda: self._progress(job_id) is not None)
        return self.archive.latest(job_id)

    def result(self, job_id, name, owner="ann"):
        """Read a result."""
        _, _, stored = self.service.open_result(self.address(job_id, owner), name)
        with stored.content as content:
            return content.read()

    def wait(self, condition):
        """Wait for something."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.02)

    def discard(self):
        """End all programs."""
        self.rest()
        for job_id in self.archive.unsettled():
            for run in self.archive.attempts(job_id):
                self.executor.discard(run.path)

    def _progress(self, job_id):
        run = self.archive.latest(job_id)
        return None if run is None else run.read_state("progress.json")
