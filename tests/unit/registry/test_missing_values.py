"""Values that mean "none": found by their look, said by people, null in the published table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from registry.annotation.annotation_file import null_assignments, parse_annotations
from registry.errors import AnnotationRejected
from registry.formats.readers.nulls import without_values
from registry.ingestion.missing import MissingScan
from registry.ingestion.plan import PublishRequest
from registry.model.annotation import Annotations
from registry.model.principal import OPERATOR

ROLES = (("ra", "RA"), ("dec", "Dec"), ("z", "z"))


def found(values, kind):
    scan = MissingScan(kind)
    array = pa.array(values, kind)
    scan.see(array[: len(array) // 2]) if len(array) > 1 else None
    scan.see(array[len(array) // 2 if len(array) > 1 else 0 :])
    return scan.found()


ORDINARY = np.linspace(0, 5, 50).tolist()


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([*ORDINARY, -99.0, -99.0], pa.float64(), [("-99", 2)]),
        ([*ORDINARY, 99.0], pa.float32(), [("99", 1)]),
        ([*ORDINARY, -99.9, 99.99], pa.float32(), [("-99.9", 1), ("99.99", 1)]),
        ([*ORDINARY, -9999.0, 1e20], pa.float64(), [("-9999", 1), ("1e+20", 1)]),
        ([0.01, 0.3, 0.5, -1.0], pa.float64(), [("-1", 1)]),
        ([1, 2, 3, 4, -99], pa.int16(), [("-99", 1)]),
        ([1, 2, 3, 4, -9223372036854775808], pa.int64(), [("-9223372036854775808", 1)]),
        ([-99.0, -99.0], pa.float64(), [("-99", 2)]),
        # Ordinary values that only look like them.
        ([*np.linspace(0, 360, 361).tolist(), 99.0], pa.float64(), []),
        ([-1, 0, 1, 2, 3, 4], pa.int32(), []),
        ([*range(1000), 99, 999], pa.int64(), []),
        ([97, 98, 99, 100], pa.int64(), []),
        ([1, 2, 3, 4, 9], pa.int64(), [("9", 1)]),
        (ORDINARY, pa.float64(), []),
        ([1, 1, 1], pa.int64(), []),
        ([], pa.float64(), []),
    ],
)
def test_values_far_from_all_others_look_missing(values, kind, expected):
    assert found(values, kind) == expected


@pytest.mark.parametrize(
    ("values", "nulls", "expected"),
    [
        (pa.array([1.0, -99.0]), ["-99"], [1.0, None]),
        (pa.array([1.0, -99.9], pa.float32()), ["-99.9"], [1.0, None]),
        (pa.array([1, -99, 99], pa.int16()), ["-99.0", "99"], [1, None, None]),
        (pa.array([2**53 + 1, 2**53]), [str(2**53)], [2**53 + 1, None]),
        (pa.array(["a", "N/A", None]), ["N/A", "-"], ["a", None, None]),
        (pa.array([1, 2], pa.int8()), ["300", "1.5", "x"], [1, 2]),
        (pa.array([[1.0], [-99.0]]), ["-99"], [[1.0], [-99.0]]),
        (pa.array([1.0]), [], [1.0]),
    ],
)
def test_said_values_become_null(values, nulls, expected):
    found = without_values(values, nulls)
    assert found.type == values.type
    assert found.to_pylist() == expected


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "cat.parquet"
    table = pa.table(
        {
            "ra": [1.0, 2.0, 3.0, 4.0],
            "dec": [1.0, 2.0, 3.0, 4.0],
            "z": [0.1, -99.0, 0.3, -99.0],
            "mag": pa.array([20.5, 21.0, 99.0, 99.0], pa.float32()),
            "note": ["a", "none", "b", "none"],
        }
    )
    pq.write_table(table, path)
    return path


def request(text="", **more):
    return PublishRequest(
        "Cat", "redshift_catalog", ROLES, annotations=parse_annotations(text), **more
    )


SAID = "columns: {z: {null: -99}, mag: {null_values: [99.0, -99]}, note: {null: none}}"


def test_a_plan_counts_what_looks_missing_and_says_what_to_write(site, file):
    (warning,) = site.service.plan(OPERATOR, file, request()).warnings
    assert "'z': -99 (2 of 4 rows)" in warning
    assert "'mag': 99 (2 of 4 rows)" in warning
    assert "null_values: [-99] of column 'z'" in warning
    assert "'ra'" not in warning


def test_said_values_are_null_in_the_table_and_stay_in_the_file(site, file):
    before = file.read_bytes()
    plan = site.service.plan(OPERATOR, file, request(SAID))
    assert plan.warnings == ()
    published = site.service.publish(OPERATOR, file, request(SAID))
    rows = site.rows(published.internal_name)
    assert rows.column("c2").to_pylist() == [0.1, None, 0.3, None]
    assert rows.column("c3").to_pylist() == [20.5, 21.0, None, None]
    assert rows.column("c4").to_pylist() == ["a", None, "b", None]
    (statistics,) = [
        c.statistics for c in published.plan.published_columns if c.column.field.name == "z"
    ]
    assert (statistics.n_null, statistics.minimum) == (2, 0.1)
    (kept,) = site.home.glob(f"archive/products/{published.internal_name}/v1*/cat.parquet")
    assert kept.read_bytes() == file.read_bytes() == before


def test_a_new_version_keeps_what_was_said(site, file):
    first = site.service.publish(OPERATOR, file, request(SAID))
    second = site.service.publish(OPERATOR, file, request(replace=first.internal_name))
    assert second.version == 2
    assert site.rows(first.internal_name).column("c2").to_pylist() == [0.1, None, 0.3, None]


def test_values_that_a_column_cannot_have_are_refused(site, file):
    said = "columns: {z: {null: N/A}}"
    with pytest.raises(AnnotationRejected, match="'N/A' is no value that it could have"):
        site.service.publish(OPERATOR, file, request(said))


def test_options_name_a_column_and_a_value():
    nulls = null_assignments(["z=-99", "z=99", "a=b=N/A"])
    assert nulls == {"z": ["-99", "99"], "a=b": ["N/A"]}
    assert Annotations().with_nulls(nulls).nulls == {"z": ("-99", "99"), "a=b": ("N/A",)}
    for wrong in ("z", "z=", "=5"):
        with pytest.raises(AnnotationRejected, match="--null"):
            null_assignments([wrong])
