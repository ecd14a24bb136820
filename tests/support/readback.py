"""Tables as independent readers give them, and their comparison cell by cell.

Files are read by pyarrow, results by astropy (VOTable), pyarrow (Parquet) and Python's own string
methods (CSV, TSV): nothing here uses the readers and writers of the service. What may differ is
the table "What is equal" of ``docs/reference/result-formats.md``, in `loosened`.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import re
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import astropy.io.votable
import astropy.table
import lxml.html
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from astropy.utils.exceptions import AstropyWarning

FORMATS = ("votable/b2", "votable/td", "csv", "tsv", "parquet")
"""Formats that keep the values; HTML is for people."""

NAN = "NaN"
"""Stands for a NaN, which is not equal to itself."""

_STAND_INS = (None, NAN, -(2**15), -(2**31), -(2**63))
"""Missing elements of arrays, which VOTable and text cannot tell from these values."""

_VOTABLE_TYPES = {
    "bool": "boolean",
    "int8": "short",
    "uint8": "unsignedByte",
    "int16": "short",
    "uint16": "int",
    "int32": "int",
    "uint32": "long",
    "int64": "long",
    "uint64": "long",
    "float": "float",
    "double": "double",
}


@dataclass(frozen=True)
class Cells:
    """A table in plain Python values: None, bool, int, float, str, datetime and tuples of them.

    Types are those of VOTable, with ``[]`` for arrays and ``timestamp`` for times.
    """

    names: list[str]
    types: list[str]
    columns: list[list[object]]

    @property
    def rows(self) -> int:
        return len(self.columns[0]) if self.columns else 0


def file_cells(table: pa.Table) -> Cells:
    """What a query must give for a file: the types and values of result-formats.md."""
    columns = [[_plain(value) for value in column.to_pylist()] for column in table.columns]
    # In the queryable table a NaN of a published file is null.
    columns = [[None if value == NAN else value for value in column] for column in columns]
    types = [
        "unicodeChar" if kind == "char" and not _is_ascii(column) else kind
        for kind, column in zip(map(_type_of, table.schema.types), columns, strict=True)
    ]
    return Cells(table.column_names, types, columns)


def read_csv_file(path: object) -> pa.Table:
    """A CSV file as pyarrow reads it; text stays as it is, empty cells are null."""
    return pa.csv.read_csv(
        path,
        convert_options=pa.csv.ConvertOptions(strings_can_be_null=True, null_values=["", "NaN"]),
    )


def read_result(data: bytes, format_name: str, expected: Cells) -> Cells:
    """A result as the independent reader of its format gives it.

    The types of CSV and TSV, which have none, are those of `expected`.
    """
    if format_name.startswith("votable"):
        return votable_cells(astropy.io.votable.parse(io.BytesIO(data)).get_first_table())
    if format_name == "parquet":
        return _parquet_cells(data)
    return (_csv_cells if format_name == "csv" else _tsv_cells)(data, expected.types)


def votable_cells(table: astropy.io.votable.tree.TableElement) -> Cells:
    """A table of a VOTable."""
    columns = []
    for field in table.fields:
        column = table.array[field.ID]
        mask = np.ma.getmaskarray(column)
        if column.dtype == object or mask.ndim > 1:
            # astropy reads arrays of floats from TABLEDATA in double precision.
            kind = np.float32 if field.datatype == "float" else None
            values = [_array(row, kind) if isinstance(row, np.ndarray) else _plain(row)
                      for row in column]  # fmt: skip
        else:
            values = [None if m else _plain(v) for v, m in zip(column.data, mask, strict=True)]
        columns.append(list(map(_timestamp, values)) if field.xtype == "timestamp" else values)
    return Cells([f.name for f in table.fields], [_field_type(f) for f in table.fields], columns)


def astropy_parquet_cells(data: bytes, expected: Cells) -> tuple[Cells, Cells]:
    """A Parquet file as astropy reads it, and what can be expected of that.

    astropy makes null integers floating-point and null texts ``None``, and has no null booleans:
    result-formats.md names these limits, and such columns are left out of both.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        table = astropy.table.Table.read(io.BytesIO(data), format="parquet")
    kept = [
        index
        for index, (kind, column) in enumerate(zip(expected.types, expected.columns, strict=True))
        if kind in ("float", "double") or (kind[-2:] != "[]" and None not in column)
    ]
    names = [expected.names[index] for index in kept]
    types = [expected.types[index] for index in kept]
    columns = []
    for name, kind in zip(names, types, strict=True):
        values = [_plain(value) for value in table[name].tolist()]
        columns.append([None if v == NAN and kind in ("float", "double") else v for v in values])
    return Cells(names, types, columns), Cells(names, types, [expected.columns[i] for i in kept])


