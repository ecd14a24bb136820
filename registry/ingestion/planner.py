"""Make the plan of a publication: read the whole file once, and find everything wrong."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from registry.annotation.merging import MergedAnnotations, merge
from registry.annotation.suggestions import ColumnProfile, Suggestion, suggest
from registry.errors import AnnotationRejected
from registry.formats.readers import FileColumn, OpenedTable
from registry.formats.readers.nulls import null_problems
from registry.ingestion.frames import column_frame, position_frames
from registry.ingestion.missing import missing_warning
from registry.ingestion.plan import PlannedColumn, PublishPlan, PublishRequest
from registry.ingestion.positions import PositionScan
from registry.ingestion.roles import missing_roles, role_problems
from registry.ingestion.statistics import ColumnScan
from registry.ingestion.types import (
    BECOMES_TEXT,
    TypeChoice,
    marked_type,
    simple_type,
    simplify,
    value_type,
)
from registry.model.annotation import Annotations, find_role
from registry.model.field import Field
from registry.model.identifier import adql_name
from registry.model.product import ProductType
from registry.model.table import Column, Position
from registry.stores.table import HEALPIX_COLUMN

__all__ = ["make_plan"]

_NAME_MAX_CHARACTERS = 255
"""Longest name of a product or release: the width of their columns in the metadata."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
"""Characters that XML 1.0 (section 2.2) forbids or changes inside an attribute."""

_PRINCIPAL_COLUMNS = 10
"""Leading columns that a short listing shows, beside those with a role."""


@dataclass
class _Scans:
    columns: list[ColumnScan | None]
    positions: PositionScan | None
    rows: int
    problems: list[str]


def make_plan(
    opened: OpenedTable,
    request: PublishRequest,
    product_type: ProductType,
    file_format: str,
    progress: Callable[[float | None], None] | None = None,
) -> PublishPlan:
    """Read a table once, and say what publishing it would do.

    Parameters
    ----------
    opened
        The table, with null for the values that `request` says to mean none; it is left open.
    request
        What the user asks for.
    product_type
        The type that `request` names.
    file_format
        Name of the format, for people.
    progress
        Told the fraction of rows that were read, if their number is known.

    Raises
    ------
    UnreadableFile
        If the file is damaged.
    AnnotationRejected
        If something is said of columns that the file does not have, with every problem that shows
        without reading rows.
    """
    columns = opened.columns
    choices = [simple_type(column.type) for column in columns]
    annotations = request.annotations or Annotations()
    stated = merge(columns, request.columns, annotations)
    # Nobody waits for the rows of a large file to hear of a slip of the pen in a name.
    read = not stated.unknown
    scans = _scan(opened, choices, _position_columns(stated, choices), progress, read=read)
    suggestions = suggest(_profiles(columns, choices, scans.columns))
    merged = stated
    if request.accept_suggestions:
        merged = merge(columns, request.columns, annotations, suggestions, product_type.mandatory)
        if scans.positions is None and _position_columns(merged, choices) is not None:
            position = _position_columns(merged, choices)
            scans = _scan(opened, choices, position, progress, read=read)
    problems = [
        *_table_problems(columns, choices, scans, request, product_type),
        *null_problems(columns, annotations.nulls),
        *merged.problems,
        *missing_roles(product_type, columns, merged, suggestions),
        *role_problems(columns, [choice.type for choice in choices], scans.columns, merged),
        *(scans.positions.problems() if scans.positions is not None else ()),
    ]
    if stated.unknown:
        near = {name: found for name, found in stated.unknown.items() if found is not None}
        raise AnnotationRejected(problems, near)
    if scans.rows == 0:
        problems.append("the file has no rows; a published table needs at least one")
    planned = _planned_columns(columns, choices, scans.columns, merged, suggestions)
    frames = position_frames(planned)
    searchable = frames.searchable
    return PublishPlan(
        format=file_format,
        product_type=product_type,
        columns=planned,
        n_rows=scans.rows,
        problems=(*problems, *frames.problems),
        warnings=(
            *opened.warnings,
            *_warnings(columns, choices, scans, merged),
            *_taken(columns, stated, merged),
            *frames.warnings,
        ),
        notes=frames.notes,
        position=_position(merged, choices, scans) if searchable else None,
        coverage=scans.positions.coverage() if scans.positions is not None and searchable else None,
        description=annotations.description or opened.description,
    )


