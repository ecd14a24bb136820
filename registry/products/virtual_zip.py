"""ZIP archives that exist only while they are sent: any part of them, from the files as they are.

The entries are stored without compression, so that the place of every byte follows from names,
sizes and checksums alone.

Notes
-----
APPNOTE.TXT 6.3.10 (PKWARE): local headers (4.3.7), central directory (4.3.12), ZIP64 (4.3.14,
4.3.15, 4.5.3), UTF-8 names (general-purpose bit 11, appendix D).
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from pathlib import Path

from registry.errors import ProductFileNotFound

__all__ = ["VirtualZip", "ZipEntry", "file_bytes"]

_CHUNK_BYTES = 1024 * 1024

_LIMIT_32, _LIMIT_16 = 0xFFFFFFFF, 0xFFFF
"""What stands in a field whose value is in the ZIP64 record."""

_LIMIT_32_FROM, _LIMIT_16_FROM = _LIMIT_32, _LIMIT_16
"""Values from which on they are in the ZIP64 record."""

_VERSION, _VERSION_ZIP64 = 20, 45
_UTF8_NAMES = 1 << 11
_UNIX = 3 << 8
_REGULAR_FILE = 0o100644 << 16

_LOCAL = struct.Struct("<4sHHHHHLLLHH")
_CENTRAL = struct.Struct("<4sHHHHHHLLLHHHHHLL")
_END = struct.Struct("<4sHHHHLLH")
_END_ZIP64 = struct.Struct("<4sQHHLLQQQQ")
_LOCATOR_ZIP64 = struct.Struct("<4sLQL")


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """A file in an archive.

    Attributes
    ----------
    name
        In the archive, with slashes.
    source
        The contents themselves, or the file with them.
    size_bytes, crc32
        Of the contents.
    modified
        Shown by programs that unpack.
    sha256
        Of the contents, where it is known.
    """

    name: str
    source: bytes | Path
    size_bytes: int
    crc32: int
    modified: datetime
    sha256: str = ""

    @classmethod
    def of_bytes(cls, name: str, content: bytes, modified: datetime) -> ZipEntry:
        """Make an entry of contents at hand."""
        digest = hashlib.sha256(content).hexdigest()
        return cls(name, content, len(content), zlib.crc32(content), modified, digest)


class VirtualZip:
    """An archive of which any range of bytes can be made.

    Parameters
    ----------
    entries
        In the order of the archive; the names differ.

    Raises
    ------
    ValueError
        If two entries have the same name.
    """

    def __init__(self, entries: Sequence[ZipEntry]) -> None:
        if len({entry.name for entry in entries}) < len(entries):
            raise ValueError("two entries of an archive have the same name")
        self._entries = tuple(entries)
        offset = 0
        pieces: list[tuple[bytes | Path, int]] = []
        central = []
        for entry in self._entries:
            header = _local_header(entry)
            central.append(_central_header(entry, offset))
            pieces += [(header, len(header)), (entry.source, entry.size_bytes)]
            offset += len(header) + entry.size_bytes
        directory = b"".join(central)
        end = directory + _end(len(self._entries), len(directory), offset)
        pieces.append((end, len(end)))
        self._pieces = [piece for piece in pieces if piece[1] > 0]
        self._starts = list(accumulate((length for _, length in self._pieces), initial=0))

    @property
    def size_bytes(self) -> int:
        """Length of the archive."""
        return self._starts[-1]

    @property
    def checksum(self) -> str:
        """A text that is the same for the same archive: names, checksums, sizes and times."""
        digest = hashlib.sha256()
        for entry in self._entries:
            said = (entry.name, entry.size_bytes, entry.crc32, entry.sha256, entry.modified)
            digest.update(repr(said).encode())
        return digest.hexdigest()

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Make a range of the archive.

        Parameters
        ----------
        start, stop
            First byte, and the byte behind the last one; the end by default.

        Raises
        ------
        ProductFileNotFound
            If a file is gone, or is not what it was.
        """
        stop = self.size_bytes if stop is None else min(stop, self.size_bytes)
        index = bisect_right(self._starts, start) - 1
        while start < stop and index < len(self._pieces):
            source, length = self._pieces[index]
            first = start - self._starts[index]
            last = min(length, stop - self._starts[index])
            if isinstance(source, bytes):
                yield source[first:last]
            else:
                yield from file_bytes(source, first, last)
            index += 1
            start = self._starts[index]


