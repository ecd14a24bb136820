"""One suite for every result writer: what is in the result is in the document."""

from __future__ import annotations

import csv
import datetime as dt
import html.parser
import io
import json
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import astropy.io.fits
import astropy.io.votable
import h5py
import lxml.etree
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import pyvo.dal
import pyvo.dal.exceptions
from astropy.table import Table

from registry.formats.writers.base import ResultInfo, ResultWriter
from registry.formats.writers.errors import ResultIncomplete
from registry.formats.writers.registry import WRITERS, content_type, writer_for
from registry.formats.writers.stream import ResultStream
from registry.formats.writers.votable import error_document
from registry.model.field import Datatype, Field, ValueType

NAN, INF = float("nan"), float("inf")

COLUMNS: list[tuple[Field, list[object]]] = [
    (Field("flag", ValueType(Datatype.BOOLEAN), ucd="meta.code"), [True, False, None, True]),
    (Field("quality", ValueType(Datatype.UNSIGNED_BYTE)), [0, 255, None, 1]),
    (Field("band", ValueType(Datatype.SHORT)), [-32768, 32767, None, 1]),
    (Field("count", ValueType(Datatype.INT)), [-(2**31), 2**31 - 1, None, 1]),
    (
        Field(
            "objectId",
            ValueType(Datatype.LONG),
            ucd="meta.id;meta.main",
            description='an "id" < 2^63 & > -2^63',
        ),
        [-(2**63), 2**63 - 1, None, 2**53 + 1],
    ),
    (Field("z_err", ValueType(Datatype.FLOAT)), [float(np.float32(0.1)), NAN, None, INF]),
    (
        Field("ra", ValueType(Datatype.DOUBLE), unit="deg", ucd="pos.eq.ra;meta.main"),
        [0.1, 1e300, None, -INF],
    ),
    (Field("name", ValueType(Datatype.CHAR, "*")), ['a <&> "b", c\r\nd', "", None, "x\ty"]),
    (Field("code", ValueType(Datatype.CHAR, "3")), ["abc", "def", None, "g,i"]),
    (Field("note", ValueType(Datatype.UNICODE_CHAR, "*")), ["é😀ß", "", None, "日本"]),
    (
        Field("observed", ValueType(Datatype.CHAR, "*", "timestamp"), ucd="time.epoch"),
        [
            dt.datetime(2020, 1, 1),  # noqa: DTZ001 - times without zone, as in the contract
            dt.datetime(1969, 12, 31, 23, 59, 59, 500000),  # noqa: DTZ001
            None,
            dt.datetime(9999, 12, 31, 23, 59, 59, 999999),  # noqa: DTZ001
        ],
    ),
    (Field("pdf", ValueType(Datatype.FLOAT, "*")), [[0.5, NAN, None], [], None, [INF, -INF]]),
    (
        Field("cov", ValueType(Datatype.DOUBLE, "3")),
        [[1.0, 2.0, 3.0], [4.0, None, 6.0], None, [7.0, 8.0, 9.0]],
    ),
    (Field("ids", ValueType(Datatype.LONG, "*")), [[2**53 + 1, 2], [], None, [4]]),
    (Field("pair", ValueType(Datatype.SHORT, "2")), [[1, 2], [3, 4], None, [5, 6]]),
    (Field("bits", ValueType(Datatype.BOOLEAN, "*")), [[True, None, False], [], None, [True]]),
    (Field("mask", ValueType(Datatype.UNSIGNED_BYTE, "*")), [[1, 255], [], None, [0]]),
    (
        Field("center", ValueType(Datatype.DOUBLE, "2", "point"), unit="deg", ucd="pos.eq"),
        [[1.0, 2.0], [3.0, 4.0], None, [5.0, 6.0]],
    ),
    (
        Field("disk", ValueType(Datatype.DOUBLE, "3", "circle"), unit="deg"),
        [[1.0, 2.0, 0.5], [3.0, 4.0, 0.5], None, [5.0, 6.0, 0.5]],
    ),
]

