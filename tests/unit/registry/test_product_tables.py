"""The list of products as tables: what each caller sees of it."""

import pytest
from shelf import ADA, BOB, Shelf

from registry import tap_schema
from registry.annotation.vocabulary import check_ucd
from registry.model.principal import ANONYMOUS, Principal

TEAM = Principal("tess", groups=frozenset({"team"}))


@pytest.fixture
def shelf(tmp_path):
    made = Shelf(tmp_path / "home")
    yield made
    made.close()


def listed(shelf, who, name="pz_products"):
    tables = shelf.catalogue.tables(who)
    table = next(t for t in tables if t.storage.relation == name)
    rows = tap_schema.rows(tables)[name]
    names = {c.physical: c.field.name for c in table.columns}
    return rows.rename_columns([names[n] for n in rows.column_names]).to_pylist()


def test_products_are_listed_with_their_tables(shelf):
    product = shelf.published()
    (row,) = listed(shelf, ANONYMOUS)
    assert (row["internal_name"], row["table_name"], row["n_rows"], row["uploaded_by"]) == (
        product.internal_name, product.table_name, 3, "ada",
    )  # fmt: skip
    columns = listed(shelf, BOB, "pz_columns")
    assert [c["column_name"] for c in columns] == ["id", "ra", "dec", "z", "name"]
    assert (columns[3]["alias"], columns[3]["maximum"], columns[4]["maximum"]) == ("z", 0.5, None)


def test_products_without_a_table_are_listed_too(shelf):
    product = shelf.draft(product_type="other", data_url="https://example.org/x")
    assert listed(shelf, ADA) == []
    shelf.service.publish(ADA, product.id)
    (row,) = listed(shelf, BOB)
    assert (row["table_name"], row["data_url"]) == (None, "https://example.org/x")


def test_what_is_hidden_is_not_listed(shelf):
    ada = Principal("ada", groups=frozenset({"team"}))
    product = shelf.published(who=ada, product_type="training_set", release="secret")
    for who in (BOB, ANONYMOUS):
        assert listed(shelf, who) == []
        assert listed(shelf, who, "pz_columns") == []
    for who in (ada, TEAM):
        assert [row["id"] for row in listed(shelf, who)] == [product.id]


def test_changes_are_seen_at_once(shelf):
    product = shelf.published()
    shelf.service.update(ADA, product.id, {"description": "better"})
    assert listed(shelf, BOB)[0]["description"] == "better"
    shelf.service.delete(ADA, product.id)
    assert listed(shelf, BOB) == []


def test_the_columns_of_the_lists_have_valid_ucds(shelf):
    tables = [t for t in shelf.catalogue.tables(BOB) if t.schema_name == "pz"]
    for table in tables:
        assert [c.field.name for c in table.columns if check_ucd(c.field.ucd).problem] == []
