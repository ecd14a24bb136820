"""What looks odd in a catalogue without being wrong: for the check, the log and the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.combine_redshift_dedup.cells import doubles
from pipelines.combine_redshift_dedup.homogenisation import Homogenised

__all__ = ["remarks_on"]

Doubles: TypeAlias = npt.NDArray[np.float64]

_REDSHIFTS = (-0.01, 15.0)
"""From the blueshifts of the nearest galaxies to beyond the most distant ones known."""

_HOURS = 24.0
_MIN_ROWS = 50
"""Rows from which the range of right ascensions says something."""


def remarks_on(
    columns: Mapping[str, pa.Array], kept: npt.NDArray[np.intp], found: Homogenised
) -> Iterator[str]:
    """Say what looks odd.

    Parameters
    ----------
    columns
        Converted columns of all rows.
    kept
        Rows that pass the cuts.
    found
        Their homogenised flags.
    """
    ra = doubles(columns["ra"])[kept]
    if len(ra) >= _MIN_ROWS and ra.max() <= _HOURS and np.ptp(ra) > _HOURS / 2:
        yield "all right ascensions are below 24: are they hours instead of degrees?"
    redshift = doubles(columns["z"])[kept]
    low, high = _REDSHIFTS
    odd = (redshift < low) | (redshift > high)
    if odd.any():
        yield (
            f"z is outside of {low:g} to {high:g} in {int(odd.sum())} row(s) that take part, for "
            f"example {np.unique(redshift[odd])[:3].tolist()}; row_cuts can remove them"
        )
    missing = int(np.isnan(redshift).sum())
    if missing:
        yield f"z is missing in {missing} row(s) that take part"
    if found.flag_origin == "translation":
        nameless = columns["survey"].null_count
        if nameless:
            yield f"{nameless} row(s) have no survey, and so no homogenised flag"
        unruled = int(np.isnan(found.flags).sum()) - nameless
        if unruled > 0:
            yield f"{unruled} row(s) have a z_flag that no rule of their survey knows"
