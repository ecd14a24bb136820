"""Reader of text tables in UTF-8: CSV and its relatives.

`csv_dialect` tells how the layout is found. The types come from the whole file, never from its
beginning; see `csv_types` for the rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.csv as pacsv

from registry.errors import UnreadableFile
from registry.formats.readers.base import BATCH_ROWS, FileColumn
from registry.formats.readers.csv_blanks import (
    BlankSeparatedFile,
    DelimitedFile,
    has_no_comments,
    is_plain,
    line_of_row,
)
from registry.formats.readers.csv_dialect import BLANKS, find_dialect, looks_tabular
from registry.formats.readers.csv_text import check_text
from registry.formats.readers.csv_types import OddCell, TypeGuess, convert
from registry.formats.readers.ecsv import with_ecsv_header
from registry.formats.readers.options import DEFAULT_OPTIONS, ReadOptions

__all__ = ["CsvReader", "CsvTable"]

_BLOCK_BYTES = 8 * 1024 * 1024
"""Bytes that are parsed at once; also the longest row that can be read."""

_RAGGED = re.compile(r"Row #(\d+): (.)(.*)")
"""What the parser says of a row with another number of values."""

_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".dat", ".asc", ".ascii", ".cat", ".psv", ".ecsv")


class CsvReader:
    """Recognises and opens text tables, with any usual delimiter."""

    name = "CSV"
    options = frozenset({"delimiter"})

    def recognises(self, head: bytes, suffix: str) -> bool:
        """Tell whether a file may be a text table, by its suffix or its first lines."""
        return suffix in _SUFFIXES or looks_tabular(head)

    def open(self, path: Path, options: ReadOptions = DEFAULT_OPTIONS) -> CsvTable:
        """Open a file, check its text and find the types of its columns.

        Parameters
        ----------
        path
            The file.
        options
            The delimiter, where it is not plain.

        Raises
        ------
        UnreadableFile
            If it is not UTF-8, its header is not plain, or a row has another number of values.
        UnsupportedFile
            If it is not text at all.
        """
        return CsvTable(path, options.delimiter)


class CsvTable:
    """A text table whose columns have the narrowest type that holds every value of the file.

    Parameters
    ----------
    path
        The file; it is opened for each reading.
    delimiter
        What the user says of it.
    """

    description: str | None = None

    def __init__(self, path: Path, delimiter: str | None = None) -> None:
        self._path = path
        quotes_pair_up = check_text(path)
        self._dialect = find_dialect(path, delimiter)
        mark = self._dialect.delimiter
        self._is_plain = mark != BLANKS and is_plain(path, mark)
        names = self._dialect.names
        self._n_columns = len(names)
        guesses = [TypeGuess(self._dialect.decimal_comma) for _ in names]
        rows = 0
        last: pa.RecordBatch | None = None
        for batch in self._text_batches():
            rows += batch.num_rows
            last = batch if batch.num_rows else last
            for guess, array in zip(guesses, batch.columns, strict=True):
                guess.see(array)
        if not quotes_pair_up and last is not None:
            self._refuse_open_quote(last.slice(last.num_rows - 1), rows - 1)
        self._n_rows = rows
        self._types = [guess.result() for guess in guesses]
        self.warnings = tuple(
            self._odd_cell_note(name, cell)
            for name, guess in zip(names, guesses, strict=True)
            if (cell := guess.odd_cell()) is not None
        )
        columns = tuple(
            FileColumn(name, arrow) for name, arrow in zip(names, self._types, strict=True)
        )
        self.columns = with_ecsv_header(path, columns)

    @property
    def n_rows(self) -> int | None:
        """Number of rows, known from finding the types."""
        return self._n_rows

    @property
    def layout(self) -> dict[str, object]:
        """The delimiter as a regular expression knows it, whether there is a header, and comments.

        Plain is what pandas reads with the delimiter and the header alone.
        """
        dialect = self._dialect
        generated = any(f"column_{n}" == name for n, name in enumerate(dialect.names, start=1))
        return {
            "delimiter": r"\s+" if dialect.delimiter == BLANKS else dialect.delimiter,
            "has_header": dialect.has_header,
            "is_plain": not (dialect.skipped_lines or dialect.decimal_comma or generated)
            and (has_no_comments(self._path) if dialect.delimiter == BLANKS else self._is_plain),
        }

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
                arrays = [
                    convert(values, arrow, self._dialect.decimal_comma)
                    for values, arrow in zip(batch.columns, self._types, strict=True)
                ]
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
        is_blank = self._dialect.delimiter == BLANKS
        with self._readable(), self._source() as source:
            reader = pacsv.open_csv(
                source,
                # Row numbers are in the messages only without threads.
                read_options=pacsv.ReadOptions(
                    use_threads=False,
                    block_size=_BLOCK_BYTES,
                    column_names=names,
                    skip_rows=0 if is_blank else self._dialect.skipped_lines,
                    skip_rows_after_names=int(self._dialect.has_header),
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter="\t" if is_blank else self._dialect.delimiter,
                    newlines_in_values=not is_blank,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    null_values=[""],
                ),
            )
            with reader:
                yield from reader

    @contextmanager
    def _source(self) -> Iterator[pa.NativeFile]:
        mark = self._dialect.delimiter
        if self._is_plain:
            with pa.OSFile(str(self._path)) as source:
                yield source
            return
        is_blank = mark == BLANKS
        lines = BlankSeparatedFile(self._path) if is_blank else DelimitedFile(self._path, mark)
        with lines, pa.PythonFile(lines, "r") as source:
            yield source

    def _odd_cell_note(self, name: str, cell: OddCell) -> str:
        others = f" and {cell.count - 1} more like it" if cell.count > 1 else ""
        return (
            f"column {name!r} is text and not numbers because of {cell.text[:60]!r} in "
            f"{self._place(cell.row)}{others}; if it stands for no value, leave it empty there"
        )

    def _refuse_open_quote(self, last_row: pa.RecordBatch, row: int) -> None:
        # The parser lets the end of the file close a quotation, and everything after the stray
        # mark would be one value.
        if any("\n" in (column[0].as_py() or "") for column in last_row.columns):
            raise UnreadableFile(
                f"{self._path.name!r}, {self._place(row)}: a quotation mark is opened and never "
                "closed; close it, or double it where it belongs to the text"
            )

    def _place(self, row: int) -> str:
        """Say where a row of the data is, counted from 0 there."""
        line = line_of_row(
            self._path, self._dialect.delimiter, row + 1 + int(self._dialect.has_header)
        )
        return f"row {line} (the first line of the file is row 1)"

    @contextmanager
    def _readable(self) -> Iterator[None]:
        name = self._path.name
        try:
            yield
        except pa.ArrowInvalid as error:
            text = str(error).splitlines()[0].removeprefix("CSV parse error: ")
            if "straddling" in text or "out of sync" in text:
                reason = (
                    f"{name!r} has a row of more than {_BLOCK_BYTES // 2**20} MB: is a quotation "
                    "mark left open?"
                )
            elif found := _RAGGED.match(text):
                skipped = 0 if self._dialect.delimiter == BLANKS else self._dialect.skipped_lines
                row = int(found[1]) - skipped - int(self._dialect.has_header) - 1
                reason = (
                    f"{name!r}, {self._place(row)}: {found[2].lower()}{found[3][:200]}; "
                    "every row must have as many values as there are columns"
                )
            else:
                reason = f"{name!r} cannot be read as CSV: {text[:300]}; check its quotation marks"
            raise UnreadableFile(reason) from error
