"""Any table, written in any format, reads back equal under the documented equivalence."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import astropy.io.fits
import astropy.io.votable
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.formats.writers.cells import missing_integer
from registry.formats.writers.registry import writer_for
from registry.formats.writers.stream import ResultStream
from registry.model.field import Datatype, Field, ValueType

ILLEGAL = {*map(chr, [*range(9), 11, 12, *range(14, 32)]), "\ufffe", "\uffff"}

INTEGERS = {
    Datatype.UNSIGNED_BYTE: st.integers(0, 255),
    Datatype.SHORT: st.integers(-(2**15), 2**15 - 1),
    Datatype.INT: st.integers(-(2**31), 2**31 - 1),
    Datatype.LONG: st.integers(-(2**63), 2**63 - 1),
}
NUMBERS: dict[Datatype, st.SearchStrategy[Any]] = {
    Datatype.BOOLEAN: st.booleans(),
    **INTEGERS,
    Datatype.FLOAT: st.floats(width=32),
    Datatype.DOUBLE: st.floats(),
}
ASCII = st.text(st.characters(max_codepoint=127))
UNICODE = st.text(st.characters(exclude_categories=["Cs"]))


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


@st.composite
def kinds(draw: st.DrawFn) -> tuple[ValueType, st.SearchStrategy[Any]]:
    """A type and a strategy for its cells."""
    shape = draw(st.sampled_from(["number", "number", "text", "time", "variable", "fixed"]))
    if shape == "text":
        length = draw(st.integers(1, 4))
        return draw(
            st.sampled_from(
                [
                    (ValueType(Datatype.CHAR, "*"), ASCII),
                    (ValueType(Datatype.UNICODE_CHAR, "*"), UNICODE),
                    (
                        ValueType(Datatype.CHAR, str(length)),
                        st.text("ab&<,1", min_size=length, max_size=length),
                    ),
                ]
            )
        )
    if shape == "time":
        return ValueType(Datatype.CHAR, "*", "timestamp"), st.datetimes()
    datatype = draw(st.sampled_from(list(NUMBERS)))
    if shape == "number":
        return ValueType(datatype), NUMBERS[datatype]
    elements = maybe(NUMBERS[datatype])
    if shape == "variable":
        return ValueType(datatype, "*"), st.lists(elements, max_size=4)
    length = draw(st.integers(1, 3))
    return ValueType(datatype, str(length)), st.lists(elements, min_size=length, max_size=length)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Field], list[list[Any]]]:
    """Fields and columns of equal length; columns of more than eight cross a flag byte."""
    rows = draw(st.integers(0, 5))
    fields, columns = [], []
    for position in range(draw(st.integers(1, 10))):
        value_type, cells = draw(kinds())
        fields.append(Field(f"c{position}", value_type))
        columns.append(draw(st.lists(maybe(cells), min_size=rows, max_size=rows)))
    return fields, columns


def written(responseformat: str, fields: list[Field], columns: list[list[Any]]) -> bytes:
    arrays = [pa.array(c, f.type.arrow) for f, c in zip(fields, columns, strict=True)]
    batch = pa.RecordBatch.from_arrays(arrays, names=[f.name for f in fields])
    half = batch.num_rows // 2  # slices with an offset, as engines deliver them
    source = [batch.slice(0, half), batch.slice(half)]
    return b"".join(writer_for(responseformat).write(ResultStream(fields, source)))


def settled(value: Any, value_type: ValueType, *, legal: bool = False) -> Any:
    """Bring what the documentation calls equal to one form; `legal` is what XML can hold."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if value_type.is_timestamp:
        return iso(value) if isinstance(value, dt.datetime) else str(value) or None
    if value_type.is_text:
        if legal:
            value = "".join(c for c in value if c not in ILLEGAL).strip()
        return str(value) or None
    if value_type.is_array:
        elements = [element(item, value_type.datatype) for item in value]
        return None if all(item is None for item in elements) else elements
    if value_type.datatype is Datatype.FLOAT:
        return float(np.float32(value))
    return value


def element(value: Any, datatype: Datatype) -> Any:
    if datatype in INTEGERS:
        if datatype is Datatype.UNSIGNED_BYTE:
            return 255 if value is None else int(value)
        return None if value in (None, missing_integer(datatype)) else int(value)
    if value is None or math.isnan(value):
        return None
    if datatype is Datatype.FLOAT:  # astropy holds variable arrays of text in double precision
        return float(np.float32(value))
    return bool(value) if datatype is Datatype.BOOLEAN else float(value)


def iso(value: dt.datetime) -> str:
    text = value.isoformat(timespec="microseconds")
    return text.rstrip("0").removesuffix(".")


def masked_cell(value: Any, mask: Any, value_type: ValueType) -> Any:
    """A cell of astropy as plain Python, missing values as none."""
    if value_type.is_array:
        cells = np.ma.atleast_1d(np.ma.asarray(value))
        hidden = np.broadcast_to(np.ma.getmaskarray(cells) | np.asarray(mask), cells.shape)
        if hidden.all():
            return None
        return [None if gone else v.item() for v, gone in zip(cells.data, hidden, strict=True)]
    if value_type.datatype.is_text:
        return str(value)
    return None if mask else value.item()


