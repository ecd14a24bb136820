"""What the file says and what the user says of columns, brought together."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from registry.annotation.suggestions import Suggestion
from registry.annotation.vocabulary import (
    check_ucd,
    check_unit,
    looks_like_ucd,
    repaired_unit,
    same_unit,
)
from registry.formats.readers import FileColumn
from registry.model.annotation import (
    ROLES,
    Annotations,
    ColumnAnnotation,
    Role,
    RoleType,
    find_role,
)
from registry.model.frame import Frame

__all__ = ["MergedAnnotations", "merge"]

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that XML 1.0 (section 2.2) forbids."""


@dataclass
class MergedAnnotations:
    """The outcome of a merge.

    Attributes
    ----------
    columns
        One per column of the file, in its order, with valid UCDs and units.
    problems
        What must be mended before the table can be published.
    warnings
        What was left out or changed.
    unknown
        Names that were given and that the file does not have, with the most similar that it has.
    """

    columns: list[ColumnAnnotation]
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unknown: dict[str, str | None] = field(default_factory=dict)

    def role(self, alias: str) -> int | None:
        """Give the index of the column that plays a role."""
        for index, column in enumerate(self.columns):
            if column.alias == alias:
                return index
        return None


def merge(
    columns: Sequence[FileColumn],
    assignments: Sequence[tuple[str, str]],
    annotations: Annotations,
    suggestions: Sequence[Suggestion | None] = (),
    mandatory: Sequence[str] = (),
) -> MergedAnnotations:
    """Bring together what is said of each column.

    Parameters
    ----------
    columns
        With what the file says.
    assignments
        Pairs of column name and alias or UCD, as the command line gives them; they precede
        the annotation file.
    annotations
        What the annotation file says.
    suggestions
        To be taken where nothing else is said; empty if they are only to be shown.
    mandatory
        Aliases that a suggestion never fills.

    Notes
    -----
    What the file says is kept. A different statement of the user is a conflict, unless it only
    refines the file's UCD, or `Annotations.override` is set. Descriptions are not compared: the
    user's replaces the file's.
    """
    merged = MergedAnnotations([ColumnAnnotation() for _ in columns])
    said = _user_statements(columns, assignments, annotations, merged)
    for index, column in enumerate(columns):
        user = said.get(column.name, ColumnAnnotation())
        merged.columns[index] = _merge_column(column, user, annotations.override, merged)
    _infer_roles(columns, said, merged)
    _refuse_repeated_roles(columns, merged)
    _leave_one_main(columns, merged)
    for index, suggestion in enumerate(suggestions):
        if suggestion is not None:
            merged.columns[index] = _with_suggestion(merged, index, suggestion, mandatory)
    return merged


def _user_statements(
    columns: Sequence[FileColumn],
    assignments: Sequence[tuple[str, str]],
    annotations: Annotations,
    merged: MergedAnnotations,
) -> dict[str, ColumnAnnotation]:
    names = [column.name for column in columns]
    said: dict[str, ColumnAnnotation] = {}
    for name, statement in annotations.columns.items():
        if name in names:
            said[name] = _with_role_alias(statement)
        else:
            _refuse_name("annotations", name, names, merged)
    assigned: set[str] = set()
    for name, meaning in assignments:
        if name not in names:
            _refuse_name("--column", name, names, merged)
            continue
        if name in assigned:
            merged.problems.append(f"--column {name}: the column is assigned twice")
        assigned.add(name)
        before = said.get(name, ColumnAnnotation())
        role = find_role(meaning)
        if role is not None:
            said[name] = replace(before, alias=role.alias, ucd=role.ucd)
        elif looks_like_ucd(meaning) or ";" in meaning:
            said[name] = replace(before, ucd=meaning)
        else:
            merged.problems.append(_unknown_meaning(name, meaning))
    return said


def _with_role_alias(statement: ColumnAnnotation) -> ColumnAnnotation:
    role = None if statement.alias is None else find_role(statement.alias)
    if role is None:
        return statement
    return replace(statement, alias=role.alias, ucd=statement.ucd or role.ucd)


def _merge_column(
    column: FileColumn, user: ColumnAnnotation, override: bool, merged: MergedAnnotations
) -> ColumnAnnotation:
    return ColumnAnnotation(
        ucd=_merge_ucd(column, user.ucd, override, merged),
        unit=_merge_unit(column, user.unit, override, merged),
        alias=user.alias,
        description=_printable(user.description or column.description),
        utype=_merge_utype(column, user.utype, override, merged),
        frame=_merge_frame(column, user.frame, override, merged),
        null=user.null,
    )


