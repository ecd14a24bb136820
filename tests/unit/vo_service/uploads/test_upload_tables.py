"""Types, names, nulls and meaning of uploaded columns, as they were sent."""

from __future__ import annotations

import gzip
import io
from contextlib import nullcontext

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import votable as astropy_votable
from astropy.table import Table

from registry.errors import HostBusy
from registry.host.client import WaitingClient, set_waiting_client
from registry.host.places import Places
from registry.model.field import Datatype, ValueType
from vo_service.uploads.errors import UploadExceeded, UploadMissing, UploadRejected

D = Datatype

FIELDS = """
<FIELD name="Flag" datatype="boolean"/>
<FIELD name="byte" datatype="unsignedByte"><VALUES null="255"/></FIELD>
<FIELD name="short" datatype="short"><VALUES null="-99"/></FIELD>
<FIELD name="int" datatype="int"><VALUES null="-99"/></FIELD>
<FIELD name="long id" datatype="long" ucd="meta.id;meta.main"><VALUES null="-99"/></FIELD>
<FIELD name="float" datatype="float" unit="mag"/>
<FIELD name="double" datatype="double" ucd="pos.eq.ra;meta.main" unit="deg" utype="a:b.c"/>
<FIELD name="char" datatype="char" arraysize="*"><DESCRIPTION>Words</DESCRIPTION></FIELD>
<FIELD name="fixed" datatype="char" arraysize="8"/>
<FIELD name="unicode" datatype="unicodeChar" arraysize="*"/>
<FIELD name="seen" datatype="char" arraysize="*" xtype="timestamp"/>
<FIELD name="three" datatype="int" arraysize="3"/>
<FIELD name="many" datatype="double" arraysize="*"/>
<FIELD name="place" datatype="double" arraysize="2" xtype="point"/>
<FIELD name="round" datatype="double" arraysize="3" xtype="circle"/>
<FIELD name="shape" datatype="double" arraysize="*" xtype="polygon"/>
<FIELD name="range" datatype="double" arraysize="2" xtype="interval"/>
<FIELD name="key" datatype="char" arraysize="36" xtype="uuid"/>
"""

ROW = (
    "T", "7", "-3", "70000", str(2**53 + 1), "0.1", "0.1", "abc", "ab", "plain",
    "2025-01-02T03:04:05.678", "1 2 3", "1 2", "1 2", "1 2 3", "0 0 1 0 1 1", "0 1", "k",
)  # fmt: skip

TYPES = {
    "Flag": ValueType(D.BOOLEAN),
    "byte": ValueType(D.UNSIGNED_BYTE),
    "short": ValueType(D.SHORT),
    "int": ValueType(D.INT),
    "long id": ValueType(D.LONG),
    "float": ValueType(D.FLOAT),
    "double": ValueType(D.DOUBLE),
    "char": ValueType(D.CHAR, "3*"),
    "fixed": ValueType(D.CHAR, "2*"),
    "unicode": ValueType(D.UNICODE_CHAR, "5*"),
    "seen": ValueType(D.CHAR, "*", "timestamp"),
    "three": ValueType(D.INT, "3"),
    "many": ValueType(D.DOUBLE, "2"),
    "place": ValueType(D.DOUBLE, "2", "point"),
    "round": ValueType(D.DOUBLE, "3", "circle"),
    "shape": ValueType(D.DOUBLE, "*", "polygon"),
    "range": ValueType(D.DOUBLE, "2", "interval"),
    "key": ValueType(D.CHAR, "1*", "uuid"),
}


def document(fields, *rows):
    """Write a VOTable."""
    cells = "".join("<TR>" + "".join(f"<TD>{cell}</TD>" for cell in row) + "</TR>" for row in rows)
    return (
        '<?xml version="1.0"?><VOTABLE xmlns="http://www.ivoa.net/xml/VOTable/v1.3" version="1.4">'
        f"<RESOURCE><TABLE><DESCRIPTION>Mine</DESCRIPTION>{fields}<DATA><TABLEDATA>{cells}"
        "</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    ).encode()


def rewritten(content, serialization):
    """Write a VOTable in another serialisation."""
    parsed = astropy_votable.parse(io.BytesIO(content))
    parsed.get_first_table().format = serialization
    sink = io.BytesIO()
    parsed.to_xml(sink)
    return sink.getvalue()


@pytest.mark.parametrize("kind", ["tabledata", "binary", "binary2", "gzip"])
def test_types_of_votables_are_kept(reading, kind):
    content = document(FIELDS, ROW)
    if kind == "gzip":
        content = gzip.compress(content)
    elif kind != "tabledata":
        content = rewritten(content, kind)
    read = reading.one(content)
    found = {column.field.name: column.field.type for column in read.table.columns}
    assert found == TYPES
    assert [column.physical for column in read.table.columns] == read.rows.column_names
    assert read.rows.schema.types == [kind.arrow for kind in TYPES.values()]
    values = [column[0].as_py() for column in read.rows.columns]
    assert values[:5] == [True, 7, -3, 70000, 2**53 + 1]
    assert values[5] == np.float32(0.1)
    assert values[6:10] == [0.1, "abc", "ab", "plain"]
    assert values[10].isoformat() == "2025-01-02T03:04:05.678000"
    assert values[11:] == [
        [1, 2, 3], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0, 3.0], [0, 0, 1, 0, 1, 1], [0, 1], "k",
    ]  # fmt: skip


