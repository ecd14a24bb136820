"""YAML from strangers: plain values with the lines on which they stand.

Refused are aliases (a small text could mean gigabytes), tags of programming languages, repeated
keys, and documents that are too large or too deep.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipelines.errors import ConfigurationRejected

__all__ = ["YamlDocument", "parse_yaml", "read_yaml"]

_MAX_BYTES = 1_000_000
"""Size of a document: fifty times that of a file with the rules of 38 surveys."""

_MAX_EVENTS = 100_000

_MAX_DEPTH = 20
"""Nesting of a document; configurations and flags files need seven levels."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """A mapping that was read from YAML.

    Attributes
    ----------
    name
        What messages call it.
    content
        Mappings, sequences and plain values.
    lines
        Line of each value, by the path of keys and positions that leads to it.
    """

    name: str
    content: dict[Any, Any]
    lines: dict[tuple[Any, ...], int]

    def place(self, *path: Any) -> str:  # noqa: ANN401 - keys of YAML may be of any plain type
        """Say where a value stands: the document's name, and the line where it is known."""
        for length in range(len(path), -1, -1):
            line = self.lines.get(path[:length])
            if line is not None:
                return f"{self.name}, line {line}"
        return self.name


def read_yaml(path: Path) -> YamlDocument:
    """Read a file.

    Parameters
    ----------
    path
        A file of UTF-8 text.

    Raises
    ------
    ConfigurationRejected
        If it cannot be read, or is not accepted; see `parse_yaml`.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigurationRejected(
                [f"{path.name}: larger than {_MAX_BYTES} bytes; is it the right file?"]
            )
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationRejected(
            [f"{path.name!r} cannot be read: {error.strerror}; check the path"]
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationRejected([f"{path.name} is not UTF-8 text; save it as UTF-8"]) from error
    return parse_yaml(text, path.name)


def parse_yaml(text: str, name: str) -> YamlDocument:
    """Read a mapping from YAML text.

    Parameters
    ----------
    text
        The YAML.
    name
        What messages call it.

    Raises
    ------
    ConfigurationRejected
        If it is no YAML, no mapping, or has what is refused; with the line.
    """
    if len(text) > _MAX_BYTES:
        raise ConfigurationRejected([f"{name}: larger than {_MAX_BYTES} characters"])
    lines: dict[tuple[Any, ...], int] = {}
    try:
        _check_events(text, name)
        loader = _LOADER(text)
        try:
            root = loader.get_single_node()
            content = {} if root is None else _built(loader, root, (), lines, name)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise ConfigurationRejected([f"{name}{where}: {problem}; write it as YAML"]) from error
    if not isinstance(content, dict):
        raise ConfigurationRejected([f"{name}: a mapping of keys to values is expected"])
    return YamlDocument(name, content, lines)


def _check_events(text: str, name: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            raise ConfigurationRejected(
                [f"{name}, line {line}: aliases (*{event.anchor}) are not accepted; write it out"]
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise ConfigurationRejected(
                [f"{name}, line {line}: nested deeper than {_MAX_DEPTH} levels"]
            )
        if count > _MAX_EVENTS:
            raise ConfigurationRejected([f"{name}: more than {_MAX_EVENTS} parts"])


def _built(
    loader: Any,  # noqa: ANN401 - PyYAML's two loaders have no common class
    node: yaml.Node,
    path: tuple[Any, ...],
    lines: dict[tuple[Any, ...], int],
    name: str,
) -> Any:  # noqa: ANN401 - a tree of plain values
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = _scalar(loader, key_node, name)
            if key in mapping:
                raise ConfigurationRejected(
                    [f"{name}, line {key_node.start_mark.line + 1}: {key!r} is given twice"]
                )
            mapping[key] = _built(loader, value_node, (*path, key), lines, name)
            lines[*path, key] = key_node.start_mark.line + 1
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [
            _built(loader, part, (*path, place), lines, name)
            for place, part in enumerate(node.value)
        ]
    return _scalar(loader, node, name)


def _scalar(loader: Any, node: yaml.Node, name: str) -> Any:  # noqa: ANN401 - a plain value
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.ScalarNode):
        raise ConfigurationRejected([f"{name}, line {line}: a key must be one plain value"])
    try:
        return loader.construct_object(node)
    except ValueError as error:
        raise ConfigurationRejected(
            [f"{name}, line {line}: {node.value[:40]!r} cannot be read as a value"]
        ) from error
