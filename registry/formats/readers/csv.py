"""Reader of CSV files: comma, a header line, UTF-8.

The types come from the whole file, never from its beginning; see `csv_types` for the rules.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.csv as pacsv

from registry.errors import UnreadableFile, UnsupportedFile
from registry.formats.readers.base import BATCH_ROWS, FileColumn
from registry.formats.readers.csv_text import check_text
from registry.formats.readers.csv_types import TypeGuess, convert, is_number

__all__ = ["CsvReader", "CsvTable"]

_BLOCK_BYTES = 8 * 1024 * 1024
"""Bytes that are parsed at once; also the longest row that can be read."""

_MAX_COLUMNS = 20_000
"""Columns at most: a header beyond it is a table on its side, or not CSV."""

_OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


class CsvReader:
    """Recognises and opens comma-separated text with a header line."""

    name = "CSV"

    def recognises(self, head: bytes, suffix: str) -> bool:
        """Tell whether a file may be CSV: text, with a comma or the suffix."""
        first_line = head.split(b"\n", 1)[0]
        return b"," in first_line or suffix in (".csv", ".txt")

    def open(self, path: Path) -> CsvTable:
        """Open a file, check its text and find the types of its columns.

        Raises
        ------
        UnreadableFile
            If it is not UTF-8, has no header, or a row has another number of values.
        UnsupportedFile
            If it is text of another format, or not text at all.
        """
        return CsvTable(path)


class CsvTable:
    """A CSV file whose columns have the narrowest type that holds every value of the file.

    Parameters
    ----------
    path
        The file; it is opened for each reading.
    """

    description: str | None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        quotes_pair_up = check_text(path)
        names = _header(path)
        self._n_columns = len(names)
        guesses = [TypeGuess() for _ in names]
        rows = 0
        last: pa.RecordBatch | None = None
        for batch in self._text_batches():
            rows += batch.num_rows
            last = batch if batch.num_rows else last
            for guess, array in zip(guesses, batch.columns, strict=True):
                guess.see(array)
        if not quotes_pair_up and last is not None:
            _refuse_open_quote(path, last.slice(last.num_rows - 1), rows)
        self._n_rows = rows
        self._types = [guess.result() for guess in guesses]
        self.columns = tuple(
            FileColumn(name, arrow) for name, arrow in zip(names, self._types, strict=True)
        )

    @property
    def n_rows(self) -> int | None:
        """Number of rows, known from finding the types."""
        return self._n_rows

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Read the rows in file order.

        Parameters
        ----------
        batch_rows
            Rows per batch at most.

        Raises
        ------
        UnreadableFile
            If the file changed since its types were found.
        """
        names = [f"c{index}" for index in range(self._n_columns)]
        for batch in self._text_batches():
            try:
                arrays = [convert(a, t) for a, t in zip(batch.columns, self._types, strict=True)]
            except pa.ArrowInvalid as error:
                raise UnreadableFile(
                    f"{self._path.name!r} changed while it was being read; try again"
                ) from error
            typed = pa.RecordBatch.from_arrays(arrays, names=names)
            for start in range(0, typed.num_rows, batch_rows):
                yield typed.slice(start, batch_rows)

    def close(self) -> None:
        """Do nothing: the file is open only while it is read."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _text_batches(self) -> Iterator[pa.RecordBatch]:
        names = [f"f{index}" for index in range(self._n_columns)]
        with _readable(self._path):
            reader = pacsv.open_csv(
                self._path,
                # Row numbers are in the messages only without threads.
                read_options=pacsv.ReadOptions(
                    use_threads=False,
                    block_size=_BLOCK_BYTES,
                    column_names=names,
                    skip_rows_after_names=1,
                ),
                parse_options=pacsv.ParseOptions(newlines_in_values=True),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    null_values=[""],
                ),
            )
            with reader:
                yield from reader


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        rows = csv.reader(itertools.islice(handle, 10_000))
        try:
            names = next((row for row in rows if row), None)
        except csv.Error as error:
            raise UnreadableFile(
                f"the header of {path.name!r} cannot be read ({error}); it must be one line of "
                "column names separated by commas"
            ) from error
    if names is None:
        raise UnreadableFile(f"{path.name!r} has blank lines only; write or transfer it again")
    if len(names) > _MAX_COLUMNS:
        raise UnreadableFile(
            f"the first line of {path.name!r} has {len(names)} values, more than {_MAX_COLUMNS} "
            "columns; is the table on its side?"
        )
    _check_delimiter(path, names)
    if all(is_number(name) for name in names):
        raise UnreadableFile(
            f"{path.name!r} has no header: its first line is {','.join(names[:5])!r}; put a "
            "line with the column names before it"
        )
    return [name.strip() or f"column_{index}" for index, name in enumerate(names, start=1)]


def _check_delimiter(path: Path, names: list[str]) -> None:
    if len(names) > 1:
        return
    line = names[0]
    for mark, plural in _OTHER_DELIMITERS.items():
        if mark in line:
            raise UnsupportedFile(
                f"the header of {path.name!r} has no comma, but {plural}; only commas are read "
                "now: convert it to CSV with commas, or to Parquet"
            )
    if len(line.split()) > 2 or line.startswith("#"):
        raise UnsupportedFile(
            f"{path.name!r} has no comma in its first line ({line[:60]!r}); it must be CSV with "
            "commas and a header line"
        )


def _refuse_open_quote(path: Path, last_row: pa.RecordBatch, row: int) -> None:
    # The parser lets the end of the file close a quotation, and everything after the stray
    # mark would be one value.
    if any("\n" in (column[0].as_py() or "") for column in last_row.columns):
        raise UnreadableFile(
            f"{path.name!r}, row {row + 1} (the header is row 1): a quotation mark is opened and "
            "never closed; close it, or double it where it belongs to the text"
        )


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except pa.ArrowInvalid as error:
        text = str(error).splitlines()[0]
        if "straddling" in text or "out of sync" in text:
            raise UnreadableFile(
                f"{path.name!r} has a row of more than {_BLOCK_BYTES // 2**20} MB: is a quotation "
                "mark left open?"
            ) from error
        raise UnreadableFile(_ragged(path, text)) from error


def _ragged(path: Path, text: str) -> str:
    message = text.removeprefix("CSV parse error: ")
    if message.startswith("Row #"):
        row, _, rest = message.removeprefix("Row #").partition(": ")
        return (
            f"{path.name!r}, row {row} (the header is row 1): {rest[:1].lower()}{rest[1:200]}; "
            "every row must have as many values as the header has names"
        )
    return f"{path.name!r} cannot be read as CSV: {message[:300]}; check its quotation marks"
