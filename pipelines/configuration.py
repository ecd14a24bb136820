"""Configurations of runs: the Photo-z Server's YAML, checked as a whole."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipelines.errors import ConfigurationRejected
from pipelines.specification import InputSpecification, PipelineSpecification

__all__ = [
    "ColumnWords",
    "InputCatalogue",
    "InputEntry",
    "InputProduct",
    "RunConfiguration",
    "check_configuration",
    "load_document",
]

_MAX_BYTES = 4_000_000
"""Size of a configuration at most: thousands of catalogues with all their columns."""

_NULLS = ("", "null", "none")
"""Words by which the Photo-z Server's configurations leave a column unmapped."""

_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class InputProduct(BaseModel):
    """The product that an input is a copy of, for the provenance of the output."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int
    internal_name: str
    version: int
    sha256: str


class InputCatalogue(BaseModel):
    """What a release says of its object catalogue: which one it is, fluxes and maps.

    Attributes
    ----------
    release, name
        Of the catalogue; absent in a configuration on disk.
    fluxes
        Patterns of the columns with flux and error in nJy, by type, with ``{band}``.
    maps
        Paths of maps of E(B-V), by name of the dereddening.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    release: str | None = None
    name: str | None = None
    fluxes: dict[str, tuple[str, str]] = Field(default_factory=dict)
    maps: dict[str, str] = Field(default_factory=dict)


class ColumnWords(BaseModel):
    """What is known of a column of an input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    description: str | None = None


class InputEntry(BaseModel):
    """One input: a file, or the folder of a HATS catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(min_length=1, max_length=4096)
    internal_name: str = Field(min_length=1, max_length=255)
    format: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    null_values: dict[str, list[str]] = Field(default_factory=dict)
    product: InputProduct | None = None
    catalogue: InputCatalogue | None = None
    words: dict[str, ColumnWords] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        """Call an input without a name as its file."""
        if isinstance(value, Mapping) and isinstance(path := value.get("path"), str):
            return {"internal_name": Path(path).name[:255] or path, **value}
        return value

    @field_validator("columns", mode="before")
    @classmethod
    def _mapped_alone(cls, value: object) -> object:
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            return value
        return {
            name: column
            for name, column in value.items()
            if not (column is None or (isinstance(column, str) and column.lower() in _NULLS))
        }


