"""The scale of colours of counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["CIVIDIS", "shades"]

CIVIDIS = (
    "#00224e", "#123570", "#3b496c", "#575d6d", "#707173",
    "#8a8779", "#a69d75", "#c4b56c", "#e4cf5b", "#fee838",
)  # fmt: skip
"""Cividis, which is even in brightness and safe for colour-blind eyes (Nunez et al. 2018)."""


def shades(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Give the colour of each count, as its place in `CIVIDIS`: logarithmic up to the largest."""
    most = int(counts.max(initial=1))
    scaled = np.log1p(counts) / np.log1p(max(1, most)) * (len(CIVIDIS) - 1)
    return np.asarray(np.rint(scaled), dtype=np.int64)
