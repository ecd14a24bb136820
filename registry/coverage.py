"""Coverage maps of tables (MOC 2.0): united, made coarser, and written."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np

__all__ = ["FORMATS", "area_deg2", "coarser", "enclosing_circle", "united", "written"]

FORMATS = {"fits": "application/fits", "json": "application/json", "ascii": "text/plain"}
"""Media types of the ways to write a map (MOC 2.0, section 4)."""


def united(maps: Iterable[str]) -> str | None:
    """Unite maps, each in ASCII; none where there is none."""
    given = [_parsed(each) for each in dict.fromkeys(maps)]
    if not given:
        return None
    whole = given[0].union(*given[1:]) if len(given) > 1 else given[0]
    text: str = whole.to_string(format="ascii")
    return text


@lru_cache(65_536)
def coarser(text: str, order: int) -> str:
    """Give a map in ASCII whose cells are no smaller than those of an order; it covers no less."""
    moc = _parsed(text)
    made: str = (moc.degrade_to_order(order) if moc.max_order > order else moc).to_string("ascii")
    return " ".join(made.split())


_SKY_DEG2 = 129_600 / np.pi
"""Area of the whole sky."""

_CIRCLE_CELLS = 4000
"""Cells of which a circle is made at most; a finer map is made coarser, and its circle wider."""

_BULGE = 1.001
"""The edges of cells are no great circles: what they may be beyond their corners."""


@lru_cache(65_536)
def enclosing_circle(text: str) -> tuple[float, float, float] | None:
    """Give a circle that holds all of a map in ASCII.

    Returns
    -------
    tuple of float or None
        ICRS right ascension and declination of the centre and the radius, in degrees: at most 180
        for a map of the whole sky. None for an empty map.
    """
    from cdshealpix.nested import vertices

    moc = _parsed(text)
    if moc.empty():
        return None
    order = moc.max_order
    while order > 0 and moc.sky_fraction * 12 * 4**order > _CIRCLE_CELLS:
        order -= 1
        moc = moc.degrade_to_order(order)
    lon, lat = vertices(moc.flatten(), order)
    ra, dec = np.asarray(lon.rad).ravel(), np.asarray(lat.rad).ravel()
    corners = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    centre = corners.mean(axis=1)
    length = float(np.linalg.norm(centre))
    if length < 1e-3:
        return 0.0, 0.0, 180.0
    centre /= length
    # The chord tells small angles as well as large ones.
    chord = float(np.linalg.norm(corners - centre[:, None], axis=0).max())
    radius = np.degrees(2 * np.arcsin(min(1.0, chord / 2)))
    ra_deg = float(np.degrees(np.arctan2(centre[1], centre[0]))) % 360
    dec_deg = float(np.degrees(np.arcsin(np.clip(centre[2], -1, 1))))
    return ra_deg, dec_deg, min(180.0, float(radius) * _BULGE)


def area_deg2(text: str) -> float:
    """Give the area that a map in ASCII covers, in square degrees."""
    return float(_parsed(text).sky_fraction * _SKY_DEG2)


def written(text: str, form: str) -> bytes:
    """Write a map in one of `FORMATS`."""
    if form == "ascii":
        return " ".join(text.split()).encode()
    moc = _parsed(text)
    if form == "json":
        return json.dumps(moc.serialize("json")).encode()
    file = io.BytesIO()
    moc.serialize("fits").writeto(file)
    return file.getvalue()


def _parsed(text: str) -> Any:  # noqa: ANN401 - mocpy has no types
    from mocpy import MOC

    return MOC.from_string(text, "ascii")
