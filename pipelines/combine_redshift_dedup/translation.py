"""The flags file: how the quality flags and instruments of surveys become common ones.

A file has the keys of `FlagsTranslation` and, under ``translation_rules``, one block per survey
with ``z_flag_translation`` and ``instrument_type_translation``: values to be replaced, a list of
``conditions`` (``expr``, ``value``) and a ``default``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.combine_redshift_dedup.expressions import (
    Expression,
    ExpressionRefused,
    parse_expression,
)
from pipelines.errors import ConfigurationRejected
from pipelines.yaml_document import YamlDocument, parse_yaml, read_yaml

__all__ = [
    "FLAGS",
    "INSTRUMENT_TYPES",
    "STAR",
    "Condition",
    "FlagsTranslation",
    "SurveyRules",
    "Translation",
    "load_translation",
    "parse_translation",
]

FLAGS = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0)
"""Homogenised quality flags: 0 no redshift, 1 below 70 % confidence, 2 to 90 %, 3 to 99 %,
4 above, 6 not extragalactic (contract, part 1.5)."""

STAR = 6.0

INSTRUMENT_TYPES = ("s", "g", "p")
"""Spectrograph, grism, photometry."""

_MAX_CONDITIONS = 200
"""Conditions of one rule at most; surveys need seven."""

_MAX_RADIUS_ARCSEC = 60.0

_COLUMN_TYPES = ("str", "float", "int", "bool")

_KEYS = (
    "tiebreaking_priority",
    "delta_z_threshold",
    "crossmatch_radius_arcsec",
    "crossmatch_n_neighbors",
    "instrument_type_priority",
    "save_expr_columns",
    "expr_column_schema",
    "translation_rules",
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition and the value that it gives.

    Attributes
    ----------
    expression
        Of columns.
    value
        What rows get in which it is true; none makes them null.
    place
        Where it stands in its file.
    """

    expression: Expression
    value: float | str | None
    place: str


@dataclass(frozen=True, slots=True)
class Translation:
    """How one survey's values become homogenised ones: the last that applies wins.

    Attributes
    ----------
    default
        For rows to which nothing else applies.
    values
        By value of the survey, a number for flags and a text for instruments.
    conditions
        In the order of the file.
    """

    default: float | str | None = None
    values: Mapping[float | str, float | str | None] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class SurveyRules:
    """Both translations of one survey; absent ones leave its rows without a value."""

    z_flag: Translation | None = None
    instrument_type: Translation | None = None

    @property
    def names(self) -> frozenset[str]:
        """Columns that its conditions name."""
        parts = [part for part in (self.z_flag, self.instrument_type) if part is not None]
        found = [c.expression.names for part in parts for c in part.conditions]
        return frozenset().union(*found)


@dataclass(frozen=True, slots=True)
class FlagsTranslation:
    """The content of a flags file.

    Attributes
    ----------
    tiebreaking_priority
        Columns by which rows of one object are compared, larger values being better.
    delta_z_threshold
        Largest step in redshift between rows that are taken for the same measurement.
    crossmatch_radius_arcsec
        Rows closer than this are of one object.
    crossmatch_n_neighbors
        Kept for the format: every neighbour counts here; more than this are reported.
    instrument_type_priority
        Rank of each instrument type.
    save_expr_columns
        Whether the columns that conditions name are kept in the product.
    expr_column_schema
        Types (``str``, ``float``, ``int``, ``bool``) of columns that conditions name.
    surveys
        Rules by upper-case name of the survey.
    """

    tiebreaking_priority: tuple[str, ...] = ("z_flag_homogenized", "instrument_type_homogenized")
    delta_z_threshold: float = 0.0
    crossmatch_radius_arcsec: float = 0.75
    crossmatch_n_neighbors: int = 10
    instrument_type_priority: Mapping[str, float] = field(
        default_factory=lambda: {"s": 3.0, "g": 2.0, "p": 1.0}
    )
    save_expr_columns: bool = False
    expr_column_schema: Mapping[str, str] = field(default_factory=dict)
    surveys: Mapping[str, SurveyRules] = field(default_factory=dict)

    def names(self) -> frozenset[str]:
        """Give all columns that any condition names."""
        return frozenset().union(*(rules.names for rules in self.surveys.values()))


def load_translation(path: Path) -> FlagsTranslation:
    """Read a flags file.

    Parameters
    ----------
    path
        Of YAML.

    Raises
    ------
    ConfigurationRejected
        With everything that is wrong with it, by line.
    """
    return _Reading(read_yaml(path)).result()


def parse_translation(text: str, name: str = "flags file") -> FlagsTranslation:
    """Read the text of a flags file.

    Parameters
    ----------
    text
        YAML.
    name
        What messages call it.

    Raises
    ------
    ConfigurationRejected
        With everything that is wrong with it, by line.
    """
    return _Reading(parse_yaml(text, name)).result()


