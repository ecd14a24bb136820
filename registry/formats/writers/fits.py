"""FITS: a binary table in the first extension, with units and UCDs in its header."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

from registry.errors import FormatLimit
from registry.formats.writers.base import Outcome, Result, started
from registry.formats.writers.fits_columns import (
    FitsColumn,
    fits_columns,
    fits_text,
    heap_pieces,
    table_pieces,
)
from registry.formats.writers.naming import distinct_names
from registry.formats.writers.spooling import Spool, spooled_schema, text_columns
from registry.formats.writers.votable import overflow_text
from registry.model.field import Field
from registry.model.frame import Frame, same_frame

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["EXTNAME", "FitsWriter"]

EXTNAME = "data"
"""Name of the table, one of those by which tables_io knows that a file is one table."""

MAX_COLUMNS = 999
"""TFIELDS at most (FITS 4.0, section 7.3.1)."""

PIECE_BYTES = 4_000_000
"""Bytes of the table that are encoded at once."""

_BLOCK_BYTES = 2880

_RADESYS = {"ICRS": "ICRS", "eq_FK5": "FK5", "eq_FK4": "FK4"}
"""Values of RADESYS (FITS 4.0, section 8.3) by the words of VOTable; it has no other frames."""


class FitsWriter:
    """Write FITS 4.0 once all rows are known, which wait in a temporary file until then.

    Units, UCDs, utypes, xtypes and descriptions are TUNIT, TUCD, TUTYP, TXTYP and TCOMM, as
    STILTS and TOPCAT have them. Nulls are NaN, TNULL, the logical 0 and empty text.

    Notes
    -----
    The TNULL of a column is a value that it does not hold; where it holds them all, its type is
    widened. Arrays that turn out to be equally long have that fixed length; others, and text of
    very uneven length, are in the heap.
    """

    name = "fits"
    media_type = "application/fits"
    aliases: tuple[str, ...] = (name, media_type)
    ivo_id: str | None = None
    extension = "fits"

    def write(self, result: Result) -> Iterator[bytes]:
        """Produce the file in pieces; its header tells overflow and mid-stream errors.

        Raises
        ------
        FormatLimit
            Before the first byte, if there are more columns than a FITS table can have.
        StorageFull
            Before the first byte, if the disk of temporary files is full.
        """
        if len(result.fields) > MAX_COLUMNS:
            raise FormatLimit(
                f"a FITS table has {MAX_COLUMNS} columns at most, this one {len(result.fields)};"
                " select fewer, or take another format"
            )
        fields = distinct_names(
            [field.renamed(_ascii(field.name) or "_") for field in result.fields], str.casefold
        )
        batches = (
            text_columns(batch, result.fields, fits_text) for batch in started(result.batches)
        )
        with Spool(batches, spooled_schema(result.fields)) as spool:
            columns, heap_bytes = fits_columns(fields, spool)
            header = _header(columns, spool.rows, heap_bytes)
            _add_outcome(header, result, result.outcome())
            yield _primary() + header.tostring().encode("ascii")
            size = 0
            for pieces in (table_pieces, heap_pieces):
                for piece in pieces(columns, spool, PIECE_BYTES):
                    size += len(piece)
                    yield piece
            yield bytes(-size % _BLOCK_BYTES)


def _primary() -> bytes:
    from astropy.io.fits import PrimaryHDU

    return cast("bytes", PrimaryHDU().header.tostring().encode("ascii"))


def _header(columns: Sequence[FitsColumn], rows: int, heap_bytes: int) -> Header:
    from astropy.io.fits import BinTableHDU

    header = BinTableHDU().header
    layout_bytes = sum(column.size_bytes for column in columns)
    header["NAXIS1"] = layout_bytes
    header["NAXIS2"] = rows
    header["PCOUNT"] = heap_bytes
    header["TFIELDS"] = len(columns)
    header["EXTNAME"] = EXTNAME
    _add_frames(header, [column.field for column in columns])
    for number, column in enumerate(columns, start=1):
        header[f"TTYPE{number}"] = column.field.name
        header[f"TFORM{number}"] = column.tform
        if column.null is not None:
            header[f"TNULL{number}"] = column.null
        _describe(header, number, column)
    return header


def _add_frames(header: Header, fields: Sequence[Field]) -> None:
    """Say the frame of the equatorial positions and the scale of the times, where they have one."""
    positions = [field for field in fields if (field.ucd or "").lower().startswith("pos.eq")]
    frame = Frame.parse(same_frame(field.frame for field in positions))
    radesys = _RADESYS.get(frame.system) if frame is not None else None
    if frame is not None and radesys is not None:
        header["RADESYS"] = (radesys, "frame of the positions")
        if frame.equinox is not None:
            header["EQUINOX"] = (float(frame.equinox[1:]), "of that frame")
    scale = Frame.parse(same_frame(f.frame for f in fields if f.type.is_timestamp))
    if scale is not None:
        header["TIMESYS"] = (scale.system, "scale of the times")
        if scale.refposition is not None and scale.refposition != "UNKNOWN":
            header["TREFPOS"] = (scale.refposition, "place of the times")


def _describe(header: Header, number: int, column: FitsColumn) -> None:
    field = column.field
    for keyword, value in (
        ("TUNIT", field.unit),
        ("TUCD", field.ucd),
        ("TUTYP", field.utype),
        ("TXTYP", field.type.xtype),
        ("TCOMM", field.description),
    ):
        if value:
            header[f"{keyword}{number}"] = _ascii(value)


def _add_outcome(header: Header, result: Result, outcome: Outcome) -> None:
    """Tell how the result ended, and what is known of it besides."""
    status, message = "OK", None
    if outcome.error is not None:
        status, message = "ERROR", outcome.error
    elif outcome.overflow:
        status, message = "OVERFLOW", overflow_text(result.maxrec)
    header["QSTATUS"] = (status, "how the query ended")
    if message is not None:
        header["QMESSAGE"] = _ascii(message)
        header["COMMENT"] = _ascii(f"The rows are not complete ({status}): {message}")
    for info in result.infos:
        header["COMMENT"] = _ascii(f"{info.name}: {info.value} {info.text or ''}".rstrip())


def _ascii(text: str) -> str:
    """Bring text to what a header holds (FITS 4.0, section 4.2.1)."""
    return re.sub(r"[^ -~]", "?", re.sub(r"\r\n|[\t\r\n]", " ", text))
