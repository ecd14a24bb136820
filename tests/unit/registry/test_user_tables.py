import json
import shutil
import sqlite3
import threading
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from own_tables import ANNA, BOB, OwnTablesSite, content

from registry.errors import (
    LoginRequired,
    NotAllowed,
    QuotaExceeded,
    StorageFull,
    UserTableChanged,
    UserTableExists,
    UserTableNotFound,
    UserTableRefused,
)
from registry.model.field import Datatype, Field, ValueType
from registry.model.principal import ANONYMOUS
from registry.model.user_table import UserTableQuota
from registry.stores.user_table_manifests import UserTableManifests
from registry.user_tables.content import TableContent, defined_columns
from registry.user_tables.names import schema_name

STARS = {"id": [1, 2, 3], "ra": [10.0, 350.0, 180.0], "dec": [1.0, -2.0, 3.0]}


@pytest.fixture
def site(tmp_path):
    made = OwnTablesSite(tmp_path / "home")
    yield made
    made.close()


def small(tmp_path, **quota):
    return OwnTablesSite(tmp_path / "small", quota=UserTableQuota(**quota))


@pytest.mark.parametrize(
    ("user", "schema"),
    [
        ("anna", "user_anna"),
        ("anna.b@x.org", "user_anna_2eb_40x_2eorg"),
        ("a_b", "user_a__b"),
        ("a_2eb", "user_a__2eb"),
        ("7", "user_7"),
    ],
)
def test_each_user_has_a_schema_with_a_name_of_its_own(user, schema):
    assert schema_name(user) == schema


def test_a_table_is_queried_by_its_owner_alone(site):
    site.service.create(ANNA, "stars", content(STARS))
    rows = site.ask(ANNA, "SELECT id, ra FROM user_anna_2eb.stars ORDER BY id")
    assert rows == [{"id": 1, "ra": 10.0}, {"id": 2, "ra": 350.0}, {"id": 3, "ra": 180.0}]
    assert site.own.tables(BOB) is site.base
    assert site.own.tables(ANONYMOUS) is site.base


def test_it_stands_in_the_catalogue_of_its_owner(site):
    site.service.create(ANNA, "user_anna_2eb.Stars", content(STARS))
    found = site.ask(
        ANNA, "SELECT table_name, nrows FROM TAP_SCHEMA.tables WHERE schema_name = 'user_anna_2eb'"
    )
    assert found == [{"table_name": "user_anna_2eb.Stars", "nrows": 3}]
    indexed = site.ask(
        ANNA,
        "SELECT column_name FROM TAP_SCHEMA.columns"
        " WHERE table_name = 'user_anna_2eb.Stars' AND indexed = 1",
    )
    assert {row["column_name"] for row in indexed} == {"ra", "dec"}


def test_each_state_of_the_tables_has_a_version_of_its_own(site):
    before = site.own.tables(ANNA)
    site.service.create(ANNA, "t", content(STARS))
    made = site.own.tables(ANNA)
    assert site.own.tables(ANNA) is made
    site.service.load(ANNA, "t", content(STARS))
    loaded = site.own.tables(ANNA)
    site.service.create(BOB, "t", content(STARS))
    versions = {before.version, made.version, loaded.version, site.own.tables(BOB).version}
    assert len(versions) == 4


def test_rows_are_appended_by_the_names_of_their_columns(site):
    site.service.create(ANNA, "t", content(STARS))
    more = {"DEC": pa.array([5.0]), "id": pa.array([4])}
    loaded = site.service.load(ANNA, "t", content(more))
    assert loaded.nrows == 4
    rows = site.ask(ANNA, "SELECT * FROM t WHERE id > 2 ORDER BY id")
    assert rows == [{"id": 3, "ra": 180.0, "dec": 3.0}, {"id": 4, "ra": None, "dec": 5.0}]


def test_rows_keep_the_order_in_which_they_came(site):
    site.service.create(ANNA, "t", content(STARS))
    site.service.load(ANNA, "t", content({"id": [9], "ra": [0.0], "dec": [0.0]}))
    site.service.load(ANNA, "t", content({"id": [8], "ra": [90.0], "dec": [80.0]}))
    table = site.service.table(ANNA, "t")
    with site.rows.read(table, table.order) as batches:
        ids = [value for batch in batches for value in batch.column("c0").to_pylist()]
    assert ids == [1, 2, 3, 9, 8]


