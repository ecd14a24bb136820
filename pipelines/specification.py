"""What a pipeline is: its name, parameters, inputs and output, as data.

Everything that users see of a pipeline is made from its specification: the parameters of its
jobs, ``system_config`` of the REST interface, forms, the command line and the documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict

__all__ = [
    "OUTPUT_FORMATS",
    "SAME_FORMAT",
    "FileParameter",
    "InputSpecification",
    "OutputColumn",
    "PipelineParameters",
    "PipelineSpecification",
    "UserFile",
]

_NAME = re.compile(r"[a-z][a-z0-9_]*")

OUTPUT_FORMATS = ("parquet", "csv", "fits", "hdf5", "hats", "votable")
"""Formats of outputs: those of the Photo-z Server, and VOTable."""

SAME_FORMAT = "specz"
"""Word of the Photo-z Server for the format of the input."""


class PipelineParameters(BaseModel):
    """Base of the parameters of a pipeline: immutable, unknown names refused.

    Notes
    -----
    Every field has a default, so that a client can show and change them; its ``description`` is
    the help that users read, with the unit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


@dataclass(frozen=True, slots=True)
class FileParameter:
    """Marks a parameter whose value is a file of the user.

    Parameters
    ----------
    media_type
        What the file holds.
    """

    media_type: str = "application/yaml"


UserFile = Annotated[str, FileParameter()]
"""A file of the user: in a run folder its path relative to that folder.

In a configuration on disk the path is relative to the configuration; at a server it is a file
that came with the request. Nobody else's file can be named.
"""


@dataclass(frozen=True, slots=True)
class InputSpecification:
    """One group of inputs.

    Parameters
    ----------
    name
        Key of the group under ``inputs`` in a configuration.
    product_types
        Types of products that it takes, the usual one first.
    columns
        Standard names that a configuration may map to columns of the input, and the alias of
        products that says the same (``z_flag``), none where there is no alias.
    required
        Those of the standard names without which nothing can be done.
    minimum, maximum
        How many inputs; `maximum` none is without limit.
    free_columns
        Whether further names may be mapped.
    in_place
        Whether a run reads them where they are: they are too large to be copied.
    of_release
        Whether the object catalogue of the release of the output is taken where none is given.
    """

    name: str
    product_types: tuple[str, ...]
    columns: Mapping[str, str | None]
    required: tuple[str, ...] = ()
    minimum: int = 1
    maximum: int | None = None
    free_columns: bool = False
    in_place: bool = False
    of_release: bool = False


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """What is known beforehand of a column of the output; absent columns are no error.

    Parameters
    ----------
    name
        In the file.
    ucd, unit, utype, description
        As in VOTable.
    alias
        One of the roles of products: ``ID``, ``RA``, ``Dec``, ``z``, ``z_err`` ...
    """

    name: str
    description: str
    ucd: str | None = None
    unit: str | None = None
    alias: str | None = None
    utype: str | None = None


@dataclass(frozen=True)
class PipelineSpecification:
    """A pipeline as data; light to import, no heavy library behind it.

    Parameters
    ----------
    name
        Lower case letters, digits and underscores; last element of its address.
    display_name, description
        For people; the first sentence of the description stands alone in lists.
    version
        Of the algorithm: it changes whenever the same input may give another output.
    parameters
        Model of what ``param`` holds.
    inputs
        Groups of inputs.
    output_type
        Product type of what is made.
    output_columns
        Annotations of the columns that the output may have.
    output_name
        Stem of the output's file.
    output_formats
        That can be asked for, the default first.
    partitioned
        Whether it works on many parts at once: its ``run`` takes a `concurrent.futures.Executor`
        as third argument.
    unused_libraries
        Packages that libraries import only because they are there, and that cost time and
        memory at every start; a run does without them.
    """

    name: str
    display_name: str
    version: str
    description: str
    parameters: type[PipelineParameters]
    inputs: tuple[InputSpecification, ...]
    output_type: str
    output_columns: tuple[OutputColumn, ...] = ()
    output_name: str = "output"
    output_formats: tuple[str, ...] = OUTPUT_FORMATS
    partitioned: bool = False
    unused_libraries: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what could not be addressed or shown.

        Raises
        ------
        ValueError
            If the name is irregular, a format is unknown, or a parameter has no default or no
            description.
        """
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"pipeline name {self.name!r} is not a lower case identifier")
        if unknown := sorted({*self.output_formats} - {*OUTPUT_FORMATS, SAME_FORMAT}):
            raise ValueError(f"pipeline {self.name!r} has unknown output formats: {unknown}")
        for name, field in self.parameters.model_fields.items():
            if field.is_required() or not field.description:
                raise ValueError(
                    f"parameter {name!r} of {self.name!r} needs a default and a description"
                )

    @cached_property
    def file_parameters(self) -> tuple[str, ...]:
        """Names of the parameters whose values are files of the user."""
        return tuple(
            name
            for name, field in self.parameters.model_fields.items()
            if any(_is_file(each) for each in (*field.metadata, field.annotation))
        )

    @cached_property
    def accepted_types(self) -> tuple[str, ...]:
        """Product types of all inputs, each once."""
        return tuple(dict.fromkeys(t for group in self.inputs for t in group.product_types))

    def defaults(self) -> dict[str, Any]:
        """Give all parameters with their default values, as JSON has them."""
        return self.parameters().model_dump(mode="json")

    def schema(self) -> dict[str, Any]:
        """Give the JSON schema of the parameters."""
        return self.parameters.model_json_schema()

    def group(self, name: str) -> InputSpecification | None:
        """Find a group of inputs."""
        return next((group for group in self.inputs if group.name == name), None)


def _is_file(annotation: object) -> bool:
    if isinstance(annotation, FileParameter):
        return True
    return any(_is_file(part) for part in get_args(annotation))
