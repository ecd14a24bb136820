"""The elements of a VOTable document, by expat: a first pass for the fields, more for the data."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, NoReturn
from xml.parsers import expat

from registry.errors import UnreadableFile
from registry.formats.readers.votable_field import VotableField
from registry.model.frame import coordinate_frame, time_frame

__all__ = ["DataEvents", "Document", "VotableTable", "plain_head", "read_data", "scan_document"]

_CHUNK_BYTES = 1024 * 1024

_SERIALIZATIONS = ("TABLEDATA", "BINARY", "BINARY2", "FITS")

_MAX_FIELDS = 20_000
_MAX_TABLES = 1_000
_MAX_DEPTH = 200


@dataclass
class VotableTable:
    """A TABLE element.

    Attributes
    ----------
    number
        From 1, in document order.
    name, identifier, description
        Of the table.
    fields
        Its columns.
    serialization
        Name of the element with the data; absent if there are none.
    n_rows
        Number of rows, if its data are TABLEDATA or it says ``nrows``.
    """

    number: int
    name: str | None
    identifier: str | None
    description: str | None = None
    fields: list[VotableField] = field(default_factory=list)
    serialization: str | None = None
    n_rows: int | None = None

    @property
    def label(self) -> str:
        """Number, name and size for people."""
        name = f" ({self.name or self.identifier})" if self.name or self.identifier else ""
        return f"{self.number}{name}: {len(self.fields)} fields"


@dataclass
class Document:
    """What a document says besides the data."""

    tables: list[VotableTable] = field(default_factory=list)
    frames: dict[str, str] = field(default_factory=dict)
    description: str | None = None
    warnings: list[str] = field(default_factory=list)


@dataclass
class DataEvents:
    """What a piece of the document held of the data.

    Attributes
    ----------
    rows
        Rows of TABLEDATA, each with the texts of its cells.
    text
        Of a STREAM.
    """

    rows: list[list[str]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    @staticmethod
    def base64_text(rest: str, events: DataEvents) -> str:
        """Put the pieces of a STREAM together, without blanks."""
        return rest + "".join("".join(events.text).split())


def plain_head(head: bytes) -> bytes:
    """Give the beginning of a document without blanks before it, in UTF-8 if it is in UTF-16."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        head = head[: len(head) // 2 * 2].decode("utf-16", "replace").encode()
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")


def scan_document(path: Path) -> Document:
    """Read everything but the data.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    UnreadableFile
        If it has entities of its own, or data elsewhere, or says that its service failed.
    ValueError, expat.ExpatError
        If it is damaged.
    """
    scan = _Scan(path.name)
    parser = _parser(path.name)
    parser.StartElementHandler = scan.start
    parser.EndElementHandler = scan.end
    parser.CharacterDataHandler = scan.text
    for _ in _fed(parser, path):
        pass
    for table in scan.document.tables:
        for column in table.fields:
            column.frame = scan.document.frames.get(column.reference or "")
    return scan.document