POLYGON: tuple[Field, list[object]] = (
    Field("area", ValueType(Datatype.DOUBLE, "*", "polygon"), unit="deg"),
    [[0.0, 0.0, 1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0], None, []],
)

VOTABLES = [writer for writer in WRITERS if writer.name.startswith("votable/")]

every_writer = pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
every_votable = pytest.mark.parametrize("writer", VOTABLES, ids=lambda writer: writer.name)


class SourceLost(Exception):
    """What the source of a test raises in mid-stream."""


def batch(columns: list[tuple[Field, list[object]]]) -> pa.RecordBatch:
    arrays = [pa.array(values, field.type.arrow) for field, values in columns]
    return pa.RecordBatch.from_arrays(arrays, names=[f"c{i}" for i in range(len(arrays))])


def stream(
    columns: list[tuple[Field, list[object]]] = COLUMNS,
    *,
    rows: int | None = None,
    maxrec: int | None = None,
    infos: tuple[ResultInfo, ...] = (),
) -> ResultStream:
    source = [] if rows == 0 else [batch(columns)]
    return ResultStream([f for f, _ in columns], source, maxrec=maxrec, infos=infos)


def broken(columns: list[tuple[Field, list[object]]] = COLUMNS) -> ResultStream:
    def source() -> Iterator[pa.RecordBatch]:
        yield batch(columns)
        raise SourceLost("the disk is <full> & gone\x07")

    fields = [f for f, _ in columns]
    return ResultStream(fields, source(), stream_errors=(SourceLost,))


def document(writer: ResultWriter, result: ResultStream) -> bytes:
    return b"".join(writer.write(result))


def written(writer: ResultWriter, result: ResultStream) -> tuple[bytes, str | None]:
    """The bytes, and the error by which a format without place for it ends."""
    pieces = []
    try:
        for piece in writer.write(result):
            pieces.append(piece)  # noqa: PERF402 - the pieces before an exception are wanted
    except ResultIncomplete as error:
        return b"".join(pieces), str(error)
    return b"".join(pieces), None


