from __future__ import annotations

import datetime as dt
import io
import struct

import astropy.io.votable
import lxml.etree
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from registry.errors import AnnotationRejected, RegistryError
from registry.formats.writers.base import ResultInfo
from registry.formats.writers.cells import PLAIN_TEXT, VOTABLE_TEXT, cell_text
from registry.formats.writers.errors import UnsupportedFormat
from registry.formats.writers.markup import attribute, escaped, escaped_column
from registry.formats.writers.naming import distinct_names
from registry.formats.writers.packing import packed_rows
from registry.formats.writers.parquet import ROW_GROUP_ROWS
from registry.formats.writers.registry import WRITERS, content_type, writer_for
from registry.formats.writers.stream import ResultStream
from registry.formats.writers.votable import document_head, error_document, unique_identifiers
from registry.model.field import Datatype, Field, ValueType

NS = {"v": "http://www.ivoa.net/xml/VOTable/v1.3"}
BOOLEAN = ValueType(Datatype.BOOLEAN)
INT = ValueType(Datatype.INT)
CHAR = ValueType(Datatype.CHAR, "*")
UNICODE = ValueType(Datatype.UNICODE_CHAR, "*")


def packed(value_type: ValueType, *values: object) -> bytes:
    return packed_rows([pa.array(values, value_type.arrow)], [Field("x", value_type)])


def lines(responseformat: str, fields: list[Field], *columns: list[object]) -> str:
    arrays = [pa.array(c, f.type.arrow) for f, c in zip(fields, columns, strict=True)]
    batch = pa.RecordBatch.from_arrays(arrays, names=[str(i) for i in range(len(arrays))])
    return b"".join(writer_for(responseformat).write(ResultStream(fields, [batch]))).decode()


def head(*fields: Field, infos: tuple[ResultInfo, ...] = ()) -> lxml.etree._Element:
    text = document_head(fields, infos) + "</TABLE></RESOURCE></VOTABLE>"
    return lxml.etree.fromstring(text.encode())


# ---- BINARY2, byte by byte


@pytest.mark.parametrize(
    ("value_type", "value", "expected"),
    [
        (ValueType(Datatype.BOOLEAN), True, b"T"),
        (ValueType(Datatype.BOOLEAN), False, b"F"),
        (ValueType(Datatype.UNSIGNED_BYTE), 200, b"\xc8"),
        (ValueType(Datatype.SHORT), -2, b"\xff\xfe"),
        (INT, 1, b"\0\0\0\1"),
        (ValueType(Datatype.LONG), 2**53 + 1, struct.pack(">q", 2**53 + 1)),
        (ValueType(Datatype.FLOAT), 0.5, struct.pack(">f", 0.5)),
        (ValueType(Datatype.DOUBLE), 0.1, struct.pack(">d", 0.1)),
        (CHAR, "ab", b"\0\0\0\2ab"),
        (ValueType(Datatype.CHAR, "3"), "abc", b"abc"),
        (UNICODE, "é", b"\0\0\0\1\0\xe9"),
        (UNICODE, "😀", b"\0\0\0\2\xd8\x3d\xde\x00"),
        (ValueType(Datatype.UNICODE_CHAR, "5"), "é😀", b"\0\xe9\xd8\x3d\xde\x00\0\0\0\0"),
        (ValueType(Datatype.CHAR, "3*"), "ab", b"\0\0\0\2ab"),
        (ValueType(Datatype.UNICODE_CHAR, "3*"), "é", b"\0\0\0\1\0\xe9"),
        (ValueType(Datatype.SHORT, "*"), [1, 2], b"\0\0\0\2\0\1\0\2"),
        (ValueType(Datatype.SHORT, "2"), [1, 2], b"\0\1\0\2"),
        (ValueType(Datatype.SHORT, "*"), [1, None], b"\0\0\0\2\0\1\x80\0"),
        (ValueType(Datatype.BOOLEAN, "*"), [True, None], b"\0\0\0\2T?"),
        (ValueType(Datatype.UNSIGNED_BYTE, "*"), [], b"\0\0\0\0"),
    ],
)
def test_binary2_values(value_type, value, expected):
    assert packed(value_type, value) == b"\0" + expected


