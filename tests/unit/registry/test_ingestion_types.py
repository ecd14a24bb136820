import datetime as dt
import decimal
import json

import pyarrow as pa
import pytest

from registry.formats.readers.base import FileColumn
from registry.ingestion.statistics import ColumnScan
from registry.ingestion.types import finish, marked_type, simple_type, simplify, value_type
from registry.model.field import Datatype, ValueType

D = Datatype

moment = dt.datetime.fromisoformat


def through(values):
    choice = simple_type(values.type)
    simple = simplify(values, choice.type)
    scan = ColumnScan(choice.type)
    scan.see(simple)
    target = value_type(choice.type, scan.non_ascii, scan.fits, scan.length)
    finished = finish(simple, target)
    assert finished.type == target.arrow
    return target, finished.to_pylist(), choice.remark


@pytest.mark.parametrize(
    ("arrow", "datatype"),
    [
        (pa.uint8(), D.UNSIGNED_BYTE),
        (pa.int8(), D.SHORT),
        (pa.int16(), D.SHORT),
        (pa.uint16(), D.INT),
        (pa.int32(), D.INT),
        (pa.uint32(), D.LONG),
        (pa.int64(), D.LONG),
        (pa.uint64(), D.LONG),
        (pa.float16(), D.FLOAT),
        (pa.float32(), D.FLOAT),
        (pa.float64(), D.DOUBLE),
    ],
)
def test_numbers_keep_their_value_in_the_narrowest_type(arrow, datatype):
    import numpy as np

    numbers = np.array([0, 100], dtype=arrow.to_pandas_dtype())
    values = pa.concat_arrays([pa.array(numbers, arrow), pa.nulls(1, arrow)])
    assert through(values) == (ValueType(datatype), [0, 100, None], None)


@pytest.mark.parametrize(
    ("values", "expected", "stored"),
    [
        (pa.array([2**64 - 1, 1], pa.uint64()), ValueType(D.CHAR, "20*"), [str(2**64 - 1), "1"]),
        (pa.array([True, None]), ValueType(D.BOOLEAN), [True, None]),
        (pa.array(["a", None]), ValueType(D.CHAR, "1*"), ["a", None]),
        (pa.array(["a", "é"], pa.large_string()), ValueType(D.UNICODE_CHAR, "1*"), ["a", "é"]),
        (pa.array(["é😀", "abc"]), ValueType(D.UNICODE_CHAR, "3*"), ["é😀", "abc"]),
        (pa.array(["a😀😀😀"]), ValueType(D.UNICODE_CHAR, "7*"), ["a😀😀😀"]),
        (pa.array(["a\0b"]), ValueType(D.CHAR, "*"), ["a\0b"]),
        (pa.array([""]), ValueType(D.CHAR, "1*"), [""]),
        (pa.array(["a"], pa.string_view()), ValueType(D.CHAR, "1*"), ["a"]),
        (pa.nulls(2), ValueType(D.CHAR, "1*"), [None, None]),
        (
            pa.array([dt.date(2026, 1, 31)]),
            ValueType(D.CHAR, "*", "timestamp"),
            [moment("2026-01-31")],
        ),
        (
            pa.array(
                [dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)], pa.timestamp("s", "Europe/Paris")
            ),
            ValueType(D.CHAR, "*", "timestamp"),
            [moment("2026-01-31T12:00")],
        ),
        (pa.array([dt.time(1, 2, 3)]), ValueType(D.CHAR, "8*"), ["01:02:03"]),
        (
            pa.array([[1, 2], [3, 4]], pa.list_(pa.int8())),
            ValueType(D.SHORT, "2"),
            [[1, 2], [3, 4]],
        ),
        (pa.array([[1.0], [2.0, 3.0]]), ValueType(D.DOUBLE, "*"), [[1.0], [2.0, 3.0]]),
        (pa.array([[1.0], None]), ValueType(D.DOUBLE, "*"), [[1.0], None]),
        (pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2)), ValueType(D.FLOAT, "2"), [[1.0, 2.0]]),
        (pa.array([[1.0], [2.0]]), ValueType(D.DOUBLE, "*"), [[1.0], [2.0]]),
        (pa.array([[]], pa.list_(pa.int32())), ValueType(D.INT, "*"), [[]]),
        (pa.array([decimal.Decimal(12)], pa.decimal128(5, 0)), ValueType(D.LONG), [12]),
    ],
    ids=str,
)
def test_other_types(values, expected, stored):
    assert through(values)[:2] == (expected, stored)


