"""Files that came with a job: kept with it, and removed with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from uws.errors import InvalidJobParameter, ResultNotFound
from uws.model import Job
from uws.results.base import INPUTS_ATTEMPT, ResultStore
from vo_service.uploads.sources import InlineFile, limit_words

__all__ = ["JobInputs"]

_PIECE_BYTES = 1 << 20


class JobInputs:
    """The files of jobs, by the name of their part.

    Parameters
    ----------
    results
        Keeps them beside the results.
    limit_bytes
        Size of a file at most.
    """

    def __init__(self, results: ResultStore, limit_bytes: int) -> None:
        self._results = results
        self._limit_bytes = limit_bytes

    def keep(self, job: Job, part: str, content: IO[bytes]) -> None:
        """Keep a file; one with the same name is replaced.

        Raises
        ------
        InvalidJobParameter
            If it is too large; nothing of it is kept.
        StorageFull
            If there is no room.
        """
        size = 0
        with self._results.stage(job.job_id, INPUTS_ATTEMPT, _name(part)) as sink:
            while piece := content.read(_PIECE_BYTES):
                size += len(piece)
                if size > self._limit_bytes:
                    words = limit_words(self._limit_bytes)
                    raise InvalidJobParameter(f"the part {part[:64]!r} cannot be kept: {words}")
                sink.write(piece)

    @contextmanager
    def open(self, job_id: str, part: str) -> Iterator[InlineFile | None]:
        """Open a file of a job; gives nothing where there is none."""
        try:
            stored = self._results.open(f"{job_id}/{INPUTS_ATTEMPT}/{_name(part)}")
        except ResultNotFound:
            yield None
            return
        with stored.content as content:
            yield InlineFile(content)


def _name(part: str) -> str:
    # Clients choose names with any characters.
    return f"upload-{hashlib.sha256(part.encode()).hexdigest()[:32]}"
