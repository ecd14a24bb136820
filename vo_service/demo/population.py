"""Galaxies and stars of a simulated sky, drawn from counts per square degree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from vo_service.demo.cosmology import FloatArray, distance_modulus, volume_mpc3_per_deg2
from vo_service.demo.spectra import (
    BAND_WAVELENGTHS_A,
    BANDS,
    REFERENCE_WAVELENGTH_A,
    TEMPLATE_NAMES,
    colour_grid,
    dust_curve,
    rest_flux,
)

BRIGHT_LIMIT_MAG = 15.0
"""Brightest true i magnitude drawn; brighter objects saturate."""

FAINT_LIMIT_MAG = 26.8
"""Faintest true i magnitude drawn, beyond the detection limit of every field."""

STARS_PER_DEG2_AT_20 = 1100.0
"""Stars per magnitude and square degree at i = 20, high galactic latitude."""

STAR_COUNT_SLOPE = 0.13
"""Slope of log10 of the star counts per magnitude."""

_REDSHIFT_EDGES = np.concatenate([np.linspace(0.005, 0.5, 100), np.arange(0.51, 6.4, 0.02)])
_MAGNITUDE_EDGES = np.linspace(BRIGHT_LIMIT_MAG, FAINT_LIMIT_MAG, 119)
_LOCUS_KNOTS = np.array([0.0, 0.3, 0.6, 1.0, 1.5, 2.0, 2.5, 3.0, 3.6])
_LOCUS_COLOURS = np.array(
    [
        [0.90, 0.92, 1.15, 1.70, 2.25, 2.52, 2.58, 2.60, 2.70],
        [0.02, 0.25, 0.46, 0.74, 1.08, 1.32, 1.40, 1.43, 1.50],
        [-0.02, 0.05, 0.14, 0.26, 0.42, 0.68, 1.10, 1.57, 2.10],
        [-0.06, 0.00, 0.05, 0.12, 0.22, 0.36, 0.55, 0.76, 1.02],
        [-0.03, 0.00, 0.02, 0.05, 0.09, 0.15, 0.23, 0.33, 0.48],
    ]
)
"""u-g, g-r, r-i, i-z, z-y of the stellar locus at the g-i of the knots."""


@dataclass(frozen=True, slots=True)
class LuminosityFunction:
    """Evolving Schechter function of one template family.

    Attributes
    ----------
    density_mpc3
        Normalisation φ* per Mpc³ at redshift 0.
    characteristic_mag
        M* (B, AB) at redshift 0.
    slope
        Faint-end slope α.
    brightening
        Magnitudes per unit redshift by which M* brightens at first.
    decline
        Factor exp(-decline z) on the density.
    """

    density_mpc3: float
    characteristic_mag: float
    slope: float
    brightening: float
    decline: float

    def per_mpc3(self, absolute_mag: FloatArray, redshift: FloatArray) -> FloatArray:
        """Return the number per Mpc³ and magnitude."""
        knee = self.characteristic_mag - self.brightening * redshift / (1.0 + 0.9 * redshift)
        luminosity = 10.0 ** (0.4 * (knee - absolute_mag))
        density = self.density_mpc3 * np.exp(-self.decline * redshift)
        shape = luminosity ** (self.slope + 1.0) * np.exp(-luminosity)
        return np.asarray(0.4 * np.log(10.0) * density * shape)


LUMINOSITY_FUNCTIONS = (
    LuminosityFunction(3.2e-3, -20.3, -0.55, 1.30, 0.90),
    LuminosityFunction(2.6e-3, -20.3, -0.95, 1.40, 0.70),
    LuminosityFunction(3.0e-3, -20.0, -1.20, 1.50, 0.60),
    LuminosityFunction(3.0e-3, -19.6, -1.30, 1.60, 0.50),
    LuminosityFunction(1.8e-3, -19.3, -1.35, 1.90, 0.35),
)
"""One function per template, near those of Faber et al. (2007) and Ilbert et al. (2005)."""


@dataclass(frozen=True, slots=True)
class Population:
    """True properties of objects, before anything is observed.

    Attributes
    ----------
    is_star
        Whether the object is a star.
    redshift
        True redshift; 0 for stars.
    family
        Position on the template sequence, 0 (old) to 4 (starburst); 0 for stars.
    magnitudes
        True magnitudes outside the Galaxy's dust, shape (n, bands).
    """

    is_star: npt.NDArray[np.bool_]
    redshift: FloatArray
    family: FloatArray
    magnitudes: FloatArray


@cache
def galaxy_counts() -> FloatArray:
    """Return galaxies per square degree in cells of template, redshift and i magnitude."""
    redshift = 0.5 * (_REDSHIFT_EDGES[1:] + _REDSHIFT_EDGES[:-1])
    magnitude = 0.5 * (_MAGNITUDE_EDGES[1:] + _MAGNITUDE_EDGES[:-1])
    volume = volume_mpc3_per_deg2(_REDSHIFT_EDGES)
    modulus = distance_modulus(redshift)
    counts = []
    for template, function in enumerate(LUMINOSITY_FUNCTIONS):
        family = np.full(redshift.shape, float(template))
        apparent = colour_grid().magnitudes(redshift, family)[:, BANDS.index("i")]
        reference = -2.5 * np.log10(rest_flux(template, np.array([REFERENCE_WAVELENGTH_A])))
        # K correction from rest B to observed i; (1 + z) from the stretched frequency interval.
        offset = modulus + apparent - reference - 2.5 * np.log10(1.0 + redshift)
        absolute = magnitude[None, :] - offset[:, None]
        density = function.per_mpc3(absolute, redshift[:, None])
        counts.append(density * volume[:, None] * np.diff(_MAGNITUDE_EDGES))
    return np.stack(counts)


def star_counts() -> FloatArray:
    """Return stars per square degree in cells of i magnitude."""
    magnitude = 0.5 * (_MAGNITUDE_EDGES[1:] + _MAGNITUDE_EDGES[:-1])
    per_magnitude = STARS_PER_DEG2_AT_20 * 10.0 ** (STAR_COUNT_SLOPE * (magnitude - 20.0))
    return np.asarray(per_magnitude * np.diff(_MAGNITUDE_EDGES))


def objects_per_deg2() -> float:
    """Return how many objects brighter than the faint limit a square degree holds."""
    return float(galaxy_counts().sum() + star_counts().sum())


def drawn_population(count: int, rng: np.random.Generator) -> Population:
    """Draw objects in nature's proportions.

    Parameters
    ----------
    count
        Number of objects.
    rng
        Source of randomness.
    """
    galaxies = galaxy_counts()
    cells = np.concatenate([galaxies.ravel(), star_counts()])
    cumulative = np.cumsum(cells)
    cell = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
    is_star = cell >= galaxies.size
    template, shell, step = np.unravel_index(np.where(is_star, 0, cell), galaxies.shape)
    step = np.where(is_star, cell - galaxies.size, step)
    i_mag = _MAGNITUDE_EDGES[step] + rng.random(count) * np.diff(_MAGNITUDE_EDGES)[step]
    redshift = _REDSHIFT_EDGES[shell] + rng.random(count) * np.diff(_REDSHIFT_EDGES)[shell]
    last = len(TEMPLATE_NAMES) - 1
    family = np.clip(template + rng.normal(0.0, 0.28, count), 0.0, last)
    magnitudes = np.empty((count, len(BANDS)))
    magnitudes[~is_star] = _galaxy_magnitudes(
        redshift[~is_star], family[~is_star], i_mag[~is_star], rng
    )
    magnitudes[is_star] = _star_magnitudes(i_mag[is_star], rng)
    redshift[is_star] = 0.0
    family[is_star] = 0.0
    return Population(is_star, redshift, family, magnitudes)


def _galaxy_magnitudes(
    redshift: FloatArray, family: FloatArray, i_mag: FloatArray, rng: np.random.Generator
) -> FloatArray:
    shape = colour_grid().magnitudes(redshift, family)
    dust = dust_curve(BAND_WAVELENGTHS_A[None, :] / (1.0 + redshift[:, None]))
    excess = rng.normal(0.0, 0.015 + 0.025 * np.minimum(family, 2.0))
    shape += excess[:, None] * dust
    # What templates do not hold: metallicity, star-formation history, apertures.
    shape += rng.normal(0.0, 0.025, shape.shape)
    reference = shape[:, BANDS.index("i")]
    return np.asarray(shape - reference[:, None] + i_mag[:, None])


def _star_magnitudes(i_mag: FloatArray, rng: np.random.Generator) -> FloatArray:
    count = len(i_mag)
    dwarf_fraction = np.interp(i_mag, [15.0, 20.0, 24.0], [0.25, 0.55, 0.75])
    is_dwarf = rng.random(count) < dwarf_fraction
    colour = np.where(is_dwarf, rng.normal(2.3, 0.45, count), rng.normal(0.55, 0.25, count))
    steps = np.stack([np.interp(colour, _LOCUS_KNOTS, row) for row in _LOCUS_COLOURS], axis=1)
    steps += rng.normal(0.0, [0.08, 0.03, 0.03, 0.02, 0.02], steps.shape)
    below = np.concatenate([np.zeros((count, 1)), np.cumsum(steps, axis=1)], axis=1)
    i_index = BANDS.index("i")
    return np.asarray(i_mag[:, None] + below[:, i_index : i_index + 1] - below)
