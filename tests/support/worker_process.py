"""A worker as a process of its own, to be killed: ``worker_process.py URL FOLDER LEASE_S``.

The folder gets the results, a journal with a line per step of a job, and files by which the test
lets jobs go on.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from threading import Event

from uws.context import JobContext
from uws.model import Job
from uws.reconciler import Reconciler
from uws.results.folder import FolderResultStore
from uws.store.database import JobDatabase
from uws.store.sql import SqlJobStore
from uws.worker import Worker, WorkerSettings


class JournalHandler:
    """Does what DO says: nothing, ``wait`` for a file, or ``die``; each step in the journal."""

    kind = "journal"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def validate(self, parameters) -> None:
        """Take anything."""

    def run(self, job: Job, context: JobContext):
        self._note("begin", job)
        if "die" in job.values("DO"):
            os.kill(os.getpid(), signal.SIGKILL)
        if "wait" in job.values("DO"):
            while not (self._folder / "go").exists():
                if context.wait_cancelled(0.01):
                    self._note("cancel", job)
                    context.raise_if_cancelled()
        if not job.values("RESULT"):
            self._note("end", job)
            return []
        try:
            with context.open_result("result", "text/plain") as pending:
                pending.sink.write(str(os.getpid()).encode())
        finally:
            # Also when it was cancelled in between.
            self._note("end", job)
        return [pending.result()]

    def _note(self, step: str, job: Job) -> None:
        line = f"{step} {job.job_id} {job.attempt} {os.getpid()}\n"
        descriptor = os.open(
            self._folder / "journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644
        )
        os.write(descriptor, line.encode())
        os.close(descriptor)


def main(url: str, folder: Path, lease_s: float) -> None:
    """Work until SIGTERM."""
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    store = SqlJobStore(JobDatabase(url))
    results = FolderResultStore(folder / "results")
    settings = WorkerSettings(slots=2, lease_s=lease_s)
    worker = Worker(store, results, [JournalHandler(folder)], settings=settings)
    reconciler = Reconciler(store, results, interval_s=lease_s / 4)
    worker.start()
    reconciler.start()
    print("working", flush=True)
    stop.wait()
    reconciler.stop()
    worker.stop(grace_s=0)
    print("stopped", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
