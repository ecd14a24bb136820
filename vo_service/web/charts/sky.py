"""The whole sky in Mollweide's projection, with counts by HEALPix cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vo_service.web.charts.colours import CIVIDIS, shades

__all__ = ["Cell", "Sky"]

_WIDTH, _HEIGHT = 720, 380
_MARGIN = 14

_Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: corners in pixels, colour, and what it stands for (centre in degrees)."""

    points: str
    colour: str
    count: int
    ra_deg: float
    dec_deg: float


@dataclass(frozen=True, slots=True)
class Sky:
    """A map of the sky, ready to be drawn; right ascension grows to the left from the centre.

    Attributes
    ----------
    cells
        The filled ones.
    lines
        Meridians and parallels, as points.
    order
        HEALPix order of the cells.
    most, total
        Largest count of a cell, and all objects.
    colours
        From few to many, on a logarithmic scale.
    """

    cells: tuple[Cell, ...]
    lines: tuple[str, ...]
    order: int
    most: int
    total: int
    colours: tuple[str, ...] = CIVIDIS
    width: int = _WIDTH
    height: int = _HEIGHT

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any] | None) -> Sky | None:
        """Make it of what registration found in a file; see `TableFacts.footprint`."""
        if not facts or not facts["cells"]:
            return None
        order, counts = int(facts["order"]), np.asarray(facts["counts"], dtype=np.int64)
        cells = np.asarray(facts["cells"], dtype=np.uint64)
        most = int(counts.max())
        colours = shades(counts)
        drawn = [
            Cell(points, CIVIDIS[colours[i]], int(counts[i]), ra, dec)
            for i, ra, dec, points in _outlines(cells, order)
        ]
        return cls(tuple(drawn), tuple(_graticule()), order, most, int(counts.sum()))


def _outlines(cells: npt.NDArray[np.uint64], order: int) -> Iterator[tuple[int, float, float, str]]:
    """Give number, centre and corners of each cell; one at the edge of the map is drawn twice."""
    # It brings half of astropy along: not before the first map.
    from cdshealpix.nested import healpix_to_lonlat, vertices

    lon, lat = vertices(cells, order, step=2)
    ra_c, dec_c = healpix_to_lonlat(cells, order)
    ra, dec = ra_c.to_value("deg"), dec_c.to_value("deg")
    corners, dec_corners = lon.to_value("deg"), lat.to_value("deg")
    centre = ((ra + 180) % 360 - 180)[:, None]
    near = centre + (corners - ra[:, None] + 180) % 360 - 180
    for shift in (0, 360, -360):
        moved = near + shift
        shown = np.flatnonzero((moved.max(axis=1) > -180) & (moved.min(axis=1) < 180))
        x, y = _mollweide(np.clip(moved[shown], -180, 180), dec_corners[shown])
        for i, xs, ys in zip(shown.tolist(), x, y, strict=True):
            yield i, float(ra[i]), float(dec[i]), _text(xs, ys)


def _graticule() -> Iterator[str]:
    fine = np.linspace(-1, 1, 61)
    for ra in range(-180, 181, 60):
        yield _points(np.full(61, float(ra)), fine * 90)
    for dec in range(-60, 61, 30):
        yield _points(fine * 180, np.full(61, float(dec)))


def _points(ra_deg: _Doubles, dec_deg: _Doubles) -> str:
    return _text(*_mollweide(ra_deg, dec_deg))


def _text(x: _Doubles, y: _Doubles) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))


def _mollweide(ra_deg: _Doubles, dec_deg: _Doubles) -> tuple[_Doubles, _Doubles]:
    """Project; the auxiliary angle solves 2t + sin 2t = pi sin(dec) (Snyder 1987, eq. 31-4)."""
    target = np.pi * np.sin(np.radians(dec_deg))
    theta = np.radians(dec_deg)
    for _ in range(60):
        slope = 2 + 2 * np.cos(2 * theta)
        theta -= (2 * theta + np.sin(2 * theta) - target) / np.where(slope < 1e-6, 1e-6, slope)
        theta = np.clip(theta, -np.pi / 2, np.pi / 2)
    half_x, half_y = _WIDTH / 2 - _MARGIN, _HEIGHT / 2 - _MARGIN
    x = _WIDTH / 2 - ra_deg / 180 * np.cos(theta) * half_x
    return x, _HEIGHT / 2 - np.sin(theta) * half_y