def _taken(
    columns: Sequence[FileColumn], stated: MergedAnnotations, merged: MergedAnnotations
) -> list[str]:
    """Say which suggestions were taken."""
    pairs = zip(columns, stated.columns, merged.columns, strict=True)
    taken = [
        f"{column.name!r} ({', '.join(filter(None, (after.alias, after.ucd)))})"
        for column, before, after in pairs
        if (before.alias, before.ucd) != (after.alias, after.ucd)
    ]
    return [f"taken as suggested by their names: {', '.join(taken)}"] if taken else []


def _scan(
    opened: OpenedTable,
    choices: Sequence[TypeChoice],
    position: tuple[int, int] | None,
    progress: Callable[[float | None], None] | None,
    *,
    read: bool,
) -> _Scans:
    scans = [None if choice.type is None else ColumnScan(choice.type) for choice in choices]
    names = [column.name for column in opened.columns]
    positions = None
    if position is not None:
        positions = PositionScan(names[position[0]], names[position[1]])
    found = _Scans(list(scans), positions, 0, [])
    for batch in opened.batches() if read else ():
        found.rows += batch.num_rows
        simple: dict[int, pa.Array] = {}
        for index, scan in enumerate(found.columns):
            arrow = choices[index].type
            if scan is None or arrow is None:
                continue
            try:
                simple[index] = simplify(batch.column(index), arrow)
                scan.see(simple[index])
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OverflowError) as error:
                found.columns[index] = None
                reason = str(error).splitlines()[0]
                found.problems.append(
                    f"column {names[index]!r} has a value that cannot be stored ({reason}); "
                    "leave the column out or write it as text"
                )
        if positions is not None and position is not None and set(position) <= simple.keys():
            positions.see(simple[position[0]], simple[position[1]])
        if progress is not None:
            progress(found.rows / opened.n_rows if opened.n_rows else None)
    return found


def _position_columns(
    merged: MergedAnnotations, choices: Sequence[TypeChoice]
) -> tuple[int, int] | None:
    ra, dec = merged.role("RA"), merged.role("Dec")
    if ra is None or dec is None or ra == dec:
        return None
    for index in (ra, dec):
        arrow = choices[index].type
        if arrow is None or not (pa.types.is_integer(arrow) or pa.types.is_floating(arrow)):
            return None
    return ra, dec


def _position(
    merged: MergedAnnotations, choices: Sequence[TypeChoice], scans: _Scans
) -> Position | None:
    columns = _position_columns(merged, choices)
    if columns is None or scans.positions is None:
        return None
    return Position(f"c{columns[0]}", f"c{columns[1]}", HEALPIX_COLUMN)


def _profiles(
    columns: Sequence[FileColumn],
    choices: Sequence[TypeChoice],
    scans: Sequence[ColumnScan | None],
) -> list[ColumnProfile]:
    profiles = []
    for column, choice, scan in zip(columns, choices, scans, strict=True):
        arrow = choice.type
        is_number = arrow is not None and (
            pa.types.is_integer(arrow) or pa.types.is_floating(arrow)
        )
        profiles.append(
            ColumnProfile(
                column.name,
                is_number=bool(is_number),
                is_text=arrow is not None and bool(pa.types.is_string(arrow)),
                low=scan.low if scan is not None else None,
                high=scan.high if scan is not None else None,
            )
        )
    return profiles


