"""What the values of a column are like, gathered batch by batch."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from registry.ingestion.iso_times import iso_texts
from registry.ingestion.missing import MissingScan
from registry.ingestion.types import fits_column, longest_text
from registry.model.product import ColumnStatistics

__all__ = ["ColumnScan"]

_MAX_DISTINCT = 1000
"""Different values that are counted; beyond it a column is no set of classes any more."""


_MOMENT_TEXT = 30
"""Characters of the longest moment in microseconds: ``+294247-01-10T04:00:54.775807``, and one."""


class ColumnScan:
    """Gathers the facts of one column; memory does not grow with the number of rows.

    Parameters
    ----------
    simple
        Simple type of the column (see `types`).
    """

    def __init__(self, simple: pa.DataType) -> None:
        self._simple = simple
        self._is_number = pa.types.is_integer(simple) or pa.types.is_floating(simple)
        self._is_moment = pa.types.is_timestamp(simple)
        self._is_ordered = self._is_number or self._is_moment
        self._rows = 0
        self._nulls = 0
        self._low: float | int | None = None
        self._high: float | int | None = None
        self._sum = 0.0
        self._finite = 0
        self._distinct: set[object] | None = None if pa.types.is_list(simple) else set()
        self._lengths: set[int] = set()
        self._longest: int | None = 0 if pa.types.is_string(simple) else None
        self._missing = MissingScan(simple) if self._is_number else None
        self.non_ascii = False
        self.fits = True
        """Whether all values fit the usual type of such columns, see `fits_column`."""
        self.example: object = None
        """First value that is not null."""

    def see(self, values: pa.Array) -> None:
        """Take the next values into account.

        Parameters
        ----------
        values
            Of the simple type.
        """
        self._rows += len(values)
        if pa.types.is_floating(self._simple):
            values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
        known = values.drop_null() if values.null_count else values
        self._nulls += len(values) - len(known)
        if len(known) == 0:
            return
        self.fits = self.fits and fits_column(known)
        if self._is_moment:
            # In Python's own type a moment may be out of range.
            known = known.cast(pa.int64())
        if self.example is None:
            self.example = self._shown(known[0].as_py())
        if self._is_ordered:
            self._see_extremes(known)
        if self._missing is not None:
            self._see_sum(known)
            self._missing.see(known)
        if pa.types.is_string(self._simple) and not self.non_ascii:
            self.non_ascii = not pc.all(pc.string_is_ascii(known)).as_py()
        if self._longest is not None:
            longest = longest_text(known)
            self._longest = None if longest is None else max(self._longest, longest)
        if pa.types.is_list(self._simple) and len(self._lengths) < 2:
            self._lengths.update(pc.unique(pc.list_value_length(known)).to_pylist())
        self._see_distinct(known)

    @property
    def length(self) -> int | None:
        """The common length of all arrays, if none is null and it is more than 1.

        An arraysize of ``1`` reads as a scalar in many clients (and taplint warns of it). Of text,
        or what becomes text, it is the length of the longest (see `longest_text`).
        """
        if pa.types.is_string(self._simple):
            return self._longest
        if not self.fits:
            return _MOMENT_TEXT if self._is_moment else len(str(self._high))
        if self._nulls or len(self._lengths) != 1:
            return None
        length = next(iter(self._lengths))
        return length if length > 1 else None

    @property
    def low(self) -> float | int | None:
        """Smallest number."""
        return self._low if self._is_number else None

    @property
    def high(self) -> float | int | None:
        """Largest number."""
        return self._high if self._is_number else None

    @property
    def missing(self) -> list[tuple[str, int]]:
        """Values that look as if they meant that there is none, with their counts."""
        return [] if self._missing is None else self._missing.found()

    @property
    def n_known(self) -> int:
        """Rows with a value."""
        return self._rows - self._nulls

    def statistics(self) -> ColumnStatistics:
        """Give what is kept with the column."""
        return ColumnStatistics(
            n_null=self._nulls,
            minimum=self._shown(self._low),
            maximum=self._shown(self._high),
            mean=self._sum / self._finite if self._finite and math.isfinite(self._sum) else None,
            n_distinct=None if self._distinct is None else len(self._distinct),
        )

    def _see_extremes(self, known: pa.Array) -> None:
        extremes = pc.min_max(known)
        low, high = extremes["min"].as_py(), extremes["max"].as_py()
        self._low = low if self._low is None else min(self._low, low)
        self._high = high if self._high is None else max(self._high, high)

    def _see_sum(self, known: pa.Array) -> None:
        # Unsafe: the mean of 64-bit ids need not be exact.
        numbers = known.cast(pa.float64(), safe=False)
        if pa.types.is_floating(self._simple):
            numbers = numbers.filter(pc.is_finite(numbers))
        self._sum += pc.sum(numbers).as_py() or 0.0
        self._finite += len(numbers)

    def _see_distinct(self, known: pa.Array) -> None:
        if self._distinct is None:
            return
        unique = pc.unique(known)
        if len(unique) <= _MAX_DISTINCT:
            self._distinct.update(unique.to_pylist())
        if len(unique) > _MAX_DISTINCT or len(self._distinct) > _MAX_DISTINCT:
            self._distinct = None

    def _shown(self, value: object) -> Any:  # noqa: ANN401 - any value of a file
        if self._is_moment and value is not None:
            return iso_texts(pa.array([value], self._simple))[0].as_py()
        if isinstance(value, float) and not math.isfinite(value):
            return "Infinity" if value > 0 else "-Infinity"
        return value
