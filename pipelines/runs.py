"""The folder of a run: everything that a pipeline is told, and everything that it makes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

import yaml
from pydantic import ValidationError

from pipelines.configuration import ColumnWords, InputCatalogue, RunConfiguration
from pipelines.errors import RunFolderDamaged
from pipelines.specification import OutputColumn, PipelineParameters

__all__ = ["PipelineOutput", "Progress", "RunFolder", "RunInput"]

Model = TypeVar("Model", bound=PipelineParameters)

_LARGEST_DOCUMENT = 16_000_000
"""Bytes of a document that a run may leave to be read: summaries are no tables."""


class Progress(Protocol):
    """Told what a run does; cheap, called often."""

    def __call__(self, step: str, fraction: float | None = None, text: str | None = None) -> None:
        """Tell where the run is.

        Parameters
        ----------
        step
            Name of the step, one word.
        fraction
            Part of the whole run that is done, 0 to 1; none where unknown.
        text
            One line for people.
        """


@dataclass(frozen=True, slots=True)
class RunInput:
    """One input of a run.

    Attributes
    ----------
    path
        The file, or the folder of a HATS catalogue.
    internal_name
        Of the product, or as the configuration calls it.
    format
        As the configuration says; the content decides.
    columns
        Standard name to column of the input, mapped ones alone.
    null_values
        Values that mean that there is none, by column of the input.
    catalogue
        What a release says of its object catalogue.
    words
        What is known besides the file, by column of the input.
    """

    path: Path
    internal_name: str
    format: str | None
    columns: Mapping[str, str]
    null_values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    catalogue: InputCatalogue | None = None
    words: Mapping[str, ColumnWords] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PipelineOutput:
    """What a run made.

    Attributes
    ----------
    main
        The table: a file, or the folder of a HATS catalogue, in the folder of outputs.
    n_rows
        Rows of it.
    columns
        Names of its columns, in their order.
    annotations
        Annotations besides, or instead of, those of the specification.
    columns_assoc
        Standard name to column, for ``process.yml``.
    attachments
        Further files in the folder of outputs: reports, tables that were used.
    summary
        Counts and choices, as JSON has them.
    """

    main: Path
    n_rows: int
    columns: tuple[str, ...]
    annotations: Mapping[str, OutputColumn] = field(default_factory=dict)
    columns_assoc: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Path, ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)


class RunFolder:
    """The folder of a run, by the names of its parts.

    Parameters
    ----------
    path
        The folder.

    Notes
    -----
    The job may read all of it, and write ``outputs``, ``work`` and ``state`` alone: what it was
    given may be the only copy of somebody's file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def configuration_file(self) -> Path:
        """The configuration, complete and checked."""
        return self.path / "configuration.yaml"

    @property
    def inputs_folder(self) -> Path:
        """The inputs, in file order, each in a folder of its own."""
        return self.path / "inputs"

    @property
    def files_folder(self) -> Path:
        """Files that came with the configuration."""
        return self.path / "files"

    @property
    def outputs(self) -> Path:
        """Where the output goes."""
        return self.path / "outputs"

    @property
    def work(self) -> Path:
        """Scratch space, removed after the run."""
        return self.path / "work"

    @property
    def state(self) -> Path:
        """Log, progress and outcome."""
        return self.path / "state"

    @property
    def log_file(self) -> Path:
        """Log of the pipeline."""
        return self.state / "pipeline.log"

    @property
    def writable(self) -> tuple[Path, ...]:
        """The parts that the job may write."""
        return (self.outputs, self.work, self.state)

    def make(self) -> None:
        """Make the folder and its parts; what is there stays.

        Raises
        ------
        OSError
            If it cannot be made.
        """
        for folder in (self.inputs_folder, self.files_folder, *self.writable):
            folder.mkdir(parents=True, exist_ok=True)

    @cached_property
    def configuration(self) -> RunConfiguration:
        """What the run is told.

        Raises
        ------
        RunFolderDamaged
            If the document is missing or damaged.
        """
        try:
            text = self.configuration_file.read_text(encoding="utf-8")
            return RunConfiguration.model_validate(yaml.safe_load(text))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise RunFolderDamaged(
                f"{str(self.configuration_file)!r} is no configuration of a run"
            ) from error

    def write_configuration(self, configuration: RunConfiguration) -> None:
        """Keep what the run is told, whole or not at all.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        document = configuration.model_dump(mode="json", exclude_none=True)
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        _write(self.configuration_file, text)

    def parameters(self, model: type[Model]) -> Model:
        """Give the parameters with their types.

        Raises
        ------
        RunFolderDamaged
            If they do not fit the model.
        """
        try:
            return model.model_validate(self.configuration.param)
        except ValidationError as error:
            raise RunFolderDamaged(f"the parameters of the run do not fit: {error}") from error

    def inputs(self, group: str) -> tuple[RunInput, ...]:
        """Give the inputs of a group, in the order of the configuration."""
        return tuple(
            RunInput(
                self.path / each.path,
                each.internal_name,
                each.format,
                each.columns,
                each.null_values,
                each.catalogue,
                each.words,
            )
            for each in self.configuration.inputs.get(group, ())
        )

    def user_file(self, parameter: str) -> Path | None:
        """Find the file that is the value of a parameter; none for the pipeline's own."""
        value = self.configuration.param.get(parameter)
        return None if value is None else self.path / str(value)

    def output_file(self, suffix: str) -> Path:
        """Name the main output: the output's name with a suffix such as ``.parquet``."""
        return self.outputs / f"{self.configuration.output_name or 'output'}{suffix}"

    def write_state(self, name: str, document: Mapping[str, Any], *, durable: bool = True) -> None:
        """Keep a small document, whole or not at all.

        Parameters
        ----------
        name
            Of the file.
        document
            What JSON can have.
        durable
            Whether it must outlive a loss of power.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        _write(self.state / name, json.dumps(document, indent=1), durable=durable)

    def read_state(self, name: str) -> dict[str, Any] | None:
        """Read a small document; none where there is none yet.

        Raises
        ------
        RunFolderDamaged
            If it is damaged, or too large to be one.

        Notes
        -----
        A job wrote it: nothing in it is to be believed but as text, numbers and names inside of
        the folder.
        """
        path = self.state / name
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RunFolderDamaged(f"{name} of the run cannot be read") from error
        with os.fdopen(descriptor, "rb") as stream:
            content = stream.read(_LARGEST_DOCUMENT + 1)
        try:
            document = json.loads(content) if len(content) <= _LARGEST_DOCUMENT else None
        except (ValueError, RecursionError) as error:
            raise RunFolderDamaged(f"{name} of the run is damaged") from error
        if not isinstance(document, dict):
            raise RunFolderDamaged(f"{name} of the run is damaged")
        return document


def _write(path: Path, text: str, *, durable: bool = True) -> None:
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        if durable:
            os.fsync(stream.fileno())
    part.replace(path)
