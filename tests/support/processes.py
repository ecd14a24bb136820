"""Processes of a served installation: which there are, what they use, how they are killed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """List a process and all that it has started."""
    found = [pid]
    for number in found:
        for task in Path(f"/proc/{number}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found.extend(map(int, task.read_text().split()))
    return found


def memory_peaks(pid: int) -> dict[int, int]:
    """Give the most memory, in bytes, that each process below one has had."""
    peaks = {}
    for number in descendants(pid):
        with contextlib.suppress(OSError, TypeError):
            status = Path(f"/proc/{number}/status").read_text()
            peaks[number] = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024
    return peaks


def kill_all(pid: int) -> None:
    """Kill a process and all that it has started, as a power cut would."""
    for number in descendants(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
