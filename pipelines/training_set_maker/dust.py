"""Maps of E(B-V) that a site gives: those of Schlegel, Finkbeiner and Davis, or in HEALPix."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipelines.errors import PipelineFailed
from pipelines.training_set_maker.matching import Doubles

__all__ = ["reddening"]

_HEMISPHERES = (("ngp", 1), ("sgp", -1))

_COLUMNS = ("EBV", "E(B-V)", "TEMPERATURE", "I_STOKES")
"""Names of the column in HEALPix maps, in any case; else the first one is taken."""


def reddening(path: Path, ra: Doubles, dec: Doubles) -> Doubles:
    """Read E(B-V) at positions, interpolated as the map allows.

    Parameters
    ----------
    path
        A folder with ``SFD_dust_4096_ngp.fits`` and ``SFD_dust_4096_sgp.fits`` (any size of
        map), or a HEALPix map in FITS.
    ra, dec
        Degrees, ICRS.

    Returns
    -------
    numpy.ndarray
        Magnitudes; NaN where the map has none.

    Raises
    ------
    PipelineFailed
        If the map cannot be read.
    """
    try:
        if path.is_dir():
            return _sfd(path, *_galactic(ra, dec))
        return _healpix(path, ra, dec)
    except (OSError, KeyError, IndexError, ValueError, TypeError) as error:
        raise PipelineFailed(
            f"the map of E(B-V) {path.name!r} cannot be read: {error}; tell the operator"
        ) from error


def _galactic(ra: Doubles, dec: Doubles) -> tuple[Doubles, Doubles]:
    import astropy.units as u
    from astropy.coordinates import SkyCoord

    place = SkyCoord(ra * u.deg, dec * u.deg, frame="icrs").galactic
    return place.l.rad, place.b.rad


def _sfd(folder: Path, longitude: Doubles, latitude: Doubles) -> Doubles:
    """Interpolate linearly in the polar projections of 1998 ApJ 500, 525 (appendix C)."""
    from astropy.io import fits
    from scipy.ndimage import map_coordinates

    found = np.full(len(longitude), np.nan)
    for name, sign in _HEMISPHERES:
        own = (latitude >= 0) == (sign > 0)
        if not own.any():
            continue
        path = next(iter(sorted(folder.glob(f"SFD_dust_*_{name}.fits"))), None)
        if path is None:
            raise ValueError(f"there is no SFD_dust_4096_{name}.fits")
        with fits.open(path, memmap=True) as file:
            header, image = file[0].header, file[0].data
            scale = header["LAM_SCAL"]
            radius = scale * np.sqrt(1 - sign * np.sin(latitude[own]))
            x = radius * np.cos(longitude[own]) + header["CRPIX1"] - 1
            y = -sign * radius * np.sin(longitude[own]) + header["CRPIX2"] - 1
            found[own] = map_coordinates(image, [y, x], order=1, mode="nearest")
    return found


def _healpix(path: Path, ra: Doubles, dec: Doubles) -> Doubles:
    import astropy.units as u
    from astropy.coordinates import Latitude, Longitude
    from astropy.io import fits
    from cdshealpix.nested import lonlat_to_healpix
    from cdshealpix.ring import lonlat_to_healpix as ring_lonlat_to_healpix

    with fits.open(path, memmap=True) as file:
        table = next(unit for unit in file if unit.header.get("PIXTYPE") == "HEALPIX")
        header = table.header
        names = table.columns.names
        column = next((n for n in names if n.upper() in _COLUMNS), names[0])
        values = np.ravel(table.data[column]).astype(np.float64)
        nside, nested = int(header["NSIDE"]), str(header["ORDERING"]).upper().startswith("NEST")
        system = str(header.get("COORDSYS", "G")).strip().upper()[:1]
    if len(values) != 12 * nside * nside:
        raise ValueError(f"it has {len(values)} cells, not those of NSIDE {nside}")
    lon, lat = _galactic(ra, dec) if system == "G" else (np.radians(ra), np.radians(dec))
    longitude, latitude = Longitude(lon, unit=u.rad), Latitude(lat, unit=u.rad)
    if nested:
        cells = lonlat_to_healpix(longitude, latitude, int(np.log2(nside)))
    else:
        cells = ring_lonlat_to_healpix(longitude, latitude, nside)
    found: Doubles = values[cells.astype(np.int64)]
    return found
