"""A pipe whose other end is held by the owner of a process: when it closes, the process is killed.

The kernel does it, so that a process that is busy, or swaps, or holds Python's lock dies as
well. Unlike ``PR_SET_PDEATHSIG`` it follows the service that owns a process, and not the host that
forked it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import sys
import threading

__all__ = ["follow", "outlive_parent"]

_PR_SET_PDEATHSIG = 1


def follow(descriptor: int) -> None:
    """Let this process be killed when nobody holds the other end of a pipe any more.

    Parameters
    ----------
    descriptor
        End for reading; nothing is ever written to the other.
    """
    if sys.platform == "linux":
        fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, int(signal.SIGKILL))
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_ASYNC | os.O_NONBLOCK)
        # It may have been closed before it was watched.
        try:
            closed = os.read(descriptor, 1) == b""
        except BlockingIOError:
            closed = False
        if closed:
            os.kill(os.getpid(), signal.SIGKILL)
        return
    threading.Thread(target=_wait, args=(descriptor,), daemon=True).start()


def outlive_parent() -> None:
    """Take back that this process dies with its parent, which `confine` asks for."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)


def _wait(descriptor: int) -> None:
    os.read(descriptor, 1)
    os.kill(os.getpid(), signal.SIGKILL)
