import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from registry.errors import UnreadableFile, UnsupportedFile
from registry.formats.readers import READERS, check_path, reader_for
from registry.formats.readers.opening import open_file


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is a PNG image, not a table"),
        (b"\xff\xd8\xff\xe0", "is a JPEG image, not a table"),
        (b"%PDF-1.7\n", "is a PDF document, not a table"),
        (b"\x7fELF\x02", "is a program, not a table"),
        (b"\x80\x04\x95\x00", "is a Python pickle"),
        (b"SQLite format 3\x00", "is an SQLite database"),
        (b"\n<!DOCTYPE html><p>log in, please", "is an HTML page, not a table"),
        (b"<?xml version='1.0'?><a/>", "is XML, but no VOTable"),
        (b"", "is empty"),
        (b"\n\n", "blank lines only"),
        (b"a\x00b,c\n", "NUL byte at offset 1 .line 1."),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
    ],
)
def test_content_decides_whatever_the_suffix_says(tmp_path, content, message):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=message) as caught:
        open_file(path)
    assert "'table.csv'" in str(caught.value)


def test_a_parquet_file_named_csv_is_read_as_parquet(tmp_path):
    path = tmp_path / "a.csv"
    pq.write_table(pa.table({"a": [1]}), path)
    assert reader_for(path).name == "Parquet"


def test_csv_is_found_without_its_suffix(tmp_path):
    path = tmp_path / "catalogue"
    path.write_text("ra,dec\n1,2\n")
    assert reader_for(path).name == "CSV"


def test_text_that_is_no_table_is_refused(tmp_path):
    path = tmp_path / "notes.md"
    path.write_text("dear diary\n")
    with pytest.raises(UnsupportedFile, match=r"Parquet, .*CSV"):
        reader_for(path)


@pytest.mark.parametrize("name", ["", "absent.csv"])
def test_folders_and_absent_files_are_refused(tmp_path, name):
    with pytest.raises(UnreadableFile, match=r"folder|no file"):
        check_path(tmp_path / name)


def test_readers_have_different_names():
    assert len({reader.name for reader in READERS}) == len(READERS)
