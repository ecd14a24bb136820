"""The VOTable document around the rows: head, fields, trailing marks, error documents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from registry.formats.writers.base import Outcome, ResultInfo
from registry.formats.writers.cells import missing_integer
from registry.formats.writers.descriptors import ServiceDescriptor
from registry.formats.writers.markup import attribute, escaped
from registry.model.field import Datatype, Field, ValueType
from registry.model.frame import Frame

__all__ = [
    "VOTABLE_MEDIA_TYPE",
    "document_head",
    "document_tail",
    "error_document",
    "overflow_text",
    "unique_identifiers",
]

VOTABLE_MEDIA_TYPE = "application/x-votable+xml"
"""Media type of a VOTable whose serialisation is left open (VOTable 1.4, section 8)."""

_OPENING = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
)
"""The namespace of VOTable 1.4 is that of 1.3; no prefixes, which STILTS' error search needs."""

_DECLARED_MISSING = (Datatype.SHORT, Datatype.INT, Datatype.LONG)


@dataclass(frozen=True, slots=True)
class _Frames:
    """The frames and time scales of a document, each with its identifier, by its text."""

    known: dict[str, tuple[Frame, str]]

    def elements(self) -> str:
        return "".join(
            _timesys(frame, identifier) if frame.is_time else _coosys(frame, identifier)
            for frame, identifier in self.known.values()
        )

    def of(self, field: Field) -> str | None:
        return self.known[field.frame][1] if field.frame in self.known else None


def _coosys(frame: Frame, identifier: str) -> str:
    attributes = attribute("ID", identifier) + attribute("system", frame.system)
    attributes += attribute("equinox", frame.equinox) + attribute("epoch", frame.epoch)
    return f"<COOSYS{attributes}/>\n"


def _timesys(frame: Frame, identifier: str) -> str:
    attributes = attribute("ID", identifier) + attribute("timeorigin", frame.timeorigin)
    attributes += attribute("timescale", frame.system)
    # VOTable demands the place; most files do not say it.
    attributes += attribute("refposition", frame.refposition or "UNKNOWN")
    return f"<TIMESYS{attributes}/>\n"


def unique_identifiers(names: Sequence[str]) -> list[str]:
    """Derive XML identifiers from column names: unique, and equal to the name where it is one.

    Notes
    -----
    ASCII only, as astropy renames others; names that are identifiers already come first, so
    that a made-up one never takes the place of a real one.
    """
    taken: set[str] = set()
    result = [""] * len(names)
    for made_up in (False, True):
        for position, name in enumerate(names):
            if result[position]:
                continue
            plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name) is not None
            if not made_up and (not plain or name in taken):
                continue
            result[position] = _free(name if plain else _as_identifier(name), taken)
            taken.add(result[position])
    return result


def document_head(
    fields: Sequence[Field],
    infos: Sequence[ResultInfo] = (),
    *,
    outcome: Outcome | None = None,
    maxrec: int | None = None,
    identifiers: bool = True,
    declared_nulls: bool = False,
) -> str:
    """Write a document up to its last FIELD; TABLE, RESOURCE and VOTABLE stay open.

    Parameters
    ----------
    fields
        The columns.
    infos
        Further INFO elements, after QUERY_STATUS.
    outcome
        Tells a status other than OK where it is known already (Parquet's footer).
    maxrec
        The limit in rows, to be named beside an overflow.
    identifiers
        Whether each FIELD has an ID.
    declared_nulls
        Whether columns of integers declare the value that stands for null, which their rows
        cannot mark otherwise (BINARY). Arrays always declare that of a missing element.
    """
    ids = unique_identifiers([field.name for field in fields])
    frames = _frames(fields, set(ids))
    lines = [_OPENING, frames.elements(), '<RESOURCE type="results">\n', _status("OK")]
    lines += [_info(info) for info in infos]
    if outcome is not None:
        lines.append(_mark(outcome, maxrec))
    lines.append('<TABLE name="result">\n')
    for field, identifier in zip(fields, ids, strict=True):
        lines.append(_field(field, identifier if identifiers else None, frames, declared_nulls))
    return "".join(lines)


