"""Histograms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vo_service.web.charts.axis import Tick, ticks

__all__ = ["Bar", "Histogram"]

_WIDTH, _HEIGHT = 720, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 12, 44

_BARS_MAX = 120
"""Bars that can still be told apart; finer bins are added up."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: where it is in the drawing, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """A histogram, ready to be drawn.

    Attributes
    ----------
    label
        Of the values: name and unit.
    bars
        In order.
    x_ticks, y_ticks
        Of the axes.
    outside
        Values that are in no bar.
    total
        Values in the bars.
    """

    label: str
    bars: tuple[Bar, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    outside: int
    total: int
    width: int = _WIDTH
    height: int = _HEIGHT
    left: int = _LEFT
    bottom: int = _HEIGHT - _BOTTOM
    right: int = _WIDTH - _RIGHT
    top: int = _TOP

    @classmethod
    def of_counts(
        cls, label: str, low: float, width: float, counts: Sequence[int], outside: int = 0
    ) -> Histogram | None:
        """Make it of bins of one width; nothing if all are empty.

        Parameters
        ----------
        label
            Of the values.
        low
            Lower edge of the first bin.
        width
            Of each bin.
        counts
            In order.
        outside
            Values in none of them.
        """
        if not any(counts) or not width > 0:
            return None
        first = next(i for i, count in enumerate(counts) if count)
        last = max(i for i, count in enumerate(counts) if count)
        kept = list(counts[first : last + 1])
        low += first * width
        group = -(-len(kept) // _BARS_MAX)
        summed = [sum(kept[i : i + group]) for i in range(0, len(kept), group)]
        return cls._drawn(label, low, width * group, summed, outside)

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any] | None) -> Histogram | None:
        """Make it of what registration found in a file; see `TableFacts.histogram`."""
        if not facts:
            return None
        return cls.of_counts(
            str(facts["column"]), facts["low"], facts["width"], facts["counts"], facts["outside"]
        )

    @classmethod
    def _drawn(
        cls, label: str, low: float, width: float, counts: Sequence[int], outside: int
    ) -> Histogram:
        high, top = low + width * len(counts), max(counts)
        right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
        pitch, scale = (right - _LEFT) / len(counts), (bottom - _TOP) / (top * 1.05)
        bars = tuple(
            Bar(
                round(_LEFT + i * pitch, 2), round(bottom - count * scale, 2),
                round(max(0.5, pitch - 0.6), 2), round(count * scale, 2),
                low + i * width, low + (i + 1) * width, count,
            )
            for i, count in enumerate(counts)
        )  # fmt: skip
        return cls(
            label,
            bars,
            ticks(low, high, _LEFT, right, 8),
            ticks(0, top * 1.05, bottom, _TOP, 5),
            outside,
            sum(counts),
        )
