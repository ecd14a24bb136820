"""FITS, HDF5, Arrow and JSON: what their readers rely on beyond the contract of all writers."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import astropy.io.fits
import h5py
import numpy as np
import pyarrow as pa
import pytest

from registry.errors import FormatLimit, StorageFull, UnreadableFile
from registry.formats.readers.opening import open_file
from registry.formats.readers.options import DEFAULT_OPTIONS
from registry.formats.writers import spooling
from registry.formats.writers.base import ResultInfo
from registry.formats.writers.fits import MAX_COLUMNS
from registry.formats.writers.registry import ENDINGS, writer_for
from registry.formats.writers.spooling import Spool, spare_integer
from registry.formats.writers.stream import ResultStream
from registry.model.field import Datatype, Field, ValueType

INT = ValueType(Datatype.INT)
TEXT = ValueType(Datatype.UNICODE_CHAR, "*")


def document(name: str, *columns: tuple[Field, list[object]], maxrec: int | None = None) -> bytes:
    fields = [field for field, _ in columns]
    arrays = [pa.array(values, field.type.arrow) for field, values in columns]
    batch = pa.RecordBatch.from_arrays(arrays, names=[str(i) for i in range(len(arrays))])
    infos = (ResultInfo("citation", "2019ApJ", "LSST é"),)
    result = ResultStream(fields, [batch], maxrec=maxrec, infos=infos)
    return b"".join(writer_for(name).write(result))


def fits_header(*columns: tuple[Field, list[object]]) -> astropy.io.fits.Header:
    return astropy.io.fits.open(io.BytesIO(document("fits", *columns)))[1].header


# ---- FITS


def test_fits_columns_carry_their_meaning() -> None:
    field = Field("ra", ValueType(Datatype.DOUBLE), "deg", "pos.eq.ra", "a:b", "Right ascension é")
    field = replace(field, frame="ICRS")
    time = Field("t", ValueType(Datatype.CHAR, "*", "timestamp"), frame="UTC")
    header = fits_header((field, [1.0]), (time, [None]))
    assert header["TUNIT1"] == "deg"
    assert header["TUCD1"] == "pos.eq.ra"
    assert header["TUTYP1"] == "a:b"
    assert header["TCOMM1"] == "Right ascension ?"
    assert header["TXTYP2"] == "timestamp"
    assert header["RADESYS"] == "ICRS"
    assert header["TIMESYS"] == "UTC"
    assert header["QSTATUS"] == "OK"
    assert "citation: 2019ApJ LSST ?" in list(header["COMMENT"])


def test_fits_files_are_whole_blocks() -> None:
    assert len(document("fits", (Field("n", INT), [1, 2, 3]))) % 2880 == 0
    assert len(document("fits", (Field("v", ValueType(Datatype.INT, "*")), [[1], []]))) % 2880 == 0


@pytest.mark.parametrize(
    ("datatype", "values", "tform", "null"),
    [
        (Datatype.INT, [1, 2], "J", None),
        (Datatype.INT, [1, None], "J", -(2**31)),
        (Datatype.INT, [-(2**31), None], "J", 2**31 - 1),
        (Datatype.INT, [-(2**31), 2**31 - 1, -(2**31) + 1, None], "J", -(2**31) + 2),
        (Datatype.LONG, [-(2**63), 2**63 - 1, None], "K", -(2**63) + 1),
        (Datatype.UNSIGNED_BYTE, [0, None], "B", 255),
        (Datatype.UNSIGNED_BYTE, [*range(256), None], "I", -(2**15)),
        (Datatype.SHORT, [*range(-(2**15), 2**15), None], "J", -(2**31)),
    ],
)
def test_fits_null_is_a_value_that_the_column_lacks(datatype, values, tform, null) -> None:
    data = document("fits", (Field("n", ValueType(datatype)), values))
    hdu = astropy.io.fits.open(io.BytesIO(data))[1]
    assert hdu.header["TFORM1"] == tform
    assert hdu.header.get("TNULL1") == null
    assert hdu.data["n"].tolist() == [null if value is None else value for value in values]


def test_spare_integers_are_found_past_a_whole_block_of_values() -> None:
    low = -(2**31)
    values = pa.array([*range(low, low + 70_000), 2**31 - 1], pa.int32())
    batch = pa.record_batch({"0": values})
    with Spool([batch], batch.schema) as spool:
        assert spare_integer(spool, 0, pa.int32()) == low + 70_000


def test_fits_arrays_of_one_length_are_fixed_and_others_in_the_heap() -> None:
    floats = ValueType(Datatype.FLOAT, "*")
    header = fits_header(
        (Field("even", floats), [[1.0, 2.0], None, [3.0, 4.0]]),
        (Field("odd", floats), [[1.0], None, [3.0, 4.0]]),
    )
    assert header["TFORM1"] == "2E"
    assert header["TFORM2"] == "1PE(2)"
    assert header["PCOUNT"] == 12


def test_one_long_text_does_not_widen_every_row() -> None:
    novel = "x" * 3_000
    column = (Field("s", TEXT), ["a"] * 29_999 + [novel])  # 90 MB if every row were as wide
    data = document("fits", column)
    assert len(data) < 1_000_000
    (read,) = astropy.io.fits.open(io.BytesIO(data))[1].data[-1:]["s"]
    assert "".join(read) == novel  # astropy gives text of the heap as an array of characters
    data = document("hdf5", column)
    assert len(data) < 2_000_000
    with h5py.File(io.BytesIO(data)) as file:
        assert file["data/s"].asstr()[29_999] == novel


def test_fits_names_differ_in_more_than_case() -> None:
    header = fits_header((Field("z", INT), [1]), (Field("Z", INT), [2]))
    assert [header["TTYPE1"], header["TTYPE2"]] == ["z", "Z_2"]


def test_fits_refuses_more_columns_than_it_can_number_before_any_row() -> None:
    fields = [Field(f"c{i}", INT) for i in range(MAX_COLUMNS + 1)]
    with pytest.raises(FormatLimit, match="999 columns at most, this one 1000"):
        next(writer_for("fits").write(ResultStream(fields, [])))


@pytest.mark.parametrize("name", ["fits", "hdf5"])
def test_a_full_disk_of_temporary_files_is_said_so(name, monkeypatch) -> None:
    class FullFile(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(spooling.tempfile, "SpooledTemporaryFile", lambda **_: FullFile())
    with pytest.raises(StorageFull, match="temporary files"):
        document(name, (Field("n", INT), [1]))


@pytest.mark.parametrize("name", ["fits", "hdf5"])
def test_spools_are_forgotten_when_the_reader_leaves(name, monkeypatch) -> None:
    spools = []
    enter = Spool.__enter__

    def entered(self):
        spools.append(self)
        return enter(self)

    monkeypatch.setattr(Spool, "__enter__", entered)
    batch = pa.record_batch({"n": pa.array(range(200_000), pa.int32())})
    pieces = writer_for(name).write(ResultStream([Field("n", INT)], [batch]))
    next(pieces)
    pieces.close()
    with pytest.raises(ValueError, match="closed"):
        next(spools[0].batches())


# ---- HDF5


def test_hdf5_datasets_carry_their_meaning_in_the_order_of_the_columns() -> None:
    field = Field("z/best", ValueType(Datatype.DOUBLE), "mag", "phot.mag", None, "é")
    data = document("hdf5", (field, [1.0]), (Field("a", INT), [1]))
    with h5py.File(io.BytesIO(data)) as file:
        assert list(file["data"]) == ["z_best", "a"]
        assert dict(file["data/z_best"].attrs) == {
            "name": "z/best",
            "datatype": "double",
            "unit": "mag",
            "ucd": "phot.mag",
            "description": "é",
        }
        assert file.attrs["citation"] == "2019ApJ"
        assert list(file) == ["data"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b/c", "\0"])
def test_hdf5_takes_any_name(name) -> None:
    with h5py.File(io.BytesIO(document("hdf5", (Field(name, INT), [7])))) as file:
        (column,) = file["data"].values()
        assert column[:].tolist() == [7]


def test_hdf5_keeps_pdfs_of_one_length_as_one_array_with_nulls_apart() -> None:
    pdf = Field("pdf", ValueType(Datatype.FLOAT, "*"))
    data = document("hdf5", (pdf, [[1.0, 2.0], None, [3.0, 4.0]]))
    with h5py.File(io.BytesIO(data)) as file:
        assert file["data/pdf"].shape == (3, 2)
        assert np.isnan(file["data/pdf"][1]).all()
        assert np.unpackbits(file["data/pdf"].attrs["nulls"], count=3).tolist() == [0, 1, 0]
        assert list(file) == ["data"]


def test_hdf5_says_the_nulls_of_a_million_rows(tmp_path) -> None:
    cells = [None, *range(1_000_000)]
    path = tmp_path / "a.hdf5"
    path.write_bytes(document("hdf5", (Field("n", INT), cells)))
    with open_file(path, DEFAULT_OPTIONS, tmp_path)[1] as table:
        read = pa.chunked_array([batch.column(0) for batch in table.batches()])
    assert read.to_pylist() == cells


@pytest.mark.parametrize("bits", [np.zeros(1, np.uint8), np.zeros(2), np.uint8(1)])
def test_hdf5_with_a_wrong_number_of_null_rows_is_refused(bits, tmp_path) -> None:
    path = tmp_path / "a.hdf5"
    path.write_bytes(document("hdf5", (Field("n", INT), range(9))))
    with h5py.File(path, "a") as file:
        file["data/n"].attrs["nulls"] = bits
    with pytest.raises(UnreadableFile, match="which rows of 'n' are null"):
        open_file(path, DEFAULT_OPTIONS, tmp_path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("cells", [[1.5, 2.5, 3.5], [1.5, None, 3.5]])
@pytest.mark.parametrize("name", ["fits", "hdf5"])
def test_tables_io_reads_one_table_with_and_without_nulls(name, cells, tmp_path) -> None:
    tables_io = pytest.importorskip(
        "tables_io", reason="tables_io is not installed", exc_type=ImportError
    )
    columns = (Field("z", ValueType(Datatype.DOUBLE)), cells), (Field("n", INT), [1, 2, 3])
    path = tmp_path / f"a.{name}"
    path.write_bytes(document(name, *columns))
    table = tables_io.read(path, tables_io.types.AP_TABLE)
    assert table.colnames == ["z", "n"]
    assert list(table["n"]) == [1, 2, 3]
    expected = [np.nan if cell is None else cell for cell in cells]
    np.testing.assert_array_equal(np.ma.filled(table["z"], np.nan), expected)


def test_hdf5_arrays_that_are_equally_long_within_a_batch_stay_apart() -> None:
    ids = Field("ids", ValueType(Datatype.LONG, "*"))
    batches = [
        pa.record_batch({"ids": pa.array(rows, pa.list_(pa.int64()))})
        for rows in ([[1], [2]], [[3, 4], [5, 6]])
    ]
    data = b"".join(writer_for("hdf5").write(ResultStream([ids], batches)))
    with h5py.File(io.BytesIO(data)) as file:
        assert [cell.tolist() for cell in file["data/ids"]] == [[1], [2], [3, 4], [5, 6]]


# ---- Arrow and JSON


def test_arrow_fields_carry_their_meaning_and_a_cut_stream_has_no_outcome() -> None:
    field = Field("p", ValueType(Datatype.DOUBLE, "2", "point"), "deg", "pos.eq")
    data = document("arrow", (field, [[1.0, 2.0]]), maxrec=1)
    schema = pa.ipc.open_stream(data).schema
    assert schema.field("p").metadata == {
        b"datatype": b"double",
        b"arraysize": b"2",
        b"xtype": b"point",
        b"unit": b"deg",
        b"ucd": b"pos.eq",
    }
    assert schema.metadata == {b"citation": b"2019ApJ"}
    assert b"QUERY_STATUS" in data
    assert b"QUERY_STATUS" not in data[: len(data) // 2]


def test_json_has_columns_infos_rows_and_status() -> None:
    field = Field("z", ValueType(Datatype.DOUBLE), None, "src.redshift")
    read = json.loads(document("json", (field, [1.0, -0.0, float("nan")]), maxrec=2))
    assert read == {
        "infos": [{"name": "citation", "value": "2019ApJ", "text": "LSST é", "ucd": None}],
        "metadata": [
            {
                "name": "z",
                "datatype": "double",
                "arraysize": None,
                "xtype": None,
                "unit": None,
                "ucd": "src.redshift",
                "utype": None,
                "description": None,
            }
        ],
        "data": [[1.0], [-0.0]],
        "status": {
            "value": "OVERFLOW",
            "message": "The result was cut at MAXREC=2; there are more rows.",
        },
    }
    assert [repr(row[0]) for row in read["data"]] == ["1.0", "-0.0"]


def test_every_format_can_be_chosen_by_the_ending_of_a_file() -> None:
    names = {ending: writer.name for ending, writer in ENDINGS.items()}
    assert names[".vot"] == names[".xml"] == "votable/b2"
    assert names[".fits"] == names[".fit"] == "fits"
    assert names[".h5"] == names[".hdf5"] == "hdf5"
    assert names[".arrows"] == "arrow"
    assert names[".json"] == "json"
