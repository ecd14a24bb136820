"""Reader of FITS tables, binary and ASCII (FITS 4.0, section 7).

astropy reads the headers; the rows are taken from the mapped file, batch by batch.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa

from registry.errors import UnreadableFile, UnsupportedFile
from registry.formats.readers.base import BATCH_ROWS, FileColumn
from registry.formats.readers.choice import FileChoiceNeeded, listed, main_table, passed_over
from registry.formats.readers.fits_ascii import ascii_columns
from registry.formats.readers.fits_binary import binary_columns
from registry.formats.readers.fits_column import FitsColumn, Heap
from registry.formats.readers.options import DEFAULT_OPTIONS, ReadOptions
from registry.formats.readers.qp_ensemble import ensemble_description
from registry.model.frame import coordinate_frame, time_frame

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["FitsReader", "FitsTable"]

_BATCH_BYTES = 64 * 1024 * 1024
"""Bytes of rows that a batch aims at."""

_MAX_HDUS = 2_000

_FK5_FROM = 1984.0
"""Equinox from which on positions are FK5 (FITS 4.0, section 8.3)."""

_ENSEMBLE = {"meta", "data", "ancil"}
"""Names of the tables of a qp ensemble, in lower case."""

_TABLE_EXTENSIONS = ("BINTABLE", "A3DTABLE", "TABLE")


@dataclass(frozen=True, slots=True)
class _Hdu:
    number: int
    name: str
    header: Header
    offset: int

    @property
    def kind(self) -> str:
        """Say what it is, for people."""
        if self.header.get("ZIMAGE", False):
            return "a compressed image"
        if self.header.get("ZTABLE", False):
            return "a compressed table"
        if self.header.get("XTENSION", "").strip() in _TABLE_EXTENSIONS:
            rows, columns = self.header["NAXIS2"], self.header["TFIELDS"]
            return f"a table of {rows} rows and {columns} columns"
        axes = self.header.get("NAXIS", 0)
        return f"an image of {axes} axes" if axes else "a header alone"

    @property
    def label(self) -> str:
        """Number and name."""
        return f"{self.number} ({self.name})" if self.name else str(self.number)


class FitsReader:
    """Recognises and opens FITS files."""

    name = "FITS"
    options = frozenset({"hdu"})

    def recognises(self, head: bytes, suffix: str) -> bool:  # noqa: ARG002 - the signature decides
        """Tell whether a file starts as FITS does."""
        return head.startswith((b"SIMPLE  =", b"XTENSION="))

    def open(self, path: Path, options: ReadOptions = DEFAULT_OPTIONS) -> FitsTable:
        """Open a file and read its headers.

        Parameters
        ----------
        path
            The file.
        options
            The HDU, where several are tables.

        Raises
        ------
        UnreadableFile
            If it is damaged or cut off.
        FileChoiceNeeded
            If several HDUs are tables and none is chosen, or the chosen one is none.
        UnsupportedFile
            If no HDU is a table.
        """
        return FitsTable(path, options.hdu)


class FitsTable:
    """A table of a FITS file.

    Parameters
    ----------
    path
        The file; it stays mapped until `close`.
    hdu
        Number or name of the HDU.
    """

    def __init__(self, path: Path, hdu: str | None = None) -> None:
        self._path = path
        with _readable(path):
            hdus = _hdus(path)
            meta, chosen, notes = _chosen(path, hdus, hdu)
            self._parts = [_Part(path, table) for table in chosen]
            about = _Part(path, meta).about if meta is not None else None
        self.description: str | None = None
        notes += [note for part in self._parts for c in part.columns for note in c.warnings]
        self.warnings: tuple[str, ...] = tuple(notes)
        columns = [part.described(about if part.hdu is chosen[0] else None) for part in self._parts]
        self.columns = tuple(column for part in columns for column in part)

        # What tables_io takes for a file of one table.
        self.layout = {
            "is_plain": len(hdus) == 2 and chosen[0].name in ("", "data", "__astropy_table__")
        }

    @property
    def n_rows(self) -> int | None:
        """Number of rows, from the header."""
        return self._parts[0].n_rows

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Read the rows in file order.

        Parameters
        ----------
        batch_rows
            Rows per batch at most.

        Raises
        ------
        UnreadableFile
            If a variable array points out of its heap, or a number is none.
        """
        n_rows = self._parts[0].n_rows
        row_bytes = sum(part.row_bytes for part in self._parts)
        step = max(1, min(batch_rows, _BATCH_BYTES // max(1, row_bytes)))
        names = [f"c{index}" for index in range(len(self.columns))]
        for start in range(0, n_rows, step):
            with _readable(self._path):
                arrays = [array for part in self._parts for array in part.read(start, step)]
                yield pa.RecordBatch.from_arrays(arrays, names=names)

    def close(self) -> None:
        """Release the file."""
        for part in self._parts:
            part.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Part:
    """The table of one HDU, mapped."""

    def __init__(self, path: Path, hdu: _Hdu) -> None:
        self.hdu = hdu
        header = hdu.header
        self.n_rows, self.row_bytes = int(header["NAXIS2"]), int(header["NAXIS1"])
        heap_bytes = int(header.get("PCOUNT", 0))
        size = self.n_rows * self.row_bytes
        if min(self.n_rows, self.row_bytes, heap_bytes) < 0:
            raise ValueError("a size in its header is negative")
        missing = hdu.offset + size + heap_bytes - path.stat().st_size
        if missing > 0:
            raise UnreadableFile(
                f"{path.name!r} is cut off: HDU {hdu.label} lacks its last {missing} bytes; "
                "transfer it again"
            )
        is_ascii = header["XTENSION"].strip() == "TABLE"
        self.columns: list[FitsColumn] = [
            *(ascii_columns(header) if is_ascii else binary_columns(header))
        ]
        data = np.memmap(path, np.uint8, mode="r") if size else np.empty(0, np.uint8)
        self._rows = data[hdu.offset : hdu.offset + size].reshape(self.n_rows, self.row_bytes)
        start = hdu.offset + int(header.get("THEAP", size))
        self._heap = Heap(data[start : hdu.offset + size + heap_bytes])

    def read(self, start: int, count: int) -> list[pa.Array]:
        """Read some rows of all columns."""
        rows = self._rows[start : start + count]
        return [column.read(rows, self._heap) for column in self.columns]

    def described(self, about: str | None) -> list[FileColumn]:
        """Describe the columns; `about` says what their densities share."""
        return [
            FileColumn(
                c.name,
                c.type,
                c.unit,
                c.ucd,
                c.utype,
                c.description if about is None else f"{c.name} of {about}",
                _frame(self.hdu.header, c),
                c.xtype,
            )
            for c in self.columns
        ]

    @property
    def about(self) -> str:
        """Describe an ensemble by the first row, where the table is what its densities share."""
        values = zip(self.columns, self.read(0, 1), strict=True)
        return ensemble_description({c.name: np.array(array.to_pylist()) for c, array in values})

    def close(self) -> None:
        """Let the mapped file go."""
        self._rows = np.empty((0, 0), np.uint8)
        self._heap = Heap(np.empty(0, np.uint8))


def _frame(header: Header, column: FitsColumn) -> str | None:
    """Give the frame or scale that a header says of its positions and times (FITS 4.0, 8.3, 9.2).

    It holds for the equatorial positions of the table, which only their UCDs tell. Where RADESYS
    is missing, an equinox before 1984 means FK4, a later one FK5.
    """
    if pa.types.is_timestamp(column.type):
        scale = str(header.get("TIMESYS", ""))
        return time_frame(scale, str(header.get("TREFPOS", "")))
    equinox = header.get("EQUINOX", header.get("EPOCH"))
    year = float(equinox) if isinstance(equinox, int | float) else None
    system = str(header.get("RADESYS", header.get("RADECSYS", ""))).strip()
    if not system and year is not None:
        system = "FK4" if year < _FK5_FROM else "FK5"
    return coordinate_frame(system, None if year is None else f"{year:g}", table=True)


def _hdus(path: Path) -> list[_Hdu]:
    from astropy.io import fits

    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(path, memmap=True, disable_image_compression=True) as hdus:
            for number in range(_MAX_HDUS):
                try:
                    hdu = hdus[number]
                except IndexError:
                    break
                header = hdu.header.copy()
                if header.get("NAXIS", 0) and "XTENSION" in header and "TFIELDS" in header:
                    header["NAXIS1"], header["NAXIS2"], header["TFIELDS"]
                offset = int(hdu.fileinfo()["datLoc"])
                found.append(_Hdu(number, str(header.get("EXTNAME", "")).strip(), header, offset))
    return found


def _chosen(
    path: Path, hdus: list[_Hdu], wanted: str | None
) -> tuple[_Hdu | None, list[_Hdu], list[str]]:
    """Find what a qp ensemble shares, the tables, and what their owner should know of the choice.

    An ensemble has the values of each object in DATA and ANCIL, row by row.
    """
    names = {hdu.name.lower(): hdu for hdu in hdus if hdu.kind.startswith("a table")}
    meta, data, extra = (names.get(name) for name in ("meta", "data", "ancil"))
    if wanted is None and len(hdus) == len(names) + 1 and names.keys() <= _ENSEMBLE:
        parts = [hdu for hdu in (data, extra) if hdu is not None]
        rows = {hdu.header.get("NAXIS2") for hdu in parts}
        if data and meta and _is_ensemble_meta(meta) and len(rows) == 1:
            return meta, parts, []
    table, notes = _one_table(path, hdus, wanted)
    return None, [table], notes


def _is_ensemble_meta(hdu: _Hdu) -> bool:
    names = {hdu.header.get(f"TTYPE{n + 1}") for n in range(hdu.header.get("TFIELDS", 0))}
    return hdu.header.get("NAXIS2") == 1 and "pdf_name" in names


def _one_table(path: Path, hdus: list[_Hdu], wanted: str | None) -> tuple[_Hdu, list[str]]:
    tables = [hdu for hdu in hdus if hdu.kind.startswith("a table")]
    listing = listed([f"{hdu.label}: {hdu.kind}" for hdu in hdus])
    if wanted is not None:
        named = [h for h in hdus if wanted.strip() == str(h.number)]
        named = named or [h for h in hdus if h.name.lower() == wanted.strip().lower()]
        if len(named) != 1:
            count = "several HDUs" if named else "no HDU"
            raise FileChoiceNeeded(
                f"{path.name!r} has {count} {wanted!r}; it has {listing}; choose by the number",
                "hdu",
            )
        if named[0] not in tables:
            raise FileChoiceNeeded(
                f"HDU {named[0].label} of {path.name!r} is {named[0].kind}, not a table; the file "
                f"has {listing}",
                "hdu",
            )
        return named[0], []
    if not tables:
        packed = any(hdu.kind == "a compressed table" for hdu in hdus)
        advice = "decompress it (funpack)" if packed else "only tables are published"
        raise UnsupportedFile(f"{path.name!r} has no table: {listing}; {advice}")
    place = main_table([hdu.header["NAXIS2"] for hdu in tables])
    if place is None:
        raise FileChoiceNeeded(f"{path.name!r} has {len(tables)} tables: {listing}", "hdu")
    chosen = tables[place]
    others = [f"HDU {hdu.label}" for hdu in tables if hdu is not chosen]
    return chosen, [passed_over(f"HDU {chosen.label}", others)] if others else []


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    from astropy.io.fits import VerifyError

    try:
        yield
    except MemoryError:
        # Arrow's is an ArrowException as well, but tells nothing of the file.
        raise
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        OSError,
        VerifyError,
        pa.ArrowException,
    ) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnreadableFile(
            f"{path.name!r} is a damaged FITS file ({reason[:200]}); write or transfer it again"
        ) from error
