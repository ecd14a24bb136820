"""The formats in which results are served, and how they are asked for."""

from __future__ import annotations

import re

from registry.formats.writers.arrow import ArrowWriter
from registry.formats.writers.base import ResultWriter
from registry.formats.writers.binary import BinaryWriter
from registry.formats.writers.binary2 import Binary2Writer
from registry.formats.writers.delimited import CsvWriter, TsvWriter
from registry.formats.writers.errors import UnsupportedFormat
from registry.formats.writers.fits import FitsWriter
from registry.formats.writers.hdf5 import Hdf5Writer
from registry.formats.writers.html import HtmlWriter
from registry.formats.writers.json import JsonWriter
from registry.formats.writers.parquet import ParquetWriter
from registry.formats.writers.tabledata import TabledataWriter

__all__ = ["ENDINGS", "WRITERS", "content_type", "writer_for"]

WRITERS: tuple[ResultWriter, ...] = (
    Binary2Writer(),
    TabledataWriter(),
    BinaryWriter(),
    CsvWriter(),
    TsvWriter(),
    FitsWriter(),
    ParquetWriter(),
    ArrowWriter(),
    Hdf5Writer(),
    JsonWriter(),
    HtmlWriter(),
)
"""Every format; the first is the default."""


def writer_for(responseformat: str | None) -> ResultWriter:
    """Choose the writer of a format.

    Parameters
    ----------
    responseformat
        Value of RESPONSEFORMAT or FORMAT; absent or empty for the default.

    Raises
    ------
    UnsupportedFormat
        If no writer has this alias.
    """
    if responseformat is None or not responseformat.strip():
        return WRITERS[0]
    entry = _BY_ALIAS.get(_normal(responseformat))
    if entry is None:
        raise UnsupportedFormat(responseformat, [writer.aliases[0] for writer in WRITERS])
    return entry[0]


def content_type(responseformat: str | None) -> str:
    """Give the Content-Type of the answer to a request for a format.

    Parameters
    ----------
    responseformat
        As for `writer_for`.

    Returns
    -------
    str
        The media type that was asked for, in its registered spelling, and with the character set
        where it is text; where a short name or nothing was asked for, that of the writer.

    Raises
    ------
    UnsupportedFormat
        If no writer has this alias.

    Notes
    -----
    DALI 1.1, section 3.4.3; clients compare the two, without parameters. Text without a
    character set is read as ISO 8859-1 by many.
    """
    writer = writer_for(responseformat)
    alias = _BY_ALIAS.get(_normal(responseformat or ""), (writer, ""))[1]
    kind = alias.partition(";")[0]
    if kind == writer.media_type.partition(";")[0] and kind.startswith("text/"):
        return writer.media_type
    return alias if alias.startswith(("application/", "text/")) else writer.media_type


def _normal(responseformat: str) -> str:
    """Bring spellings of one format together.

    A blank inside the type is a plus sign that was not percent-encoded in a URL.
    """
    text = responseformat.strip().casefold().replace('"', "")
    text = re.sub(r"\s*([;=])\s*", r"\1", text)
    return text.replace("x-votable xml", "x-votable+xml")


_BY_ALIAS = {_normal(alias): (writer, alias) for writer in WRITERS for alias in writer.aliases}

ENDINGS: dict[str, ResultWriter] = {
    f".{writer.extension}": writer for writer in reversed(WRITERS)
} | {
    ".votable": writer_for("votable"),
    ".xml": writer_for("votable"),
    ".fit": writer_for("fits"),
    ".h5": writer_for("hdf5"),
    ".htm": writer_for("html"),
}
"""The writer for each ending of a file name, with its dot; the usual one and others in use."""
