"""Results as the independent reader of their format gives them.

astropy reads VOTable and FITS, pyarrow Parquet, Arrow and CSV, h5py HDF5, Python JSON and TSV.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence

import astropy.io.fits
import astropy.io.votable
import astropy.table
import h5py
import lxml.html
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet
from astropy.utils.exceptions import AstropyWarning
from readback import NAN, Cells, plain, type_of

_FITS_TYPES = {
    "L": "boolean",
    "B": "unsignedByte",
    "I": "short",
    "J": "int",
    "K": "long",
    "E": "float",
    "D": "double",
    "A": "char",
}

_NUMPY_TYPES = {
    "boolean": "bool",
    "unsignedByte": "uint8",
    "short": "int16",
    "int": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
}


def read_result(data: bytes, format_name: str, expected: Cells) -> Cells:
    """A result as the independent reader of its format gives it.

    The types of CSV and TSV, which have none, are those of `expected`.
    """
    if format_name.startswith("votable"):
        return votable_cells(astropy.io.votable.parse(io.BytesIO(data)).get_first_table())
    if format_name in ("csv", "tsv"):
        return (_csv_cells if format_name == "csv" else _tsv_cells)(data, expected.types)
    readers: dict[str, Callable[[bytes], Cells]] = {
        "parquet": _parquet_cells,
        "fits": _fits_cells,
        "arrow": _arrow_cells,
        "json": _json_cells,
        "hdf5": _hdf5_cells,
    }
    return readers[format_name](data)


def votable_cells(table: astropy.io.votable.tree.TableElement) -> Cells:
    """A table of a VOTable."""
    columns = []
    for field in table.fields:
        column = table.array[field.ID]
        mask = np.ma.getmaskarray(column)
        if column.dtype == object or mask.ndim > 1:
            # astropy reads arrays of floats from TABLEDATA in double precision.
            kind = np.float32 if field.datatype == "float" else None
            values = [_array(row, kind) if isinstance(row, np.ndarray) else plain(row)
                      for row in column]  # fmt: skip
        else:
            values = [None if m else plain(v) for v, m in zip(column.data, mask, strict=True)]
        columns.append(list(map(_timestamp, values)) if field.xtype == "timestamp" else values)
    return Cells([f.name for f in table.fields], [field_type(f) for f in table.fields], columns)


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
        values = [plain(value) for value in table[name].tolist()]
        columns.append([None if v == NAN and kind in ("float", "double") else v for v in values])
    return Cells(names, types, columns), Cells(names, types, [expected.columns[i] for i in kept])


def html_rows(data: bytes) -> int:
    """Rows of the table of an HTML page, without its header."""
    return len(lxml.html.fromstring(data).findall(".//tr")) - 1


def retyped(cells: Cells, expected: Cells, format_name: str) -> Cells:
    """What STILTS read, with times as such where the format is FITS, whose TXTYP it passes over."""
    if format_name != "fits":
        return cells
    types, columns = [], []
    for kind, got, column in zip(expected.types, cells.types, cells.columns, strict=True):
        untold = kind == "timestamp" and got == "char"
        types.append(kind if untold else got)
        columns.append(list(map(_timestamp, column)) if untold else column)
    return Cells(cells.names, types, columns)


def _kind(said: Mapping[str, str | None]) -> str:
    """The type that `datatype`, `arraysize` and `xtype` say, as `Cells` has it."""
    datatype = said["datatype"] or ""
    if said.get("xtype") == "timestamp":
        return "timestamp"
    is_array = said.get("arraysize") is not None and datatype not in ("char", "unicodeChar")
    return datatype + ("[]" if is_array else "")


def field_type(field: astropy.io.votable.tree.Field) -> str:
    """Type of a FIELD as `Cells` has it."""
    said = {"datatype": field.datatype, "arraysize": field.arraysize, "xtype": field.xtype}
    return _kind(said)


def _array(row: np.ndarray, kind: type[np.float32] | None) -> object:
    missing = np.ma.getmaskarray(row)
    elements = np.asarray(row, kind)
    return tuple(None if m else plain(v) for v, m in zip(elements, missing, strict=True))


def _timestamp(value: object) -> object:
    if isinstance(value, str) and value:
        return dt.datetime.fromisoformat(value)
    return None if value == "" else value


def _parquet_cells(data: bytes) -> Cells:
    file = pa.parquet.ParquetFile(io.BytesIO(data))
    table = file.read()
    header = file.metadata.metadata[b"IVOA.VOTable-Parquet.content"]
    fields = astropy.io.votable.parse(io.BytesIO(header)).get_first_table().fields
    types = list(map(type_of, table.schema.types))
    described = [field_type(field).replace("unicodeChar", "char") for field in fields]
    assert described == types, "the VOTable header of the Parquet file has other types"
    columns = [[plain(value) for value in column.to_pylist()] for column in table.columns]
    return Cells(table.column_names, types, columns)


def _arrow_cells(data: bytes) -> Cells:
    table = pa.ipc.open_stream(data).read_all()
    types = []
    for field in table.schema:
        said = {key.decode(): value.decode() for key, value in field.metadata.items()}
        assert _kind(said).replace("unicodeChar", "char") == type_of(field.type), field
        types.append(_kind(said))
    columns = [[plain(value) for value in column.to_pylist()] for column in table.columns]
    return Cells(table.column_names, types, columns)


def _json_cells(data: bytes) -> Cells:
    read = json.loads(data)
    types = [_kind(column) for column in read["metadata"]]
    columns = [
        [_json_cell(row[position], kind) for row in read["data"]]
        for position, kind in enumerate(types)
    ]
    return Cells([column["name"] for column in read["metadata"]], types, columns)


def _json_cell(value: object, kind: str) -> object:
    if isinstance(value, list):
        return tuple(_json_cell(element, kind[:-2]) for element in value)
    if value is None or kind not in ("float", "timestamp"):
        return value
    if kind == "timestamp":
        return dt.datetime.fromisoformat(str(value))
    assert isinstance(value, float), "a float without point and exponent"
    return float(np.float32(value))


def _hdf5_cells(data: bytes) -> Cells:
    names, types, columns = [], [], []
    with h5py.File(io.BytesIO(data)) as file:
        for dataset in file["data"].values():
            kind = _kind(dataset.attrs)
            names.append(dataset.attrs["name"])
            types.append(kind)
            cells = _hdf5_column(dataset, kind)
            if "nulls" in dataset.attrs:
                missing = np.unpackbits(dataset.attrs["nulls"])[: len(dataset)].astype(bool)
                cells = [None if m else v for m, v in zip(missing, cells, strict=True)]
            columns.append(cells)
    return Cells(names, types, columns)


def _hdf5_column(dataset: h5py.Dataset, kind: str) -> list[object]:
    if h5py.check_string_dtype(dataset.dtype) is not None:
        texts = dataset.asstr()[:].tolist()
        return [_timestamp(text) for text in texts] if kind == "timestamp" else texts
    element = kind.removesuffix("[]")
    variable = h5py.check_vlen_dtype(dataset.dtype)
    if variable is None:
        assert dataset.dtype == _NUMPY_TYPES[element]
        return [plain(value) for value in dataset[:]]
    assert variable == ("uint8" if element == "boolean" else _NUMPY_TYPES[element])
    rows = [plain(value) for value in dataset[:]]
    return [tuple(map(bool, row)) if element == "boolean" else row for row in rows]


def _fits_cells(data: bytes) -> Cells:
    types, columns = [], []
    with (
        warnings.catch_warnings(),
        astropy.io.fits.open(io.BytesIO(data), logical_as_bytes=True) as hdus,
    ):
        # It advises against names with blanks, which the table has.
        warnings.filterwarnings("ignore", "It is strongly recommended that column names")
        hdus.verify("exception")
        table = hdus[1]
        assert table.header["QSTATUS"] == "OK"
        for number, column in enumerate(table.columns, start=1):
            code = table.header[f"TFORM{number}"]
            variable = code.lstrip("0123456789")[0] in "PQ"
            letter = code.lstrip("0123456789PQ")[0]
            is_array = letter != "A" and (variable or code.rstrip(letter) not in ("", "1"))
            time = table.header.get(f"TXTYP{number}") == "timestamp"
            kind = "timestamp" if time else _FITS_TYPES[letter] + ("[]" if is_array else "")
            cells = table.data.field(number - 1)
            types.append(kind)
            columns.append([_fits_cell(value, kind, column.null) for value in cells])
        return Cells(table.columns.names, types, columns)


def _fits_cell(value: object, kind: str, null: int | None) -> object:
    if kind.endswith("[]"):
        return tuple(_fits_cell(v, kind[:-2], null) for v in np.atleast_1d(value))
    if kind in ("char", "timestamp"):
        text = value if isinstance(value, str) else "".join(value)
        return _timestamp(text) if kind == "timestamp" else text
    if kind == "boolean":
        letter = value if isinstance(value, bytes) else bytes([int(value)])
        return {b"T": True, b"F": False, b"": None, b"\0": None}[letter]
    cell = plain(value)
    return None if null is not None and cell == null else cell


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
