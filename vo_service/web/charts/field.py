"""A part of the sky from near: HEALPix cells in the gnomonic projection around their middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vo_service.web.charts.axis import Tick, ticks
from vo_service.web.charts.colours import CIVIDIS, shades

__all__ = ["FieldCell", "SkyField"]

_SIZE, _MARGIN = 460, 48
_FARTHEST_DEG = 12.0
"""From the densest cell; what is farther away belongs to another field."""

_Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FieldCell:
    """A cell: corners in pixels, colour and count."""

    points: str
    colour: str
    count: int


@dataclass(frozen=True, slots=True)
class SkyField:
    """A field, ready to be drawn; east is to the left.

    Attributes
    ----------
    cells
        The filled ones.
    ra_deg, dec_deg
        Of the middle.
    x_ticks, y_ticks
        Offsets from the middle, in degrees on the sky.
    most
        Largest count of a cell.
    total
        Objects of the field.
    order
        HEALPix order of the cells.
    """

    cells: tuple[FieldCell, ...]
    ra_deg: float
    dec_deg: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    most: int
    total: int
    order: int
    colours: tuple[str, ...] = CIVIDIS
    size: int = _SIZE
    low: int = _MARGIN
    high: int = _SIZE - _MARGIN

    @classmethod
    def densest(cls, order: int, cells: Sequence[int], counts: Sequence[int]) -> SkyField | None:
        """Make it of the cells around the one with most objects.

        Returns
        -------
        SkyField or None
            None where there is nothing, or no more is near than the whole sky shows.
        """
        if not cells:
            return None
        # It brings half of astropy along: not before the first map.
        from cdshealpix.nested import healpix_to_lonlat, vertices

        numbers, all_counts = np.asarray(cells, np.uint64), np.asarray(counts, np.int64)
        lon, lat = healpix_to_lonlat(numbers, order)
        ra, dec = lon.to_value("deg"), lat.to_value("deg")
        densest = int(all_counts.argmax())
        near = _separation(ra[densest], dec[densest], ra, dec) < _FARTHEST_DEG
        if order < 6 or not near.any():
            return None
        vector = _unit(ra[near], dec[near]).mean(axis=1)
        middle_ra = float(np.degrees(np.arctan2(vector[1], vector[0])) % 360)
        middle_dec = float(np.degrees(np.arctan2(vector[2], np.hypot(vector[0], vector[1]))))
        corner_lon, corner_lat = vertices(numbers[near], order)
        x, y = _gnomonic(
            middle_ra, middle_dec, corner_lon.to_value("deg"), corner_lat.to_value("deg")
        )
        half = float(max(np.abs(x).max(), np.abs(y).max())) * 1.05
        scale = (_SIZE - 2 * _MARGIN) / (2 * half)
        kept, colours = all_counts[near], shades(all_counts[near])
        drawn = tuple(
            FieldCell(_points(x[i], y[i], scale), CIVIDIS[colours[i]], int(kept[i]))
            for i in range(len(kept))
        )
        low, high = float(_MARGIN), float(_SIZE - _MARGIN)
        return cls(
            drawn, middle_ra, middle_dec,
            ticks(-half, half, high, low, 5), ticks(-half, half, high, low, 5),
            int(kept.max()), int(kept.sum()), order,
        )  # fmt: skip


def _points(x: _Doubles, y: _Doubles, scale: float) -> str:
    middle = _SIZE / 2
    return " ".join(
        f"{middle - a * scale:.1f},{middle - b * scale:.1f}"
        for a, b in zip(x.tolist(), y.tolist(), strict=True)
    )


def _unit(ra_deg: _Doubles, dec_deg: _Doubles) -> _Doubles:
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def _separation(ra: float, dec: float, ra_deg: _Doubles, dec_deg: _Doubles) -> _Doubles:
    cosine = _unit(np.asarray(ra), np.asarray(dec)) @ _unit(ra_deg, dec_deg)
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))), dtype=np.float64)


def _gnomonic(
    ra_deg: float, dec_deg: float, ra: _Doubles, dec: _Doubles
) -> tuple[_Doubles, _Doubles]:
    """Project onto the plane that touches the middle, in degrees (Snyder 1987, eqs. 22-4, 22-5)."""
    delta, d0, d = np.radians(ra - ra_deg), np.radians(dec_deg), np.radians(dec)
    cosine = np.sin(d0) * np.sin(d) + np.cos(d0) * np.cos(d) * np.cos(delta)
    x = np.cos(d) * np.sin(delta) / cosine
    y = (np.cos(d0) * np.sin(d) - np.sin(d0) * np.cos(d) * np.cos(delta)) / cosine
    return np.degrees(x), np.degrees(y)
