"""What the parameters of a job ask of a pipeline."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.configuration import (
    ColumnWords,
    InputCatalogue,
    InputEntry,
    InputProduct,
    RunConfiguration,
    check_configuration,
)
from pipelines.errors import ConfigurationRejected
from pipelines.shelf import ShelfCatalogue, ShelfProduct
from pipelines.specification import PipelineSpecification
from uws.model import Parameter

__all__ = ["PRODUCT_PARAMETERS", "PipelineRequest", "job_parameters"]

PRODUCT_PARAMETERS: Mapping[str, str] = {
    "NAME": "Display name of the product that is made",
    "DESCRIPTION": "What the product is, for people (Markdown)",
    "RELEASE": "Data release that the product belongs to",
    "PZ_CODE": "Photo-z code that the product comes from",
    "OFFICIAL": "Whether it is a product of the collaboration: true or false",
    "OUTPUT_FORMAT": "Format of the product's file",
    "INPUTS": "Id or internal name of an input product; repeated, or separated by commas",
}
"""Parameters that every pipeline has, by name; names are understood in any case."""

_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no", "")


@dataclass(frozen=True)
class PipelineRequest:
    """What a job asks for.

    Attributes
    ----------
    name, description, release, pz_code, official
        Of the product.
    inputs
        Ids or internal names of products, by group, in file order.
    param
        Parameters of the pipeline that were given.
    output_format
        As asked for.
    """

    name: str
    inputs: Mapping[str, tuple[str, ...]]
    param: Mapping[str, Any] = field(default_factory=dict)
    output_format: str | None = None
    description: str | None = None
    release: str | None = None
    pz_code: str | None = None
    official: bool = False

    @classmethod
    def parse(
        cls, specification: PipelineSpecification, parameters: Sequence[Parameter]
    ) -> PipelineRequest:
        """Read the parameters of a job.

        Raises
        ------
        ConfigurationRejected
            With every unknown name and wrong value at once.
        """
        return _Parser(specification, parameters).request()

    def configuration(
        self,
        specification: PipelineSpecification,
        products: Mapping[str, Sequence[ShelfProduct | ShelfCatalogue]] | None = None,
    ) -> RunConfiguration:
        """Make the configuration of the run, complete and checked.

        Parameters
        ----------
        specification
            Of the pipeline.
        products
            The inputs that were found, by group; none checks everything else.

        Raises
        ------
        ConfigurationRejected
            With every problem at once.
        """
        if products is None:
            entries = {
                group: _placeholders(specification, group, self._references(specification, group))
                for group in (*self.inputs, *(each.name for each in specification.inputs))
            }
        else:
            entries = {
                group: [_entry(specification, group, each) for each in found]
                for group, found in products.items()
            }
        document = {
            "inputs": entries,
            "param": dict(self.param),
            "output_format": self.output_format,
        }
        return check_configuration(specification, document)

    def _references(self, specification: PipelineSpecification, group: str) -> tuple[str, ...]:
        given = self.inputs.get(group, ())
        known = specification.group(group)
        of_release = known is not None and known.of_release and self.release is not None
        return given or ((str(self.release),) if of_release else ())


def job_parameters(
    specification: PipelineSpecification, request: PipelineRequest
) -> list[Parameter]:
    """Write a request as the parameters of a job; the inverse of `PipelineRequest.parse`."""
    single = specification.inputs[0].name
    parameters = [Parameter("NAME", request.name)]
    for group, references in request.inputs.items():
        name = "INPUTS" if group == single else group
        parameters += [Parameter(name, reference) for reference in references]
    for name in ("description", "release", "pz_code", "output_format"):
        value = getattr(request, name)
        if value is not None:
            parameters.append(Parameter(name.upper(), value))
    if request.official:
        parameters.append(Parameter("OFFICIAL", "true"))
    for name, value in request.param.items():
        text = value if isinstance(value, str) else json.dumps(value)
        parameters.append(Parameter(name, text))
    return parameters


class _Parser:
    def __init__(
        self, specification: PipelineSpecification, parameters: Sequence[Parameter]
    ) -> None:
        self._specification = specification
        self._values: dict[str, list[str]] = {}
        for parameter in parameters:
            self._values.setdefault(parameter.name.casefold(), []).append(parameter.value)
        self._problems: list[str] = []

    def request(self) -> PipelineRequest:
        specification = self._specification
        inputs = self._inputs()
        own = {name: self._one(name) for name in PRODUCT_PARAMETERS if name != "INPUTS"}
        name = (own["NAME"] or "").strip()
        if not name:
            self._problems.append("NAME: missing; say how the product is to be called")
        official = (own["OFFICIAL"] or "").strip().lower()
        if official not in (*_TRUE, *_FALSE):
            self._problems.append(f"OFFICIAL: {official!r} is neither true nor false")
        param = {
            known: _value(self._one(known) or "")
            for known in specification.parameters.model_fields
            if known.casefold() in self._values
        }
        for file in specification.file_parameters:
            if param.pop(file, None) is not None:
                self._problems.append(
                    f"{file}: no file of the server can be named; send yours as the part "
                    f"{file!r} of a multipart form"
                )
        self._refuse_unknown()
        request = PipelineRequest(
            name=name,
            inputs=inputs,
            param=param,
            output_format=own["OUTPUT_FORMAT"],
            description=own["DESCRIPTION"],
            release=own["RELEASE"] or None,
            pz_code=own["PZ_CODE"] or None,
            official=official in _TRUE,
        )
        try:
            request.configuration(specification)
        except ConfigurationRejected as error:
            self._problems += error.problems
        if self._problems:
            raise ConfigurationRejected(self._problems)
        return request

    def _inputs(self) -> dict[str, tuple[str, ...]]:
        groups = self._specification.inputs
        inputs = {}
        for number, group in enumerate(groups):
            names = [group.name.casefold()] + (["inputs", "input"] if number == 0 else [])
            given = [value for name in names for value in self._values.get(name, ())]
            parts = [part.strip() for value in given for part in value.split(",")]
            inputs[group.name] = tuple(part for part in parts if part)
        return inputs

    def _one(self, name: str) -> str | None:
        values = self._values.get(name.casefold(), [])
        if len(set(values)) > 1:
            self._problems.append(f"{name}: sent {len(values)} times; send it once")
        return values[0] if values else None

    def _refuse_unknown(self) -> None:
        known = [
            *PRODUCT_PARAMETERS,
            *(group.name for group in self._specification.inputs),
            *self._specification.parameters.model_fields,
        ]
        folded = {name.casefold() for name in known} | {"input"}
        for name in self._values:
            if name not in folded:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
                self._problems.append(f"{name}: unknown parameter; {hint}")


def _value(text: str) -> Any:  # noqa: ANN401 - whatever JSON has
    """Read a value: JSON where it is an object, a list or null; the model reads the rest."""
    stripped = text.strip()
    if stripped[:1] in ("{", "[") or stripped == "null":
        try:
            return json.loads(stripped)
        except (ValueError, RecursionError):
            return text
    return text


def _placeholders(
    specification: PipelineSpecification, group: str, references: Sequence[str]
) -> list[InputEntry]:
    known = specification.group(group)
    columns = {name: name for name in (known.required if known else ())}
    return [InputEntry(path=r, internal_name=r, columns=columns) for r in references]


def _entry(
    specification: PipelineSpecification, group: str, product: ShelfProduct | ShelfCatalogue
) -> InputEntry:
    if isinstance(product, ShelfCatalogue):
        return _catalogue_entry(product)
    known = specification.group(group)
    aliases = {alias.casefold(): column for alias, column in product.columns.items()}
    columns = {
        name: aliases[alias.casefold()]
        for name, alias in (known.columns.items() if known else ())
        if alias is not None and alias.casefold() in aliases
    }
    return InputEntry(
        path=str(product.file),
        internal_name=product.internal_name,
        columns=columns,
        null_values={name: list(values) for name, values in product.null_values.items()},
        product=InputProduct(
            id=product.id,
            internal_name=product.internal_name,
            version=product.version,
            sha256=product.sha256,
        ),
        words={name: ColumnWords(**words) for name, words in product.words.items()},
    )


def _catalogue_entry(found: ShelfCatalogue) -> InputEntry:
    named = found.catalogue
    return InputEntry(
        path=named.folder,
        internal_name=named.name,
        columns={"id": named.id_column} if named.id_column else {},
        catalogue=InputCatalogue(
            release=found.release,
            name=named.name,
            fluxes=dict(named.fluxes),
            maps=dict(named.maps),
        ),
    )
