"""How a text table is laid out: its comments, delimiter and header.

A line that begins with ``#`` is a comment. The delimiter is the first of comma, tab, vertical
bar and semicolon that cuts the first lines into equally many values; runs of blanks otherwise.
The names come from the first of these that applies:

1. the first line that is no comment, unless all its values are numbers, or it has numbers and
   words in the same places as the lines after it;
2. the last comment before it, if it has as many values as that line, none of them a number;
3. ``col1``, ``col2``, ... for a table without a header.

A comment comes before the first line where that line has numbers too.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from registry.errors import UnreadableFile
from registry.formats.readers.choice import FileChoiceNeeded
from registry.formats.readers.csv_types import is_missing, is_number

__all__ = ["BLANKS", "Dialect", "find_dialect", "looks_tabular"]

BLANKS = " "
"""Stands for any run of spaces and tabs."""

_DELIMITERS = (",", "\t", "|", ";")

_WORDS = {"comma": ",", "tab": "\t", "bar": "|", "semicolon": ";", "space": BLANKS, "\\t": "\t"}

_MAX_COLUMNS = 20_000
"""Columns at most: a header beyond it is a table on its side, or no table."""

_MAX_COMMENTS = 10_000

_SAMPLE_LINES = 20

_MAX_LINE_CHARS = 8 * 1024 * 1024

_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class Dialect:
    """The layout of a text table.

    Attributes
    ----------
    delimiter
        One character; `BLANKS` for any run of spaces and tabs.
    skipped_lines
        Lines before the header, or before the data where `has_header` is not set.
    has_header
        Whether the first line that is not skipped is the header.
    names
        Of the columns.
    decimal_comma
        Whether numbers are written as ``1,5``.
    """

    delimiter: str
    skipped_lines: int
    has_header: bool
    names: tuple[str, ...]
    decimal_comma: bool = False


def looks_tabular(head: bytes) -> bool:
    """Tell whether the beginning of a file is text in columns.

    Parameters
    ----------
    head
        First bytes of the file.
    """
    if b"\0" in head:
        return False
    lines = head.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()
    # The last line may be cut off.
    lines = lines[:-1] if len(lines) > 2 and len(head) >= 4096 else lines
    rows = [line for line in lines if line.strip() and not line.startswith("#")]
    if not rows:
        return False
    delimiter = _delimiter(rows[:_SAMPLE_LINES])
    counts = {len(_split(row, delimiter)) for row in rows[:_SAMPLE_LINES]}
    if delimiter != BLANKS:
        return delimiter in rows[0]
    return len(counts) == 1 and len(rows) > 1 and counts != {1}


def find_dialect(path: Path, delimiter: str | None = None) -> Dialect:
    """Find the layout of a file of UTF-8 text.

    Parameters
    ----------
    path
        The file.
    delimiter
        What the user says: a character or its name (`ReadOptions.delimiter`).

    Raises
    ------
    UnreadableFile
        If there is nothing in it, or its header cannot be told from its data.
    FileChoiceNeeded
        If the delimiter is none.
    """
    chosen = None if delimiter is None else _chosen(delimiter)
    with path.open(encoding="utf-8-sig", newline="") as handle:
        comments, skipped, first = _leading(handle)
        if first is None:
            raise UnreadableFile(
                f"{path.name!r} has {'comments and ' if comments else ''}blank lines only; write "
                "or transfer it again"
            )
        rest = [line[:_MAX_LINE_CHARS] for line in itertools.islice(handle, _SAMPLE_LINES)]
    sample = [first, *(line for line in rest if line.strip() and not line.startswith("#"))]
    chosen = chosen or _delimiter(sample)
    is_blank = chosen == BLANKS
    values = _split(first, chosen) if is_blank else _first_row(path, first, rest, chosen)
    if len(values) > _MAX_COLUMNS:
        raise UnreadableFile(
            f"the first line of {path.name!r} has {len(values)} values, more than {_MAX_COLUMNS} "
            "columns; is the table on its side?"
        )
    rows = [_split(line, chosen) for line in sample[1:]]
    names, has_header = _names(path, values, comments, chosen, rows)
    decimal = chosen != "," and _has_decimal_commas(sample, chosen)
    return Dialect(chosen, skipped, has_header, tuple(names), decimal)


def _chosen(delimiter: str) -> str:
    found = _WORDS.get(delimiter.lower(), delimiter)
    if len(found) != 1 or not found.isascii() or found in '"\r\n#' or found.isalnum():
        raise FileChoiceNeeded(
            f"{delimiter!r} is no delimiter: give one character, or one of comma, tab, bar, "
            "semicolon, space",
            "delimiter",
        )
    return found


def _leading(handle: io.TextIOBase) -> tuple[list[str], int, str | None]:
    comments: list[str] = []
    for count, line in enumerate(iter(lambda: handle.readline(_MAX_LINE_CHARS), "")):
        if count > _MAX_COMMENTS:
            break
        if line.lstrip().startswith("#"):
            comments.append(line.strip().lstrip("#").strip())
        elif line.strip():
            return comments, count, line
    return comments, 0, None


def _delimiter(sample: list[str]) -> str:
    plain = [re.sub(r'"[^"]*"', "", line) for line in sample]
    for mark in _DELIMITERS:
        counts = {line.count(mark) for line in plain}
        if len(counts) == 1 and counts != {0}:
            return mark
    present = [mark for mark in _DELIMITERS if mark in plain[0]]
    if present:
        return present[0]
    return BLANKS if len(plain[0].split()) > 1 and not _is_one_column(plain) else ","


def _is_one_column(lines: list[str]) -> bool:
    # A title of several words above one number per line.
    return len(lines) > 1 and all(len(line.split()) <= 1 for line in lines[1:])


def _first_row(path: Path, first: str, rest: list[str], delimiter: str) -> list[str]:
    try:
        rows = csv.reader([first, *rest], delimiter=delimiter, skipinitialspace=True)
        return next((row for row in rows if row), [])
    except csv.Error as error:
        raise UnreadableFile(
            f"the header of {path.name!r} cannot be read ({error}); it must be one line of "
            "column names"
        ) from error


def _split(line: str, delimiter: str) -> list[str]:
    if delimiter == BLANKS:
        parts = re.findall(r'"[^"]*"|\S+', line)
        return [
            part[1:-1] if len(part) > 1 and part[0] == '"' == part[-1] else part for part in parts
        ]
    return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])


def _names(
    path: Path, values: list[str], comments: list[str], delimiter: str, rows: list[list[str]]
) -> tuple[list[str], bool]:
    texts = [value.strip() for value in values]
    numbers = [is_number(text) for text in texts]
    if any(numbers) and comments:
        names = _split(comments[-1], delimiter)
        if len(names) != len(texts):
            names = comments[-1].split()
        if len(names) == len(texts) and not any(is_number(name) for name in names):
            return [name.strip() for name in names], False
    data = all(n or is_missing(t) for n, t in zip(numbers, texts, strict=True))
    grid = _is_grid([float(t) for t, n in zip(texts, numbers, strict=True) if n])
    if any(numbers) and (data or (not grid and _is_like(texts, rows))):
        return [f"col{index}" for index in range(1, len(texts) + 1)], False
    if any(numbers) and not grid:
        raise UnreadableFile(
            f"{path.name!r} has no header that can be told from data: its first line is "
            f"{delimiter.join(texts)[:60]!r}; put a line with the column names before it"
        )
    return [text or f"column_{index}" for index, text in enumerate(texts, start=1)], True


def _is_like(texts: list[str], rows: list[list[str]]) -> bool:
    """Tell whether the lines after the first have numbers and words in the same places."""
    if not rows:
        return False
    kinds = [None if is_missing(text) else is_number(text) for text in texts]
    for row in rows:
        others = [None if is_missing(text.strip()) else is_number(text.strip()) for text in row]
        if len(others) != len(kinds):
            return False
        pairs = zip(kinds, others, strict=True)
        if any(None not in (kind, other) and kind != other for kind, other in pairs):
            return False
    return True


def _is_grid(numbers: list[float]) -> bool:
    """Tell whether names that are numbers may be the redshifts of a PDF's grid."""
    return len(numbers) > 2 and all(a < b for a, b in itertools.pairwise(numbers))


def _has_decimal_commas(sample: list[str], delimiter: str) -> bool:
    cells = [cell.strip() for line in sample for cell in _split(line, delimiter)]
    commas = any(_DECIMAL_COMMA.fullmatch(cell) for cell in cells)
    return commas and not any(_DECIMAL_POINT.fullmatch(cell) for cell in cells)