def html_rows(data: bytes) -> int:
    """Rows of the table of an HTML page, without its header."""
    return len(lxml.html.fromstring(data).findall(".//tr")) - 1


def differences(expected: Cells, read: Cells, format_name: str, reader: str = "") -> list[str]:
    """Say what is not equal under the rules of the format; empty if everything is.

    The rows may come in any order, as SQL has it.
    """
    if expected.names != read.names:
        return [f"the columns are {read.names}, not {expected.names}"]
    found = [
        f"column {name!r} is {got}, not {wanted}"
        for name, wanted, got in zip(expected.names, expected.types, read.types, strict=True)
        if _type_for(wanted, format_name, reader) != _type_for(got, format_name, reader)
    ]
    if expected.rows != read.rows:
        return [*found, f"there are {read.rows} rows, not {expected.rows}"]
    rule = loosened(format_name, reader, single=len(expected.names) == 1)
    wanted, got = Counter(_rows(expected, rule)), Counter(_rows(read, rule))
    if wanted == got:
        return found
    missing, surplus = list((wanted - got).elements()), list((got - wanted).elements())
    return found + _cell_differences(expected.names, missing, surplus)


def loosened(
    format_name: str, reader: str = "", *, single: bool = False
) -> Callable[[object], object]:
    """The equivalence of values that result-formats.md states for a format and a reader."""

    def rule(value: object) -> object:
        if format_name == "parquet":
            return value
        if isinstance(value, tuple):
            elements = tuple(None if v in _STAND_INS else v for v in value)
            if reader == "stilts" and any(isinstance(v, bool) for v in elements):
                elements = tuple(v or False for v in elements)
            missing = all(v is None for v in elements)
            if format_name.startswith("votable"):
                return None if missing else elements
            return elements or None
        if format_name.startswith("votable"):
            if isinstance(value, str):
                value = value.strip(" \t\r\n") if format_name == "votable/td" else value
            return None if value in ("", NAN) else value
        if format_name == "tsv" and isinstance(value, str):
            value = re.sub(r"\r\n|[\t\r\n]", " ", value)
        return None if value == "" and (single or format_name == "tsv") else value

    return rule


def _rows(cells: Cells, rule: Callable[[object], object]) -> list[tuple[object, ...]]:
    columns = [list(map(_distinct, map(rule, column))) for column in cells.columns]
    return list(zip(*columns, strict=True))


def _distinct(value: object) -> object:
    # True == 1 == 1.0 and -0.0 == 0.0 in Python; they are different cells.
    if type(value) is tuple:
        return tuple(map(_distinct, value))
    return (type(value).__name__, repr(value)) if value in (0, 1) else value


def _cell_differences(
    names: Sequence[str], missing: list[tuple[object, ...]], surplus: list[tuple[object, ...]]
) -> list[str]:
    # Columns without a fault tell which rows belong together.
    sound = [
        index
        for index in range(len(names))
        if Counter(row[index] for row in missing) == Counter(row[index] for row in surplus)
    ]

    def key(row: tuple[object, ...]) -> str:
        return repr([row[index] for index in sound or range(len(names))])

    found = []
    for wanted, got in zip(sorted(missing, key=key), sorted(surplus, key=key), strict=True):
        found += [
            f"column {name!r}: {g!r} instead of {w!r}"
            for name, w, g in zip(names, wanted, got, strict=True)
            if w != g
        ]
    return found


