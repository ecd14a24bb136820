"""The pipelines that an installation offers: packages, and what the site says of each."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipelines.errors import PipelineError, PipelineNotFound
from pipelines.specification import PipelineSpecification
from registry.resources import config_folder
from uws.executors.slurm.request import SlurmRequest

__all__ = ["OfferedPipeline", "PipelineCatalogue", "PipelineSite", "packaged_pipelines"]


class SlurmSite(BaseModel):
    """What a site asks of Slurm for the runs of a pipeline."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partition: str | None = Field(None, description="Partition; Slurm's default if absent")
    account: str | None = Field(None, description="Account; the user's default if absent")
    qos: str | None = Field(None, description="Quality of service")
    cpus: int = Field(2, ge=1, description="Processors of a run")
    directives: tuple[str, ...] = Field((), description="Further options of sbatch")
    commands: str | None = Field(None, description="Folder with sbatch, squeue, sacct, scancel")
    configuration: str | None = Field(None, description="Path of slurm.conf; SLURM_CONF by default")

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        problems = self.request.problems()
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def request(self) -> SlurmRequest:
        """The same for the executor."""
        return SlurmRequest(**self.model_dump())


class PipelineSite(BaseModel):
    """What a site says of a pipeline, in ``config/pipelines/<name>.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    package: str | None = Field(None, description="Module; by default pipelines.<name>")
    enabled: bool = Field(True, description="Whether it is offered")
    id: int = Field(ge=1, description="Number in the REST interface; never changes")
    created: date = Field(date(2026, 11, 1), description="When it came to the site")
    order: int = Field(100, description="Place in lists")
    memory_bytes: int = Field(4 * 2**30, ge=2**27, description="Memory of a run at most")
    time_limit_s: int = Field(3600, ge=1, description="Seconds that a run may take")
    output_bytes: int = Field(64 * 2**30, ge=2**20, description="Size of an output file at most")
    threads: int = Field(2, ge=1, description="Threads that libraries may use")
    workers: int = Field(2, ge=1, description="Processes of a run that works on many parts")
    executor: Literal["local", "slurm"] = Field("local", description="Where runs go")
    slurm: SlurmSite = Field(
        default_factory=lambda: SlurmSite.model_validate({}),
        description="What is asked of Slurm for a run",
    )
    confined: bool = Field(True, description="Whether runs see nothing but their folder")


class OfferedPipeline:
    """A pipeline with what the site says of it.

    Parameters
    ----------
    specification
        Of the pipeline.
    site
        Limits and place.
    package
        Module that has it.
    """

    def __init__(
        self, specification: PipelineSpecification, site: PipelineSite, package: str
    ) -> None:
        self.specification = specification
        self.site = site
        self.package = package

    @property
    def name(self) -> str:
        """Name of the pipeline."""
        return self.specification.name

    @property
    def in_place(self) -> frozenset[str]:
        """Groups of inputs that runs read where they are."""
        return frozenset(group.name for group in self.specification.inputs if group.in_place)


class PipelineCatalogue:
    """The pipelines of an installation, read once.

    Parameters
    ----------
    folder
        With one TOML file per pipeline, named after it.
    site
        With files of the same names, whose keys go before those of `folder`; others in it are
        pipelines of the site.

    Raises
    ------
    PipelineError
        If a file is wrong, or names a package that has no pipeline of this name.
    """

    def __init__(self, folder: Path, site: Path | None = None) -> None:
        files: dict[str, list[Path]] = {}
        for each in (folder, *([site] if site else [])):
            if not each.is_dir():
                raise PipelineError(f"there is no folder {str(each)!r} with files of pipelines")
            for path in sorted(each.glob("*.toml")):
                files.setdefault(path.stem, []).append(path)
        found = [_load(paths) for _, paths in sorted(files.items())]
        offered = [pipeline for pipeline in found if pipeline is not None]
        offered.sort(key=lambda pipeline: (pipeline.site.order, pipeline.name))
        numbers = [pipeline.site.id for pipeline in offered]
        if len(set(numbers)) < len(numbers):
            raise PipelineError(f"two pipelines of {folder.name!r} have the same id: {numbers}")
        self._offered = tuple(offered)

    def __iter__(self) -> Iterator[OfferedPipeline]:
        return iter(self._offered)

    def __len__(self) -> int:
        return len(self._offered)

    def pipeline(self, name: str) -> OfferedPipeline:
        """Find a pipeline by its name.

        Raises
        ------
        PipelineNotFound
            If the installation does not offer it.
        """
        for offered in self._offered:
            if offered.name == name:
                return offered
        names = ", ".join(each.name for each in self._offered) or "none"
        raise PipelineNotFound(f"there is no pipeline {name[:64]!r}; the pipelines are: {names}")


@cache
def packaged_pipelines(site: Path | None = None) -> PipelineCatalogue:
    """Give the pipelines that ship with the service.

    Parameters
    ----------
    site
        Folder with what this site says of them; none takes them as they ship.

    Raises
    ------
    PipelineError
        If the installation is damaged.
    """
    return PipelineCatalogue(config_folder() / "pipelines", site)


def _load(paths: Sequence[Path]) -> OfferedPipeline | None:
    name, path = paths[-1].stem, paths[-1]
    said: dict[str, Any] = {}
    try:
        for path in paths:
            said |= tomllib.loads(path.read_text(encoding="utf-8"))
        site = PipelineSite.model_validate(said)
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise PipelineError(f"{path.name}: {error}") from error
    if not site.enabled:
        return None
    package = site.package or f"pipelines.{name}"
    try:
        specification = importlib.import_module(package).SPECIFICATION
    except (ImportError, AttributeError) as error:
        raise PipelineError(f"{path.name}: {package!r} is no package of a pipeline") from error
    if specification.name != name:
        raise PipelineError(f"{path.name}: {package!r} has the pipeline {specification.name!r}")
    return OfferedPipeline(specification, site, package)
