"""Files in which answers wait that their clients do not take, within a quota."""

from __future__ import annotations

import os
import tempfile
import threading
from collections import Counter
from pathlib import Path

__all__ = ["SpoolFile", "SpoolQuota"]


class SpoolQuota:
    """Counts the bytes that wait in files, in all and by visitor.

    Parameters
    ----------
    folder
        Of the files; made when it is first needed.
    total_bytes, visitor_bytes
        Limits of this process.
    """

    def __init__(self, folder: Path, total_bytes: int, visitor_bytes: int) -> None:
        self._folder = folder
        self._total_bytes = total_bytes
        self._visitor_bytes = visitor_bytes
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, visitor: str, size_bytes: int) -> bool:
        """Count bytes, unless a limit would be passed; tell which."""
        with self._lock:
            if not self._has_room(visitor, size_bytes):
                return False
            self._taken[visitor] += size_bytes
            return True

    def give_back(self, visitor: str, size_bytes: int) -> None:
        """Count bytes no longer."""
        with self._lock:
            self._taken[visitor] -= size_bytes
            if not self._taken[visitor]:
                del self._taken[visitor]

    def open(self, visitor: str, size_bytes: int) -> SpoolFile | None:
        """Make a file without a name, which goes however the process ends.

        Returns
        -------
        SpoolFile | None
            None if there is no room for so many bytes.
        """
        with self._lock:
            if not self._has_room(visitor, size_bytes):
                return None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder, buffering=0) as file:
                return SpoolFile(self, visitor, os.dup(file.fileno()))
        except OSError:
            return None

    def _has_room(self, visitor: str, size_bytes: int) -> bool:
        return (
            self._taken[visitor] + size_bytes <= self._visitor_bytes
            and self._taken.total() + size_bytes <= self._total_bytes
        )


class SpoolFile:
    """Bytes on their way to one client, first in, first out."""

    def __init__(self, quota: SpoolQuota, visitor: str, descriptor: int) -> None:
        self._quota = quota
        self._visitor = visitor
        self._descriptor = descriptor
        self._written = 0
        self._sent = 0

    @property
    def backlog(self) -> int:
        """Bytes that wait."""
        return self._written - self._sent

    def append(self, data: memoryview) -> bool:
        """Keep bytes, all or none; tell which. None are kept past a quota or on a full disk."""
        if not self._quota.take(self._visitor, len(data)):
            return False
        written = 0
        try:
            while written < len(data):
                written += os.pwrite(self._descriptor, data[written:], self._written + written)
        except OSError:
            self._quota.give_back(self._visitor, len(data))
            return False
        self._written += len(data)
        return True

    def send(self, socket_descriptor: int, limit_bytes: int) -> int:
        """Send some of what waits; raises as `os.sendfile`."""
        size = min(self.backlog, limit_bytes)
        sent = os.sendfile(socket_descriptor, self._descriptor, self._sent, size)
        self._sent += sent
        return sent

    def close(self) -> None:
        """Forget the bytes; may be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._quota.give_back(self._visitor, self._written)
            self._written = self._sent = 0
