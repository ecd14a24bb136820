"""VOSI's documents: their content, and the standards' schemas."""

from datetime import UTC, datetime, timedelta, timezone
from xml.etree import ElementTree as ET

import pytest

from registry.model.capability import (
    Capability,
    DataLimits,
    DataModel,
    Feature,
    FeatureGroup,
    Interface,
    InterfaceType,
    Language,
    LanguageVersion,
    LimitUnit,
    OutputFormat,
    TapCapability,
    TimeLimits,
    UrlUse,
)
from registry.model.field import Datatype, Field, ValueType
from registry.model.table import Column, ForeignKey, Schema, Storage, Table
from registry.tap_schema import with_tap_schema
from tests.support.schemas import validate
from vosi import availability, capabilities
from vosi.availability import Availability
from vosi.tables import Detail, TablesCache, find_table, render, render_table

BASE = "https://vo.example.org/tap"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

LANGUAGE = Language(
    "ADQL",
    (
        LanguageVersion("2.0", "ivo://ivoa.net/std/ADQL#v2.0"),
        LanguageVersion("2.1", "ivo://ivoa.net/std/ADQL#v2.1"),
    ),
    "Astronomical Data Query Language",
    (
        FeatureGroup(
            "udf", (Feature("pz_bin(z DOUBLE) -> INTEGER", "Bin of z, if 0 < z & z < 9"),)
        ),
        FeatureGroup(
            "adqlgeo",
            (Feature("POINT"), Feature("CIRCLE"), Feature("CONTAINS"), Feature("DISTANCE")),
        ),
    ),
)

FORMATS = (
    OutputFormat(
        "application/x-votable+xml;serialization=BINARY2",
        ("votable", "votable/b2"),
        "ivo://ivoa.net/std/TAPRegExt#output-votable-binary2",
    ),
    OutputFormat("text/csv", ("csv",)),
)


def tap(**parts):
    std = Interface(BASE, UrlUse.BASE, role="std", version="1.1")
    return TapCapability(
        "ivo://ivoa.net/std/TAP", (std,), languages=(LANGUAGE,), output_formats=FORMATS, **parts
    )


def vosi_capability():
    interface = Interface(f"{BASE}/tables", UrlUse.BASE, role="std", version="1.1")
    return Capability("ivo://ivoa.net/std/VOSI#tables-1.1", (interface,), "Tables & columns")


def examples_capability():
    interface = Interface(f"{BASE}/examples", type=InterfaceType.WEB_BROWSER)
    return Capability("ivo://ivoa.net/std/DALI#examples", (interface,))


def big_set(n_tables=3, n_columns=4):
    def table(number):
        columns = tuple(
            Column(Field(f"flux.{i}", ValueType(Datatype.FLOAT), unit="nJy"), f"c{i}")
            for i in range(n_columns)
        )
        return Table("object_catalog", f"p{number}_sky", columns, Storage(f"t{number}_v1", "t"))

    return with_tap_schema([Schema("object_catalog", tuple(map(table, range(n_tables))))], "v1")


@pytest.fixture
def tables():
    columns = (
        Column(
            Field(
                "z <best> & last",
                ValueType(Datatype.DOUBLE),
                ucd="src.redshift;meta.main",
                utype="pz:z",
                description="Reds\x00hift",
            ),
            "c0",
            indexed=True,
        ),
        Column(Field("seen", ValueType(Datatype.CHAR, "*", "timestamp")), "c1"),
        Column(Field("centre", ValueType(Datatype.DOUBLE, "2", "point"), unit="deg"), "c2"),
    )
    key = ForeignKey("k", "TAP_SCHEMA.tables", (("seen", "table_name"),), "Seen", "x:y")
    table = Table(
        "redshift_catalog",
        "p1_deep",
        columns,
        Storage("t1_v1", "t1"),
        description="Größe < 1",
        title="Deep",
        nrows=12,
        foreign_keys=(key,),
    )
    return with_tap_schema([Schema("redshift_catalog", (table,), "All", "s:u")], "v1")


