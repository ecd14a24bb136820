"""Rotations between celestial coordinate systems.

Notes
-----
Galactic: the pole and the origin of the IAU (Blaauw et al. 1960, MNRAS 121, 123), for B1950 as
they were defined, for J2000 as in Reid & Brunthaler 2004, ApJ 616, 872, appendix. The axes of
the FK5 system are taken as those of the ICRS (0.02 arcsec); between them and the galactic system
lies the rotation of Mignard & Froeschle 2000, A&A 354, 732. FK4 is B1950 without the elliptic
terms of aberration (0.34 arcsec at most), as the catalogue of functions of the IVOA has it.
"""

from __future__ import annotations

import functools

import numpy as np

from vo_service.engines.sphere.vectors import Floats, lonlat, unit_vectors

__all__ = ["SYSTEMS", "transform"]

SYSTEMS = ("ICRS", "FK5", "FK4", "GALACTIC")
"""Names of the systems that are known."""

_FK5_BIAS_MAS = (-19.9, 9.1, -22.9)


def transform(source: str, target: str, shapes: Floats) -> Floats:
    """Give shapes in another coordinate system.

    Parameters
    ----------
    source, target
        Names out of `SYSTEMS`.
    shapes
        Points, circles or polygons as DALI writes them, shape (k, numbers), degrees.
    """
    if source == target:
        return shapes
    rotation = _to_galactic(target).T @ _to_galactic(source)
    places = shapes[:, :2] if shapes.shape[1] == 3 else shapes
    moved = lonlat(unit_vectors(places[:, 0::2], places[:, 1::2]) @ rotation.T)
    turned = np.stack(moved, axis=-1).reshape(len(shapes), -1)
    return np.hstack([turned, shapes[:, 2:]]) if shapes.shape[1] == 3 else turned


@functools.cache
def _to_galactic(system: str) -> Floats:
    if system == "GALACTIC":
        return np.eye(3)
    if system == "FK4":
        return _pole_rotation(192.25, 27.4, 123.0)
    eta, xi, da = (angle / 3_600_000 for angle in _FK5_BIAS_MAS)
    bias = _turn(-eta, 0) @ _turn(xi, 1) @ _turn(da, 2)
    return _pole_rotation(192.8594812065348, 27.12825118085622, 122.9319185680026) @ bias


def _pole_rotation(lon_deg: float, lat_deg: float, pole_lon_deg: float) -> Floats:
    """Give the rotation to the system with its pole there, and the old pole at a longitude."""
    return _turn(180 - pole_lon_deg, 2) @ _turn(90 - lat_deg, 1) @ _turn(lon_deg, 2)


def _turn(angle_deg: float, axis: int) -> Floats:
    """Give the rotation of the axes by an angle about one of them."""
    cosine, sine = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = cosine
    matrix[first, second], matrix[second, first] = sine, -sine
    return matrix
