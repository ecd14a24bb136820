"""The run folders of an installation, by job and attempt."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pipelines.runs import RunFolder

__all__ = ["RunArchive"]

_JOB = re.compile(r"[A-Za-z0-9]{1,64}")

_SETTLED = "settled"
"""File that says that nothing of a job is left to be done."""


class RunArchive:
    """Folders ``<job>/<attempt>``.

    Parameters
    ----------
    folder
        Made when it is first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def make(self, job_id: str, attempt: int) -> RunFolder:
        """Make the folder of an attempt anew.

        Raises
        ------
        OSError
            If it cannot be made.
        """
        folder = RunFolder(self._job(job_id) / f"{attempt:04d}")
        shutil.rmtree(folder.path, ignore_errors=True)
        folder.path.mkdir(parents=True, mode=0o700)
        with suppress(FileNotFoundError):
            (self._job(job_id) / _SETTLED).unlink()
        return folder

    def attempts(self, job_id: str) -> list[RunFolder]:
        """List the folders of a job, the newest first."""
        # Not with `glob`, which fails on a folder that is removed while it looks.
        try:
            found = sorted(self._job(job_id).iterdir(), reverse=True)
        except FileNotFoundError:
            return []
        return [RunFolder(path) for path in found if path.name.isdecimal() and path.is_dir()]

    def latest(self, job_id: str) -> RunFolder | None:
        """Find the folder of the newest attempt; none before there is one."""
        return next(iter(self.attempts(job_id)), None)

    def unsettled(self) -> Iterator[str]:
        """List the jobs of which something may be left to be done."""
        for path in sorted(self._folder.glob("*")):
            if _JOB.fullmatch(path.name) and not (path / _SETTLED).exists():
                yield path.name

    def settle(self, job_id: str) -> None:
        """Note that nothing of a job is left to be done."""
        # A job may be deleted at any moment: its folder is gone then, and all is settled.
        with suppress(FileNotFoundError):
            (self._job(job_id) / _SETTLED).touch()

    def clear(self, job_id: str) -> None:
        """Remove everything of a job but what tells of its runs."""
        for run in self.attempts(job_id):
            for part in (run.inputs_folder, run.outputs, run.work):
                shutil.rmtree(part, ignore_errors=True)

    def remove(self, job_id: str) -> None:
        """Remove everything of a job; what is not there is no error."""
        shutil.rmtree(self._job(job_id), ignore_errors=True)

    def folders(self) -> dict[str, Path]:
        """Give the folders of all jobs, by identifier."""
        found = sorted(self._folder.glob("*"))
        return {path.name: path for path in found if _JOB.fullmatch(path.name)}

    def name(self, run: RunFolder) -> str:
        """Give the path of a run below the folder of runs."""
        return run.path.relative_to(self._folder).as_posix()

    def _job(self, job_id: str) -> Path:
        if not _JOB.fullmatch(job_id):
            raise ValueError(f"{job_id[:64]!r} is no identifier of a job")
        return self._folder / job_id
