"""What the records of users' tables must do on both databases."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from registry.errors import QuotaExceeded, UserTableChanged, UserTableExists
from registry.model.field import Datatype, Field, ValueType
from registry.model.table import Column, Storage
from registry.model.user_table import UserColumn, UserTable, UserTableQuota
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.user_tables import SqlUserTableStore

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
QUOTA = UserTableQuota(3, 1000)
COLUMNS = (
    UserColumn(
        Column(
            Field("Ra", ValueType(Datatype.DOUBLE), "deg", "pos.eq.ra;meta.main", "u:t", "where"),
            "c0",
            principal=True,
            indexed=True,
        )
    ),
    UserColumn(
        Column(Field("when", ValueType(Datatype.CHAR, "*", "timestamp")), "c1", principal=True),
        unique=True,
    ),
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request, tmp_path):
    if request.param == "sqlite":
        database = MetadataDatabase.in_folder(tmp_path)
    else:
        database = MetadataDatabase(request.getfixturevalue("postgres_server").new_database())
    database.prepare()
    yield SqlUserTableStore(database)
    database.close()


def table(name, owner="anna", size_bytes=100, number=1):
    storage = Storage(f"u_{owner}{name}{number}", f"u_{owner}{name}{number}.duckdb")
    return UserTable(
        0, owner, name, number, storage, 5, size_bytes, NOW, NOW, NOW, "c0", "c1", "about"
    )


def test_a_record_comes_back_as_it_was(store):
    made = store.add(table("Stars"), COLUMNS, QUOTA)
    assert made == replace(table("Stars"), id=made.id)
    assert store.table("anna", "STARS") == made
    assert store.columns([made.id]) == {made.id: COLUMNS}
    assert store.tables("anna") == (made,)
    assert store.tables("bob") == ()
    assert store.table("bob", "stars") is None


def test_a_name_is_taken_once_by_each_owner(store):
    store.add(table("t"), COLUMNS, QUOTA)
    with pytest.raises(UserTableExists):
        store.add(table("T", size_bytes=0), COLUMNS, QUOTA)
    store.add(table("t", "bob"), COLUMNS, QUOTA)


def test_the_quota_holds(store):
    store.add(table("a", size_bytes=600), COLUMNS, QUOTA)
    with pytest.raises(QuotaExceeded, match="1000"):
        store.add(table("b", size_bytes=401), COLUMNS, QUOTA)
    before = store.add(table("b", size_bytes=400), COLUMNS, QUOTA)
    after = replace(table("b", size_bytes=401, number=2), id=before.id)
    with pytest.raises(QuotaExceeded, match="1000"):
        store.replace(before, after, COLUMNS, QUOTA)
    store.add(table("c", size_bytes=0), COLUMNS, QUOTA)
    with pytest.raises(QuotaExceeded, match="3 tables"):
        store.add(table("d", size_bytes=0), COLUMNS, QUOTA)
    assert store.table("anna", "b") == before


def test_the_quota_holds_for_two_at_once(store):
    outcomes = []

    def add(name):
        try:
            store.add(table(name, size_bytes=600), COLUMNS, QUOTA)
            outcomes.append("kept")
        except QuotaExceeded:
            outcomes.append("refused")

    threads = [threading.Thread(target=add, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["kept", "refused", "refused", "refused"]


def test_a_table_is_switched_to_other_rows_by_one_alone(store):
    before = store.add(table("t"), COLUMNS, QUOTA)
    after = replace(table("t", number=2), id=before.id, n_rows=9)
    columns = (replace(COLUMNS[0], unique=True), COLUMNS[1])
    store.replace(before, after, columns, QUOTA)
    assert store.table("anna", "t") == after
    assert store.columns([before.id]) == {before.id: columns}
    late = replace(table("t", number=2), id=before.id, storage=Storage("u_late", "u_late.duckdb"))
    with pytest.raises(UserTableChanged):
        store.replace(before, late, COLUMNS, QUOTA)
    assert store.columns([before.id]) == {before.id: columns}
    assert store.files_in_use(NOW) == {before.storage.file, after.storage.file}
    assert store.files_in_use(NOW + timedelta(seconds=1)) == {after.storage.file}


def test_what_was_changed_meanwhile_is_not_removed(store):
    before = store.add(table("t"), COLUMNS, QUOTA)
    after = replace(table("t", number=2), id=before.id)
    store.replace(before, after, COLUMNS, QUOTA)
    with pytest.raises(UserTableChanged):
        store.remove(before, NOW)
    assert store.columns([before.id]) == {before.id: COLUMNS}
    store.remove(after, NOW)
    assert store.tables("anna") == ()
    assert store.columns([before.id]) == {before.id: ()}


def test_files_are_remembered_until_they_are_gone(store):
    made = store.add(table("t"), COLUMNS, QUOTA)
    store.remove(made, NOW)
    assert store.files_in_use(NOW) == {made.storage.file}
    store.forget_retired([made.storage.file])
    assert store.files_in_use(NOW) == frozenset()


def test_a_use_is_noted_and_keeps_from_expiry(store):
    old, used = (store.add(table(name), COLUMNS, QUOTA) for name in ("a", "b"))
    later = NOW + timedelta(days=5)
    store.note_use([used.storage.relation, "t1_v1"], later)
    store.note_use([used.storage.relation], later + timedelta(minutes=1))
    assert store.table("anna", "b").last_used == later
    assert store.expire(NOW + timedelta(days=1), later) == [old]
    assert [each.name for each in store.tables("anna")] == ["b"]
    assert old.storage.file in store.files_in_use(later)
