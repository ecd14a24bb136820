"""What runs have written, for their owners."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.errors import ConfigurationRejected
from pipelines.runs import RunFolder
from pipelines.yaml_document import parse_yaml
from uws.executors.processes import FOLDER
from uws.executors.slurm.executor import FOLDER as SLURM
from vo_service.api.processes import LogFile, ProcessLogs

__all__ = ["read_logs", "user_file_content"]

_MAX_BYTES = 5_000_000
"""The end of a log that is shown."""


def read_logs(run: RunFolder | None) -> ProcessLogs:
    """Read the logs of a run; none is a process that has not run."""
    if run is None:
        return ProcessLogs()
    around = [run.path / FOLDER / name for name in ("run.out", "run.err")]
    around += [run.path / SLURM / name for name in ("run.out", "run.err", "slurm.out")]
    return ProcessLogs(_read([run.log_file]), _read(around))


def user_file_content(content: bytes) -> Any:  # noqa: ANN401 - whatever YAML has
    """Give the content of a YAML file, or its text where it is no such file."""
    text = content.decode("utf-8", errors="replace")
    try:
        return parse_yaml(text, "the file").content
    except ConfigurationRejected:
        return text


def _read(paths: list[Path]) -> tuple[LogFile, ...]:
    found = []
    for path in paths:
        try:
            with path.open("rb") as stream:
                size = path.stat().st_size
                stream.seek(max(0, size - _MAX_BYTES))
                text = stream.read(_MAX_BYTES).decode("utf-8", errors="replace")
        except OSError:
            continue
        cut = f"[the first {size - _MAX_BYTES} bytes are left out]\n" if size > _MAX_BYTES else ""
        found.append(LogFile(path.name, cut + text))
    return tuple(found)
