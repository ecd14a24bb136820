"""What goes out to one client: at once, or by way of a file where the client is slow."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import BinaryIO

from waitress.channel import ClientDisconnected

from vo_service.server.limits import ServerLimits
from vo_service.server.spool import SpoolFile, SpoolQuota

__all__ = ["Outlet"]

_HOLD_BYTES = 8192
"""Headers up to this size leave together with what follows them, in one packet."""

_SPOOL_AFTER_S = 0.5
"""Seconds for which an answer waits for its client, in all, before the rest goes to a file."""

_JUDGED_S = 10.0
"""Seconds of waiting over which the rate of a client is judged."""

_STEP_S = 0.25
_PUMP_BYTES = 1 << 20

_FLUSH_MIN_BYTES_PER_S = 1024
"""Rate of a client that costs nothing but room on the disk: a modem of 1990."""


class Outlet:
    """Sends the answers of one connection.

    Threads that make answers `write`; what they leave behind, the loop of the server sends with
    `pump`. No thread waits for a client for longer than half a second in all while there is room
    in the spool, and without it not for a client slower than the limit.

    Parameters
    ----------
    connection
        Of the client; does not block.
    limits
        Of the server.
    quota
        Of files.
    waits
        Is called when something waits for the loop.
    """

    def __init__(
        self,
        connection: socket.socket,
        limits: ServerLimits,
        quota: SpoolQuota,
        waits: Callable[[], None],
    ) -> None:
        self._waits = waits
        self.gone = False
        self.visitor = ""
        self.sent = 0
        self._socket = connection
        self._limits = limits
        self._quota = quota
        self._changed = threading.Condition()
        self._held = b""
        self._started = False
        self._spool: SpoolFile | None = None
        self._tail: BinaryIO | None = None
        self._tail_at = 0
        self._tail_left = 0
        self._blocked_s = 0.0
        self._judged = (0.0, 0)
        self._flushed = (0.0, 0)

    @property
    def empty(self) -> bool:
        """Whether nothing is left to be sent."""
        return (self._spool is None or not self._spool.backlog) and self._tail is None

    def begin(self) -> None:
        """Begin an answer."""
        self._started = False
        self._blocked_s = 0.0
        self._judged = (0.0, self.sent)

    def write(self, data: bytes) -> None:
        """Send bytes, or leave them to the loop.

        Raises
        ------
        ClientDisconnected
            If the client is gone, or was given up.
        """
        if not self._started and len(data) < _HOLD_BYTES and not self._held:
            self._held = data
            return
        self._started = True
        if self._held:
            data, self._held = self._held + data, b""
        self._send(memoryview(data))

    def write_file(self, file: BinaryIO, size_bytes: int) -> None:
        """Leave the rest of a file of the disk to the loop, which closes it; raises as `write`."""
        self.flush()
        with self._changed:
            self._tail, self._tail_at, self._tail_left = file, file.tell(), size_bytes
        self.pump()

    def flush(self) -> None:
        """Send what was held back; raises as `write`."""
        if self._held:
            data, self._held = self._held, b""
            self._started = True
            self._send(memoryview(data))

    def pump(self) -> None:
        """Send some of what was left to the loop, as far as the client takes it."""
        with self._changed:
            try:
                self._pump(4 * _PUMP_BYTES)
            except BlockingIOError:
                pass
            except (OSError, ValueError):
                # The thread may be writing to the file: it is closed when the answer is over.
                self.gone = True
            self._changed.notify_all()

    def is_stalled(self, now: float) -> bool:
        """Tell whether the client takes too little of what was left to the loop."""
        since, sent = self._flushed
        if not since:
            self._flushed = (now, self.sent)
            return False
        if now - since < self._limits.send_timeout_s:
            return False
        self._flushed = (now, self.sent)
        return self.sent - sent < _FLUSH_MIN_BYTES_PER_S * self._limits.send_timeout_s

    def finish(self) -> None:
        """End an answer that was sent as a whole."""
        with self._changed:
            self._flushed = (0.0, 0)
            self._forget()

    def _forget(self) -> None:
        if self._spool is not None:
            self._spool.close()
            self._spool = None
        if self._tail is not None:
            self._tail.close()
            self._tail = None

    def _pump(self, limit_bytes: int) -> None:
        while self._spool is not None and self._spool.backlog and limit_bytes > 0:
            sent = self._spool.send(self._socket.fileno(), _PUMP_BYTES)
            self.sent += sent
            limit_bytes -= sent
        if self._spool is not None and self._spool.backlog:
            return
        while self._tail is not None and limit_bytes > 0:
            size = min(self._tail_left, _PUMP_BYTES)
            sent = os.sendfile(self._socket.fileno(), self._tail.fileno(), self._tail_at, size)
            if not sent:
                raise OSError("the file became shorter while it was sent")
            self.sent += sent
            limit_bytes -= sent
            self._tail_at += sent
            self._tail_left -= sent
            if self._tail_left <= 0:
                self._tail.close()
                self._tail = None

    def _send(self, view: memoryview) -> None:
        while view:
            if self.gone:
                raise ClientDisconnected
            if self._spool is not None:
                if self._append(view):
                    return
                continue
            try:
                sent = self._socket.send(view)
            except BlockingIOError:
                if self._blocked_s >= _SPOOL_AFTER_S and self._open_spool(view):
                    return
                self._wait()
                continue
            except OSError as error:
                self.gone = True
                raise ClientDisconnected from error
            self.sent += sent
            view = view[sent:]

    def _open_spool(self, view: memoryview) -> bool:
        spool = self._quota.open(self.visitor, len(view))
        if spool is None:
            return False
        if not spool.append(view):
            spool.close()
            return False
        with self._changed:
            self._spool = spool
        self._waits()
        return True

    def _wait(self) -> None:
        """Wait for the client."""
        poll = select.poll()
        poll.register(self._socket, select.POLLOUT)
        started = time.monotonic()
        events = poll.poll(_STEP_S * 1000)
        self._judge(time.monotonic() - started)
        if any(event & (select.POLLHUP | select.POLLERR) for _, event in events):
            self.gone = True

    def _append(self, view: memoryview) -> bool:
        """Keep bytes in the file; without room go back to sending once it is empty."""
        spool = self._spool
        if spool is None:
            return False
        # Without the lock: the loop must not wait for the disk.
        if spool.append(view):
            self._waits()
            return True
        with self._changed:
            if not spool.backlog:
                spool.close()
                self._spool = None
                return False
            started = time.monotonic()
            self._changed.wait(_STEP_S)
        self._judge(time.monotonic() - started)
        return False

    def _judge(self, waited_s: float) -> None:
        """Give up a client for whom this thread has waited, and who is slower than the limit."""
        self._blocked_s += waited_s
        blocked_s, sent = self._judged
        blocked_s += waited_s
        window_s = min(_JUDGED_S, self._limits.send_timeout_s)
        if blocked_s < window_s:
            self._judged = (blocked_s, sent)
            return
        if self.sent - sent < self._limits.stream_min_bytes_per_s * blocked_s:
            self.gone = True
            raise ClientDisconnected
        self._judged = (0.0, self.sent)
