"""Mischief for the processes of a served installation, which find this first when they start.

`MORTAL_PIPELINES` names a folder of site files to offer instead of the packaged ones. The file
that `MORTAL_STEP` names holds a step, or nothing: at that step, once, a worker kills the whole
service with -9, itself last. With ``hold`` before the step it waits there until the file changes.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import signal
import sys
import time
from functools import partial, wraps
from pathlib import Path

LEASE_S = 4.0


class _Hook:
    """Changes some modules in the moment in which they have been imported."""

    def __init__(self, changes):
        self._changes = changes

    def find_spec(self, name, path=None, _target=None):
        change = self._changes.get(name)
        if change is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            change(module)

        spec.loader.exec_module = exec_module
        return spec


def _offer(catalogue):
    sites = os.environ.get("MORTAL_PIPELINES")
    if sites:
        catalogue.packaged_pipelines = lambda: catalogue.PipelineCatalogue(Path(sites))


def _find(launching):
    # Programs of runs must find the pipelines of the tests.
    launching._PACKAGES = f"{launching._PACKAGES}:{Path(__file__).resolve().parents[1]}"


def _die(at):
    order = os.environ.get("MORTAL_STEP")
    if not order or not at:
        return
    told = Path(order).read_text()
    if told == f"hold {at}":
        Path(order).with_name("held").touch()
        while Path(order).read_text() == told:
            time.sleep(0.02)
    if told != at:
        return
    Path(order).write_text("")
    keeper = os.getppid()
    siblings = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
    os.kill(keeper, signal.SIGKILL)
    for process in map(int, siblings):
        if process != os.getpid():
            os.kill(process, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def _mortal(holder, name, before="", after=""):
    function = getattr(holder, name)

    @wraps(function)
    def called(*arguments, **options):
        _die(before)
        result = function(*arguments, **options)
        _die(after)
        return result

    setattr(holder, name, called)


def _kill(jobs):
    from pipelines import handler
    from registry.products.outputs import OutputService
    from registry.products.registration import Registrar
    from registry.stores.metadata.products import SqlProductStore
    from uws.executors.processes import ProcessExecutor
    from uws.store.sql import SqlJobStore
    from vo_service.engines.duckdb.store import DuckdbTableStore

    # What a lost worker had is to be found soon.
    jobs.WorkerSettings = partial(jobs.WorkerSettings, lease_s=LEASE_S)
    jobs.Reconciler = partial(jobs.Reconciler, interval_s=LEASE_S / 4)
    worker = handler.PipelineJobHandler
    _mortal(worker, "validate", "claimed")
    _mortal(handler, "stage", "staging", "staged")
    _mortal(ProcessExecutor, "submit", "launching", "running")
    _mortal(worker, "_outcome", "harvesting")
    _mortal(OutputService, "publish", "publishing", "published")
    _mortal(Registrar, "register", "", "registered")
    _mortal(SqlProductStore, "switch", "committing", "committed")
    _mortal(DuckdbTableStore, "publish", "", "moved")
    transition = SqlJobStore.transition

    def changed(store, change):
        mine = str(change.target) == "COMPLETED"
        _die("completing" if mine else "")
        result = transition(store, change)
        _die("completed" if mine else "")
        return result

    SqlJobStore.transition = changed


sys.meta_path.insert(
    0,
    _Hook(
        {
            "pipelines.catalogue": _offer,
            "pipelines.launching": _find,
            "vo_service.assemble.jobs": _kill,
        }
    ),
)