@pytest.mark.parametrize(
    ("value_type", "expected"),
    [
        (ValueType(Datatype.BOOLEAN), b"?"),
        (INT, struct.pack(">i", -(2**31))),
        (ValueType(Datatype.DOUBLE), struct.pack(">d", float("nan"))),
        (CHAR, b"\0\0\0\0"),
        (ValueType(Datatype.CHAR, "3"), b"\0\0\0"),
        (UNICODE, b"\0\0\0\0"),
        (ValueType(Datatype.SHORT, "*"), b"\0\0\0\0"),
        (ValueType(Datatype.FLOAT, "2"), struct.pack(">ff", float("nan"), float("nan"))),
        (ValueType(Datatype.CHAR, "*", "timestamp"), b"\0\0\0\0"),
    ],
)
def test_binary2_nulls_have_their_flag_and_a_placeholder(value_type, expected):
    assert packed(value_type, None) == b"\x80" + expected


def test_binary2_flags_are_most_significant_first_and_padded_to_bytes():
    fields = [Field(f"c{i}", ValueType(Datatype.UNSIGNED_BYTE)) for i in range(10)]
    row = [1, None, 1, 1, 1, 1, 1, None, None, 1]
    columns = [pa.array([value], pa.uint8()) for value in row]
    assert packed_rows(columns, fields)[:2] == bytes([0b01000001, 0b10000000])


def test_binary2_rows_follow_each_other_whatever_the_order_of_columns():
    fields = [Field("s", CHAR), Field("a", INT), Field("t", CHAR)]
    columns = [
        pa.array(["x", None, "yy"]).slice(1),
        pa.array([9, 1, 2], pa.int32()).slice(1),
        pa.array(["", "p", ""]).slice(1),
    ]
    assert packed_rows(columns, fields) == (
        b"\x80" + b"\0\0\0\0" + b"\0\0\0\1" + b"\0\0\0\1p"
        b"\x00" + b"\0\0\0\2yy" + b"\0\0\0\2" + b"\0\0\0\0"
    )


def test_char_replaces_what_ascii_cannot_hold_one_for_one():
    assert packed(CHAR, "Åß😀") == b"\0\0\0\0\3???"
    assert packed(ValueType(Datatype.CHAR, "3"), "a😀b") == b"\0a?b"
    assert "<TD>Paris ?</TD>" in lines("votable/td", [Field("c", CHAR)], ["Paris é"])


def test_fixed_lengths_hold_even_if_a_value_does_not():
    assert packed(ValueType(Datatype.SHORT, "2"), [1], [1, 2, 3]) == b"\0\0\1\x80\0" + b"\0\0\1\0\2"


@pytest.mark.parametrize("datatype", [Datatype.CHAR, Datatype.UNICODE_CHAR])
def test_text_is_never_cut_in_silence(datatype):
    with pytest.raises(ValueError, match="4 characters where 3"):
        packed(ValueType(datatype, "3"), "a", "abcd")


