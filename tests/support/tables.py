"""A small table set for tests: a catalogue, a survey table, awkward names, TAP_SCHEMA."""

from __future__ import annotations

from registry.model.field import Datatype, Field, ValueType
from registry.model.table import Column, Position, Schema, Storage, Table, TableSet
from vo_service.adql import typed
from vo_service.adql.parser import parse
from vo_service.adql.resolver import resolve

BOOLEAN = ValueType(Datatype.BOOLEAN)
SHORT = ValueType(Datatype.SHORT)
INT = ValueType(Datatype.INT)
LONG = ValueType(Datatype.LONG)
FLOAT = ValueType(Datatype.FLOAT)
DOUBLE = ValueType(Datatype.DOUBLE)
TEXT = ValueType(Datatype.CHAR, "*")
UNICODE = ValueType(Datatype.UNICODE_CHAR, "*")
CODE = ValueType(Datatype.CHAR, "4")
TIMESTAMP = ValueType(Datatype.CHAR, "*", "timestamp")
ARRAY = ValueType(Datatype.DOUBLE, "*")
POINT = ValueType(Datatype.DOUBLE, "2", "point")
CIRCLE = ValueType(Datatype.DOUBLE, "3", "circle")


def make_table(schema_name: str, table_name: str, *fields: Field, sky: bool = False) -> Table:
    """Make a table with physical names ``c0``, ``c1`` ... in the order of its fields."""
    columns = tuple(Column(field, f"c{index}") for index, field in enumerate(fields))
    physical = {column.field.name: column.physical for column in columns}
    position = Position(physical["ra"], physical["dec"], "_healpix") if sky else None
    return Table(
        schema_name,
        table_name,
        columns,
        Storage(f"{schema_name}_{table_name}".lower(), f"{table_name}.db"),
        position=position,
        order="_row",
    )


OBJECTS = make_table(
    "cat",
    "objects",
    Field("objectId", LONG, None, "meta.id;meta.main", None, "Identifier"),
    Field("ra", DOUBLE, "deg", "pos.eq.ra;meta.main", "pos:ra", "Right ascension"),
    Field("dec", DOUBLE, "deg", "pos.eq.dec;meta.main", None, "Declination"),
    Field("mag_g", FLOAT, "mag", "phot.mag;em.opt.B"),
    Field("mag_r", FLOAT, "mag", "phot.mag;em.opt.R"),
    Field("flux_r", DOUBLE, "nJy", "phot.flux.density;em.opt.R"),
    Field("speed", DOUBLE, "km.s**-1"),
    Field("exposure_s", DOUBLE, "s"),
    Field("z", DOUBLE, None, "src.redshift.phot;meta.main"),
    Field("quality", SHORT, None, "meta.code.qual"),
    Field("n_obs", INT),
    Field("is_star", BOOLEAN),
    Field("survey", TEXT, None, "meta.id;meta.dataset"),
    Field("comment", UNICODE),
    Field("code", CODE),
    Field("observed", TIMESTAMP, None, "time.epoch"),
    Field("pdf", ARRAY, None, "stat.probability;src.redshift.phot"),
    Field("place", POINT, "deg"),
    Field("footprint", CIRCLE, "deg"),
    sky=True,
)
"""Objects with a column of every type."""

SPECTRA = make_table(
    "cat",
    "spectra",
    Field("objectId", LONG),
    Field("z", DOUBLE, None, "src.redshift"),
    Field("quality", INT),
    Field("exposure", DOUBLE, "h"),
    Field("survey", UNICODE),
)
"""Shares objectId, z, quality and survey with `OBJECTS`."""

AWKWARD = make_table(
    "odd",
    "awkward",
    Field("z", FLOAT),
    Field("Z", DOUBLE),
    Field("flux.g", DOUBLE, "nJy"),
    Field("my col", TEXT),
    Field("size", INT),
    Field("RA", DOUBLE, "deg"),
)
"""Names that need delimiters."""

TWIN = make_table("odd", "objects", Field("id", LONG))
"""Has the name of `OBJECTS` in another schema."""

TAP_SCHEMAS = make_table(
    "TAP_SCHEMA",
    "schemas",
    Field("schema_name", TEXT),
    Field("utype", TEXT),
    Field("description", UNICODE),
    Field("schema_index", INT),
)
TAP_TABLES = make_table(
    "TAP_SCHEMA",
    "tables",
    Field("schema_name", TEXT),
    Field("table_name", TEXT),
    Field("table_type", TEXT),
    Field("utype", TEXT),
    Field("description", UNICODE),
    Field("table_index", INT),
)
TAP_COLUMNS = make_table(
    "TAP_SCHEMA",
    "columns",
    Field("table_name", TEXT),
    Field("column_name", TEXT),
    Field("datatype", TEXT),
    Field("arraysize", TEXT),
    Field("xtype", TEXT),
    Field("size", INT),
    Field("description", UNICODE),
    Field("utype", TEXT),
    Field("unit", TEXT),
    Field("ucd", TEXT),
    Field("indexed", INT),
    Field("principal", INT),
    Field("std", INT),
    Field("column_index", INT),
)

TABLES = TableSet(
    (
        Schema("cat", (OBJECTS, SPECTRA)),
        Schema("odd", (AWKWARD, TWIN)),
        Schema("TAP_SCHEMA", (TAP_SCHEMAS, TAP_TABLES, TAP_COLUMNS)),
    ),
    version="1",
)
"""Everything above."""


def resolved(text: str) -> typed.Query:
    """Parse and resolve a query over `TABLES`."""
    return resolve(parse(text), TABLES, text)


def field_of(expression: str, tables: str = "cat.objects") -> Field:
    """Give the column that one value makes in a result."""
    return resolved(f"SELECT {expression} FROM {tables}").fields[0]
