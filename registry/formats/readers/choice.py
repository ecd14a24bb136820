"""Which of the tables of a file is meant, where its owner does not say."""

from __future__ import annotations

from collections.abc import Sequence

from registry.errors import UnreadableFile

__all__ = ["FileChoiceNeeded", "listed", "main_table", "passed_over"]

_LISTED = 20


class FileChoiceNeeded(UnreadableFile):
    """Say that a file leaves a choice, or that the one that was made is none of it.

    Parameters
    ----------
    message
        What there is to choose from. How it is chosen depends on the way by which the caller
        came, and is said there.
    option
        Name of the field of `registry.formats.readers.ReadOptions`.
    """

    def __init__(self, message: str, option: str) -> None:
        self.option = option
        super().__init__(message)


def main_table(rows: Sequence[int | None]) -> int | None:
    """Give the place of the one table that has more than one row; none if that is not one.

    Parameters
    ----------
    rows
        Of each table; none where nobody knows. Tables of at most one row beside a longer one
        say something of it, or of how it was made.
    """
    long = [place for place, count in enumerate(rows) if count is None or count > 1]
    if len(rows) == 1:
        return 0
    return long[0] if len(long) == 1 else None


def passed_over(chosen: str, others: Sequence[str]) -> str:
    """Say that a table was chosen and what was left out."""
    return f"the table is {chosen}; left out, with at most one row each: {listed(others)}"


def listed(labels: Sequence[str]) -> str:
    """List tables for people; of many the first."""
    more = f"; and {len(labels) - _LISTED} more" if len(labels) > _LISTED else ""
    return "; ".join(labels[:_LISTED]) + more
