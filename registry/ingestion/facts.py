"""What a website shows of a table before anybody queries it: first rows, redshifts, sky."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from registry.annotation.merging import merge
from registry.annotation.suggestions import ColumnProfile, suggest
from registry.formats.readers import BATCH_ROWS, FileColumn, OpenedTable
from registry.healpix import HEALPIX_ORDER, healpix_index
from registry.ingestion.iso_times import iso_texts
from registry.ingestion.positions import PositionScan
from registry.ingestion.types import simple_type, simplify
from registry.model.annotation import Annotations
from registry.model.frame import Frame

__all__ = ["FOOTPRINT_ORDER", "PREVIEW_ROWS", "ObservedTable", "roles_of"]

PREVIEW_ROWS = 100
"""First rows that are kept: ten are shown, the rest is for those who ask for more."""

FOOTPRINT_ORDER = 5
"""Order of the map of counts: 12288 cells of 1.8 degrees, a few pixels each on a whole sky."""

_ROLES = ("RA", "Dec", "z")

_BIN_WIDTH = 0.01
"""Width of the finest bin of redshifts; redshifts of photo-z catalogues are no better."""

_MAX_BINS = 100

_MAX_REDSHIFT = 20.0
"""Beyond it, and below -1, a value is a flag and no redshift; it is counted apart."""

_MAX_CHARACTERS = 200
"""Of a text in the preview."""

_MAX_ELEMENTS = 32
"""Of an array in the preview."""

_Doubles = npt.NDArray[np.float64]


def roles_of(columns: Sequence[FileColumn], annotations: Annotations) -> dict[str, int]:
    """Find the columns with position and redshift: those that are said to, or look like it.

    Parameters
    ----------
    columns
        Of the file.
    annotations
        What is said of them.

    Returns
    -------
    dict
        Indexes by alias, for those of RA, Dec and z that a numeric column plays; not for positions
        of another frame than ICRS, which have another place on the map.
    """
    merged = merge(columns, (), annotations)
    simple = [simple_type(column.type).type for column in columns]
    numeric = [kind is not None and _is_number(kind) for kind in simple]
    profiles = [
        ColumnProfile(
            column.name,
            is_number=number,
            is_text=kind is not None and bool(pa.types.is_string(kind)),
        )
        for column, kind, number in zip(columns, simple, numeric, strict=True)
    ]
    guessed = {
        guess.alias: index for index, guess in enumerate(suggest(profiles)) if guess is not None
    }
    found = {}
    for alias in _ROLES:
        index = merged.role(alias)
        if index is None:
            index = guessed.get(alias)
        if index is not None and numeric[index] and not _is_elsewhere(merged.columns[index].frame):
            found[alias] = index
    return found


def _is_elsewhere(text: str | None) -> bool:
    """Whether positions are known to be of another frame than that of the map, ICRS."""
    frame = Frame.parse(text)
    return frame is not None and not frame.is_time and not frame.is_icrs


class ObservedTable:
    """An open table that keeps facts of the rows which somebody else reads from it.

    Parameters
    ----------
    opened
        The table.
    roles
        What `roles_of` found.
    """

    def __init__(self, opened: OpenedTable, roles: Mapping[str, int]) -> None:
        self._opened = opened
        self._roles = roles
        self._scan = _FactsScan(opened.columns, roles)

    @property
    def columns(self) -> tuple[FileColumn, ...]:
        """Columns in file order."""
        return self._opened.columns

    @property
    def description(self) -> str | None:
        """What the file says about the table."""
        return self._opened.description

    @property
    def n_rows(self) -> int | None:
        """Number of rows, where the file tells it."""
        return self._opened.n_rows

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know of the reading."""
        return self._opened.warnings

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Read the rows, from the first one on; the facts begin anew.

        Parameters
        ----------
        batch_rows
            Rows per batch at most.

        Raises
        ------
        UnreadableFile
            If the file turns out to be damaged.
        """
        self._scan = _FactsScan(self._opened.columns, self._roles)
        for batch in self._opened.batches(batch_rows):
            self._scan.see(batch)
            yield batch

    def facts(self) -> dict[str, Any]:
        """Give the facts of the last reading, in the types of JSON."""
        return self._scan.facts()

    def close(self) -> None:
        """Release the file."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _FactsScan:
    """Gathers the facts, batch by batch.

    Parameters
    ----------
    columns, roles
        Of the table.
    """

    def __init__(self, columns: Sequence[FileColumn], roles: Mapping[str, int]) -> None:
        self._columns = columns
        self._roles = roles
        self._rows: list[list[Any]] = []
        self._bins: Counter[int] = Counter()
        self._outside = 0
        self._positions: PositionScan | None = None
        self._cells = np.zeros(12 * 4**FOOTPRINT_ORDER, dtype=np.int64)
        if "RA" in roles and "Dec" in roles:
            self._positions = PositionScan(columns[roles["RA"]].name, columns[roles["Dec"]].name)

    def see(self, batch: pa.RecordBatch) -> None:
        """Take the next rows into account."""
        missing = PREVIEW_ROWS - len(self._rows)
        if missing > 0:
            head = batch.slice(0, missing)
            values = [_shown(column) for column in head.columns]
            self._rows += [list(row) for row in zip(*values, strict=True)]
        if "z" in self._roles:
            self._see_redshifts(self._doubles(batch, "z"))
        if self._positions is not None:
            ra, dec = self._simple(batch, "RA"), self._simple(batch, "Dec")
            self._positions.see(ra, dec)
            self._see_positions(self._doubles(batch, "RA"), self._doubles(batch, "Dec"))

    def facts(self) -> dict[str, Any]:
        """Give what is known, in the types of JSON."""
        coverage = self._positions.coverage() if self._positions is not None else None
        return {
            "preview": {"columns": [column.name for column in self._columns], "rows": self._rows},
            "histogram": self._histogram(),
            "footprint": self._footprint(),
            "coverage": coverage,
        }

    def _simple(self, batch: pa.RecordBatch, role: str) -> pa.Array:
        index = self._roles[role]
        return simplify(batch.column(index), simple_type(self._columns[index].type).type)

    def _doubles(self, batch: pa.RecordBatch, role: str) -> _Doubles:
        values = self._simple(batch, role).cast(pa.float64(), safe=False)
        doubles: _Doubles = values.fill_null(math.nan).to_numpy(zero_copy_only=False)
        return doubles

    def _see_redshifts(self, values: _Doubles) -> None:
        finite = values[np.isfinite(values)]
        inside = finite[(finite > -1.0) & (finite < _MAX_REDSHIFT)]
        self._outside += len(finite) - len(inside)
        numbers, counts = np.unique(np.floor(inside / _BIN_WIDTH).astype(int), return_counts=True)
        self._bins.update(dict(zip(numbers.tolist(), counts.tolist(), strict=True)))

    def _see_positions(self, ra_deg: _Doubles, dec_deg: _Doubles) -> None:
        with np.errstate(invalid="ignore"):
            good = (ra_deg >= 0) & (ra_deg < 360) & (dec_deg >= -90) & (dec_deg <= 90)
        if good.any():
            index = healpix_index(pa.array(ra_deg[good]), pa.array(dec_deg[good])).to_numpy()
            cells = index >> 2 * (HEALPIX_ORDER - FOOTPRINT_ORDER)
            self._cells += np.bincount(cells, minlength=len(self._cells))

    def _histogram(self) -> dict[str, Any] | None:
        if not self._bins:
            return None
        low, high = min(self._bins), max(self._bins) + 1
        merged = max(1, math.ceil((high - low) / _MAX_BINS))
        counts = [0] * math.ceil((high - low) / merged)
        for number, count in self._bins.items():
            counts[(number - low) // merged] += count
        return {
            "column": self._columns[self._roles["z"]].name,
            "low": round(low * _BIN_WIDTH, 6),
            "width": round(merged * _BIN_WIDTH, 6),
            "counts": counts,
            "outside": self._outside,
        }

    def _footprint(self) -> dict[str, Any] | None:
        cells = np.flatnonzero(self._cells)
        if len(cells) == 0:
            return None
        return {
            "order": FOOTPRINT_ORDER,
            "cells": cells.tolist(),
            "counts": self._cells[cells].tolist(),
        }


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _shown(values: pa.Array) -> list[object]:
    """Give the values of a column in the types of JSON; nothing of one that cannot be published."""
    choice = simple_type(values.type)
    try:
        simple = pa.nulls(len(values)) if choice.type is None else simplify(values, choice.type)
    except pa.ArrowInvalid:
        simple = pa.nulls(len(values))
    moments = pa.types.is_timestamp(simple.type)
    return [_plain(value) for value in (iso_texts(simple) if moments else simple).to_pylist()]


def _plain(value: object) -> object:
    """Write a value in the types of JSON; what JSON has no word for becomes text or null."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isfinite(value) else str(value)
    if isinstance(value, list):
        return [_plain(element) for element in value[:_MAX_ELEMENTS]]
    # PostgreSQL's JSON has no NUL and no lone surrogates.
    text = str(value)[:_MAX_CHARACTERS].replace("\x00", " ")
    return text.encode("utf-8", "replace").decode()
