"""Worker processes of a run, for work on many parts at once."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from concurrent.futures import Executor, ProcessPoolExecutor, wait
from multiprocessing import get_context
from multiprocessing.process import BaseProcess

__all__ = ["WorkerPool"]

_PR_SET_PDEATHSIG = 1


class WorkerPool:
    """A pool of forked processes.

    Parameters
    ----------
    workers
        How many.

    Notes
    -----
    It is made before the run locks itself, because its semaphores are files of the system, and
    started afterwards, so that the workers have the locks; both before libraries are imported,
    whose threads a fork would not take along.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool = ProcessPoolExecutor(
            workers, mp_context=get_context("fork"), initializer=_begin, initargs=(os.getpid(),)
        )

    @property
    def executor(self) -> Executor:
        """The pool as everybody knows it."""
        return self._pool

    def start(self) -> None:
        """Fork the workers."""
        wait([self._pool.submit(os.getpid) for _ in range(self._workers)])

    def end(self) -> None:
        """End the workers, also those that are at work."""
        processes: list[BaseProcess] = list((self._pool._processes or {}).values())  # noqa: SLF001 - public only from Python 3.14 on
        for process in processes:
            process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _begin(driver: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != driver:
            os._exit(1)
