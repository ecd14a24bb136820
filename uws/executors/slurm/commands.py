"""The commands of Slurm, and what their failures mean."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from uws.executors.base import ControllerUnreachable, ExecutorUnavailable
from uws.executors.slurm.request import SlurmRequest

__all__ = ["SlurmCommands", "SlurmState"]

_TIMEOUT_S = 30.0
"""For one command: a busy controller may take some seconds."""

_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

_UNREACHABLE = (
    "unable to contact slurm controller", "connection refused", "connection timed out",
    "socket timed out", "zero bytes were transmitted", "connect failure",
    "connection failure", "controller not responding", "unable to resolve", "transport endpoint",
    "backup controller", "resource temporarily unavailable", "slurm temporarily unable",
    "munge", "protocol authentication", "send/recv operation",
)  # fmt: skip
"""Words of failures that say nothing of a job (slurm_errno.c)."""

_ACCOUNTING_OFF = ("accounting storage is disabled", "slurmdbd")

_AT_ONCE = 500
"""Jobs in one question."""


@dataclass(frozen=True, slots=True)
class SlurmState:
    """What Slurm says of a job: its state, and its reason where there is one."""

    state: str
    reason: str | None = None


class SlurmCommands:
    """Runs the commands of Slurm.

    Parameters
    ----------
    request
        Of the site: where commands and configuration are.
    """

    def __init__(self, request: SlurmRequest) -> None:
        self._path = os.pathsep.join(filter(None, (request.commands, _PATH)))
        self._environment = {"PATH": self._path, "LANG": "C.UTF-8"}
        configuration = request.configuration or os.environ.get("SLURM_CONF")
        if configuration is not None:
            self._environment["SLURM_CONF"] = configuration

    def try_options(self, options: Sequence[str]) -> None:
        """Ask whether a job with these options would be taken; none is submitted.

        Raises
        ------
        ControllerUnreachable
            If Slurm does not answer.
        ExecutorUnavailable
            If Slurm would refuse it, with its words.
        """
        self._run("sbatch", "--test-only", *options, "--wrap=true")

    def submit(self, script: Path, options: Sequence[str]) -> str:
        """Put a script into the queue; give the number of the job.

        Raises
        ------
        ControllerUnreachable
            If nobody can say whether it was taken.
        ExecutorUnavailable
            If Slurm refuses it, with its words.
        """
        said = self._run("sbatch", "--parsable", *options, str(script))
        number = said.strip().partition(";")[0]
        if not number.isdigit():
            raise ExecutorUnavailable(f"sbatch gave no number of a job but {said[:100]!r}")
        return number

    def named(self, name: str) -> list[str]:
        """Find the numbers of jobs with a name that Slurm still knows, the first first.

        Raises
        ------
        ControllerUnreachable, ExecutorUnavailable
            If nothing can be known now.
        """
        said = self._run("squeue", "-h", "-a", "-t", "all", f"--name={name}", "-o", "%A")
        return sorted({line.strip() for line in said.splitlines() if line.strip()}, key=int)

    def states(self, numbers: Collection[str]) -> dict[str, SlurmState]:
        """Tell the states of jobs, all at once; those that nobody knows are left out.

        Raises
        ------
        ControllerUnreachable, ExecutorUnavailable
            If nothing can be known now.
        """
        found: dict[str, SlurmState] = {}
        ordered = sorted(numbers)
        for start in range(0, len(ordered), _AT_ONCE):
            part = ordered[start : start + _AT_ONCE]
            found |= self._queued(part)
            missing = [number for number in part if number not in found]
            if missing:
                found |= self._accounted(missing)
        return found

    def cancel(self, number: str) -> None:
        """Cancel a job; one that is over stays so.

        Raises
        ------
        ControllerUnreachable, ExecutorUnavailable
            If it cannot be said now.
        """
        try:
            self._run("scancel", number)
        except ControllerUnreachable:
            raise
        except ExecutorUnavailable as error:
            if "invalid job id" not in str(error).lower():
                raise

    def _queued(self, numbers: Sequence[str]) -> dict[str, SlurmState]:
        # A job that is purged makes the question about it alone fail; a second one does not exist.
        asked = ",".join([*numbers, *([numbers[0]] if len(numbers) == 1 else [])])
        try:
            said = self._run("squeue", "-h", "-a", "-t", "all", f"--jobs={asked}", "-o", "%A|%T|%r")
        except ControllerUnreachable:
            raise
        except ExecutorUnavailable as error:
            if "invalid job id" in str(error).lower():
                return {}
            raise
        return _parsed(said)

    def _accounted(self, numbers: Sequence[str]) -> dict[str, SlurmState]:
        try:
            said = self._run(
                "sacct", "-X", "-n", "-P", f"--jobs={','.join(numbers)}",
                "--format=JobIDRaw,State,Reason",
            )  # fmt: skip
        except ControllerUnreachable:
            raise
        except ExecutorUnavailable as error:
            if any(word in str(error).lower() for word in _ACCOUNTING_OFF):
                return {}
            raise
        return _parsed(said)

    def _run(self, command: str, *arguments: str) -> str:
        program = shutil.which(command, path=self._path)
        if program is None:
            raise ExecutorUnavailable(
                f"this host has no {command}: install the client of Slurm, or name the folder of "
                "its commands in the site file of the pipeline"
            )
        try:
            done = subprocess.run(  # noqa: S603 - a command of Slurm, without a shell
                [program, *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ControllerUnreachable(f"{command} had no answer in {_TIMEOUT_S:g} s") from error
        except OSError as error:
            raise ControllerUnreachable(f"{command} cannot be run: {error.strerror}") from error
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        said = "; ".join(re.sub(rf"^({command}: )?((error|fatal): )?", "", line) for line in lines)
        if done.returncode == 0:
            return done.stdout.decode(errors="replace")
        reason = f"{command}: {said[:500] or f'ended with {done.returncode}'}"
        if any(word in said.lower() for word in _UNREACHABLE):
            raise ControllerUnreachable(reason)
        raise ExecutorUnavailable(reason)


def _parsed(said: str) -> dict[str, SlurmState]:
    found = {}
    for line in said.splitlines():
        number, _, rest = line.strip().partition("|")
        state, _, reason = rest.partition("|")
        if number and state:
            found[number] = SlurmState(state, None if reason in ("", "None") else reason)
    return found
