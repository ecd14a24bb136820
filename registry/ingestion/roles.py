"""Whether the columns that play roles can play them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

from registry.annotation.merging import MergedAnnotations
from registry.annotation.suggestions import Suggestion
from registry.annotation.vocabulary import same_unit
from registry.formats.readers import FileColumn
from registry.ingestion.statistics import ColumnScan
from registry.model.annotation import ROLES, Role, RoleType, find_role
from registry.model.product import ProductType

__all__ = ["missing_roles", "role_problems"]

_SEXAGESIMAL = re.compile(r"\s*[+-]?\d{1,3}[:h\s]\s*\d{1,2}[:m\s]\s*\d{1,2}(\.\d*)?s?\s*")


def missing_roles(
    product_type: ProductType,
    columns: Sequence[FileColumn],
    merged: MergedAnnotations,
    suggestions: Sequence[Suggestion | None],
) -> list[str]:
    """Say which mandatory roles no column plays, with candidates."""
    problems = []
    for alias in product_type.mandatory:
        role = find_role(alias)
        if role is None or merged.role(alias) is not None:
            continue
        candidates = [
            column.name
            for column, suggestion in zip(columns, suggestions, strict=True)
            if suggestion is not None and suggestion.alias == alias
        ]
        hint = (
            f"; column {candidates[0]!r} looks like it: give it the alias {alias}"
            if candidates
            else f"; give the alias {alias} to the column that does"
        )
        problems.append(
            f"a product of type {product_type.name!r} needs the role {alias} ({role.meaning}, "
            f"UCD {role.ucd}), which no column has{hint}"
        )
    return problems


def role_problems(
    columns: Sequence[FileColumn],
    simple: Sequence[pa.DataType | None],
    scans: Sequence[ColumnScan | None],
    merged: MergedAnnotations,
) -> list[str]:
    """Say which columns have values or units that their role does not allow."""
    problems = []
    for role in ROLES:
        index = merged.role(role.alias)
        if index is None:
            continue
        name, arrow, scan = columns[index].name, simple[index], scans[index]
        if arrow is not None and not _allows(role, arrow):
            problems.append(
                f"column {name!r} cannot be {role.alias}: it holds {_kind(arrow)}, not "
                f"{role.type.value}{_sexagesimal(scan)}"
            )
        unit = merged.columns[index].unit
        if role.unit is not None and unit is not None and not same_unit(unit, role.unit):
            problems.append(
                f"column {name!r} cannot be {role.alias}: its unit is {unit!r}, and positions "
                f"are in degrees{_conversion(role, unit)}"
            )
        elif role.unit == "deg" and unit is None and _named_in_hours(name):
            problems.append(
                f"column {name!r} cannot be {role.alias}: by its name it is in hours, and "
                "positions are in degrees: multiply it by 15, or say unit deg in the annotations"
            )
    return problems


def _allows(role: Role, arrow: pa.DataType) -> bool:
    is_integer = pa.types.is_integer(arrow)
    is_number = is_integer or pa.types.is_floating(arrow)
    is_text = pa.types.is_string(arrow)
    if role.type is RoleType.NUMBER:
        return bool(is_number)
    if role.type is RoleType.IDENTIFIER:
        # Identifiers that went through pandas with missing values are floating-point numbers.
        return bool(is_number or is_text)
    return bool(is_number or is_text or pa.types.is_boolean(arrow))


def _kind(arrow: pa.DataType) -> str:
    if pa.types.is_string(arrow):
        return "text"
    if pa.types.is_list(arrow):
        return "arrays"
    if pa.types.is_timestamp(arrow):
        return "timestamps"
    if pa.types.is_boolean(arrow):
        return "truth values"
    return "numbers"


def _sexagesimal(scan: ColumnScan | None) -> str:
    example = None if scan is None else scan.example
    if isinstance(example, str):
        if _SEXAGESIMAL.fullmatch(example):
            return f" ({example!r} is sexagesimal: convert it to degrees)"
        return f" (for example {example[:40]!r})"
    return ""


def _conversion(role: Role, unit: str) -> str:
    if unit in ("h", "hourangle") and role.alias == "RA":
        return ": multiply hours by 15"
    if unit == "rad":
        return ": multiply radians by 180/pi"
    return ": convert it"


def _named_in_hours(name: str) -> bool:
    return (
        re.fullmatch(r"ra_?(h|hr|hrs|hours?)|ra_?j2000_h(ours?)?", name, re.IGNORECASE) is not None
    )
