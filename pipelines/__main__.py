"""``python -P -m pipelines run RUN_DIR``: one run, from its first instruction.

Locks before libraries: a thread that was there before the locks would not have them, and
libraries start threads when they are imported. So the pipeline is imported when the locks are on.
Worker processes are forked in between: they have the locks, and no threads of libraries.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipelines.workers import WorkerPool
from registry.host.confinement import confine
from registry.host.exclusion import exclude

__all__ = ["main"]

_OPEN_FILES = 4096
"""Descriptors at once: a partitioned catalogue is many files."""

_NO_CPU_LIMIT_S = 10**9
"""Processor time is bounded by whoever started the run, together with the wall clock."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run or check what a folder says; give the exit code.

    Parameters
    ----------
    arguments
        Of the command line, by default those of the process.
    """
    parser = argparse.ArgumentParser(prog="python -P -m pipelines", description=__doc__)
    parser.add_argument("action", choices=("run", "check"))
    parser.add_argument("folder", type=Path, help="folder of the run")
    parser.add_argument("--package", help="module of the pipeline")
    parser.add_argument("--memory-bytes", type=int, help="private memory of the process")
    parser.add_argument("--file-bytes", type=int, default=2**40, help="size of a file at most")
    parser.add_argument("--confined", action="store_true", help="give up the rest of the host")
    parser.add_argument("--readable", action="append", default=[], type=Path, help="input in place")
    parser.add_argument("--workers", type=int, default=0, help="processes for many parts")
    parser.add_argument("--without", action="append", default=[], help="library that is not needed")
    asked = parser.parse_args(arguments)
    for library in asked.without:
        exclude(library)
    pool = WorkerPool(asked.workers) if asked.workers else None
    if asked.confined:
        _confine(asked.folder.absolute(), asked.memory_bytes, asked.file_bytes, asked.readable)
    if pool is not None:
        pool.start()

    from pipelines.execution import RunExecution
    from pipelines.runs import RunFolder

    executor = None if pool is None else pool.executor
    execution = RunExecution(RunFolder(asked.folder), asked.package, executor)
    try:
        return execution.run() if asked.action == "run" else execution.check()
    finally:
        if pool is not None:
            pool.end()


def _confine(
    folder: Path, memory_bytes: int | None, file_bytes: int, readable: Sequence[Path]
) -> None:
    writable = [folder / name for name in ("outputs", "work", "state")]
    for part in writable:
        part.mkdir(parents=True, exist_ok=True)
    packages = Path(__file__).resolve().parents[1]
    confine(
        [folder, packages / "pipelines", packages / "config", *readable],
        writable,
        memory_bytes=2**50 if memory_bytes is None else memory_bytes,
        cpu_s=_NO_CPU_LIMIT_S,
        open_files=_OPEN_FILES,
        file_bytes=file_bytes,
        processes=True,
    )


if __name__ == "__main__":
    sys.exit(main())
