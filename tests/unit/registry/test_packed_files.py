import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reading import read_file

from registry.errors import UnreadableFile, UnsupportedFile
from registry.formats.readers.options import ReadLimits

CSV = b"id,z\n1,0.5\n2,0.7\n"
VALUES = {"id": [1, 2], "z": [0.5, 0.7]}


def zipped(members, **entry):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = entry.get("mode", 0) << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def tarred(members, mode="w", **entry):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in entry.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zstd_bytes(content):
    return pa.Codec("zstd").compress(content, asbytes=True)


def read(tmp_path, content, name="a.bin", **options):
    path = tmp_path / name
    path.write_bytes(content)
    return read_file(path, tmp_path / "scratch", **options)


ONE = [("data/a.csv", CSV)]


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (gzip.compress(CSV), "CSV in gzip"),
        (gzip.compress(CSV[:8]) + gzip.compress(CSV[8:]), "CSV in gzip"),
        (bz2.compress(CSV), "CSV in bzip2"),
        (lzma.compress(CSV), "CSV in xz"),
        (zstd_bytes(CSV), "CSV in zstd"),
        (zipped(ONE), "CSV in ZIP"),
        (tarred(ONE), "CSV in tar"),
        (tarred(ONE, "w:gz"), "CSV in tar in gzip"),
        (tarred(ONE, "w:bz2"), "CSV in tar in bzip2"),
        (tarred(ONE, "w:xz"), "CSV in tar in xz"),
        (zipped([("a.csv.gz", gzip.compress(CSV))]), "CSV in gzip in ZIP"),
        (
            zipped([*ONE, ("README.txt", b"a b\nc d\n"), ("__MACOSX/._a.csv", CSV)]),
            "CSV in ZIP",
        ),
    ],
)
def test_every_packing_is_known_by_its_content(tmp_path, content, form):
    found = read(tmp_path, content)
    assert found.values == VALUES
    assert found.format == form


UNSAFE = [
    (zipped([("../a.csv", CSV)]), "'../a.csv', that points outside"),
    (zipped([("/tmp/a.csv", CSV)]), "points outside"),
    (zipped([("a\\..\\b.csv", CSV)]), "points outside"),
    (zipped([("a.csv", b"/etc/passwd")], mode=stat.S_IFLNK | 0o777), "is a link or a device"),
    (tarred([("x/../../a.csv", CSV)]), "points outside"),
    (tarred([("/etc/a.csv", CSV)]), "points outside"),
    (tarred([("a.csv", b"")], type=tarfile.SYMTYPE, linkname="/etc/passwd"), "is a link"),
    (tarred([("a.csv", b"")], type=tarfile.LNKTYPE, linkname="/etc/passwd"), "is a link"),
    (tarred([("a.csv", b"")], type=tarfile.CHRTYPE), "is a link, a device"),
    (tarred([("a.csv", b"")], type=tarfile.FIFOTYPE), "is a link, a device"),
    (tarred([("a.csv", CSV), ("a.csv", CSV)]), "occurs twice"),
    (tarred([("a.csv", CSV), ("b/c.csv", CSV)]), "has 2 tables: 'a.csv', 'b/c.csv'"),
    (zipped([("x.png", b"\x89PNG\r\n\x1a\n")]), "has no table inside; it has 'x.png'"),
    (zipped([]), "has no table inside: it is empty"),
]


@pytest.mark.parametrize(("content", "message"), UNSAFE)
def test_unsafe_and_ambiguous_archives_are_refused(tmp_path, content, message):
    outside = sorted(p for p in tmp_path.parent.iterdir())
    with pytest.raises(UnreadableFile, match=message):
        read(tmp_path, content)
    assert sorted(p for p in tmp_path.parent.iterdir()) == outside
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.bin", "scratch"]


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, bz2.compress, lzma.compress, zstd_bytes, lambda c: zipped([("a.csv", c)])],
)
def test_bombs_stop_at_the_limit(tmp_path, pack):
    limits = ReadLimits(unpacked_free_bytes=10**6)
    with pytest.raises(UnreadableFile, match=r"unpacks to more than [12] MB"):
        read(tmp_path, pack(bytes(20 * 10**6)), limits=limits)
    kept = sum(p.stat().st_size for p in (tmp_path / "scratch").rglob("*") if p.is_file())
    assert kept <= 3 * 10**6


