"""The parameter UPLOAD: names of tables and where they come from (DALI 1.1, section 3.4.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from vo_service.dali.errors import InvalidParameter

__all__ = ["Upload", "parse_uploads"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

_SCHEMES = ("param", "http", "https")

# A semicolon inside an address is no separator: one is followed by a name, a comma, a scheme.
_SEPARATOR = re.compile(r";(?=[^,;]*,\s*[A-Za-z][A-Za-z0-9+.-]*:|\s*$)")

_FORM = "write UPLOAD=name,param:part or UPLOAD=name,https://host/table.vot"


@dataclass(frozen=True, slots=True)
class Upload:
    """A table that comes with a request.

    Attributes
    ----------
    name
        Its name under TAP_UPLOAD.
    source
        ``param:`` and the name of a part of the request, or an address.
    """

    name: str
    source: str

    @property
    def part(self) -> str | None:
        """Name of the part of the request that holds the table, none for an address."""
        scheme, _, rest = self.source.partition(":")
        return rest if scheme.lower() == "param" else None


def parse_uploads(values: Iterable[str]) -> tuple[Upload, ...]:
    """Read the values of UPLOAD.

    Parameters
    ----------
    values
        One table each, or several with semicolons between them, as TAP 1.0 wrote it.

    Raises
    ------
    InvalidParameter
        If a value is no pair of name and source, a name is no plain name or comes twice, or a
        source is neither a part of the request nor an address of ``http`` or ``https``.
    """
    uploads: list[Upload] = []
    for value in values:
        uploads += [_upload(item) for item in _SEPARATOR.split(value) if item.strip()]
    seen: set[str] = set()
    for upload in uploads:
        if upload.name.lower() in seen:
            raise InvalidParameter(
                "UPLOAD", upload.name, "two tables have this name: give each its own"
            )
        seen.add(upload.name.lower())
    return tuple(uploads)


def _upload(item: str) -> Upload:
    name, comma, source = (part.strip() for part in item.partition(","))
    scheme, colon, rest = source.partition(":")
    if not comma or not colon or not rest:
        raise InvalidParameter("UPLOAD", item, f"it is no name and source: {_FORM}")
    if _NAME.fullmatch(name) is None:
        raise InvalidParameter(
            "UPLOAD",
            item,
            "the table's name must be letters, digits and underscores, a letter first",
        )
    if scheme.lower() not in _SCHEMES:
        raise InvalidParameter("UPLOAD", item, f"the scheme {scheme}: is not accepted: {_FORM}")
    return Upload(name, source)
