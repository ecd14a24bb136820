"""From the columns of a file to a table in the schema TAP_UPLOAD."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from registry.formats.readers.base import FileColumn
from registry.ingestion.frames import column_frame
from registry.ingestion.types import (
    finish,
    fits_column,
    longest_text,
    marked_type,
    simple_type,
    simplify,
    value_type,
)
from registry.model.field import Datatype, Field, ValueType
from registry.model.table import Column, Storage, Table
from vo_service.queries import UPLOAD_SCHEMA, UploadedTable
from vo_service.uploads.declared import Declared
from vo_service.uploads.errors import UploadExceeded, UploadRejected
from vo_service.uploads.readers import OpenedUpload

__all__ = ["TableLimits", "read_table"]

_GEOMETRIES = {"point": "2", "circle": "3", "polygon": "*"}
"""Shapes and their arraysizes (DALI 1.1, section 3.3)."""

_UNDECLARED = Declared("")


@dataclass(frozen=True, slots=True)
class TableLimits:
    """How large the table of an upload may be.

    Attributes
    ----------
    rows, columns
        Counts.
    memory_bytes
        What its values take in memory.
    """

    rows: int
    columns: int
    memory_bytes: int


def read_table(name: str, number: int, opened: OpenedUpload, limits: TableLimits) -> UploadedTable:
    """Read an upload.

    Parameters
    ----------
    name
        Of the table, under TAP_UPLOAD.
    number
        Unique among the uploads of a query.
    opened
        The file.
    limits
        Of the table.

    Raises
    ------
    UploadRejected
        If a column has no name or that of another, or values that VOTable cannot hold.
    UploadExceeded
        If there are too many rows, columns or bytes.
    RegistryError
        If the file is damaged.
    """
    _check_columns(name, opened.columns, limits)
    batches = _read_rows(name, opened, limits)
    declared: Sequence[Declared] = opened.declared() or [_UNDECLARED] * len(opened.columns)
    columns, arrays = [], []
    for position, (said, more) in enumerate(zip(opened.columns, declared, strict=True)):
        chunks = [batch.column(position) for batch in batches]
        of_column = _ColumnReading(name, said, more)
        field, values = of_column.read(chunks)
        columns.append(Column(field, f"c{position}"))
        arrays.append(values)
    relation = f"upload_{number}"
    table = Table(
        UPLOAD_SCHEMA,
        name,
        tuple(columns),
        Storage(relation),
        description=opened.description,
        nrows=sum(batch.num_rows for batch in batches),
    )
    return UploadedTable(table, pa.table(arrays, names=[c.physical for c in columns]))


def _check_columns(name: str, columns: Sequence[FileColumn], limits: TableLimits) -> None:
    if not columns:
        raise UploadRejected(name, "it has no columns")
    if len(columns) > limits.columns:
        raise UploadExceeded(
            name, f"it has {len(columns)} columns, {limits.columns} is the limit; leave some out"
        )
    seen: set[str] = set()
    for position, column in enumerate(columns, start=1):
        if not column.name.strip() or not column.name.isprintable():
            raise UploadRejected(
                name, f"column {position} is called {column.name[:64]!r}; give it a name"
            )
        if column.name in seen:
            raise UploadRejected(
                name, f"two columns are called {column.name[:64]!r}; rename one of them"
            )
        seen.add(column.name)


def _read_rows(name: str, opened: OpenedUpload, limits: TableLimits) -> list[pa.RecordBatch]:
    batches: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in opened.batches():
        rows += batch.num_rows
        size += batch.nbytes
        if rows > limits.rows:
            raise UploadExceeded(name, f"it has more than {limits.rows} rows; send fewer")
        if size > limits.memory_bytes:
            raise UploadExceeded(
                name,
                f"its values take more than {limits.memory_bytes} bytes of memory; send fewer rows",
            )
        batches.append(batch)
    return batches


class _ColumnReading:
    """Types and values of one column."""

    def __init__(self, upload: str, said: FileColumn, declared: Declared) -> None:
        self._upload = upload
        self._said = said
        self._declared = declared

    def read(self, chunks: list[pa.Array]) -> tuple[Field, pa.ChunkedArray]:
        """Give the field and the values in its Arrow type."""
        said = self._said
        choice = simple_type(said.type)
        if choice.type is None:
            raise self._refused(choice.remark or "cannot be used")
        try:
            simple = [_without_nan(simplify(chunk, choice.type)) for chunk in chunks]
            chosen = self._type(pa.chunked_array(simple, choice.type))
            values = [finish(chunk, chosen) for chunk in simple]
        except pa.ArrowInvalid as error:
            raise self._refused(
                f"has a value out of range ({str(error).splitlines()[0]})"
            ) from error
        field = Field(said.name, chosen, said.unit, said.ucd, said.utype, said.description)
        field = replace(field, frame=column_frame(said.stated_frame, field))
        return field, pa.chunked_array(values, chosen.arrow)

    def _type(self, values: pa.ChunkedArray) -> ValueType:
        simple = values.type
        if pa.types.is_list(simple):
            return self._array_type(values)
        chosen = value_type(
            simple,
            pa.types.is_string(simple) and self._is_unicode(values),
            fits_column(values),
            longest_text(values) if pa.types.is_string(simple) else None,
        )
        if chosen.is_timestamp or self._declared.xtype in ("timestamp", *_GEOMETRIES):
            return chosen
        if self._declared.xtype is None:
            return marked_type(chosen, self._said)
        return ValueType(chosen.datatype, chosen.arraysize, self._declared.xtype)

    def _is_unicode(self, values: pa.ChunkedArray) -> bool:
        if self._declared.datatype == Datatype.UNICODE_CHAR:
            return True
        return pc.all(pc.string_is_ascii(values)).as_py() is False

    def _array_type(self, values: pa.ChunkedArray) -> ValueType:
        lengths = pc.min_max(pc.list_value_length(values)).as_py()
        shortest, longest = lengths["min"], lengths["max"]
        same = shortest if shortest == longest and shortest else None
        shape = self._declared.xtype
        if shape in _GEOMETRIES and values.type.value_type in (pa.float64(), pa.float32()):
            self._check_shape(shape, shortest, longest, values)
            return ValueType(Datatype.DOUBLE, _GEOMETRIES[shape], shape)
        fixed = (self._declared.arraysize or "").isdigit()
        size = same if fixed or not values.null_count else None
        chosen = value_type(values.type, False, True, size)
        return ValueType(chosen.datatype, chosen.arraysize, shape)

    def _check_shape(
        self, shape: str, shortest: int | None, longest: int | None, values: pa.ChunkedArray
    ) -> None:
        size = _GEOMETRIES[shape]
        if shortest is None or longest is None:
            return
        if size != "*" and (str(shortest), str(longest)) != (size, size):
            raise self._refused(f"has the xtype {shape}, but not {size} numbers in each value")
        odd = pc.any(pc.equal(pc.bit_wise_and(pc.list_value_length(values), 1), 1)).as_py()
        if size == "*" and (shortest < 6 or odd):
            raise self._refused(f"has the xtype {shape}, but not three or more pairs in each value")

    def _refused(self, reason: str) -> UploadRejected:
        return UploadRejected(self._upload, f"the column {self._said.name[:64]!r} {reason}")


def _without_nan(values: pa.Array) -> pa.Array:
    """Make NaN null, as in published tables; NaN inside of arrays stays."""
    if not pa.types.is_floating(values.type) or not pc.any(pc.is_nan(values)).as_py():
        return values
    return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
