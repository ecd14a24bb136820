"""Annotation files (YAML) and the command line's column assignments."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic import Field as ModelField

from registry.errors import AnnotationRejected
from registry.model.annotation import Annotations, ColumnAnnotation

__all__ = ["column_assignments", "load_annotations", "null_assignments", "parse_annotations"]

_MAX_BYTES = 4_000_000
"""Size of an annotation file at most: thousands of columns with long descriptions."""


class _ColumnEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    ucd: str | None = None
    unit: str | None = None
    alias: str | None = None
    description: str | None = None
    utype: str | None = None
    frame: str | None = None
    null_values: list[str | int | float] | str | int | float = ModelField(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, entry: Any) -> Any:  # noqa: ANN401 - whatever YAML has
        """Take the key ``null`` too, which YAML reads as no value."""
        if not isinstance(entry, dict) or None not in entry:
            return entry
        return {"null_values" if key is None else key: value for key, value in entry.items()}

    def annotation(self) -> ColumnAnnotation:
        """Give what is said as the model has it; one value needs no list."""
        values = self.null_values if isinstance(self.null_values, list) else [self.null_values]
        said = self.model_dump(exclude={"null_values"})
        return ColumnAnnotation(**said, null=tuple(str(value) for value in values))


class _AnnotationFile(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    description: str | None = None
    override: bool = False
    columns: dict[str, _ColumnEntry | None] = ModelField(default_factory=dict)


def load_annotations(path: Path) -> Annotations:
    """Read an annotation file.

    Parameters
    ----------
    path
        YAML with ``description`` (of the table), ``override`` and ``columns``: by column name
        ``ucd``, ``unit``, ``alias``, ``description``, ``utype``, ``frame``,
        ``null_values``.

    Raises
    ------
    AnnotationRejected
        If it is no such YAML, with every unknown key and wrong value named.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise AnnotationRejected(
                [f"annotations {path.name!r}: larger than {_MAX_BYTES} bytes; is it the table?"]
            )
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise AnnotationRejected(
            [f"annotations {str(path)!r} cannot be read: {error.strerror}; check the path"]
        ) from error
    except UnicodeDecodeError as error:
        raise AnnotationRejected(
            [f"annotations {path.name!r} is not UTF-8 text; save it as UTF-8"]
        ) from error
    return parse_annotations(text, path.name)


def parse_annotations(text: str, name: str = "annotations") -> Annotations:
    """Read annotations from YAML text.

    Parameters
    ----------
    text
        The YAML.
    name
        What messages call it.

    Raises
    ------
    AnnotationRejected
        As `load_annotations` says.
    """
    try:
        content: Any = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        where = f", line {place.line + 1}, column {place.column + 1}" if place else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise AnnotationRejected([f"{name}{where}: {problem}; write it as YAML"]) from error
    try:
        parsed = _AnnotationFile.model_validate({} if content is None else content)
    except ValidationError as error:
        raise AnnotationRejected([_sentence(name, e) for e in error.errors()]) from error
    columns = {
        column: ColumnAnnotation() if entry is None else entry.annotation()
        for column, entry in parsed.columns.items()
    }
    return Annotations(columns, parsed.description, parsed.override)


def column_assignments(options: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Split the options ``FILECOLUMN=ALIAS-or-UCD``.

    Parameters
    ----------
    options
        The column's name may contain ``=``; the last one separates.

    Raises
    ------
    AnnotationRejected
        If one has no ``=`` or an empty side, all of them reported together.
    """
    pairs = []
    problems = []
    for option in options:
        column, mark, meaning = option.rpartition("=")
        if not mark or not column or not meaning.strip():
            problems.append(
                f"--column {option!r} is not of the form FILECOLUMN=ALIAS-or-UCD, "
                "for example --column RAJ2000=RA"
            )
        else:
            pairs.append((column, meaning.strip()))
    if problems:
        raise AnnotationRejected(problems)
    return tuple(pairs)


def null_assignments(options: Iterable[str]) -> dict[str, list[str]]:
    """Split the options ``FILECOLUMN=VALUE``, values that mean that there is none.

    Parameters
    ----------
    options
        The column's name may contain ``=``; the last one separates.

    Raises
    ------
    AnnotationRejected
        If one has no ``=`` or an empty side.
    """
    found: dict[str, list[str]] = {}
    for option in options:
        column, mark, value = option.rpartition("=")
        if not mark or not column or not value:
            raise AnnotationRejected(
                [f"--null {option!r} is not of the form COLUMN=VALUE, for example --null z=-99"]
            )
        found.setdefault(column, []).append(value)
    return found


def _sentence(name: str, error: Any) -> str:  # noqa: ANN401 - pydantic's typed dict is internal
    path = ".".join(str(part) for part in error["loc"]) or "the file"
    if error["type"] == "extra_forbidden":
        known = _ColumnEntry if "columns" in error["loc"][:1] else _AnnotationFile
        keys = ", ".join(known.model_fields)
        return f"{name}: unknown key {path!r}; the keys are {keys}"
    return f"{name}: {path}: {error['msg'][:1].lower()}{error['msg'][1:]}"
