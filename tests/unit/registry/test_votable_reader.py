import base64
import gzip
import re
import struct

import numpy as np
import pyarrow as pa
import pytest
from astropy.io.votable import from_table, writeto
from astropy.table import MaskedColumn, Table
from reading import read_file

from registry.errors import UnreadableFile, UnsupportedFile

EXPECTED = {
    "i": [1, None, 3],
    "l": [2**60 + 1, -5, 0],
    "u": [1, 2, 255],
    "s": ["a", "b c", "ccc"],
    "uni": ["é", "x", "ø"],
    "v": [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]],
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.vot"


def document(body, resource=""):
    return (
        '<?xml version="1.0"?>\n<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f"<RESOURCE>{resource}<TABLE name='t'>{body}</TABLE></RESOURCE></VOTABLE>"
    )


def field(datatype, extra="", name="a"):
    return f"<FIELD name='{name}' datatype='{datatype}' {extra}/>"


def cells(*values):
    rows = "".join(f"<TR><TD>{value}</TD></TR>" for value in values)
    return f"<DATA><TABLEDATA>{rows}</TABLEDATA></DATA>"


def stream(data, kind="BINARY2"):
    text = base64.encodebytes(data).decode()
    return f"<DATA><{kind}><STREAM encoding='base64'>{text}</STREAM></{kind}></DATA>"


@pytest.mark.parametrize("serialization", ["tabledata", "binary", "binary2"])
@pytest.mark.parametrize("packed", [False, True])
def test_what_astropy_writes(tmp_path, serialization, packed):
    table = Table(
        {
            "i": MaskedColumn([1, 2, 3], mask=[0, 1, 0], dtype="i4"),
            "l": np.array([2**60 + 1, -5, 0]),
            "u": np.array([1, 2, 255], "u1"),
            "f": [1.5, -99, np.nan],
            "b": [True, False, True],
            "s": ["a", "b c", "ccc"],
            "uni": ["é", "x", "ø"],
            "v": np.arange(6.0).reshape(3, 2),
        }
    )
    table["f"].unit = "deg"
    table["i"].description = "number"
    votable = from_table(table)
    votable.get_first_table().fields[0].values.null = -1
    path = tmp_path / "a.vot"
    writeto(votable, str(path), tabledata_format=serialization)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    found = read_file(path, tmp_path / "scratch")
    assert {name: found.values[name] for name in EXPECTED} == EXPECTED
    assert found.values["b"] == [True, False, True]
    assert found.values["f"][:2] == [1.5, -99.0]
    assert found.values["f"][2] is None or np.isnan(found.values["f"][2])
    assert found.columns["f"].unit == "deg"
    assert found.columns["i"].description == "number"
    assert found.types["v"] == pa.list_(pa.float64())
    assert found.format == ("VOTable in gzip" if packed else "VOTable")


@pytest.mark.parametrize(
    ("datatype", "extra", "texts", "values"),
    [
        ("int", "", ["5", "", "+7", "0x10"], [5, None, 7, 16]),
        ("double", "", ["1.5", "", "+Inf", "-Inf"], [1.5, None, np.inf, -np.inf]),
        ("boolean", "", ["T", "false", "1", "?", ""], [True, False, True, None, None]),
        ("bit", "arraysize='4'", ["0 1 1 0", "1001"], [[0, 1, 1, 0], [1, 0, 0, 1]]),
        ("char", "arraysize='*'", ["a &amp; b", "", "<![CDATA[<x>]]>"], ["a & b", None, "<x>"]),
        ("char", "arraysize='2x*'", ["abc d ", ""], [["ab", "c", "d"], None]),
        ("float", "arraysize='*'", ["1 2.5", "", " 3 "], [[1.0, 2.5], None, [3.0]]),
        ("int", "arraysize='2x2'", ["1 2 3 4"], [[1, 2, 3, 4]]),
        ("doubleComplex", "", ["1 2"], [[1.0, 2.0]]),
    ],
)
def test_cells_of_tabledata(path, datatype, extra, texts, values):
    path.write_text(document(field(datatype, extra) + cells(*texts)))
    assert read_file(path).values["a"] == values


def test_declared_nulls_and_timestamps(path):
    null = "<FIELD name='a' datatype='short'><VALUES null='-99'/></FIELD>"
    path.write_text(document(null + cells("-99", "5")))
    assert read_file(path).values["a"] == [None, 5]
    moment = field("char", "arraysize='*' xtype='timestamp'")
    path.write_text(document(moment + cells("2020-01-31T01:02:03.5Z", "")))
    found = read_file(path)
    assert found.types["a"] == pa.timestamp("us")
    assert found.values["a"][0].isoformat() == "2020-01-31T01:02:03.500000"


def test_binary2_with_variable_rows_and_null_flags(path):
    fields = field("char", "arraysize='*'", "t") + field("double", "", "d")
    fields += field("short", "arraysize='*'", "n") + field("boolean", "", "b")
    rows = b"\x00" + struct.pack(">i", 2) + b"ab" + struct.pack(">d", 1.5)
    rows += struct.pack(">ihh", 2, 7, -8) + b"T"
    rows += b"\xf0" + struct.pack(">i", 0) + struct.pack(">d", np.nan) + struct.pack(">i", 0) + b"?"
    rows += b"\x00" + struct.pack(">i", 0) + struct.pack(">d", -99) + struct.pack(">i", 0) + b"0"
    path.write_text(document(fields + stream(rows)))
    found = read_file(path, batch_rows=1)
    assert found.values == {
        "t": ["ab", None, ""],
        "d": [1.5, None, -99.0],
        "n": [[7, -8], None, []],
        "b": [True, None, False],
    }


