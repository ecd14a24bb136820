"""Which main files programs of one table get as they are, and which are converted for them."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from product_files import UNPLAIN_TEXTS, write_all, write_unplain

from registry.formats.readers.detection import reader_for
from registry.model.product_file import FileRole, ProductFile
from registry.products.plain_tables import plain_format

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def main_file(name, n_rows=2, **said) -> ProductFile:
    return ProductFile(1, 1, FileRole.MAIN, name, 10, "", "x", NOW, NOW, n_rows=n_rows, **said)


def sent(path) -> str | None:
    reader = reader_for(path)
    with reader.open(path) as table:
        facts = {"format": reader.name, "layout": getattr(table, "layout", {})}
    return plain_format(main_file(path.name), facts)


def test_plain_files_are_sent_as_they_are(tmp_path):
    paths = write_all(tmp_path)
    pq.write_table(pa.table({"ra": [1.0], "id": [2]}), tmp_path / "numbers.parquet")
    for path in (paths["csv"], paths["headerless"], paths["fits"], paths["hdf5"]):
        assert sent(path) is None, path
    assert sent(tmp_path / "numbers.parquet") is None


def test_other_files_are_converted_to_what_their_name_lets_the_client_expect(tmp_path):
    for name in write_unplain(tmp_path):
        assert sent(tmp_path / name) == ("csv" if name.endswith(".csv") else "fits"), name
    assert set(UNPLAIN_TEXTS) <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("index", ["objectId", {"kind": "range", "name": "n", "start": 0}])
def test_index_of_pandas_is_a_column_for_everybody(tmp_path, index):
    import json

    table = pa.table({"objectId": [1, 2], "z": [0.5, 1.0]})
    said = {"pandas": json.dumps({"index_columns": [index], "columns": []})}
    pq.write_table(table.replace_schema_metadata(said), tmp_path / "t.parquet")
    assert sent(tmp_path / "t.parquet") == "fits"


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [("a.csv", "FITS", "csv"), ("a.h5", "HDF5", "fits"), ("a.fit", "FITS", "fits"),
     ("a", "CSV", "fits"), ("a.CSV", "CSV", None), ("a.pq", "Parquet", None)],
)  # fmt: skip
def test_names_that_say_another_format_are_converted(name, kind, expected):
    assert plain_format(main_file(name), {"format": kind, "layout": {}}) == expected


def test_what_holds_no_table_is_sent_as_it_is():
    assert plain_format(main_file("a.pdf", None), {"format": None, "layout": {}}) is None
    assert plain_format(main_file("a.csv"), None) is None
    assert plain_format(main_file("hats", is_directory=True), {"format": "HATS"}) is None
