"""Footprints: the fields of Rubin's Data Preview 1, and the area that Rubin observes."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pipelines.combine_redshift_dedup.own_tables import own_rows

__all__ = ["dp1_fields", "in_dp1_fields", "in_rubin_footprint", "rubin_dec_limit"]

Doubles: TypeAlias = npt.NDArray[np.float64]


def dp1_fields() -> tuple[tuple[float, float, float], ...]:
    """Read the fields of Data Preview 1: right ascension, declination and radius in degrees."""
    return tuple(
        (float(row["ra_deg"]), float(row["dec_deg"]), float(row["radius_deg"]))
        for row in own_rows("dp1_fields.csv")
    )


def in_dp1_fields(ra_deg: Doubles, dec_deg: Doubles) -> npt.NDArray[np.int64]:
    """Tell which positions are in a field of Data Preview 1.

    Parameters
    ----------
    ra_deg, dec_deg
        Positions, ICRS.

    Returns
    -------
    numpy.ndarray
        1 inside, 0 outside.
    """
    inside = np.zeros(len(ra_deg), np.bool_)
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    for field_ra, field_dec, radius in dp1_fields():
        lon, lat = np.radians(field_ra), np.radians(field_dec)
        haversine = (
            np.sin((dec - lat) / 2) ** 2 + np.cos(dec) * np.cos(lat) * np.sin((ra - lon) / 2) ** 2
        )
        inside |= haversine <= np.sin(np.radians(radius) / 2) ** 2
    return inside.astype(np.int64)


def in_rubin_footprint(ra_deg: Doubles, dec_deg: Doubles) -> npt.NDArray[np.int64]:
    """Tell which positions are in the area that Rubin observes.

    Parameters
    ----------
    ra_deg, dec_deg
        Positions, ICRS.

    Returns
    -------
    numpy.ndarray
        1 inside, 0 outside.
    """
    return (dec_deg <= rubin_dec_limit(ra_deg)).astype(np.int64)


def rubin_dec_limit(ra_deg: Doubles) -> Doubles:
    """Give the northern limit of Rubin's area.

    Parameters
    ----------
    ra_deg
        Right ascensions, any number of turns.

    Returns
    -------
    numpy.ndarray
        Declinations in degrees, linear between the points of ``rubin_footprint_limit.csv``.
    """
    points = [
        (float(row["ra_deg"]), float(row["dec_limit_deg"]))
        for row in own_rows("rubin_footprint_limit.csv")
    ]
    ra, limit = (np.array(values) for values in zip(*points, strict=True))
    result: Doubles = np.interp(ra_deg, ra, limit, period=360.0)
    return result
