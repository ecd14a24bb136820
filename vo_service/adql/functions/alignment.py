"""Two values brought to one kind, so that they can be compared or stand in one column.

ADQL has no literals for timestamps and booleans: text and the numbers 0 and 1 stand in for them
beside a column of that type.
"""

from __future__ import annotations

import re
from datetime import datetime

from registry.model.field import Field, ValueType
from registry.model.frame import same_frame
from vo_service.adql.functions.arguments import is_literal, is_null, retyped_null, string_value
from vo_service.adql.typed import Cast, Constant, Expression
from vo_service.adql.types import BOOLEAN, INT, TEXT, TIMESTAMP, Kind, common_type, kind_of
from vo_service.adql.units import sum_unit

__all__ = ["Misfit", "align", "common_field", "timestamp_literal"]

_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(\.\d{1,6})?\d*)?Z?", re.ASCII | re.IGNORECASE
)
_TRUTHS = {"true": 1, "false": 0, "t": 1, "f": 0, "1": 1, "0": 0}
_INT_FIELD = Field("", INT)
_TEXT_FIELD = Field("", TEXT)


class Misfit(ValueError):
    """Two values that do not go together; the text says why and what to do."""


def timestamp_literal(text: str) -> Cast:
    """Make a timestamp of its text.

    Parameters
    ----------
    text
        ``YYYY-MM-DD`` or ``YYYY-MM-DDThh:mm:ss[.ffffff]``, UTC, with or without ``Z``.

    Returns
    -------
    Cast
        Conversion of the text in ISO form.

    Raises
    ------
    Misfit
        When the text is not a moment in that form.

    Notes
    -----
    DALI 1.1, section 3.3.3.
    """
    match = _TIMESTAMP.fullmatch(text.strip())
    if match:
        date, minutes, seconds, fraction = match.groups()
        iso = f"{date}T{minutes or '00:00'}{seconds or ':00'}{fraction or ''}"
        try:
            moment = datetime.fromisoformat(iso).isoformat()
        except ValueError:
            pass
        else:
            return Cast(Constant(moment, _TEXT_FIELD), Field("", TIMESTAMP))
    raise Misfit(f"'{text}' is not a timestamp such as '2026-01-31' or '2026-01-31T23:59:59'")


def align(left: Expression, right: Expression) -> tuple[Expression, Expression]:
    """Bring two values to one kind.

    Literals follow the other side: NULL takes any type, text becomes a timestamp, 0, 1, 'true'
    and 'false' become booleans. Numbers of different types are left as they are.

    Parameters
    ----------
    left, right
        Values.

    Returns
    -------
    tuple[Expression, Expression]
        The values, of one kind.

    Raises
    ------
    Misfit
        When they are of different kinds.
    """
    left_kind, right_kind = kind_of(left.field.type), kind_of(right.field.type)
    if left_kind is right_kind:
        return left, right
    if is_null(left):
        return retyped_null(right.field.type), right
    if is_null(right):
        return left, retyped_null(left.field.type)
    folded = _fold(right, right_kind, left_kind)
    if folded is not None:
        return left, folded
    folded = _fold(left, left_kind, right_kind)
    if folded is not None:
        return folded, right
    raise Misfit(f"{_sentence(left_kind, right_kind)}; {_advice(left, right)}")


def common_field(name: str, expressions: list[Expression]) -> tuple[Field, list[Expression]]:
    """Give the field of a column that may hold any of several values.

    Parameters
    ----------
    name
        Name of the column.
    expressions
        One value or more.

    Returns
    -------
    tuple[Field, list[Expression]]
        Common type, unit, UCD and frame (of all that are not literals), and the values brought to
        one kind.

    Raises
    ------
    Misfit
        When they are of different kinds, or no type holds them all.
    """
    valued = [e for e in expressions if not is_null(e)] or expressions
    pilot = next((e for e in valued if not is_literal(e)), valued[0])
    aligned = [align(pilot, expression)[1] for expression in expressions]
    value_type: ValueType | None = pilot.field.type
    for expression in aligned:
        if not is_null(expression):
            value_type = value_type and common_type(value_type, expression.field.type)
    if value_type is None:
        raise Misfit("No type holds all of these values; convert them with CAST")
    measured = [e.field for e in aligned if not is_literal(e)]
    unit = measured[0].unit if measured else None
    for field in measured[1:]:
        unit = sum_unit(unit, field.unit)
    ucds = {field.ucd for field in measured}
    ucd = ucds.pop() if len(ucds) == 1 else None
    frame = same_frame(field.frame for field in measured)
    return Field(name, value_type, unit, ucd, frame=frame), aligned


def _fold(literal: Expression, kind: Kind, wanted: Kind) -> Expression | None:
    """Give a literal as a value of another kind, or None where it cannot be."""
    text = string_value(literal)
    if wanted is Kind.TIMESTAMP and text is not None:
        return timestamp_literal(text)
    if wanted is Kind.BOOLEAN and isinstance(literal, Constant):
        truth = _TRUTHS.get(str(literal.value).strip().lower())
        if truth is None or (kind is Kind.NUMBER and not isinstance(literal.value, int)):
            raise Misfit(
                f"A boolean is compared with 1 or 0, or 'true' or 'false', not {literal.value!r}"
            )
        return Cast(Constant(truth, _INT_FIELD), Field("", BOOLEAN))
    return None


def _sentence(left: Kind, right: Kind) -> str:
    return f"{left.capitalize()} and {right} do not go together"


def _advice(left: Expression, right: Expression) -> str:
    kinds = {kind_of(left.field.type), kind_of(right.field.type)}
    for literal in (left, right):
        text = string_value(literal)
        if text is not None and Kind.NUMBER in kinds and _is_number(text):
            return f"write {text.strip()} without quotes"
    if kinds == {Kind.NUMBER, Kind.TEXT}:
        return "convert one of them with CAST"
    if Kind.TIMESTAMP in kinds and Kind.NUMBER in kinds:
        return "write the moment as '2026-01-31T23:59:59'"
    if Kind.ARRAY in kinds:
        return "arrays can be selected, counted and tested with IS NULL"
    if any(kind.is_geometry for kind in kinds):
        return "test shapes with CONTAINS, INTERSECTS or DISTANCE"
    return "convert one of them with CAST"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
