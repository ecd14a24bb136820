"""Distances and volumes of a flat ΛCDM universe, tabulated once."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

HUBBLE_KM_S_MPC = 70.0
"""Hubble constant of the concordance model that most photo-z papers adopt."""

MATTER_DENSITY = 0.3
"""Present matter density in units of the critical density; the rest is Λ."""

LIGHT_SPEED_KM_S = 299_792.458
"""Speed of light, exact by the definition of the metre."""

MAX_REDSHIFT = 8.0
"""Upper end of the table, beyond every object of the demo sky."""

SQUARE_DEGREES_PER_SPHERE = 41_252.96
"""Area of the whole sky, 4π steradians."""


@cache
def _table() -> tuple[FloatArray, FloatArray]:
    redshift = np.linspace(0.0, MAX_REDSHIFT, 8001)
    inverse_expansion = 1.0 / np.sqrt(MATTER_DENSITY * (1.0 + redshift) ** 3 + 1.0 - MATTER_DENSITY)
    steps = 0.5 * (inverse_expansion[1:] + inverse_expansion[:-1]) * np.diff(redshift)
    distance = np.concatenate([[0.0], np.cumsum(steps)])
    return redshift, distance * LIGHT_SPEED_KM_S / HUBBLE_KM_S_MPC


def comoving_distance_mpc(redshift: FloatArray) -> FloatArray:
    """Return the line-of-sight comoving distance.

    Parameters
    ----------
    redshift
        Redshifts in [0, 8].

    Returns
    -------
    :
        Distances in Mpc, of the same shape.
    """
    return np.interp(redshift, *_table())


def distance_modulus(redshift: FloatArray) -> FloatArray:
    """Return the distance modulus in magnitudes for redshifts in (0, 8]."""
    luminosity_distance_pc = comoving_distance_mpc(redshift) * (1.0 + redshift) * 1e6
    return 5.0 * np.log10(luminosity_distance_pc / 10.0)


def volume_mpc3_per_deg2(edges: FloatArray) -> FloatArray:
    """Return the comoving volume of redshift shells behind one square degree.

    Parameters
    ----------
    edges
        Redshift edges of the shells, ascending, shape (n + 1,).

    Returns
    -------
    :
        Volumes in Mpc³ per square degree, shape (n,).
    """
    sphere = 4.0 / 3.0 * np.pi * comoving_distance_mpc(edges) ** 3
    return np.diff(sphere) / SQUARE_DEGREES_PER_SPHERE


def angular_size_deg(length_mpc: FloatArray, redshift: FloatArray) -> FloatArray:
    """Return the angle in degrees under which a proper length in Mpc is seen.

    Redshifts below 0.01 count as 0.01, so that no length fills the sky.
    """
    nearest = np.maximum(redshift, 0.01)
    distance_mpc = comoving_distance_mpc(nearest) / (1.0 + nearest)
    return np.degrees(length_mpc / distance_mpc)