@pytest.mark.parametrize("serialization", ["votable/b2", "votable/b", "votable/td"])
def test_texts_of_a_known_bound_can_be_saved_as_fits(serialization, tmp_path):
    texts = {
        ValueType(Datatype.CHAR, "7*"): ["COSMOS", "", "XMM-LSS"],
        ValueType(Datatype.UNICODE_CHAR, "4*"): ["é😀!", "", "ok"],
    }
    fields = [Field(f"c{i}", kind) for i, kind in enumerate(texts)]
    arrays = [pa.array(values, kind.arrow) for kind, values in texts.items()]
    batch = pa.RecordBatch.from_arrays(arrays, names=[field.name for field in fields])
    data = b"".join(writer_for(serialization).write(ResultStream(fields, [batch])))
    table = Table.read(io.BytesIO(data), format="votable")
    assert [column.dtype.kind for column in table.itercols()] == ["U", "U"]
    assert list(table["c0"]) == ["COSMOS", "", "XMM-LSS"]
    assert list(table["c1"]) == ["é😀!", "", "ok"]
    del table["c1"]
    table.write(tmp_path / "x.fits")
    assert list(Table.read(tmp_path / "x.fits")["c0"][[0, 2]]) == ["COSMOS", "XMM-LSS"]


@pytest.mark.parametrize(
    ("value_type", "arraysize"),
    [
        (ValueType(Datatype.CHAR, "7*"), "7"),
        (ValueType(Datatype.CHAR, "512*"), "512"),
        (ValueType(Datatype.CHAR, "513*"), "*"),
        (ValueType(Datatype.UNICODE_CHAR, "4*"), "4"),
        (ValueType(Datatype.CHAR, "*"), "*"),
        (ValueType(Datatype.CHAR, "*", "timestamp"), "*"),
        (ValueType(Datatype.INT, "4*"), "4*"),
    ],
)
@pytest.mark.parametrize("serialization", ["votable/b2", "votable/b"])
def test_binary_rows_have_text_of_fixed_width(serialization, value_type, arraysize):
    stream = ResultStream([Field("x", value_type)], [])
    data = b"".join(writer_for(serialization).write(stream))
    assert lxml.etree.fromstring(data).find(".//v:FIELD", NS).get("arraysize") == arraysize


def test_base64_of_many_pieces_is_one_text():
    field = Field("b", ValueType(Datatype.UNSIGNED_BYTE))
    source = [pa.record_batch({"b": pa.array([i], pa.uint8())}) for i in range(20)]
    data = b"".join(writer_for(None).write(ResultStream([field], source)))
    stream = data[data.index(b'base64">') + 8 : data.index(b"</STREAM>")]
    assert b"=" not in stream[:-2]
    array = astropy.io.votable.parse_single_table(io.BytesIO(data)).array
    assert list(array["b"]) == list(range(20))


# ---- cells as text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (dt.datetime(2020, 1, 2, 3, 4, 5), "2020-01-02T03:04:05"),  # noqa: DTZ001
        (dt.datetime(2020, 1, 1, 0, 0, 0, 120000), "2020-01-01T00:00:00.12"),  # noqa: DTZ001
        (dt.datetime(1, 1, 1, 10, 0, 0), "0001-01-01T10:00:00"),  # noqa: DTZ001
        (None, None),
    ],
)
def test_timestamps_are_iso_without_zone_and_trailing_zeros(value, expected):
    value_type = ValueType(Datatype.CHAR, "*", "timestamp")
    column = pa.array([value], pa.timestamp("us"))
    assert cell_text(column, value_type, VOTABLE_TEXT).to_pylist() == [expected]


def test_floats_are_shortest_in_their_own_precision():
    values = [0.1, 1 / 3, 1e22, 5e-324, 123456789.0]
    for datatype in (Datatype.FLOAT, Datatype.DOUBLE):
        column = pa.array(values, ValueType(datatype).arrow)
        texts = cell_text(column, ValueType(datatype), VOTABLE_TEXT).to_pylist()
        assert pa.array(list(map(float, texts)), pa.float64()).cast(column.type) == column
    assert texts[0] == "0.1"


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (VOTABLE_TEXT, ["NaN", "+Inf", "-Inf", None]),
        (PLAIN_TEXT, ["NaN", "Infinity", "-Infinity", None]),
    ],
)
def test_values_that_are_not_finite(style, expected):
    column = pa.array([float("nan"), float("inf"), -float("inf"), None])
    assert cell_text(column, ValueType(Datatype.DOUBLE), style).to_pylist() == expected


