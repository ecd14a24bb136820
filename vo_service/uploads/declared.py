"""What the FIELDs of a VOTable declare, beyond the types of their values.

A reader gives columns in Arrow types, which do not tell a circle from three numbers. This module
reads the beginning of a document, in the process that reads the file.
"""

from __future__ import annotations

import gzip
import re
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any
from xml.parsers import expat

__all__ = ["DECLARED_FILE", "Declared", "declared_fields", "parse_declared"]

DECLARED_FILE = "declared.json"
"""Name of the file beside the table in which the process leaves what it found."""

_HEAD_BYTES = 16 * 2**20
"""FIELDs that come later are not looked for: twenty thousand with long descriptions fit."""

_PIECE_BYTES = 65_536

_DATA = ("TABLEDATA", "BINARY", "BINARY2", "FITS")

_WORD = re.compile(r"[A-Za-z0-9:_.*/-]{1,64}")


@dataclass(frozen=True, slots=True)
class Declared:
    """Attributes of a FIELD.

    Attributes
    ----------
    name, datatype, arraysize, xtype
        As the document has them, nothing where it has none.
    """

    name: str
    datatype: str | None = None
    arraysize: str | None = None
    xtype: str | None = None

    def as_list(self) -> list[str | None]:
        """Give the attributes in order."""
        return list(astuple(self))


def declared_fields(path: Path) -> list[Declared]:
    """List the FIELDs of the first table with data; nothing for other files.

    Parameters
    ----------
    path
        A file of any kind, plain or compressed by gzip.

    Notes
    -----
    What is wrong with a document is not said here, but by its reader.
    """
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    found = _Fields()
    with (
        gzip.open(path) if packed else path.open("rb") as content,
        suppress(expat.ExpatError, EOFError, OSError, ValueError, _Found),
    ):
        for _ in range(_HEAD_BYTES // _PIECE_BYTES):
            piece = content.read(_PIECE_BYTES)
            if not piece:
                break
            found.parser.Parse(piece, False)
    return found.fields if found.complete else []


def parse_declared(said: Any) -> list[Declared]:  # noqa: ANN401 - JSON from a process that may be taken over
    """Check what a process has written; nothing if it has another form."""
    if not isinstance(said, list):
        return []
    fields = []
    for entry in said:
        if not isinstance(entry, list) or len(entry) != 4 or not isinstance(entry[0], str):
            return []
        words = [w if isinstance(w, str) and _WORD.fullmatch(w) else None for w in entry[1:]]
        fields.append(Declared(entry[0], *words))
    return fields


class _Found(Exception):
    """The data begin."""


class _Fields:
    """Collects FIELDs until the data of their table begin."""

    def __init__(self) -> None:
        self.fields: list[Declared] = []
        self.complete = False
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.StartDoctypeDeclHandler = self._stop

    def _start(self, qualified: str, attributes: dict[str, str]) -> None:
        element = qualified.rpartition(":")[2]
        if element == "TABLE":
            self.fields = []
        elif element == "FIELD":
            get = attributes.get
            self.fields.append(
                Declared(get("name", ""), get("datatype"), get("arraysize"), get("xtype"))
            )
        elif element in _DATA:
            self.complete = True
            raise _Found

    def _stop(self, *_: object) -> None:
        raise _Found
