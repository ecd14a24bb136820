"""Users' tables over every engine with its store."""

import contextlib
from datetime import timedelta

import pyarrow as pa
import pytest
from engines import DuckdbBackend, PostgresBackend
from own_tables import ANNA, BOB, content

from registry.errors import UserTableRefused
from registry.model.user_table import UserTableQuota
from registry.stores.files import FileStore
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.user_tables import SqlUserTableStore
from registry.tap_schema import with_tap_schema
from registry.user_tables.parts import UserTables
from vo_service.queries import QueryService
from vo_service.tap.stored_rows import EngineRows

STARS = {"id": [1, 2, 3], "ra": [10.0, 350.0, 180.0], "dec": [1.0, -2.0, 3.0]}


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def backend(request, tmp_path):
    if request.param == "duckdb":
        made = DuckdbBackend(tmp_path / "home")
    else:
        made = PostgresBackend(request.getfixturevalue("postgres_server"))
    yield made
    made.close()


@pytest.fixture
def site(backend, tmp_path):
    database = MetadataDatabase.in_folder(tmp_path / "home")
    database.prepare()
    base = with_tap_schema([], "1")
    parts = UserTables.over(
        SqlUserTableStore(database),
        FileStore(tmp_path / "home"),
        backend.store,
        rows=EngineRows(backend.processor).read,
        base=lambda _principal: base,
        quota=UserTableQuota(),
        unused=None,
    )
    yield (
        parts,
        QueryService(parts.visible.tables, backend.processor, slots=2, slot_wait_s=5),
    )
    database.close()


def ask(queries, principal, adql):
    running = queries.run(principal, adql, maxrec=1000, time_limit_s=600)
    with contextlib.closing(running):
        schema = pa.schema([f.arrow for f in running.fields])
        return pa.Table.from_batches(list(running._execution), schema).to_pylist()


def in_order(parts, backend, name):
    table = parts.service.table(ANNA, name)
    with EngineRows(backend.processor).read(table, table.order) as batches:
        return [value for batch in batches for value in batch.column("c0").to_pylist()]


def test_rows_are_kept_loaded_and_found_by_position(site, backend):
    parts, queries = site
    parts.service.create(ANNA, "stars", content(STARS))
    parts.service.load(ANNA, "stars", content({"id": [4], "ra": [350.001], "dec": [-2.0]}))
    parts.service.load(ANNA, "stars", content({"id": [5]}))
    assert in_order(parts, backend, "stars") == [1, 2, 3, 4, 5]
    rows = ask(
        queries,
        ANNA,
        "SELECT a.id AS one, b.id AS other FROM stars AS a JOIN user_anna_2eb.stars AS b"
        " ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < 0.01 WHERE a.id < b.id",
    )
    assert rows == [{"one": 2, "other": 4}]
    assert parts.visible.tables(BOB).by_name.keys() == with_tap_schema([], "1").by_name.keys()


def test_an_index_sorts_and_uniqueness_is_kept(site, backend):
    parts, queries = site
    parts.service.create(ANNA, "t", content({"name": ["b", "c", "a", None]}))
    parts.service.index(ANNA, "t", "name", unique=True)
    assert [v for v in in_order(parts, backend, "t") if v is not None] == ["a", "b", "c"]
    with pytest.raises(UserTableRefused, match="2 times"):
        parts.service.load(ANNA, "t", content({"name": ["a"]}))
    assert ask(queries, ANNA, "SELECT COUNT(*) AS n FROM t") == [{"n": 4}]


def test_values_of_every_kind_survive_a_load(site):
    parts, queries = site
    columns = {
        "i": pa.array([1, None], pa.int32()),
        "x": pa.array([0.5, None], pa.float32()),
        "s": pa.array(['it\'s "so"\t\\N', None]),
        "b": pa.array([True, None]),
    }
    parts.service.create(ANNA, "t", content(columns))
    parts.service.load(ANNA, "t", content(columns))
    rows = ask(queries, ANNA, "SELECT * FROM t")
    assert len(rows) == 4
    expected = {name: values[0].as_py() for name, values in columns.items()}
    assert [row for row in rows if row["i"] is not None] == [expected] * 2
    assert [row for row in rows if row["i"] is None] == [dict.fromkeys(expected)] * 2


def test_what_is_deleted_goes_from_the_store(site, backend, monkeypatch):
    parts, _ = site
    parts.service.create(ANNA, "t", content(STARS))
    parts.service.remove(ANNA, "t")
    for name in ("_RETENTION", "_ORPHAN_AGE"):
        monkeypatch.setattr(f"registry.user_tables.expiry.{name}", timedelta(seconds=-60))
    assert len(list(backend.store.files())) == 1
    assert len(parts.expiry.sweep().files) == 1
    assert list(backend.store.files()) == []