class RunConfiguration(BaseModel):
    """Everything that a run is told; the keys are those of the Photo-z Server's YAML.

    Notes
    -----
    ``executor`` is understood and does nothing: where a run goes is the site's business.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pipeline: str | None = None
    version: str | None = None
    executor: Any = None
    inputs: dict[str, tuple[InputEntry, ...]] = Field(default_factory=dict)
    param: dict[str, Any] = Field(default_factory=dict)
    output_name: str | None = None
    output_format: str | None = None
    output_dir: str = "outputs"
    output_root_dir: str = "."

    @field_validator("inputs", mode="before")
    @classmethod
    def _single_as_list(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return {name: [v] if isinstance(v, Mapping) else v for name, v in value.items()}

    @field_validator("output_name")
    @classmethod
    def _is_stem(cls, value: str | None) -> str | None:
        if value is not None and not _STEM.fullmatch(value):
            raise ValueError("must be a file stem: letters, digits, '.', '-' and '_'")
        return value


def load_document(path: Path) -> dict[str, Any]:
    """Read a configuration in YAML, which JSON is a part of.

    Raises
    ------
    ConfigurationRejected
        If it cannot be read, or is no mapping of keys.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigurationRejected(
                [f"configuration {path.name!r} is larger than {_MAX_BYTES} bytes; is it a table?"]
            )
        document = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationRejected(
            [f"configuration {str(path)!r} cannot be read: {error.strerror}; check the path"]
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        where = f", line {place.line + 1}" if place else ""
        raise ConfigurationRejected(
            [f"configuration {path.name!r}{where} is not YAML; write keys and values"]
        ) from error
    if not isinstance(document, dict):
        raise ConfigurationRejected([f"configuration {path.name!r} has no keys at its top"])
    return document


def check_configuration(
    specification: PipelineSpecification, document: Mapping[str, Any]
) -> RunConfiguration:
    """Check a configuration against its pipeline and fill in the defaults.

    Parameters
    ----------
    specification
        Of the pipeline.
    document
        Keys and values as they were written.

    Raises
    ------
    ConfigurationRejected
        With every unknown key, wrong value and missing input at once.
    """
    problems: list[str] = []
    configuration: RunConfiguration | None = None
    try:
        configuration = RunConfiguration.model_validate(dict(document))
    except ValidationError as error:
        problems += _sentences(error, "", RunConfiguration.model_fields)
    param = document.get("param")
    parameters: dict[str, Any] = {}
    try:
        known = specification.parameters.model_validate(param if param is not None else {})
        parameters = known.model_dump(mode="json")
    except ValidationError as error:
        problems += _sentences(error, "param", specification.parameters.model_fields)
    if configuration is not None:
        problems += _mismatches(specification, configuration)
    if problems or configuration is None:
        raise ConfigurationRejected(problems)
    return configuration.model_copy(
        update={
            "pipeline": specification.name,
            "version": specification.version,
            "param": parameters,
            "executor": None,
            "output_name": configuration.output_name or specification.output_name,
            "output_format": configuration.output_format or specification.output_formats[0],
        }
    )


def _mismatches(
    specification: PipelineSpecification, configuration: RunConfiguration
) -> Iterable[str]:
    if configuration.pipeline not in (None, specification.name):
        yield f"pipeline: {configuration.pipeline!r} is not {specification.name!r}"
    asked = configuration.output_format
    if asked is not None and asked not in specification.output_formats:
        formats = ", ".join(specification.output_formats)
        yield f"output_format: {asked!r} is not one of {formats}"
    names = [group.name for group in specification.inputs]
    for name in configuration.inputs:
        if name not in names:
            yield _unknown(f"inputs.{name}", name, names)
    for group in specification.inputs:
        yield from _group_mismatches(group, configuration.inputs.get(group.name, ()))


def _group_mismatches(group: InputSpecification, entries: tuple[InputEntry, ...]) -> Iterable[str]:
    if len(entries) < group.minimum:
        advice = ": name a data release, or an object catalogue" if group.of_release else ""
        given = f"{len(entries)} given, at least {group.minimum} needed"
        yield f"inputs.{group.name}: {given}{advice}"
    if group.maximum is not None and len(entries) > group.maximum:
        yield f"inputs.{group.name}: {len(entries)} given, at most {group.maximum} taken"
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        place = f"inputs.{group.name}[{number}]"
        if entry.internal_name in seen:
            yield f"{place}: internal_name {entry.internal_name!r} is given twice; name each once"
        seen.add(entry.internal_name)
        if not group.free_columns:
            for name in entry.columns:
                if name not in group.columns:
                    yield _unknown(f"{place}.columns.{name}", name, group.columns)
        for name in group.required:
            if name not in entry.columns:
                yield f"{place}.columns: {name!r} is not mapped to a column; it is needed"


def _sentences(error: ValidationError, prefix: str, known: Iterable[str]) -> list[str]:
    return [_sentence(each, prefix, known) for each in error.errors()]


def _sentence(each: Any, prefix: str, known: Iterable[str]) -> str:  # noqa: ANN401 - pydantic's typed dict is internal
    parts = ([prefix] if prefix else []) + [str(part) for part in each["loc"]]
    place = re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", ".".join(parts)) or "configuration"
    if each["type"] == "extra_forbidden":
        names = known if len(each["loc"]) == 1 else InputEntry.model_fields
        return _unknown(place, str(each["loc"][-1]), names)
    message = each["msg"].removeprefix("Value error, ")
    given = repr(each["input"])
    shown = given if len(given) <= 60 else f"{given[:57]}..."
    return f"{place}: {message[:1].lower()}{message[1:]}, not {shown}"


def _unknown(place: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    advice = f"did you mean {close[0]!r}?" if close else f"the keys are {', '.join(names)}"
    return f"{place}: unknown key; {advice}"