@pytest.mark.parametrize("responseformat", ["votable/b2", "votable/td", "votable/b"])
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables())
def test_astropy_reads_votables_back(
    responseformat: str, table: tuple[list[Field], list[list[Any]]]
) -> None:
    fields, columns = table
    data = written(responseformat, fields, columns)
    array = astropy.io.votable.parse_single_table(io.BytesIO(data)).array
    legal = responseformat == "votable/td"
    assert len(array) == len(columns[0])
    for field, column in zip(fields, columns, strict=True):
        if responseformat == "votable/b" and field.type.datatype is Datatype.UNSIGNED_BYTE:
            field = replace(field, type=replace(field.type, datatype=Datatype.SHORT))  # noqa: PLW2901 - as documented
        read = [
            masked_cell(array[field.name].data[row], array[field.name].mask[row], field.type)
            for row in range(len(column))
        ]
        expected = [settled(value, field.type, legal=legal) for value in column]
        read = [settled(v, field.type, legal=legal) for v in read]
        if responseformat == "votable/b":  # the smallest integer stands for null
            expected = [None if is_smallest(v, field.type) else v for v in expected]
            read = [None if is_smallest(v, field.type) else v for v in read]
        assert read == expected, field


def is_smallest(value: Any, value_type: ValueType) -> bool:
    datatype = value_type.datatype
    signed = datatype in INTEGERS and datatype is not Datatype.UNSIGNED_BYTE
    return signed and not value_type.is_array and value == missing_integer(datatype)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables())
def test_arrow_reads_csv_back(table: tuple[list[Field], list[list[Any]]]) -> None:
    fields, columns = table
    data = written("csv", fields, columns)
    types = {f.name: pa.string() if f.type.is_array else f.type.arrow for f in fields}
    read = pyarrow.csv.read_csv(
        io.BytesIO(data),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=types,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=len(fields) == 1,
        ),
    )
    assert read.num_rows == len(columns[0])
    for field, column in zip(fields, columns, strict=True):
        cells = read[field.name].to_pylist()
        if field.type.is_array:
            cells = [None if c is None else parsed(c, field.type.datatype) for c in cells]
        elif field.type.is_text and len(fields) > 1:
            assert cells == column  # null and the empty string differ
            continue
        expected = [settled(value, field.type) for value in column]
        assert [settled(value, field.type) for value in cells] == expected, field


def parsed(text: str, datatype: Datatype) -> list[Any]:
    if datatype is Datatype.BOOLEAN:
        return [{"true": True, "false": False, "null": None}[word] for word in text.split()]
    if datatype is Datatype.FLOAT:
        return [float(np.float32(word)) for word in text.split()]
    return [float(w) if datatype is Datatype.DOUBLE else int(w) for w in text.split()]


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables())
def test_arrow_reads_parquet_back_exactly(table: tuple[list[Field], list[list[Any]]]) -> None:
    fields, columns = table
    read = pq.read_table(io.BytesIO(written("parquet", fields, columns)))
    for field, column in zip(fields, columns, strict=True):
        expected = pa.array(column, field.type.arrow)
        assert read[field.name].type.equals(expected.type) or field.type.is_array
        assert repr(read[field.name].to_pylist()) == repr(expected.to_pylist())


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables())
def test_arrow_reads_the_stream_back_exactly(table: tuple[list[Field], list[list[Any]]]) -> None:
    fields, columns = table
    read = pa.ipc.open_stream(written("arrow", fields, columns)).read_all()
    assert read.schema.types == [field.type.arrow for field in fields]
    for field, column in zip(fields, columns, strict=True):
        expected = pa.array(column, field.type.arrow)
        assert repr(read[field.name].to_pylist()) == repr(expected.to_pylist())


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables())
def test_json_reads_back(table: tuple[list[Field], list[list[Any]]]) -> None:
    fields, columns = table
    read = json.loads(written("json", fields, columns))
    assert len(read["data"]) == len(columns[0])
    for position, (field, column) in enumerate(zip(fields, columns, strict=True)):
        cells = [row[position] for row in read["data"]]
        expected = [in_json(value, field.type) for value in column]
        if field.type.datatype is Datatype.FLOAT:
            cells = [single(cell) for cell in cells]
        assert repr(cells) == repr(expected), field


