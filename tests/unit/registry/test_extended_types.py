"""Extended types of VOTable (xtype) stay with the columns of the files that say them."""

import pytest

from registry.formats.writers.registry import writer_for
from registry.ingestion.conversion import convert
from registry.ingestion.plan import PublishRequest
from registry.model.principal import OPERATOR

VOTABLE = """<?xml version="1.0"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>
<FIELD name="old" datatype="char" arraysize="*" xtype="adql:POINT"/>
<FIELD name="area" datatype="char" arraysize="*" xtype="adql:REGION"/>
<FIELD name="key" datatype="char" arraysize="36" xtype="uuid"/>
<FIELD name="at" datatype="char" arraysize="*" xtype="adql:TIMESTAMP"/>
<FIELD name="place" datatype="double" arraysize="2" xtype="point"/>
<FIELD name="false" datatype="double" arraysize="3" xtype="point"/>
<FIELD name="bad" datatype="char" arraysize="*" xtype="circle"/>
<FIELD name="odd" datatype="char" arraysize="*" xtype="&lt;b&gt;"/>
<DATA><TABLEDATA><TR><TD>Position ICRS 10.5 -20.25</TD><TD>Circle ICRS 10 20 0.5</TD>
<TD>0f8fad5b-d9cb-469f-a165-70867728950e</TD><TD>2020-01-01T00:00:00</TD><TD>10 20</TD>
<TD>1 2 3</TD><TD>1 2 3</TD><TD>x</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>
"""

KEPT = {"old": "adql:POINT", "area": "adql:REGION", "key": "uuid", "at": "timestamp"}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "shapes.vot"
    path.write_text(VOTABLE)
    return path


def extended(fields):
    return {field.name: field.type.xtype for field in fields if field.type.xtype is not None}


def test_a_published_column_has_the_extended_type_of_its_file(site, file):
    published = site.service.publish(OPERATOR, file, PublishRequest("shapes", "other"))
    columns = [planned.column for planned in published.plan.columns]
    assert extended(column.field for column in columns) == KEPT | {"place": "point"}
    (table,) = site.catalogue.tables(OPERATOR).schemas[0].tables
    assert extended(c.field for c in table.columns) == KEPT | {"place": "point"}


@pytest.mark.parametrize("format_name", ["votable", "parquet", "fits"])
def test_extended_types_survive_conversions(file, tmp_path, format_name):
    writer = writer_for(format_name)
    there = tmp_path / f"there.{format_name}"
    convert(file, there, writer)
    back = convert(there, tmp_path / "back.vot", writer_for("votable"))
    # FITS has no type for moments: they come back as text.
    expected = {name for name in KEPT if name != "at" or format_name != "fits"}
    assert extended(back.fields) == {name: KEPT[name] for name in expected}