def test_too_many_members_and_layers(tmp_path):
    with pytest.raises(UnreadableFile, match="more than 3 members"):
        read(tmp_path, tarred([(f"{i}.csv", CSV) for i in range(4)]), limits=ReadLimits(members=3))
    content = CSV
    for _ in range(4):
        content = gzip.compress(content)
    (tmp_path / "more").mkdir()
    with pytest.raises(UnreadableFile, match="packed more than 3 times"):
        read(tmp_path / "more", content)


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(CSV)[:-6],
        bz2.compress(CSV)[:-6],
        lzma.compress(CSV)[:-6],
        zstd_bytes(CSV)[:-6],
        zipped(ONE)[:-30],
        zipped(ONE)[:60],
        tarred(ONE)[:700],
        tarred(ONE)[:1024],
        tarred(ONE, "w:gz")[:-20],
    ],
)
def test_what_is_cut_off_is_refused(tmp_path, content):
    with pytest.raises(UnreadableFile, match="damaged or cut off"):
        read(tmp_path, content)


def test_an_encrypted_member(tmp_path):
    content = bytearray(zipped(ONE))
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        flag = content.find(mark) + (6 if mark == b"PK\x03\x04" else 8)
        content[flag] |= 1
    with pytest.raises(UnsupportedFile, match="encrypted"):
        read(tmp_path, bytes(content))


def catalogue(folder, properties="dataproduct_type=object\nhats_nrows=3\n", name="properties"):
    for npix, ids in ((2, [1, 2]), (10, [3])):
        place = folder / "dataset" / "Norder=1" / "Dir=0"
        place.mkdir(parents=True, exist_ok=True)
        table = pa.table(
            {
                "_healpix_29": pa.array(ids, pa.int64()),
                "id": ids,
                "Norder": pa.array([1] * len(ids), pa.uint8()),
                "Dir": pa.array([0] * len(ids), pa.uint64()),
                "Npix": pa.array([npix] * len(ids), pa.uint64()),
            }
        )
        pq.write_table(table, place / f"Npix={npix}.parquet")
    (folder / name).write_text(properties)
    pq.write_metadata(table.schema, folder / "dataset" / "_common_metadata")
    return folder


def collection(folder):
    catalogue(folder / "main")
    catalogue(folder / "margin", "dataproduct_type=margin\nhats_nrows=3\n")
    (folder / "collection.properties").write_text("#x\nhats_primary_table_url=main\n")
    return folder


@pytest.mark.parametrize("make", [catalogue, collection])
@pytest.mark.parametrize("packing", ["folder", "zip", "tar.gz"])
def test_hats_partitions_in_the_order_of_the_sky(tmp_path, make, packing):
    folder = make(tmp_path / "cat")
    if packing == "folder":
        found = read_file(folder)
        assert found.format == "HATS"
    else:
        files = [p for p in sorted(folder.rglob("*")) if p.is_file()]
        members = [(f"deep/{p.relative_to(tmp_path)}", p.read_bytes()) for p in files]
        content = zipped(members) if packing == "zip" else tarred(members, "w:gz")
        found = read(tmp_path, content)
    assert found.values == {"_healpix_29": [1, 2, 3], "id": [1, 2, 3]}
    assert found.n_rows == 3


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ("dataproduct_type=object\nhats_nrows=4\n", "tell of 4: partitions are missing"),
        ("dataproduct_type=margin\n", "is a HATS margin, not a catalogue"),
    ],
)
def test_hats_that_is_not_whole(tmp_path, properties, message):
    with pytest.raises(UnreadableFile, match=message):
        read_file(catalogue(tmp_path / "cat", properties))


@pytest.mark.parametrize("url", ["../main", "/tmp/main", "gone", ""])
def test_a_collection_that_points_elsewhere(tmp_path, url):
    folder = collection(tmp_path / "cat")
    (folder / "collection.properties").write_text(f"hats_primary_table_url={url}\n")
    with pytest.raises(UnreadableFile, match=r"hats_primary_table_url|main catalogue"):
        read_file(folder)


def test_partitions_with_different_columns(tmp_path):
    folder = catalogue(tmp_path / "cat")
    other = folder / "dataset" / "Norder=1" / "Dir=0" / "Npix=10.parquet"
    pq.write_table(pa.table({"id": ["x"]}), other)
    with pytest.raises(UnreadableFile, match="different columns"):
        read_file(folder)


def test_a_folder_without_a_catalogue(tmp_path):
    with pytest.raises(UnreadableFile, match="a folder without a HATS catalogue"):
        read_file(tmp_path)