def _table_problems(
    columns: Sequence[FileColumn],
    choices: Sequence[TypeChoice],
    scans: _Scans,
    request: PublishRequest,
    product_type: ProductType,
) -> list[str]:
    problems = []
    if not request.name.strip():
        problems.append("the product has no name; give it one")
    elif _UNPRINTABLE.search(request.name):
        problems.append(
            f"the product's name {request.name!r} has a control character; leave it out"
        )
    for what, text in (("name", request.name), ("release", request.release or "")):
        if len(text) > _NAME_MAX_CHARACTERS:
            problems.append(
                f"the {what} has {len(text)} characters; give at most {_NAME_MAX_CHARACTERS}"
            )
    if request.release is not None and not product_type.release_allowed:
        problems.append(
            f"a product of type {product_type.name!r} belongs to no release, but release "
            f"{request.release!r} is given; leave the release out"
        )
    if not columns:
        problems.append("the file has no columns")
    repeated = [name for name, n in Counter(c.name for c in columns).items() if n > 1]
    if repeated:
        problems.append(
            f"column names occur more than once: {', '.join(map(repr, repeated))}; rename them, "
            "every column needs its own name"
        )
    if any(not column.name for column in columns):
        problems.append("a column has no name; every column needs one")
    problems += [
        f"column {column.name!r} has a control character in its name, which VOTable cannot write; "
        "rename it"
        for column in columns
        if _UNPRINTABLE.search(column.name)
    ]
    problems += [
        f"column {column.name!r} {choice.remark}"
        for column, choice in zip(columns, choices, strict=True)
        if choice.type is None
    ]
    return problems + scans.problems


def _warnings(
    columns: Sequence[FileColumn],
    choices: Sequence[TypeChoice],
    scans: _Scans,
    merged: MergedAnnotations,
) -> list[str]:
    found = list(merged.warnings)
    found += [
        f"column {column.name!r} begins or ends with a blank, or has several together; VOTable "
        "readers drop them, and then cannot name the column in a query: rename it"
        for column in columns
        if column.name != " ".join(column.name.split())
    ]
    for column, choice, scan in zip(columns, choices, scans.columns, strict=True):
        if choice.type is None:
            continue
        if choice.remark is not None:
            found.append(f"column {column.name!r}: {choice.remark}")
        if scan is not None and not scan.fits:
            found.append(f"column {column.name!r}: {BECOMES_TEXT[choice.type]}")
    if scans.positions is not None:
        found += scans.positions.warnings()
    suspects = [
        (column.name, scan.missing)
        for column, scan in zip(columns, scans.columns, strict=True)
        if scan is not None
    ]
    warning = missing_warning(suspects, scans.rows)
    return found if warning is None else [*found, warning]


def _planned_columns(
    columns: Sequence[FileColumn],
    choices: Sequence[TypeChoice],
    scans: Sequence[ColumnScan | None],
    merged: MergedAnnotations,
    suggestions: Sequence[Suggestion | None],
) -> tuple[PlannedColumn, ...]:
    planned = []
    has_position = _position_columns(merged, choices) is not None
    for index, file_column in enumerate(columns):
        said, scan, arrow = merged.columns[index], scans[index], choices[index].type
        column = None
        if scan is not None and arrow is not None:
            role = find_role(said.alias) if said.alias is not None else None
            values = value_type(arrow, scan.non_ascii, scan.fits, scan.length)
            values = marked_type(values, file_column)
            unit = said.unit or (role.unit if role is not None else None)
            field = Field(file_column.name, values, unit, said.ucd, said.utype, said.description)
            field = replace(field, frame=column_frame(said.frame, field, role))
            column = Column(
                field,
                f"c{index}",
                principal=role is not None or index < _PRINCIPAL_COLUMNS,
                indexed=has_position and role is not None and role.alias in ("RA", "Dec"),
            )
        planned.append(
            PlannedColumn(
                file_column.name,
                str(file_column.type),
                adql_name(file_column.name) if file_column.name else None,
                column,
                arrow,
                said.alias,
                suggestions[index],
                scan.statistics() if scan is not None else None,
                said.frame,
                said.null,
            )
        )
    return tuple(planned)
