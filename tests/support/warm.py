"""Python processes that start at once: forks of one that has imported what they need.

The command line and the client of the Photo-z Server take seconds to import, which hundreds of
tests would each pay. `WarmPython` keeps a process that has done so, and forks it for each command:
with arguments, environment, folder and files of its own, and with a number to be waited for and
killed by, as any other. It forks as ``pzvo serve`` does, with nothing opened.

What only a start from nothing shows (settings of the interpreter, limits, other packages) starts
from nothing: see `command_line.pzvo_process`, the wheel and what kills or pipes commands.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]

COMMAND_LINE = """\
import os
from registry.host.exclusion import exclude
from registry.host.memory import use_system_memory
use_system_memory(os.environ)
exclude("pandas")
import vo_service.assemble
import vo_service.cli.serving
import vo_service.server
from setproctitle import getproctitle
# It looks for its place beside the first environment, which forks do not keep.
getproctitle()
"""
"""Imports what ``pzvo`` needs, as ``pzvo serve`` does before it forks."""

RUN_COMMAND_LINE = "from vo_service.cli import main; main(prog_name='pzvo')"


class WarmProcess:
    """A forked process: what tests use of `subprocess.Popen`."""

    def __init__(self, pid: int, ended: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = ended
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        if self._look(timeout) is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _look(self, timeout: float | None) -> int | None:
        with self._lock:
            if self.returncode is None and select.select([self._ended], [], [], timeout)[0]:
                said = os.read(self._ended, 16)
                os.close(self._ended)
                assert said, "the process that was forked is gone"
                self.returncode = int(said)
            return self.returncode


class WarmPython:
    """A process that has imported something, and is forked.

    Parameters
    ----------
    python
        The interpreter.
    imports
        What it runs before it is forked.
    """

    def __init__(self, python: str, imports: str) -> None:
        self._ours, theirs = socket.socketpair()
        self._lock = threading.Lock()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PZVO_")}
        with theirs:
            self._process = subprocess.Popen(
                [python, "-P", str(Path(__file__).resolve()), str(theirs.fileno()), imports],
                cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )  # fmt: skip
        atexit.register(self.close)

    def close(self) -> None:
        # Copies of this end, in forks of this process, do not keep the other one waiting.
        with contextlib.suppress(OSError):
            self._ours.shutdown(socket.SHUT_RDWR)
        self._ours.close()
        self._process.wait()

    def start(
        self, code: str, arguments: list[str], *, stdout, stderr, cwd, env, umask: int = -1
    ) -> WarmProcess:
        """Fork, and run code; what is left out of the environment is not there."""
        told, ended = os.pipe()
        order = {"code": code, "argv": arguments, "cwd": str(cwd), "env": env, "umask": umask}
        text = json.dumps(order).encode()
        with Path(os.devnull).open() as nothing, self._lock:
            files = [nothing.fileno(), _number(stdout), _number(stderr), ended]
            socket.send_fds(self._ours, [len(text).to_bytes(8, "big")], files)
            os.close(ended)
            self._ours.sendall(text)
            pid = int.from_bytes(_exactly(self._ours, 8), "big")
        return WarmProcess(pid, told)

    def run(self, code: str, arguments: list[str], *, timeout: float, **options):
        """Fork, run code to its end, and give what it printed."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = self.start(code, arguments, stdout=out, stderr=err, **options)
            try:
                process.wait(timeout)
            except BaseException:
                process.kill()
                process.wait(180)
                raise
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode())
        return subprocess.CompletedProcess(arguments, process.returncode, *texts)


@cache
def warm_python(python: str, imports: str) -> WarmPython:
    """Give the process of this run that has imported something."""
    return WarmPython(python, imports)


def _number(file: IO | int) -> int:
    return file if isinstance(file, int) else file.fileno()


def _exactly(connection: socket.socket, length: int) -> bytes:
    content = b""
    while len(content) < length:
        piece = connection.recv(length - len(content))
        assert piece, "the process that is forked is gone"
        content += piece
    return content


def _fork_for_ever(control: socket.socket) -> str | None:
    """Fork for each order; give the code to run in a fork, and nothing at the end."""
    # A child that ends wakes the loop.
    woken, waker = socket.socketpair()
    waker.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    watched: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            _tell_ends(watched)
        if control not in ready:
            continue
        length, files, _, _ = socket.recv_fds(control, 8, 4)
        if not length:
            return None
        order = json.loads(_exactly(control, int.from_bytes(length, "big")))
        ended = files.pop()
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for each in (*watched.values(), ended):
                os.close(each)
            for each in (control, woken, waker):
                each.close()
            return _become(order, files)
        watched[pid] = ended
        for number in files:
            os.close(number)
        control.sendall(pid.to_bytes(8, "big"))


def _tell_ends(watched: dict[int, int]) -> None:
    for pid in list(watched):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            ended = watched.pop(pid)
            with contextlib.suppress(BrokenPipeError):
                os.write(ended, str(os.waitstatus_to_exitcode(status)).encode())
            os.close(ended)


def _become(order: dict, files: list[int]) -> str:
    """Let this fork look as if it had been started by itself; give the code that it is to run."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    if order["umask"] >= 0:
        os.umask(order["umask"])
    sys.argv[:] = ["-c", *order["argv"]]
    plain = "PYTHONUNBUFFERED" in order["env"]
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stdout.reconfigure(line_buffering=plain or os.isatty(1), write_through=plain)
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    return order["code"]


if __name__ == "__main__":
    sys.path.insert(0, "")
    exec(sys.argv[2], {"__name__": "__main__"})
    _code = _fork_for_ever(socket.socket(fileno=int(sys.argv[1])))
    if _code is not None:
        exec(_code, {"__name__": "__main__"})