def test_arrays_are_elements_with_blanks_between():
    value_type = ValueType(Datatype.LONG, "*")
    column = pa.array([[9], [2**53 + 1, None], [], None], value_type.arrow).slice(1)
    assert cell_text(column, value_type, VOTABLE_TEXT).to_pylist() == [
        f"{2**53 + 1} {-(2**63)}",
        "",
        None,
    ]
    truth = ValueType(Datatype.BOOLEAN, "*")
    column = pa.array([[True, None, False]])
    assert cell_text(column, truth, VOTABLE_TEXT).to_pylist() == ["T ? F"]
    assert cell_text(column, truth, PLAIN_TEXT).to_pylist() == ["true null false"]


# ---- XML


def test_markup_keeps_what_xml_can_hold_and_drops_the_rest():
    text = 'a<b>&"\r\n\t\x00\x1f\ufffe\x85\ud7ff😀'
    document = f"<x{attribute('y', text)}>{escaped(text)}</x>"
    root = lxml.etree.fromstring(document.encode())
    legal = text.replace("\x00", "").replace("\x1f", "").replace("\ufffe", "")
    assert root.text == legal
    assert root.get("y") == legal
    column = escaped_column(pa.array(["skipped\x01", text, None, ""]).slice(1))
    assert column.to_pylist() == [escaped(text), None, ""]
    assert attribute("y", None) == ""


def test_identifiers_are_unique_and_equal_to_the_name_where_they_can():
    names = ["a b", "a_b", "z", "z", "Z", "1", "é", "", "z_2", "ra:dec"]
    identifiers = unique_identifiers(names)
    assert len(set(identifiers)) == len(names)
    assert [identifiers[i] for i in (1, 2, 4, 8)] == ["a_b", "z", "Z", "z_2"]
    assert identifiers[0] == "a_b_2"
    assert identifiers[3] == "z_3"


def test_columns_refer_to_their_frame_or_scale_and_others_to_none():
    root = head(
        Field("ra", ValueType(Datatype.DOUBLE), unit="deg", ucd="pos.eq.ra", frame="ICRS"),
        Field("e_ra", ValueType(Datatype.DOUBLE), unit="deg", ucd="stat.error;pos.eq.ra"),
        Field("ra_h", ValueType(Datatype.DOUBLE), unit="h", ucd="pos.eq.ra"),
        Field("t", ValueType(Datatype.CHAR, "*", "timestamp"), frame="UTC"),
        Field("icrs", INT),
        Field("utc", INT),
    )
    frame = root.find("v:COOSYS", NS)
    scale = root.find("v:TIMESYS", NS)
    assert frame.get("system") == "ICRS"
    assert scale.get("timescale") == "UTC"
    references = [field.get("ref") for field in root.iterfind(".//v:FIELD", NS)]
    assert references == [frame.get("ID"), None, None, scale.get("ID"), None, None]
    identifiers = [element.get("ID") for element in root.iter() if element.get("ID")]
    assert len(identifiers) == len(set(identifiers))


def test_frames_are_absent_where_nothing_refers_to_them():
    root = head(Field("n", INT))
    assert root.find("v:COOSYS", NS) is None
    assert root.find("v:TIMESYS", NS) is None


def test_fields_carry_all_their_metadata():
    field = Field("z", CHAR, unit="mag", ucd="phot.mag", utype="a:b", description='<"&>')
    element = head(field).find(".//v:FIELD", NS)
    assert dict(element.attrib) == {
        "ID": "z",
        "name": "z",
        "datatype": "char",
        "arraysize": "*",
        "unit": "mag",
        "ucd": "phot.mag",
        "utype": "a:b",
    }
    assert element.findtext("v:DESCRIPTION", namespaces=NS) == '<"&>'


