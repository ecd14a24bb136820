from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from registry.ingestion.plan import PublishRequest
from registry.model.principal import ANONYMOUS, OPERATOR

ROLES = (("RA", "RA"), ("DEC", "Dec"), ("Z", "z"))


@pytest.fixture
def file(tmp_path, small_table):
    path = tmp_path / "small.parquet"
    pq.write_table(small_table, path)
    return path


def published(tables):
    return [table for table in tables if table.product is not None]


def test_an_empty_catalogue_describes_itself_alone(site):
    assert [s.name for s in site.catalogue.tables(ANONYMOUS).schemas] == [
        "pz",
        "ivoa",
        "TAP_SCHEMA",
    ]


def test_a_published_product_is_a_table_in_the_schema_of_its_type(site, file):
    request = PublishRequest("Été", "redshift_catalog", ROLES, description="Some *redshifts*.")
    site.service.publish(OPERATOR, file, request)
    tables = site.catalogue.tables(ANONYMOUS)
    (table,) = published(tables)
    assert table.name == "redshift_catalog.p1_ete"
    assert table.title == "Été"
    assert table.description == "Some *redshifts*."
    assert table.nrows == 3
    assert table.product == "1_été"
    assert table.storage.relation.startswith("t1_v1_")
    assert table.storage.file == f"{table.storage.relation}.duckdb"
    assert (table.position.ra, table.position.dec, table.position.healpix) == ("c1", "c2", "hpx")
    assert table.order == "_row"
    assert [c.field.name for c in table.columns] == ["objid", "RA", "DEC", "Z", "name"]
    assert [c.indexed for c in table.columns] == [False, True, True, False, False]
    assert table.columns[1].field.unit == "deg"
    assert table.columns[1].field.ucd == "pos.eq.ra;meta.main"
    assert tables.schemas[0].description.startswith("Catalogues of reference redshifts")


def test_schemas_come_in_the_order_of_types_and_tables_by_id(site, file):
    for kind in ("other", "training_set", "redshift_catalog", "other"):
        site.service.publish(OPERATOR, file, PublishRequest("x", kind, ROLES))
    tables = site.catalogue.tables(OPERATOR)
    assert [s.name for s in tables.schemas] == [
        "redshift_catalog",
        "training_set",
        "other",
        "pz",
        "ivoa",
        "TAP_SCHEMA",
    ]
    assert [t.table_name for t in tables.schemas[2].tables] == ["p1_x", "p4_x"]


def test_the_snapshot_is_one_object_until_something_changes(site, file):
    request = PublishRequest("x", "training_set", ROLES)
    site.service.publish(OPERATOR, file, request)
    first = site.catalogue.tables(OPERATOR)
    assert site.catalogue.tables(OPERATOR) is first
    site.service.publish(OPERATOR, file, replace(request, replace=True))
    second = site.catalogue.tables(OPERATOR)
    assert second.version != first.version
    assert [t.storage.relation[:6] for t in published(second)] == ["t1_v2_"]
    assert [t.storage.relation[:6] for t in published(first)] == ["t1_v1_"]


def test_a_withdrawn_table_is_gone(site, file):
    product = site.service.publish(OPERATOR, file, PublishRequest("x", "other"))
    site.service.withdraw(OPERATOR, product.internal_name)
    assert published(site.catalogue.tables(OPERATOR)) == []


def test_columns_that_differ_in_case_alone_are_both_there(site, tmp_path):
    path = tmp_path / "case.parquet"
    pq.write_table(pa.table({"z": [1], "Z": [2]}), path)
    product = site.service.publish(OPERATOR, path, PublishRequest("x", "other"))
    (table,) = published(site.catalogue.tables(OPERATOR))
    assert [c.field.name for c in table.columns] == ["z", "Z"]
    assert site.rows(product.internal_name).select(["c0", "c1"]).to_pylist() == [{"c0": 1, "c1": 2}]
