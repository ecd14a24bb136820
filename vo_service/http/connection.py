"""Clients that hang up, and clients that stop reading.

A web server learns that a client is gone when it writes to it; a query may have minutes of work
before its first byte. The watcher looks at the sockets of running queries and stops a query when
its client has closed the connection. A client that stays and reads nothing runs into the time
limit of a send.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["HangupWatcher", "client_socket", "limit_sends"]


def client_socket(environ: dict[str, Any]) -> socket.socket | None:
    """Give the connection of a request, where the web server tells it (gunicorn does)."""
    found = environ.get("gunicorn.socket")
    return found if isinstance(found, socket.socket) else None


def limit_sends(connection: socket.socket | None, timeout_s: float) -> None:
    """Let a send fail when the client takes nothing for so long, in seconds."""
    if connection is not None:
        connection.settimeout(timeout_s)


class HangupWatcher:
    """One thread that watches the connections of running queries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._watched: dict[int, tuple[int, Callable[[], None]]] = {}
        self._poll = select.poll()
        self._wake: int | None = None

    @contextlib.contextmanager
    def watch(self, connection: socket.socket | None, action: Callable[[], None]) -> Iterator[None]:
        """Call `action` once, in the watcher's thread, if the client hangs up meanwhile.

        Parameters
        ----------
        connection
            Of the client; nothing is watched without one.
        action
            Must be quick and must not raise.
        """
        descriptor = -1 if connection is None else connection.fileno()
        if descriptor < 0:
            yield
            return
        number = self._add(descriptor, action)
        try:
            yield
        finally:
            self._remove(descriptor, number)

    def _add(self, descriptor: int, action: Callable[[], None]) -> int:
        with self._lock:
            if self._wake is None:
                self._start()
            number = next(self._numbers)
            self._watched[descriptor] = (number, action)
            self._poll.register(descriptor, select.POLLRDHUP)
            self._notify()
            return number

    def _remove(self, descriptor: int, number: int) -> None:
        with self._lock:
            if self._watched.get(descriptor, (0, None))[0] == number:
                del self._watched[descriptor]
                with contextlib.suppress(KeyError, ValueError):
                    self._poll.unregister(descriptor)

    def _start(self) -> None:
        reader, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        self._poll.register(reader, select.POLLIN)
        threading.Thread(target=self._run, args=(reader,), name="hangups", daemon=True).start()

    def _notify(self) -> None:
        # A full pipe means that the thread has been told already.
        if self._wake is not None:
            with contextlib.suppress(BlockingIOError):
                os.write(self._wake, b"x")

    def _run(self, reader: int) -> None:
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor == reader:
                    os.read(reader, 4096)
                    continue
                with self._lock:
                    found = self._watched.pop(descriptor, None)
                    with contextlib.suppress(KeyError, ValueError):
                        self._poll.unregister(descriptor)
                if found is not None:
                    found[1]()
