"""What every table store does; the engine that is under test reads its tables back."""

import numpy as np
import pyarrow as pa
import pytest
from engines import DuckdbBackend, PostgresBackend

from registry.errors import UnreadableFile
from registry.healpix import healpix_index
from registry.model.field import Datatype, Field, ValueType
from registry.model.table import Column, Position

TYPES = [
    ValueType(Datatype.BOOLEAN),
    ValueType(Datatype.UNSIGNED_BYTE),
    ValueType(Datatype.SHORT),
    ValueType(Datatype.INT),
    ValueType(Datatype.LONG),
    ValueType(Datatype.FLOAT),
    ValueType(Datatype.DOUBLE),
    ValueType(Datatype.CHAR, "*"),
    ValueType(Datatype.UNICODE_CHAR, "*"),
    ValueType(Datatype.CHAR, "*", "timestamp"),
    ValueType(Datatype.DOUBLE, "3"),
    ValueType(Datatype.LONG, "*"),
    ValueType(Datatype.BOOLEAN, "*"),
]


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def under_test(request, tmp_path):
    if request.param == "duckdb":
        made = DuckdbBackend(tmp_path)
    else:
        made = PostgresBackend(request.getfixturevalue("postgres_server"))
    yield made
    made.close()


@pytest.fixture
def staging(tmp_path):
    folder = tmp_path / "staging" / "one"
    folder.mkdir(parents=True)
    return folder


def columns(*types):
    return [Column(Field(f"name {i}", t), f"c{i}") for i, t in enumerate(types)]


def batch(*values):
    return pa.RecordBatch.from_arrays(list(values), names=[f"c{i}" for i in range(len(values))])


def stored(under_test, staging, given, batches, position=None):
    staged = under_test.store.stage("t1_v1", given, batches, staging, position)
    under_test.store.publish(staged)
    return under_test.read(staged.storage)


@pytest.mark.parametrize("value_type", TYPES, ids=str)
def test_types_and_nulls_come_back(under_test, staging, value_type):
    samples = {
        pa.bool_(): [True, None, False],
        pa.uint8(): [255, None, 0],
        pa.int16(): [-(2**15), None, 1],
        pa.int32(): [2**31 - 1, None, 1],
        pa.int64(): [2**63 - 1, None, 2**53 + 1],
        pa.float32(): [1.5, None, float("inf")],
        pa.float64(): [0.1, None, -0.0],
        pa.string(): ["", None, "é\n光"],
        pa.timestamp("us"): [1, None, 2**50],
        pa.list_(pa.float64()): [[1.0, 2.0, 3.0], None, [0.0, -1.0, 5.0]],
        pa.list_(pa.int64()): [[], None, [2**63 - 1, None]],
        pa.list_(pa.bool_()): [[True], None, []],
    }
    values = pa.array(samples[value_type.arrow], value_type.arrow)
    found = stored(under_test, staging, columns(value_type), [batch(values)])
    if value_type.arrow not in under_test.lacking:
        assert found.column("c0").type == value_type.arrow
    assert found.column("c0").combine_chunks().cast(value_type.arrow).equals(values)


def test_not_a_number_becomes_null_except_in_arrays(under_test, staging):
    nan = float("nan")
    given = columns(
        ValueType(Datatype.FLOAT), ValueType(Datatype.DOUBLE), ValueType(Datatype.DOUBLE, "*")
    )
    rows = batch(
        pa.array([nan, 1.0], pa.float32()),
        pa.array([nan, float("inf")]),
        pa.array([[nan, 1.0], [2.0]]),
    )
    found = stored(under_test, staging, given, [rows])
    assert found.column("c0").to_pylist() == [None, 1.0]
    assert found.column("c1").to_pylist() == [None, float("inf")]
    assert np.isnan(found.column("c2").to_pylist()[0][0])