def test_availability_says_yes_with_times_in_utc_and_notes():
    zone = timezone(timedelta(hours=-3))
    state = Availability(
        True,
        up_since=datetime(2026, 1, 1, 9, tzinfo=zone),
        down_at=datetime(2026, 2, 1, tzinfo=UTC),
        back_at=datetime(2026, 2, 2, tzinfo=UTC),
        notes=("Move to new disks", "Jobs < 1 h"),
    )
    root = validate(availability.render(state), "availability")
    assert [child.text for child in root] == [
        "true",
        "2026-01-01T12:00:00Z",
        "2026-02-01T00:00:00Z",
        "2026-02-02T00:00:00Z",
        "Move to new disks",
        "Jobs < 1 h",
    ]
    assert root.tag == "{http://www.ivoa.net/xml/VOSIAvailability/v1.0}availability"


def test_availability_says_no():
    root = validate(availability.render(Availability(False)), "availability")
    assert [child.text for child in root] == ["false"]


def test_availability_wants_times_with_zone():
    with pytest.raises(ValueError, match="2026-01-01T00:00:00"):
        availability.render(Availability(True, up_since=datetime(2026, 1, 1)))  # noqa: DTZ001


def test_capabilities_with_everything_obey_the_schemas():
    full = tap(
        data_models=(DataModel("ivo://ivoa.net/std/ObsCore#core-1.1", "ObsCore-1.1"),),
        upload_methods=("ivo://ivoa.net/std/TAPRegExt#upload-inline",),
        retention_period=TimeLimits(604800, 2592000),
        execution_duration=TimeLimits(600, 3600),
        output_limit=DataLimits(LimitUnit.ROW, 1_000_000, 50_000_000),
        upload_limit=DataLimits(LimitUnit.BYTE, 1000, 2000),
    )
    body = capabilities.render([vosi_capability(), examples_capability(), full])
    root = validate(body, "capabilities")
    assert [c.get("standardID") for c in root] == [
        "ivo://ivoa.net/std/VOSI#tables-1.1",
        "ivo://ivoa.net/std/DALI#examples",
        "ivo://ivoa.net/std/TAP",
    ]
    assert [child.tag for child in root[2]] == [
        "interface", "dataModel", "language", "outputFormat", "outputFormat", "uploadMethod",
        "retentionPeriod", "executionDuration", "outputLimit", "uploadLimit",
    ]  # fmt: skip
    assert root[2].findtext("outputLimit/hard") == "50000000"
    assert root[2].find("uploadLimit/hard").get("unit") == "byte"


def test_what_is_not_given_is_not_declared():
    root = validate(capabilities.render([tap()]), "capabilities")
    tags = [child.tag for child in root[0]]
    assert tags == ["interface", "language", "outputFormat", "outputFormat"]


def test_types_have_the_conventional_prefixes():
    text = capabilities.render([examples_capability(), tap()]).decode()
    assert "<vosi:capabilities " in text
    assert '<capability standardID="ivo://ivoa.net/std/TAP" xsi:type="tr:TableAccess">' in text
    assert '<interface xsi:type="vs:ParamHTTP" role="std" version="1.1">' in text
    assert '<interface xsi:type="vr:WebBrowser">' in text
    assert f'<accessURL use="base">{BASE}</accessURL>' in text
    assert "securityMethod" not in text


def test_features_have_the_spelling_that_clients_compare():
    text = capabilities.render([tap()]).decode()
    assert 'type="ivo://ivoa.net/std/TAPRegExt#features-udf"' in text
    assert 'type="ivo://ivoa.net/std/TAPRegExt#features-adqlgeo"' in text
    root = ET.fromstring(text)
    feature = root.find(".//languageFeatures/feature")
    assert feature.findtext("form") == "pz_bin(z DOUBLE) -> INTEGER"
    assert feature.findtext("description") == "Bin of z, if 0 < z & z < 9"


def test_ways_to_log_in_are_declared():
    interface = Interface(BASE, security_methods=("ivo://ivoa.net/sso#BasicAA",))
    root = validate(capabilities.render([Capability("ivo://x/y", (interface,))]), "capabilities")
    assert root.find(".//securityMethod").get("standardID") == "ivo://ivoa.net/sso#BasicAA"


def test_a_tap_capability_needs_a_language_and_a_format():
    with pytest.raises(ValueError, match="language"):
        TapCapability("ivo://ivoa.net/std/TAP", ())


def test_a_language_lists_the_values_of_lang():
    assert LANGUAGE.lang_values == ("ADQL", "ADQL-2.0", "ADQL-2.1")


