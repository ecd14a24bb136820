"""Table documents that clients send: the definition of a table that is to be made.

The document is that of one table as ``/tables/<name>`` gives it (VOSI 1.1, section 3.3), with
types of VOTable or of TAP (VODataService 1.2, section 3.5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar
from xml.parsers import expat

from registry.errors import UserTableRefused
from registry.model.field import Datatype, Field, ValueType
from registry.user_tables.content import TableContent

__all__ = ["DOCUMENT_BYTES_MAX", "parse_table"]

DOCUMENT_BYTES_MAX = 2**21
"""A thousand columns with long descriptions fit."""

_TAP_TYPES = {
    "BOOLEAN": ValueType(Datatype.BOOLEAN),
    "SMALLINT": ValueType(Datatype.SHORT),
    "INTEGER": ValueType(Datatype.INT),
    "BIGINT": ValueType(Datatype.LONG),
    "REAL": ValueType(Datatype.FLOAT),
    "DOUBLE": ValueType(Datatype.DOUBLE),
    "TIMESTAMP": ValueType(Datatype.CHAR, "*", "timestamp"),
    "CHAR": ValueType(Datatype.CHAR, "*"),
    "VARCHAR": ValueType(Datatype.CHAR, "*"),
    "CLOB": ValueType(Datatype.CHAR, "*"),
    "POINT": ValueType(Datatype.DOUBLE, "2", "point"),
    "REGION": ValueType(Datatype.CHAR, "*"),
}
"""Types of TAP and what holds their values here (VODataService 1.2, section 3.5.3)."""

_GEOMETRIES = {"point": "2", "circle": "3", "polygon": "*"}

_ADVICE = "send the document that /tables/<name> gives of a table, with other columns"


def parse_table(document: bytes) -> TableContent:
    """Read the definition of a table.

    Parameters
    ----------
    document
        XML; the name in it does not count, as the address has it.

    Raises
    ------
    UserTableRefused
        If it is no such document, has a DTD, or a column without name or type.
    """
    reading = _Reading()
    try:
        reading.parser.Parse(document, True)
    except expat.ExpatError as error:
        raise UserTableRefused(f"the definition is not XML ({error}); {_ADVICE}") from error
    if not reading.tables:
        raise UserTableRefused(f"the document has no element table; {_ADVICE}")
    if reading.tables > 1:
        raise UserTableRefused(
            f"the document has {reading.tables} tables; send the definition of one"
        )
    fields = tuple(column.field(number) for number, column in enumerate(reading.columns, start=1))
    return TableContent(fields, None, reading.description.strip() or None)


@dataclass
class _SaidColumn:
    """A column as the document has it."""

    name: str = ""
    description: str = ""
    unit: str = ""
    ucd: str = ""
    utype: str = ""
    datatype: str = ""
    arraysize: str | None = None
    xtype: str | None = None

    _WORDS: ClassVar[tuple[str, ...]] = ("unit", "ucd", "utype", "description")

    def field(self, number: int) -> Field:
        """Give the field; the number is for messages."""
        name = self.name.strip()
        if len(name) > 1 and name[0] == name[-1] == '"':
            name = name[1:-1].replace('""', '"')
        if not name:
            raise UserTableRefused(f"column {number} of the definition has no name; give it one")
        said = {word: getattr(self, word).strip() or None for word in self._WORDS}
        return Field(name, self._type(name), **said)

    def _type(self, name: str) -> ValueType:
        word = self.datatype.strip()
        tap = _TAP_TYPES.get(word.rpartition(":")[2].upper())
        if word.upper() == word and tap is not None:
            return replace(tap, xtype=self.xtype or tap.xtype)
        try:
            datatype = Datatype(word)
        except ValueError:
            known = ", ".join([*Datatype, *_TAP_TYPES])
            raise UserTableRefused(
                f"the column {name!r} has the dataType {word[:40]!r}; use one of {known}"
            ) from None
        if datatype.is_text:
            return ValueType(
                Datatype.CHAR if self.xtype == "timestamp" else datatype, "*", self.xtype
            )
        if self.xtype in _GEOMETRIES and datatype.is_floating:
            return ValueType(Datatype.DOUBLE, _GEOMETRIES[self.xtype], self.xtype)
        if self.arraysize is not None and "x" in self.arraysize:
            raise UserTableRefused(
                f"the column {name!r} has the arraysize {self.arraysize[:40]!r}; arrays of one "
                "dimension alone are kept"
            )
        size = None if self.arraysize in (None, "", "1") else "*"
        return ValueType(datatype, size, self.xtype)


class _Reading:
    """Collects columns; namespaces do not count, as clients write many."""

    def __init__(self) -> None:
        self.tables = 0
        self.description = ""
        self.columns: list[_SaidColumn] = []
        self._path: list[str] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _start(self, qualified: str, attributes: dict[str, str]) -> None:
        element = qualified.rpartition(":")[2]
        self._path.append(element)
        if element == "table":
            self.tables += 1
        elif element == "column":
            self.columns.append(_SaidColumn())
        elif element == "dataType" and self.columns:
            column = self.columns[-1]
            column.arraysize = attributes.get("arraysize")
            column.xtype = attributes.get("extendedType") or attributes.get("xtype")

    def _end(self, _qualified: str) -> None:
        self._path.pop()

    def _text(self, text: str) -> None:
        match self._path[-2:]:
            case ["table", "description"]:
                self.description += text
            case ["column", "dataType"]:
                self.columns[-1].datatype += text
            case ["column", ("name" | "description" | "unit" | "ucd" | "utype") as word]:
                setattr(self.columns[-1], word, getattr(self.columns[-1], word) + text)
            case _:
                return

    def _refuse(self, *_: object) -> None:
        raise UserTableRefused("the definition has a DTD, which is not read; leave it out")
