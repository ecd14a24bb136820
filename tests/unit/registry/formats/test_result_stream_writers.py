from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from registry.formats.writers.base import Outcome
from registry.formats.writers.stream import SLICE_MAX_BYTES, SLICE_MAX_ROWS, ResultStream
from registry.model.field import Datatype, Field, ValueType

N = Field("n", ValueType(Datatype.INT))


class Lost(Exception):
    pass


def batches(*sizes: int) -> Iterator[pa.RecordBatch]:
    start = 0
    for size in sizes:
        yield pa.record_batch({"x": pa.array(range(start, start + size), pa.int64())})
        start += size


def values(stream: ResultStream) -> list[int]:
    return [value for batch in stream.batches for value in batch.column(0).to_pylist()]


@pytest.mark.parametrize(
    ("sizes", "maxrec", "kept", "overflow"),
    [
        ((), None, 0, False),
        ((3, 4), None, 7, False),
        ((3, 4), 8, 7, False),
        ((3, 4), 7, 7, False),
        ((3, 4), 6, 6, True),
        ((3, 4), 3, 3, True),
        ((3, 1), 3, 3, True),
        ((3,), 3, 3, False),
        ((), 3, 0, False),
        ((0, 2, 0), 2, 2, False),
        ((1,), 0, 0, True),
        ((), 0, 0, True),
    ],
)
def test_rows_are_cut_at_maxrec_and_only_real_cuts_overflow(sizes, maxrec, kept, overflow):
    stream = ResultStream([N], batches(*sizes), maxrec=maxrec)
    assert values(stream) == list(range(kept))
    assert stream.outcome() == Outcome(overflow=overflow)
    assert stream.rows == kept


def test_nothing_is_read_past_the_overflow():
    source = batches(2, 2, 2)
    stream = ResultStream([N], source, maxrec=3)
    assert values(stream) == [0, 1, 2]
    assert next(source).num_rows == 2


def test_the_outcome_is_refused_while_rows_are_to_come():
    stream = ResultStream([N], batches(1, 1))
    next(stream.batches)
    with pytest.raises(RuntimeError, match="after its last row"):
        stream.outcome()


def failing(after: int, error: Exception) -> Iterator[pa.RecordBatch]:
    yield from batches(*[2] * after)
    raise error


def test_a_failure_in_mid_stream_becomes_the_outcome():
    stream = ResultStream(
        [N], failing(2, Lost("x")), stream_errors=(Lost,), describe=lambda e: f"lost: {e}"
    )
    assert values(stream) == [0, 1, 2, 3]
    assert stream.outcome() == Outcome(error="lost: x")


@pytest.mark.parametrize("empty", [0, 1])
def test_a_failure_before_the_first_row_is_raised(empty):
    def source() -> Iterator[pa.RecordBatch]:
        yield from batches(*[0] * empty)
        raise Lost("x")

    with pytest.raises(Lost):
        values(ResultStream([N], source(), stream_errors=(Lost,)))


def test_other_errors_are_never_swallowed():
    stream = ResultStream([N], failing(1, KeyError("bug")), stream_errors=(Lost,))
    with pytest.raises(KeyError):
        values(stream)


def test_batches_are_cast_to_the_types_of_the_fields():
    fields = [
        Field("t", ValueType(Datatype.CHAR, "*", "timestamp")),
        Field("s", ValueType(Datatype.CHAR, "*")),
        Field("v", ValueType(Datatype.FLOAT, "2")),
        Field("d", ValueType(Datatype.DOUBLE)),
    ]
    batch = pa.record_batch(
        {
            "a": pa.array([1_234], pa.timestamp("ns")),
            "b": pa.array(["x"]).dictionary_encode(),
            "c": pa.array([[1.0, 2.0]], pa.list_(pa.float64(), 2)),
            "d": pa.nulls(1),
        }
    )
    (read,) = ResultStream(fields, [batch]).batches
    assert read.schema.types == [field.type.arrow for field in fields]
    assert read.column(0).cast(pa.int64()).to_pylist() == [1]
    assert read.column(2).to_pylist() == [[1.0, 2.0]]


def test_a_value_beyond_its_type_is_an_error_not_another_number():
    batch = pa.record_batch({"x": pa.array([2**40])})
    with pytest.raises(pa.ArrowInvalid):
        values(ResultStream([N], [batch]))


def test_a_batch_with_missing_columns_is_refused():
    with pytest.raises(ValueError, match="1 columns for 2 fields"):
        values(ResultStream([N, N], batches(1)))


def test_a_result_without_fields_and_a_negative_maxrec_are_refused():
    with pytest.raises(ValueError, match="at least one field"):
        ResultStream([], [])
    with pytest.raises(ValueError, match="maxrec is -1"):
        ResultStream([N], [], maxrec=-1)


def test_big_batches_are_cut_by_rows_and_by_bytes():
    rows = SLICE_MAX_ROWS + 1
    assert [b.num_rows for b in ResultStream([N], batches(rows)).batches] == [SLICE_MAX_ROWS, 1]
    wide = pa.record_batch({"p": pa.array([[0.0] * 100_000] * 25)})
    field = Field("p", ValueType(Datatype.DOUBLE, "*"))
    pieces = list(ResultStream([field], [wide]).batches)
    assert sum(piece.num_rows for piece in pieces) == 25
    assert max(piece.nbytes for piece in pieces) <= SLICE_MAX_BYTES
