"""Archives that are never written: other programs read them, and any range is the same bytes."""

import io
import itertools
import zipfile
import zlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ProductFileNotFound
from registry.products import virtual_zip
from registry.products.virtual_zip import VirtualZip, ZipEntry

MOMENT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
NAMES = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/\\:"),
    min_size=1,
    max_size=30,
)
CONTENTS = st.dictionaries(NAMES, st.binary(max_size=300), max_size=6)


def made(contents):
    return VirtualZip([ZipEntry.of_bytes(n, c, MOMENT) for n, c in contents.items()])


@given(CONTENTS)
def test_others_read_what_was_put_in(contents):
    archive = made(contents)
    whole = b"".join(archive.read())
    assert len(whole) == archive.size_bytes
    with zipfile.ZipFile(io.BytesIO(whole)) as read:
        assert read.testzip() is None
        assert read.namelist() == list(contents)
        assert [read.read(info) for info in read.infolist()] == list(contents.values())


@given(CONTENTS, st.lists(st.integers(0, 3000), max_size=8))
def test_ranges_put_together_are_the_whole(contents, cuts):
    archive = made(contents)
    whole = b"".join(archive.read())
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    parts = [b"".join(archive.read(a, b)) for a, b in itertools.pairwise(places)]
    assert b"".join(parts) == whole
    assert [len(p) for p in parts] == [b - a for a, b in itertools.pairwise(places)]


def test_the_same_entries_make_the_same_archive():
    one, other = made({"a": b"1"}), made({"a": b"1"})
    assert (one.checksum, b"".join(one.read())) == (other.checksum, b"".join(other.read()))
    assert one.checksum != made({"a": b"2"}).checksum
    with pytest.raises(ValueError, match="same name"):
        VirtualZip([ZipEntry.of_bytes("a", b"", MOMENT)] * 2)


@pytest.mark.parametrize("limits", [("_LIMIT_32", 64), ("_LIMIT_16", 2)])
def test_large_archives_use_the_wide_records(monkeypatch, limits):
    # The format is the same with a lower threshold: the sentinels stay what they are.
    contents = {"a": b"x" * 200, "b": b"y", "c": b"z" * 70}
    entries = [ZipEntry.of_bytes(n, c, MOMENT) for n, c in contents.items()]
    name, limit = limits
    monkeypatch.setattr(virtual_zip, f"{name}_FROM", limit)
    whole = b"".join(VirtualZip(entries).read())
    assert b"PK\x06\x06" in whole
    with zipfile.ZipFile(io.BytesIO(whole)) as read:
        assert read.testzip() is None
        assert {n: read.read(n) for n in read.namelist()} == contents


def test_five_gigabytes_are_laid_out_without_being_read(tmp_path):
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(5 * 2**30)
    big = ZipEntry("big", path, 5 * 2**30, 0, MOMENT)
    archive = VirtualZip([big, ZipEntry.of_bytes("small", b"hello", MOMENT)])
    assert archive.size_bytes > 5 * 2**30

    class Seekable(io.RawIOBase):
        place = 0

        def seekable(self):
            return True

        def seek(self, offset, whence=0):
            self.place = offset + (0, self.place, archive.size_bytes)[whence]
            return self.place

        def tell(self):
            return self.place

        def read(self, size=-1):
            stop = archive.size_bytes if size < 0 else self.place + size
            data = b"".join(archive.read(self.place, stop))
            self.place += len(data)
            return data

    with zipfile.ZipFile(Seekable()) as read:
        assert [info.file_size for info in read.infolist()] == [5 * 2**30, 5]
        assert read.read("small") == b"hello"


def test_a_file_that_changed_is_told(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"abc")
    archive = VirtualZip([ZipEntry("f", path, 5, zlib.crc32(b"abcde"), MOMENT)])
    with pytest.raises(ProductFileNotFound, match="shorter"):
        list(archive.read())