def _printable(text: str | None) -> str | None:
    return None if text is None else _CONTROL.sub(" ", text).strip() or None


def _merge_ucd(
    column: FileColumn, wanted: str | None, override: bool, merged: MergedAnnotations
) -> str | None:
    stated = None
    if column.ucd:
        checked = check_ucd(column.ucd)
        stated = checked.value
        if checked.problem is not None:
            merged.warnings.append(
                f"column {column.name!r} in the file: {checked.problem}; left out"
            )
    if not wanted:
        return stated
    checked = check_ucd(wanted)
    if checked.problem is not None:
        merged.problems.append(f"column {column.name!r}: {checked.problem}")
        return stated
    if stated is None or checked.value is None or override or stated == checked.value:
        return checked.value
    file_words, user_words = set(stated.split(";")), set(checked.value.split(";"))
    if file_words <= user_words:
        return checked.value
    if user_words <= file_words:
        return stated
    merged.problems.append(
        f"column {column.name!r}: the file says UCD {stated!r}, you say {checked.value!r}; leave "
        "yours out, or put `override: true` into the annotations"
    )
    return stated


def _merge_unit(
    column: FileColumn, wanted: str | None, override: bool, merged: MergedAnnotations
) -> str | None:
    stated = None
    if column.unit:
        stated = repaired_unit(column.unit)
        if stated is None and check_unit(column.unit).problem is not None:
            merged.warnings.append(
                f"column {column.name!r} in the file: {check_unit(column.unit).problem}; left out"
            )
        elif stated is not None and stated != column.unit.strip():
            merged.warnings.append(
                f"column {column.name!r}: unit {column.unit!r} of the file is written {stated!r}"
            )
    if wanted is None:
        return stated
    checked = check_unit(wanted)
    if checked.problem is not None:
        merged.problems.append(f"column {column.name!r}: {checked.problem}")
        return stated
    if stated is None or override:
        return checked.value
    if checked.value is None or not same_unit(stated, checked.value):
        merged.problems.append(
            f"column {column.name!r}: the file says unit {stated!r}, you say {wanted!r}; leave "
            "yours out, or put `override: true` into the annotations"
        )
    return stated


def _merge_utype(
    column: FileColumn, wanted: str | None, override: bool, merged: MergedAnnotations
) -> str | None:
    if wanted and column.utype and wanted != column.utype and not override:
        merged.problems.append(
            f"column {column.name!r}: the file says utype {column.utype!r}, you say {wanted!r}; "
            "leave yours out, or put `override: true` into the annotations"
        )
        return column.utype
    return wanted or column.utype


def _merge_frame(
    column: FileColumn, wanted: str | None, override: bool, merged: MergedAnnotations
) -> str | None:
    stated = Frame.parse(column.stated_frame)
    said = None if stated is None else str(stated)
    if not wanted:
        return said
    frame = Frame.parse(wanted)
    if frame is None:
        merged.problems.append(
            f"column {column.name!r}: {wanted!r} is no frame; write ICRS, FK5, FK4 B1950, "
            "galactic, ecl_FK5 or supergalactic, or of times UTC, TAI, TT, TDB ..."
        )
        return said
    if stated is not None and stated.of_column != frame.of_column and not override:
        merged.problems.append(
            f"column {column.name!r}: the file says the frame {stated.of_column}, you say {frame}; "
            "leave yours out, or put `override: true` into the annotations"
        )
        return said
    return str(frame)


def _infer_roles(
    columns: Sequence[FileColumn], said: Mapping[str, ColumnAnnotation], merged: MergedAnnotations
) -> None:
    """Give a role to the one column that bears its UCD, if nobody else was given it."""
    for role in ROLES:
        if merged.role(role.alias) is not None:
            continue
        bearers = _bearers(columns, role, merged)
        by_user = [
            index
            for index in bearers
            if _bears(said.get(columns[index].name, ColumnAnnotation()).ucd, role)
        ]
        chosen = by_user or bearers
        if len(chosen) == 1:
            merged.columns[chosen[0]] = replace(merged.columns[chosen[0]], alias=role.alias)
        elif len(by_user) > 1:
            merged.problems.append(
                f"UCD {role.ucd!r} is given to {_listed(columns, by_user)}; the role "
                f"{role.alias} can be played by one column only: set it with {role.alias} itself"
            )


