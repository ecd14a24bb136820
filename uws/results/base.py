"""What handlers, routes and the reconciler need of a store of results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

__all__ = ["INPUTS_ATTEMPT", "ResultSink", "ResultStore", "StoredResult"]

INPUTS_ATTEMPT = 0
"""Attempt number under which a job's inputs may be kept: the first claim makes it 1."""


@dataclass(frozen=True)
class StoredResult:
    """A result open for reading.

    Parameters
    ----------
    content
        At its beginning, seekable; the receiver closes it.
    size_bytes
        Length of the content.
    modified
        Aware time at which it was written.
    etag
        Opaque, without quotes; two contents never have the same.
    """

    content: BinaryIO
    size_bytes: int
    modified: datetime
    etag: str


class ResultSink(Protocol):
    """A result being written: there in full after a clean exit of its context, or not at all."""

    @property
    def location(self) -> str:
        """Key under which the result can be opened after the clean exit."""

    @property
    def size_bytes(self) -> int:
        """Bytes written so far."""

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Append bytes.

        Raises
        ------
        StorageFull
            If there is no room.
        """

    def flush(self) -> None:
        """Do nothing that a reader could see; part of the interface of binary files."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Keep everything, or nothing if there was an error.

        Raises
        ------
        StorageFull
            If there is no room.
        """


class ResultStore(Protocol):
    """Keeps files by job, attempt and name, so that attempts never meet."""

    def stage(self, job_id: str, attempt: int, name: str) -> ResultSink:
        """Begin a result; nothing is visible before its context is left.

        Raises
        ------
        ValueError
            If a name is not letters, digits, dots, hyphens and underscores.
        StorageFull
            If there is no room.
        """

    def open(self, location: str) -> StoredResult:
        """Open a result for reading.

        Raises
        ------
        ResultNotFound
            If there is none at this location.
        """

    def discard_attempt(self, job_id: str, attempt: int) -> None:
        """Remove whatever an attempt has written; what is not there is no error."""

    def delete_job(self, job_id: str) -> None:
        """Remove everything of a job; what is not there is no error."""

    def folder(self, job_id: str) -> Path:
        """Name the folder with everything of a job.

        Raises
        ------
        ValueError
            If the identifier is not letters, digits, dots, hyphens and underscores.
        """

    def jobs(self) -> Iterator[tuple[str, datetime]]:
        """Give all jobs that have anything here, with the time of its last change."""
