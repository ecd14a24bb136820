"""Files made to run, read or fill something: refused through the whole way of publishing.

Each is refused with its message, in the child that reads it, within its limits; nothing is run,
nothing of the server is read, and nothing is left behind.
"""

from __future__ import annotations

import gzip
import io
import pickle
import re
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.io.votable import from_table, writeto
from astropy.table import Table

from registry.errors import RegistryError, UnreadableFile
from registry.formats.readers.options import ReadLimits
from registry.formats.readers.processes import ReadingProcesses
from registry.formats.readers.sandbox import open_table
from registry.ingestion.plan import PublishRequest
from registry.ingestion.service import PublishService
from registry.model.principal import OPERATOR

GIB = 2**30
LIMITS = ReadLimits(memory_bytes=GIB // 2, cpu_s=20, unpacked_free_bytes=10**6)
SECRET = "root:"
"""How ``/etc/passwd`` begins: no message may have it."""


@pytest.fixture
def refused(site, tmp_path, monkeypatch) -> Callable[[Path], str]:
    """Publish a file, and give the message of its refusal if nothing of it is left anywhere."""
    scratch = tmp_path / "temporary"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    service = PublishService(
        site.products, site.files, site.tables, ReadingProcesses(limits=LIMITS)
    )

    def publish(path: Path) -> str:
        before = sorted(p for p in tmp_path.rglob("*") if site.home not in p.parents)
        with pytest.raises(RegistryError) as caught:
            service.publish(OPERATOR, path, PublishRequest("x", "other"))
        assert site.left_over() == []
        assert sorted(p for p in tmp_path.rglob("*") if site.home not in p.parents) == before
        message = str(caught.value)
        assert SECRET not in message
        assert len(message) < 1000
        return message

    return publish


def pickled_names(path: Path) -> None:
    """Write a frame of PyTables whose column names are a program that makes a file beside it."""
    marker = path.with_name("ran")
    with h5py.File(path, "w") as file:
        group = file.create_group("df")
        group.attrs["pandas_type"] = "frame_table"
        group["table"] = np.zeros(2, [("index", "i8"), ("values_block_0", "f8", 2)])
        code = f"cos\nsystem\n(S'touch {marker}'\ntR.".encode()
        group["table"].attrs["values_block_0_kind"] = np.bytes_(code)


def pickled_objects(path: Path) -> None:
    """Write a frame of pandas with a block of pickled objects, which `read_hdf` would run."""
    with h5py.File(path, "w") as file:
        group = file.create_group("df")
        group.attrs["pandas_type"] = "frame"
        group["axis0"] = np.array([b"x"])
        group["axis1"] = np.arange(1)
        group["block0_items"] = np.array([b"x"])
        values = group.create_dataset("block0_values", (1,), h5py.vlen_dtype("u1"))
        values[0] = np.frombuffer(pickle.dumps([["a"]]), "u1")
        values.attrs["PSEUDOATOM"] = b"object"


def external_dataset(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("t/a", (20,), "u1", external=[("/etc/passwd", 0, 20)])


def external_link(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["t/a"] = h5py.ExternalLink("/etc/passwd", "/a")
        file["t/b"] = np.arange(2)


def virtual_dataset(path: Path) -> None:
    layout = h5py.VirtualLayout((20,), "u1")
    layout[:] = h5py.VirtualSource("/etc/passwd", "a", (20,))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("a", layout)


def hollow_dataset(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (GIB // 8,), "f8", chunks=(2**16,))


def document(cells: str, declarations: str = "", encoding: str = "UTF-8") -> str:
    return (
        f"<?xml version='1.0' encoding='{encoding}'?>{declarations}<VOTABLE version='1.4'>"
        "<RESOURCE><TABLE><FIELD name='a' datatype='unicodeChar' arraysize='*'/><DATA><TABLEDATA>"
        f"<TR><TD>{cells}</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )


def xml_bomb(path: Path) -> None:
    levels = "".join(f"<!ENTITY e{i} '{f'&e{i - 1};' * 10}'>" for i in range(1, 12))
    path.write_text(document("&e11;", f"<!DOCTYPE b [<!ENTITY e0 'aaaaaaaaaa'>{levels}]>"))


def xml_thief(path: Path) -> None:
    path.write_text(document("&a;", "<!DOCTYPE b [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"))


def zip_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"a\n" + b"1\n" * (25 * 2**20))


def many_members(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(40):
            archive.writestr(f"{number}.csv", "a\n1\n" * 10_000)


def zip_traversal(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../evil.csv", "a,b\n1,2\n")


def tar_link(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("a.csv")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)


def hats_traversal(path: Path) -> None:
    path.mkdir()
    (path / "collection.properties").write_text("hats_primary_table_url=../../etc\n")


def wide_csv(path: Path) -> None:
    """Write more columns than any table may have."""
    names = ",".join(f"c{i}" for i in range(20_001))
    path.write_text(f"{names}\n{','.join(['1'] * 20_001)}\n")


def long_text(path: Path) -> None:
    text = pa.array(["x" * 2**20] * 1024).dictionary_encode()
    pq.write_table(pa.table({"a": text}), path)


def one_gigabyte_in_gzip(path: Path) -> None:
    block = gzip.compress(b"12345678901234\n" * (2**24 // 15))
    path.write_bytes(gzip.compress(b"a\n") + block * 64)


def nul_in_csv(path: Path) -> None:
    path.write_bytes(b"a,b\n1,x\0y\n")


def nul_in_name(path: Path) -> None:
    pq.write_table(pa.table({"a\0b": [1]}), path)


def nul_in_votable(path: Path) -> None:
    path.write_text(document("x\0y"))


def latin1_after_utf8(path: Path) -> None:
    path.write_bytes("name,z\né,1\n".encode() + "ü,2\n".encode("latin-1"))


def latin1_in_votable(path: Path) -> None:
    path.write_bytes(document("é").encode("latin-1"))


def utf16_csv(path: Path) -> None:
    path.write_text("a,b\n1,é\n", encoding="utf-16")


def latin1_in_parquet(path: Path) -> None:
    broken = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, 1], "i4")), pa.py_buffer(b"\xe9")]
    )
    pq.write_table(pa.table({"a": broken}), path)


HOSTILE = [
    (pickled_names, "h5", "pickle that does more than list"),
    (pickled_objects, "h5", "object"),
    (external_dataset, "h5", "from another file, which is never opened"),
    (external_link, "h5", "a link into another file"),
    (virtual_dataset, "h5", "is virtual"),
    (hollow_dataset, "h5", "claims 1074 MB"),
    (xml_bomb, "vot", "has a DTD"),
    (xml_thief, "vot", "has a DTD"),
    (zip_bomb, "zip", "unpacks to more than"),
    (many_members, "zip", "has 40 tables"),
    (zip_traversal, "zip", "points outside"),
    (tar_link, "tar", "is a link"),
    (hats_traversal, "hats", "hats_primary_table_url"),
    (wide_csv, "csv", "20000 columns"),
    (long_text, "parquet", "of memory that reading a file may take"),
    (one_gigabyte_in_gzip, "csv.gz", "unpacks to more than"),
    (nul_in_csv, "csv", "NUL byte at offset 7 .line 2."),
    (nul_in_name, "parquet", "control character in its name"),
    (nul_in_votable, "vot", "not well-formed"),
    (latin1_after_utf8, "csv", "byte 0xFC at offset 12 .line 3."),
    (latin1_in_votable, "vot", "not well-formed"),
    (utf16_csv, "csv", "UTF-16"),
    (latin1_in_parquet, "parquet", "UTF"),
]


@pytest.mark.parametrize(
    ("make", "suffix", "message"), HOSTILE, ids=[make.__name__ for make, *_ in HOSTILE]
)
def test_a_hostile_file_is_refused_and_leaves_nothing(tmp_path, refused, make, suffix, message):
    path = tmp_path / f"a.{suffix}"
    make(path)
    said = refused(path)
    assert re.search(message, said), said
    assert not (tmp_path / "ran").exists()


ROWS = 2000
TABLE = Table(
    {
        "id": np.arange(ROWS),
        "z": np.linspace(0, 3, ROWS),
        "name": np.array([f"object {i}" for i in range(ROWS)]),
    }
)
ARROW = pa.table({name: TABLE[name].tolist() for name in TABLE.colnames})


def votable(serialization: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        writeto(from_table(TABLE), str(path), tabledata_format=serialization)

    write.__name__ = serialization
    return write


def hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        for name in TABLE.colnames:
            file[f"photometry/{name}"] = np.asarray(TABLE[name]).astype(
                "S" if name == "name" else TABLE[name].dtype
            )


def fits_table(path: Path) -> None:
    TABLE.write(path, format="fits")


def parquet(path: Path) -> None:
    pq.write_table(ARROW, path)


def arrow_file(path: Path) -> None:
    with pa.ipc.new_file(str(path), ARROW.schema) as writer:
        writer.write_table(ARROW)


def arrow_stream(path: Path) -> None:
    with pa.ipc.new_stream(str(path), ARROW.schema) as writer:
        writer.write_table(ARROW)


def packed(mode: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        content = "id,z,name\n" + "".join(f"{i},{i / 7},object {i}\n" for i in range(ROWS))
        if mode == "gzip":
            path.write_bytes(gzip.compress(content.encode()))
        elif mode == "zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("a.csv", content)
        else:
            with tarfile.open(path, f"w:{mode}") as archive:
                info = tarfile.TarInfo("a.csv")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content.encode()))

    write.__name__ = f"tar_{mode}" if mode not in ("gzip", "zip") else mode
    return write


WHOLE = [
    *(fits_table, hdf5, parquet, arrow_file, arrow_stream),
    *map(votable, ("tabledata", "binary", "binary2")),
    *map(packed, ("gzip", "zip", "bz2", "xz")),
]


@pytest.mark.parametrize("make", WHOLE, ids=[make.__name__ for make in WHOLE])
def test_whatever_is_cut_off_is_refused(tmp_path, refused, make):
    path = tmp_path / "a.bin"
    make(path)
    content = path.read_bytes()
    for kept in (0.1, 0.6):
        path.write_bytes(content[: int(len(content) * kept)])
        refused(path)


@pytest.mark.parametrize(
    ("suffix", "content", "message"),
    [
        ("h5", pickle.dumps({"a": [1]}), "is a Python pickle"),
        ("fits", b"<!DOCTYPE html><p>log in, please", "is an HTML page"),
        ("parquet", b"\x7fELF\x02\x01", "is a program"),
        ("vot", b"\x89PNG\r\n\x1a\n", "is a PNG image"),
        ("zip", b"PK\x03\x04 and nothing else", "damaged|cut off"),
    ],
)
def test_a_suffix_deceives_nobody(tmp_path, refused, suffix, content, message):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    assert re.search(message, refused(path))


def test_a_gigabyte_of_nothing_is_refused_at_its_first_byte(tmp_path):
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.write(b"a\n1\n")
        file.truncate(GIB)  # takes no room on the disk
    with pytest.raises(UnreadableFile, match=r"NUL byte at offset 4 .line 3."):
        open_table(path, limits=LIMITS)


def test_a_gigabyte_of_one_column_is_read_within_the_memory(tmp_path):
    path = tmp_path / "a.fits"
    fits.BinTableHDU.from_columns([fits.Column("a", "D", array=np.zeros(1))]).writeto(path)
    rows = GIB // 8
    with path.open("r+b") as file:
        head = file.read().replace(b"NAXIS2  =                    1", b"NAXIS2  = %20d" % rows)
        file.seek(0)
        file.write(head)
        file.truncate(len(head) - 2880 - GIB // -2880 * 2880)
    with open_table(path, limits=LIMITS) as table:
        assert sum(batch.num_rows for batch in table.batches()) == rows


def ten_thousand(path: Path) -> None:
    columns = {f"c{i}": np.arange(2) for i in range(10_000)}
    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
    elif path.suffix == ".vot":
        fields = "".join(f"<FIELD name='{name}' datatype='long'/>" for name in columns)
        row = f"<TR>{'<TD>1</TD>' * 10_000}</TR>"
        path.write_text(
            f"<VOTABLE version='1.4'><RESOURCE><TABLE>{fields}<DATA><TABLEDATA>{row * 2}"
            "</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
        )
    else:
        with h5py.File(path, "w", libver="latest") as file:
            for name, values in columns.items():
                file[name] = values


@pytest.mark.parametrize("suffix", ["parquet", "h5", "vot"])
def test_ten_thousand_columns_are_read_within_the_limits(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    ten_thousand(path)
    with open_table(path, limits=LIMITS) as table:
        assert len(table.columns) == 10_000
        assert sum(batch.num_rows for batch in table.batches()) == 2


def in_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["a"] = np.array([b"caf\xe9", "é".encode()])


def in_fits(path: Path) -> None:
    Table({"a": ["cafX"]}).write(path, format="fits")
    path.write_bytes(path.read_bytes().replace(b"cafX", b"caf\xe9"))


@pytest.mark.parametrize(("make", "texts"), [(in_hdf5, ["café", "é"]), (in_fits, ["café"])])
def test_latin1_where_a_format_cannot_say_its_encoding_is_text(tmp_path, make, texts):
    path = tmp_path / "a.bin"
    make(path)
    with open_table(path, limits=LIMITS) as table:
        assert [v for batch in table.batches() for v in batch.column(0).to_pylist()] == texts
