"""What users define and send: columns, and rows that must fit them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from registry.errors import UserTableRefused
from registry.ingestion.types import finish
from registry.model.field import Datatype, Field, ValueType
from registry.model.table import Column
from registry.model.user_table import UserColumn

__all__ = ["TableContent", "defined_columns", "fitting_rows"]

_GEOMETRIES = ("point", "circle", "polygon")

_COLUMNS_MAX = 1000
"""Columns of a table; DuckDB and PostgreSQL (1600) hold so many."""


@dataclass(frozen=True, slots=True)
class TableContent:
    """A table that somebody has sent.

    Attributes
    ----------
    fields
        What its columns are.
    rows
        Columns in the order of `fields`, in their Arrow types; absent in a mere definition.
    description
        For people.
    """

    fields: tuple[Field, ...]
    rows: pa.Table | None = None
    description: str | None = None


def defined_columns(fields: Sequence[Field]) -> tuple[UserColumn, ...]:
    """Make the columns of a new table.

    Parameters
    ----------
    fields
        As they were sent.

    Raises
    ------
    UserTableRefused
        If there are none or too many, or two have the same name in any case.

    Notes
    -----
    Arrays may have any length, as rows that come later may have another: an ``arraysize`` that
    is a number becomes ``*``, but for the shapes of DALI.
    """
    if not fields:
        raise UserTableRefused("the definition has no columns; give at least one")
    if len(fields) > _COLUMNS_MAX:
        raise UserTableRefused(f"the table has {len(fields)} columns; {_COLUMNS_MAX} is the limit")
    seen: set[str] = set()
    for field in fields:
        if not field.name.strip() or not field.name.isprintable():
            raise UserTableRefused(f"a column is called {field.name[:64]!r}; give it a name")
        if field.name.lower() in seen:
            raise UserTableRefused(
                f"two columns are called {field.name[:64]!r} (case does not tell them apart); "
                "rename one of them"
            )
        seen.add(field.name.lower())
    return tuple(
        UserColumn(Column(replace(field, type=_open_type(field.type)), f"c{number}", True))
        for number, field in enumerate(fields)
    )


def fitting_rows(columns: Sequence[UserColumn], content: TableContent) -> pa.Table:
    """Bring rows that were sent to the columns of a table.

    Parameters
    ----------
    columns
        Of the table.
    content
        Its columns are found by their names, in any case; those that it lacks become null.

    Raises
    ------
    UserTableRefused
        If it has a column that the table lacks, or a value that does not fit.
    """
    rows = content.rows
    if rows is None:
        return pa.table(
            {c.column.physical: pa.array([], c.column.field.type.arrow) for c in columns}
        )
    known = {each.column.field.name.lower() for each in columns}
    sent: dict[str, pa.ChunkedArray] = {}
    for field, values in zip(content.fields, rows.columns, strict=True):
        key = field.name.lower()
        if key not in known:
            raise UserTableRefused(
                f"the table has no column {field.name[:64]!r}; it has "
                f"{', '.join(c.column.field.name for c in columns[:20])}"
            )
        if key in sent:
            raise UserTableRefused(f"two columns are called {field.name[:64]!r} in any case")
        sent[key] = values
    arrays = []
    for each in columns:
        field = each.column.field
        values = sent.get(field.name.lower())
        if values is None:
            values = pa.chunked_array([pa.nulls(rows.num_rows, field.type.arrow)])
        arrays.append(_fitting(field, values))
    return pa.table(arrays, names=[each.column.physical for each in columns])


def _open_type(value_type: ValueType) -> ValueType:
    if value_type.is_array and value_type.xtype not in _GEOMETRIES:
        return replace(value_type, arraysize="*")
    if value_type.is_text:
        # A longer text may be sent later.
        return replace(value_type, arraysize="*")
    return value_type


def _fitting(field: Field, values: pa.ChunkedArray) -> pa.ChunkedArray:
    target = field.type
    try:
        if target.is_array and pa.types.is_string(values.type):
            values = _split(values)
        elif target.datatype is Datatype.BOOLEAN and pa.types.is_integer(values.type):
            values = pc.equal(values, 1)
        fitting = pa.chunked_array([finish(chunk, target) for chunk in values.chunks], target.arrow)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise UserTableRefused(
            f"the column {field.name!r} is {_words(target)}, and the rows do not fit it "
            f"({str(error).splitlines()[0]}); send other values, or define the column anew"
        ) from error
    if target.datatype is Datatype.CHAR and target.is_text:
        _check_ascii(field, fitting)
    return fitting


def _split(values: pa.ChunkedArray) -> pa.ChunkedArray:
    # Arrays in text are numbers with blanks between them (DALI 1.1, section 3).
    return pc.cast(
        pc.utf8_split_whitespace(pc.utf8_trim_whitespace(values)), pa.list_(pa.float64())
    )


def _check_ascii(field: Field, values: pa.ChunkedArray) -> None:
    if pc.all(pc.string_is_ascii(values)).as_py() is False:
        raise UserTableRefused(
            f"the column {field.name!r} is char, which is ASCII, and the rows have other "
            "characters; define it as unicodeChar"
        )


def _words(value_type: ValueType) -> str:
    if value_type.is_timestamp:
        return "a timestamp"
    return (
        f"{value_type.datatype.value}{f'[{value_type.arraysize}]' if value_type.arraysize else ''}"
    )
