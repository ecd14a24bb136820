"""Positions as unit vectors: precise for angles from micro-arcseconds to 180 degrees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Counts", "Floats", "Truths", "angles", "cross", "lonlat", "unit_vectors"]

Floats = NDArray[np.float64]
"""Array of doubles."""

Counts = NDArray[np.int64]
"""Array of whole numbers."""

Truths = NDArray[np.bool_]
"""Array of truths."""


def unit_vectors(lon_deg: Floats, lat_deg: Floats) -> Floats:
    """Give unit vectors along a new last axis.

    Parameters
    ----------
    lon_deg, lat_deg
        Positions in degrees, of one shape.
    """
    lon, lat = np.radians(lon_deg), np.radians(lat_deg)
    height = np.cos(lat)
    return np.stack([height * np.cos(lon), height * np.sin(lon), np.sin(lat)], axis=-1)


def lonlat(vectors: Floats) -> tuple[Floats, Floats]:
    """Give longitudes in [0, 360) and latitudes, in degrees, of vectors of any length."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    lon = np.degrees(np.arctan2(y, x)) % 360.0
    # The remainder of a tiny negative number rounds to the divisor.
    return np.where(lon >= 360.0, 0.0, lon), np.degrees(np.arctan2(z, np.hypot(x, y)))


def angles(a: Floats, b: Floats) -> Floats:
    """Give the angles between unit vectors in radians.

    Notes
    -----
    ``2 atan2(|a - b|, |a + b|)`` (Kahan): good to a few units of the last place everywhere.
    """
    apart: Floats = np.linalg.norm(a - b, axis=-1)
    together: Floats = np.linalg.norm(a + b, axis=-1)
    return 2 * np.arctan2(apart, together)


def cross(a: Floats, b: Floats) -> Floats:
    """Give the cross products of unit vectors, precise for neighbours too.

    Notes
    -----
    ``a x b = (a - b) x (a + b) / 2``: the difference of neighbours has no rounding error.
    """
    product: Floats = np.cross(a - b, a + b) / 2
    return product
