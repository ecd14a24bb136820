"""A table of every type comes back equal from every client in every format, and is valid.

The equivalence of null, NaN and empty string is that of ``docs/reference/result-formats.md``.
"""

from __future__ import annotations

import datetime as dt
import io
import urllib.error
import urllib.request
from collections.abc import Callable
from urllib.parse import urlencode

import astropy.io.votable
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import pyvo
import pyvo.dal.exceptions
from command_line import pzvo
from live import LiveService
from readback import FORMATS, VOTABLES, Cells, differences, file_cells
from result_files import (
    astropy_parquet_cells,
    html_rows,
    read_result,
    retyped,
    votable_cells,
)

pytestmark = pytest.mark.clients

MAXREC = 1_000_000


def awkward_table() -> pa.Table:
    """Values and names that are easily lost on the way."""
    inf, nan = float("inf"), float("nan")
    zone = dt.timezone(dt.timedelta(hours=2))
    columns = {
        "select": pa.array([-(2**63), 2**63 - 1, None, 2**53 + 1]),
        'a"b': pa.array([-128, 127, None, 0], pa.int8()),
        "x,y": pa.array([0, 255, None, 1], pa.uint8()),
        "16 bits": pa.array([0, 2**16 - 1, None, 1], pa.uint16()),
        "été 日本": pa.array([0, 2**32 - 1, None, 1], pa.uint32()),
        "long enough": pa.array([0, 2**63 - 1, None, 1], pa.uint64()),
        "too long": pa.array([0, 2**64 - 1, None, 1], pa.uint64()),
        "_f32": pa.array([0.1, -0.0, inf, 1e-45], pa.float32()),
        "f64": pa.array([0.1 + 0.2, -0.0, -inf, 5e-324]),
        "F64": pa.array([nan, None, 1.7976931348623157e308, 1 / 3]),
        "text": pa.array(["plain", "", None, 'say "a, b"']),
        "lines": pa.array(["one\r\ntwo", "tab\there", "ends\n", None]),
        "blanks": pa.array(["  before", "after  ", " ", None]),
        "markup": pa.array(["<b>&amp;</b>", "]]>", "'", "null"]),
        "wide": pa.array(["é", "😀 ß", "日本", None]),
        "moment": pa.array(
            [
                "0001-01-01T00:00:00", "1969-12-31T23:59:59.999999", None, "9999-12-31T12:00:00",
            ]
        ).cast(pa.timestamp("us")),
        "zoned": pa.array(
            [dt.datetime(2026, 1, 1, 1, tzinfo=zone), None, None, None], pa.timestamp("ms", "UTC")
        ),
        "day": pa.array([dt.date(2026, 1, 31), None, None, dt.date(1900, 3, 1)]),
        "no values": pa.nulls(4),
        "true": pa.array([True, None, False, True]),
        "floats": pa.array([[0.1, nan, None], [], None, [inf]], pa.list_(pa.float32())),
        "longs": pa.array([[2**53 + 1, None], [], None, [-1]], pa.list_(pa.int64())),
        "bits": pa.array([[True, None, False], [], None, [True]], pa.list_(pa.bool_())),
        "triples": pa.array([[1.0, 2.0, 3.0]] * 4, pa.list_(pa.float64(), 3)),
        "band": pa.array(["g", "r", None, "g"]).dictionary_encode(),
    }  # fmt: skip
    return pa.table(columns)


def awkward_cells(table: pa.Table) -> Cells:
    """What the table is after publication: types that VOTable lacks are the next wider."""
    published = {
        "zoned": pa.timestamp("us"), "day": pa.timestamp("us"), "too long": pa.string(),
        "band": pa.string(),
    }  # fmt: skip
    columns = [
        table[name].cast(published[name]) if name in published else table[name]
        for name in table.column_names
    ]
    return file_cells(pa.table(columns, names=table.column_names))


@pytest.fixture(scope="module")
def tables(
    service: LiveService, survey: pa.Table, tmp_path_factory
) -> dict[str, tuple[str, Cells]]:
    """Queries of the tables with what they must give; one is published while the server runs."""
    path = tmp_path_factory.mktemp("awkward") / "awkward.parquet"
    awkward = awkward_table()
    pa.parquet.write_table(awkward, path)
    done = pzvo(service.home, "publish", str(path), "--name", "Awkward", "--type", "other")
    assert done.returncode == 0, done.stderr
    found = list(pyvo.dal.TAPService(service.url).tables.keys())
    (first,) = (name for name in found if "test_survey" in name)
    (second,) = (name for name in found if "awkward" in name)
    return {
        "survey": (f"SELECT * FROM {first}", file_cells(survey)),
        "awkward": (f"SELECT * FROM {second}", awkward_cells(awkward)),
    }


