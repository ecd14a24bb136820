"""Text tables brought to plain form while they are read: no comments, no blanks between values.

Blanks beside a delimiter or at the ends of a line go, and so do comments; what stands inside of
quotation marks stays as it is. Where the columns are separated by blanks, there is one tab.
"""

from __future__ import annotations

import io
import re
from abc import abstractmethod
from pathlib import Path

__all__ = ["BlankSeparatedFile", "DelimitedFile", "has_no_comments", "is_plain", "line_of_row"]

_CHUNK_BYTES = 8 * 1024 * 1024

_QUOTED_OR_RUN = re.compile(rb'"[^"\n]*"|[ \t]+')
_COMMENT = re.compile(rb"(?m)^[ \t]*#[^\n]*\n?")

_BESIDE = (b"%b ", b" %b")


class _PlainFile(io.RawIOBase):
    """A file that is changed line by line while it is read."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._rest = b""
        self._ready = b""
        self._ended = False

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Give the next bytes."""
        while not self._ended and (size < 0 or len(self._ready) < size):
            self._ready += self._next_lines()
        size = len(self._ready) if size < 0 else size
        part, self._ready = self._ready[:size], self._ready[size:]
        return part

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _next_lines(self) -> bytes:
        chunk = self._file.read(_CHUNK_BYTES)
        self._ended = not chunk
        text = self._rest + chunk
        end = len(text) if self._ended else self._end(text)
        self._rest = text[end:]
        return self._plain(text[:end])

    def _end(self, text: bytes) -> int:
        """Give where the last whole line ends."""
        return text.rfind(b"\n") + 1

    @abstractmethod
    def _plain(self, text: bytes) -> bytes:
        """Change whole lines."""


class BlankSeparatedFile(_PlainFile):
    """A file whose runs of blanks are tabs; comments and blanks at the ends of lines are gone.

    Parameters
    ----------
    path
        A file of text; closed together with this one.
    """

    def _plain(self, text: bytes) -> bytes:
        text = text.replace(b"\r\n", b"\n")
        if b"#" in text:
            text = _COMMENT.sub(b"", text)
        text = _QUOTED_OR_RUN.sub(_one_tab, text) if b'"' in text else _tabs(text)
        text = text.replace(b"\t\n", b"\n").replace(b"\n\t", b"\n")
        # The piece begins with a line; only the last one of the file may end without its mark.
        return text.removeprefix(b"\t").removesuffix(b"\t")


class DelimitedFile(_PlainFile):
    """A file without blanks beside its delimiters; its comments are empty lines.

    Parameters
    ----------
    path
        A file of text; closed together with this one.
    delimiter
        One character.
    """

    def __init__(self, path: Path, delimiter: str) -> None:
        super().__init__(path)
        self._values = _Values(delimiter)

    def _end(self, text: bytes) -> int:
        end = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        opened = self._values.opened(text[:end])
        if opened is not None:
            end = max(text.rfind(b"\n", 0, opened), text.rfind(b"\r", 0, opened)) + 1
        # A value without an end is the parser's to refuse.
        return end if end or len(text) < _CHUNK_BYTES else len(text)

    def _plain(self, text: bytes) -> bytes:
        return self._values.plain(text)


class _Values:
    """An expression for the values of a text with some delimiter, comments being values too."""

    def __init__(self, delimiter: str) -> None:
        blank = b"[ ]" if delimiter == "\t" else rb"[ \t]"
        ends = rb"%b\r\n" % re.escape(delimiter.encode())
        other = b"[^ %b]" % ends if delimiter == "\t" else rb"[^ \t%b]" % ends
        quotation = rb'"[^"]*(?:""[^"]*)*'
        self._value = re.compile(
            rb"(?<![^\r\n])[ \t]*#[^\r\n]*|"
            rb'%b*(?:(%b"(?=%b*(?:[%b]|\Z)))|(%b\Z)|(%b*(?:%b+%b+)*))%b*([%b]|\Z)'
            % (blank, quotation, blank, ends, quotation, other, blank, other, blank, ends)
        )

    def plain(self, text: bytes) -> bytes:
        """Leave out blanks and comments."""
        return b"".join([part for found in self._value.findall(text) for part in found])

    def opened(self, text: bytes) -> int | None:
        """Give the place of a value whose quotation is not closed, which is the last one."""
        if b'"' in text:
            for found in self._value.finditer(text):
                if found[2] is not None:
                    return found.start(2)
        return None


def is_plain(path: Path, delimiter: str) -> bool:
    """Tell whether a text has neither comments after its first lines nor blanks beside delimiters.

    Parameters
    ----------
    path
        A file of text.
    delimiter
        One character.
    """
    marks = [b"\n", b"\r", delimiter.encode()]
    signs = [pattern % mark for mark in marks for pattern in _BESIDE]
    signs += [b"\n#", b"\r#"]
    if delimiter != "\t":
        signs += [sign.replace(b" ", b"\t") for sign in signs if b" " in sign]
    before = b"\n"
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            text = before + chunk
            if any(sign in text for sign in signs):
                return False
            before = text[-1:]
    return before not in (b" ", b"\t")


def has_no_comments(path: Path) -> bool:
    """Tell whether no line of a text begins with the sign of a comment, blanks aside.

    Parameters
    ----------
    path
        A file of text.
    """
    with path.open("rb") as handle:
        return not any(line.lstrip().startswith(b"#") for line in handle)


def line_of_row(path: Path, delimiter: str, row: int) -> int:
    """Give the line on which a row begins, counted from 1 with every line of the file.

    Parameters
    ----------
    path
        A file of text.
    delimiter
        One character; a blank for any run of blanks.
    row
        Counted from 1, without comments and empty lines, and with the header.
    """
    values = None if delimiter == " " else _Values(delimiter)
    inside, seen, number = False, 0, 0
    # Python's text layer knows every end of a line; no character matters here but ASCII's.
    with path.open(encoding="latin-1", newline="") as handle:
        for number, line in enumerate(handle, start=1):
            text = line.strip(" \t\r\n")
            if not inside and (not text or text.startswith("#")):
                continue
            seen += not inside
            if seen == row:
                return number
            if values is not None and (inside or '"' in line):
                begin = '"' if inside else ""
                inside = values.opened((begin + line).encode("latin-1")) is not None
    return number


def _tabs(text: bytes) -> bytes:
    """Make one tab of each run of blanks; several times faster than a regular expression."""
    text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text.replace(b" ", b"\t")


def _one_tab(match: re.Match[bytes]) -> bytes:
    found = match[0]
    return found if found.startswith(b'"') else b"\t"
