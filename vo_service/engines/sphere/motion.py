"""Positions at another epoch."""

from __future__ import annotations

import numpy as np

from vo_service.engines.sphere.vectors import Floats, lonlat, unit_vectors

__all__ = ["AU_KM_YR_S", "propagated"]

AU_KM_YR_S = 4.740470463533349
"""Astronomical unit over Julian year in km/s (IAU 2012 B2)."""

_MAS_RAD = np.pi / 180 / 3_600_000


def propagated(motion: Floats, years: Floats) -> Floats:
    """Give positions after some years of uniform motion in space.

    Parameters
    ----------
    motion
        Shape (6, k): right ascension and declination in degrees, parallax in mas, proper motions
        in mas/yr (that in right ascension times the cosine of the declination), radial velocity
        in km/s.
    years
        Julian years from the epoch of the positions, shape (k,).

    Returns
    -------
    Floats
        Longitudes and latitudes in degrees, shape (k, 2).

    Notes
    -----
    Butkevich & Lindegren 2014, A&A 570, A62, without light-time effects.
    """
    ra, dec = np.radians(motion[:2])
    parallax_mas, pm_ra_mas_yr, pm_dec_mas_yr, radial_velocity_km_s = motion[2:]
    start = unit_vectors(motion[0], motion[1])
    east = np.stack([-np.sin(ra), np.cos(ra), np.zeros_like(ra)], axis=-1)
    north = np.stack([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)], axis=-1)
    across = _MAS_RAD * (pm_ra_mas_yr[:, None] * east + pm_dec_mas_yr[:, None] * north)
    radial = radial_velocity_km_s * parallax_mas / AU_KM_YR_S * _MAS_RAD
    moved = start * (1 + radial * years)[:, None] + across * years[:, None]
    return np.stack(lonlat(moved), axis=-1)
