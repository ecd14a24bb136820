"""Rows to and from the CSV of PostgreSQL's COPY."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vo_service.engines.postgres.transfer import CsvSource, batch_from_csv, csv_of

TYPES = {
    "long": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "byte": (pa.uint8(), st.integers(0, 255)),
    "double": (pa.float64(), st.floats(allow_nan=False)),
    "float": (pa.float32(), st.floats(allow_nan=False, width=32)),
    "text": (pa.string(), st.text(st.characters(exclude_categories=("Cs",)), max_size=5)),
    "when": (pa.timestamp("us"), st.integers(0, 2**51)),
    "longs": (pa.list_(pa.int64()), st.lists(st.none() | st.integers(-9, 9), max_size=3)),
    "doubles": (pa.list_(pa.float64()), st.lists(st.floats(allow_nan=False), max_size=3)),
}


@given(st.data(), st.lists(st.sampled_from(sorted(TYPES)), min_size=1, max_size=4))
def test_rows_come_back(data, names):
    rows = data.draw(st.integers(1, 5))
    columns = [
        pa.array(
            data.draw(st.lists(st.none() | TYPES[name][1], min_size=rows, max_size=rows)),
            TYPES[name][0],
        )
        for name in names
    ]
    schema = pa.schema([(f"n{i}", column.type) for i, column in enumerate(columns)])
    batch = pa.RecordBatch.from_arrays(columns, schema=schema)
    assert batch_from_csv(csv_of(batch), schema).equals(batch)


def test_booleans_come_as_postgresql_writes_them():
    schema = pa.schema([("a", pa.bool_()), ("b", pa.list_(pa.bool_()))])
    found = batch_from_csv(b't,"{t,NULL,f}"\n,\nf,{}\n', schema)
    assert found.to_pydict() == {"a": [True, None, False], "b": [[True, None, False], None, []]}


def test_slices_are_printed_alone():
    batch = pa.RecordBatch.from_arrays([pa.array([[1.0], [2.0, 3.0], None, []])], names=["a"])
    assert csv_of(batch.slice(1, 2)) == b'"{2,3}"\n\n'


def test_a_value_that_does_not_fit_is_said():
    with pytest.raises(pa.ArrowInvalid):
        batch_from_csv(b"300\n", pa.schema([("a", pa.uint8())]))


def test_a_source_is_read_in_pieces_of_any_size():
    batches = [
        pa.RecordBatch.from_arrays([pa.array(range(i, i + 3))], names=["a"]) for i in range(0, 9, 3)
    ]
    source = CsvSource(batches)
    pieces = io.BytesIO()
    while piece := source.read(2):
        assert len(piece) <= 2
        pieces.write(piece)
    assert pieces.getvalue() == b"".join(b"%d\n" % i for i in range(9))
    assert source.count == 9


def test_what_the_batches_raise_is_kept():
    def broken():
        yield pa.RecordBatch.from_arrays([pa.array([1])], names=["a"])
        raise KeyboardInterrupt

    source = CsvSource(broken())
    assert source.read(100) == b"1\n"
    with pytest.raises(KeyboardInterrupt):
        source.read(100)
    assert isinstance(source.failure, KeyboardInterrupt)
