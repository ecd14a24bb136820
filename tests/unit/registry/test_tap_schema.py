"""TAP_SCHEMA: its definition and its rows for a snapshot."""

import pyarrow as pa
import pytest

from registry.model.field import Datatype, Field, ValueType
from registry.model.identifier import adql_name
from registry.model.table import Column, ForeignKey, Schema, Storage, Table
from registry.tap_schema import column_name, rows, tap_schema, with_tap_schema

DOUBLE = ValueType(Datatype.DOUBLE)
TEXT = ValueType(Datatype.CHAR, "*")

STANDARD = {
    "schemas": ["schema_name", "utype", "description", "schema_index"],
    "tables": ["schema_name", "table_name", "table_type", "utype", "description", "table_index"],
    "columns": [
        "table_name", "column_name", "datatype", "arraysize", "xtype", "size", "description",
        "utype", "unit", "ucd", "indexed", "principal", "std", "column_index",
    ],
    "keys": ["key_id", "from_table", "target_table", "description", "utype"],
    "key_columns": ["key_id", "from_column", "target_column"],
}  # fmt: skip


def column(name, value_type=DOUBLE, number=0, **meta):
    flags = {key: meta.pop(key) for key in ("principal", "indexed", "std") if key in meta}
    return Column(Field(name, value_type, **meta), f"c{number}", **flags)


@pytest.fixture
def table():
    return Table(
        "redshift_catalog",
        "p1_deep",
        (
            column("ra", unit="deg", ucd="pos.eq.ra;meta.main", principal=True, indexed=True),
            column("size", ValueType(Datatype.SHORT), 1),
            column("pdf", ValueType(Datatype.FLOAT, "200"), 2, description="São Paulo's grid"),
            column("spectrum", ValueType(Datatype.FLOAT, "*"), 3),
            column("seen", ValueType(Datatype.CHAR, "*", "timestamp"), 4),
            column("Z", DOUBLE, 5),
            column("z", DOUBLE, 6),
        ),
        Storage("t1_v1", "t1_v1.duckdb"),
        description="Deep fields",
        title="Deep",
        nrows=5_000_000_000,
        foreign_keys=(ForeignKey("k1", "TAP_SCHEMA.schemas", (("size", "schema_index"),)),),
    )


@pytest.fixture
def snapshot(table):
    return with_tap_schema([Schema("redshift_catalog", (table,), "Redshifts")], "v7")


def listed(snapshot, name):
    """Give the rows of a TAP_SCHEMA table as dictionaries by ADQL name."""
    definition = snapshot.by_name[("tap_schema", name)]
    content = rows(snapshot)[definition.storage.relation]
    assert content.column_names == [c.physical for c in definition.columns]
    return content.rename_columns([c.field.name for c in definition.columns]).to_pylist()


@pytest.mark.parametrize("name", STANDARD)
def test_the_standard_columns_are_there_and_marked(name):
    definition = next(t for t in tap_schema().tables if t.table_name == name)
    assert [c.field.name for c in definition.columns if c.std] == STANDARD[name]


def test_only_title_and_nrows_are_added():
    added = {c.field.name for t in tap_schema().tables for c in t.columns if not c.std}
    assert added == {"title", "nrows"}


def test_flags_and_indexes_are_int():
    numbers = {"size", "indexed", "principal", "std", "column_index", "table_index", "schema_index"}
    for definition in tap_schema().tables:
        for own in definition.columns:
            is_int = own.field.type == ValueType(Datatype.INT)
            assert is_int == (own.field.name in numbers), own.field.name


def test_the_five_keys_are_described(snapshot):
    pairs = {
        (k["from_table"], c["from_column"], k["target_table"], c["target_column"])
        for k in listed(snapshot, "keys")
        for c in listed(snapshot, "key_columns")
        if k["key_id"] == c["key_id"] and k["key_id"] != "k1"
    }
    t = "TAP_SCHEMA."
    assert pairs == {
        (t + "tables", "schema_name", t + "schemas", "schema_name"),
        (t + "columns", "table_name", t + "tables", "table_name"),
        (t + "keys", "from_table", t + "tables", "table_name"),
        (t + "keys", "target_table", t + "tables", "table_name"),
        (t + "key_columns", "key_id", t + "keys", "key_id"),
    }


