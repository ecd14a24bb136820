"""What a column probably is, by its name and its values; always shown, never taken silently."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from registry.model.annotation import find_role
from registry.resources import load_toml

__all__ = ["ColumnProfile", "Suggestion", "suggest"]


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What a suggestion is made from.

    Attributes
    ----------
    name
        In the file.
    is_number, is_text
        Kind of the values; neither for arrays, booleans and timestamps.
    low, high
        Extremes of the numbers, if there are any.
    """

    name: str
    is_number: bool
    is_text: bool
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a column probably is.

    Attributes
    ----------
    reason
        One line for the user.
    alias
        Role that the column could play; at most one column is suggested for each.
    ucd, unit
        That would go with it.
    """

    reason: str
    alias: str | None = None
    ucd: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    values: str
    reason: str
    role: str | None
    ucd: str | None
    unit: str | None
    low: float
    high: float

    def matches(self, column: ColumnProfile) -> re.Match[str] | None:
        """Match the name, if the values allow it."""
        if self.values == "number" and not column.is_number:
            return None
        if self.values == "text" and not column.is_text:
            return None
        if column.low is not None and column.low < self.low:
            return None
        if column.high is not None and column.high > self.high:
            return None
        return self.pattern.fullmatch(column.name)


def suggest(columns: Sequence[ColumnProfile]) -> list[Suggestion | None]:
    """Suggest role, UCD and unit for each column whose name makes it plain.

    Parameters
    ----------
    columns
        All columns of a table, in file order: for each role the plainest name is chosen, the
        earlier rule and then the earlier column winning.
    """
    names = {column.name for column in columns}
    # Beside magnitudes called g, r and i, the column z is one too.
    bands = {"z", "Z"} if names >= {"g", "r", "i"} else set()
    matched = [((0, 0), None) if c.name in bands else _match(c) for c in columns]
    chosen: dict[str, int] = {}
    for index, (rank, suggestion) in enumerate(matched):
        if suggestion is None or suggestion.alias is None:
            continue
        other = chosen.get(suggestion.alias)
        if other is None or rank < matched[other][0]:
            chosen[suggestion.alias] = index
    return [
        suggestion
        if suggestion is None or suggestion.alias is None or chosen[suggestion.alias] == index
        else _without_role(suggestion)
        for index, (_, suggestion) in enumerate(matched)
    ]


def _match(column: ColumnProfile) -> tuple[tuple[int, int], Suggestion | None]:
    for order, rule in enumerate(_rules()):
        match = rule.matches(column)
        if match is not None:
            # Within a rule the names that come first in its pattern are the plainer ones.
            return (order, _place(rule.pattern, column.name)), _suggestion(rule, match)
    return (0, 0), None


def _suggestion(rule: _Rule, match: re.Match[str]) -> Suggestion:
    ucd = rule.ucd
    if ucd is not None and "{band}" in ucd:
        band = next((text for text in match.groupdict().values() if text), "")
        ucd = ucd.replace("{band}", _bands().get(band.lower(), "")).rstrip(";")
    return Suggestion(rule.reason, rule.role, ucd, rule.unit)


def _without_role(suggestion: Suggestion) -> Suggestion:
    return replace(suggestion, alias=None)


@cache
def _place(pattern: re.Pattern[str], name: str) -> int:
    alternatives = pattern.pattern.split("|")
    for place, alternative in enumerate(alternatives):
        try:
            if re.fullmatch(alternative, name, pattern.flags):
                return place
        except re.error:
            continue
    return len(alternatives)


@cache
def _rules() -> tuple[_Rule, ...]:
    rules = []
    for entry in load_toml("column_suggestions.toml")["rule"]:
        role = find_role(entry["role"]) if "role" in entry else None
        rules.append(
            _Rule(
                re.compile(entry["pattern"], 0 if entry.get("case") else re.IGNORECASE),
                entry["values"],
                entry["reason"],
                role.alias if role is not None else None,
                entry.get("ucd"),
                entry.get("unit"),
                entry.get("low", float("-inf")),
                entry.get("high", float("inf")),
            )
        )
    return tuple(rules)


@cache
def _bands() -> dict[str, str]:
    bands: dict[str, str] = load_toml("column_suggestions.toml")["bands"]
    return bands