def _bearers(columns: Sequence[FileColumn], role: Role, merged: MergedAnnotations) -> list[int]:
    """List the columns that bear the UCD of a role and could play it.

    VizieR marks sexagesimal text as the main position, and not the numbers beside it: these bear
    it then.
    """
    free = [index for index, column in enumerate(merged.columns) if column.alias is None]
    marked = [index for index in free if _bears(merged.columns[index].ucd, role)]
    if role.type is not RoleType.NUMBER:
        return marked
    numbers = [index for index in marked if not _is_text(columns[index])]
    if numbers or not marked:
        return numbers
    plain = {*role.ucd.lower().split(";")} - {"meta.main"}
    beside = [
        index
        for index in free
        if not _is_text(columns[index])
        and {*(merged.columns[index].ucd or "").lower().split(";")} == plain
    ]
    return beside or marked


def _is_text(column: FileColumn) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def _leave_one_main(columns: Sequence[FileColumn], merged: MergedAnnotations) -> None:
    """Take ``meta.main`` from the columns beside the one that plays a role, and give it to that."""
    for role in ROLES:
        player = merged.role(role.alias)
        if player is None or "meta.main" not in role.ucd:
            continue
        for index, column in enumerate(merged.columns):
            if index != player and column.ucd and _bears(column.ucd, role):
                kept = ";".join(w for w in column.ucd.split(";") if w.lower() != "meta.main")
                merged.columns[index] = replace(column, ucd=kept or None)
                merged.warnings.append(
                    f"column {columns[index].name!r}: its UCD {column.ucd!r} becomes {kept!r}, "
                    f"since {columns[player].name!r} is the {role.alias}, and one is the main one"
                )
        said = merged.columns[player].ucd or ""
        plain = {*role.ucd.lower().split(";")} - {"meta.main"}
        if {*said.lower().split(";")} == plain:
            merged.columns[player] = replace(merged.columns[player], ucd=role.ucd)


def _bears(ucd: str | None, role: Role) -> bool:
    if ucd is None:
        return False
    words = set(ucd.lower().split(";"))
    return words in ({*role.ucd.lower().split(";")}, {*role.ucd.lower().split(";"), "meta.main"})


def _refuse_repeated_roles(columns: Sequence[FileColumn], merged: MergedAnnotations) -> None:
    for role in ROLES:
        players = [i for i, column in enumerate(merged.columns) if column.alias == role.alias]
        if len(players) > 1:
            merged.problems.append(
                f"the role {role.alias} is given to {_listed(columns, players)}; choose one"
            )


def _with_suggestion(
    merged: MergedAnnotations, index: int, suggestion: Suggestion, mandatory: Sequence[str]
) -> ColumnAnnotation:
    column = merged.columns[index]
    if suggestion.alias in mandatory or column.ucd is not None or column.alias is not None:
        return column
    alias = suggestion.alias
    if alias is not None and merged.role(alias) is not None:
        alias = None
    role = find_role(alias) if alias is not None else None
    return replace(
        column,
        alias=alias,
        ucd=role.ucd if role is not None else suggestion.ucd,
        unit=column.unit or suggestion.unit,
    )


def _listed(columns: Sequence[FileColumn], indices: Sequence[int]) -> str:
    return " and ".join(repr(columns[index].name) for index in indices)


def _refuse_name(where: str, name: str, names: Sequence[str], merged: MergedAnnotations) -> None:
    by_lower = {known.lower(): known for known in reversed(names)}
    near = difflib.get_close_matches(name.lower(), by_lower, 3, 0.5)
    found = [by_lower[key] for key in near] or list(names[:8])
    word = "did you mean" if near else "it has"
    merged.unknown[name] = found[0] if near else None
    merged.problems.append(
        f"{where} {name!r}: the file has no such column; {word} {', '.join(map(repr, found))}?"
    )


def _unknown_meaning(name: str, meaning: str) -> str:
    aliases = ", ".join(role.alias for role in ROLES)
    return (
        f"--column {name}={meaning}: {meaning!r} is neither an alias ({aliases}) nor a UCD such as "
        "'phot.mag;em.opt.R'"
    )
