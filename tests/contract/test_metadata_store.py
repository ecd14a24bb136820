"""One suite for the metadata store on both of its databases: SQLite and PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from registry.errors import MetadataUnavailable, ProductNotFound, RegistryError, TableExists
from registry.ingestion.plan import PublishRequest
from registry.model.field import Datatype, Field, ValueType
from registry.model.principal import OPERATOR
from registry.model.product import (
    ColumnStatistics,
    Product,
    ProductColumn,
    ProductStatus,
    ProductVersion,
)
from registry.model.table import Column
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.migration import alembic_config
from registry.stores.metadata.products import SqlProductStore
from registry.stores.metadata.schema import METADATA, REVISION
from vo_service.assemble import assemble, make_app, prepare
from vo_service.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
POSTGRES_ALONE = pytest.mark.parametrize("url", BACKENDS[1:], indirect=True)


@pytest.fixture(params=BACKENDS)
def url(request, tmp_path):
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'metadata.sqlite'}"
    return request.getfixturevalue("postgres_server").new_database()


@pytest.fixture
def database(url):
    opened = MetadataDatabase(url)
    opened.prepare()
    yield opened
    opened.close()


@pytest.fixture
def store(database):
    return SqlProductStore(database)


@pytest.fixture
def other_process(url, database):
    """A store of another process: it shares nothing with `store` but the database."""
    opened = MetadataDatabase(url)
    yield SqlProductStore(opened)
    opened.close()


def draft(name="a set", **changes):
    now = datetime.now(UTC)
    values = {
        "id": 0,
        "internal_name": "",
        "display_name": name,
        "product_type": "training_set",
        "status": ProductStatus.REGISTERING,
        "created": now,
        "updated": now,
        "owner": "ada",
    }
    return Product(**(values | changes))


COLUMNS = (
    ProductColumn(
        Column(
            Field("z é", ValueType(Datatype.FLOAT, "3"), "km/s", "src.redshift", "x:y", "Text ✓"),
            "c0",
            principal=True,
            indexed=True,
        ),
        "list<float>",
        "z",
        ColumnStatistics(1, 0.1, "Infinity", 2.5, None),
    ),
    ProductColumn(
        Column(Field("a\"b'; DROP", ValueType(Datatype.LONG)), "c1"),
        "int64",
        None,
        ColumnStatistics(0, -(2**63), 2**63 - 1, 1e300, 7),
    ),
    ProductColumn(Column(Field("t", ValueType(Datatype.CHAR, "*", "timestamp")), "c2"), "date32"),
)


def version(product, number=1, **changes):
    relation = f"t{product.id}_v{number}"
    values = {
        "number": number,
        "file_name": "ä.csv",
        "size_bytes": 2**40,
        "sha256": "0" * 64,
        "n_rows": 2**33,
        "relation": relation,
        "table_file": f"{relation}.duckdb",
        "created": datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        "columns": COLUMNS,
        "ra": "c0",
        "dec": "c1",
        "coverage": "5/" + ",".join(str(i) for i in range(0, 12000, 2)),
        "description": "A table.",
    }
    return ProductVersion(**(values | changes))


def nothing():
    pass


def publish(store, name="a set"):
    product = store.reserve(draft(name), "token")
    return store.switch(product, version(product), nothing)


# What is written is read back


def test_what_is_published_is_read_back_equal(store):
    product = store.reserve(draft("Größe & <b>", description="x" * 10**5, release="DR1"), "token")
    written = version(product)
    published = store.switch(product, written, nothing)
    found = store.product(product.internal_name)
    assert found == published
    assert found.version == replace(written, columns=())
    assert store.columns([(product.id, 1)]) == {product.id: COLUMNS}
    assert store.published("Größe & <b>") == [found]
    assert found.version.created.tzinfo is not None


def test_ids_are_never_used_twice(store):
    first = store.reserve(draft(), "token")
    store.abandon(first.id)
    second = store.reserve(draft(), "token")
    assert second.id > first.id
    assert second.internal_name == f"{second.id}_a_set"


def test_the_same_name_may_be_used_twice(store):
    names = {publish(store).internal_name for _ in range(2)}
    assert len(names) == 2
    assert len(store.published("a set")) == 2


# What is visible, and the counter that says when it changed


def test_the_counter_moves_with_every_visible_change_and_no_other(store, other_process):
    seen = [store.schema_version()]

    def moved():
        seen.append(other_process.schema_version())
        return seen[-1] - seen[-2]

    product = store.reserve(draft(), "token")
    assert (moved(), other_process.published()) == (0, [])
    product = store.switch(product, version(product), nothing)
    assert moved() == 1
    store.switch(product, version(product, 2), nothing)
    assert moved() == 1
    store.abandon(store.reserve(draft(), "token").id)
    assert moved() == 0
    store.withdraw(product.id)
    assert (moved(), other_process.published()) == (1, [])


def test_a_switch_is_seen_by_others_with_its_commit_and_not_before(store, other_process):
    product = store.reserve(draft(), "token")
    within = []
    store.switch(product, version(product), lambda: within.append(other_process.published()))
    assert within == [[]]
    assert [p.id for p in other_process.published()] == [product.id]


def test_replacing_retires_the_older_version(store):
    product = publish(store)
    replaced = store.switch(
        replace(product, description="newer", release="DR2"), version(product, 2), nothing
    )
    found = store.product(product.internal_name)
    assert (found.version.number, found.description, found.release) == (2, "newer", "DR2")
    assert found == replaced
    now = datetime.now(UTC)
    files = {f"t{product.id}_v1.duckdb", f"t{product.id}_v2.duckdb"}
    assert store.files_in_use(now - timedelta(hours=1)) == files
    assert store.files_in_use(now + timedelta(hours=1)) == {f"t{product.id}_v2.duckdb"}
    assert store.deletions.known_tables() == files
    assert store.deletions.retired_tables(now - timedelta(hours=1)) == set()
    assert store.deletions.retired_tables(now + timedelta(hours=1)) == {f"t{product.id}_v1.duckdb"}
    assert store.has_table(f"t{product.id}_v2.duckdb")
    assert not store.has_table(f"t{product.id}_v3.duckdb")


def test_withdrawn_products_are_gone_and_cannot_be_replaced(store):
    product = publish(store)
    store.withdraw(product.id)
    with pytest.raises(ProductNotFound, match=product.internal_name):
        store.product(product.internal_name)
    with pytest.raises(ProductNotFound, match="withdrawn"):
        store.switch(product, version(product, 2), pytest.fail)
    now = datetime.now(UTC)
    assert store.deletions.deleted_products(now - timedelta(hours=1)) == set()
    assert store.deletions.deleted_products(now + timedelta(hours=1)) == {product.internal_name}
    assert store.deletions.known_products() == {product.internal_name}
    assert store.files_in_use(now + timedelta(hours=1)) == set()


def test_an_abandoned_product_may_not_be_published(store):
    product = store.reserve(draft(), "token")
    store.abandon(product.id)
    with pytest.raises(ProductNotFound):
        store.switch(product, version(product), pytest.fail)


def test_a_published_product_cannot_be_abandoned(store):
    product = publish(store)
    store.abandon(product.id)
    assert store.product(product.internal_name).id == product.id


def test_unfinished_products_are_known_by_their_folder(store):
    product = store.reserve(draft(), "folder-7")
    publish(store)
    assert store.unfinished() == [(product.id, "folder-7")]


# Failures


def test_a_failing_switch_changes_nothing_and_may_be_repeated(store, other_process):
    product = publish(store)
    before = store.schema_version()

    def fail():
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        store.switch(product, version(product, 2), fail)
    with pytest.raises(IntegrityError):
        # Fails at its last rows, when everything else is written.
        store.switch(product, version(product, 2, columns=(COLUMNS[0], _nameless())), nothing)
    assert other_process.schema_version() == before
    assert other_process.product(product.internal_name).version.number == 1
    assert not other_process.has_table(f"t{product.id}_v2.duckdb")
    assert store.files_in_use(datetime.now(UTC) + timedelta(hours=1)) == {
        f"t{product.id}_v1.duckdb"
    }
    store.switch(product, version(product, 2), nothing)
    assert other_process.schema_version() == before + 1


def _nameless():
    return replace(COLUMNS[1], file_type=None)


def test_columns_belong_to_a_version(database):
    with pytest.raises(IntegrityError), database.writing() as connection:
        connection.execute(
            text(
                "INSERT INTO product_columns (version_id, position, name, physical, datatype,"
                " principal, indexed, file_type)"
                " VALUES (99, 0, 'a', 'c0', 'int', false, false, 'int32')"
            )
        )


def test_a_table_file_belongs_to_one_version(store):
    product, other = publish(store), store.reserve(draft("other"), "token")
    with pytest.raises(IntegrityError):
        store.switch(other, version(other, table_file=f"t{product.id}_v1.duckdb"), nothing)


# Several at once


def together(*actions):
    """Run actions in threads; give what each returned or raised."""
    barrier = threading.Barrier(len(actions))

    def run(action):
        barrier.wait()
        try:
            return action()
        except Exception as error:  # noqa: BLE001 - whatever happens in the thread
            return error

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def test_of_publishers_of_one_version_exactly_one_wins(store, other_process):
    product = publish(store)
    placed = []

    def replaces(by, name):
        edition = version(product, 2, file_name=name)
        return lambda: by.switch(product, edition, lambda: placed.append(name))

    publishers = [
        replaces(by, f"{number}.csv") for number, by in enumerate([store, other_process] * 3)
    ]
    results = together(*publishers)
    winners = [result for result in results if isinstance(result, Product)]
    losers = [result for result in results if isinstance(result, TableExists)]
    assert (len(winners), len(losers)) == (1, 5), results
    # Only the winner may touch the files.
    assert placed == [winners[0].version.file_name]
    assert store.product(product.internal_name).version.file_name == placed[0]
    assert "somebody else" in str(losers[0])


def test_no_publication_is_lost_among_many(store, other_process):
    before = store.schema_version()

    def work(by, name):
        return lambda: [publish(by, f"{name} {i}").internal_name for i in range(4)]

    stores = [store, other_process, store, other_process]
    results = together(*(work(by, f"writer {n}") for n, by in enumerate(stores)))
    names = {name for result in results for name in result}
    assert len(names) == 16
    assert {product.internal_name for product in store.published()} == names
    assert store.schema_version() == before + 16


def test_withdrawing_during_a_replacement_wins_in_the_end(store, other_process):
    product = publish(store)
    started = threading.Event()

    def replacement():
        def place():
            started.set()
            threading.Event().wait(0.3)

        return store.switch(product, version(product, 2), place)

    def withdrawal():
        started.wait(180)
        return other_process.withdraw(product.id)

    results = together(replacement, withdrawal)
    assert not [result for result in results if isinstance(result, Exception)]
    assert store.published() == []
    assert store.files_in_use(datetime.now(UTC) + timedelta(hours=1)) == set()


def test_readers_do_not_wait_for_a_publisher(store, other_process):
    product = publish(store)
    seen = []
    store.switch(
        product,
        version(product, 2),
        lambda: seen.append(other_process.product(product.internal_name).version.number),
    )
    assert seen == [1]


def test_a_reading_transaction_sees_one_state(store, database):
    count = text("SELECT COUNT(*) FROM products")
    with database.reading() as connection:
        assert connection.execute(count).scalar() == 0
        publish(store)
        assert connection.execute(count).scalar() == 0
    with database.reading() as connection:
        assert connection.execute(count).scalar() == 1


# Migrations


def schema_of(url):
    opened = MetadataDatabase(url)
    with opened.reading() as connection:
        names = inspect(connection).get_table_names()
    opened.close()
    return set(names)


def test_an_empty_database_gets_the_tables(url, database):
    assert schema_of(url) == {*METADATA.tables, "alembic_version"}
    with database.reading() as connection:
        assert connection.execute(text("SELECT id, version FROM schema_state")).all() == [(1, 1)]


def test_migrations_end_at_the_tables_of_the_code(database):
    with database.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert context.get_current_revision() == REVISION
        assert compare_metadata(context, METADATA) == []


def test_constraints_have_the_names_that_migrations_can_use(database):
    with database.reading() as connection:
        inspector = inspect(connection)
        for name, table in METADATA.tables.items():
            unique = {c["name"] for c in inspector.get_unique_constraints(name)}
            foreign = {c["name"] for c in inspector.get_foreign_keys(name)}
            declared = {str(c.name) for c in table.constraints if not str(c.name).startswith("pk_")}
            assert unique | foreign == declared


def test_preparing_again_keeps_the_data(store, database):
    product = publish(store)
    before = store.schema_version()
    database.prepare()
    assert store.product(product.internal_name).id == product.id
    assert store.schema_version() == before


def test_processes_that_start_together_prepare_one_database(url):
    code = (
        "import sys; from registry.stores.metadata.database import MetadataDatabase;"
        "MetadataDatabase(sys.argv[1]).prepare()"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, url], cwd=ROOT, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in started:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors.decode()
    opened = MetadataDatabase(url)
    assert SqlProductStore(opened).schema_version() == 1
    opened.close()


def test_the_way_down_and_up_again_leads_to_the_same_tables(url, database):
    config = alembic_config()
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert schema_of(url) == {"alembic_version"}
    database.prepare()
    assert schema_of(url) == {*METADATA.tables, "alembic_version"}


def test_a_migration_that_fails_leaves_nothing_behind(url, monkeypatch):
    from registry.stores.metadata.migrations.versions import r0001_products

    opened = MetadataDatabase(url)
    with opened.writing() as connection:
        # The last table of the migration is there already.
        connection.execute(text("CREATE TABLE schema_state (id INTEGER)"))
    with pytest.raises(Exception, match="schema_state"):
        opened.prepare()
    assert schema_of(url) == {"schema_state"}
    opened.close()
    assert r0001_products.down_revision is None


def test_a_database_of_a_newer_release_is_refused_and_left_alone(database):
    revision = text("SELECT version_num FROM alembic_version")
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RegistryError, match="newer release"):
        database.prepare()
    with database.reading() as connection:
        assert connection.execute(revision).scalar() == "9999"


# The installation over it


def test_an_installation_publishes_and_answers_over_it(url, tmp_path):
    settings = Settings(home=tmp_path / "home", database_url=url, engine_threads=1)
    prepare(settings)
    services = assemble(settings)
    table = pa.table({"ra": [1.0, 2.0], "dec": [3.0, 4.0], "z": [0.5, None], "id": [2**60, 2]})
    pa.parquet.write_table(table, tmp_path / "t.parquet")
    request = PublishRequest("t", "redshift_catalog", (("ra", "RA"), ("dec", "Dec"), ("z", "z")))
    client = make_app(settings).test_client()

    def ask(adql):
        response = client.get(
            "/tap/sync", query_string={"LANG": "ADQL", "FORMAT": "csv", "QUERY": adql}
        )
        return response.status_code, response.text

    published = services.data.publishing.publish(OPERATOR, tmp_path / "t.parquet", request)
    query = f"SELECT id, z FROM {published.table_name} ORDER BY ra"
    assert ask(query) == (200, f"id,z\r\n{2**60},0.5\r\n2,\r\n")
    services.data.publishing.withdraw(OPERATOR, published.internal_name)
    assert ask(query)[0] == 400
    services.close()


# PostgreSQL alone


@POSTGRES_ALONE
def test_connections_that_the_server_closed_are_replaced(store, postgres_server):
    product = publish(store)
    postgres_server.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    assert store.product(product.internal_name).id == product.id
    publish(store)


@pytest.mark.parametrize(
    "unreachable",
    ["sqlite:///{folder}/absent/metadata.sqlite", "postgresql+psycopg2://u@/d?host={folder}"],
)
def test_a_database_that_is_down_is_no_fault_and_not_available(unreachable, tmp_path):
    with pytest.raises(MetadataUnavailable, match="try again"):
        SqlProductStore(MetadataDatabase(unreachable.format(folder=tmp_path))).schema_version()
    settings = Settings(home=tmp_path, database_url=unreachable.format(folder=tmp_path))
    client = make_app(settings).test_client()
    response = client.get("/tap/availability")
    assert response.status_code == 200
    assert "<vosi:available>false</vosi:available>" in response.text
    response = client.get("/tap/sync?LANG=ADQL&QUERY=SELECT+*+FROM+TAP_SCHEMA.tables")
    assert response.status_code == 503
    assert "Retry-After" in response.headers
    assert str(tmp_path) not in response.text
