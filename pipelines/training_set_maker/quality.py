"""How good the matches are: their distances, and how many would be there by chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipelines.training_set_maker.matching import Doubles, Pairs, Places, Positions

__all__ = ["displaced_positions", "match_quality"]

_DIRECTIONS = 4

_OFFSET_RADII, _LEAST_OFFSET_ARCSEC = 10, 30
"""Displacements: far enough to leave the object, near enough for the same density of objects."""

_BINS = 20

_PERCENTILES = (5, 25, 50, 75, 95)


def offset_arcsec(radius_arcsec: float) -> float:
    """Give the displacement for a radius, in arcsec."""
    return max(_LEAST_OFFSET_ARCSEC, _OFFSET_RADII * radius_arcsec)


def displaced_positions(ra: Doubles, dec: Doubles, radius_arcsec: float) -> Positions:
    """Move positions to the north, east, south and west.

    Parameters
    ----------
    ra, dec
        Degrees, ICRS.
    radius_arcsec
        Of the match.

    Returns
    -------
    Positions
        Four for each; the number of the redshift is the number modulo `len(ra)`.
    """
    step = np.radians(offset_arcsec(radius_arcsec) / 3600)
    lat, lon = np.radians(dec), np.radians(ra)
    found = []
    for turn in np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS:
        ahead, along, aside = np.cos(step), np.sin(step) * np.cos(turn), np.sin(step) * np.sin(turn)
        outward = np.cos(lat) * ahead - np.sin(lat) * along
        x = outward * np.cos(lon) - aside * np.sin(lon)
        y = outward * np.sin(lon) + aside * np.cos(lon)
        z = np.sin(lat) * ahead + np.cos(lat) * along
        found.append(
            (np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arctan2(z, np.hypot(x, y))))
        )
    longitude = np.concatenate([place[0] for place in found])
    latitude = np.concatenate([place[1] for place in found])
    return Positions(np.arange(len(longitude)), longitude, latitude, radius_arcsec)


def match_quality(
    redshifts: int, radius_arcsec: float, pairs: Pairs, chance: Places, objects: int
) -> dict[str, Any]:
    """Describe the matches.

    Parameters
    ----------
    redshifts
        How many had a position.
    radius_arcsec
        Of the match.
    pairs
        That were kept.
    chance
        Numbers of displaced redshifts that have an object.
    objects
        Different ones among `pairs`.

    Returns
    -------
    dict
        Counts; percentiles and a histogram of the distances in arcsec; `chance_match_rate`, the
        part of displaced positions that have an object within the radius.
    """
    separation = pairs.separation_arcsec
    counts, edges = np.histogram(separation, bins=_BINS, range=(0, radius_arcsec))
    matched = len(np.unique(pairs.rows))
    rate = len(chance) / (_DIRECTIONS * redshifts)
    by_direction = np.bincount(chance // redshifts, minlength=_DIRECTIONS) / redshifts
    return {
        "redshifts": redshifts,
        "redshifts_matched": matched,
        "fraction_matched": matched / redshifts,
        "matches": len(pairs.rows),
        "objects": objects,
        "radius_arcsec": radius_arcsec,
        "separation_percentiles_arcsec": {
            str(p): float(np.percentile(separation, p)) for p in _PERCENTILES
        },
        "separation_histogram": {"edges_arcsec": edges.tolist(), "matches": counts.tolist()},
        "chance_match_rate": rate,
        "chance_match_rate_by_direction": by_direction.tolist(),
        "chance_offset_arcsec": offset_arcsec(radius_arcsec),
        "expected_chance_matches": rate * redshifts,
    }
