"""The comparison that the tests of formats rest on sees what is not equal."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from readback import FORMATS, Cells, differences, file_cells, names_for


def cells(**columns) -> Cells:
    return file_cells(pa.table(columns))


TABLE = cells(
    id=[2**53 + 1, 2**53 + 2, None],
    z=[0.0, float("nan"), 0.3],
    name=["a", "", None],
    primary=[True, False, None],
    pdf=pa.array([[0.5, None], [], None], pa.list_(pa.float32())),
)


def changed(name: str, row: int, value: object) -> Cells:
    columns = [list(column) for column in TABLE.columns]
    columns[TABLE.names.index(name)][row] = value
    return Cells(TABLE.names, TABLE.types, columns)


def test_a_file_has_the_types_of_votable_and_no_nan() -> None:
    assert TABLE.types == ["long", "double", "char", "boolean", "float[]"]
    assert TABLE.columns[1] == [0.0, None, 0.3]
    assert cells(name=["é"]).types == ["unicodeChar"]
    assert cells(day=pa.array([0], pa.timestamp("us"))).types == ["timestamp"]
    assert cells(x=pa.array([1], pa.int8()), y=np.array([1], np.uint32())).types[:1] == ["short"]


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize(
    ("name", "row", "value"),
    [
        ("id", 0, 2**53),
        ("id", 0, float(2**53)),
        ("id", 2, 0),
        ("z", 0, -0.0),
        ("z", 0, 0),
        ("z", 1, 0.0),
        ("z", 2, float(np.float32(0.3))),
        ("name", 0, "A"),
        ("name", 2, "None"),
        ("primary", 1, None),
        ("primary", 1, 0),
        ("pdf", 0, (0.25, None)),
        ("pdf", 0, (0.5,)),
    ],
)
def test_every_wrong_cell_is_told(format_name, name, row, value) -> None:
    found = differences(TABLE, changed(name, row, value), format_name)
    assert len(found) == 1
    assert f"column {name!r}" in found[0]


def test_rows_may_come_in_any_order_but_not_be_mixed() -> None:
    turned = Cells(TABLE.names, TABLE.types, [column[::-1] for column in TABLE.columns])
    assert differences(TABLE, turned, "parquet") == []
    columns = [turned.columns[0], *TABLE.columns[1:]]
    assert differences(TABLE, Cells(TABLE.names, TABLE.types, columns), "parquet")


def test_missing_rows_and_other_columns_and_types_are_told() -> None:
    shorter = Cells(TABLE.names, TABLE.types, [column[:2] for column in TABLE.columns])
    assert differences(TABLE, shorter, "csv") == ["there are 2 rows, not 3"]
    renamed = Cells(["ID", *TABLE.names[1:]], TABLE.types, TABLE.columns)
    assert "the columns are" in differences(TABLE, renamed, "csv")[0]
    narrower = Cells(TABLE.names, ["int", *TABLE.types[1:]], TABLE.columns)
    assert differences(TABLE, narrower, "votable/b2") == ["column 'id' is int, not long"]


@pytest.mark.parametrize("format_name", FORMATS)
def test_null_and_the_empty_string_are_equal_where_the_documentation_says_so(format_name) -> None:
    equal = format_name.startswith("votable") or format_name in ("tsv", "fits")
    assert (differences(TABLE, changed("name", 1, None), format_name) == []) is equal


@pytest.mark.parametrize(
    ("column", "value", "read", "equal_in"),
    [
        (pa.array([1.5]), 1.5, float("inf"), ()),
        (pa.array([float("inf")]), float("inf"), None, ("json",)),
        (pa.array([None], pa.int64()), None, -(2**63), ("votable/b",)),
        (pa.array([None], pa.int32()), None, -(2**15), ()),
        (pa.array(["a "]), "a ", "a", ("votable/td", "fits")),
        (pa.array(["é"]), "é", "?", ("fits",)),
        (pa.array(["a\0"]), "a\0", "a", ("hdf5",)),
        (pa.array([[True, None]]), (True, None), (True, False), ("hdf5",)),
        (pa.array([[1, None]]), (1, None), (1, -(2**63)),
         ("votable/b2", "votable/td", "votable/b", "csv", "tsv", "hdf5")),
        (pa.array([[]], pa.list_(pa.int64())), (), None,
         ("votable/b2", "votable/td", "votable/b", "csv", "tsv", "fits")),
    ],
)  # fmt: skip
def test_each_equivalence_holds_in_its_formats_alone(column, value, read, equal_in) -> None:
    table = cells(a=column, b=["x"])
    assert table.columns[0] == [value]
    got = Cells(table.names, table.types, [[read], ["x"]])
    equal = [name for name in FORMATS if differences(table, got, name) == []]
    assert equal == [name for name in FORMATS if name in equal_in]


def test_names_in_fits_are_ascii_and_differ_in_more_than_case() -> None:
    assert names_for(["z", "Z", "é", "Z_2"], "fits") == ["z", "Z_3", "?", "Z_2"]
    assert names_for(["z", "Z"], "csv") == ["z", "Z"]