def test_what_the_document_says(path):
    said = (
        "<DESCRIPTION>All of\n  them</DESCRIPTION><FIELD name='a' datatype='double' unit='deg' "
        "ucd='pos.eq.ra' utype='x:y' ref='sys'><DESCRIPTION>RA</DESCRIPTION></FIELD>"
    )
    frame = "<COOSYS ID='sys' system='eq_FK4' equinox='B1950'/>"
    path.write_text(document(said + cells("1"), frame))
    found = read_file(path)
    column = found.columns["a"]
    assert found.description == "All of them"
    assert (column.unit, column.ucd, column.utype) == ("deg", "pos.eq.ra", "x:y")
    assert (column.description, column.frame) == ("RA", "eq_FK4 equinox=B1950")


def test_several_tables_need_a_choice(path):
    body = field("int") + cells("1")
    other = f"</TABLE><TABLE ID='second'>{field('int')}{cells('2')}"
    path.write_text(document(body + other))
    with pytest.raises(UnreadableFile, match=r"has 2 tables.*1 \(t\): 1 fields; 2 \(second\)"):
        read_file(path)
    assert read_file(path, hdu="second").values == {"a": [2]}
    assert read_file(path, hdu="1").values == {"a": [1]}


def test_a_fits_table_inside(path, tmp_path):
    fits = tmp_path / "a.fits"
    Table({"a": [1, 2]}).write(fits)
    path.write_text(document(field("long", "ucd='meta.id'") + stream(fits.read_bytes(), "FITS")))
    found = read_file(path)
    assert found.values == {"a": [1, 2]}
    assert found.columns["a"].ucd == "meta.id"


def test_a_result_that_overflowed_says_so(path):
    info = "<INFO name='QUERY_STATUS' value='OVERFLOW'/>"
    path.write_text(document(field("int") + cells("1"), info))
    assert "was cut at a limit" in read_file(path).warnings[0]
    path.write_text(document(field("int") + cells("1"), info.replace("OVERFLOW", "ERROR")))
    with pytest.raises(UnreadableFile, match="service that failed"):
        read_file(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
@pytest.mark.parametrize("prefix", ["", "vot:"])
def test_encodings_and_prefixes(path, encoding, prefix):
    body = field("unicodeChar", "arraysize='*'") + cells("\u00c4")
    text = document(body).replace('"1.0"', f'"1.0" encoding="{encoding}"')
    text = text.replace("xmlns=", f"xmlns{':vot' if prefix else ''}=")
    text = re.sub(r"<(/?)(?=[A-Z])", rf"<\1{prefix}", text)
    path.write_bytes(text.encode(encoding))
    assert read_file(path).values == {"a": ["\u00c4"]}


def test_a_dtd_without_entities_is_passed_over(path):
    dtd = "<!DOCTYPE VOTABLE SYSTEM 'http://us-vo.org/xml/VOTable.dtd'>"
    path.write_text(document(field("int") + cells("7")).replace("<VOTABLE", dtd + "<VOTABLE", 1))
    assert read_file(path).values == {"a": [7]}
    text = document(field("char", "arraysize='*'") + cells("a&nbsp;b"))
    path.write_text(text.replace("<VOTABLE", dtd + "<VOTABLE", 1))
    with pytest.raises(UnreadableFile, match="entities"):
        read_file(path)


BOMB = "<!DOCTYPE b [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>]>"
THIEF = "<!DOCTYPE b [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BOMB + document(field("char") + cells("&b;"))[21:], "has a DTD"),
        (THIEF + document(field("char") + cells("&a;"))[21:], "has a DTD"),
        (document(field("char") + cells("&b;")), "not well-formed"),
        (document(field("int") + cells("1"))[:-60], "not well-formed"),
        (document(field("int") + cells("x")), "field 'a'"),
        (document(field("int") + "<DATA><TABLEDATA><TR/></TABLEDATA></DATA>"), "0 cells"),
        (document(field("thing") + cells("x")), "the datatype 'thing'"),
        (document(field("int", "arraysize='-1'") + cells("x")), "the arraysize '-1'"),
        (document(field("int") + stream(b"\0\0\0\0\1\0")), "end within a row"),
        (
            document(field("int", "arraysize='*'") + stream(b"\xff\xff\xff\xff", "BINARY")),
            "-1 elements",
        ),
        (
            document(
                field("int") + "<DATA><BINARY><STREAM href='file:///etc/passwd'/></BINARY></DATA>"
            ),
            "data elsewhere",
        ),
        (document("<GROUP>" * 500), "nested too deeply|not well-formed"),
        (document(field("char", "arraysize='*' xtype='timestamp'") + cells("soon")), "timestamp"),
    ],
)
def test_what_is_refused(path, content, message):
    path.write_text(content)
    with pytest.raises(UnreadableFile, match=message):
        read_file(path)


def test_a_document_without_a_table(path):
    path.write_text("<VOTABLE version='1.4'><RESOURCE/></VOTABLE>")
    with pytest.raises(UnsupportedFile, match="without a table"):
        read_file(path)
