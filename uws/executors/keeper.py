"""The process that stands between the service and a program: it outlives the service.

``python -P -m uws.executors.keeper FOLDER`` reads ``FOLDER/task.json``, detaches itself, starts
the program, keeps its limits and writes how it ended. The first process ends with 0 once the
second has recorded itself, so that whoever started it knows. With ``--here`` before the folder it
stays what it is: a batch system keeps it.

A lock on ``FOLDER/lock`` is held as long as the keeper lives: that, and no process number, tells
whether a task is alive. When the keeper is killed, the kernel kills the program.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ["EXIT", "LOCK", "MARKER", "RECORD", "STOP", "TASK", "main", "start_ticks"]

TASK, LOCK, RECORD, EXIT, STOP = "task.json", "lock", "process.json", "exit.json", "stop"
"""Files in the keeper's folder: the task, its lock, who runs it, how it ended, a wish to stop."""

MARKER = "RUN_FOLDER"
"""Variable in the environment of a program that names its task, also for what it has started."""

GRACE_S = 5.0
"""Between the request to stop and the kill."""

_TICK_S = 0.05

_LOCK_TRIES = 20

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36

_DATA_SLACK_BYTES = 256 * 2**20
"""Private memory that libraries reserve and never touch."""

_MORE_LIKELY_KILLED = "500"
"""Adjustment by which the kernel, short of memory, ends a job rather than the service."""

_RESERVED = b" " * 4096
"""Room for the exit document, taken beforehand: a full disk must not hide how a task ended."""


class _Keeper:
    """Runs one task.

    Parameters
    ----------
    folder
        Of the keeper.
    task
        As `uws.executors.processes` wrote it.
    """

    def __init__(self, folder: Path, task: dict[str, Any]) -> None:
        self._folder = folder
        self._task = task
        self._stopping = False
        self._libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def keep(self) -> None:
        """Start the program, wait for its end within its limits, and write how it ended."""
        signal.signal(signal.SIGTERM, self._stop)
        if self._libc is not None:
            self._libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        part = self._folder / f"{EXIT}.part"
        part.write_bytes(_RESERVED)
        cause: str | None = "stopped"
        code: int | None = None
        if not self._wants_stop():
            code, cause = self._run()
        text = json.dumps({"exit_code": code, "cause": cause}).encode()
        with part.open("r+b") as stream:
            stream.write(text.ljust(len(_RESERVED)))
            os.fsync(stream.fileno())
        part.replace(self._folder / EXIT)

    def _run(self) -> tuple[int | None, str | None]:
        try:
            program = self._start()
        except OSError as error:
            (self._folder / "run.err").write_text(f"{error}\n", encoding="utf-8")
            return None, None
        deadline = time.monotonic() + float(self._task["time_limit_s"])
        cause: str | None = None
        while (code := program.poll()) is None:
            cause = self._excess(deadline)
            if cause is not None:
                self._end_tree(program, kill=cause == "memory")
                code = program.wait()
                break
            with suppress(subprocess.TimeoutExpired):
                program.wait(_TICK_S)
        self._end_tree(None, kill=True)
        if cause is None and code and self._stopping:
            # A batch system tells the program as well, which may be the quicker one.
            cause = "stopped"
        if cause is None and code == -signal.SIGKILL:
            cause = "killed"
        return code, cause

    def _start(self) -> subprocess.Popen[bytes]:
        task = self._task
        with (
            (self._folder / "run.out").open("ab") as out,
            (self._folder / "run.err").open("ab") as err,
        ):
            return subprocess.Popen(  # noqa: S603 - what the service asked for, without a shell
                task["command"],
                cwd=task["folder"],
                env={**task["environment"], MARKER: task["folder"]},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                preexec_fn=self._limit,  # noqa: PLW1509 - this process has one thread
                start_new_session=True,
            )

    def _limit(self) -> None:
        memory = int(self._task["memory_bytes"]) + _DATA_SLACK_BYTES
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        if self._libc is not None:
            self._libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
            with suppress(OSError):
                Path("/proc/self/oom_score_adj").write_text(_MORE_LIKELY_KILLED, encoding="ascii")

    def _excess(self, deadline: float) -> str | None:
        if self._stopping or self._wants_stop():
            return "stopped"
        if time.monotonic() > deadline:
            return "time"
        if sum(map(_private_bytes, _descendants(os.getpid()))) > int(self._task["memory_bytes"]):
            return "memory"
        return None

    def _end_tree(self, program: subprocess.Popen[bytes] | None, *, kill: bool) -> None:
        """End everything that the program has started; orphans are this process's children."""
        if not kill and program is not None:
            for process in _descendants(os.getpid()):
                _signal(process, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                program.wait(GRACE_S)
        while left := _descendants(os.getpid()):
            for process in left:
                _signal(process, signal.SIGKILL)
            if program is not None:
                program.wait()
                program = None
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            time.sleep(_TICK_S / 10)

    def _wants_stop(self) -> bool:
        return (self._folder / STOP).exists()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True


def start_ticks(process: int) -> int | None:
    """Give the moment at which a process began; a number used again has another.

    Parameters
    ----------
    process
        Its number.
    """
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[19])


def _descendants(process: int) -> list[int]:
    found = []
    # One thread has made them all here, but programs may fork in any of theirs.
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, children.read_text(encoding="ascii").split()):
                found += [child, *_descendants(child)]
    return found


def _private_bytes(process: int) -> int:
    kibibytes = 0
    with suppress(OSError):
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8", errors="replace")
        for line in status.splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                kibibytes += int(line.split()[1])
    return kibibytes * 1024


def _signal(process: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)


def _locked(lock: int) -> bool:
    # Whoever asks whether a task is alive holds the lock for a moment.
    for _ in range(_LOCK_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(_TICK_S)
    return False


def _record(folder: Path) -> None:
    record = {"pid": os.getpid(), "start": start_ticks(os.getpid())}
    part = folder / f"{RECORD}.part"
    part.write_text(json.dumps(record), encoding="utf-8")
    part.replace(folder / RECORD)


def main() -> int:
    """Record and detach; give 0 once somebody keeps the task."""
    here = sys.argv[1] == "--here"
    folder = Path(sys.argv[-1])
    task = json.loads((folder / TASK).read_text(encoding="utf-8"))
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    if not _locked(lock):
        sys.stderr.write("the task is kept already\n")
        return 1
    if (folder / RECORD).exists():
        sys.stderr.write("the task was started before\n")
        return 1
    if here:
        _record(folder)
        _Keeper(folder, task).keep()
        return 0
    ready, told = os.pipe()
    if os.fork():
        # The lock belongs to the open file, which the child holds on to.
        os.close(told)
        return 0 if os.read(ready, 1) else 1
    os.setsid()
    _record(folder)
    os.write(told, b"+")
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    _Keeper(folder, task).keep()
    return 0


if __name__ == "__main__":
    sys.exit(main())