def test_a_definition_gives_an_empty_table(site):
    made = site.service.create(ANNA, "t", TableContent(content(STARS).fields, None, "mine"))
    assert (made.nrows, made.description) == (0, "mine")
    assert site.ask(ANNA, "SELECT COUNT(*) AS n FROM t") == [{"n": 0}]
    assert site.service.load(ANNA, "t", content(STARS)).position is not None


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"id": [1], "other": [2]}, "no column 'other'"),
        ({"id": ["x"]}, "'id' is long"),
        ({"id": [1.5]}, "'id' is long"),
        ({"id": [1], "ID": [2]}, "two columns are called"),
    ],
)
def test_rows_that_do_not_fit_are_refused_whole(site, columns, text):
    site.service.create(ANNA, "t", content(STARS))
    before = site.table_files()
    with pytest.raises(UserTableRefused, match=text):
        site.service.load(ANNA, "t", content(columns))
    assert site.table_files() == before
    assert site.service.table(ANNA, "t").nrows == 3


def test_values_become_those_of_the_column(site):
    made = content(
        {
            "n": pa.array([], pa.int32()),
            "s": pa.array([], pa.string()),
            "x": pa.array([], pa.float32()),
        }
    )
    site.service.create(ANNA, "t", made)
    site.service.load(ANNA, "t", content({"n": [7], "s": [12], "x": [3]}))
    assert site.ask(ANNA, "SELECT * FROM t") == [{"n": 7, "s": "12", "x": 3.0}]


def test_text_beyond_ascii_needs_a_column_for_it(site):
    site.service.create(ANNA, "t", content({"s": ["a"]}))
    with pytest.raises(UserTableRefused, match="unicodeChar"):
        site.service.load(ANNA, "t", content({"s": ["ä"]}))


def test_a_cone_search_uses_the_index(site):
    site.service.create(ANNA, "t", content(STARS))
    site.service.load(ANNA, "t", content({"id": [4], "ra": [350.001], "dec": [-2.0]}))
    rows = site.ask(ANNA, "SELECT id FROM t WHERE DISTANCE(ra, dec, 350, -2) < 0.01 ORDER BY id")
    assert [row["id"] for row in rows] == [2, 4]


def test_values_that_are_no_positions_lose_the_index_and_no_row(site):
    site.service.create(ANNA, "t", content(STARS))
    loaded = site.service.load(ANNA, "t", content({"id": [4], "ra": [-10.0], "dec": [-2.0]}))
    assert loaded.position is None
    assert not any(column.indexed for column in loaded.columns)
    rows = site.ask(ANNA, "SELECT id FROM t WHERE DISTANCE(ra, dec, 350, -2) < 0.01 ORDER BY id")
    assert [row["id"] for row in rows] == [2, 4]


def test_the_ucds_of_the_main_position_overrule_names(site):
    columns = {"ra": [1.0], "dec": [2.0], "a": [3.0], "b": [4.0]}
    ucds = {"a": "pos.eq.ra;meta.main", "b": "pos.eq.dec;meta.main"}
    made = site.service.create(ANNA, "t", content(columns, **ucds))
    assert (made.position.ra, made.position.dec) == ("c2", "c3")


@pytest.mark.parametrize("name", ["select", "1t", "a-b", "", "t" * 64, "user_anna_2eb."])
def test_names_that_queries_could_not_write_are_refused(site, name):
    with pytest.raises(UserTableRefused):
        site.service.create(ANNA, name, content(STARS))


@pytest.mark.parametrize("name", ["user_bob.t", "redshift_catalog.t", "TAP_SCHEMA.tables"])
def test_other_schemas_are_refused_whether_or_not_they_are_there(site, name):
    for act in (
        lambda: site.service.create(ANNA, name, content(STARS)),
        lambda: site.service.load(ANNA, name, content(STARS)),
        lambda: site.service.remove(ANNA, name),
        lambda: site.service.index(ANNA, name, "id"),
    ):
        with pytest.raises(NotAllowed, match="user_anna_2eb"):
            act()


