import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from astropy.table import Table
from reading import read_file

from registry.errors import UnreadableFile, UnsupportedFile
from registry.formats.readers.choice import FileChoiceNeeded

COLUMNS = [
    fits.Column("i2", "I", array=np.array([1, 2, -99], "i2"), null=-99, unit="degrees"),
    fits.Column("u2", "I", bzero=2**15, array=np.array([0, 2**16 - 1, 5], "u2")),
    fits.Column("u4", "J", bzero=2**31, array=np.array([0, 2**32 - 1, 5], "u4")),
    fits.Column("u8", "K", bzero=2**63, array=np.array([0, 2**64 - 1, 5], "u8")),
    fits.Column("i1", "B", bzero=-128, array=np.array([-128, 127, 5], "i1")),
    fits.Column("i8", "K", array=np.array([2**60 + 1, -1, 0])),
    fits.Column("f4", "E", array=np.array([0.1, np.nan, -99], "f4")),
    fits.Column("logical", "L", array=np.array([True, False, True])),
    fits.Column("bits", "11X", array=np.eye(3, 11, dtype=bool)),
    fits.Column("text", "5A", array=np.array(["a ", "", "hello"])),
    fits.Column("pdf", "3D", array=np.arange(9.0).reshape(3, 3)),
    fits.Column("list", "PJ()", array=np.array([[1, 2], [], [3]], dtype=object)),
    fits.Column("long", "QE()", array=np.array([[1], [2, 3], []], dtype=object)),
    fits.Column("words", "PA()", array=np.array(["ab", "", "xyz"], dtype=object)),
    fits.Column("matrix", "6E", dim="(3,2)", array=np.arange(18, dtype="f4").reshape(3, 2, 3)),
    fits.Column("names", "6A", dim="(2,3)", array=np.array([["a", "bb", "c"]] * 3)),
    fits.Column("complex", "C", array=np.array([1 + 2j] * 3)),
]

EXPECTED = {
    "i2": [1, 2, None],
    "u2": [0, 2**16 - 1, 5],
    "u4": [0, 2**32 - 1, 5],
    "u8": [0, 2**64 - 1, 5],
    "i1": [-128, 127, 5],
    "i8": [2**60 + 1, -1, 0],
    "logical": [True, False, True],
    "bits": np.eye(3, 11, dtype=bool).tolist(),
    "text": ["a", None, "hello"],
    "pdf": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]],
    "list": [[1, 2], [], [3]],
    "long": [[1.0], [2.0, 3.0], []],
    "words": ["ab", "", "xyz"],
    "matrix": np.arange(18.0).reshape(3, 6).tolist(),
    "names": [["a", "bb", "c"]] * 3,
    "complex": [[1.0, 2.0]] * 3,
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.fits"


def write(path, *hdus):
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path, output_verify="exception")


def table(name="CAT", columns=(("a", "J", [1, 2]),)):
    made = [fits.Column(n, f, array=np.array(values)) for n, f, values in columns]
    return fits.BinTableHDU.from_columns(made, name=name)


def test_every_kind_of_binary_column(path):
    write(path, fits.BinTableHDU.from_columns(COLUMNS))
    found = read_file(path)
    assert {name: found.values[name] for name in EXPECTED} == EXPECTED
    assert repr(np.array(found.values["f4"], "f4").tolist()) == repr(
        np.array([0.1, np.nan, -99], "f4").tolist()
    )
    assert found.types["u8"] == pa.uint64()
    assert found.types["i1"] == pa.int8()
    assert found.types["f4"] == pa.float32()
    assert "'matrix': arrays of 2x3 become flat" in found.warnings[0]
    assert "'complex'" in found.warnings[1]


def test_scaled_columns_are_computed_and_their_nulls_kept(path):
    write(path, table(columns=[("a", "I", [10, -1, 20])]))
    fits.setval(path, "TSCAL1", value=0.5, ext=1)
    fits.setval(path, "TZERO1", value=100, ext=1)
    fits.setval(path, "TNULL1", value=-1, ext=1)
    assert read_file(path).values["a"] == [105.0, None, 110.0]


def test_what_the_header_says_of_a_column(path):
    hdu = table()
    hdu.header["TUNIT1"] = "deg"
    hdu.header["TUCD1"] = "pos.eq.ra"
    hdu.header.comments["TTYPE1"] = "right ascension"
    write(path, hdu)
    column = read_file(path).columns["a"]
    assert (column.unit, column.ucd, column.description) == (
        "deg",
        "pos.eq.ra",
        "right ascension",
    )


def test_ascii_tables(path):
    columns = [
        fits.Column("i", "I5", array=np.array([1, -2, 3])),
        fits.Column("f", "F8.3", array=np.array([1.5, 2.25, -3])),
        fits.Column("e", "D12.4", array=np.array([1e10, 2, 3])),
        fits.Column("s", "A4", array=np.array(["a", "b c", "d"])),
    ]
    write(path, fits.TableHDU.from_columns(columns))
    assert read_file(path).values == {
        "i": [1, -2, 3],
        "f": [1.5, 2.25, -3.0],
        "e": [1e10, 2.0, 3.0],
        "s": ["a", "b c", "d"],
    }


