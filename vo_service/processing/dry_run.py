"""Dry runs: what a pipeline says of its inputs before anything is computed."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from pipelines.catalogue import OfferedPipeline
from pipelines.ending import failure_of
from pipelines.errors import InputsRejected, PipelineFailed, RunFolderDamaged
from pipelines.intake import take_inputs
from pipelines.launching import may_link, run_task
from pipelines.request import PipelineRequest
from pipelines.runs import RunFolder
from pipelines.shelf import ProductShelf
from pipelines.staging import stage
from uws.executors.base import JobExecutor, TaskPhase
from vo_service.slots import ServiceBusy

__all__ = ["DryRuns"]

_POLL_S = 0.03

_RETRY_AFTER_S = 10


class DryRuns:
    """Checks requests without making anything of them.

    Parameters
    ----------
    shelf
        Products.
    executor
        Runs the programs.
    folder
        For run folders, which go at once.
    time_limit_s
        Seconds that one may take.
    slots
        How many at once.
    """

    def __init__(
        self,
        shelf: ProductShelf,
        executor: JobExecutor,
        folder: Path,
        *,
        time_limit_s: float = 60.0,
        slots: int = 2,
    ) -> None:
        self._shelf = shelf
        self._executor = executor
        self._folder = folder
        self._time_limit_s = time_limit_s
        self._slots = BoundedSemaphore(slots)

    def check(
        self,
        offered: OfferedPipeline,
        owner: str,
        request: PipelineRequest,
        files: Mapping[str, bytes],
    ) -> Mapping[str, Any]:
        """Let a pipeline look at its inputs; give what it says.

        Parameters
        ----------
        offered
            The pipeline.
        owner
            Who asks.
        request
            What a job would ask for.
        files
            Contents of parameters that are files.

        Raises
        ------
        ConfigurationRejected, InputsRejected
            With every problem at once.
        PipelineFailed
            If it came to nothing for another reason.
        ServiceBusy
            If others are being checked.
        ExecutorUnavailable
            If no program can be started.
        """
        products = take_inputs(self._shelf, offered.specification, owner, request)
        configuration = request.configuration(offered.specification, products)
        if not self._slots.acquire(blocking=False):
            raise ServiceBusy(_RETRY_AFTER_S)
        folder = RunFolder(self._folder / secrets.token_hex(8))
        try:
            folder.path.mkdir(parents=True, mode=0o700)
            stage(folder, configuration, files, link=may_link(offered), in_place=offered.in_place)
            return self._looked(offered, folder)
        finally:
            self._executor.discard(folder.path)
            shutil.rmtree(folder.path, ignore_errors=True)
            self._slots.release()

    def _looked(self, offered: OfferedPipeline, folder: RunFolder) -> Mapping[str, Any]:
        handle = self._executor.submit(run_task(offered, folder, "check", self._time_limit_s))
        while (status := self._executor.poll([handle])[handle]).phase is not TaskPhase.ENDED:
            time.sleep(_POLL_S)
        try:
            outcome = folder.read_state("outcome.json")
        except RunFolderDamaged:
            outcome = None
        failure = failure_of(offered.site, status, outcome)
        if failure is not None:
            if outcome is not None and outcome.get("problems"):
                raise InputsRejected(failure.splitlines())
            raise PipelineFailed(failure)
        summary = None if outcome is None else outcome.get("summary")
        return summary if isinstance(summary, dict) else {}
