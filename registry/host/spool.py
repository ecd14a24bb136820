"""Files on their way to visitors, within a quota that all processes of an installation share.

Each file is locked as long as anybody has it open, in whatever process. What is not locked is
nobody's any more, however its process ended, and goes when the next file is begun.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from registry.errors import FormatLimit, HostBusy, ShareExceeded

__all__ = ["SharedSpool", "SpooledFile"]

_STEP_BYTES = 8 * 2**20
"""Room is taken in steps: the other files are looked at once for each."""

_RETRY_AFTER_S = 30

_GATE = "gate"


class SpooledFile:
    """A file that is written once, and then given to whoever sends it.

    Attributes
    ----------
    file
        Its lock goes when it is closed.
    size_bytes
        What was written.
    """

    def __init__(self, spool: SharedSpool, visitor: str, file: BinaryIO) -> None:
        self.file = file
        self.size_bytes = 0
        self._spool = spool
        self._visitor = visitor
        self._room_bytes = 0

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises
        ------
        FormatLimit
            If it alone is larger than those of a visitor may be.
        ShareExceeded, HostBusy
            If the files of the visitor, or of all, would become too large.
        OSError
            If the disk is full.
        """
        wanted = self.size_bytes + len(data)
        if wanted > self._room_bytes:
            self._room_bytes = self._spool.reserve(self.file, self._visitor, wanted)
        self.file.write(data)
        self.size_bytes = wanted

    def finish(self) -> BinaryIO:
        """Give the file, at its beginning, without the room that it did not need."""
        self.file.truncate(self.size_bytes)
        self.file.seek(0)
        return self.file

    def close(self) -> None:
        """Give the file up; may be called twice."""
        with suppress(OSError):
            self.file.close()


class SharedSpool:
    """The folder of such files.

    Parameters
    ----------
    folder
        On a disk of this host; made when it is needed.
    total_bytes, visitor_bytes
        Size of all files, and of those of one visitor.
    """

    def __init__(self, folder: Path, total_bytes: int, visitor_bytes: int) -> None:
        self._folder = folder
        self._total_bytes = total_bytes
        self._visitor_bytes = visitor_bytes

    def open(self, visitor: str) -> SpooledFile:
        """Begin a file, and remove those that nobody has open.

        Parameters
        ----------
        visitor
            Whose quota it counts for.
        """
        name = _digest(visitor)
        with self._gate():
            self._held()
            path = self._folder / f"{name}.{secrets.token_hex(8)}"
            file = path.open("x+b")
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        return SpooledFile(self, name, file)

    def reserve(self, file: BinaryIO, visitor: str, size_bytes: int) -> int:
        """Make room for a file; give its size with it, which may be more than was asked for.

        Raises
        ------
        FormatLimit, ShareExceeded, HostBusy
            If there is none.
        """
        if size_bytes > self._visitor_bytes:
            raise FormatLimit(
                f"a converted file may have {self._visitor_bytes} bytes; ask for a format that "
                "takes less room, such as parquet, or take the main file as it is"
            )
        with self._gate():
            held = self._held()
            own = os.fstat(file.fileno()).st_size
            total_left = self._total_bytes - held.total() + own
            visitor_left = self._visitor_bytes - held[visitor] + own
            if size_bytes > total_left:
                raise HostBusy(
                    _RETRY_AFTER_S,
                    "the service has no room for another converted file now; try again in a while",
                )
            if size_bytes > visitor_left:
                raise ShareExceeded(
                    _RETRY_AFTER_S,
                    f"the converted files that wait for you have {self._visitor_bytes} bytes, as "
                    "much as those of one user or address may; take or close the other downloads "
                    "first",
                )
            room = max(size_bytes, min(size_bytes + _STEP_BYTES, total_left, visitor_left))
            os.truncate(file.fileno(), room)
            return room

    def _held(self) -> Counter[str]:
        """Add up what is open by visitor, and remove the rest."""
        held: Counter[str] = Counter()
        for path in self._folder.glob("*.*"):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
                path.unlink()
            except BlockingIOError:
                held[path.name.partition(".")[0]] += os.fstat(descriptor).st_size
            finally:
                os.close(descriptor)
        return held

    @contextmanager
    def _gate(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._folder / _GATE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _digest(visitor: str) -> str:
    return hashlib.sha256(visitor.encode()).hexdigest()[:32]
