"""Which reader takes a file: decided by its content, never by its suffix alone."""

from __future__ import annotations

import re
from pathlib import Path

from registry.errors import UnreadableFile, UnsupportedFile
from registry.formats.readers.arrow_ipc import ArrowIpcReader
from registry.formats.readers.base import TableReader
from registry.formats.readers.csv import CsvReader
from registry.formats.readers.fits import FitsReader
from registry.formats.readers.hats import hats_root
from registry.formats.readers.hdf5 import Hdf5Reader
from registry.formats.readers.parquet import ParquetReader
from registry.formats.readers.votable import VotableReader
from registry.formats.readers.votable_document import plain_head

__all__ = ["READERS", "check_path", "is_table", "packing_of", "reader_for"]

READERS: tuple[TableReader, ...] = (
    ParquetReader(),
    ArrowIpcReader(),
    FitsReader(),
    Hdf5Reader(),
    VotableReader(),
    CsvReader(),
)
"""Readers in the order in which they are asked; those with a signature come first."""

_HEAD_BYTES = 4096

_VOTABLE = re.compile(rb"<([a-z_][\w.-]*:)?votable")

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

_PACKINGS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"PK\x03\x04", "ZIP"),
    (0, b"PK\x05\x06", "ZIP"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\x00", "xz"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (257, b"ustar", "tar"),
)
"""Offset and bytes by which archives and compressed files are known."""


def check_path(path: Path) -> None:
    """Refuse what can be refused without reading more than the beginning.

    Parameters
    ----------
    path
        A file, or a folder, which may hold a HATS catalogue.

    Raises
    ------
    UnreadableFile
        If there is no such file, or it is empty or not a regular one.
    UnsupportedFile
        If it is no table; the message says what it is.
    """
    if path.is_dir():
        if hats_root(path) is None:
            raise UnreadableFile(
                f"{path.name!r} is a folder without a HATS catalogue (no properties file beside "
                "a dataset folder); give the path of one table file"
            )
        return
    if not path.is_file():
        if path.exists():
            raise UnreadableFile(f"{str(path)!r} is no regular file; give the path of one")
        raise UnreadableFile(f"there is no file {str(path)!r}; check the path")
    head = _head(path)
    if not head:
        raise UnreadableFile(f"{path.name!r} is empty (0 bytes); write or transfer it again")
    if packing_of(path) is None:
        reader_for(path)


def packing_of(path: Path) -> str | None:
    """Name the archive or compression of a file, by its content; none for a plain file."""
    if path.is_dir():
        return None
    head = _head(path)
    for offset, magic, packing in _PACKINGS:
        if head.startswith(magic, offset):
            return packing
    return None


def is_table(path: Path) -> bool:
    """Tell whether a file may be a table, packed or plain."""
    try:
        check_path(path)
    except UnreadableFile:
        return False
    return True


def reader_for(path: Path) -> TableReader:
    """Choose the reader of a file.

    Parameters
    ----------
    path
        An existing file that is not packed; see `opening` for those that are.

    Raises
    ------
    UnsupportedFile
        If it is no table, or of a format that is not read; the message says which.
    """
    head = _head(path)
    _refuse_known(path, head)
    for reader in READERS:
        if reader.recognises(head, path.suffix.lower()):
            return reader
    raise UnsupportedFile(
        f"{path.name!r} is of no format that is read; the formats are "
        f"{', '.join(reader.name for reader in READERS)}, HATS and archives of them"
    )


def _head(path: Path) -> bytes:
    with path.open("rb") as handle:
        return handle.read(_HEAD_BYTES)


def _refuse_known(path: Path, head: bytes) -> None:
    for magic, kind in _NOT_TABLES:
        if head.startswith(magic):
            raise UnsupportedFile(
                f"{path.name!r} is {kind}, not a table, whatever its suffix says; "
                "publish the table itself"
            )
    text = plain_head(head).lower()
    start = text[:512]
    if start.startswith((b"<!doctype html", b"<html")):
        raise UnsupportedFile(
            f"{path.name!r} is an HTML page, not a table: perhaps the download asked for a "
            "login; download the file itself"
        )
    if start.startswith(b"<?xml") and not _VOTABLE.search(text):
        raise UnsupportedFile(
            f"{path.name!r} is XML, but no VOTable; convert it to VOTable, Parquet or CSV"
        )
