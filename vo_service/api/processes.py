"""Pipelines and their processes, as the API needs them; who runs them brings the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from registry.errors import RegistryError
from registry.model.principal import Principal
from uws.model import Phase

__all__ = [
    "STATUS_WORDS",
    "LogFile",
    "PipelineRecord",
    "ProcessDraft",
    "ProcessLogs",
    "ProcessNotFound",
    "ProcessRecord",
    "ProcessRefused",
    "ProcessService",
]

STATUS_WORDS: Mapping[Phase, str] = {
    Phase.PENDING: "Pending",
    Phase.QUEUED: "Pending",
    Phase.HELD: "Pending",
    Phase.SUSPENDED: "Pending",
    Phase.EXECUTING: "Running",
    Phase.COMPLETED: "Successful",
    Phase.ERROR: "Failed",
    Phase.ABORTED: "Stopped",
    Phase.UNKNOWN: "Pending",
    Phase.ARCHIVED: "Successful",
}
"""Words of the Photo-z Server; its client waits on Pending and Running alone, so that a queued
process is Pending."""


class ProcessNotFound(RegistryError):
    """Say that there is no such process or pipeline, or that it is hidden from the caller."""


class ProcessRefused(RegistryError):
    """Say that a process cannot be made of what was sent.

    Parameters
    ----------
    problems
        Sentences by the name of the field.
    """

    def __init__(self, problems: Mapping[str, Sequence[str]]) -> None:
        self.problems = {name: tuple(sentences) for name, sentences in problems.items()}
        super().__init__("; ".join(f"{name}: {' '.join(s)}" for name, s in self.problems.items()))


@dataclass(frozen=True, slots=True)
class PipelineRecord:
    """A pipeline that processes can be made of.

    Attributes
    ----------
    id
        Number in the API.
    name, display_name, version, description
        As configured.
    created
        When it came to this installation.
    system_config
        Default configuration; the key ``param`` holds an object.
    input_types
        Names of the product types that it takes.
    output_type
        Name of the product type that it makes.
    """

    id: int
    name: str
    display_name: str
    version: str
    description: str
    created: datetime
    system_config: Mapping[str, Any]
    input_types: tuple[str, ...]
    output_type: str


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """One run of a pipeline.

    Attributes
    ----------
    id
        Of its job.
    pipeline
        Name.
    pipeline_version
        With which it runs or ran.
    display_name
        Given by the owner; also that of the product.
    owner
        User name.
    phase
        Of its job.
    created, started, ended
        UTC.
    used_config
        Everything that it was told.
    inputs
        Ids of the input products.
    product
        Id of the product that it makes.
    release
        Name of the release of that product.
    path
        Of its run folder below the folder of runs; absent before it has one.
    comment
        Why it failed, or what its owner noted.
    """

    id: str
    pipeline: str
    pipeline_version: str
    display_name: str
    owner: str
    phase: Phase
    created: datetime
    used_config: Mapping[str, Any]
    inputs: tuple[int, ...]
    product: int | None
    release: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    path: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class ProcessDraft:
    """A process that is wanted.

    Attributes
    ----------
    pipeline
        Id.
    display_name, description, pz_code, official, release
        Of the product that it will make; the release is a name.
    inputs
        Ids of products.
    used_config
        What differs from the default configuration.
    flags_translation
        Name and content of the file that came with it.
    """

    pipeline: int
    display_name: str
    inputs: tuple[int, ...]
    used_config: Mapping[str, Any] = field(default_factory=dict)
    release: str | None = None
    description: str | None = None
    pz_code: str | None = None
    official: bool = False
    flags_translation: tuple[str, bytes] | None = None


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log of a process.

    Attributes
    ----------
    name
        Of the file.
    content
        All of it, or its end.
    """

    name: str
    content: str


@dataclass(frozen=True, slots=True)
class ProcessLogs:
    """The logs of a process.

    Attributes
    ----------
    pipeline
        Written by the pipeline.
    scheduler
        Written around it: what it printed, what the cluster said.
    """

    pipeline: tuple[LogFile, ...] = ()
    scheduler: tuple[LogFile, ...] = ()


class ProcessService(Protocol):
    """Runs pipelines for callers; every method decides what the caller may see and do.

    Methods raise `ProcessNotFound` for what is hidden or unknown, `ProcessRefused` for what
    cannot be run, and `registry.errors.NotAllowed` for what the caller may not do to a process
    that the caller may see.
    """

    def pipelines(self) -> Sequence[PipelineRecord]:
        """Give all pipelines."""
        ...

    def processes(self, principal: Principal) -> Sequence[ProcessRecord]:
        """Give the processes that the caller may see."""
        ...

    def process(self, principal: Principal, process_id: str) -> ProcessRecord:
        """Give one process."""
        ...

    def submit(self, principal: Principal, draft: ProcessDraft) -> ProcessRecord:
        """Make a process and its product, and start it."""
        ...

    def stop(self, principal: Principal, process_id: str) -> ProcessRecord:
        """Stop a process; one that is over stays as it is."""
        ...

    def remove(self, principal: Principal, process_id: str) -> None:
        """Forget a process; its product stays."""
        ...

    def logs(self, principal: Principal, process_id: str) -> ProcessLogs:
        """Read the logs of a process."""
        ...

    def configuration(self, principal: Principal, process_id: str) -> Mapping[str, Any]:
        """Give ``config``, and ``flag_translation`` where there is one, of a process."""
        ...
