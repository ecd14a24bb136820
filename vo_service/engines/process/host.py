"""The process that makes engine processes: it has imported everything, and opened nothing.

Started as ``python -m vo_service.engines.process.host DESCRIPTOR``. Each message on its socket
asks for one process, and brings its three descriptors: the connection, the lifeline, and one on
which the host says how the process ended. It also keeps the sum of what they use under a limit, by
ending the largest. It ends when nobody can ask it any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import os
import pickle
import select
import signal
import socket
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from registry.host.confinement import confine
from vo_service.engines.process.frames import ERROR, frame
from vo_service.engines.process.lifeline import follow, outlive_parent
from vo_service.engines.process.messages import write_error
from vo_service.engines.process.program import EngineProgram, Order
from vo_service.engines.process.serving import EngineServer

__all__ = ["ALL_MEMORY", "main"]

ALL_MEMORY: Final = "memory"
"""Why a process was ended: all of them together had used up what they may."""

_LOOK_S: Final = 0.05
"""Between two looks at what the processes use: one grows by some 100 MB meanwhile."""

_REST_S: Final = 0.2
"""The same where none is at work."""

_MESSAGE_BYTES: Final = 2**17

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")

_CONNECTION: Final = 3
_LIFELINE: Final = 4
"""Descriptors of an engine process; it has no others of its maker's."""

_CPU_S: Final = 10**6
"""No limit of processor time: a process answers many queries, and the service watches each."""


@dataclass(slots=True)
class _Child:
    """A process, and what its owner wants to know of it."""

    pid: int
    report: socket.socket
    program: EngineProgram
    reason: str = ""


class EngineHost:
    """Makes processes on demand.

    Parameters
    ----------
    control
        Where orders come from.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._children: dict[int, _Child] = {}
        self._ends: dict[int, _Child] = {}
        self._base_bytes = _private_bytes(os.getpid())

    def run(self) -> None:
        """Serve until all who could order are gone; those that still run go on."""
        pause_s = _REST_S
        while True:
            for descriptor, _ in self._poll.poll(pause_s * 1000):
                if descriptor == self._control.fileno():
                    if not self._take_order():
                        return
                elif descriptor in self._ends:
                    self._reap(self._ends.pop(descriptor), descriptor)
                elif descriptor in self._children:
                    # Whoever owned it has closed, or asks for its end.
                    self._poll.unregister(descriptor)
                    self._kill(self._children[descriptor])
            pause_s = _LOOK_S if self._limit_memory() else _REST_S

    def _take_order(self) -> bool:
        content, descriptors, _, _ = socket.recv_fds(self._control, _MESSAGE_BYTES, 3)
        if not content:
            return False
        order: Order = pickle.loads(content)  # noqa: S301 - the service wrote it
        # What a process needs is loaded once, for all that follow.
        if order.program.module not in sys.modules:
            importlib.import_module(order.program.module)
            gc.collect()
            gc.freeze()
            self._base_bytes = _private_bytes(os.getpid())
        connection, lifeline, report = descriptors
        pid = os.fork()
        if pid == 0:
            _be_engine(connection, lifeline, order)
        os.close(connection)
        os.close(lifeline)
        child = _Child(pid, socket.socket(fileno=report), order.program)
        end = os.pidfd_open(pid)
        self._children[report], self._ends[end] = child, child
        self._poll.register(report, select.POLLIN | select.POLLRDHUP)
        self._poll.register(end, select.POLLIN)
        return True

    def _reap(self, child: _Child, end: int) -> None:
        self._poll.unregister(end)
        os.close(end)
        _, status = os.waitpid(child.pid, 0)
        descriptor = child.report.fileno()
        if self._children.pop(descriptor, None) is not None:
            with contextlib.suppress(KeyError):
                self._poll.unregister(descriptor)
        with contextlib.suppress(OSError):
            code = os.waitstatus_to_exitcode(status)
            child.report.send(f"{code} {child.reason}".encode(), socket.MSG_DONTWAIT)
        child.report.close()

    def _kill(self, child: _Child) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)

    def _limit_memory(self) -> bool:
        """End the largest process if all together use too much; say whether any is at work."""
        if not self._ends:
            return False
        used = [
            (_private_bytes(child.pid) - self._base_bytes, child) for child in self._ends.values()
        ]
        largest_bytes, largest = max(used, key=lambda pair: pair[0])
        total_bytes = sum(max(0, size) for size, _ in used)
        if total_bytes > largest.program.all_memory_bytes and not largest.reason:
            largest.reason = ALL_MEMORY
            self._kill(largest)
        return largest_bytes > largest.program.idle_bytes


def _private_bytes(pid: int) -> int:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return (int(pages[1]) - int(pages[2])) * _PAGE_BYTES if len(pages) > 2 else 0


def _be_engine(connection: int, lifeline: int, order: Order) -> None:
    """Become an engine process; never returns."""
    code = 1
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        kept = [os.dup(each) for each in (nowhere, nowhere, nowhere, connection, lifeline)]
        for target, source in enumerate(kept):
            # Beyond all of the targets, so that none is overwritten before its turn.
            kept[target] = fcntl.fcntl(source, fcntl.F_DUPFD, 100)
        for target, source in enumerate(kept):
            os.dup2(source, target)
        os.closerange(len(kept), os.sysconf("SC_OPEN_MAX"))
        follow(_LIFELINE)
        _run_engine(order)
        code = 0
    except BaseException as error:  # noqa: BLE001 - a copy of the host must not go on as one
        with contextlib.suppress(OSError), socket.socket(fileno=_CONNECTION) as told:
            trace = "".join(traceback.format_exception(error, limit=20))
            said = write_error(error, trace, order.program.memory_bytes)
            told.send(frame(ERROR, said), socket.MSG_DONTWAIT)
            # What is left unread would make the kernel forget what was said.
            while told.recv(_MESSAGE_BYTES, socket.MSG_DONTWAIT):
                pass
    finally:
        os._exit(code)


def _run_engine(order: Order) -> None:
    program = order.program
    statistics = os.open("/proc/self/statm", os.O_RDONLY)
    confine(
        program.readable,
        [order.scratch],
        memory_bytes=program.memory_bytes,
        cpu_s=_CPU_S,
        open_files=program.open_files,
        file_bytes=program.temporary_bytes,
    )
    outlive_parent()
    processor = importlib.import_module(program.module).open_processor(
        order.scratch, **program.options
    )
    connection = socket.socket(fileno=_CONNECTION)
    EngineServer(connection, processor, program.memory_bytes, statistics).run()


def main() -> int:
    """Serve the orders on the socket whose descriptor is the argument."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    EngineHost(control).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
