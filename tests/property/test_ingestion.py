"""Whatever a file holds, the published table holds it too."""

import string
import tempfile
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.formats.readers import reader_for
from registry.ingestion.plan import PublishRequest
from registry.ingestion.service import PublishService
from registry.model.principal import OPERATOR
from registry.stores.files import FileStore
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.products import SqlProductStore
from vo_service.engines.duckdb.store import DuckdbTableStore

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=12
)
FLOATS = st.floats(width=64)
FLOATS32 = st.floats(width=32)

VALUES = {
    pa.bool_(): st.booleans(),
    pa.int8(): st.integers(-(2**7), 2**7 - 1),
    pa.uint8(): st.integers(0, 2**8 - 1),
    pa.int16(): st.integers(-(2**15), 2**15 - 1),
    pa.uint16(): st.integers(0, 2**16 - 1),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.uint32(): st.integers(0, 2**32 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float32(): FLOATS32,
    pa.float64(): FLOATS,
    pa.string(): TEXT,
    pa.timestamp("us"): st.integers(-(2**55), 2**55),
    pa.list_(pa.float64()): st.lists(FLOATS, max_size=4),
    pa.list_(pa.int64()): st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4),
}


@st.composite
def tables(draw):
    n_rows = draw(st.integers(1, 12))
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    columns = []
    for _ in names:
        arrow = draw(st.sampled_from(list(VALUES)))
        cells = st.one_of(st.none(), VALUES[arrow])
        columns.append(pa.array(draw(st.lists(cells, min_size=n_rows, max_size=n_rows)), arrow))
    ra = draw(st.lists(st.none() | st.floats(0, 359.99), min_size=n_rows, max_size=n_rows))
    dec = draw(st.lists(st.none() | st.floats(-90, 90), min_size=n_rows, max_size=n_rows))
    columns += [pa.array(ra, pa.float64()), pa.array(dec, pa.float64())]
    return pa.table(columns, names=[*names, 'my "ra', 'my "dec'])


def canonical(value):
    """Write a value so that equal bits compare equal, and NaN is null as in the table."""
    if isinstance(value, float):
        return None if value != value else (value, str(value))  # noqa: PLR0124 - NaN
    if isinstance(value, list):
        return [repr(v) for v in value]
    return value


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables())
def test_any_table_is_published_cell_by_cell(table):
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        file = home / "table.parquet"
        pq.write_table(table, file)
        database = MetadataDatabase.in_folder(home)
        database.prepare()
        products = SqlProductStore(database)
        service = PublishService(products, FileStore(home), DuckdbTableStore(home / "tables"))
        request = PublishRequest("x", "other", (('my "ra', "RA"), ('my "dec', "Dec")))
        published = service.publish(OPERATOR, file, request)
        version = products.product(published.internal_name).version
        columns = products.columns([(1, 1)])[1]
        database.close()
        with duckdb.connect(str(home / "tables" / version.table_file), read_only=True) as found:
            rows = found.sql(f"SELECT * FROM {version.relation} ORDER BY _row").to_arrow_table()
    assert published.n_rows == table.num_rows
    assert [column.column.field.name for column in columns] == table.column_names
    assert rows.column("_row").to_pylist() == list(range(table.num_rows))
    for column, name in zip(columns, table.column_names, strict=True):
        stored = rows.column(column.column.physical)
        assert stored.type == column.column.field.type.arrow
        expected = table.column(name).to_pylist()
        assert [canonical(v) for v in stored.to_pylist()] == [canonical(v) for v in expected]
        if column.column.field.type.is_text:
            is_ascii = all(v is None or v.isascii() for v in expected)
            assert (column.column.field.type.datatype == "char") == is_ascii


CSV_VALUES = {
    pa.int64(): VALUES[pa.int64()],
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(string.ascii_letters + ' ,"é\n', min_size=1, max_size=8).map("x".__add__),
}


@st.composite
def csv_tables(draw):
    n_rows = draw(st.integers(1, 8))
    columns = {}
    for index in range(draw(st.integers(2, 4))):
        arrow = draw(st.sampled_from(list(CSV_VALUES)))
        cells = st.one_of(st.none(), CSV_VALUES[arrow])
        values = draw(st.lists(cells, min_size=n_rows, max_size=n_rows))
        columns[f"column {index}"] = pa.array(values, arrow)
    return pa.table(columns)


@settings(max_examples=80, deadline=None)
@given(table=csv_tables())
def test_any_table_is_read_back_from_csv(table):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.csv"
        pacsv.write_csv(table, file)
        with reader_for(file).open(file) as opened:
            batches = list(opened.batches())
    for index, name in enumerate(table.column_names):
        expected = table.column(name).to_pylist()
        found = [v for batch in batches for v in batch.column(index).to_pylist()]
        assert opened.columns[index].name == name
        assert found == expected, (opened.columns[index].type, table.column(name).type)