def in_json(value: Any, value_type: ValueType) -> Any:
    """A cell as JSON holds it: everything but NaN, infinity and the kinds of time."""
    if isinstance(value, list):
        return [in_json(item, ValueType(value_type.datatype)) for item in value]
    if isinstance(value, dt.datetime):
        return iso(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def single(value: Any) -> Any:
    if isinstance(value, list):
        return list(map(single, value))
    return None if value is None else float(np.float32(value))


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables())
def test_h5py_reads_hdf5_back(table: tuple[list[Field], list[list[Any]]]) -> None:
    fields, columns = table
    with h5py.File(io.BytesIO(written("hdf5", fields, columns))) as file:
        assert list(file["data"]) == [field.name for field in fields]
        for field, column in zip(fields, columns, strict=True):
            data = file["data"][field.name]
            bits = data.attrs.get("nulls", np.zeros(len(column), np.uint8))
            missing = np.unpackbits(bits, count=len(column)).astype(bool)
            assert missing.tolist() == [value is None for value in column]
            texts = field.type.datatype.is_text
            cells = (data.asstr() if texts else data)[:].tolist()
            read = [None if m else v for v, m in zip(cells, missing, strict=True)]
            expected = [in_hdf5(value, field.type) for value in column]
            if field.type.is_array:
                read = [None if v is None else list(v) for v in read]
            assert [comparable(v) for v in read] == [comparable(v) for v in expected], field


def in_hdf5(value: Any, value_type: ValueType) -> Any:
    """A cell as HDF5 holds it: zeros at the end of text are its padding."""
    if isinstance(value, list):
        datatype = value_type.datatype
        gap = float("nan") if datatype.is_floating else missing_integer(datatype)
        gap = False if datatype is Datatype.BOOLEAN else gap
        return [gap if item is None else item for item in value]
    if isinstance(value, dt.datetime):
        return iso(value)
    return value.rstrip("\0") if isinstance(value, str) else value


def comparable(value: Any) -> Any:
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if isinstance(value, float | np.floating):
        return "NaN" if math.isnan(value) else float(value)
    return int(value) if isinstance(value, np.integer | np.bool_ | bool) else value


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables())
def test_astropy_reads_fits_back(table: tuple[list[Field], list[list[Any]]]) -> None:
    fields, columns = table
    data = written("fits", fields, columns)
    with astropy.io.fits.open(io.BytesIO(data), logical_as_bytes=True) as hdus:
        hdus.verify("exception")
        hdu = hdus[1]
        assert len(hdu.data) == len(columns[0])
        for number, (field, column) in enumerate(zip(fields, columns, strict=True), start=1):
            null = hdu.header.get(f"TNULL{number}")
            read = [fits_cell(value, field.type, null) for value in hdu.data[field.name]]
            assert read == [in_fits(value, field.type) for value in column], field


def fits_cell(value: Any, value_type: ValueType, null: int | None) -> Any:
    """A cell of a FITS table as plain Python; the value of TNULL and the logical 0 are null."""
    if value_type.datatype.is_text:
        return str(value).rstrip() or None
    if not value_type.is_array:
        return fits_element(value, value_type.datatype, null)
    elements = [fits_element(v, value_type.datatype, null) for v in np.atleast_1d(value)]
    return None if all(item is None for item in elements) else elements


def fits_element(value: Any, datatype: Datatype, null: int | None) -> Any:
    if datatype is Datatype.BOOLEAN:
        letter = value if isinstance(value, bytes) else bytes([int(value)])
        return {b"T": True, b"F": False}.get(letter)
    if datatype.is_floating:
        return None if math.isnan(value) else float(value)
    return None if int(value) == null else int(value)


def in_fits(value: Any, value_type: ValueType) -> Any:
    """A cell as FITS holds it: printable ASCII, no blanks at the end, one kind of null."""
    if isinstance(value, dt.datetime):
        return iso(value)
    if isinstance(value, str):
        value = value.replace("\r\n", " ").translate(dict.fromkeys(map(ord, "\t\r\n"), " "))
        return "".join(c if " " <= c <= "~" else "?" for c in value).rstrip(" ") or None
    if isinstance(value, list):
        elements = [in_fits(item, ValueType(value_type.datatype)) for item in value]
        return None if all(item is None for item in elements) else elements
    return None if isinstance(value, float) and math.isnan(value) else value


@pytest.mark.clients
@pytest.mark.skipif(shutil.which("stilts") is None, reason="STILTS is not installed")
@settings(deadline=None, max_examples=4, suppress_health_check=list(HealthCheck))
@given(table=tables())
def test_stilts_reads_the_same_from_fits_as_from_votable(
    tmp_path: Path, table: tuple[list[Field], list[list[Any]]]
) -> None:
    fields, columns = table
    kept = [i for i, f in enumerate(fields) if not f.type.is_array and not f.type.is_text]
    if not kept:
        return
    texts = []
    for name, kind in (("fits", "fits"), ("votable/b2", "votable"), ("votable/b", "votable")):
        source = tmp_path / "table"
        source.write_bytes(written(name, [fields[i] for i in kept], [columns[i] for i in kept]))
        command = ["stilts", "tpipe", f"in={source}", f"ifmt={kind}", "ofmt=csv"]
        run = subprocess.run(command, capture_output=True, check=True, timeout=240)
        texts.append(run.stdout.decode())
    assert texts[0] == texts[1]
    smallest = {str(missing_integer(kind)) for kind in INTEGERS if kind != Datatype.UNSIGNED_BYTE}
    if not any(word in texts[1] for word in smallest):
        assert texts[2] == texts[1]
