"""Analytic galaxy spectra seen through approximate LSST passbands."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from vo_service.demo.cosmology import FloatArray

BANDS = ("u", "g", "r", "i", "z", "y")
"""LSST filters from blue to red; the order of every magnitude array here."""

PASSBAND_CORNERS_A = np.array(
    [
        [3200, 3650, 3900, 4060],
        [3880, 4120, 5350, 5560],
        [5400, 5570, 6850, 6950],
        [6800, 6970, 8100, 8230],
        [8050, 8230, 9150, 9300],
        [9080, 9350, 9650, 10700],
    ],
    dtype=np.float64,
)
"""Foot, shoulder, shoulder, foot in Å of trapezoids near the LSST total throughputs."""

BAND_WAVELENGTHS_A = np.array([3671.0, 4827.0, 6223.0, 7546.0, 8691.0, 9712.0])
"""Effective wavelengths of the LSST filters in Å."""

TEMPLATE_NAMES = ("E", "Sbc", "Scd", "Irr", "SB")
"""Families from old to star-forming, after the classical sequence of templates."""

REFERENCE_WAVELENGTH_A = 4400.0
"""Rest wavelength in Å of the absolute magnitudes (B band)."""

_KNOTS_A = np.array(
    [912, 1216, 1500, 2000, 2500, 2640, 2900, 3500, 3850, 4050, 4400, 5500, 6200, 7500, 9000, 11000]
).astype(np.float64)

_KNOT_MAGNITUDES = np.array(
    [
        [7.0, 6.3, 6.0, 5.5, 4.8, 4.2, 3.4, 2.30, 1.95, 1.20, 0.90, 0, -0.27, -0.62, -0.92, -1.2],
        [4.5, 3.1, 2.9, 2.75, 2.5, 2.4, 2.1, 1.6, 1.35, 0.75, 0.55, 0, -0.20, -0.47, -0.68, -0.88],
        [3.0, 1.75, 1.6, 1.5, 1.4, 1.35, 1.25, 1.05, 0.85, 0.45, 0.32, 0, -0.12, -0.28, -0.4, -0.5],
        [1.6, 0.85, 0.8, 0.8, 0.8, 0.8, 0.75, 0.7, 0.5, 0.2, 0.13, 0, -0.05, -0.12, -0.18, -0.24],
        [0.5, -0.3, -0.2, -0.05, 0.1, 0.12, 0.15, 0.3, 0.22, 0.03, 0, 0, 0, 0, 0.02, 0.05],
    ]
)
"""AB magnitudes relative to 5500 Å, so that rest-frame colours are those of nearby galaxies."""

_LINES_A = np.array([3727.0, 4861.0, 4959.0, 5007.0, 6563.0])

_LINE_WIDTHS_A = np.array(
    [
        [0, 0, 0, 0, 0],
        [8, 2, 1, 3, 18],
        [25, 7, 6, 18, 45],
        [40, 14, 20, 60, 80],
        [60, 30, 50, 150, 150],
    ],
    dtype=np.float64,
)
"""Rest-frame equivalent widths in Å of [O II], Hβ, both [O III], H-alpha by template."""

_LINE_SIGMA_A = 15.0
_LYMAN_SERIES = ((1216.0, 3.6e-3), (1026.0, 1.7e-3), (973.0, 1.2e-3), (950.0, 9.3e-4))
_LYMAN_LIMIT_A = 912.0
_REDSHIFT_STEP = 0.01
_GRID_MAX_REDSHIFT = 6.5
_DUST_KNOTS_A = np.array([900, 1200, 1500, 2000, 2500, 3000, 4400, 5500, 7000, 9000, 12000, 22000])
_DUST_CURVE = np.array([14.5, 12.0, 10.3, 8.9, 7.6, 6.6, 5.1, 4.05, 2.95, 2.1, 1.3, 0.4])


@dataclass(frozen=True, slots=True)
class ColourGrid:
    """Band fluxes of the templates on a grid of redshifts.

    Attributes
    ----------
    redshift
        Grid points, evenly spaced from 0, shape (n,).
    flux
        Mean flux density per band relative to that at 5500 Å rest, without the dimming
        by distance, shape (n, templates, bands).
    """

    redshift: FloatArray
    flux: FloatArray

    def magnitudes(self, redshift: FloatArray, family: FloatArray) -> FloatArray:
        """Return magnitudes per band relative to 5500 Å rest, shape (n, bands).

        Parameters
        ----------
        redshift
            Redshifts in [0, 6.5), shape (n,).
        family
            Positions on the template sequence in [0, 4]; between two templates their
            fluxes are mixed linearly.
        """
        position = np.clip(redshift / _REDSHIFT_STEP, 0, len(self.redshift) - 1.001)
        row = position.astype(np.intp)
        column = np.clip(family.astype(np.intp), 0, len(TEMPLATE_NAMES) - 2)
        along = (position - row)[:, None]
        across = (family - column)[:, None]
        lower = self.flux[row, column] * (1 - across) + self.flux[row, column + 1] * across
        upper = self.flux[row + 1, column] * (1 - across) + self.flux[row + 1, column + 1] * across
        mixed = lower * (1 - along) + upper * along
        return np.asarray(-2.5 * np.log10(np.maximum(mixed, 1e-12)))


@cache
def colour_grid() -> ColourGrid:
    """Integrate every template through every passband at every redshift, once."""
    redshift = np.arange(0.0, _GRID_MAX_REDSHIFT + _REDSHIFT_STEP, _REDSHIFT_STEP)
    observed_a = np.arange(3200.0, 10_710.0, 15.0)
    response = np.stack(
        [np.interp(observed_a, corners, [0, 1, 1, 0]) for corners in PASSBAND_CORNERS_A]
    )
    # AB magnitudes weight f_ν with dν/ν, that is dλ/λ for photon counters.
    weights = response / observed_a
    weights /= weights.sum(axis=1, keepdims=True)
    rest_a = observed_a[None, :] / (1.0 + redshift[:, None])
    transmission = igm_transmission(observed_a, redshift)
    flux = np.empty((len(redshift), len(TEMPLATE_NAMES), len(BANDS)))
    for template in range(len(TEMPLATE_NAMES)):
        arriving = rest_flux(template, rest_a) * transmission
        # Not a BLAS product, whose last bits depend on the number of threads.
        flux[:, template] = np.einsum("zw,bw->zb", arriving, weights)
    return ColourGrid(redshift, flux)


def rest_flux(template: int, rest_a: FloatArray) -> FloatArray:
    """Return the flux density (f_ν) of a template relative to 5500 Å.

    Parameters
    ----------
    template
        Index in `TEMPLATE_NAMES`.
    rest_a
        Rest-frame wavelengths in Å, any shape.
    """
    magnitude = np.interp(np.log(rest_a), np.log(_KNOTS_A), _KNOT_MAGNITUDES[template])
    flux: FloatArray = 10.0 ** (-0.4 * magnitude)
    flux[rest_a < _LYMAN_LIMIT_A] *= 0.02
    for centre_a, width_a in zip(_LINES_A, _LINE_WIDTHS_A[template], strict=True):
        if width_a:
            profile = np.exp(-0.5 * ((rest_a - centre_a) / _LINE_SIGMA_A) ** 2)
            flux *= 1.0 + width_a / (_LINE_SIGMA_A * np.sqrt(2 * np.pi)) * profile
    return flux


def igm_transmission(observed_a: FloatArray, redshift: FloatArray) -> FloatArray:
    """Return what the intergalactic hydrogen lets through, shape (redshifts, wavelengths).

    Notes
    -----
    Lyman series and photoelectric absorption of Madau (1995, ApJ 441, 18), equations 15
    and 16 with footnote 3.
    """
    emitted = 1.0 + redshift[:, None]
    depth = np.zeros((len(redshift), len(observed_a)))
    for line_a, strength in _LYMAN_SERIES:
        ratio = np.broadcast_to(observed_a / line_a, depth.shape)
        depth += np.where((ratio < emitted) & (ratio > 1.0), strength * ratio**3.46, 0.0)
    absorber = np.broadcast_to(observed_a / _LYMAN_LIMIT_A, depth.shape)
    continuum = (
        0.25 * absorber**3 * (emitted**0.46 - absorber**0.46)
        + 9.4 * absorber**1.5 * (emitted**0.18 - absorber**0.18)
        - 0.7 * absorber**3 * (absorber**-1.32 - emitted**-1.32)
        - 0.023 * (emitted**1.68 - absorber**1.68)
    )
    depth += np.where(absorber < emitted, np.maximum(continuum, 0.0), 0.0)
    return np.asarray(np.exp(-depth))


def dust_curve(rest_a: FloatArray) -> FloatArray:
    """Return the attenuation k(λ) per unit colour excess inside a star-forming galaxy.

    Notes
    -----
    Interpolated along the starburst law of Calzetti et al. (2000, ApJ 533, 682).
    """
    return np.asarray(np.interp(rest_a, _DUST_KNOTS_A, _DUST_CURVE))
