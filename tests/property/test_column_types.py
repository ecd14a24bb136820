"""Every type that Arrow has is published with its values, or refused by the name of its column."""

import datetime as dt
import json
import tempfile
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.errors import UnreadableFile
from registry.formats.readers import reader_for
from registry.formats.writers.registry import writer_for
from registry.ingestion.conversion import table_result
from registry.ingestion.facts import ObservedTable
from registry.ingestion.iso_times import iso_texts
from registry.ingestion.plan import PublishRequest
from registry.ingestion.planner import make_plan
from registry.ingestion.types import finish, simplify
from registry.product_types import product_type_named

UNITS = ("s", "ms", "us", "ns")
INT64 = st.integers(-(2**63), 2**63 - 1)

LEAVES = {
    **{pa.timestamp(unit): INT64 for unit in UNITS},
    **{pa.timestamp(unit, "America/Santiago"): INT64 for unit in UNITS},
    **{pa.duration(unit): INT64 for unit in UNITS},
    pa.date32(): st.integers(-(2**31), 2**31 - 1),
    pa.date64(): st.integers(-(10**11), 10**11 - 1).map((86_400_000).__mul__),
    pa.time32("s"): st.integers(0, 86_399),
    pa.time32("ms"): st.integers(0, 86_399_999),
    pa.time64("us"): st.integers(0, 86_399_999_999),
    pa.time64("ns"): st.integers(0, 86_399_999_999_999),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float16(): st.floats(width=16),
    pa.decimal32(7, 2): st.decimals(-99999, 99999, places=2, allow_nan=False),
    pa.decimal128(38, 0): st.integers(-(10**37), 10**37).map(Decimal),
    pa.decimal256(60, 5): st.decimals(-(10**20), 10**20, places=5, allow_nan=False),
    pa.string_view(): st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
    pa.binary(): st.binary(max_size=4),
    pa.month_day_nano_interval(): st.tuples(st.integers(0, 9), st.integers(0, 9), st.just(1)),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.bool_(): st.booleans(),
}


@st.composite
def leaves(draw, length):
    arrow = draw(st.sampled_from(list(LEAVES)))
    cells = st.none() | LEAVES[arrow]
    values = draw(st.lists(cells, min_size=length, max_size=length))
    if pa.types.is_temporal(arrow) and not pa.types.is_interval(arrow):
        width = pa.int32() if arrow.bit_width == 32 else pa.int64()
        return pa.array(values, width).view(arrow)
    return pa.array(values, arrow)


def wrapped(kind, inner, counts):
    """Put values into a type around them; `counts` are lengths of lists, none for null."""
    starts, total = [], 0
    for count in counts:
        starts.append(total)
        total += count or 0
    mask = pa.array([count is None for count in counts])
    offsets, sizes = pa.array([*starts, total], pa.int32()), [count or 0 for count in counts]
    if kind == "list":
        return pa.ListArray.from_arrays(offsets, inner, mask=mask)
    if kind == "view":
        starts = pa.array(starts, pa.int32())
        return pa.ListViewArray.from_arrays(starts, pa.array(sizes, pa.int32()), inner, mask=mask)
    if kind == "map":
        keys = pa.array([f"k{i}" for i in range(len(inner))], pa.string())
        return pa.MapArray.from_arrays(offsets, keys, inner, mask=mask)
    if kind == "struct":
        return pa.StructArray.from_arrays([inner], ["x"])
    if kind == "dictionary":
        indices = pa.array(range(len(inner)), pa.int8())
        return pa.DictionaryArray.from_arrays(indices, inner)
    if kind == "runs" and len(inner):
        return pa.RunEndEncodedArray.from_arrays(pa.array(range(1, len(inner) + 1)), inner)
    return inner


