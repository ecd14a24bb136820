"""Noise, limits and dust: what a survey telescope makes of true magnitudes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vo_service.demo.cosmology import FloatArray
from vo_service.demo.spectra import BANDS

DEPTHS_5SIGMA_MAG = np.array([25.6, 26.9, 27.0, 26.3, 25.6, 24.4])
"""Point-source depths ugrizy near five years of the LSST wide survey (AB)."""

ERROR_SHAPES = np.array([0.038, 0.039, 0.039, 0.039, 0.039, 0.039])
"""Gamma of the LSST error model per band, Ivezić et al. (2019, ApJ 873, 111), table 2."""

SYSTEMATIC_ERROR_MAG = 0.005
"""Floor of the photometric error, the LSST requirement on repeatability."""

EXTINCTION_PER_REDDENING = np.array([4.145, 3.237, 2.273, 1.684, 1.323, 1.088])
"""A_band / E(B-V) of the LSST filters, R_V = 3.1, Schlafly & Finkbeiner (2011), table 6."""

DETECTION_SNR = 7.0
"""Signal to noise in i from which an object enters the catalogue."""

MEASUREMENT_SNR = 2.0
"""Signal to noise below which a band's magnitude is null."""

SATURATION_MAG = 16.0
"""Observed i magnitude brighter than which objects are not catalogued."""

_POGSON = 2.5 / np.log(10.0)


@dataclass(frozen=True, slots=True)
class Photometry:
    """Observed magnitudes of objects.

    Attributes
    ----------
    magnitudes, errors
        Shape (n, bands); NaN where a band is not measured.
    snr_i
        Signal to noise in the i band.
    """

    magnitudes: FloatArray
    errors: FloatArray
    snr_i: FloatArray


def magnitude_error(magnitude: FloatArray, depth: FloatArray) -> FloatArray:
    """Return the 1σ error in magnitudes of point sources, shape (n, bands).

    Parameters
    ----------
    magnitude
        Magnitudes, shape (n, bands).
    depth
        Five-sigma depths, broadcast against the magnitudes.

    Notes
    -----
    σ² = σ_sys² + (0.04 - γ) x + γ x² with x = 10^(0.4 (m - m5)), equations 4 and 5 of
    Ivezić et al. (2019, ApJ 873, 111).
    """
    x = 10.0 ** (0.4 * (magnitude - depth))
    variance = SYSTEMATIC_ERROR_MAG**2 + (0.04 - ERROR_SHAPES) * x + ERROR_SHAPES * x**2
    return np.asarray(np.sqrt(variance))


def observed_photometry(
    true_magnitudes: FloatArray,
    reddening: FloatArray,
    depth_offset_mag: float,
    rng: np.random.Generator,
) -> Photometry:
    """Redden, add noise in flux and drop what is below the measurement limit.

    Parameters
    ----------
    true_magnitudes
        Magnitudes outside the Galaxy, shape (n, bands).
    reddening
        E(B-V) in front of each object, shape (n,).
    depth_offset_mag
        Added to every depth.
    rng
        Source of randomness.
    """
    depth = DEPTHS_5SIGMA_MAG + depth_offset_mag
    arriving = true_magnitudes + reddening[:, None] * EXTINCTION_PER_REDDENING
    # Nothing arrives from dropouts; eight magnitudes below the limit is nothing.
    arriving = np.minimum(arriving, depth + 8.0)
    relative_noise = magnitude_error(arriving, depth) / _POGSON
    relative_flux = 1.0 + relative_noise * rng.standard_normal(arriving.shape)
    snr = relative_flux / relative_noise
    measured = snr >= MEASUREMENT_SNR
    magnitudes = np.where(
        measured, arriving - 2.5 * np.log10(np.where(measured, relative_flux, 1.0)), np.nan
    )
    return Photometry(magnitudes, magnitude_error(magnitudes, depth), snr[:, BANDS.index("i")])


def is_catalogued(photometry: Photometry) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell which objects are detected in i and not saturated."""
    i_mag = photometry.magnitudes[:, BANDS.index("i")]
    return np.asarray((photometry.snr_i >= DETECTION_SNR) & (i_mag > SATURATION_MAG))


def dereddened(magnitudes: FloatArray, reddening: FloatArray) -> FloatArray:
    """Return magnitudes outside the Galaxy's dust, shape (n, bands)."""
    return np.asarray(magnitudes - reddening[:, None] * EXTINCTION_PER_REDDENING)
