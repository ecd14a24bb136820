"""Values that look as if they meant "none": -99, 99, -9999, far from all others of a column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["LOOKS_MISSING", "MissingScan", "missing_warning"]

LOOKS_MISSING = "values that look missing are published as measurements"
"""How the warning begins."""

_LARGE = (-32768, 32767, -2147483648, 2147483647, -(2**63), 2**63 - 1)

_WHOLE = (-1, -9, 9, *(sign * (10**n - 1) for n in range(2, 9) for sign in (-1, 1)), *_LARGE)
"""Whole numbers that catalogues write for "none"; -1 and 9 count only where they stand apart."""

_FRACTIONS = (
    *(sign * value for value in (9.99, 99.9, 99.99, 99.999, 999.9, 999.99) for sign in (-1, 1)),
    *(sign * 10.0**n for n in (20, 30, 31, 32, 33) for sign in (-1, 1)),
    -9.99e33,
    -1e8,
    -1e9,
)

_NAMED_COLUMNS = 20
"""Columns that a warning lists."""


class MissingScan:
    """Counts such values of one column of numbers, and the extremes of all others.

    Parameters
    ----------
    simple
        Type of the numbers.
    """

    def __init__(self, simple: pa.DataType) -> None:
        numbers = [*_WHOLE, *_FRACTIONS] if pa.types.is_floating(simple) else list(_WHOLE)
        fitting = [number for number in numbers if _fits(number, simple)]
        self._candidates = pa.array(fitting, simple)
        self._counts: Counter[float | int] = Counter()
        self._rest: tuple[float | int, float | int] | None = None

    def see(self, known: pa.Array) -> None:
        """Take the next values into account; none is null or NaN."""
        special = pc.is_in(known, self._candidates)
        if pc.any(special).as_py():
            for entry in pc.value_counts(known.filter(special)).to_pylist():
                self._counts[entry["values"]] += entry["counts"]
            known = known.filter(pc.invert(special))
            if len(known) == 0:
                return
        extremes = pc.min_max(known)
        low, high = extremes["min"].as_py(), extremes["max"].as_py()
        if self._rest is not None:
            low, high = min(low, self._rest[0]), max(high, self._rest[1])
        self._rest = low, high

    def found(self) -> list[tuple[str, int]]:
        """List the values that look missing, with their counts, the most frequent first.

        A value does that lies outside of all ordinary ones, further than these are from each
        other; of a column of nothing else, one that is -99 or less.
        """
        if self._rest is None:
            suspects = [value for value in self._counts if value <= -99]
        else:
            low, high = self._rest
            suspects = [
                value
                for value in self._counts
                if (value < low and low - value > high - low)
                or (value > high and value - high > max(high - low, 1))
            ]
        ordered = sorted(suspects, key=lambda value: (-self._counts[value], value))
        return [(_text(value), self._counts[value]) for value in ordered]


def missing_warning(
    found: Sequence[tuple[str, Sequence[tuple[str, int]]]], rows: int
) -> str | None:
    """Say which columns have values that look missing.

    Parameters
    ----------
    found
        Columns with what `MissingScan.found` lists.
    rows
        Of the table.
    """
    listed = [(name, values) for name, values in found if values]
    if not listed:
        return None
    parts = [
        f"{name!r}: " + ", ".join(f"{value} ({count} of {rows} rows)" for value, count in values)
        for name, values in listed[:_NAMED_COLUMNS]
    ]
    if len(listed) > _NAMED_COLUMNS:
        parts.append(f"and {len(listed) - _NAMED_COLUMNS} more columns")
    name, values = listed[0]
    return (
        f"{LOOKS_MISSING}: {'; '.join(parts)}; to publish NULL say null_values: [{values[0][0]}] "
        f"of column {name!r} in the annotations or the API"
    )


def _fits(number: float | int, simple: pa.DataType) -> bool:
    try:
        pa.scalar(number, simple)
    except (pa.ArrowInvalid, OverflowError, pa.ArrowTypeError):
        return False
    return True


def _text(value: float | int) -> str:
    return f"{value:.7g}" if isinstance(value, float) else str(value)