@pytest.mark.parametrize(
    ("value_type", "arraysize"),
    [
        (INT, None),
        (ValueType(Datatype.INT, "3"), "3"),
        (ValueType(Datatype.INT, "3*"), "3*"),
        (ValueType(Datatype.CHAR), "*"),
        (ValueType(Datatype.CHAR, "5"), "5"),
        (ValueType(Datatype.CHAR, "5*"), "5*"),
        (ValueType(Datatype.UNICODE_CHAR, "5*"), "5*"),
        (ValueType(Datatype.UNICODE_CHAR, "5"), "5"),
        (ValueType(Datatype.CHAR, "*", "timestamp"), "*"),
    ],
)
def test_declared_arraysize(value_type, arraysize):
    assert head(Field("x", value_type)).find(".//v:FIELD", NS).get("arraysize") == arraysize


def test_missing_elements_are_declared_where_the_type_has_a_value_to_spare():
    def declared(value_type: ValueType) -> str | None:
        values = head(Field("x", value_type)).find(".//v:VALUES", NS)
        return None if values is None else values.get("null")

    assert declared(ValueType(Datatype.SHORT, "*")) == "-32768"
    assert declared(ValueType(Datatype.UNSIGNED_BYTE, "*")) is None
    assert declared(ValueType(Datatype.SHORT)) is None


def test_infos_follow_the_status_and_precede_the_table():
    info = ResultInfo("citation", "2019ApJ", "LSST & co", ucd="meta.bib.bibcode")
    resource = head(Field("n", INT), infos=(info,)).find("v:RESOURCE", NS)
    tags = [lxml.etree.QName(child).localname for child in resource]
    assert tags == ["INFO", "INFO", "TABLE"]
    assert resource[0].get("value") == "OK"
    assert resource[1].text == "LSST & co"
    assert resource[1].get("ucd") == "meta.bib.bibcode"


def test_the_error_document_tells_its_message():
    root = lxml.etree.fromstring(error_document("Column <nope> & more\x07"))
    info = root.find("v:RESOURCE/v:INFO", NS)
    assert (info.get("name"), info.get("value")) == ("QUERY_STATUS", "ERROR")
    assert info.text == "Column <nope> & more"


# ---- delimited text


def test_csv_quotes_what_needs_it_and_tells_null_from_empty():
    fields = [Field("a,b", CHAR), Field("n", INT)]
    text = lines("csv", fields, ["x", 'say "hi"', "l1\nl2", "", None], [1, None, 3, 4, 5])
    assert text == '"a,b",n\r\nx,1\r\n"say ""hi""",\r\n"l1\nl2",3\r\n"",4\r\n,5\r\n'


def test_csv_of_one_column_has_no_empty_lines():
    assert lines("csv", [Field("n", INT)], [1, None]) == 'n\r\n1\r\n""\r\n'


def test_tsv_has_one_line_per_row():
    fields = [Field("a", CHAR), Field("v", ValueType(Datatype.INT, "*"))]
    text = lines("tsv", fields, ["x\ty\r\nz", '"q"', None], [[1, 2], [], None])
    assert text == 'a\tv\nx y z\t1 2\n"q"\t\n\t\n'


@pytest.mark.parametrize(("responseformat", "separator"), [("csv", ","), ("tsv", "\t")])
def test_pandas_reads_delimited_text(responseformat, separator):
    fields = [Field("s", CHAR), Field("n", ValueType(Datatype.LONG)), Field("b", BOOLEAN)]
    text = lines(responseformat, fields, ["a,b", "c"], [2**53 + 1, -1], [True, False])
    frame = pd.read_csv(io.StringIO(text), sep=separator)
    assert frame.to_dict("list") == {"s": ["a,b", "c"], "n": [2**53 + 1, -1], "b": [True, False]}


# ---- HTML and Parquet


