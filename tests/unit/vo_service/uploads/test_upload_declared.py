"""What a VOTable declares, read from its beginning."""

from __future__ import annotations

import gzip

import pytest

from vo_service.uploads.declared import Declared, declared_fields, parse_declared

DOCUMENT = """<?xml version="1.0"?>
<v:VOTABLE xmlns:v="http://www.ivoa.net/xml/VOTable/v1.3" version="1.4"><v:RESOURCE>
<v:TABLE><v:FIELD name="empty" datatype="int"/></v:TABLE>
<v:TABLE><v:FIELD name="s" datatype="double" arraysize="3" xtype="circle"/>
<v:FIELD name="n" datatype="short"/>
<v:DATA><v:TABLEDATA/></v:DATA></v:TABLE></v:RESOURCE></v:VOTABLE>"""

FIELDS = [Declared("s", "double", "3", "circle"), Declared("n", "short")]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_the_fields_of_the_table_with_data_are_listed(tmp_path, pack):
    path = tmp_path / "t"
    path.write_bytes(pack(DOCUMENT.encode()))
    assert declared_fields(path) == FIELDS


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"id,ra\n1,2\n",
        b"\x1f\x8bnot gzip",
        DOCUMENT[:200].encode(),
        b'<!DOCTYPE x [<!ENTITY a "b">]>' + DOCUMENT[22:].encode(),
        DOCUMENT.replace("<v:DATA><v:TABLEDATA/></v:DATA>", "").encode(),
    ],
)
def test_other_files_declare_nothing(tmp_path, content):
    path = tmp_path / "t"
    path.write_bytes(content)
    assert declared_fields(path) == []


def test_what_a_process_wrote_is_checked():
    assert parse_declared([field.as_list() for field in FIELDS]) == FIELDS
    assert parse_declared([["s", "double", "3", "cir cle"]]) == [Declared("s", "double", "3")]
    assert parse_declared([["s", 7, "3", "x" * 100]]) == [Declared("s", None, "3")]
    for wrong in (None, {}, "x", [1], [["s"]], [[1, "a", "b", "c"]]):
        assert parse_declared(wrong) == []
