"""Runs of pipelines on this host without a server, from a configuration on disk."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.catalogue import OfferedPipeline
from pipelines.configuration import check_configuration, load_document
from pipelines.ending import failure_of
from pipelines.errors import InputsRejected, PipelineFailed, RunFolderDamaged
from pipelines.launching import may_link, run_task
from pipelines.runs import RunFolder
from pipelines.staging import resolve_paths, stage
from uws.executors.base import JobExecutor, TaskHandle, TaskPhase

__all__ = ["LocalRun", "free_folder", "run_configuration"]

_POLL_S = 0.05

Told = Callable[[str, float | None], None]
"""Told the step of a run, and the fraction that is done where it is known."""


@dataclass(frozen=True, slots=True)
class LocalRun:
    """A run that ended well.

    Attributes
    ----------
    folder
        Of the run.
    output
        The table; none of a check.
    outcome
        What the run says of itself.
    """

    folder: RunFolder
    output: Path | None
    outcome: dict[str, Any]


def free_folder(base: Path) -> Path:
    """Name the first folder ``process001``, ``process002`` ... that is not there yet."""
    number = 1
    while (base / f"process{number:03d}").exists():
        number += 1
    return base / f"process{number:03d}"


def run_configuration(
    offered: OfferedPipeline,
    executor: JobExecutor,
    configuration: Path,
    run_dir: Path,
    *,
    told: Told,
    action: str = "run",
) -> LocalRun:
    """Run, or check, a configuration; its paths are relative to it.

    Parameters
    ----------
    offered
        The pipeline.
    executor
        Runs the program.
    configuration
        YAML with the keys of the Photo-z Server.
    run_dir
        Folder for the run; must not be there, or be empty.
    told
        Told the progress.
    action
        ``run`` or ``check``.

    Raises
    ------
    ConfigurationRejected, InputsRejected
        With every problem at once.
    PipelineFailed
        If the run came to nothing, or the folder is in use.
    ExecutorUnavailable
        If no program can be started.
    OSError
        If an input cannot be read, or the folder not be written.
    """
    specification = offered.specification
    complete = check_configuration(specification, load_document(configuration))
    complete, files = resolve_paths(specification, complete, configuration.absolute().parent)
    if run_dir.exists() and any(run_dir.iterdir()):
        raise PipelineFailed(f"the folder {str(run_dir)!r} is not empty; name another one")
    folder = RunFolder(run_dir)
    stage(folder, complete, files, link=may_link(offered), in_place=offered.in_place)
    handle = executor.submit(run_task(offered, folder, action))
    try:
        outcome = _followed(offered, executor, handle, folder, told)
    except BaseException:
        executor.discard(folder.path)
        raise
    finally:
        shutil.rmtree(folder.inputs_folder, ignore_errors=True)
    return LocalRun(folder, _published(folder, outcome) if action == "run" else None, outcome)


def _followed(
    offered: OfferedPipeline,
    executor: JobExecutor,
    handle: TaskHandle,
    folder: RunFolder,
    told: Told,
) -> dict[str, Any]:
    while (status := executor.poll([handle])[handle]).phase is not TaskPhase.ENDED:
        said = folder.read_state("progress.json") or {}
        told(str(said.get("step") or "starting"), said.get("fraction"))
        time.sleep(_POLL_S)
    try:
        outcome = folder.read_state("outcome.json")
    except RunFolderDamaged:
        outcome = None
    failure = failure_of(offered.site, status, outcome)
    if failure is not None:
        problems = (outcome or {}).get("problems")
        if problems:
            raise InputsRejected([str(problem) for problem in problems])
        raise PipelineFailed(f"{failure}; see {folder.log_file}")
    return outcome or {}


def _published(folder: RunFolder, outcome: dict[str, Any]) -> Path:
    """Put the outputs where the configuration wants them, below the folder of the run."""
    main = str(outcome["main"])
    configuration = folder.configuration
    target = folder.path / configuration.output_root_dir / configuration.output_dir
    if target.resolve() != folder.outputs.resolve():
        shutil.copytree(folder.outputs, target, dirs_exist_ok=True)
    return target.resolve() / main
