import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import IntegrityError

from registry.errors import ProductNotFound, TableExists
from registry.model.field import Datatype, Field, ValueType
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
from registry.stores.metadata.schema import METADATA, REVISION

ROOT = Path(__file__).resolve().parents[3]


def draft(name="a set", **changes):
    values = {
        "id": 0,
        "internal_name": "",
        "display_name": name,
        "product_type": "training_set",
        "status": ProductStatus.REGISTERING,
        "created": datetime.now(UTC),
        "updated": datetime.now(UTC),
        "owner": "ada",
    }
    return Product(**{**values, **changes})


def version(product, number=1):
    field = Field("z é", ValueType(Datatype.FLOAT, "3"), "km/s", "src.redshift", "x:y", "Redshift.")
    column = ProductColumn(
        Column(field, "c0", principal=True, indexed=True),
        "float",
        "z",
        ColumnStatistics(1, 0.5, "Infinity", 2.5, None),
    )
    relation = f"t{product.id}_v{number}"
    return ProductVersion(
        number=number,
        file_name="a.csv",
        size_bytes=2**40,
        sha256="0" * 64,
        n_rows=2**33,
        relation=relation,
        table_file=f"{relation}.duckdb",
        created=datetime.now(UTC),
        columns=(column,),
        coverage="5/1-3",
        description="A table.",
    )


def nothing():
    pass


def test_what_is_published_is_read_back_equal(site):
    product = site.products.reserve(draft(description="text"), "token")
    written = version(product)
    published = site.products.switch(product, written, nothing)
    found = site.products.product("1_a_set")
    assert found == published
    assert found.version == ProductVersion(
        **{name: getattr(written, name) for name in written.__slots__ if name != "columns"}
    )
    assert site.products.columns([(product.id, 1)]) == {product.id: written.columns}


def test_a_reserved_product_is_invisible_until_the_switch(site):
    before = site.products.schema_version()
    product = site.products.reserve(draft(), "token")
    assert site.products.published() == []
    assert site.products.schema_version() == before
    site.products.switch(product, version(product), nothing)
    assert [p.id for p in site.products.published()] == [product.id]
    assert site.products.schema_version() == before + 1


def test_ids_are_never_used_twice(site):
    first = site.products.reserve(draft(), "token")
    site.products.abandon(first.id)
    assert site.products.reserve(draft(), "token").id > first.id


def test_a_failing_switch_changes_nothing(site):
    product = site.products.reserve(draft(), "token")
    before = site.products.schema_version()

    def fail():
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        site.products.switch(product, version(product), fail)
    assert site.products.published() == []
    assert site.products.schema_version() == before


def test_two_publications_of_one_version_cannot_both_win(site):
    product = site.products.reserve(draft(), "token")
    site.products.switch(product, version(product), nothing)
    with pytest.raises(TableExists, match="somebody else"):
        site.products.switch(product, version(product), pytest.fail)


def test_withdrawn_products_are_gone_and_cannot_be_replaced(site):
    product = site.products.reserve(draft(), "token")
    product = site.products.switch(product, version(product), nothing)
    site.products.withdraw(product.id)
    with pytest.raises(ProductNotFound, match="1_a_set"):
        site.products.product("1_a_set")
    with pytest.raises(ProductNotFound, match="withdrawn"):
        site.products.switch(product, version(product, 2), nothing)


def test_files_of_older_versions_are_in_use_until_their_time_is_over(site):
    product = site.products.reserve(draft(), "token")
    product = site.products.switch(product, version(product), nothing)
    site.products.switch(product, version(product, 2), nothing)
    now = datetime.now(UTC)
    assert site.products.files_in_use(now - timedelta(hours=1)) == {
        "t1_v1.duckdb",
        "t1_v2.duckdb",
    }
    assert site.products.files_in_use(now + timedelta(hours=1)) == {"t1_v2.duckdb"}


def test_migrations_end_at_the_tables_of_the_code(site):
    script = ScriptDirectory.from_config(alembic_config())
    assert script.get_current_head() == REVISION
    with site.database.reading() as connection:
        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == REVISION
        assert compare_metadata(context, METADATA) == []


def test_preparing_again_keeps_the_data(site):
    product = site.products.reserve(draft(), "token")
    site.products.switch(product, version(product), nothing)
    site.database.prepare()
    assert len(site.products.published()) == 1


def test_processes_that_start_together_prepare_one_database(tmp_path):
    code = (
        "import sys; from pathlib import Path;"
        "from registry.stores.metadata.database import MetadataDatabase;"
        "MetadataDatabase.in_folder(Path(sys.argv[1])).prepare()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "home")]
    started = [
        subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for process in started:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
    database = MetadataDatabase.in_folder(tmp_path / "home")
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT version FROM schema_state").scalars().all() == [1]
    database.close()


def test_sqlite_runs_with_wal_and_foreign_keys(site):
    with site.database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    with pytest.raises(IntegrityError), site.database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO product_columns (version_id, position, name, physical, datatype, "
            "principal, indexed, file_type) VALUES (99, 0, 'a', 'c0', 'int', 0, 0, 'int32')"
        )


def test_parallel_writers_wait_for_each_other(site):
    failures = []

    def work():
        try:
            for _ in range(5):
                product = site.products.reserve(draft(), "token")
                site.products.switch(product, version(product), nothing)
        except Exception as error:  # noqa: BLE001 - whatever happens in the thread
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(site.products.published()) == 20
    assert site.products.schema_version() == 21