@pytest.fixture
def stilts_on(stilts, tmp_path) -> Callable[[str, bytes], tuple[int, str, str]]:
    """Run a task of STILTS on a document, and give its status and all that it says."""

    def run(task: str, document: bytes) -> tuple[int, str, str]:
        path = tmp_path / "document.vot"
        path.write_bytes(document)
        done = stilts(task, str(path))
        return done.returncode, done.stdout, done.stderr

    return run


def answer(service: LiveService, **parameters: object) -> tuple[int, bytes]:
    """Status and body of a synchronous query."""
    words = {"LANG": "ADQL", "REQUEST": "doQuery"} | parameters
    try:
        with urllib.request.urlopen(f"{service.url}/sync?{urlencode(words)}") as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("table", ["survey", "awkward"])
def test_pyvo_reads_every_cell(service, tables, table, format_name) -> None:
    query, expected = tables[table]
    client = pyvo.dal.TAPService(service.url)
    data = client.create_query(query, maxrec=MAXREC, RESPONSEFORMAT=format_name).execute_raw()
    read = read_result(data, format_name, expected)
    assert differences(expected, read, format_name) == []


@pytest.mark.parametrize("table", ["survey", "awkward"])
def test_astropy_reads_what_it_can_of_parquet(service, tables, table) -> None:
    query, expected = tables[table]
    _, data = answer(service, QUERY=query, RESPONSEFORMAT="parquet", MAXREC=MAXREC)
    read, wanted = astropy_parquet_cells(data, expected)
    assert {"long", "double", "float", "unicodeChar"} & set(wanted.types)
    assert differences(wanted, read, "parquet") == []


def test_64_bit_identifiers_pass_through_stilts_in_csv(service, tables, stilts, tmp_path) -> None:
    query, expected = tables["survey"]
    path = tmp_path / "survey.csv"
    path.write_bytes(answer(service, QUERY=query, RESPONSEFORMAT="csv", MAXREC=MAXREC)[1])
    done = stilts("tpipe", f"in={path}", "ifmt=csv", "cmd=keepcols OBJID", "ofmt=csv", "out=-")
    assert done.returncode == 0, done.stderr
    wanted = {str(value) for value in expected.columns[expected.names.index("OBJID")]}
    assert set(done.stdout.split()[1:]) == wanted


@pytest.mark.parametrize("table", ["survey", "awkward"])
def test_pyvo_gives_a_table_of_all_columns(service, tables, table) -> None:
    query, expected = tables[table]
    result = pyvo.dal.TAPService(service.url).run_sync(query, maxrec=MAXREC)
    assert list(result.fieldnames) == expected.names
    assert differences(expected, votable_cells(result.votable.get_first_table()), VOTABLES[0]) == []


@pytest.mark.filterwarnings("ignore")
def test_tables_io_of_rail_reads_the_columns_of_hdf5(service, tables, tmp_path) -> None:
    tables_io = pytest.importorskip("tables_io", exc_type=ImportError)
    query, expected = tables["survey"]
    path = tmp_path / "survey.hdf5"
    path.write_bytes(answer(service, QUERY=query, RESPONSEFORMAT="hdf5", MAXREC=MAXREC)[1])
    read = tables_io.read(str(path))
    assert set(read) == set(expected.names)
    assert read["pdf"].shape == (expected.rows, 3)
    order = np.argsort(read["OBJID"])
    wanted = sorted(zip(*expected.columns, strict=True))
    for index, name in enumerate(expected.names):
        column = [row[index] for row in wanted]
        if expected.types[index] in ("double", "float"):
            column = [np.nan if value is None else value for value in column]
        if None not in column and expected.types[index] in ("long", "short", "double", "float"):
            np.testing.assert_array_equal(read[name][order], column, name)


@pytest.mark.parametrize("table", ["survey", "awkward"])
def test_the_page_for_people_has_every_row(service, tables, table) -> None:
    query, expected = tables[table]
    status, page = answer(service, QUERY=query, RESPONSEFORMAT="html", MAXREC=MAXREC)
    assert (status, html_rows(page)) == (200, expected.rows)