def test_visitors_have_no_tables(site):
    with pytest.raises(LoginRequired):
        site.service.create(ANONYMOUS, "t", content(STARS))


def test_a_name_is_taken_once_in_any_case(site):
    site.service.create(ANNA, "t", content(STARS))
    with pytest.raises(UserTableExists):
        site.service.create(ANNA, "T", content(STARS))
    site.service.create(BOB, "t", content(STARS))


def test_a_table_is_gone_when_it_is_deleted(site):
    site.service.create(ANNA, "t", content(STARS))
    site.service.remove(ANNA, "T")
    with pytest.raises(UserTableNotFound):
        site.service.table(ANNA, "t")
    assert site.own.tables(ANNA) is site.base
    site.service.create(ANNA, "t", content({"other": ["x"]}))


def test_the_number_of_tables_is_limited(tmp_path):
    site = small(tmp_path, tables=1)
    site.service.create(ANNA, "t", content(STARS))
    with pytest.raises(QuotaExceeded, match="1 tables"):
        site.service.create(ANNA, "u", content(STARS))
    site.service.create(BOB, "t", content(STARS))
    site.close()


def test_the_size_of_all_tables_is_limited(tmp_path):
    site = small(tmp_path, size_bytes=100)
    site.service.create(ANNA, "t", content(STARS))
    for act in (
        lambda: site.service.create(ANNA, "u", content(STARS)),
        lambda: site.service.load(ANNA, "t", content(STARS)),
    ):
        with pytest.raises(QuotaExceeded, match="100 is the limit"):
            act()
    assert len(site.table_files()) == 1
    site.close()


def test_the_limit_holds_for_creations_at_the_same_time(tmp_path):
    site = small(tmp_path, size_bytes=200)
    refused = []

    def create(number):
        try:
            site.service.create(ANNA, f"t{number}", content(STARS))
        except QuotaExceeded as error:
            refused.append(error)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(site.store.tables("anna.b")) == 2
    assert len(refused) == 4
    assert len(site.table_files()) == 2
    site.close()


