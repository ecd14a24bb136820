"""Tables as independent readers give them, and their comparison cell by cell.

Files are read by pyarrow here, results by the readers of `result_files`: nothing uses the readers
and writers of the service. What may differ is the table "What is equal" of
``docs/reference/result-formats.md``, in `loosened`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv

VOTABLES = ("votable/b2", "votable/td", "votable/b")
"""Serialisations of VOTable."""

FORMATS = (*VOTABLES, "csv", "tsv", "fits", "parquet", "arrow", "json", "hdf5")
"""Formats that keep the values; HTML is for people."""

EXACT = ("parquet", "arrow")
"""Formats in which nothing is equal but what is the same."""

NAN = "NaN"
"""Stands for a NaN, which is not equal to itself."""

STAND_INS = {
    "unsignedByte": 255,
    "short": -(2**15),
    "int": -(2**31),
    "long": -(2**63),
    "float": NAN,
    "double": NAN,
}
"""What stands for a missing element of an array, or for null in BINARY, by type."""

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
    columns = [[plain(value) for value in column.to_pylist()] for column in table.columns]
    # In the queryable table a NaN of a published file is null.
    columns = [[None if value == NAN else value for value in column] for column in columns]
    types = [
        "unicodeChar" if kind == "char" and not _is_ascii(column) else kind
        for kind, column in zip(map(type_of, table.schema.types), columns, strict=True)
    ]
    return Cells(table.column_names, types, columns)


def read_csv_file(path: object) -> pa.Table:
    """A CSV file as pyarrow reads it; text stays as it is, empty cells are null."""
    return pa.csv.read_csv(
        path,
        convert_options=pa.csv.ConvertOptions(strings_can_be_null=True, null_values=["", "NaN"]),
    )


def differences(expected: Cells, read: Cells, format_name: str, reader: str = "") -> list[str]:
    """Say what is not equal under the rules of the format; empty if everything is.

    The rows may come in any order, as SQL has it.
    """
    names = names_for(expected.names, format_name)
    if names != read.names:
        return [f"the columns are {read.names}, not {names}"]
    found = [
        f"column {name!r} is {got}, not {wanted}"
        for name, wanted, got in zip(expected.names, expected.types, read.types, strict=True)
        if _type_for(wanted, format_name, reader) != _type_for(got, format_name, reader)
    ]
    if expected.rows != read.rows:
        return [*found, f"there are {read.rows} rows, not {expected.rows}"]
    wanted = Counter(_rows(expected, format_name, reader))
    got = Counter(_rows(read, format_name, reader))
    if wanted == got:
        return found
    missing, surplus = list((wanted - got).elements()), list((got - wanted).elements())
    return found + _cell_differences(expected.names, missing, surplus)


def names_for(names: Sequence[str], format_name: str) -> list[str]:
    """Names of columns in a format: FITS has ASCII alone, and one case."""
    if format_name != "fits":
        return list(names)
    given = [re.sub(r"[^ -~]", "?", name) for name in names]
    taken = Counter(name.casefold() for name in given)
    found: list[str] = []
    for name in given:
        distinct, number = name, 1
        while distinct.casefold() in {n.casefold() for n in found} or (
            number > 1 and taken[distinct.casefold()]
        ):
            number += 1
            distinct = f"{name}_{number}"
        found.append(distinct)
    return found


def loosened(
    kind: str, format_name: str, reader: str = "", *, single: bool = False
) -> Callable[[object], object]:
    """The equivalence that result-formats.md states for values of a type, format and reader."""
    if format_name in EXACT:
        return lambda value: value
    element = STAND_INS.get(kind.removesuffix("[]"))
    if kind.endswith("[]"):
        return lambda value: _loosened_array(value, element, format_name, reader)
    if kind in ("float", "double") and format_name == "json":
        return lambda value: None if value in (NAN, math.inf, -math.inf) else value
    if format_name == "json":
        return lambda value: value
    if format_name == "hdf5":
        return lambda value: value.rstrip("\0") if isinstance(value, str) else value

    def rule(value: object) -> object:
        if isinstance(value, str):
            value = _loosened_text(value, format_name, reader)
        if format_name == "votable/b" and kind != "unsignedByte" and value == element:
            return None
        if format_name.startswith("votable") or format_name == "fits":
            return None if value == "" or (value == NAN and element == NAN) else value
        blank_is_null = single or format_name == "tsv" or reader == "stilts"
        return None if value == "" and blank_is_null else value

    return rule


def _loosened_array(value: object, stand_in: object, format_name: str, reader: str) -> object:
    if not isinstance(value, tuple):
        return value
    if format_name == "json":
        return tuple(None if v in (NAN, math.inf, -math.inf) else v for v in value)
    if format_name == "fits" and reader != "stilts":
        elements = tuple(None if v == NAN else v for v in value)
    else:
        elements = tuple(None if v == stand_in else v for v in value)
    if format_name == "hdf5" or reader == "stilts":
        # Neither has a third truth value.
        truths = any(isinstance(v, bool) for v in elements)
        elements = tuple(v or False for v in elements) if truths else elements
    if format_name == "hdf5":
        return elements
    if format_name.startswith("votable") or format_name == "fits":
        return None if all(v is None for v in elements) else elements
    return elements or None


def _loosened_text(value: str, format_name: str, reader: str) -> str:
    if (format_name, reader) == ("csv", "stilts"):
        return value.replace("\r\n", "\n").strip(" \t\r\n")
    if format_name == "votable/td":
        return value.strip(" \t\r\n")
    if format_name in ("tsv", "fits"):
        value = re.sub(r"\r\n|[\t\r\n]", " ", value)
    return re.sub(r"[^ -~]", "?", value).rstrip(" ") if format_name == "fits" else value


def _rows(cells: Cells, format_name: str, reader: str) -> list[tuple[object, ...]]:
    single = len(cells.names) == 1
    columns = [
        list(map(_distinct, map(loosened(kind, format_name, reader, single=single), column)))
        for kind, column in zip(cells.types, cells.columns, strict=True)
    ]
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
    if format_name in ("parquet", "fits"):
        kind = kind.replace("unicodeChar", "char")
    if format_name == "votable/b":
        kind = kind.replace("unsignedByte", "short")
    if reader == "stilts":
        # STIL has one class for text, and shorts for unsigned bytes.
        return kind.replace("unicodeChar", "char").replace("unsignedByte", "short")
    return kind


def type_of(arrow: pa.DataType) -> str:
    """Type of an Arrow column as `Cells` has it."""
    if pa.types.is_list(arrow) or pa.types.is_fixed_size_list(arrow):
        return type_of(arrow.value_type) + "[]"
    if pa.types.is_timestamp(arrow):
        return "timestamp"
    return _VOTABLE_TYPES.get(str(arrow), "char")


def _is_ascii(column: list[object]) -> bool:
    return all(value.isascii() for value in column if isinstance(value, str))


def plain(value: object) -> object:
    """A cell as plain Python."""
    if value is None or value is np.ma.masked:
        return None
    if isinstance(value, list | np.ndarray):
        return tuple(plain(element) for element in value)
    if isinstance(value, np.generic):
        value = value.item()
    return NAN if isinstance(value, float) and math.isnan(value) else value
