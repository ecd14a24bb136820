"""From cells of HEALPix to pixels of an image, so that every row is counted exactly once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from registry.coverage import area_deg2, coarser, enclosing_circle

__all__ = ["CellMap", "MapPlan", "draw", "plan_map"]

_PIXELS = 512
"""Pixels along the longer side of a field; a map of the whole sky has half as many again."""

_SKY_PIXELS = 720
_SKY_DEG = 324.2
"""Length of the equator in Mollweide's projection: 2 sqrt(2) radians on either side, and a rim."""

_SKY_RADIUS_DEG = 60.0
"""Fields with a larger radius are drawn on a map of the whole sky."""

_CELL_DEG = 58.63
"""Square root of the area of a cell of order 0: 41,253 square degrees in twelve."""

_FINEST, _COARSEST = 16, 3
"""Orders of maps: cells of 3 arcsec and of 7 degrees."""

_ROWS_PER_CELL = 4
"""In a sparse catalogue cells are larger, so that a map shows more than dots."""

_RIM = 1.04

_SMALLEST_DEG = 0.005
"""Radius of a map of a single position."""

_SAMPLES = 3
"""Places along each side of a pixel at which it asks for its cell."""

_LINES = 64
"""Lines of the image that are worked on at once."""

_Doubles = npt.NDArray[np.float64]
_Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MapPlan:
    """How a catalogue is mapped.

    Attributes
    ----------
    order
        Of the cells.
    ra, dec, radius
        Circle that holds everything, in degrees.
    """

    order: int
    ra: float
    dec: float
    radius: float

    @property
    def is_sky(self) -> bool:
        """Whether the whole sky is drawn."""
        return self.radius > _SKY_RADIUS_DEG

    @property
    def cell_deg(self) -> float:
        """Size of a cell."""
        return _CELL_DEG / 2.0**self.order

    @property
    def pixel_deg(self) -> float:
        """Size of a pixel."""
        return _pixel_deg(self.radius)

    @property
    def shape(self) -> tuple[int, int]:
        """Lines and pixels of a line."""
        if self.is_sky:
            return _SKY_PIXELS // 2, _SKY_PIXELS
        return _PIXELS, _PIXELS


@dataclass(frozen=True, slots=True)
class CellMap:
    """What is known of the cells that hold rows.

    Attributes
    ----------
    cells
        Nested indexes, ascending.
    counts
        Rows in each.
    means
        Mean redshift of each, NaN where no row has one; none without redshifts.
    """

    cells: _Longs
    counts: _Longs
    means: _Doubles | None = None


def plan_map(coverage: str, n_rows: int) -> MapPlan | None:
    """Choose cells and field of the maps of a catalogue; none without positions.

    Parameters
    ----------
    coverage
        MOC of the positions in ASCII.
    n_rows
        Rows of the table.
    """
    circle = enclosing_circle(coverage)
    if circle is None:
        return None
    ra, dec, radius = circle
    radius = max(radius, _SMALLEST_DEG)
    order = round(float(np.log2(_CELL_DEG / _pixel_deg(radius))))
    order = min(max(order, _COARSEST), _FINEST)
    while order > _COARSEST and n_rows < _ROWS_PER_CELL * _occupied(coverage, order):
        order -= 1
    return MapPlan(order, ra, dec, radius)


def _occupied(coverage: str, order: int) -> float:
    """Give the number of cells of an order that hold rows, or more where they are finer."""
    return area_deg2(coarser(coverage, order)) / (_CELL_DEG / 2.0**order) ** 2


def _pixel_deg(radius: float) -> float:
    if radius > _SKY_RADIUS_DEG:
        return _SKY_DEG / _SKY_PIXELS
    # An equal-area projection shows a circle of this radius.
    reach = float(np.degrees(2 * np.sin(np.radians(radius) / 2)))
    return 2 * reach * _RIM / _PIXELS