def test_rows_are_sorted_by_their_cell_and_keep_their_place_in_the_file(under_test, staging):
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 360, 5000), rng.uniform(-90, 90, 5000)
    ra[7] = np.nan
    dec[11] = np.nan
    ra[20], dec[20] = ra[19], dec[19]
    given = columns(ValueType(Datatype.DOUBLE), ValueType(Datatype.DOUBLE))
    parts = [
        batch(pa.array(ra[i : i + 700]), pa.array(dec[i : i + 700])) for i in range(0, 5000, 700)
    ]
    found = stored(under_test, staging, given, parts, Position("c0", "c1", "hpx"))
    order = found.column("_row").to_pylist()
    cells = found.column("hpx").to_pylist()
    assert sorted(order) == list(range(5000))
    assert found.schema.field("hpx").type == pa.int64()
    assert cells[-2:] == [None, None]
    assert order[-2:] == [7, 11]
    keys = list(zip(cells[:-2], order[:-2], strict=True))
    assert keys == sorted(keys)
    index = healpix_index(pa.array(ra), pa.array(dec)).to_pylist()
    assert cells == [index[row] for row in order]
    by_row = found.sort_by("_row")
    np.testing.assert_array_equal(
        by_row.column("c0").to_numpy(), np.where(np.isnan(ra), np.nan, ra)
    )


def test_without_a_position_the_order_is_that_of_the_file(under_test, staging):
    given = columns(ValueType(Datatype.LONG))
    parts = [batch(pa.array(range(i, i + 1000), pa.int64())) for i in range(0, 5000, 1000)]
    found = stored(under_test, staging, given, parts)
    assert found.column("_row").to_pylist() == list(range(5000))
    assert found.column("c0").to_pylist() == list(range(5000))
    assert found.column("hpx").null_count == 5000


def test_single_precision_and_integer_positions_are_indexed(under_test, staging):
    given = columns(ValueType(Datatype.FLOAT), ValueType(Datatype.SHORT))
    rows = batch(pa.array([10.0], pa.float32()), pa.array([20], pa.int16()))
    found = stored(under_test, staging, given, [rows], Position("c0", "c1", "hpx"))
    assert (
        found.column("hpx").to_pylist()
        == healpix_index(pa.array([10.0]), pa.array([20.0])).to_pylist()
    )


def test_more_rows_than_memory_are_sorted(under_test, staging):
    types = [ValueType(Datatype.DOUBLE)] * 12

    def batches():
        rng = np.random.default_rng(2)
        for _ in range(18):
            yield batch(*(pa.array(rng.uniform(0, 90, 65_536)) for _ in types))

    staged = under_test.store.stage(
        "t1_v1", columns(*types), batches(), staging, Position("c0", "c1", "hpx")
    )
    assert staged.n_rows == 18 * 65_536
    under_test.store.publish(staged)
    cells = under_test.read(staged.storage).column("hpx").to_numpy()
    assert (np.diff(cells) >= 0).all()


def test_nothing_is_published_before_it_is_said(under_test, staging):
    given = columns(ValueType(Datatype.LONG))
    staged = under_test.store.stage("t1_v1", given, [batch(pa.array([1]))], staging)
    assert list(under_test.store.files()) == []
    assert staged.n_rows == 1
    under_test.store.publish(staged)
    assert [file.name for file in under_test.store.files()] == [staged.storage.file]
    assert list(staging.iterdir()) == []


def test_a_failing_source_keeps_its_error_and_leaves_nothing(under_test, staging):
    def broken():
        yield batch(pa.array([1]))
        raise UnreadableFile("row 2 is broken")

    with pytest.raises(UnreadableFile, match="row 2 is broken"):
        under_test.store.stage("t1_v1", columns(ValueType(Datatype.LONG)), broken(), staging)
    assert [path for path in staging.rglob("*") if path.is_file()] == []


def test_an_interrupt_leaves_nothing(under_test, staging):
    def interrupted():
        yield batch(pa.array([1]))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        under_test.store.stage("t1_v1", columns(ValueType(Datatype.LONG)), interrupted(), staging)
    assert [path for path in staging.rglob("*") if path.is_file()] == []


def test_dropping_twice_is_no_error(under_test, staging):
    given = columns(ValueType(Datatype.LONG))
    staged = under_test.store.stage("t1_v1", given, [batch(pa.array([1]))], staging)
    under_test.store.publish(staged)
    under_test.store.drop(staged.storage.file)
    under_test.store.drop(staged.storage.file)
    assert list(under_test.store.files()) == []


def test_a_table_without_rows_can_be_stored(under_test, staging):
    found = stored(under_test, staging, columns(ValueType(Datatype.LONG)), [])
    assert found.column_names == ["c0", "hpx", "_row"]
    assert found.num_rows == 0