def test_loads_at_the_same_time_lose_no_row(site):
    site.service.create(ANNA, "t", content({"id": pa.array([], pa.int64())}))
    failed = []

    def load(number):
        for _ in range(20):
            try:
                site.service.load(ANNA, "t", content({"id": [number]}))
            except UserTableChanged:
                continue
            return
        failed.append(number)

    threads = [threading.Thread(target=load, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    rows = site.ask(ANNA, "SELECT id FROM t ORDER BY id")
    assert [row["id"] for row in rows] == list(range(6))


def test_a_query_goes_on_with_the_rows_it_began_with(site):
    site.service.create(ANNA, "t", content({"id": list(range(100_000))}))
    running = site.queries.run(ANNA, "SELECT id FROM t", maxrec=200_000, time_limit_s=600)
    rows = iter(running._execution)
    first = next(rows).num_rows
    site.service.remove(ANNA, "t")
    site.now += timedelta(days=1)
    site.expiry.sweep()
    assert first + sum(batch.num_rows for batch in rows) == 100_000
    running.close()


def test_an_index_on_a_table_without_position_sorts_the_rows(site):
    site.service.create(ANNA, "t", content({"id": [3, 1, 2]}))
    report = site.service.index(ANNA, "t", "ID")
    assert report.column == "id"
    assert "order of id" in report.text
    table = site.service.table(ANNA, "t")
    assert table.columns[0].indexed
    with site.rows.read(table, table.order) as batches:
        assert [v for b in batches for v in b.column("c0").to_pylist()] == [1, 2, 3]


def test_rows_that_come_later_leave_the_index_marked(site):
    site.service.create(ANNA, "t", content({"id": [3, 1, 2]}))
    site.service.index(ANNA, "t", "id")
    assert site.service.load(ANNA, "t", content({"id": [0]})).columns[0].indexed


def test_an_index_does_not_take_that_of_the_position_away(site):
    site.service.create(ANNA, "t", content(STARS))
    assert "HEALPix" in site.service.index(ANNA, "t", "ra").text
    assert "order of their position" in site.service.index(ANNA, "t", "id").text
    assert site.service.table(ANNA, "t").position is not None


def test_a_unique_column_stays_so(site):
    site.service.create(ANNA, "t", content(STARS))
    site.service.index(ANNA, "t", "id", unique=True)
    with pytest.raises(UserTableRefused, match="'id' has the value '3' 2 times"):
        site.service.load(ANNA, "t", content({"id": [3], "ra": [1.0], "dec": [1.0]}))
    assert site.service.load(ANNA, "t", content({"id": [4], "ra": [1.0], "dec": [1.0]})).nrows == 4
    assert len(site.table_files()) == 3


def test_a_column_with_a_value_twice_cannot_become_unique(site):
    site.service.create(ANNA, "t", content({"id": [1, 1, None, None]}))
    with pytest.raises(UserTableRefused, match="2 times"):
        site.service.index(ANNA, "t", "id", unique=True)
    with pytest.raises(UserTableRefused, match="no column 'x'"):
        site.service.index(ANNA, "t", "x")


def test_unused_tables_go_and_used_ones_stay(site):
    for name in ("old", "asked", "loaded"):
        site.service.create(ANNA, name, content(STARS))
    site.now += timedelta(days=20)
    site.expiry.note_use([site.service.table(ANNA, "asked")])
    site.service.load(ANNA, "loaded", content(STARS))
    site.now += timedelta(days=11)
    assert site.expiry.sweep().expired == (("anna.b", "old"),)
    assert [table.name for table in site.store.tables("anna.b")] == ["asked", "loaded"]


def test_files_go_when_no_query_can_need_them(site):
    site.now = datetime.now(UTC)
    site.service.create(ANNA, "t", content(STARS))
    first = site.table_files()
    site.service.load(ANNA, "t", content(STARS))
    (site.home / "tables" / "u_orphan.duckdb").write_bytes(b"")
    (site.home / "tables" / "t1_v1.duckdb").write_bytes(b"")
    current = site.service.table(ANNA, "t").storage.file
    assert site.expiry.sweep().files == ()
    site.now += timedelta(hours=1)
    swept = site.expiry.sweep()
    assert sorted(swept.files) == first
    assert swept.quarantined == ()
    assert "1 of 2 files have no record" in swept.refused
    site.service.create(ANNA, "other", content(STARS))
    other = site.service.table(ANNA, "other").storage.file
    assert site.expiry.sweep().quarantined == ("u_orphan.duckdb",)
    assert site.table_files() == sorted([current, other, "t1_v1.duckdb"])
    assert len(list(site.home.glob("quarantine/*/u_orphan.duckdb"))) == 1


@pytest.mark.parametrize("described", [True, False])
def test_tables_of_another_database_stay_where_they_are(site, described):
    for name in ("a", "b", "c"):
        site.service.create(ANNA, name, content(STARS))
    if not described:
        # As releases left them that wrote no manifests.
        shutil.rmtree(site.home / "archive" / "user_tables")
    before = site.table_files()
    with site.database.writing() as connection:
        for table in ("user_table_columns", "user_tables"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    site.now = datetime.now(UTC) + timedelta(hours=1)
    swept = site.expiry.sweep()
    assert (swept.files, swept.quarantined) == ((), ())
    if described:
        assert swept.refused is None
    else:
        assert "3 of 3 files have no record" in swept.refused
    assert site.table_files() == before


def test_a_clock_that_leaps_makes_nothing_old_for_a_day(site):
    site.now = datetime.now(UTC)
    site.service.create(ANNA, "t", content(STARS))
    assert site.expiry.sweep().expired == ()
    for leap in (timedelta(days=365), timedelta(days=-730)):
        site.now += leap
        for _ in range(3):
            site.now += timedelta(hours=7)
            assert site.expiry.sweep().expired == ()
    assert [table.name for table in site.store.tables("anna.b")] == ["t"]


def test_a_full_disk_leaves_nothing_behind(site, monkeypatch):
    site.service.create(ANNA, "t", content(STARS))
    before = site.table_files()

    def full(staged):
        raise StorageFull("no space left")

    monkeypatch.setattr(site.tables, "publish", full)
    with pytest.raises(StorageFull):
        site.service.load(ANNA, "t", content(STARS))
    assert site.table_files() == before
    assert list((site.home / "staging").iterdir()) == []
    assert site.service.table(ANNA, "t").nrows == 3


def test_a_record_that_fails_takes_its_rows_along(site, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("the database went away")

    monkeypatch.setattr(site.store, "add", fail)
    with pytest.raises(RuntimeError):
        site.service.create(ANNA, "t", content(STARS))
    assert site.table_files() == []


@pytest.mark.parametrize("datatype", [Datatype.CHAR, Datatype.UNICODE_CHAR])
def test_rows_that_come_later_may_have_longer_texts(datatype):
    (column,) = defined_columns([Field("name", ValueType(datatype, "3*"))])
    assert column.column.field.type == ValueType(datatype, "*")


def described_in_archive(site):
    folder = site.home / "archive" / "user_tables"
    return sorted(json.loads(p.read_text())["rows"]["user_tables"][0]["number"]
                  for p in folder.glob("*.json"))  # fmt: skip


def test_the_archive_describes_the_rows_of_now(site):
    site.service.create(ANNA, "t", content({"x": [1, 2]}))
    site.service.load(ANNA, "t", content({"x": [3]}))
    site.service.create(BOB, "t", content({"x": [1]}))
    assert described_in_archive(site) == [1, 2]
    site.service.remove(ANNA, "t")
    assert described_in_archive(site) == [1]


def test_rows_that_an_older_database_does_not_know_stay_and_are_recorded_again(site):
    for number in range(20):
        site.service.create(BOB, f"t{number}", content({"x": [1]}))
    site.service.create(ANNA, "t", content({"x": [1, 2]}))
    old = site.home / "old.sqlite"
    with sqlite3.connect(site.home / "metadata.sqlite") as source, sqlite3.connect(old) as copy:
        source.backup(copy)
    site.service.load(ANNA, "t", content({"x": [3]}))
    site.service.create(ANNA, "newer", content({"x": [5]}))
    site.service.remove(BOB, "t7")
    site.database.close()
    for name in ("metadata.sqlite-wal", "metadata.sqlite-shm"):
        (site.home / name).unlink(missing_ok=True)
    old.replace(site.home / "metadata.sqlite")
    site.now = datetime.now(UTC) + timedelta(hours=2)
    files = set(site.table_files())
    site.expiry.sweep()
    assert set(site.table_files()) == files
    manifests = UserTableManifests(site.store, site.home)
    done = dict(manifests.rebuild(site.tables, site.now))
    assert done == {"newer of anna.b": None, "t of anna.b": None}
    assert site.ask(ANNA, "SELECT x FROM t ORDER BY x") == [{"x": 1}, {"x": 2}, {"x": 3}]
    assert dict(manifests.rebuild(site.tables, site.now)) == {}


def test_a_table_made_anew_under_its_name_wins_over_what_a_crash_left_of_the_old_one(site):
    site.service.create(ANNA, "t", content({"x": [1]}))
    site.service.load(ANNA, "t", content({"x": [2]}))
    (left,) = (site.home / "archive" / "user_tables").glob("*.json")
    said = left.read_text()
    site.service.remove(ANNA, "t")
    site.now += timedelta(minutes=1)
    site.service.create(ANNA, "t", content({"x": [7]}))
    left.write_text(said)
    assert UserTableManifests(site.store, site.home).unrecorded() == []
    with sqlite3.connect(site.home / "metadata.sqlite") as lost:
        for table in ("user_table_columns", "user_tables", "retired_user_tables"):
            lost.execute(f"DELETE FROM {table}")
    assert dict(UserTableManifests(site.store, site.home).rebuild(site.tables, site.now)) == {
        "t of anna.b": None
    }
    assert site.ask(ANNA, "SELECT x FROM t") == [{"x": 7}]


def test_a_full_disk_keeps_the_table_and_its_manifest_comes_later(site, monkeypatch):
    def full(*_arguments, **_options):
        raise StorageFull("no room")

    with monkeypatch.context() as patched:
        patched.setattr("registry.stores.user_table_manifests.write_rows", full)
        site.service.create(ANNA, "t", content({"x": [1]}))
    assert described_in_archive(site) == []
    site.expiry.sweep()
    assert described_in_archive(site) == [1]
