"""What a site asks of Slurm for a kind of task."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["SlurmRequest"]

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._,:/-]{0,127}")

_DIRECTIVE = re.compile(r"--([a-z][a-z-]*)(=[^\n\r\0]*)?")

_OWN = [
    "account",
    "array",
    "begin",
    "chdir",
    "cpus-per-task",
    "deadline",
    "dependency",
    "error",
    "export",
    "export-file",
    "get-user-env",
    "help",
    "input",
    "job-name",
    "kill-on-invalid-dep",
    "mem",
    "mem-per-cpu",
    "no-requeue",
    "nodes",
    "ntasks",
    "open-mode",
    "output",
    "parsable",
    "partition",
    "qos",
    "quiet",
    "requeue",
    "signal",
    "test-only",
    "time",
    "uid",
    "gid",
    "usage",
    "verbose",
    "version",
    "wait",
    "wrap",
]
"""Options of sbatch that this executor decides, or that would change what it understands."""

_MORE_MEMORY_BYTES = 512 * 2**20
"""For the keeper and the page cache that Slurm counts, beyond the memory of the task: the keeper
ends a task at its limit with the right reason, before Slurm does."""

_MORE_TIME_S = 60.0
"""Likewise for the time."""


@dataclass(frozen=True)
class SlurmRequest:
    """Options of ``sbatch`` for the tasks of one kind.

    Parameters
    ----------
    partition, account, qos
        By name; those that Slurm gives by default if none.
    cpus
        Processors of a task.
    directives
        Further options, such as ``--constraint=ssd``.
    commands
        Folder with the commands of Slurm; those on the path by default.
    configuration
        Path of ``slurm.conf``; by default that of the variable SLURM_CONF, or the usual one.
    """

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    cpus: int = 1
    directives: tuple[str, ...] = ()
    commands: str | None = None
    configuration: str | None = None

    def problems(self) -> list[str]:
        """Say everything that is wrong, one sentence each."""
        found = [
            f"{name}: {value!r} is no name"
            for name in ("partition", "account", "qos")
            if (value := getattr(self, name)) is not None and not _WORD.fullmatch(value)
        ]
        if self.cpus < 1:
            found.append(f"cpus: {self.cpus} is less than 1")
        for directive in self.directives:
            match = _DIRECTIVE.fullmatch(directive)
            if match is None:
                found.append(f"directives: {directive!r} is not like --name=value")
            elif match[1] in _OWN:
                found.append(f"directives: --{match[1]} is decided by the service")
        return found

    def options(self, memory_bytes: int, time_limit_s: float) -> Sequence[str]:
        """Give the options of ``sbatch`` for a task.

        Parameters
        ----------
        memory_bytes, time_limit_s
            Limits of the task, which its keeper enforces; Slurm gets a little more.
        """
        memory = math.ceil((memory_bytes + _MORE_MEMORY_BYTES) / 2**20)
        minutes = math.ceil((time_limit_s + _MORE_TIME_S) / 60)
        named = [
            f"--{name}={value}"
            for name in ("partition", "account", "qos")
            if (value := getattr(self, name)) is not None
        ]
        return [
            *named, "--nodes=1", "--ntasks=1", f"--cpus-per-task={self.cpus}", f"--mem={memory}M",
            f"--time={minutes}", *self.directives,
        ]  # fmt: skip
