"""Delimited text: CSV after RFC 4180 and TSV after its IANA registration.

Neither has a place for an overflow or an error: a cut result has exactly `maxrec` rows, and
one that broke off ends with `ResultIncomplete`, upon which the transfer is to be cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from registry.formats.writers.base import Result, started
from registry.formats.writers.cells import PLAIN_TEXT, cell_text
from registry.formats.writers.errors import ResultIncomplete
from registry.formats.writers.tabledata import joined_rows
from registry.model.field import Field

__all__ = ["CsvWriter", "TsvWriter"]


class CsvWriter:
    """Write CSV: a header line, UTF-8, CRLF, quotes where they are needed.

    A null or an empty array is an empty cell, an empty string a quoted one. In a table of one
    column all of them are quoted, as readers skip empty lines.
    """

    name = "csv"
    media_type = "text/csv;header=present; charset=utf-8"
    aliases: tuple[str, ...] = (
        name,
        "text/csv",
        "text/csv;header=present",
        "text/csv;charset=utf-8",
        media_type,
        "text/csv;charset=utf-8;header=present",
    )
    ivo_id: str | None = None
    extension = "csv"

    def write(self, result: Result) -> Iterator[bytes]:
        """Produce the lines; see `ResultWriter.write` for the errors."""
        return _lines(result, ",", "\r\n", _quoted, lone_empty='""')


class TsvWriter:
    """Write TSV: a header line, UTF-8, no quotes; a tab or line break in text is a blank.

    Nulls, empty strings and empty arrays are empty cells.
    """

    name = "tsv"
    media_type = "text/tab-separated-values; charset=utf-8"
    aliases: tuple[str, ...] = (name, "text/tab-separated-values", media_type)
    ivo_id: str | None = None
    extension = "tsv"

    def write(self, result: Result) -> Iterator[bytes]:
        """Produce the lines; see `ResultWriter.write` for the errors."""
        return _lines(result, "\t", "\n", _one_line)


def _lines(
    result: Result,
    separator: str,
    end: str,
    protect: Callable[[pa.Array], pa.Array],
    lone_empty: str = "",
) -> Iterator[bytes]:
    batches = started(result.batches)
    header = [protect(pa.array([field.name], pa.string())) for field in result.fields]
    yield joined_rows(header, "", separator, end)
    for batch in batches:
        columns = _text_columns(batch, result.fields, protect)
        if len(columns) == 1 and lone_empty:
            filled = pc.fill_null(columns[0], "")
            columns = [pc.if_else(pc.equal(filled, ""), lone_empty, filled)]
        yield joined_rows(columns, "", separator, end)
    outcome = result.outcome()
    if outcome.error is not None:
        raise ResultIncomplete(outcome.error)


def _text_columns(
    batch: pa.RecordBatch, fields: Sequence[Field], protect: Callable[[pa.Array], pa.Array]
) -> list[pa.Array]:
    columns = []
    for column, field in zip(batch.columns, fields, strict=True):
        text = cell_text(column, field.type, PLAIN_TEXT)
        columns.append(protect(text) if field.type.is_text else text)
    return columns


def _quoted(column: pa.Array) -> pa.Array:
    """Quote cells with a separator, quote or line break, and empty ones."""
    needed = pc.match_substring_regex(column, r'[,"\r\n]|^$')
    if not pc.any(needed).as_py():
        return column
    doubled = pc.replace_substring(column, '"', '""')
    quoted = pc.binary_join_element_wise('"', doubled, '"', "")
    return pc.if_else(needed, quoted, column)


def _one_line(column: pa.Array) -> pa.Array:
    """Replace tabs and line breaks by a blank each."""
    return pc.replace_substring_regex(column, r"\r\n|[\t\r\n]", " ")
