"""One run of a pipeline from its folder alone: no database, no network, no secrets.

Whatever happens, the folder says afterwards what: ``state/outcome.json`` has the status, the
reason, every problem of the inputs, and what was made.
"""

from __future__ import annotations

import errno
import importlib
import logging
import math
import resource
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import yaml

from pipelines.errors import (
    ConfigurationRejected,
    InputsRejected,
    PipelineError,
    PipelineFailed,
    RunStopped,
)
from pipelines.run_log import RunLog
from pipelines.runs import PipelineOutput, RunFolder
from pipelines.specification import PipelineSpecification

__all__ = ["EXIT_CODES", "FailureKind", "RunExecution"]

_LOG = logging.getLogger("pipelines.execution")

_PROGRESS_EVERY_S = 0.25
"""Between writings of the progress within one step."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class FailureKind(StrEnum):
    """Why a run came to nothing."""

    CONFIGURATION = "configuration"
    INPUTS = "inputs"
    STOPPED = "stopped"
    STORAGE = "storage"
    MEMORY = "memory"
    FAILURE = "failure"


EXIT_CODES: Mapping[FailureKind, int] = {
    FailureKind.FAILURE: 1,
    FailureKind.CONFIGURATION: 2,
    FailureKind.INPUTS: 3,
    FailureKind.STOPPED: 4,
    FailureKind.STORAGE: 5,
    FailureKind.MEMORY: 6,
}
"""Exit codes: they say why even when there was no room to write the outcome."""


class RunExecution:
    """Runs, or checks, what a folder says.

    Parameters
    ----------
    folder
        Of the run.
    package
        Module that has the pipeline; by default the one of this name in `pipelines`.
    executor
        For pipelines that work on many parts; threads of this process by default.
    """

    def __init__(
        self, folder: RunFolder, package: str | None = None, executor: Executor | None = None
    ) -> None:
        self._executor = executor
        self._folder = folder
        self._package = package
        self._started = datetime.now(UTC)
        self._log = RunLog()
        self._told = 0.0
        self._step = "init"
        self._step_begun = time.monotonic()
        self._timings: list[tuple[str, float]] = []

    def run(self) -> int:
        """Make the output; give the exit code."""
        return self._guarded(self._make)

    def check(self) -> int:
        """Read the inputs and say what would be done; give the exit code."""
        return self._guarded(self._look)

    def _guarded(self, work: Callable[[], Mapping[str, Any]]) -> int:
        folder = self._folder
        for part in folder.writable:
            part.mkdir(exist_ok=True)
        with self._log.written_to(folder.log_file), _stopped_by_signal():
            try:
                outcome = {"status": "Successful", **work()}
                code = 0
            except BaseException as error:  # noqa: BLE001 - whatever happens is the outcome
                kind = _kind(error)
                _clear(folder.outputs)
                outcome = self._failure(kind, error)
                code = EXIT_CODES[kind]
            finally:
                shutil.rmtree(folder.work, ignore_errors=True)
            self._end_step()
            with suppress(OSError):
                folder.write_state("outcome.json", {**outcome, **self._record()})
            _LOG.info("ended: %s", outcome["status"])
        return code

    def _pipeline(self) -> tuple[ModuleType, PipelineSpecification]:
        name = self._package or f"pipelines.{self._folder.configuration.pipeline}"
        module = importlib.import_module(name)
        specification: PipelineSpecification = module.SPECIFICATION
        _LOG.info("%s %s", specification.name, specification.version)
        return module, specification

    def _make(self) -> dict[str, Any]:
        module, specification = self._pipeline()
        output: PipelineOutput = self._output(module, specification)
        folder = self._folder
        for path in (output.main, *output.attachments):
            if not path.exists() or folder.outputs not in path.parents:
                raise PipelineFailed(f"the pipeline did not write {path.name!r} as an output")
        self._report("register", 1.0)
        _write_yaml(folder.outputs / "annotations.yaml", _annotations(specification, output))
        _write_yaml(folder.outputs / "process.yml", self._process(output))
        attachments = [*output.attachments, folder.outputs / "process.yml"]
        return {
            "main": output.main.relative_to(folder.outputs).as_posix(),
            "n_rows": output.n_rows,
            "columns_assoc": dict(output.columns_assoc),
            "attachments": [p.relative_to(folder.outputs).as_posix() for p in attachments],
            "summary": _plain(output.summary),
        }

    def _output(self, module: ModuleType, specification: PipelineSpecification) -> PipelineOutput:
        made: PipelineOutput
        if not specification.partitioned:
            made = module.run(self._folder, self._report)
        elif self._executor is not None:
            made = module.run(self._folder, self._report, self._executor)
        else:
            with ThreadPoolExecutor(1) as executor:
                made = module.run(self._folder, self._report, executor)
        return made

    def _look(self) -> dict[str, Any]:
        module, _ = self._pipeline()
        return {"summary": _plain(module.check(self._folder, self._report))}

    def _failure(self, kind: FailureKind, error: BaseException) -> dict[str, Any]:
        problems: Sequence[str] = ()
        if isinstance(error, ConfigurationRejected | InputsRejected):
            problems = error.problems
            _LOG.error("%s", error)
        else:
            _LOG.error("%s", error or type(error).__name__, exc_info=error)
        status = "Stopped" if kind is FailureKind.STOPPED else "Failed"
        return {
            "status": status,
            "kind": str(kind),
            "reason": _reason(kind, error),
            "problems": list(problems),
        }

    def _record(self) -> dict[str, Any]:
        configuration = self._folder.configuration_file
        named = self._folder.configuration if configuration.exists() else None
        return {
            "pipeline": named and named.pipeline,
            "version": named and named.version,
            "start_time": self._started.isoformat(),
            "end_time": datetime.now(UTC).isoformat(),
            "timings": self._timings,
            "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }

    def _report(self, step: str, fraction: float | None = None, text: str | None = None) -> None:
        now = time.monotonic()
        if step != self._step:
            self._end_step()
            self._step = self._log.phase = step
            _LOG.info("%s", text or f"{step} begins")
        elif now - self._told < _PROGRESS_EVERY_S:
            return
        self._told = now
        said = {"step": step, "fraction": fraction, "text": text, "timings": self._timings}
        self._folder.write_state("progress.json", said, durable=False)

    def _end_step(self) -> None:
        now = time.monotonic()
        self._timings.append((self._step, round(now - self._step_begun, 4)))
        self._step_begun = now

    def _process(self, output: PipelineOutput) -> dict[str, Any]:
        configuration = self._folder.configuration
        main = {
            "path": output.main.name,
            "root_dir": configuration.output_root_dir,
            "role": "main",
            "columns_assoc": dict(output.columns_assoc),
        }
        inputs = [
            _public(entry.model_dump(mode="json", exclude_none=True))
            for entries in configuration.inputs.values()
            for entry in entries
        ]
        return {
            "start_time": self._started.isoformat(),
            "end_time": datetime.now(UTC).isoformat(),
            "status": "Successful",
            "pipeline": configuration.pipeline,
            "version": configuration.version,
            "outputs": [main],
            "inputs": inputs,
            "param": configuration.param,
            "summary": _plain(output.summary),
        }


def _public(entry: dict[str, Any]) -> dict[str, Any]:
    """Leave out where on the site's disks an input in place lies."""
    if Path(entry["path"]).is_absolute():
        entry["path"] = entry["internal_name"]
    if "catalogue" in entry:
        entry["catalogue"].pop("maps", None)
    return entry


