"""Files that come with jobs of pipelines: kept with the job until it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO

from uws.errors import InvalidJobParameter, ResultNotFound
from uws.model import Job
from uws.results.base import INPUTS_ATTEMPT, ResultStore

__all__ = ["JobFiles"]

_PIECE_BYTES = 1 << 16

_MAX_BYTES = 1_000_000
"""Size of a file of rules at most: fifty times that of one with 38 surveys."""


class JobFiles:
    """The files of jobs, by the parameter whose value they are.

    Parameters
    ----------
    results
        Keeps them beside the results.
    parameters
        Names of the parameters that are files, by kind of job.
    """

    def __init__(self, results: ResultStore, parameters: Mapping[str, tuple[str, ...]]) -> None:
        self._results = results
        self._parameters = parameters

    def keep(self, job: Job, part: str, content: IO[bytes]) -> None:
        """Keep a file; one that came before is replaced.

        Raises
        ------
        InvalidJobParameter
            If it is too large, or no parameter takes it; nothing of it is kept.
        StorageFull
            If there is no room.
        """
        known = self._parameters.get(job.kind, ())
        if part not in known:
            names = ", ".join(known) or "none"
            raise InvalidJobParameter(f"no file is called {part[:64]!r}; files can be: {names}")
        size = 0
        with self._results.stage(job.job_id, INPUTS_ATTEMPT, _name(part)) as sink:
            while piece := content.read(_PIECE_BYTES):
                size += len(piece)
                if size > _MAX_BYTES:
                    raise InvalidJobParameter(f"{part}: larger than {_MAX_BYTES} bytes")
                sink.write(piece)

    def read(self, job_id: str, part: str) -> bytes | None:
        """Read a file; none where none came."""
        try:
            stored = self._results.open(f"{job_id}/{INPUTS_ATTEMPT}/{_name(part)}")
        except ResultNotFound:
            return None
        with stored.content as content:
            return content.read()


def _name(part: str) -> str:
    return f"file-{part}"
