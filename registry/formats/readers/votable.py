"""Reader of VOTable documents in all serialisations (VOTable 1.4 and its predecessors).

The document is parsed by expat, piece by piece, and is never in memory as a whole. A document
with entities of its own is refused; neither a DTD nor data outside of the document (``href``)
are ever fetched.
"""

from __future__ import annotations

import binascii
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from xml.parsers.expat import ExpatError

import pyarrow as pa

from registry.errors import UnreadableFile, UnsupportedFile
from registry.formats.readers.base import BATCH_ROWS, FileColumn
from registry.formats.readers.choice import FileChoiceNeeded, listed, main_table, passed_over
from registry.formats.readers.fits import FitsTable
from registry.formats.readers.options import DEFAULT_OPTIONS, ReadOptions
from registry.formats.readers.votable_binary import BinaryRows
from registry.formats.readers.votable_cells import TextRows
from registry.formats.readers.votable_document import (
    DataEvents,
    VotableTable,
    plain_head,
    read_data,
    scan_document,
)

__all__ = ["VotableFile", "VotableReader"]


class VotableReader:
    """Recognises and opens VOTables."""

    name = "VOTable"
    options = frozenset({"hdu"})

    def recognises(self, head: bytes, suffix: str) -> bool:  # noqa: ARG002 - the content decides
        """Tell whether a file starts as XML and names VOTABLE."""
        text = plain_head(head)
        return text.startswith(b"<") and b"VOTABLE" in text

    def open(self, path: Path, options: ReadOptions = DEFAULT_OPTIONS) -> VotableFile:
        """Open a document and find its table.

        Parameters
        ----------
        path
            The file.
        options
            The table, where there are several.

        Raises
        ------
        UnreadableFile
            If it is not well-formed, has entities of its own, refers to data elsewhere, reports an
            error of the service that wrote it.
        FileChoiceNeeded
            If it has several tables and none is chosen, or the chosen one is none.
        UnsupportedFile
            If it has no table.
        """
        return VotableFile(path, options.hdu)


class VotableFile:
    """A table of a VOTable document.

    Parameters
    ----------
    path
        The file; it is open only while it is read.
    wanted
        Number, name or ID of the table.
    """

    def __init__(self, path: Path, wanted: str | None = None) -> None:
        self._path = path
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._fits: FitsTable | None = None
        with _readable(path):
            document = scan_document(path)
            self._table, notes = _chosen(path, document.tables, wanted)
            self.warnings: tuple[str, ...] = (*notes, *document.warnings)
            self.description = self._table.description or document.description
            if self._table.serialization == "FITS":
                self._open_fits()
        if self._fits is None:
            self.columns = tuple(
                FileColumn(f.name, f.arrow, f.unit, f.ucd, f.utype, f.description, f.frame, f.xtype)
                for f in self._table.fields
            )

    @property
    def n_rows(self) -> int | None:
        """Number of rows, where the document tells it."""
        if self._fits is not None:
            return self._fits.n_rows
        return self._table.n_rows

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Read the rows in file order.

        Parameters
        ----------
        batch_rows
            Rows per batch at most.

        Raises
        ------
        UnreadableFile
            If a value is none of its type, or the data end within a row.
        """
        if self._fits is not None:
            yield from self._fits.batches(batch_rows)
            return
        fields = self._table.fields
        is_text = self._table.serialization == "TABLEDATA"
        rows: TextRows | BinaryRows = (
            TextRows(fields)
            if is_text
            else BinaryRows(fields, self._table.serialization == "BINARY2")
        )
        with _readable(self._path):
            for events in read_data(self._path, self._table.number):
                rows.feed(events)
                while rows.complete >= batch_rows:
                    yield rows.take(batch_rows)
            rows.finish()
            while rows.complete:
                yield rows.take(batch_rows)

    def close(self) -> None:
        """Remove what was unpacked."""
        if self._fits is not None:
            self._fits.close()
        if self._folder is not None:
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open_fits(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / self._path.name
        with path.open("wb") as writer:
            rest = ""
            for events in read_data(self._path, self._table.number):
                data = DataEvents.base64_text(rest, events)
                whole = len(data) - len(data) % 4
                writer.write(binascii.a2b_base64(data[:whole]))
                rest = data[whole:]
        self._fits = FitsTable(path)
        # What FITS says of a column gives way to its FIELD.
        fields = {field.name: field for field in self._table.fields}
        self.columns = tuple(
            FileColumn(c.name, c.type, f.unit, f.ucd, f.utype, f.description, f.frame, f.xtype)
            if (f := fields.get(c.name)) is not None
            else c
            for c in self._fits.columns
        )


def _chosen(
    path: Path, tables: list[VotableTable], wanted: str | None
) -> tuple[VotableTable, list[str]]:
    """Find the table, and what its owner should know of the choice."""
    listing = listed([t.label for t in tables])
    if wanted is not None:
        named = [t for t in tables if wanted.strip() in (str(t.number), t.name, t.identifier)]
        if len(named) != 1:
            count = "several tables" if named else "no table"
            raise FileChoiceNeeded(
                f"{path.name!r} has {count} {wanted!r}; it has {listing or 'none'}", "hdu"
            )
        return named[0], []
    filled = [t for t in tables if t.serialization] or tables
    if not filled:
        raise UnsupportedFile(f"{path.name!r} is a VOTable without a table; publish one with data")
    place = main_table([t.n_rows for t in filled])
    if place is None:
        raise FileChoiceNeeded(f"{path.name!r} has {len(filled)} tables: {listing}", "hdu")
    chosen = filled[place]
    others = [f"table {t.label}" for t in filled if t is not chosen]
    return chosen, [passed_over(f"table {chosen.label}", others)] if others else []


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        # Arrow's is an ArrowException as well, but tells nothing of the file.
        raise
    except ExpatError as error:
        raise UnreadableFile(
            f"{path.name!r} is not well-formed XML ({error}): it is cut off or damaged; write or "
            "transfer it again"
        ) from error
    except (ArithmeticError, LookupError, ValueError, pa.ArrowException) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnreadableFile(
            f"{path.name!r} is a damaged VOTable ({reason[:200]}); write or transfer it again"
        ) from error
