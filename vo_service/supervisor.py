"""The process that keeps the others: web processes and workers, stopped together.

It has imported everything and opened nothing, so that they are forks of it: they start at once and
share its memory. A child that dies is started again, after a pause that grows while it keeps
dying. SIGTERM and SIGINT are passed on as SIGTERM, once; a child that does not stop in time is
killed.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol

from setproctitle import setproctitle

__all__ = ["Child", "Fork", "Process", "Supervisor", "program"]

_LOG = logging.getLogger("pzvo")

_POLL_S = 0.1
_PR_SET_PDEATHSIG = 1
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_HEALTHY_S = 5.0
"""A child that lived so long starts again at once."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Process(Protocol):
    """A running process: what `subprocess.Popen` has of it."""

    def poll(self) -> int | None:
        """Give the exit code if the process has ended."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; raises `subprocess.TimeoutExpired` if it does not come in time."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it."""


class Fork:
    """A copy of this process that does something else, and ends with this one.

    Parameters
    ----------
    title
        For the list of the system's processes.
    work
        What it does; its code is 0 when that returns, that of `SystemExit`, and 1 when it fails
        in another way, which is logged.

    Notes
    -----
    ``PR_SET_PDEATHSIG`` of Linux: SIGTERM comes when the parent ends, however it ends.
    """

    def __init__(self, title: str, work: Callable[[], None]) -> None:
        parent = os.getpid()
        # A signal that comes before the copy has its own handlers waits for them.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            self._pid = os.fork()
            if self._pid == 0:
                _be_fork(parent, title, work)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        self._code: int | None = None

    def poll(self) -> int | None:
        """Give the exit code if the process has ended."""
        return self._look(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end.

        Raises
        ------
        subprocess.TimeoutExpired
            If it does not come in time.
        """
        ending = None if timeout is None else time.monotonic() + timeout
        while (code := self._look(0 if ending is None else os.WNOHANG)) is None:
            if ending is not None and time.monotonic() >= ending:
                raise subprocess.TimeoutExpired(f"process {self._pid}", timeout or 0.0)
            time.sleep(0.01)
        return code

    def terminate(self) -> None:
        """Ask it to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._signal(signal.SIGKILL)

    def _look(self, how: int) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self._pid, how)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def _signal(self, number: signal.Signals) -> None:
        # Nobody else gets its number before it was waited for.
        if self.poll() is None:
            os.kill(self._pid, number)


def _be_fork(parent: int, title: str, work: Callable[[], None]) -> None:
    """Do the work of a copy; never returns."""
    code = 1
    try:
        # Out of reach of the terminal's signals: the supervisor passes them on.
        os.setsid()
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() == parent:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            setproctitle(title)
            work()
            code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001 - the end of the process, with its reason
        _LOG.exception("%s failed", title)
    finally:
        logging.shutdown()
        os._exit(code)


def program(
    command: Sequence[str], pass_fds: tuple[int, ...], environment: Mapping[str, str]
) -> Process:
    """Start another program, out of reach of the terminal's signals.

    Parameters
    ----------
    command
        Program and arguments.
    pass_fds
        Open files that the process inherits.
    environment
        Its variables.
    """
    return subprocess.Popen(  # noqa: S603 - our own command line
        command, pass_fds=pass_fds, env=environment, start_new_session=True
    )


@dataclass(slots=True)
class Child:
    """A process to be kept running.

    Attributes
    ----------
    name
        For the log.
    begin
        Starts the process.
    """

    name: str
    begin: Callable[[], Process]
    process: Process | None = None
    started: float = 0.0
    due: float = 0.0
    pause_s: float = field(default=_FIRST_PAUSE_S)

    def start(self) -> None:
        """Start the process."""
        self.started = time.monotonic()
        self.process = self.begin()

    def check(self, report: Callable[[str], None]) -> None:
        """Start the process if it is not there, or again if it is gone."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.due:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        self.process = None
        if now - self.started > _HEALTHY_S:
            self.pause_s = _FIRST_PAUSE_S
            report(f"{self.name} ended with code {code}; it is started again")
            self.start()
            return
        self.due = now + self.pause_s
        report(f"{self.name} ended with code {code}; it is started again in {self.pause_s:g} s")
        self.pause_s = min(2 * self.pause_s, _LONGEST_PAUSE_S)


class Supervisor:
    """Keeps processes running until a signal says to stop.

    Parameters
    ----------
    children
        What is kept running; some may run already.
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

    def run(self, started: Callable[[], None]) -> None:
        """Run until a signal.

        Parameters
        ----------
        started
            Is called when all were started.
        """
        previous = {number: signal.signal(number, self._stop) for number in _SIGNALS}
        try:
            self._check()
            started()
            while not self._stopping:
                time.sleep(_POLL_S)
                self._check()
        finally:
            self._end()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _check(self) -> None:
        for child in self._children:
            if not self._stopping:
                child.check(self._report)

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
