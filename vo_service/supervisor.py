"""The process that keeps the others: web processes and workers, stopped together.

A child that dies is started again, after a pause that grows while it keeps dying. SIGTERM and
SIGINT are passed on as SIGTERM, once; a child that does not stop in time is killed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

__all__ = ["Child", "Supervisor", "follow_parent"]

_POLL_S = 0.2
_PR_SET_PDEATHSIG = 1
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_HEALTHY_S = 60.0
"""A child that lived so long starts again at once."""


@dataclass(slots=True)
class Child:
    """A process to be kept running.

    Attributes
    ----------
    name
        For the log.
    command
        Program and arguments.
    pass_fds
        Open files that the process inherits.
    vital
        Whether the service ends when this process ends by itself at its very start.
    environment
        Variables; those of this process by default.
    """

    name: str
    command: Sequence[str]
    pass_fds: tuple[int, ...] = ()
    vital: bool = False
    environment: Mapping[str, str] | None = None
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0
    pause_s: float = field(default=_FIRST_PAUSE_S)

    def start(self) -> None:
        """Start the process, out of reach of the terminal's signals."""
        self.started = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own command line
            self.command,
            pass_fds=self.pass_fds,
            env=self.environment,
            start_new_session=True,
        )

    def check(self, report: Callable[[str], None]) -> int | None:
        """Start the process again if it is gone; give its code if it ended and is vital."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.due:
                self.start()
            return None
        code = self.process.poll()
        if code is None:
            return None
        lived_s = now - self.started
        if self.vital and lived_s < _FIRST_PAUSE_S * 10:
            return code
        self.pause_s = 0.0 if lived_s > _HEALTHY_S else min(2 * self.pause_s, _LONGEST_PAUSE_S)
        self.pause_s = max(self.pause_s, _FIRST_PAUSE_S)
        report(f"{self.name} ended with code {code}; it is started again in {self.pause_s:g} s")
        self.process, self.due = None, now + self.pause_s
        return None


def follow_parent(parent: int) -> None:
    """Let this process get SIGTERM when its parent ends, however it ends.

    Parameters
    ----------
    parent
        Identifier of the process that started this one.

    Raises
    ------
    SystemExit
        If the parent is gone already.

    Notes
    -----
    ``PR_SET_PDEATHSIG`` of Linux; a child of a supervisor that was killed must not go on.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit(1)


class Supervisor:
    """Keeps processes running until a signal says to stop.

    Parameters
    ----------
    children
        What is kept running.
    report
        Takes lines for the operator.
    grace_s
        Seconds that the children get to stop.
    """

    def __init__(
        self, children: Sequence[Child], report: Callable[[str], None], grace_s: float = 15.0
    ) -> None:
        self._children = children
        self._report = report
        self._grace_s = grace_s
        self._stopping = False

    def run(self) -> int:
        """Run until a signal, and give the exit code."""
        previous = {
            number: signal.signal(number, self._stop)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        }
        code = 0
        try:
            for child in self._children:
                child.start()
            while not self._stopping:
                time.sleep(_POLL_S)
                codes = [child.check(self._report) for child in self._children]
                failed = [each for each in codes if each is not None]
                if failed:
                    code = failed[0] or 1
                    break
        finally:
            self._end()
            for number, handler in previous.items():
                signal.signal(number, handler)
        return code

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _end(self) -> None:
        running = [c.process for c in self._children if c.process is not None]
        for process in running:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + self._grace_s
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
