"""Counters that all processes of an installation share, in a file of fixed size.

They outlive any process, and a full disk once the file is there. A torn write damages at most one
counter. When more are counted than there is room for, those go that would be forgotten first.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["CounterTable", "SharedCounters"]

_ENTRY = struct.Struct("<16sqd")
"""Digest of the key, count, moment from which it is forgotten."""

_WAYS = 8
"""Entries among which a key may be."""

_SETS = 1024

_SET_BYTES = _WAYS * _ENTRY.size


class CounterTable:
    """The counters while nobody else can change them.

    Parameters
    ----------
    descriptor
        Of the locked file.
    now
        Seconds since 1970.
    """

    def __init__(self, descriptor: int, now: float) -> None:
        self._descriptor = descriptor
        self._now = now

    def get(self, key: str) -> tuple[int, float]:
        """Give a count, and the moment from which it is forgotten; zero where there is none."""
        digest, offset = _place(key)
        for found, count, until in self._entries(offset):
            if found == digest and until > self._now:
                return count, until
        return 0, 0.0

    def set(self, key: str, count: int, until: float) -> None:
        """Set a count until a moment, in seconds since 1970."""
        digest, offset = _place(key)
        entries = self._entries(offset)
        own = [i for i, entry in enumerate(entries) if entry[0] == digest]
        chosen = own[0] if own else min(range(_WAYS), key=lambda i: entries[i][2])
        os.pwrite(
            self._descriptor,
            _ENTRY.pack(digest, max(0, count), until),
            offset + chosen * _ENTRY.size,
        )

    def _entries(self, offset: int) -> list[tuple[bytes, int, float]]:
        content = os.pread(self._descriptor, _SET_BYTES, offset)
        return list(_ENTRY.iter_unpack(content.ljust(_SET_BYTES, b"\0")))


class SharedCounters:
    """Counters in a file.

    Parameters
    ----------
    path
        On a disk of this host; made when it is needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def locked(self, now: float) -> Iterator[CounterTable]:
        """Read and change counters while nobody else does.

        Parameters
        ----------
        now
            Seconds since 1970.

        Raises
        ------
        OSError
            If the file cannot be made.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_size == 0:
                # Written, not left as a hole: a full disk later does not matter then.
                os.write(descriptor, bytes(_SETS * _SET_BYTES))
            yield CounterTable(descriptor, now)
        finally:
            os.close(descriptor)


def _place(key: str) -> tuple[bytes, int]:
    digest = hashlib.sha256(key.encode("utf-8", "replace")).digest()
    return digest[:16], int.from_bytes(digest[16:20], "little") % _SETS * _SET_BYTES