def test_meaning_is_kept(reading):
    table = reading.one(document(FIELDS, ROW)).table
    fields = {column.field.name: column.field for column in table.columns}
    assert (table.schema_name, table.table_name, table.nrows) == ("TAP_UPLOAD", "t0", 1)
    assert table.description == "Mine"
    assert fields["double"].ucd == "pos.eq.ra;meta.main"
    assert (fields["double"].unit, fields["double"].utype) == ("deg", "a:b.c")
    assert fields["char"].description == "Words"
    assert table.storage.file is None


def test_nulls_and_nans_are_null(reading):
    fields = FIELDS.partition('<FIELD name="char"')[0]
    empty = reading.one(document(fields, ("", "255", "-99", "-99", "-99", "NaN", "")))
    assert [column.null_count for column in empty.rows.columns] == [1] * 7


def test_a_table_without_rows_keeps_its_columns(reading):
    read = reading.one(document(FIELDS))
    assert read.rows.num_rows == 0
    assert [c.field.name for c in read.table.columns] == list(TYPES)


def test_text_beyond_ascii_is_unicode_whatever_it_says(reading):
    read = reading.one(document('<FIELD name="a" datatype="char" arraysize="*"/>', ("é✓",)))
    assert read.table.columns[0].field.type.datatype is D.UNICODE_CHAR
    assert read.rows["c0"].to_pylist() == ["é✓"]


def fits(table):
    sink = io.BytesIO()
    table.write(sink, format="fits")
    return sink.getvalue()


def parquet(table):
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def test_fits_csv_and_parquet_files_are_read(reading):
    table = Table({"id": np.array([2**53 + 1]), "n": np.array([3], np.int16), "w": ["a"]})
    arrow = pa.table({"id": [2**53 + 1], "n": pa.array([3], pa.int16()), "w": ["a"]})
    for content, name in (
        (fits(table), "x.fits"),
        (parquet(arrow), "x.parquet"),
        (b"id,n,w\n9007199254740993,3,a\n", "x.csv"),
        (gzip.compress(b"id,n,w\n9007199254740993,3,a\n"), "x.csv.gz"),
        (gzip.compress(fits(table)), None),
    ):
        read = reading.one(content, name)
        assert [c.field.name for c in read.table.columns] == ["id", "n", "w"]
        assert [column[0].as_py() for column in read.rows.columns] == [2**53 + 1, 3, "a"]
    assert reading.one(fits(table)).table.columns[1].field.type == ValueType(D.SHORT)


def test_several_tables_have_relations_of_their_own(reading):
    csv = b"a,b\n1,2\n"
    tables = reading.read(csv, csv, names=["One", "two"])
    assert [each.table.table_name for each in tables] == ["One", "two"]
    assert len({each.table.storage.relation for each in tables}) == 2


SHAPE = '<FIELD name="s" datatype="double" arraysize="*" xtype="{}"/>'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n0000", "a PNG image"),
        (b"<html><body>Login</body></html>", "HTML page"),
        (document(FIELDS, ROW)[:-60], "not well-formed"),
        (document(FIELDS, ROW[:-1]), "damaged VOTable"),
        (document('<FIELD name="a" datatype="int"/>', ("x",)), "damaged VOTable"),
        (document('<FIELD name="a" datatype="int"/>' * 2, ("1", "1")), "two columns are called"),
        (document('<FIELD name=" " datatype="int"/>', ("1",)), "give it a name"),
        (b"PAR1" + bytes(100), "t0"),
        (gzip.compress(b"a,b\n1,2\n" * 100)[:-20], "t0"),
        (document(SHAPE.format("circle"), ("1 2",)), "xtype circle, but not 3 numbers"),
        (document(SHAPE.format("polygon"), ("1 2 3 4",)), "not three or more pairs"),
        (parquet(pa.table({"b": [b"\0"]})), "'b' holds binary data"),
        (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><VOTABLE>&b;</VOTABLE>', "t0"),
    ],
)
def test_files_that_cannot_be_used_are_refused_by_name(reading, content, words):
    with pytest.raises(UploadRejected) as caught:
        reading.one(content)
    message = str(caught.value)
    assert message.startswith("the upload t0 cannot be used: ")
    assert words in message
    assert str(reading.folder) not in message
    assert caught.value.parameter == "UPLOAD"