class Page(html.parser.HTMLParser):
    """Cells of a page, header first, and the status that its end tells."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.status: str | None = None
        self.feed(data.decode())
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "meta":
            return
        self.open.append(tag)
        self.status = dict(attrs).get("data-query-status") or self.status
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


SPOOLED = ("fits", "hdf5")
"""Formats that state the number of rows in front."""


def fits_table(data: bytes) -> astropy.io.fits.BinTableHDU:
    hdus = astropy.io.fits.open(io.BytesIO(data), logical_as_bytes=True)
    hdus.verify("exception")
    return hdus[1]


def arrow_batches(data: bytes) -> list[tuple[pa.RecordBatch, dict[str, str]]]:
    """The batches with their custom metadata; fails if the stream has no end mark."""
    assert data.endswith(b"\xff\xff\xff\xff\0\0\0\0")
    reader = pa.ipc.open_stream(data)
    batches = []
    while True:
        try:
            read = reader.read_next_batch_with_custom_metadata()
        except StopIteration:
            return batches
        found = read.custom_metadata or {}
        batches.append((read.batch, {k.decode(): v.decode() for k, v in found.items()}))


def row_count(writer: ResultWriter, data: bytes) -> int:
    if writer.name.startswith("votable/"):
        return len(astropy.io.votable.parse_single_table(io.BytesIO(data)).array)
    if writer.name == "csv":
        return len(list(csv.reader(io.StringIO(data.decode(), newline="")))) - 1
    if writer.name == "tsv":
        return data.count(b"\n") - 1
    if writer.name == "html":
        return len(Page(data).rows) - 1
    if writer.name == "fits":
        return len(fits_table(data).data)
    if writer.name == "arrow":
        return sum(batch.num_rows for batch, _ in arrow_batches(data))
    if writer.name == "json":
        return len(json.loads(data)["data"])
    if writer.name == "hdf5":
        with h5py.File(io.BytesIO(data)) as file:
            (rows,) = {len(column) for column in file["data"].values()}
            return int(rows)
    return int(pq.ParquetFile(io.BytesIO(data)).metadata.num_rows)


def query_status(writer: ResultWriter, data: bytes) -> str | None:
    """The status after the rows, absent where the format has no place for it."""
    if writer.name == "html":
        return Page(data).status
    if writer.name in ("csv", "tsv"):
        return None
    if writer.name in ("fits", "arrow", "json", "hdf5"):
        status, message = status_and_message(writer, data)
        assert (status == "OK") == (message is None)
        return None if status == "OK" else status
    if writer.name == "parquet":
        metadata = pq.ParquetFile(io.BytesIO(data)).metadata.metadata
        data = metadata[b"IVOA.VOTable-Parquet.content"]
    infos = re.findall(rb'<INFO name="QUERY_STATUS" value="(\w+)"', data)
    assert infos[0] == b"OK"
    return infos[1].decode() if len(infos) > 1 else None


def status_and_message(writer: ResultWriter, data: bytes) -> tuple[str, str | None]:
    if writer.name == "fits":
        header = fits_table(data).header
        return header["QSTATUS"], header.get("QMESSAGE")
    if writer.name == "arrow":
        last, found = arrow_batches(data)[-1]
        assert last.num_rows == 0
        return found["QUERY_STATUS"], found.get("message")
    if writer.name == "json":
        status = json.loads(data)["status"]
        return status["value"], status.get("message")
    with h5py.File(io.BytesIO(data)) as file:
        return file.attrs["QUERY_STATUS"], file.attrs.get("message")


@every_writer
def test_every_row_is_written(writer: ResultWriter) -> None:
    data = document(writer, stream([*COLUMNS, POLYGON]))
    assert row_count(writer, data) == 4
    assert query_status(writer, data) is None


@every_writer
def test_an_empty_result_is_a_document_without_rows(writer: ResultWriter) -> None:
    data = document(writer, stream(rows=0))
    assert row_count(writer, data) == 0
    assert query_status(writer, data) is None


@every_writer
def test_cut_rows_are_marked_where_the_format_can(writer: ResultWriter) -> None:
    data = document(writer, stream(maxrec=3))
    assert row_count(writer, data) == 3
    expected = None if writer.name in ("csv", "tsv") else "OVERFLOW"
    assert query_status(writer, data) == expected


@every_writer
def test_a_result_of_exactly_maxrec_rows_is_not_marked(writer: ResultWriter) -> None:
    data = document(writer, stream(maxrec=4))
    assert row_count(writer, data) == 4
    assert query_status(writer, data) is None


@every_writer
def test_a_late_error_is_marked_or_breaks_off(writer: ResultWriter) -> None:
    data, raised = written(writer, broken())
    assert row_count(writer, data) == 4
    if writer.name in ("csv", "tsv"):
        assert raised == "the disk is <full> & gone\x07"
    else:
        assert raised is None
        assert query_status(writer, data) == "ERROR"
        if writer.name in ("arrow", "json", "hdf5", "fits"):
            message = status_and_message(writer, data)[1] or ""
            assert message.startswith("the disk is <full> & gone")
            return
        content = data.replace(b"&lt;", b"<").replace(b"&gt;", b">").replace(b"&amp;", b"&")
        assert b"the disk is <full> & gone" in content


@every_writer
def test_an_early_error_is_raised_before_any_byte(writer: ResultWriter) -> None:
    def source() -> Iterator[pa.RecordBatch]:
        raise SourceLost("no such thing")
        yield

    fields = [f for f, _ in COLUMNS]
    result = ResultStream(fields, source(), stream_errors=(SourceLost,))
    with pytest.raises(SourceLost):
        next(writer.write(result))


@pytest.mark.parametrize(
    "writer", [w for w in WRITERS if w.name not in SPOOLED], ids=lambda writer: writer.name
)
def test_bytes_come_before_the_source_is_exhausted(writer: ResultWriter) -> None:
    pulled = 0

    def source() -> Iterator[pa.RecordBatch]:
        nonlocal pulled
        for _ in range(5):
            pulled += 1
            yield batch(COLUMNS)

    pieces = writer.write(ResultStream([f for f, _ in COLUMNS], source()))
    assert next(pieces)
    assert pulled == 1
    next(pieces)
    assert pulled <= 2
    pieces.close()


@pytest.mark.filterwarnings("ignore:It is strongly recommended that column names")
@every_writer
def test_difficult_names_and_repeated_names_are_kept_apart(writer: ResultWriter) -> None:
    names = ["z", "z", "z_2", 'a "b" <c>', "ünï", "1st", "select", "x\ty", "a b", "a_b"]
    columns: list[tuple[Field, list[object]]] = [
        (Field(name, ValueType(Datatype.INT)), [position]) for position, name in enumerate(names)
    ]
    data = document(writer, stream(columns))
    assert row_count(writer, data) == 1
    if writer.name.startswith("votable/"):
        table = astropy.io.votable.parse_single_table(io.BytesIO(data))
        # line breaks and tabs in an attribute are normalised where its type is a token
        assert [field.name.replace("\t", " ") for field in table.fields] == [
            name.replace("\t", " ") for name in names
        ]
        identifiers = [field.ID for field in table.fields]
        assert identifiers[0] == "z"
        assert identifiers[2] == "z_2"
        assert len(set(identifiers)) == len(names)
        assert list(table.array[0]) == list(range(len(names)))
    elif writer.name == "parquet":
        schema = pq.ParquetFile(io.BytesIO(data)).schema_arrow
        assert schema.names == ["z", "z_3", "z_2", *names[3:]]
    elif writer.name == "csv":
        assert next(csv.reader(io.StringIO(data.decode(), newline=""))) == names
    elif writer.name == "tsv":
        assert data.decode().split("\n")[0].split("\t") == [n.replace("\t", " ") for n in names]
    elif writer.name == "fits":
        read = fits_table(data).columns.names
        assert read == ["z", "z_3", "z_2", 'a "b" <c>', "?n?", *names[5:7], "x y", *names[8:]]
    elif writer.name == "arrow":
        assert pa.ipc.open_stream(data).schema.names == names
    elif writer.name == "json":
        assert [column["name"] for column in json.loads(data)["metadata"]] == names
    elif writer.name == "hdf5":
        with h5py.File(io.BytesIO(data)) as file:
            assert list(file["data"]) == ["z", "z_3", "z_2", *names[3:]]
            assert [column.attrs["name"] for column in file["data"].values()] == names
    else:
        assert Page(data).rows[0] == names


@every_writer
def test_control_characters_do_not_break_the_document(writer: ResultWriter) -> None:
    text = "".join(map(chr, range(1, 32))) + "\x7f\x85\ufffe\uffff end"
    columns: list[tuple[Field, list[object]]] = [
        (Field("u\x02", ValueType(Datatype.UNICODE_CHAR, "*"), description=text), [text, "ok"]),
        (Field("c", ValueType(Datatype.CHAR, "*"), ucd="meta.note"), [text[:31], "ok"]),
        (Field("n", ValueType(Datatype.INT)), [1, 2]),
    ]
    infos = (ResultInfo("request", text, text),)
    data = document(writer, stream(columns, infos=infos))
    assert row_count(writer, data) == 2
    if writer.name.startswith("votable/"):
        lxml.etree.fromstring(data)


@every_writer
def test_text_outside_ascii_survives(writer: ResultWriter) -> None:
    columns: list[tuple[Field, list[object]]] = [
        (Field("u", ValueType(Datatype.UNICODE_CHAR, "*")), ["é😀ß", "日本", None, ""]),
        (Field("n", ValueType(Datatype.INT)), [1, 2, 3, 4]),
    ]
    data = document(writer, stream(columns))
    if writer.name.startswith("votable/"):
        read = list(astropy.io.votable.parse_single_table(io.BytesIO(data)).array["u"])
    elif writer.name == "parquet":
        read = pq.read_table(io.BytesIO(data))["u"].to_pylist()
    elif writer.name == "html":
        read = [row[0] for row in Page(data).rows[1:]]
    elif writer.name == "fits":
        # FITS holds ASCII alone: one question mark for each other character
        assert list(fits_table(data).data["u"]) == ["???", "??", "", ""]
        return
    elif writer.name == "arrow":
        read = pa.ipc.open_stream(data).read_all()["u"].to_pylist()
    elif writer.name == "json":
        read = [row[0] for row in json.loads(data)["data"]]
    elif writer.name == "hdf5":
        with h5py.File(io.BytesIO(data)) as file:
            read = list(file["data/u"].asstr())
    else:
        separator = "," if writer.name == "csv" else "\t"
        lines = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=separator)
        read = [row[0] for row in lines][1:]
    assert [text or "" for text in read] == ["é😀ß", "日本", "", ""]


@every_writer
def test_large_batches_leave_in_pieces(writer: ResultWriter) -> None:
    columns: list[tuple[Field, list[object]]] = [
        (Field("n", ValueType(Datatype.INT)), list(range(100_000)))
    ]
    pieces = list(writer.write(stream(columns)))
    assert len(pieces) > 2
    assert row_count(writer, b"".join(pieces)) == 100_000


@every_writer
def test_each_alias_finds_the_writer_and_media_types_are_answered_literally(
    writer: ResultWriter,
) -> None:
    for alias in writer.aliases:
        assert writer_for(alias) is writer
        assert writer_for(f" {alias.upper().replace(';', ' ; ')} ") is writer
        if alias.startswith("text/"):
            # The parameters say what the text is, whatever was asked for.
            assert content_type(alias).partition(";")[0] == alias.partition(";")[0]
            assert "charset=" in content_type(alias) or "xml" in alias
        elif alias.startswith("application/"):
            assert content_type(alias).startswith(alias)
        else:
            assert content_type(alias) == writer.media_type
    assert writer.media_type in writer.aliases
    assert writer.name in writer.aliases


@every_votable
@pytest.mark.parametrize("case", ["full", "empty", "overflow", "maxrec 0", "error"])
def test_votables_are_valid_against_the_schema(writer: ResultWriter, case: str) -> None:
    votable_schema().assertValid(lxml.etree.fromstring(votable_case(writer, case)))


def test_error_documents_are_valid_against_the_schema() -> None:
    votable_schema().assertValid(lxml.etree.fromstring(error_document("no <b> & \x00 'c'")))


@every_votable
def test_values_types_and_nulls_read_back(writer: ResultWriter) -> None:
    data = document(writer, stream())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = astropy.io.votable.parse_single_table(io.BytesIO(data)).to_table()
    assert table.colnames == [field.name for field, _ in COLUMNS]
    byte = "int16" if writer.name == "votable/b" else "uint8"  # room for null
    assert [str(table[name].dtype) for name in table.colnames[:7]] == [
        *("bool", byte, "int16", "int32", "int64", "float32", "float64"),
    ]
    for name in ("flag", "quality", "band", "count", "objectId", "z_err", "ra"):
        assert table[name].mask[2], name
    smallest = np.ma.masked if writer.name == "votable/b" else -(2**63)  # BINARY marks no nulls
    assert list(table["objectId"])[:2] == [smallest, 2**63 - 1]
    assert table["objectId"][3] == 2**53 + 1
    assert table["z_err"][0] == np.float32(0.1)
    assert list(table["ra"])[1::2] == [1e300, -INF]
    assert list(table["name"]) == ['a <&> "b", c\r\nd', "", "", "x\ty"]
    assert list(table["observed"]) == [
        *("2020-01-01T00:00:00", "1969-12-31T23:59:59.5", "", "9999-12-31T23:59:59.999999"),
    ]
    assert table["cov"][1].mask.tolist() == [False, True, False]
    assert table["cov"].mask[2].all()
    assert table["ids"][0].tolist() == [2**53 + 1, 2]
    assert table["bits"][0].tolist() == [True, None, False]
    assert table["ra"].unit == "deg"


@every_votable
def test_pyvo_reads_the_status(writer: ResultWriter) -> None:
    def results(data: bytes) -> pyvo.dal.DALResults:
        return pyvo.dal.DALResults(astropy.io.votable.parse(io.BytesIO(data)))

    assert len(results(votable_case(writer, "full"))) == 4
    with pytest.warns(pyvo.dal.exceptions.DALOverflowWarning):
        assert len(results(votable_case(writer, "overflow"))) == 2
    with pytest.raises(pyvo.dal.exceptions.DALQueryError, match="the disk is <full> & gone"):
        results(votable_case(writer, "error"))


def test_astropy_reads_parquet_with_its_votable_metadata() -> None:
    columns = [(field, [values[0]] * 2) for field, values in COLUMNS if field.name != "observed"]
    writer = writer_for("parquet")
    for result in (stream(columns), stream(columns, rows=0)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            table = Table.read(io.BytesIO(document(writer, result)), format="parquet.votable")
        assert table.colnames == [field.name for field, _ in columns]
        assert table["ra"].unit == "deg"
        if len(table):
            assert list(table["note"]) == ["é😀ß"] * 2
            assert table["objectId"][0] == -(2**63)
            assert table["pdf"][0].dtype == np.float32


@pytest.mark.clients
@pytest.mark.skipif(shutil.which("stilts") is None, reason="STILTS is not installed")
@every_votable
@pytest.mark.parametrize("case", ["full", "empty", "overflow", "maxrec 0", "error"])
def test_votlint_is_silent(writer: ResultWriter, case: str, tmp_path: Path) -> None:
    assert votlint(votable_case(writer, case), tmp_path) == ""


@pytest.mark.clients
@pytest.mark.skipif(shutil.which("stilts") is None, reason="STILTS is not installed")
def test_votlint_is_silent_on_polygons_and_errors(tmp_path: Path) -> None:
    # 3.4.7 reads any polygon of variable length in BINARY2 wrongly, hence TABLEDATA alone
    assert votlint(document(writer_for("votable/td"), stream([POLYGON])), tmp_path) == ""
    assert votlint(error_document("no <b> & \x00 'c'"), tmp_path) == ""


@pytest.mark.clients
@pytest.mark.skipif(shutil.which("stilts") is None, reason="STILTS is not installed")
def test_stilts_reads_the_same_values_from_all_serialisations(tmp_path: Path) -> None:
    columns = [c for c in [*COLUMNS, POLYGON] if c[0].name not in ("cov", "pair", "center", "disk")]
    texts = []
    for writer in VOTABLES:
        source = tmp_path / "in.vot"
        source.write_bytes(document(writer, stream(columns)))
        command = ["stilts", "tpipe", f"in={source}", "ifmt=votable", "ofmt=csv"]
        texts.append(
            subprocess.run(command, capture_output=True, check=True, timeout=240).stdout.decode()
        )
    missing = '"(NaN, NaN, NaN, NaN, NaN, NaN)"'
    assert texts[0] == texts[1].replace(missing, "")
    assert str(2**53 + 1) in texts[0]
    assert str(-(2**63)) in texts[0]


def votable_case(writer: ResultWriter, case: str) -> bytes:
    infos = (
        ResultInfo("request", 'SELECT "a" FROM b\nWHERE c < 3'),
        ResultInfo("citation", "2019ApJ...873..111I", "LSST", ucd="meta.bib.bibcode"),
    )
    results = {
        "full": stream(infos=infos),
        "empty": stream(rows=0),
        "overflow": stream(maxrec=2),
        "maxrec 0": stream(maxrec=0),
        "error": broken(),
    }
    return document(writer, results[case])


def votable_schema() -> lxml.etree.XMLSchema:
    folder = Path(astropy.io.votable.__file__).parent
    return lxml.etree.XMLSchema(lxml.etree.parse(folder / "data" / "VOTable.v1.4.xsd"))


def votlint(data: bytes, folder: Path) -> str:
    path = folder / "document.vot"
    path.write_bytes(data)
    command = ["stilts", "votlint", f"votable={path}"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    return (run.stdout + run.stderr).strip()
