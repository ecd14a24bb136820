"""Quality flags and instrument types on common scales (contract, part 1.5)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.combine_redshift_dedup.cells import doubles
from pipelines.combine_redshift_dedup.evaluation import holds
from pipelines.combine_redshift_dedup.mapping import FLAG, TYPE
from pipelines.combine_redshift_dedup.translation import (
    FLAGS,
    INSTRUMENT_TYPES,
    FlagsTranslation,
    Translation,
)

__all__ = ["Homogenised", "homogenise"]

Doubles: TypeAlias = npt.NDArray[np.float64]

_CONFIDENCES = (0.7, 0.9, 0.99)
"""Limits between the flags 1, 2, 3 and 4 (SITCOMTN-154); 0 itself is flag 0."""


_SHOWN_SURVEYS = 20
"""Surveys that a message names: somebody may have mapped a column of identifiers."""


@dataclass(frozen=True, slots=True)
class Homogenised:
    """The result for one catalogue.

    Attributes
    ----------
    flags
        Homogenised flags, NaN where there is none.
    types
        Homogenised types, null where there is none.
    takes_type
        Whether the types are those of a column ``type``, which then is the instrument type.
    flag_origin, type_origin
        ``column``, ``confidence``, ``type``, ``instrument_type`` or ``translation``.
    """

    flags: Doubles
    types: pa.Array
    takes_type: bool
    flag_origin: str
    type_origin: str


def homogenise(
    columns: Mapping[str, pa.Array],
    translation: FlagsTranslation,
    moved: Mapping[str, str],
    required: Collection[str],
) -> tuple[Homogenised, list[str]]:
    """Homogenise the flags and types of a catalogue.

    Parameters
    ----------
    columns
        Converted columns; at least one row.
    translation
        The rules.
    moved
        New names of columns of the file, for messages.
    required
        Those of the two homogenised columns that must have a value somewhere.

    Returns
    -------
    tuple
        The result, and what is wrong.
    """
    translator = _Translator(columns, translation, moved)
    flags, flag_origin = _flags(columns, translator)
    types, type_origin = _types(columns, translator)
    problems = translator.problems
    if not problems:
        values = {FLAG: int(np.isfinite(flags).sum()), TYPE: len(types) - types.null_count}
        problems = [
            f"All values in {name!r} are NaN: no rule, map or default gives any row a value; "
            "check that 'survey' and 'z_flag' are mapped to the right columns"
            for name in (FLAG, TYPE)
            if name in required and values[name] == 0
        ]
    takes_type = type_origin == "type"
    return Homogenised(flags, types, takes_type, flag_origin, type_origin), problems


def _flags(columns: Mapping[str, pa.Array], translator: _Translator) -> tuple[Doubles, str]:
    if FLAG in columns:
        given = doubles(columns[FLAG])
        wrong = ~np.isnan(given) & ~np.isin(given, FLAGS)
        if wrong.any():
            examples = np.unique(given[wrong])[:5].tolist()
            translator.problems.append(
                f"Invalid values in user-provided {FLAG!r}: {int(wrong.sum())} row(s), for "
                f"example {examples}; allowed are 0, 1, 2, 3, 4, 6 and null"
            )
        return given, "column"
    raw = doubles(columns["z_flag"])
    known = raw[~np.isnan(raw)]
    if known.size and known.min() >= 0 and known.max() <= 1 and ((known > 0) & (known < 1)).any():
        steps = np.searchsorted(_CONFIDENCES, raw, side="right") + 1.0
        return np.where(np.isnan(raw), np.nan, np.where(raw == 0, 0.0, steps)), "confidence"
    return translator.flags(raw), "translation"


def _types(columns: Mapping[str, pa.Array], translator: _Translator) -> tuple[pa.Array, str]:
    kinds = pa.array(INSTRUMENT_TYPES)
    if TYPE in columns:
        given = columns[TYPE]
        wrong = given.filter(pc.and_(given.is_valid(), pc.invert(pc.is_in(given, kinds))))
        if len(wrong):
            translator.problems.append(
                f"Invalid values in user-provided {TYPE!r}: {len(wrong)} row(s), for example "
                f"{pc.unique(wrong).to_pylist()[:5]}; allowed are s, g, p and null"
            )
        return given, "column"
    if "type" in columns:
        values = columns["type"].drop_null()
        if len(values) and pc.all(pc.is_in(values, kinds)).as_py():
            return columns["type"], "type"
    own = pc.utf8_lower(columns["instrument_type"])
    needs_none = len(own.drop_null()) and pc.all(pc.is_in(own.drop_null(), kinds)).as_py()
    if needs_none and not translator.knows_instruments():
        # The original fails here, although the column that was mapped needs no translation.
        return own, "instrument_type"
    return translator.types(), "translation"


class _Translator:
    """Applies the rules of each survey to its rows."""

    def __init__(
        self,
        columns: Mapping[str, pa.Array],
        translation: FlagsTranslation,
        moved: Mapping[str, str],
    ) -> None:
        self.problems: list[str] = []
        self._columns = columns
        self._rules = translation.surveys
        self._moved = moved
        encoded = columns["survey"].dictionary_encode()
        self._rows = len(encoded)
        self._codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        self._surveys: dict[str, int] = {
            survey: code for code, survey in enumerate(encoded.dictionary.to_pylist())
        }
        self._survey_rows: dict[str, npt.NDArray[np.intp] | None] = {}
        self._cut_columns: dict[tuple[str, str], pa.Array] = {}

    def flags(self, raw: Doubles) -> Doubles:
        """Translate the flags of all surveys."""
        result = np.full(self._rows, np.nan)
        for survey, rule in self._found("z_flag").items():
            rows = self._rows_of(survey)
            own = raw if rows is None else raw[rows]
            values = np.full(len(own), _flag_code(rule.default))
            for key, value in rule.values.items():
                values[own == key] = _flag_code(value)
            self._apply(survey, rule, values, _flag_code)
            result[slice(None) if rows is None else rows] = values
        return result

    def types(self) -> pa.Array:
        """Translate the instrument types of all surveys."""
        codes = np.full(self._rows, -1.0)
        for survey, rule in self._found("instrument_type").items():
            rows = self._rows_of(survey)
            values = np.full(self._rows if rows is None else len(rows), _type_code(rule.default))
            if rule.values:
                own = pc.utf8_lower(self._of_survey(survey, "instrument_type"))
                for key, value in rule.values.items():
                    matches = pc.fill_null(pc.equal(own, str(key)), False)
                    values[matches.to_numpy(zero_copy_only=False)] = _type_code(value)
            self._apply(survey, rule, values, _type_code)
            codes[slice(None) if rows is None else rows] = values
        places = pa.array(codes.astype(np.int8), mask=codes < 0)
        return pa.array(INSTRUMENT_TYPES).take(places)

    def knows_instruments(self) -> bool:
        """Tell whether every survey has a rule for its instruments."""
        rules = [self._rules.get(survey) for survey in self._surveys]
        return all(rule is not None and rule.instrument_type is not None for rule in rules)

    def _rows_of(self, survey: str) -> npt.NDArray[np.intp] | None:
        """Give the rows of a survey, none where it has all rows."""
        if survey not in self._survey_rows:
            rows = np.flatnonzero(self._codes == self._surveys[survey])
            self._survey_rows[survey] = None if len(rows) == self._rows else rows
        return self._survey_rows[survey]

    def _found(self, part: str) -> dict[str, Translation]:
        found: dict[str, Translation] = {}
        missing: list[str] = []
        for survey in self._surveys:
            rules = self._rules.get(survey)
            rule = None if rules is None else getattr(rules, part)
            if rule is None:
                missing.append(survey)
            else:
                found[survey] = rule
        if missing:
            names = sorted(missing)[:_SHOWN_SURVEYS]
            more = f" and {len(missing) - len(names)} more" if len(missing) > len(names) else ""
            self.problems.append(
                f"Missing YAML translation for {part!r} in surveys: {names}{more}; add a block "
                "for each to the flags file, or give the column already homogenised"
            )
        return found

    def _apply(self, survey: str, rule: Translation, values: Doubles, code: Any) -> None:  # noqa: ANN401
        for condition in rule.conditions:
            absent = sorted(condition.expression.names - self._columns.keys())
            if absent:
                self.problems.append(
                    f"{condition.place}: the rule of survey {survey!r} names "
                    f"{', '.join(map(self._absent, absent))}"
                )
                continue
            own = {name: self._of_survey(survey, name) for name in condition.expression.names}
            true = holds(condition.expression, own, len(values))
            values[true] = code(condition.value)

    def _of_survey(self, survey: str, name: str) -> pa.Array:
        rows = self._rows_of(survey)
        if rows is None:
            return self._columns[name]
        key = (survey, name)
        if key not in self._cut_columns:
            self._cut_columns[key] = self._columns[name].take(pa.array(rows))
        return self._cut_columns[key]

    def _absent(self, name: str) -> str:
        target = self._moved.get(name)
        if target is not None:
            return f"column {name!r}, which is mapped to {target!r} and has that name in rules"
        return f"column {name!r}, which the catalogue does not have"


def _flag_code(value: float | str | None) -> float:
    return np.nan if value is None else float(value)


def _type_code(value: float | str | None) -> float:
    return -1.0 if value is None else float(INSTRUMENT_TYPES.index(str(value)))
