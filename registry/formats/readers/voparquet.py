"""What a Parquet file says of its columns: VOParquet's header, and common key-value pairs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

import pyarrow as pa

from registry.model.frame import coordinate_frame, time_frame

__all__ = ["FileMetadata", "SaidOfColumn", "file_metadata"]

_VOTABLE_KEY = b"IVOA.VOTable-Parquet.content"
"""Key under which VOParquet 1.0 keeps a VOTable without data."""

_TAG = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class SaidOfColumn:
    """What a file says of one column."""

    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    description: str | None = None
    frame: str | None = None
    xtype: str | None = None


@dataclass(frozen=True, slots=True)
class FileMetadata:
    """What a file says of its columns, by name, and of the table."""

    columns: dict[str, SaidOfColumn] = field(default_factory=dict)
    description: str | None = None

    def said_of(self, column: str) -> tuple[str | None, ...]:
        """Give unit, UCD, utype, description, frame, xtype, as `FileColumn` takes them."""
        said = self.columns.get(column, SaidOfColumn())
        return said.unit, said.ucd, said.utype, said.description, said.frame, said.xtype


def file_metadata(schema: pa.Schema) -> FileMetadata:
    """Collect what the metadata of a Parquet file says; what cannot be read is passed over.

    Parameters
    ----------
    schema
        Arrow schema with its metadata.
    """
    metadata = schema.metadata or {}
    if _VOTABLE_KEY in metadata:
        found = _from_votable(metadata[_VOTABLE_KEY])
        if found is not None:
            return found
    columns = {column.name: _from_pairs(column.metadata or {}) for column in schema}
    return FileMetadata({name: said for name, said in columns.items() if said is not None})


def _from_pairs(pairs: dict[bytes, bytes]) -> SaidOfColumn | None:
    values = {
        key.decode("utf-8", "replace").lower(): value.decode("utf-8", "replace")
        for key, value in pairs.items()
    }
    said = SaidOfColumn(
        values.get("unit") or None,
        values.get("ucd") or None,
        values.get("utype") or None,
        _description(values.get("description")),
        values.get("frame") or None,
        values.get("xtype") or None,
    )
    return None if said == SaidOfColumn() else said


def _description(text: str | None) -> str | None:
    if not text:
        return None
    try:
        # Some writers keep every value as JSON.
        parsed = json.loads(text)
    except ValueError:
        return text
    return parsed if isinstance(parsed, str) and parsed else text


def _from_votable(document: bytes) -> FileMetadata | None:
    try:
        text = document.decode("utf-8")
    except UnicodeDecodeError:
        return None
    # Entities are the way to attack an XML parser; a VOTable has no use for a DTD.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    try:
        root = ET.fromstring(text)  # noqa: S314 - refused above: no DTD, no entities
    except ET.ParseError:
        return None
    table = next((e for e in root.iter() if _local(e) == "TABLE"), None)
    if table is None:
        return None
    frames = _frames(root)
    columns = {
        element.get("name", ""): SaidOfColumn(
            element.get("unit"),
            element.get("ucd"),
            element.get("utype"),
            _child_text(element),
            frames.get(element.get("ref", "")),
            element.get("xtype"),
        )
        for element in table
        if _local(element) == "FIELD"
    }
    return FileMetadata(columns, _child_text(table))


def _frames(root: ET.Element) -> dict[str, str | None]:
    """Give the frames and scales that the document names, by ID."""
    found: dict[str, str | None] = {}
    for element in root.iter():
        get = element.get
        if _local(element) == "COOSYS":
            system = get("system") or get("refframe")
            found[get("ID", "")] = coordinate_frame(system, get("equinox"), get("epoch"))
        elif _local(element) == "TIMESYS":
            found[get("ID", "")] = time_frame(
                get("timescale"), get("refposition"), get("timeorigin")
            )
    return found


def _local(element: ET.Element) -> str:
    return _TAG.sub("", element.tag)


def _child_text(element: ET.Element) -> str | None:
    for child in element:
        if _local(child) == "DESCRIPTION":
            return (child.text or "").strip() or None
    return None
