"""Errors of the ADQL front end: what is wrong with a query, and where.

::

    AdqlError
    ├── AdqlSyntaxError      the text is not a sentence of ADQL 2.1
    ├── UnknownTable         a table, or a qualifier of a column, that is not there
    ├── UnknownColumn        a column that no table in scope has
    ├── AmbiguousColumn      a column that several tables in scope have
    ├── UnknownFunction      a function that this service does not offer
    ├── UnsupportedFeature   ADQL that is valid and that this service does not do
    ├── TypeMismatch         values, units or arguments that do not go together
    └── QueryTooComplex      a limit on size was passed

Nothing else leaves this package: whatever text comes in, the caller handles `AdqlError`. Every
error renders with ``str()`` as one line for the user, such as ``Unknown column "redshfit"
(line 1, column 8); did you mean "redshift"?``.
"""

from __future__ import annotations

from typing import NamedTuple, Self

EXCERPT_CHARACTERS = 60
"""Longest piece of the query that an error quotes: fits one terminal line with a margin."""


class Position(NamedTuple):
    """Place in the text of a query.

    Attributes
    ----------
    line
        Line, from 1.
    column
        Character in the line, from 1.
    """

    line: int
    column: int


def locate(source: str, offset: int) -> Position:
    """Find the line and column of a character.

    Parameters
    ----------
    source
        Text of the query.
    offset
        Index of the character, from 0; the length of `source` means its end.

    Returns
    -------
    Position
        Line and column, both from 1.
    """
    line_start = source.rfind("\n", 0, offset) + 1
    return Position(source.count("\n", 0, offset) + 1, offset - line_start + 1)


def excerpt_around(source: str, offset: int) -> str:
    """Quote the line around a character, cut to `EXCERPT_CHARACTERS`.

    Parameters
    ----------
    source
        Text of the query.
    offset
        Index of the character, from 0.

    Returns
    -------
    str
        Part of one line, without blanks at its ends.
    """
    line_start = source.rfind("\n", 0, offset) + 1
    line_end = source.find("\n", offset)
    line_end = len(source) if line_end < 0 else line_end
    start = max(line_start, offset - EXCERPT_CHARACTERS // 2)
    return source[start : min(line_end, start + EXCERPT_CHARACTERS)].strip()


class AdqlError(Exception):
    """Query that cannot be answered as it stands.

    Parameters
    ----------
    message
        One sentence without final stop that names the offending thing.
    line, column
        Place in the query, both from 1; None when the error belongs to no place.
    excerpt
        Piece of the query around that place.
    suggestions
        Names that the user may have meant, the likeliest first.
    """

    def __init__(
        self,
        message: str,
        line: int | None = None,
        column: int | None = None,
        excerpt: str = "",
        suggestions: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.excerpt = excerpt
        self.suggestions = suggestions

    @classmethod
    def at(cls, message: str, source: str, offset: int, suggestions: tuple[str, ...] = ()) -> Self:
        """Make an error that points into the query.

        Parameters
        ----------
        message
            One sentence without final stop.
        source
            Text of the query.
        offset
            Index of the first character concerned: the start of a node's span.
        suggestions
            Names that the user may have meant, the likeliest first.

        Returns
        -------
        Self
            Error with line, column and excerpt.
        """
        line, column = locate(source, offset)
        return cls(message, line, column, excerpt_around(source, offset), suggestions)

    def __str__(self) -> str:
        """Render the error as one line for the user."""
        text = self.message
        if self.line is not None and self.column is not None:
            text += f" (line {self.line}, column {self.column})"
        if self.suggestions:
            text += f"; did you mean {_either(self.suggestions)}?"
        return text


class AdqlSyntaxError(AdqlError):
    """Text that is not a sentence of ADQL 2.1."""


class UnknownTable(AdqlError):
    """Table name, or qualifier of a column, that refers to nothing in scope."""


class UnknownColumn(AdqlError):
    """Column name that no table in scope has."""


class AmbiguousColumn(AdqlError):
    """Column name without qualifier that several tables in scope have."""


class UnknownFunction(AdqlError):
    """Function that this service does not offer."""


class UnsupportedFeature(AdqlError):
    """Valid ADQL that this service does not do."""


class TypeMismatch(AdqlError):
    """Values, units or arguments that do not go together."""


class QueryTooComplex(AdqlError):
    """Query that passes one of the `vo_service.adql.limits.Limits`."""


def _either(names: tuple[str, ...]) -> str:
    """Join names as ``"a"``, ``"a" or "b"``, ``"a", "b" or "c"``; quoted ones stay as they are."""
    quoted = [name if name.startswith('"') else f'"{name}"' for name in names]
    if len(quoted) == 1:
        return quoted[0]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"
