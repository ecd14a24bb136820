"""What is known of columns, and what is said of those that are missing."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.configuration import ColumnWords
from registry.formats.readers.base import FileColumn

__all__ = ["Words", "missing_column", "words_of"]


@dataclass(frozen=True, slots=True)
class Words:
    """Unit, UCD, utype and description of a column, none where they are not known."""

    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    description: str | None = None

    @property
    def secondary(self) -> Words:
        """The same for a column beside one that is the main one."""
        ucd = self.ucd and ";".join(w for w in self.ucd.split(";") if w != "meta.main")
        return Words(self.unit, ucd or None, self.utype, self.description)


def words_of(column: FileColumn, known: Mapping[str, ColumnWords]) -> Words:
    """Say of a column what its product says, and else what its file says.

    Parameters
    ----------
    column
        Of a file.
    known
        Of the product, by name of the column.
    """
    said = known.get(column.name, ColumnWords())
    return Words(
        said.unit or column.unit,
        said.ucd or column.ucd,
        said.utype or column.utype,
        said.description or column.description,
    )


def missing_column(name: str, role: str, names: Sequence[str]) -> str:
    """Word the absence of a column, with the names that are like it.

    Parameters
    ----------
    name
        That was asked for.
    role
        What for.
    names
        Of the columns that exist.
    """
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    close += [other for other in names if other.lower() == name.lower() and other not in close]
    hint = f"; similar ones are {', '.join(map(repr, close))}" if close else ""
    return f"column {name!r}, mapped to {role!r}, does not exist{hint}"
