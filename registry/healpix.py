"""The HEALPix index of positions, as every published table keeps it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa

__all__ = ["HEALPIX_ORDER", "covered_place", "healpix_index"]

HEALPIX_ORDER = 29
"""Order of the nested index: the finest one that 64-bit integers hold (cells of 0.4 mas)."""


_CELL_DEG = 58.7
"""Square root of the area of a cell of order 0 in degrees; no corner is as far from a centre."""


def healpix_index(ra: pa.Array, dec: pa.Array) -> pa.Array:
    """Compute the nested index of order 29 for each position.

    Parameters
    ----------
    ra, dec
        Numbers in degrees, ICRS; declinations within [-90, 90].

    Returns
    -------
    pa.Array
        64-bit integers; null where either coordinate is null or not finite.
    """
    import astropy.units as u
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix.nested import lonlat_to_healpix

    ra_deg = _as_doubles(ra)
    dec_deg = _as_doubles(dec)
    known = np.isfinite(ra_deg) & np.isfinite(dec_deg)
    index = np.zeros(len(ra_deg), dtype=np.int64)
    if known.any():
        lon = Longitude(ra_deg[known], unit=u.deg, copy=False)
        lat = Latitude(dec_deg[known], unit=u.deg, copy=False)
        index[known] = lonlat_to_healpix(lon, lat, HEALPIX_ORDER).astype(np.int64)
    return pa.array(index, mask=~known)


def _as_doubles(values: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    doubles = values.cast(pa.float64()).fill_null(float("nan"))
    result: np.ndarray[tuple[int], np.dtype[np.float64]] = doubles.to_numpy(zero_copy_only=False)
    return result


@lru_cache(256)
def covered_place(moc: str) -> tuple[float, float, float] | None:
    """Give a place where a coverage map has something.

    Parameters
    ----------
    moc
        In ASCII: ``6/1-10 12 7/54``.

    Returns
    -------
    tuple of float or None
        ICRS right ascension and declination of the centre of one of its finest cells, and a
        radius that holds the cell, all in degrees; none for an empty map.
    """
    from cdshealpix.nested import healpix_to_lonlat

    order, cell, found = 0, "", None
    for word in moc.split():
        if "/" in word:
            text, _, cell = word.partition("/")
            order = int(text)
        else:
            cell = word
        first = cell.partition("-")[0]
        if first and (found is None or order > found[0]):
            found = order, int(first)
    if found is None:
        return None
    lon, lat = healpix_to_lonlat(np.array([found[1]]), found[0])
    return float(lon[0].deg), float(lat[0].deg), _CELL_DEG / 2 ** found[0]