def test_html_escapes_and_shows_units_and_ucds():
    field = Field("<z>", CHAR, unit="km/s", ucd="src.redshift", description='a "b"')
    page = lines("html", [field], ["<script>alert(1)</script>"])
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<small>km/s</small>" in page
    assert "<small>src.redshift</small>" in page
    assert 'title="a &quot;b&quot;"' in page
    assert '<p class="count">1 row</p>' in page


def test_repeated_names_are_numbered_past_those_that_exist():
    fields = [Field(name, INT) for name in ("z", "z", "z_2", "z", "a")]
    assert [f.name for f in distinct_names(fields)] == ["z", "z_3", "z_2", "z_4", "a"]


def test_small_batches_are_gathered_to_row_groups_and_the_first_leaves_at_once():
    size = 1000
    count = 3 * ROW_GROUP_ROWS // size
    source = [pa.record_batch({"n": pa.array(range(size), pa.int32())})] * count
    data = b"".join(writer_for("parquet").write(ResultStream([Field("n", INT)], source)))
    metadata = pq.ParquetFile(io.BytesIO(data)).metadata
    sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert sizes[0] == size
    assert sum(sizes) == size * count
    assert len(sizes) <= 5
    assert metadata.metadata[b"IVOA.VOTable-Parquet.version"] == b"1.0"


# ---- the registry of formats


@pytest.mark.parametrize(
    ("responseformat", "name", "answer"),
    [
        (None, "votable/b2", "application/x-votable+xml;serialization=BINARY2"),
        ("", "votable/b2", "application/x-votable+xml;serialization=BINARY2"),
        ("VOTable", "votable/b2", "application/x-votable+xml;serialization=BINARY2"),
        ("application/x-votable+xml", "votable/b2", "application/x-votable+xml"),
        ("application/x-votable xml", "votable/b2", "application/x-votable+xml"),
        ("text/xml", "votable/b2", "text/xml"),
        (
            'application/x-votable+xml ; serialization = "tabledata"',
            "votable/td",
            "application/x-votable+xml;serialization=TABLEDATA",
        ),
        ("CSV", "csv", "text/csv;header=present; charset=utf-8"),
        ("text/csv", "csv", "text/csv;header=present; charset=utf-8"),
        ("text/csv;header=present", "csv", "text/csv;header=present; charset=utf-8"),
        ("text/csv; charset=UTF-8", "csv", "text/csv;header=present; charset=utf-8"),
        ("tsv", "tsv", "text/tab-separated-values; charset=utf-8"),
        ("parquet", "parquet", "application/vnd.apache.parquet"),
        ("html", "html", "text/html; charset=utf-8"),
        ("TEXT/HTML", "html", "text/html; charset=utf-8"),
        ("votable/b", "votable/b", "application/x-votable+xml;serialization=BINARY"),
        ("FITS", "fits", "application/fits"),
        ("arrow", "arrow", "application/vnd.apache.arrow.stream"),
        ("application/json", "json", "application/json"),
        ("hdf5", "hdf5", "application/x-hdf5"),
    ],
)
def test_formats_are_found_by_their_spellings(responseformat, name, answer):
    assert writer_for(responseformat).name == name
    assert content_type(responseformat) == answer


def test_unknown_formats_are_refused_with_the_accepted_names():
    for function in (writer_for, content_type):
        with pytest.raises(UnsupportedFormat, match="RESPONSEFORMAT 'fits2' is not supported") as e:
            function("fits2")
        assert e.value.accepted == (
            *("votable", "votable/td", "votable/b", "csv", "tsv", "fits", "parquet", "arrow"),
            *("hdf5", "json", "html"),
        )
        assert isinstance(e.value, RegistryError)


def test_no_alias_is_claimed_twice():
    aliases = [alias.casefold() for writer in WRITERS for alias in writer.aliases]
    assert len(aliases) == len(set(aliases))


def test_a_rejected_annotation_tells_every_problem():
    error = AnnotationRejected(["ra: unknown UCD 'pos.x'", "z: no unit is expected"])
    assert str(error).splitlines() == list(error.report)
