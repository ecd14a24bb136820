"""Files that came with a job: kept with it, and removed with it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from uws.errors import InvalidJobParameter, JobsExceeded, ResultNotFound
from uws.model import Job
from uws.results.base import INPUTS_ATTEMPT, ResultStore
from vo_service.uploads.sources import InlineFile

__all__ = ["InputLimits", "JobInputs"]

_PIECE_BYTES = 1 << 20

_FILES_MAX = 20
"""Files of one job: as many as a query may have tables."""


@dataclass(frozen=True, slots=True)
class InputLimits:
    """What the files of jobs may take.

    Attributes
    ----------
    job_bytes
        Size of all files of one job.
    visitor_bytes
        Size of those of all jobs of one user, or of one address.
    """

    job_bytes: int
    visitor_bytes: int


class JobInputs:
    """The files of jobs, by the name of their part.

    Parameters
    ----------
    results
        Keeps them beside the results.
    limits
        What they may take.
    jobs_beside
        Gives the identifiers of all jobs of whoever made a job.
    """

    def __init__(
        self,
        results: ResultStore,
        limits: InputLimits,
        jobs_beside: Callable[[Job], Iterable[str]],
    ) -> None:
        self._results = results
        self._limits = limits
        self._jobs_beside = jobs_beside

    def keep(self, job: Job, part: str, content: IO[bytes]) -> None:
        """Keep a file; one with the same name is replaced.

        Raises
        ------
        InvalidJobParameter
            If the job has too many files, or they are too large; nothing of it is kept.
        JobsExceeded
            If the files of all jobs of its owner, or of its address, are too large.
        StorageFull
            If there is no room.
        """
        name, limits = _name(part), self._limits
        others = {file: size for file, size in self._sizes(job.job_id) if file != name}
        if len(others) >= _FILES_MAX:
            raise InvalidJobParameter(
                f"the part {part[:64]!r} cannot be kept: a job may have {_FILES_MAX} files; join "
                "fewer tables"
            )
        beside = sum(
            size
            for job_id in self._jobs_beside(job)
            if job_id != job.job_id
            for _, size in self._sizes(job_id)
        )
        size = sum(others.values())
        with self._results.stage(job.job_id, INPUTS_ATTEMPT, name) as sink:
            while piece := content.read(_PIECE_BYTES):
                size += len(piece)
                if size > limits.job_bytes:
                    raise InvalidJobParameter(
                        f"the part {part[:64]!r} cannot be kept: the files of a job together are "
                        f"larger than {limits.job_bytes} bytes; send fewer rows or columns"
                    )
                if beside + size > limits.visitor_bytes:
                    raise JobsExceeded(
                        f"the part {part[:64]!r} cannot be kept: the files of your jobs have "
                        f"{limits.visitor_bytes} bytes, which is the limit: delete some of the "
                        "jobs, or wait until they reach their destruction time"
                    )
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

    def _sizes(self, job_id: str) -> Iterator[tuple[str, int]]:
        """Give name and size of the files of a job, those that are being written included."""
        folder: Path = self._results.folder(job_id) / str(INPUTS_ATTEMPT)
        for file in folder.glob("upload-*"):
            with suppress(FileNotFoundError):
                yield file.name, file.stat().st_size


def _name(part: str) -> str:
    # Clients choose names with any characters.
    return f"upload-{hashlib.sha256(part.encode()).hexdigest()[:32]}"
