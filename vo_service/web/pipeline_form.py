"""Forms of pipelines, made from their specifications: no pipeline has a page of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.errors import ConfigurationRejected
from pipelines.specification import PipelineSpecification
from pipelines.yaml_document import parse_yaml
from uws.model import Parameter

__all__ = ["FormField", "PipelineForm"]

_PRODUCT = ("NAME", "DESCRIPTION", "RELEASE", "OFFICIAL", "OUTPUT_FORMAT")

_KINDS = {
    "boolean": "flag",
    "integer": "number",
    "number": "number",
    "array": "lines",
    "object": "mapping",
}


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form.

    Attributes
    ----------
    name
        Of the parameter.
    kind
        ``choice``, ``flag``, ``number``, ``lines`` (one value a line), ``mapping`` (name: value a
        line), ``file`` or ``text``.
    help
        What it does.
    value
        As it stands in the form.
    options
        Of a choice.
    minimum, maximum, whole
        Of a number.
    more
        Whether few people need it.
    """

    name: str
    kind: str
    help: str
    value: str
    options: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False
    more: bool = False


@dataclass(frozen=True)
class PipelineForm:
    """What somebody has put into the form of a pipeline.

    Attributes
    ----------
    specification
        Of the pipeline.
    values
        Texts by the name of the field.
    inputs
        Ids or internal names of products, by group, in the order of choice.
    find
        What is searched for among the inputs, by group.
    """

    specification: PipelineSpecification
    values: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    find: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, specification: PipelineSpecification, sent: Any) -> PipelineForm:  # noqa: ANN401 - a multi-dictionary of Werkzeug
        """Read a form that was sent, with a product that is to be added or taken away."""
        properties = specification.schema()["properties"]
        # What the form did not show is as it was in the beginning.
        values = {name: _written(value) for name, value in specification.defaults().items()}
        for name in (*_PRODUCT, *properties):
            if name in sent:
                values[name] = sent[name].replace("\r\n", "\n")
            elif f"box.{name}" in sent:
                # Browsers do not send boxes that are not ticked.
                values[name] = "false"
        inputs = {}
        for group in specification.inputs:
            chosen = list(dict.fromkeys(sent.getlist(f"input.{group.name}")))
            added = sent.get("add", "").removeprefix(f"{group.name}:")
            if added and added != sent.get("add") and added not in chosen:
                chosen = [*chosen, added] if group.maximum != 1 else [added]
            removed = sent.get("remove", "").removeprefix(f"{group.name}:")
            inputs[group.name] = tuple(each for each in chosen if each != removed)
        find = {group.name: sent.get(f"find.{group.name}", "") for group in specification.inputs}
        return cls(specification, values, inputs, find)

    @classmethod
    def empty(
        cls,
        specification: PipelineSpecification,
        param: Mapping[str, Any] | None = None,
        inputs: Sequence[str] = (),
    ) -> PipelineForm:
        """Make the form as it begins, or as another run was asked for.

        Parameters
        ----------
        specification
            Of the pipeline.
        param
            Parameters that differ from the defaults.
        inputs
            Products of the first group.
        """
        given = specification.defaults() | dict(param or {})
        values = {name: _written(value) for name, value in given.items()}
        for name in specification.file_parameters:
            values[name] = ""
        values["OUTPUT_FORMAT"] = specification.output_formats[0]
        chosen = {group.name: () for group in specification.inputs}
        first = specification.inputs[0]
        return cls(specification, values, {**chosen, first.name: tuple(inputs[: first.maximum])})

    def fields(self) -> list[FormField]:
        """List the fields of the pipeline's own parameters that play a part now."""
        return list(self._fields())

    def _fields(self) -> Iterator[FormField]:
        schema = self.specification.schema()
        for name, each in schema["properties"].items():
            if not self._plays_a_part(each):
                continue
            options = _options(schema, each)
            inner = _inner(each)
            yield FormField(
                name,
                _kind(self.specification, name, each) if not options else "choice",
                each.get("description", ""),
                self.values.get(name, ""),
                options,
                inner.get("minimum"),
                inner.get("maximum"),
                inner.get("type") == "integer",
                bool(each.get("more")),
            )

    def _plays_a_part(self, schema: Mapping[str, Any]) -> bool:
        conditions: Mapping[str, Sequence[str]] = schema.get("when", {})
        return not schema.get("without_effect") and all(
            self.values.get(name, "") in wanted for name, wanted in conditions.items()
        )

    def parameters(self) -> list[Parameter]:
        """Give it as a job takes it; what is empty is left to the pipeline.

        Raises
        ------
        ConfigurationRejected
            If a list of names cannot be read.
        """
        found = [Parameter(name, self.values[name]) for name in _PRODUCT if self.values.get(name)]
        for group, chosen in self.inputs.items():
            found += [Parameter(group, each) for each in chosen]
        for each in self.fields():
            text = each.value.strip()
            if each.kind == "file" or not text:
                continue
            if each.kind == "lines":
                text = json.dumps([line.strip() for line in text.splitlines() if line.strip()])
            elif each.kind == "mapping":
                text = json.dumps(_mapping(each.name, text))
            found.append(Parameter(each.name, text))
        return found

    def files(self) -> dict[str, bytes]:
        """Give the contents of the files that were put into the form."""
        found = {name: self.values.get(name, "") for name in self.specification.file_parameters}
        return {name: text.encode() for name, text in found.items() if text.strip()}

    def errors(self, problems: Sequence[str]) -> dict[str, str]:
        """Put problems beside their fields; under an empty name what belongs to none."""
        known = {*_PRODUCT, *self.specification.schema()["properties"]}
        found: dict[str, list[str]] = {}
        for problem in problems:
            head, colon, rest = problem.partition(":")
            name = head.removeprefix("param.").partition(".")[0].partition("[")[0]
            if name.startswith("input"):
                name, rest = "inputs", f" {problem}"
            elif name not in known or not colon:
                name, rest = "", f" {problem}"
            found.setdefault(name, []).append(rest.strip())
        return {
            name: "; ".join(text[:1].upper() + text[1:] for text in texts)
            for name, texts in found.items()
        }


def _kind(specification: PipelineSpecification, name: str, schema: Mapping[str, Any]) -> str:
    if name in specification.file_parameters:
        return "file"
    return _KINDS.get(str(_inner(schema).get("type")), "text")


def _inner(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the schema of a value that may also be absent."""
    for each in schema.get("anyOf", ()):
        if each.get("type") != "null":
            found: Mapping[str, Any] = each
            return found
    return schema


def _options(schema: Mapping[str, Any], each: Mapping[str, Any]) -> tuple[str, ...]:
    inner = _inner(each)
    reference = str(inner.get("$ref", "")).removeprefix("#/$defs/")
    named = schema.get("$defs", {}).get(reference, {}) if reference else inner
    return tuple(str(option) for option in named.get("enum", ()))


def _written(value: Any) -> str:  # noqa: ANN401 - whatever JSON has
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return "\n".join(map(str, value))
        case dict():
            return "\n".join(f"{name}: {json.dumps(each)}" for name, each in value.items())
        case _:
            return str(value)


def _mapping(name: str, text: str) -> dict[Any, Any]:
    try:
        return parse_yaml(text, name).content
    except ConfigurationRejected as error:
        raise ConfigurationRejected([f"{name}: {each}" for each in error.problems]) from error
