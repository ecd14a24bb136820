"""Which reader takes a file: decided by its content, never by its suffix alone."""

from __future__ import annotations

from pathlib import Path

from registry.errors import UnreadableFile, UnsupportedFile
from registry.formats.readers.base import TableReader
from registry.formats.readers.csv import CsvReader
from registry.formats.readers.parquet import ParquetReader

__all__ = ["READERS", "reader_for"]

READERS: tuple[TableReader, ...] = (ParquetReader(), CsvReader())
"""Readers in the order in which they are asked; those with a signature come first."""

_HEAD_BYTES = 4096

_NOT_TABLES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF-", "a PDF document"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x80\x04\x95", "a Python pickle, which is never opened because it can run code"),
    (b"\x80\x05\x95", "a Python pickle, which is never opened because it can run code"),
)
"""Signatures (first bytes) of files that hold no table, from the formats' specifications."""

_NOT_READ_YET: tuple[tuple[bytes, str], ...] = (
    (b"SIMPLE  =", "FITS"),
    (b"XTENSION=", "FITS"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"ARROW1\x00\x00", "Arrow IPC"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
"""Signatures of formats that hold tables but that no reader takes at present."""


def reader_for(path: Path) -> TableReader:
    """Choose the reader of a file.

    Parameters
    ----------
    path
        An existing file.

    Raises
    ------
    UnreadableFile
        If there is no such file, or it is empty or a folder.
    UnsupportedFile
        If it is no table, or of a format that is not read; the message says which.
    """
    if path.is_dir():
        raise UnreadableFile(f"{path.name!r} is a folder; give the path of one table file")
    if not path.is_file():
        raise UnreadableFile(f"there is no file {str(path)!r}; check the path")
    with path.open("rb") as handle:
        head = handle.read(_HEAD_BYTES)
    if not head:
        raise UnreadableFile(f"{path.name!r} is empty (0 bytes); write or transfer it again")
    _refuse_known(path, head)
    for reader in READERS:
        if reader.recognises(head, path.suffix.lower()):
            return reader
    raise UnsupportedFile(
        f"{path.name!r} is of no format that is read; the formats are "
        f"{' and '.join(reader.name for reader in READERS)}"
    )


def _refuse_known(path: Path, head: bytes) -> None:
    for magic, kind in _NOT_TABLES:
        if head.startswith(magic):
            raise UnsupportedFile(
                f"{path.name!r} is {kind}, not a table, whatever its suffix says; "
                "publish the table itself"
            )
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:512].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise UnsupportedFile(
            f"{path.name!r} is an HTML page, not a table: perhaps the download asked for a "
            "login; download the file itself"
        )
    for magic, name in _NOT_READ_YET:
        if head.startswith(magic):
            raise UnsupportedFile(_not_yet(path, name))
    if start.startswith((b"<?xml", b"<votable")):
        raise UnsupportedFile(_not_yet(path, "VOTable" if b"<votable" in head.lower() else "XML"))


def _not_yet(path: Path, name: str) -> str:
    return (
        f"{path.name!r} is in the format {name}, which is not read yet; convert it to Parquet "
        "or CSV"
    )
