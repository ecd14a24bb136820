"""Whether a file is clean UTF-8 text, with the place of the first byte that is not."""

from __future__ import annotations

import codecs
from pathlib import Path

from registry.errors import UnreadableFile, UnsupportedFile

__all__ = ["check_text"]

_CHUNK_BYTES = 4 * 1024 * 1024


def check_text(path: Path) -> bool:
    """Read a file once and refuse what is not UTF-8 text.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    bool
        Whether its quotation marks pair up.

    Raises
    ------
    UnreadableFile
        If a byte cannot be decoded, with its offset and line.
    UnsupportedFile
        If it is UTF-16, or holds NUL bytes.
    """
    check = _TextCheck(path.name)
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            check.see(chunk)
    check.finish()
    return check.quotes % 2 == 0


class _TextCheck:
    """Decodes a file chunk by chunk and knows where it is."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._offset = 0
        self._lines = 0
        self.quotes = 0

    def see(self, chunk: bytes) -> None:
        """Check the next bytes."""
        if self._offset == 0 and chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise UnsupportedFile(
                f"{self._name!r} is text in UTF-16; save it as UTF-8 and try again"
            )
        place = chunk.find(b"\0")
        if place >= 0:
            raise UnsupportedFile(
                f"{self._name!r} has a NUL byte at offset {self._offset + place} (line "
                f"{self._line(chunk, place)}): it is binary, or damaged, and not a CSV table"
            )
        self._decode(chunk, final=False)
        self._offset += len(chunk)
        self._lines += chunk.count(b"\n")
        self.quotes += chunk.count(b'"')

    def finish(self) -> None:
        """Check that the file does not end within a character."""
        self._decode(b"", final=True)

    def _decode(self, chunk: bytes, *, final: bool) -> None:
        pending = self._decoder.getstate()[0]
        try:
            self._decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            data = pending + chunk
            place = error.start
            raise UnreadableFile(
                f"{self._name!r} is not UTF-8: byte 0x{data[place]:02X} at offset "
                f"{self._offset - len(pending) + place} (line {self._line(data, place)}) cannot "
                f"be decoded; if the file is in Latin-1 it means {chr(data[place])!r}: save it "
                "as UTF-8 and try again"
            ) from error

    def _line(self, data: bytes, place: int) -> int:
        return self._lines + data.count(b"\n", 0, place) + 1