def test_decimals_become_double_and_long_ones_text_with_a_remark():
    target, stored, remark = through(pa.array([decimal.Decimal("1.25")]))
    assert (target.datatype, stored) == (D.DOUBLE, [1.25])
    assert "becomes double" in remark
    digits = "12345678901234567890123"
    target, stored, remark = through(pa.array([decimal.Decimal(digits)]))
    assert (target.datatype, stored) == (D.CHAR, [digits])


def test_nested_values_become_json():
    values = pa.array([{"a": [1.5, float("nan")], "b": "é"}, None])
    target, stored, remark = through(values)
    assert target == ValueType(D.UNICODE_CHAR, "28*")
    assert len(stored[0]) == 28
    assert json.loads(stored[0]) == {"a": [1.5, None], "b": "é"}
    assert stored[1] is None
    assert "JSON" in remark
    assert through(pa.array([["a", "b"]]))[1] == ['["a", "b"]']


@pytest.mark.parametrize(
    ("arrow", "xtype"),
    [
        (pa.list_(pa.string()), "x:json"),
        (pa.list_(pa.list_(pa.float64())), "x:json"),
        (pa.struct([("a", pa.int8())]), "x:json"),
        (pa.map_(pa.string(), pa.int8()), "x:json"),
        (pa.string(), None),
        (pa.list_(pa.float64()), None),
        (pa.time64("us"), None),
    ],
    ids=str,
)
def test_columns_of_json_are_marked(arrow, xtype):
    chosen = value_type(simple_type(arrow).type, False, True, None)
    assert marked_type(chosen, FileColumn("x", arrow)).xtype == xtype


def test_nanoseconds_are_cut_with_a_remark():
    target, stored, remark = through(pa.array([1_001], pa.timestamp("ns")))
    assert stored == [moment("1970-01-01T00:00:00.000001")]
    assert "microseconds" in remark
    assert target.is_timestamp


@pytest.mark.parametrize(
    "arrow", [pa.binary(), pa.large_binary(), pa.binary(4), pa.month_day_nano_interval()]
)
def test_types_without_a_place_in_votable_are_refused(arrow):
    choice = simple_type(arrow)
    assert choice.type is None
    assert "text" in choice.remark


def scan_of(*arrays):
    scan = ColumnScan(arrays[0].type)
    for array in arrays:
        scan.see(array)
    return scan


def test_the_longest_text_of_all_batches_counts():
    assert scan_of(pa.array(["a", None]), pa.array(["abcd", "b"]), pa.array(["é"])).length == 4
    assert scan_of(pa.array(["a"]), pa.array(["\0"]), pa.array(["b"])).length is None


def test_statistics_count_not_a_number_as_null():
    nan, inf = float("nan"), float("inf")
    found = scan_of(pa.array([1.0, nan, None]), pa.array([3.0, inf])).statistics()
    assert (found.n_null, found.minimum, found.maximum) == (2, 1.0, "Infinity")
    assert (found.mean, found.n_distinct) == (2.0, 3)


def test_statistics_of_large_integers_are_exact():
    found = scan_of(pa.array([2**63 - 1, 2**63 - 2])).statistics()
    assert (found.minimum, found.maximum) == (2**63 - 2, 2**63 - 1)


def test_distinct_values_are_counted_up_to_a_limit():
    assert scan_of(pa.array(range(1000))).statistics().n_distinct == 1000
    assert scan_of(pa.array(range(600)), pa.array(range(500, 1101))).statistics().n_distinct is None


def test_extremes_of_timestamps_are_text():
    found = scan_of(pa.array([moment("2026-01-31")], pa.timestamp("us"))).statistics()
    assert found.minimum == "2026-01-31T00:00:00"