def test_several_tables_need_a_choice(path):
    image = fits.ImageHDU(np.zeros((2, 2)), name="IMG")
    write(path, table("ONE"), image, table("TWO", [("b", "D", [1.5, 2.5])]))
    with pytest.raises(UnreadableFile, match=r"has 2 tables: .*1 \(ONE\).*3 \(TWO\)"):
        read_file(path)
    assert read_file(path, hdu="two").values == {"b": [1.5, 2.5]}
    assert read_file(path, hdu="1").values == {"a": [1, 2]}
    with pytest.raises(UnreadableFile, match=r"HDU 2 \(IMG\).*an image of 2 axes, not a table"):
        read_file(path, hdu="2")
    with pytest.raises(UnreadableFile, match="no HDU '7'"):
        read_file(path, hdu="7")


def test_a_table_of_one_row_beside_a_longer_one_is_about_it(path):
    write(path, table("HISTORY", [("who", "3A", ["me"])]), table("ONE"))
    found = read_file(path)
    assert found.values == {"a": [1, 2]}
    assert found.warnings == (
        "the table is HDU 2 (ONE); left out, with at most one row each: HDU 1 (HISTORY)",
    )
    assert read_file(path, hdu="1").values == {"who": ["me"]}


def test_compressed_images_are_no_tables(path):
    write(path, fits.CompImageHDU(np.zeros((64, 64), "f4")))
    with pytest.raises(UnsupportedFile, match="a compressed image"):
        read_file(path)


def test_an_empty_table_has_no_rows(path):
    write(path, fits.BinTableHDU.from_columns([fits.Column("a", "J", array=np.empty(0, "i4"))]))
    found = read_file(path)
    assert found.n_rows == 0
    assert found.values == {"a": []}


@pytest.mark.parametrize("kept", [2880, 2900, 5760, 5763])
def test_a_file_that_is_cut_off(path, kept):
    write(path, table())
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UnreadableFile, match=r"cut off|damaged|no table"):
        read_file(path)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("TFORM1", "9Z"), ("NAXIS1", 5), ("TFORM1", "3J"), ("NAXIS2", -1), ("THEAP", 10**9)],
)
def test_a_header_that_lies(path, keyword, value):
    lists = fits.Column("v", "PJ()", array=np.array([[1, 2], [3]], dtype=object))
    write(path, fits.BinTableHDU.from_columns([lists]))
    content = path.read_bytes()
    card = f"{keyword:8}= " + (f"'{value:8}'" if isinstance(value, str) else f"{value:20d}")
    place = content.find(f"{keyword:8}=".encode())
    if place < 0:
        place = content.find(b"EXTNAME") if b"EXTNAME" in content else content.find(b"TTYPE1")
    path.write_bytes(content[:place] + card.ljust(80).encode() + content[place + 80 :])
    with pytest.raises(UnreadableFile, match=r"damaged|cut off"):
        read_file(path)


def test_a_pointer_out_of_the_heap(path):
    lists = fits.Column("v", "PJ()", array=np.array([[1, 2], [3]], dtype=object))
    write(path, fits.BinTableHDU.from_columns([lists]))
    content = bytearray(path.read_bytes())
    content[5760 : 5760 + 8] = np.array([2, 10**6], ">i4").tobytes()
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match="outside of the heap"):
        read_file(path)


def ensemble(tmp_path, n_extra=3, **meta):
    grid = {"pdf_name": ["interp"], "pdf_version": [0], "xvals": [np.linspace(0, 3, 4)]} | meta
    tables = [
        Table(grid, meta={"EXTNAME": "meta"}),
        Table({"yvals": np.arange(12.0).reshape(3, 4)}, meta={"EXTNAME": "data"}),
        Table({"zmode": np.arange(float(n_extra))}, meta={"EXTNAME": "ancil"}),
    ]
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), *map(fits.table_to_hdu, tables)]).writeto(path)
    return path


def test_an_ensemble_of_qp_is_one_table_of_its_densities_and_what_goes_with_them(tmp_path):
    read = read_file(ensemble(tmp_path))
    assert list(read.columns) == ["yvals", "zmode"]
    assert read.values["yvals"] == np.arange(12.0).reshape(3, 4).tolist()
    assert read.values["zmode"] == [0, 1, 2]
    assert read.columns["yvals"].description == (
        "yvals of a qp ensemble of kind interp; xvals: 4 values from 0 to 3 in equal steps"
    )
    assert read.columns["zmode"].description is None
    assert read.warnings == ()


def test_a_table_of_an_ensemble_may_be_chosen(tmp_path):
    assert list(read_file(ensemble(tmp_path), hdu="ancil").columns) == ["zmode"]


def test_tables_of_unequal_length_are_no_ensemble(tmp_path):
    with pytest.raises(FileChoiceNeeded, match="has 3 tables"):
        read_file(ensemble(tmp_path, n_extra=2))