class _Scan:
    """Handlers of the first pass."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._path: list[str] = []
        self._text: list[str] | None = None
        self.document = Document()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take the beginning of an element."""
        tag = tag.rpartition(":")[2]
        if tag == "TR":
            table = self.document.tables[-1]
            table.n_rows = (table.n_rows or 0) + 1
        self._path.append(tag)
        if tag in ("TR", "TD"):
            return
        if len(self._path) > _MAX_DEPTH:
            raise ValueError("its elements are nested too deeply")
        if len(self._path) == 1 and tag != "VOTABLE":
            raise ValueError(f"its root is {tag}")
        handler = self._handlers.get(tag)
        if handler is not None:
            handler(self, attributes)

    def end(self, tag: str) -> None:
        """Take the end of an element."""
        tag = self._path.pop()
        if tag == "DESCRIPTION" and self._text is not None:
            self._describe(" ".join("".join(self._text).split()) or None)
            self._text = None

    def text(self, data: str) -> None:
        """Take text."""
        if self._text is not None:
            self._text.append(data)

    def _describe(self, text: str | None) -> None:
        parent = self._path[-1] if self._path else ""
        tables = self.document.tables
        if parent == "FIELD":
            tables[-1].fields[-1].description = text
        elif parent == "TABLE":
            tables[-1].description = text
        elif parent in ("RESOURCE", "VOTABLE"):
            self.document.description = self.document.description or text

    def _table(self, attributes: dict[str, str]) -> None:
        if "TABLE" in self._path[:-1] or len(self.document.tables) >= _MAX_TABLES:
            raise ValueError("its tables are nested, or too many")
        rows = attributes.get("nrows", "")
        table = VotableTable(
            len(self.document.tables) + 1, attributes.get("name"), attributes.get("ID")
        )
        table.n_rows = int(rows) if rows.isdecimal() else None
        self.document.tables.append(table)

    def _field(self, attributes: dict[str, str]) -> None:
        table = self.document.tables[-1]
        if len(table.fields) >= _MAX_FIELDS:
            raise ValueError(f"it has more than {_MAX_FIELDS} fields")
        get = attributes.get
        name = get("name") or get("ID") or f"col{len(table.fields) + 1}"
        table.fields.append(
            VotableField(
                name,
                get("datatype", ""),
                get("arraysize"),
                get("unit"),
                get("ucd"),
                get("utype"),
                get("xtype"),
                get("ref"),
            )
        )

    def _values(self, attributes: dict[str, str]) -> None:
        if self._path[-2:-1] == ["FIELD"] and "null" in attributes:
            self.document.tables[-1].fields[-1].null = attributes["null"].strip()

    def _coosys(self, attributes: dict[str, str]) -> None:
        get = attributes.get
        # VOTable 1.5 calls the system refframe.
        frame = coordinate_frame(get("system") or get("refframe"), get("equinox"), get("epoch"))
        if frame is not None:
            self.document.frames[get("ID", "")] = frame

    def _timesys(self, attributes: dict[str, str]) -> None:
        get = attributes.get
        frame = time_frame(get("timescale"), get("refposition"), get("timeorigin"))
        if frame is not None:
            self.document.frames[get("ID", "")] = frame

    def _info(self, attributes: dict[str, str]) -> None:
        if attributes.get("name") != "QUERY_STATUS":
            return
        status = attributes.get("value", "").upper()
        if status == "ERROR":
            raise UnreadableFile(
                f"{self._name!r} is the answer of a service that failed (QUERY_STATUS ERROR), and "
                "its table is not whole; run the query again"
            )
        if status == "OVERFLOW":
            self.document.warnings.append(
                "the table is a query result that was cut at a limit (QUERY_STATUS OVERFLOW)"
            )

    def _description(self, _attributes: dict[str, str]) -> None:
        self._text = []

    def _data(self, _attributes: dict[str, str]) -> None:
        if self._path[-2:-1] == ["DATA"]:
            table = self.document.tables[-1]
            table.serialization = self._path[-1]
            if self._path[-1] == "TABLEDATA":
                # The rows count, whatever the attribute says.
                table.n_rows = 0

    def _stream(self, attributes: dict[str, str]) -> None:
        if attributes.get("href"):
            raise UnreadableFile(
                f"{self._name!r} has its data elsewhere ({attributes['href'][:100]!r}), and they "
                "are not fetched; write them into the document"
            )
        encoding = attributes.get("encoding", "base64")
        if encoding != "base64":
            raise UnreadableFile(
                f"{self._name!r} has data in the encoding {encoding!r}; write them in base64"
            )

    _handlers: ClassVar[dict[str, Callable[[_Scan, dict[str, str]], None]]] = {
        "TABLE": _table,
        "FIELD": _field,
        "VALUES": _values,
        "COOSYS": _coosys,
        "TIMESYS": _timesys,
        "INFO": _info,
        "DESCRIPTION": _description,
        "STREAM": _stream,
        **dict.fromkeys(_SERIALIZATIONS, _data),
    }


def read_data(path: Path, number: int) -> Iterator[DataEvents]:
    """Read the data of one table.

    Parameters
    ----------
    path
        The file.
    number
        Of the table.

    Yields
    ------
    DataEvents
        What each piece of the document holds.
    """
    reading = _Reading(number)
    parser = _parser(path.name)
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    for _ in _fed(parser, path):
        events, reading.events = reading.events, DataEvents()
        yield events
        if reading.is_over:
            return


class _Reading:
    """Handlers of the passes over the data."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._seen = 0
        self._cell: list[str] | None = None
        self._in_stream = False
        self._row: list[str] = []
        self.events = DataEvents()
        self.is_over = False

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        """Take the beginning of an element."""
        if tag.endswith("TD"):
            self._cell = []
        elif tag.endswith("TR"):
            self._row = []
        elif tag.endswith("STREAM"):
            self._in_stream = self._seen == self._number
        elif tag.rpartition(":")[2] == "TABLE":
            self._seen += 1

    def end(self, tag: str) -> None:
        """Take the end of an element."""
        if tag.endswith("TD"):
            self._row.append("".join(self._cell or ()))
            self._cell = None
        elif tag.endswith("TR"):
            if self._seen == self._number:
                self.events.rows.append(self._row)
        elif tag.endswith("STREAM"):
            self._in_stream = False
        elif tag.rpartition(":")[2] == "TABLE":
            self.is_over = self._seen == self._number

    def text(self, data: str) -> None:
        """Take text."""
        if self._cell is not None:
            self._cell.append(data)
        elif self._in_stream:
            self.events.text.append(data)


def _parser(name: str) -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.buffer_size = 65_536

    def refuse(*_declaration: object) -> NoReturn:
        raise UnreadableFile(
            f"{name!r} has a DTD (<!DOCTYPE>) with entities, which a VOTable does not need and "
            "which can read files or fill the memory; remove them"
        )

    # Without entities a DTD says nothing here, and expat fetches none.
    parser.EntityDeclHandler = refuse
    parser.SkippedEntityHandler = refuse
    return parser


def _fed(parser: expat.XMLParserType, path: Path) -> Iterator[None]:
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            parser.Parse(chunk, False)
            yield
    parser.Parse(b"", True)
    yield