@st.composite
def columns(draw):
    counts = draw(st.lists(st.none() | st.integers(0, 3), min_size=3, max_size=3))
    kind = draw(st.sampled_from(["plain", "list", "view", "map", "struct", "dictionary", "runs"]))
    is_list = kind in {"list", "view", "map"}
    length = sum(count or 0 for count in counts) if is_list else 3
    column = wrapped(kind, draw(leaves(length)), counts)
    if draw(st.booleans()) and not is_list:
        return wrapped("list", column, [3])
    return column


def written(folder, column):
    path = Path(folder) / "table.arrow"
    table = pa.table({"strange": column})
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)
    return path


def null_count(array):
    """Count nulls, and what numpy and pandas write for a missing moment or duration."""
    marks = 0
    if pa.types.is_timestamp(array.type) or pa.types.is_duration(array.type):
        marks = array.cast(pa.int64()).to_pylist().count(-(2**63))
    return array.null_count + marks


def refusal(opened):
    try:
        return "" if list(opened.batches()) else "no rows"
    except UnreadableFile as error:
        return str(error)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(column=columns())
def test_any_type_is_planned_or_refused_by_name(column):
    with tempfile.TemporaryDirectory() as folder:
        path = written(folder, column)
        with reader_for(path).open(path) as opened:
            if reason := refusal(opened):
                assert "column 'strange'" in reason
                assert "as text" in reason
                return
            observed = ObservedTable(opened, {})
            plan = make_plan(
                observed, PublishRequest("x", "other"), product_type_named("other"), "Arrow"
            )
            facts = json.dumps(observed.facts())
            (batch,) = opened.batches()
            if plan.accepted:
                target = plan.columns[0]
                stored = finish(simplify(batch.column(0), target.simple), target.column.field.type)
                assert stored.type == target.column.field.type.arrow
                assert stored.null_count == null_count(batch.column(0))
                json.dumps(plan.columns[0].statistics.minimum)
                assert "value out of range" not in str(stored.to_pylist())
                assert "value out of range" not in facts
                result, _ = table_result(opened, "x")
                assert b"</VOTABLE>" in b"".join(writer_for("votable/td").write(result))
            else:
                assert all("column 'strange'" in problem for problem in plan.problems)
                assert "text" in plan.problems[0]


@settings(max_examples=200, deadline=None)
@given(values=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5))
def test_moments_keep_their_value_as_moments_or_as_text(values):
    column = pa.array(values, pa.timestamp("us"))
    with tempfile.TemporaryDirectory() as folder:
        path = written(folder, column)
        with reader_for(path).open(path) as opened:
            plan = make_plan(
                opened, PublishRequest("x", "other"), product_type_named("other"), "Arrow"
            )
    (planned,) = plan.columns
    stored = finish(simplify(column, planned.simple), planned.column.field.type)
    values = [None if value == -(2**63) else value for value in values]
    if planned.column.field.type.is_timestamp:
        assert stored.cast(pa.int64()).to_pylist() == values
        return
    assert "become text" in " ".join(plan.warnings)
    epoch = dt.datetime.fromisoformat("1970-01-01")
    for value, text in zip(values, stored.to_pylist(), strict=True):
        year = None if text is None else int(text.rsplit("-", 2)[0])
        assert (value is None) == (text is None)
        if year is not None and 1 <= year <= 9999:
            assert dt.datetime.fromisoformat(text) == epoch + dt.timedelta(microseconds=value)
        elif year is not None:
            assert text[0] == "-" or year == 0 or text[0] == "+"


def test_what_python_cannot_say_is_written_by_iso_8601():
    assert iso_texts(pa.array([2**58], pa.timestamp("us"))).to_pylist() == [
        "+11103-08-29T17:22:31.711744"
    ]
    assert iso_texts(pa.array([1], pa.time64("ns"))).to_pylist() == ["00:00:00.000000001"]
    assert iso_texts(pa.array([0, None], pa.timestamp("ns"))).to_pylist() == [
        "1970-01-01T00:00:00",
        None,
    ]