@pytest.mark.parametrize("table", ["survey", "awkward"])
def test_stilts_tapquery_reads_every_cell(service, tables, table, stilts, tmp_path) -> None:
    query, expected = tables[table]
    out = tmp_path / "out.vot"
    done = stilts(
        "tapquery", f"tapurl={service.url}", f"adql={query}", f"maxrec={MAXREC}", "sync=true",
        "ofmt=votable-binary2-inline", f"out={out}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    read = votable_cells(astropy.io.votable.parse(out).get_first_table())
    assert differences(expected, read, "votable/b2", "stilts") == []


STILTS_FORMATS = (*VOTABLES, "fits", "csv")
"""Formats that STILTS reads; what it reads of Parquet depends on its installation."""


def without(cells: Cells, name: str) -> Cells:
    """The other columns."""
    kept = [index for index, other in enumerate(cells.names) if other != name]
    return Cells(*([part[i] for i in kept] for part in (cells.names, cells.types, cells.columns)))


@pytest.fixture
def through_stilts(stilts, tmp_path) -> Callable[[bytes, str, Cells], Cells]:
    """What STILTS reads of a result in a format."""

    def read(data: bytes, format_name: str, expected: Cells) -> Cells:
        # STILTS writes text of a CSV as char, whatever is in it.
        out_format = "csv" if format_name == "csv" else "votable-binary2-inline"
        path, out = tmp_path / "in", tmp_path / "out"
        path.write_bytes(data)
        done = stilts(
            "tpipe", f"in={path}", f"ifmt={format_name.partition('/')[0]}", "cmd=clearparams *",
            f"ofmt={out_format}", f"out={out}",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        if format_name == "csv":
            # It takes each byte for a character of Latin-1.
            return read_result(out.read_text("utf-8").encode("latin-1"), "csv", expected)
        return retyped(
            votable_cells(astropy.io.votable.parse(out).get_first_table()), expected, format_name
        )

    return read


@pytest.mark.parametrize("format_name", STILTS_FORMATS)
@pytest.mark.parametrize("table", ["survey", "awkward"])
def test_stilts_tpipe_reads_every_cell(service, tables, through_stilts, table, format_name) -> None:
    query, expected = tables[table]
    _, data = answer(service, QUERY=query, RESPONSEFORMAT=format_name, MAXREC=MAXREC)
    read = through_stilts(data, format_name, expected)
    if format_name == "csv":
        # STILTS guesses types: text that is a number beyond 64 bits is floating-point for it.
        expected, read = (without(cells, "too long") for cells in (expected, read))
    assert differences(expected, read, format_name, "stilts") == []


@pytest.mark.parametrize("format_name", VOTABLES)
@pytest.mark.parametrize(
    "case",
    [
        ("survey", "", MAXREC, 3000, "OK"),
        ("awkward", "", MAXREC, 4, "OK"),
        ("survey", " WHERE z > 1e9", MAXREC, 0, "OK"),
        ("awkward", ' WHERE "select" = 7', MAXREC, 0, "OK"),
        ("survey", "", 7, 7, "OVERFLOW"),
        ("awkward", "", 0, 0, "OVERFLOW"),
    ],
    ids=["all", "all awkward", "empty", "empty awkward", "overflow", "columns only"],
)
def test_votlint_has_nothing_to_say_of_results(
    service, tables, stilts_on, format_name, case
) -> None:
    table, clause, maxrec, rows, status = case
    query = tables[table][0] + clause
    code, data = answer(service, QUERY=query, RESPONSEFORMAT=format_name, MAXREC=maxrec)
    assert code == 200, data
    document = astropy.io.votable.parse(io.BytesIO(data))
    assert len(document.get_first_table().array) == rows
    infos = [info.value for info in document.resources[0].infos if info.name == "QUERY_STATUS"]
    assert infos[-1] == status
    assert stilts_on("votlint", data) == (0, "", "")


@pytest.mark.parametrize(
    "parameters",
    [
        {"QUERY": "SELEC nothing"},
        {"QUERY": 'SELECT "é<&>" FROM nowhere'},
        {"QUERY": "SELECT 1", "MAXREC": "abc"},
        {"QUERY": "SELECT 1", "RESPONSEFORMAT": "image/png"},
        {},
    ],
    ids=["syntax", "unknown table", "MAXREC", "format", "no query"],
)
def test_votlint_has_nothing_to_say_of_errors(service, stilts_on, parameters) -> None:
    status, data = answer(service, **parameters)
    assert 400 <= status < 500
    (resource,) = astropy.io.votable.parse(io.BytesIO(data)).resources
    assert (resource.type, resource.infos[0].value) == ("results", "ERROR")
    assert stilts_on("votlint", data) == (0, "", "")


def test_pyvo_tells_errors_and_cut_results(service, tables) -> None:
    client = pyvo.dal.TAPService(service.url)
    with pytest.raises(pyvo.dal.exceptions.DALQueryError, match="nowhere"):
        client.run_sync("SELECT * FROM nowhere")
    query, expected = tables["survey"]
    with pytest.warns(pyvo.dal.exceptions.DALOverflowWarning):
        assert len(client.run_sync(query, MAXREC=expected.rows - 1)) == expected.rows - 1
    assert len(client.run_sync(query, maxrec=expected.rows)) == expected.rows
