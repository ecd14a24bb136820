"""Ticks of axes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Tick", "ticks"]

_LONG = 1e7
"""Larger numbers have no room beside an axis."""

_STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of an axis.

    Attributes
    ----------
    place
        In pixels of the drawing.
    label
        What it says.
    """

    place: float
    label: str


def ticks(low: float, high: float, start: float, end: float, wanted: int = 6) -> tuple[Tick, ...]:
    """Choose round values of an axis.

    Parameters
    ----------
    low, high
        Ends of the range in values.
    start, end
        Places of the ends in pixels.
    wanted
        About how many.
    """
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return ()
    step = _step((high - low) / max(1, wanted))
    scale = (end - start) / (high - low)
    return tuple(
        Tick(round(start + (v - low) * scale, 1), _label(v, step)) for v in _values(low, high, step)
    )


def _step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(each * power for each in _STEPS if each * power >= rough * (1 - 1e-9))


def _values(low: float, high: float, step: float) -> Iterator[float]:
    number = math.ceil(low / step - 1e-9)
    while number * step <= high + step * 1e-9:
        yield number * step
        number += 1


def _label(value: float, step: float) -> str:
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if abs(value) >= _LONG:
        return f"{value:.4g}".replace("-", "\u2212")
    text = f"{value:.{decimals}f}" if decimals < 7 else f"{value:.3g}"
    return (
        f"{float(text):,.{decimals}f}".replace(",", "\u202f").replace("-", "\u2212")
        if decimals < 7
        else text
    )