def projection(plan: MapPlan) -> Any:  # noqa: ANN401 - astropy has no types
    """Give the world coordinates of the image: equal areas, so that pixels can be compared."""
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    code = "MOL" if plan.is_sky else "ZEA"
    lines, pixels = plan.shape
    wcs.wcs.ctype = [f"RA---{code}", f"DEC--{code}"]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.crpix = [(pixels + 1) / 2, (lines + 1) / 2]
    wcs.wcs.crval = [180.0, 0.0] if plan.is_sky else [plan.ra, plan.dec]
    wcs.wcs.cdelt = [-plan.pixel_deg, plan.pixel_deg]
    wcs.wcs.radesys = "ICRS"
    return wcs


def draw(plan: MapPlan, found: CellMap) -> tuple[_Doubles, _Doubles | None]:
    """Draw the images of a catalogue.

    Parameters
    ----------
    plan
        As `plan_map` gives it.
    found
        Cells of the order of the plan.

    Returns
    -------
    tuple
        Rows in each pixel, whose sum is the number of rows, and their mean redshift, NaN where
        there is none; the latter none without redshifts.

    Notes
    -----
    The rows of a cell are shared among the places of a fine grid that lie in it; those of a cell
    in which none lies, at the rim, go to the pixel of its centre.
    """
    from cdshealpix.nested import healpix_to_lonlat

    wcs = projection(plan)
    lines, pixels = plan.shape
    places = _sampled(plan, wcs, found.cells)
    hits = np.bincount(places[places >= 0], minlength=len(found.cells))
    share = found.counts / np.maximum(hits, 1)
    numbers = _summed(places, share, plan.shape)
    missed = np.flatnonzero(hits == 0)
    lon, lat = healpix_to_lonlat(found.cells[missed].astype(np.uint64), plan.order)
    x, y = wcs.wcs_world2pix(lon.deg, lat.deg, 0)
    column = np.clip(np.nan_to_num(np.rint(x)), 0, pixels - 1).astype(np.int64)
    line = np.clip(np.nan_to_num(np.rint(y)), 0, lines - 1).astype(np.int64)
    np.add.at(numbers, (line, column), found.counts[missed])
    if found.means is None:
        return numbers, None
    known = np.isfinite(found.means)
    weight = np.where(known, share, 0.0)
    total = _summed(places, weight * np.where(known, found.means, 0.0), plan.shape)
    weights = _summed(places, weight, plan.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        return numbers, np.where(weights > 0, total / weights, np.nan)


def _sampled(plan: MapPlan, wcs: Any, cells: _Longs) -> npt.NDArray[np.int32]:  # noqa: ANN401
    """Find the cell at each place of the fine grid: its number among `cells`, or -1."""
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix.nested import lonlat_to_healpix

    lines, pixels = plan.shape
    steps = (np.arange(_SAMPLES) + 0.5) / _SAMPLES - 0.5
    across = (np.arange(pixels)[:, None] + steps).ravel()
    found = np.full((lines * _SAMPLES, pixels * _SAMPLES), -1, dtype=np.int32)
    for first in range(0, lines, _LINES):
        last = min(first + _LINES, lines)
        down = (np.arange(first, last)[:, None] + steps).ravel()
        x, y = np.meshgrid(across, down)
        ra, dec = wcs.wcs_pix2world(x.ravel(), y.ravel(), 0)
        on_sky = np.isfinite(ra) & np.isfinite(dec)
        index = np.full(len(ra), -1, dtype=np.int64)
        index[on_sky] = lonlat_to_healpix(
            Longitude(ra[on_sky], unit="deg"), Latitude(dec[on_sky], unit="deg"), plan.order
        ).astype(np.int64)
        near = np.minimum(np.searchsorted(cells, index), len(cells) - 1)
        near[cells[near] != index] = -1
        found[first * _SAMPLES : last * _SAMPLES] = near.reshape(x.shape)
    return found


def _summed(places: npt.NDArray[np.int32], values: _Doubles, shape: tuple[int, int]) -> _Doubles:
    """Sum what the places of each pixel have of their cells."""
    lines, pixels = shape
    image = np.empty(shape)
    # A last value of nothing, for places without a cell.
    padded = np.append(values, 0.0)
    for first in range(0, lines, _LINES):
        last = min(first + _LINES, lines)
        part = padded[places[first * _SAMPLES : last * _SAMPLES]]
        image[first:last] = part.reshape(last - first, _SAMPLES, pixels, _SAMPLES).sum(axis=(1, 3))
    return image