def document_tail(
    outcome: Outcome, maxrec: int | None, services: Sequence[ServiceDescriptor] = ()
) -> str:
    """Close TABLE, tell how the result ended, describe services, and close the document.

    Notes
    -----
    DALI 1.1, section 4.4; DataLink 1.1, section 4.
    """
    described = "".join(service.element() for service in services)
    return f"</TABLE>\n{_mark(outcome, maxrec)}</RESOURCE>\n{described}</VOTABLE>\n"


def error_document(message: str, infos: Sequence[ResultInfo] = ()) -> bytes:
    """Write the VOTable that stands for a failed query (DALI 1.1, section 4.4).

    Parameters
    ----------
    message
        For people; any characters.
    infos
        Statements above the resource, which older protocols want.
    """
    status = _status("ERROR", message)
    head = _OPENING + "".join(map(_info, infos))
    return f'{head}<RESOURCE type="results">\n{status}</RESOURCE>\n</VOTABLE>\n'.encode()


def _mark(outcome: Outcome, maxrec: int | None) -> str:
    if outcome.error is not None:
        return _status("ERROR", outcome.error)
    if outcome.overflow:
        return _status("OVERFLOW", overflow_text(maxrec))
    return ""


def overflow_text(maxrec: int | None) -> str:
    """Tell people why rows are missing, given the limit in rows."""
    if maxrec == 0:
        return "MAXREC=0 asks for the columns alone."
    limit = "" if maxrec is None else f" at MAXREC={maxrec}"
    return f"The result was cut{limit}; there are more rows."


def _status(value: str, text: str | None = None) -> str:
    return _info(ResultInfo("QUERY_STATUS", value, text))


def _info(info: ResultInfo) -> str:
    attributes = (
        attribute("name", info.name) + attribute("value", info.value) + attribute("ucd", info.ucd)
    )
    if info.text is None:
        return f"<INFO{attributes}/>\n"
    return f"<INFO{attributes}>{escaped(info.text)}</INFO>\n"


def _field(field: Field, identifier: str | None, frames: _Frames, declared_nulls: bool) -> str:
    attributes = "".join(
        attribute(name, value)
        for name, value in (
            ("ID", identifier),
            ("name", field.name),
            ("datatype", field.type.datatype.value),
            ("arraysize", _arraysize(field.type)),
            ("xtype", field.type.xtype),
            ("unit", field.unit),
            ("ucd", field.ucd),
            ("utype", field.utype),
            ("ref", frames.of(field)),
        )
    )
    content = ""
    if field.description:
        content += f"<DESCRIPTION>{escaped(field.description)}</DESCRIPTION>"
    declared = declared_nulls or field.type.is_array
    if declared and field.type.datatype in _DECLARED_MISSING:
        content += f'<VALUES null="{missing_integer(field.type.datatype)}"/>'
    return f"<FIELD{attributes}>{content}</FIELD>\n" if content else f"<FIELD{attributes}/>\n"


def _arraysize(value_type: ValueType) -> str | None:
    """Give the arraysize to declare; text is never a scalar."""
    if value_type.datatype.is_text:
        return value_type.arraysize or "*"
    return value_type.arraysize


def _frames(fields: Sequence[Field], taken: set[str]) -> _Frames:
    known: dict[str, tuple[Frame, str]] = {}
    for field in fields:
        frame = Frame.parse(field.frame)
        if frame is None or field.frame is None or field.frame in known:
            continue
        identifier = _free(frame.system.lower(), taken)
        taken.add(identifier)
        known[field.frame] = (frame, identifier)
    return _Frames(known)


def _as_identifier(name: str) -> str:
    cleaned = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    return cleaned if re.match(r"[A-Za-z_]", cleaned) else f"_{cleaned}"


def _free(identifier: str, taken: set[str]) -> str:
    candidate, number = identifier, 1
    while candidate in taken:
        number += 1
        candidate = f"{identifier}_{number}"
    return candidate