def file_bytes(path: Path, start: int, stop: int) -> Iterator[bytes]:
    """Read a range of a file piece by piece.

    Parameters
    ----------
    path
        The file.
    start, stop
        First byte, and the byte behind the last one.

    Raises
    ------
    ProductFileNotFound
        If the file is gone, or shorter than it was.
    """
    try:
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise ProductFileNotFound("the file was removed meanwhile") from error
    with stream:
        stream.seek(start)
        missing = stop - start
        while missing > 0:
            chunk = stream.read(min(_CHUNK_BYTES, missing))
            if not chunk:
                raise ProductFileNotFound("the file is shorter than it was; tell the operator")
            missing -= len(chunk)
            yield chunk


def _dos_time(moment: datetime) -> tuple[int, int]:
    year = min(max(moment.year, 1980), 2107)
    return (
        moment.hour << 11 | moment.minute << 5 | moment.second // 2,
        (year - 1980) << 9 | moment.month << 5 | moment.day,
    )


def _local_header(entry: ZipEntry) -> bytes:
    name = entry.name.encode()
    large = entry.size_bytes >= _LIMIT_32_FROM
    extra = struct.pack("<HHQQ", 1, 16, entry.size_bytes, entry.size_bytes) if large else b""
    size = _LIMIT_32 if large else entry.size_bytes
    head = _LOCAL.pack(
        b"PK\x03\x04",
        _VERSION_ZIP64 if large else _VERSION,
        _UTF8_NAMES,
        0,
        *_dos_time(entry.modified),
        entry.crc32,
        size,
        size,
        len(name),
        len(extra),
    )
    return head + name + extra


def _central_header(entry: ZipEntry, offset: int) -> bytes:
    name = entry.name.encode()
    large, far = entry.size_bytes >= _LIMIT_32_FROM, offset >= _LIMIT_32_FROM
    values = [entry.size_bytes] * 2 * large + [offset] * far
    extra = struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values) if values else b""
    size = _LIMIT_32 if large else entry.size_bytes
    version = _VERSION_ZIP64 if values else _VERSION
    head = _CENTRAL.pack(
        b"PK\x01\x02",
        _UNIX | version,
        version,
        _UTF8_NAMES,
        0,
        *_dos_time(entry.modified),
        entry.crc32,
        size,
        size,
        len(name),
        len(extra),
        0,
        0,
        0,
        _REGULAR_FILE,
        _LIMIT_32 if far else offset,
    )
    return head + name + extra


def _end(count: int, size: int, offset: int) -> bytes:
    zip64 = b""
    if count >= _LIMIT_16_FROM or size >= _LIMIT_32_FROM or offset >= _LIMIT_32_FROM:
        zip64 = _END_ZIP64.pack(
            b"PK\x06\x06",
            _END_ZIP64.size - 12,
            _UNIX | _VERSION_ZIP64,
            _VERSION_ZIP64,
            0,
            0,
            count,
            count,
            size,
            offset,
        ) + _LOCATOR_ZIP64.pack(b"PK\x06\x07", 0, offset + size, 1)
    few = _LIMIT_16 if count >= _LIMIT_16_FROM else count
    end = _END.pack(
        b"PK\x05\x06",
        0,
        0,
        few,
        few,
        _LIMIT_32 if size >= _LIMIT_32_FROM else size,
        _LIMIT_32 if offset >= _LIMIT_32_FROM else offset,
        0,
    )
    return zip64 + end