def test_keys_of_products_are_listed_with_names_as_queries_write_them(snapshot):
    key = next(k for k in listed(snapshot, "keys") if k["key_id"] == "k1")
    assert key["from_table"] == "redshift_catalog.p1_deep"
    pair = next(k for k in listed(snapshot, "key_columns") if k["key_id"] == "k1")
    assert (pair["from_column"], pair["target_column"]) == ('"size"', "schema_index")


def test_it_describes_itself_and_comes_last(snapshot):
    assert [s["schema_name"] for s in listed(snapshot, "schemas")] == [
        "redshift_catalog",
        "TAP_SCHEMA",
    ]
    assert {t["table_name"] for t in listed(snapshot, "tables")} == {
        "redshift_catalog.p1_deep",
        *(f"TAP_SCHEMA.{name}" for name in STANDARD),
    }
    described = {(c["table_name"], c["column_name"]) for c in listed(snapshot, "columns")}
    for definition in tap_schema().tables:
        for own in definition.columns:
            assert (definition.name, adql_name(own.field.name)) in described


def test_a_table_shows_its_title_and_a_long_count(snapshot):
    first = listed(snapshot, "tables")[0]
    assert first["nrows"] == 5_000_000_000
    assert first["title"] == "Deep"
    assert first["table_type"] == "table"
    assert first["table_index"] == 1


def test_columns_show_types_flags_and_quoted_names(snapshot):
    own = [c for c in listed(snapshot, "columns") if c["table_name"] == "redshift_catalog.p1_deep"]
    names = ["ra", '"size"', "pdf", "spectrum", "seen", '"Z"', '"z"']
    assert [c["column_name"] for c in own] == names
    assert [c["column_index"] for c in own] == [1, 2, 3, 4, 5, 6, 7]
    ra, size, pdf, spectrum, seen, *_ = own
    assert (ra["unit"], ra["ucd"]) == ("deg", "pos.eq.ra;meta.main")
    assert (ra["principal"], ra["indexed"], ra["std"]) == (1, 1, 0)
    assert (size["datatype"], size["arraysize"], size["size"]) == ("short", None, None)
    assert (pdf["arraysize"], pdf["size"], pdf["description"]) == ("200", 200, "São Paulo's grid")
    assert (spectrum["arraysize"], spectrum["size"]) == ("*", None)
    assert (seen["datatype"], seen["xtype"]) == ("char", "timestamp")


def test_names_that_differ_in_case_alone_are_quoted(table):
    assert [column_name(table, c) for c in table.columns[-2:]] == ['"Z"', '"z"']


def test_arrow_types_are_those_of_the_definition(snapshot):
    for definition in tap_schema().tables:
        content = rows(snapshot)[definition.storage.relation]
        assert content.schema == pa.schema(
            [(c.physical, c.field.type.arrow) for c in definition.columns]
        )


def test_what_must_not_be_null_is_not(snapshot):
    required = {
        "schemas": ["schema_name"],
        "tables": ["schema_name", "table_name", "table_type"],
        "columns": ["table_name", "column_name", "datatype", "indexed", "principal", "std"],
        "keys": ["key_id", "from_table", "target_table"],
        "key_columns": STANDARD["key_columns"],
    }
    for name, names in required.items():
        for row in listed(snapshot, name):
            assert all(row[key] is not None for key in names)


def test_rows_come_with_the_query():
    assert all(t.storage.file is None for t in tap_schema().tables)
    relations = [t.storage.relation for t in tap_schema().tables]
    assert relations == [f"tap_schema_{name}" for name in STANDARD]


def test_nothing_published_still_describes_itself():
    empty = with_tap_schema([], "v0")
    assert [s["schema_name"] for s in listed(empty, "schemas")] == ["TAP_SCHEMA"]
    assert len(listed(empty, "tables")) == 5


def test_the_name_of_the_schema_is_taken():
    with pytest.raises(ValueError, match="TAP_SCHEMA"):
        with_tap_schema([Schema("tap_schema", ())], "v1")