def _kind(error: BaseException) -> FailureKind:
    if isinstance(error, ConfigurationRejected):
        return FailureKind.CONFIGURATION
    if isinstance(error, InputsRejected):
        return FailureKind.INPUTS
    if isinstance(error, RunStopped | KeyboardInterrupt):
        return FailureKind.STOPPED
    # Arrow's own error of memory is a MemoryError, and that of the registry for a full disk
    # has the operating system's as its cause.
    if isinstance(error, MemoryError):
        return FailureKind.MEMORY
    if any(isinstance(each, OSError) and each.errno in _FULL for each in _chain(error)):
        return FailureKind.STORAGE
    return FailureKind.FAILURE


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _reason(kind: FailureKind, error: BaseException) -> str:
    if kind is FailureKind.MEMORY:
        return "the run needs more memory than it may have: combine fewer or smaller inputs"
    if kind is FailureKind.STORAGE:
        return "no space left for the run; nothing was kept: try again later, or with less"
    if kind is FailureKind.STOPPED:
        return "the run was stopped"
    if isinstance(error, PipelineError):
        return str(error)
    if isinstance(error, BrokenExecutor):
        return "a worker process of the run was ended from outside; run the job again"
    return f"the pipeline failed ({type(error).__name__}): {error}; its log has the details"


def _annotations(specification: PipelineSpecification, output: PipelineOutput) -> dict[str, Any]:
    known = {column.name: column for column in specification.output_columns} | dict(
        output.annotations
    )
    columns = {
        name: {
            key: value
            for key, value in asdict(known[name]).items()
            if key != "name" and value not in (None, "")
        }
        for name in output.columns
        if name in known
    }
    return {"override": True, "columns": columns}


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever JSON has
    """Give what JSON has: numbers of other libraries as numbers, those that are none as null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def _write_yaml(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(
        yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True), encoding="utf-8"
    )


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def _stopped_by_signal() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        # Once is enough: a second one must not break off the writing of the outcome.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise RunStopped("the run was stopped")

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