def test_a_part_that_is_not_there_is_named(reading):
    with pytest.raises(UploadMissing, match=r"upload t0 .* no file named 'p0'"):
        reading.one(None)


@pytest.mark.parametrize(
    ("limits", "content", "words"),
    [
        ({"size_bytes": 10}, b"id,n\n" + b"1,2\n" * 10, "larger than 10 bytes"),
        ({"rows": 3}, b"id,n\n" + b"1,2\n" * 4, "more than 3 rows"),
        ({}, b",".join(b"c%d" % i for i in range(2001)) + b"\n" + b"1," * 2000 + b"1\n", "2001"),
    ],
)
def test_tables_past_a_limit_are_refused(limited, limits, content, words):
    with pytest.raises(UploadExceeded, match=words):
        limited(**limits).one(content)


@pytest.mark.parametrize(
    ("limits", "content"),
    [({"size_bytes": 8}, b"a,b\n1,2\n"), ({"rows": 3}, b"id,n\n" + b"1,2\n" * 3)],
)
def test_tables_at_a_limit_are_taken(limited, limits, content):
    assert limited(**limits).one(content).rows.num_rows > 0


def test_values_that_unpack_to_too_much_are_refused(limited):
    # Two million zeros take less than a kilobyte as Parquet.
    content = parquet(pa.table({"a": np.zeros(2_000_000)}))
    limits = {"rows": 10**7, "values_bytes": 8 * 2_000_000 - 1}
    with pytest.raises(UploadExceeded, match="bytes of memory"):
        limited(**limits).one(content)


def test_values_at_the_limit_of_memory_are_taken(limited):
    content = parquet(pa.table({"a": np.zeros(8_000)}))
    # A bit for each value may say whether it is there.
    assert limited(rows=10**5, values_bytes=65_000).one(content).rows.num_rows == 8_000


def test_a_few_texts_of_many_megabytes_are_refused(limited):
    sink = io.BytesIO()
    rows = pa.table({"a": ["x" * 10**8] * 5})
    pq.write_table(rows, sink, compression="zstd", write_statistics=False)
    content = sink.getvalue()
    assert len(content) < 10**5
    with pytest.raises((UploadExceeded, UploadRejected), match="memory"):
        limited().one(content)


def test_a_bomb_is_refused(limited):
    content = gzip.compress(b"id\n" + b"1\n" * 10_000_000)
    with pytest.raises(UploadRejected, match="t0"):
        limited(rows=10**9).one(content)


def test_too_many_tables_are_refused(reading):
    with pytest.raises(UploadExceeded, match="20 tables"):
        reading.read(*[b"a,b\n1,2\n"] * 21)


def test_all_tables_together_are_limited(limited):
    reading = limited(rows=10**7, values_bytes=8_000_000)
    half = parquet(pa.table({"a": np.zeros(600_000)}))
    reading.one(half)
    with pytest.raises(UploadExceeded, match=r"upload t1 .* together"):
        reading.read(half, half)


def test_nothing_stays_on_the_disk(reading):
    reading.one(b"a,b\n1,2\n")
    with pytest.raises(UploadRejected):
        reading.one(b"PAR1" + bytes(100))
    assert reading.left_files() == []


def test_who_waits_too_long_is_told_that_the_service_is_busy(limited, tmp_path_factory):
    folder = tmp_path_factory.mktemp("places")
    places = Places(folder, "tables", total=1, per_visitor=1, wait_s=0)
    reading = limited(places)
    set_waiting_client(WaitingClient(lambda: "address 192.0.2.1", lambda _action: nullcontext()))
    try:
        with places.take("user ada"), pytest.raises(HostBusy) as refused:
            reading.one(b"a,b\n1,2\n")
        assert refused.value.retry_after_s >= 1
        reading.one(b"a,b\n1,2\n")
    finally:
        set_waiting_client(None)
    assert places.running == 0


def test_a_reader_that_died_while_it_waited_is_not_used(limited):
    reading = limited()
    reading.one(b"a,b\n1,2\n")
    _, pool = reading.service._opened
    for _ in range(4000):
        with pool._changed:
            if len(pool._idle) == 2:
                break
            pool._changed.wait(0.05)
    for reader in list(pool._idle):
        reader.process.kill()
        reader.process.wait()
    assert reading.one(b"a,b\n1,2\n").rows.num_rows == 1


def test_closing_ends_readers_that_wait(limited):
    reading = limited()
    reading.one(b"a,b\n1,2\n")
    _, pool = reading.service._opened
    reading.service.close()
    reading.service.close()
    assert pool._idle == []
    assert list(reading.folder.iterdir()) == []