def test_flags_of_tapplus_are_declared_and_obey_the_schemas(tables):
    root = validate(render(tables, Detail.MAX, flags=True), "tables")
    columns = root.iterfind("schema/table/column")
    attribute = "{http://esa.int/xml/EsaTapPlus}flags"
    for column in columns:
        indexed = "indexed" in [flag.text for flag in column.iterfind("flag")]
        assert column.get(attribute) == str(int(indexed))


def test_tables_in_full_obey_the_schemas(tables):
    root = validate(render(tables, Detail.MAX), "tables")
    assert root.get("version") is None
    assert [s.findtext("name") for s in root] == ["redshift_catalog", "TAP_SCHEMA"]
    table = root.find("schema/table")
    assert [child.tag for child in table] == [
        "name", "title", "description", "nrows", "column", "column", "column", "foreignKey",
    ]  # fmt: skip
    assert table.get("type") == "table"
    assert table.findtext("name") == "redshift_catalog.p1_deep"
    assert table.findtext("description") == "Größe < 1"
    assert table.findtext("nrows") == "12"


def test_columns_show_name_meaning_type_and_flags(tables):
    root = validate(render(tables, Detail.MAX), "tables")
    z, seen, centre = root.find("schema/table").findall("column")
    assert z.findtext("name") == '"z <best> & last"'
    assert z.findtext("description") == "Redshift"
    assert (z.findtext("ucd"), z.findtext("utype")) == ("src.redshift;meta.main", "pz:z")
    assert (z.get("std"), z.findtext("flag")) == ("false", "indexed")
    assert z.find("dataType").get("arraysize") is None
    kind = seen.find("dataType")
    assert kind.get(XSI_TYPE) == "vs:VOTableType"
    assert (kind.text, kind.get("arraysize"), kind.get("extendedType")) == (
        "char",
        "*",
        "timestamp",
    )
    assert centre.find("dataType").get("arraysize") == "2"
    assert centre.findtext("unit") == "deg"
    std = root.findall("schema")[1].find("table/column")
    assert std.get("std") == "true"


def test_keys_name_both_sides(tables):
    key = validate(render(tables, Detail.MAX), "tables").find("schema/table/foreignKey")
    assert key[0].tag == "targetTable"
    assert key[0].text == "TAP_SCHEMA.tables"
    assert key.findtext("fkColumn/fromColumn") == "seen"
    assert key.findtext("fkColumn/targetColumn") == "table_name"


def test_the_short_list_has_tables_alone(tables):
    root = validate(render(tables, Detail.MIN), "tables")
    assert len(root.findall("schema/table")) == 6
    assert root.find("schema/table/nrows").text == "12"
    assert root.find(".//column") is None
    assert root.find(".//foreignKey") is None


def test_one_table_always_has_its_columns(tables):
    table = find_table(tables, "redshift_catalog.p1_deep")
    root = validate(render_table(tables, table), "tables")
    assert root.tag == "{http://www.ivoa.net/xml/VOSITables/v1.0}table"
    assert len(root.findall("column")) == 3


@pytest.mark.parametrize(
    "name",
    [
        "redshift_catalog.p1_deep",
        "REDSHIFT_CATALOG.P1_Deep",
        '"redshift_catalog"."p1_deep"',
        'redshift_catalog."p1_deep"',
        " redshift_catalog . p1_deep ",
    ],
)
def test_a_table_is_found_as_queries_write_it(tables, name):
    assert find_table(tables, name).table_name == "p1_deep"


@pytest.mark.parametrize("name", ["", "p1_deep", "a.b", "a.b.c", '"a.b"', "redshift_catalog."])
def test_other_names_find_nothing(tables, name):
    assert find_table(tables, name) is None


def test_many_tables_are_valid_too():
    root = validate(render(big_set(40, 20), Detail.MAX), "tables")
    assert len(root.findall("schema/table/column")) == 40 * 20 + 34


def test_documents_of_a_snapshot_are_made_once(tables):
    cache = TablesCache(capacity=2)
    first = cache.render(tables, Detail.MAX)
    assert cache.render(tables, Detail.MAX) is first
    assert cache.render(tables, Detail.MIN) != first
    assert cache.render(tables, Detail.MAX) is first


def test_the_cache_forgets_what_was_not_asked_for_longest():
    cache = TablesCache(capacity=1)
    old = big_set(1)
    first = cache.render(old, Detail.MAX)
    newer = with_tap_schema([], "v2")
    cache.render(newer, Detail.MAX)
    again = cache.render(old, Detail.MAX)
    assert again == first
    assert again is not first
