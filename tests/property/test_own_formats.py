"""What the service writes, it reads again: every format but HTML and JSON."""

import datetime as dt
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import read_file

from registry.formats.writers.registry import writer_for
from registry.formats.writers.stream import ResultStream
from registry.model.field import Datatype, Field, ValueType

TEXTS = st.text("abcé xyz,;'\"#&<>", max_size=8).map(lambda text: f"t{text}t")
KINDS = {
    ValueType(Datatype.BOOLEAN): st.booleans(),
    ValueType(Datatype.SHORT): st.integers(-(2**15) + 1, 2**15 - 1),
    ValueType(Datatype.INT): st.integers(-(2**31) + 1, 2**31 - 1),
    ValueType(Datatype.LONG): st.integers(-(2**63) + 1, 2**63 - 1),
    ValueType(Datatype.FLOAT): st.floats(width=32, allow_nan=False),
    ValueType(Datatype.DOUBLE): st.floats(allow_nan=False),
    ValueType(Datatype.UNICODE_CHAR, "*"): TEXTS,
    ValueType(Datatype.DOUBLE, "*"): st.lists(st.floats(allow_nan=False), min_size=2, max_size=4),
    ValueType(Datatype.CHAR, "*", "timestamp"): st.datetimes(
        dt.datetime.fromisoformat("1900-01-01"), dt.datetime.fromisoformat("2100-01-01")
    ),
}
ONLY_TEXT = ("csv", "tsv")
"""Formats that do not tell the types of their columns."""


@st.composite
def results(draw):
    n_rows = draw(st.integers(1, 6))
    fields = [Field("row", ValueType(Datatype.LONG))]
    columns = [pa.array(range(n_rows), pa.int64())]
    for index in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(list(KINDS)))
        cells = st.one_of(st.none(), KINDS[kind])
        values = draw(st.lists(cells, min_size=n_rows, max_size=n_rows))
        fields.append(Field(f"c{index}", kind, "deg" if kind.is_numeric else None))
        columns.append(pa.array(values, kind.arrow))
    return fields, columns


@pytest.mark.parametrize(
    "name", ["votable", "votable/td", "votable/b", "fits", "parquet", "arrow", "hdf5", "csv", "tsv"]
)
@settings(max_examples=25, deadline=None)
@given(result=results())
def test_what_is_written_is_read(name, result):
    fields, columns = result
    batch = pa.RecordBatch.from_arrays(columns, names=[field.name for field in fields])
    data = b"".join(writer_for(name).write(ResultStream(fields, iter([batch]))))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.bin"
        path.write_bytes(data)
        found = read_file(path)
    assert list(found.columns) == [field.name for field in fields]
    for field, column in zip(fields, columns, strict=True):
        expected, got = column.to_pylist(), found.values[field.name]
        assert found.n_rows in (None, len(expected))
        if name not in ONLY_TEXT:
            assert found.columns[field.name].unit == field.unit
            assert _plain(got, field) == _plain(expected, field), field


def _plain(values, field):
    """See what a format cannot tell apart alike: NaN and null; times are text in some."""
    if field.type.is_timestamp:
        return [v and _moment(v) for v in values]
    if field.type.is_text:
        # FITS has no other characters than ASCII.
        return [v and v.replace("é", "?") for v in values]
    if field.type.is_array:
        # In FITS a null array is an empty one, or one of missing elements.
        return [v if v and any(one == one for one in v) else None for v in values]  # noqa: PLR0124
    missing = field.type.datatype.is_floating
    return [None if missing and v is not None and v != v else v for v in values]  # noqa: PLR0124


def _moment(value):
    moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=None)
