"""The service's side of the host: how a process gets engine processes."""

from __future__ import annotations

import atexit
import os
import pickle
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vo_service.engines.base import EngineUnavailable
from vo_service.engines.process.frames import SOCKET_BYTES
from vo_service.engines.process.program import EngineProgram, Order

__all__ = ["EngineHostClient", "Launched", "host_command", "host_environment", "host_sockets"]

_MODULE: Final = "vo_service.engines.process.host"

_PACKAGES: Final = Path(__file__).resolve().parents[3]
"""The folder from which the host imports our packages."""

_FORWARDED: Final = ("LD_LIBRARY_PATH", "PYTHONPYCACHEPREFIX")
"""Variables of the environment that the host gets; no secrets are among them."""

_ORDER_S: Final = 10.0
"""Seconds until an order is taken: a host that is started anew needs one or two."""


@dataclass(frozen=True, slots=True)
class Launched:
    """The service's ends of a new process.

    Attributes
    ----------
    connection
        To the process.
    lifeline
        Descriptor; the process is killed when it is closed.
    report
        On which the host says how the process ended, and kills it when this side is shut down.
    """

    connection: socket.socket
    lifeline: int
    report: socket.socket


def host_sockets() -> tuple[socket.socket, socket.socket]:
    """Make the two ends for orders: of those who order, and of the host."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return ours, theirs


def host_command(descriptor: int) -> list[str]:
    """Give the command of a host that takes orders on an inherited descriptor."""
    return [sys.executable, "-P", "-s", "-m", _MODULE, str(descriptor)]


def host_environment() -> dict[str, str]:
    """Give the environment of a host: nothing of this one's but what it needs."""
    kept = {name: os.environ[name] for name in _FORWARDED if name in os.environ}
    return kept | {
        "PYTHONPATH": str(_PACKAGES),
        "LANG": "C.UTF-8",
        # Threads of libraries would not survive the fork, and cost memory for nothing.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "RAYON_NUM_THREADS": "1",
        "ARROW_IO_THREADS": "1",
        # Arrow's own allocators reserve a gigabyte at once, which would count as used.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "MALLOC_ARENA_MAX": "2",
    }


class EngineHostClient:
    """Orders processes from a host: that of the service, or one of this process's own."""

    _lock = threading.Lock()
    _own: EngineHostClient | None = None
    _shared: int | None = None

    def __init__(self) -> None:
        self._process = os.getpid()
        self._starting = threading.Lock()
        self._control: socket.socket | None = None
        self._host: subprocess.Popen[bytes] | None = None
        if self._shared is not None:
            self._control = socket.socket(fileno=os.dup(self._shared))
            self._control.settimeout(_ORDER_S)

    @classmethod
    def of_process(cls) -> EngineHostClient:
        """Give the one of this process; a child of a fork gets another."""
        with cls._lock:
            if cls._own is None or cls._own.is_of_another_process:
                cls._own = cls()
                atexit.register(cls._own.close)
            return cls._own

    @classmethod
    def share(cls, descriptor: int) -> None:
        """Order from a host that all processes of a service share, here and in all forks.

        Parameters
        ----------
        descriptor
            Inherited; the end for orders of `host_sockets`.
        """
        cls._shared = descriptor

    @property
    def is_of_another_process(self) -> bool:
        """Whether a fork has copied it."""
        return self._process != os.getpid()

    def launch(self, program: EngineProgram, scratch: Path) -> Launched:
        """Order a process, and wait for nothing.

        Parameters
        ----------
        program
            That it runs.
        scratch
            Its folder.

        Raises
        ------
        EngineUnavailable
            If the host does not take the order.
        """
        order = pickle.dumps(Order(program, scratch))
        ours, theirs = socket.socketpair()
        report, host_report = socket.socketpair()
        lifeline, owner = os.pipe()
        for each in (ours, theirs):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
        try:
            self._send(order, [theirs.fileno(), lifeline, host_report.fileno()])
        except BaseException:
            ours.close()
            report.close()
            os.close(owner)
            raise
        finally:
            theirs.close()
            host_report.close()
            os.close(lifeline)
        return Launched(ours, owner, report)

    def close(self) -> None:
        """End a host of this process's own, and with it what it watches."""
        if self.is_of_another_process:
            return
        with self._starting:
            self._forget()

    def _send(self, order: bytes, descriptors: list[int]) -> None:
        try:
            for _ in range(2):
                control = self._ready()
                try:
                    socket.send_fds(control, [order], descriptors)
                except (BrokenPipeError, ConnectionResetError):
                    # It was killed; its processes go on, and another makes the next ones.
                    with self._starting:
                        self._forget()
                else:
                    return
        except OSError as error:
            raise EngineUnavailable("no process for the query can be started now") from error
        raise EngineUnavailable("no process for the query can be started now")

    def _ready(self) -> socket.socket:
        with self._starting:
            if self._control is None:
                self._control = self._start()
            return self._control

    def _forget(self) -> None:
        control, self._control = self._control, None
        host, self._host = self._host, None
        if control is not None:
            control.close()
        if host is not None:
            host.kill()
            host.wait()

    def _start(self) -> socket.socket:
        ours, theirs = host_sockets()
        ours.settimeout(_ORDER_S)
        with theirs:
            self._host = subprocess.Popen(  # noqa: S603 - this interpreter, with fixed arguments
                host_command(theirs.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=host_environment(),
                start_new_session=True,
            )
        return ours