class _Reading:
    """Reads a document and gathers what is wrong with it."""

    def __init__(self, document: YamlDocument) -> None:
        self._document = document
        self._problems: list[str] = []

    def result(self) -> FlagsTranslation:
        content = self._document.content
        for key in content:
            if key not in _KEYS:
                self._wrong(f"unknown key {key!r}; the keys are {', '.join(_KEYS)}", key)
        usual = FlagsTranslation()
        priority = self._names("tiebreaking_priority", usual.tiebreaking_priority)
        threshold = self._number("delta_z_threshold", usual.delta_z_threshold, 0, 100)
        radius = self._number(
            "crossmatch_radius_arcsec", usual.crossmatch_radius_arcsec, 1e-3, _MAX_RADIUS_ARCSEC
        )
        neighbors = self._number("crossmatch_n_neighbors", usual.crossmatch_n_neighbors, 1, 1e6)
        ranks = self._ranks(usual.instrument_type_priority)
        save = content.get("save_expr_columns", False)
        if not isinstance(save, bool):
            self._wrong(f"save_expr_columns is {save!r}; write true or false", "save_expr_columns")
        schema = self._schema()
        surveys = self._surveys()
        if self._problems:
            raise ConfigurationRejected(self._problems)
        return FlagsTranslation(
            priority, threshold, radius, int(neighbors), ranks, bool(save), schema, surveys
        )

    def _wrong(self, message: str, *path: Any) -> None:  # noqa: ANN401 - keys of YAML
        self._problems.append(f"{self._document.place(*path)}: {message}")

    def _mapping(self, content: Any, *path: Any) -> dict[Any, Any]:  # noqa: ANN401 - of YAML
        if content is None:
            return {}
        if not isinstance(content, dict):
            self._wrong(f"{path[-1]!r} must be a mapping of keys to values", *path)
            return {}
        return content

    def _names(self, key: str, usual: tuple[str, ...]) -> tuple[str, ...]:
        names = self._document.content.get(key, list(usual))
        if not isinstance(names, list) or not all(isinstance(n, str) and n for n in names):
            self._wrong(f"{key} must be a list of column names", key)
            return usual
        if len(set(names)) != len(names):
            self._wrong(f"{key} names a column twice", key)
        return tuple(names)

    def _number(self, key: str, usual: float, low: float, high: float) -> float:
        value = self._document.content.get(key, usual)
        if not _is_number(value) or not low <= value <= high:
            self._wrong(f"{key} is {value!r}; give a number from {low:g} to {high:g}", key)
            return usual
        return float(value)

    def _ranks(self, usual: Mapping[str, float]) -> dict[str, float]:
        key = "instrument_type_priority"
        content = self._mapping(self._document.content.get(key, dict(usual)), key)
        for kind, rank in content.items():
            if not isinstance(kind, str) or not _is_number(rank):
                self._wrong(f"{key}: {kind!r}: {rank!r} must be a type and a number", key, kind)
                return dict(usual)
        return {kind.strip().lower(): float(rank) for kind, rank in content.items()}

    def _schema(self) -> dict[str, str]:
        key = "expr_column_schema"
        content = self._mapping(self._document.content.get(key), key)
        for column, kind in content.items():
            if not isinstance(column, str) or kind not in _COLUMN_TYPES:
                self._wrong(
                    f"{key}: {column!r} is {kind!r}; the types are {', '.join(_COLUMN_TYPES)}",
                    key,
                    column,
                )
        return content

    def _surveys(self) -> dict[str, SurveyRules]:
        key = "translation_rules"
        surveys: dict[str, SurveyRules] = {}
        for survey, block in self._mapping(self._document.content.get(key), key).items():
            name = str(survey).strip().upper()
            if name in surveys:
                self._wrong(f"survey {name!r} has two blocks", key, survey)
            block = self._mapping(block, key, survey)  # noqa: PLW2901 - the same, checked
            known = ("z_flag_translation", "instrument_type_translation")
            for part in block:
                if part not in known:
                    self._wrong(
                        f"survey {name!r}: unknown key {part!r}; the keys are {', '.join(known)}",
                        key,
                        survey,
                        part,
                    )
            rules = [
                self._translation(block[part], part.startswith("z_flag"), key, survey, part)
                if part in block
                else None
                for part in known
            ]
            surveys[name] = SurveyRules(*rules)
        return surveys

    def _translation(self, content: Any, is_flag: bool, *path: Any) -> Translation:  # noqa: ANN401
        block = self._mapping(content, *path)
        values: dict[float | str, float | str | None] = {}
        for key, value in block.items():
            if key in ("default", "conditions"):
                continue
            if is_flag and not _is_number(key):
                self._wrong(f"{key!r} is no number, and flags are compared as numbers", *path, key)
                continue
            values[float(key) if is_flag else str(key).strip().lower()] = self._value(
                value, is_flag, *path, key
            )
        default = self._value(block.get("default"), is_flag, *path, "default")
        return Translation(default, values, self._conditions(block, is_flag, *path))

    def _conditions(
        self,
        block: dict[Any, Any],
        is_flag: bool,
        *path: Any,  # noqa: ANN401 - keys of YAML
    ) -> tuple[Condition, ...]:
        entries = block.get("conditions") or []
        path = (*path, "conditions")
        if not isinstance(entries, list) or len(entries) > _MAX_CONDITIONS:
            self._wrong(f"conditions must be a list of at most {_MAX_CONDITIONS}", *path)
            return ()
        conditions = []
        for place, entry in enumerate(entries):
            if not isinstance(entry, dict) or set(entry) != {"expr", "value"}:
                self._wrong("a condition has the keys expr and value", *path, place)
                continue
            value = self._value(entry["value"], is_flag, *path, place, "value")
            try:
                expression = parse_expression(str(entry["expr"]))
            except ExpressionRefused as error:
                self._wrong(str(error), *path, place, "expr")
                continue
            where = self._document.place(*path, place, "expr")
            conditions.append(Condition(expression, value, where))
        return tuple(conditions)

    def _value(self, value: Any, is_flag: bool, *path: Any) -> float | str | None:  # noqa: ANN401
        if value is None:
            return None
        if is_flag:
            if _is_number(value) and float(value) in FLAGS:
                return float(value)
            self._wrong(f"{value!r} is no homogenised flag; they are 0, 1, 2, 3, 4 and 6", *path)
            return None
        if isinstance(value, str) and value.strip().lower() in INSTRUMENT_TYPES:
            return value.strip().lower()
        self._wrong(f"{value!r} is no instrument type; they are s, g and p", *path)
        return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