def _type_for(kind: str, format_name: str, reader: str) -> str:
    if format_name == "parquet":
        return kind.replace("unicodeChar", "char")
    if reader == "stilts":
        # STIL has one class for text, and shorts for unsigned bytes.
        return kind.replace("unicodeChar", "char").replace("unsignedByte", "short")
    return kind


def _type_of(arrow: pa.DataType) -> str:
    if pa.types.is_list(arrow) or pa.types.is_fixed_size_list(arrow):
        return _type_of(arrow.value_type) + "[]"
    if pa.types.is_timestamp(arrow):
        return "timestamp"
    return _VOTABLE_TYPES.get(str(arrow), "char")


def _field_type(field: astropy.io.votable.tree.Field) -> str:
    if field.xtype == "timestamp":
        return "timestamp"
    is_array = field.arraysize is not None and field.datatype not in ("char", "unicodeChar")
    return field.datatype + ("[]" if is_array else "")


def _is_ascii(column: list[object]) -> bool:
    return all(value.isascii() for value in column if isinstance(value, str))


def _array(row: np.ndarray, kind: type[np.float32] | None) -> object:
    missing = np.ma.getmaskarray(row)
    elements = np.asarray(row, kind)
    return tuple(None if m else _plain(v) for v, m in zip(elements, missing, strict=True))


def _plain(value: object) -> object:
    if value is None or value is np.ma.masked:
        return None
    if isinstance(value, list | np.ndarray):
        return tuple(_plain(element) for element in value)
    if isinstance(value, np.generic):
        value = value.item()
    return NAN if isinstance(value, float) and math.isnan(value) else value


def _timestamp(value: object) -> object:
    if isinstance(value, str) and value:
        return dt.datetime.fromisoformat(value)
    return None if value == "" else value


def _parquet_cells(data: bytes) -> Cells:
    file = pa.parquet.ParquetFile(io.BytesIO(data))
    table = file.read()
    header = file.metadata.metadata[b"IVOA.VOTable-Parquet.content"]
    fields = astropy.io.votable.parse(io.BytesIO(header)).get_first_table().fields
    types = list(map(_type_of, table.schema.types))
    described = [_field_type(field).replace("unicodeChar", "char") for field in fields]
    assert described == types, "the VOTable header of the Parquet file has other types"
    columns = [[_plain(value) for value in column.to_pylist()] for column in table.columns]
    return Cells(table.column_names, types, columns)


def _csv_cells(data: bytes, types: Sequence[str]) -> Cells:
    header = next(csv.reader(io.StringIO(data.decode(), newline="")))
    table = pa.csv.read_csv(
        io.BytesIO(data),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
        ),
    )
    return _typed(table.column_names, types, [column.to_pylist() for column in table.columns])


def _tsv_cells(data: bytes, types: Sequence[str]) -> Cells:
    lines = data.decode().split("\n")
    assert lines.pop() == "", "the last line does not end"
    names, *rows = [line.removesuffix("\r").split("\t") for line in lines]
    assert all(len(row) == len(names) for row in rows)
    columns = [[row[index] or None for row in rows] for index in range(len(names))]
    return _typed(names, types, columns)


def _typed(names: list[str], types: Sequence[str], texts: list[list[str | None]]) -> Cells:
    columns = [
        [None if text is None else _value(text, kind) for text in column]
        for column, kind in zip(texts, types, strict=True)
    ]
    return Cells(names, list(types), columns)


def _value(text: str, kind: str) -> object:
    if kind.endswith("[]"):
        return tuple(_value(element, kind[:-2]) for element in text.split())
    if kind in ("char", "unicodeChar"):
        return text
    if kind == "timestamp":
        return dt.datetime.fromisoformat(text)
    if kind == "boolean":
        return {"true": True, "false": False, "null": None}[text]
    if kind in ("float", "double"):
        number = float(np.float32(text)) if kind == "float" else float(text)
        return NAN if math.isnan(number) else number
    return int(text)
