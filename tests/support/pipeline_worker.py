"""A worker of pipelines as a process of its own, to be killed.

``pipeline_worker.py URL FOLDER LEASE_S [STEP]`` kills itself with -9 at a step, once per folder.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from threading import Event

from pipeline_jobs import PipelineJobs, offered

from pipelines import handler
from uws.reconciler import Reconciler
from uws.store.database import JobDatabase
from uws.store.sql import SqlJobStore

STEPS = ("reserve", "stage", "submit", "submitted", "outcome", "publish", "commit", "published")


def main(url: str, folder: Path, lease_s: float, step: str = "") -> None:
    """Work until SIGTERM, or until the step."""
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    jobs = PipelineJobs(
        SqlJobStore(JobDatabase(url)), folder, offered("troublesome"), lease_s=lease_s, slots=1
    )

    def die(at):
        marker = folder / "died"
        if at == step and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def mortal(function, before, after=None):
        def called(*arguments, **options):
            die(before)
            result = function(*arguments, **options)
            die(after)
            return result

        return called

    jobs.shelf.reserve = mortal(jobs.shelf.reserve, "reserve")
    handler.stage = mortal(handler.stage, "stage")
    jobs.executor.submit = mortal(jobs.executor.submit, "submit", "submitted")
    jobs.handler._outcome = mortal(jobs.handler._outcome, "outcome")
    jobs.shelf.publish = mortal(jobs.shelf.publish, "publish", "published")
    jobs.shelf.before_commit = lambda: die("commit")
    reconciler = Reconciler(jobs.store, jobs.results, interval_s=lease_s / 4)
    jobs.work()
    reconciler.start()
    jobs.settlement.start()
    print("working", flush=True)
    stop.wait()
    jobs.settlement.stop()
    reconciler.stop()
    jobs.rest()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), *sys.argv[4:])
