"""The contract between a result and the writers that turn it into bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from registry.formats.writers.descriptors import ServiceDescriptor
from registry.model.field import Field

__all__ = ["Outcome", "Result", "ResultInfo", "ResultWriter", "started"]


@dataclass(frozen=True, slots=True)
class ResultInfo:
    """An INFO element that precedes the table (DALI 1.1, section 4.4).

    Attributes
    ----------
    name
        Name of the INFO (``request``, ``citation``, ``publisher`` ...).
    value
        Its value.
    text
        Content of the element, for people.
    ucd
        Meaning of the value, where a UCD says it (``meta.bib.bibcode``).
    """

    name: str
    value: str
    text: str | None = None
    ucd: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of a result only after its last row.

    Attributes
    ----------
    overflow
        Whether rows were cut at the limit.
    error
        Message of a failure in mid-stream, for people; absent when all went well.
    """

    overflow: bool = False
    error: str | None = None


class Result(Protocol):
    """What a writer is given: columns with their meaning, and rows as they come."""

    @property
    def fields(self) -> Sequence[Field]:
        """The columns, at least one."""
        ...

    @property
    def infos(self) -> Sequence[ResultInfo]:
        """Statements about the result that are known before the first row."""
        ...

    @property
    def services(self) -> Sequence[ServiceDescriptor]:
        """What else can be asked about the rows; formats without a place for it leave it out."""
        ...

    @property
    def maxrec(self) -> int | None:
        """The limit in rows at which the result is cut, absent when there is none."""
        ...

    @property
    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows: one column per field, of exactly the field's Arrow type; read once."""
        ...

    def outcome(self) -> Outcome:
        """Tell how it ended; valid once `batches` is exhausted."""
        ...


class ResultWriter(Protocol):
    """Writes results in one format.

    Attributes
    ----------
    name
        Short name (``votable/b2``), unique among the writers.
    media_type
        Exact value of the Content-Type header.
    aliases
        Values of RESPONSEFORMAT that ask for this format, short names and media types;
        compared without regard to case, quotes, and blanks around ``;`` and ``=``.
    ivo_id
        TAPRegExt identifier of the output format, where one is registered.
    extension
        Usual ending of a file name, without dot.
    """

    @property
    def name(self) -> str:
        """Short name."""
        ...

    @property
    def media_type(self) -> str:
        """Exact value of the Content-Type header."""
        ...

    @property
    def aliases(self) -> tuple[str, ...]:
        """Accepted values of RESPONSEFORMAT."""
        ...

    @property
    def ivo_id(self) -> str | None:
        """TAPRegExt identifier of the output format."""
        ...

    @property
    def extension(self) -> str:
        """Ending of a file name, without dot."""
        ...

    def write(self, result: Result) -> Iterator[bytes]:
        """Produce the document piece by piece.

        Nothing is produced before the first batch has arrived: an error that the source
        raises until then leaves the first ``next()`` with no byte sent. Formats that state the
        number of rows in front (FITS, HDF5) produce nothing before the last batch.

        Raises
        ------
        FormatLimit
            Before the first byte, if the result passes what the format can hold.
        StorageFull
            Before the first byte, if a format that needs all rows first finds no room for them.
        ResultIncomplete
            After the last byte, when the result broke off in mid-stream and the format has
            no place for an error. Formats that have one finish the document instead.
        """
        ...


def started(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Pull the first batch now and return an iterator over all of them.

    Writers call it before they produce their head, which keeps early errors honest.
    """
    first = next(batches, None)
    if first is None:
        return iter(())
    return _chain(first, batches)


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest
