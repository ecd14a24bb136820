"""Photometric redshifts by weighted nearest neighbours in colours and magnitude."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vo_service.demo.cosmology import FloatArray
from vo_service.demo.photometry import DEPTHS_5SIGMA_MAG
from vo_service.demo.spectra import BANDS

PDF_GRID = np.linspace(0.0, 4.0, 101)
"""Redshifts at which PDFs are given."""

NEIGHBOURS = 14
"""Training objects that make one PDF."""

COLOUR_FLOOR_MAG = 0.04
"""Added in quadrature to colour errors: the training set is not dense enough for less."""

MAGNITUDE_SCALE_MAG = 0.7
"""Distance in i that counts as much as one sigma in a colour; the prior of the magnitude."""

KERNEL_FLOOR = 0.012
"""Least width of a neighbour's kernel in units of 1 + z."""

KERNEL_SPREAD = 0.5
"""Width of the kernels over spread times n**(-1/5); Silverman's 0.9 gives too wide PDFs here."""

ODDS_HALF_WIDTH = 0.06
"""Odds are the probability within this times 1 + z of the mode (Benítez 2000)."""

_CHUNK_OBJECTS = 500
_UNKNOWN_COLOUR_ERROR_MAG = 1.5


@dataclass(frozen=True, slots=True)
class Features:
    """Colours and magnitude of objects with their errors.

    Attributes
    ----------
    values, errors
        Five neighbouring colours from blue to red and the i magnitude, shape (n, 6).
    """

    values: FloatArray
    errors: FloatArray

    @classmethod
    def of_photometry(cls, magnitudes: FloatArray, errors: FloatArray) -> Features:
        """Make features of dereddened magnitudes, NaN where there is no measurement.

        A missing magnitude counts as the two-sigma limit with a large error.
        """
        missing = np.isnan(magnitudes)
        filled = np.where(missing, DEPTHS_5SIGMA_MAG + 1.0, magnitudes)
        scatter = np.where(missing, _UNKNOWN_COLOUR_ERROR_MAG, errors)
        colours = filled[:, :-1] - filled[:, 1:]
        colour_errors = np.hypot(np.hypot(scatter[:, :-1], scatter[:, 1:]), COLOUR_FLOOR_MAG)
        i_mag = filled[:, BANDS.index("i")]
        scale = np.full(len(i_mag), MAGNITUDE_SCALE_MAG)
        return cls(np.column_stack([colours, i_mag]), np.column_stack([colour_errors, scale]))


@dataclass(frozen=True, slots=True)
class Estimates:
    """Photometric redshifts; arrays of one length.

    Attributes
    ----------
    pdf
        Probability densities on `PDF_GRID`, shape (n, 101), each with unit integral.
    mode, mean, median
        Point estimates.
    lower, upper
        16th and 84th percentile.
    spread
        Standard deviation of the PDF.
    odds
        Probability within 0.06 (1 + z) of the mode.
    distance2
        Mean squared distance of the neighbours per feature, in squared errors.
    """

    pdf: FloatArray
    mode: FloatArray
    mean: FloatArray
    median: FloatArray
    lower: FloatArray
    upper: FloatArray
    spread: FloatArray
    odds: FloatArray
    distance2: FloatArray

    @classmethod
    def of_pdf(cls, pdf: FloatArray, distance2: FloatArray) -> Estimates:
        """Derive every estimate from normalised PDFs."""
        grid, step = PDF_GRID, PDF_GRID[1] - PDF_GRID[0]
        weight = _trapezoid_weights()
        mean = (pdf * (weight * grid)).sum(axis=1)
        spread = np.sqrt(np.maximum((pdf * (weight * grid**2)).sum(axis=1) - mean**2, 0.0))
        areas = 0.5 * (pdf[:, 1:] + pdf[:, :-1]) * step
        cumulative = np.concatenate([np.zeros((len(pdf), 1)), np.cumsum(areas, axis=1)], axis=1)
        lower, median, upper = (_quantile(cumulative, level) for level in (0.16, 0.5, 0.84))
        mode = _peak(pdf)
        reach = ODDS_HALF_WIDTH * (1.0 + mode)
        odds = _probability_below(cumulative, mode + reach) - _probability_below(
            cumulative, mode - reach
        )
        return cls(pdf, mode, mean, median, lower, upper, spread, odds, distance2)


def neighbour_estimates(
    objects: Features, training: Features, training_redshift: FloatArray, own: npt.NDArray[np.intp]
) -> Estimates:
    """Estimate redshifts from the nearest training objects.

    Parameters
    ----------
    objects
        Features of the objects, shape (n, 6).
    training
        Features of the training objects, shape (m, 6), m at least 2.
    training_redshift
        Their redshifts, shape (m,).
    own
        Index of each object in the training set, -1 if it is not there; an object is never
        its own neighbour.

    Notes
    -----
    Each neighbour adds a Gaussian at its redshift, with weight exp(-d²/2 relative to the
    nearest) and a width that follows the spread of the redshifts of the neighbours.
    """
    centre = training.values.mean(axis=0)
    known = (training.values - centre).astype(np.float32)
    terms = np.concatenate([known**2, known], axis=1).T
    count = min(NEIGHBOURS, len(known) - 1)
    pdf = np.empty((len(objects.values), len(PDF_GRID)))
    distance2 = np.empty(len(pdf))
    for start in range(0, len(pdf), _CHUNK_OBJECTS):
        part = slice(start, start + _CHUNK_OBJECTS)
        values = (objects.values[part] - centre).astype(np.float32)
        weight = (objects.errors[part] ** -2).astype(np.float32)
        # |a - b|² with weights of a, as one matrix product.
        distance = np.concatenate([weight, -2.0 * weight * values], axis=1) @ terms
        distance += (weight * values**2).sum(axis=1, keepdims=True)
        mine = own[part]
        (present,) = np.nonzero(mine >= 0)
        distance[present, mine[present]] = np.inf
        nearest = np.sort(np.argpartition(distance, count - 1, axis=1)[:, :count], axis=1)
        # Again in double precision: the product's last bits depend on the number of threads.
        difference = objects.values[part, None, :] - training.values[nearest]
        near = ((difference / objects.errors[part, None, :]) ** 2).sum(axis=2)
        pdf[part] = _density(near, training_redshift[nearest])
        distance2[part] = near.mean(axis=1) / values.shape[1]
    return Estimates.of_pdf(pdf, distance2)


def _density(distance2: FloatArray, redshift: FloatArray) -> FloatArray:
    relative = distance2 - distance2.min(axis=1, keepdims=True)
    weight = np.exp(-0.5 * np.minimum(relative, 60.0))
    weight /= weight.sum(axis=1, keepdims=True)
    effective = 1.0 / (weight**2).sum(axis=1)
    quartile = np.subtract(*np.percentile(redshift, [75, 25], axis=1)) / 1.349
    resolution = 0.5 * (PDF_GRID[1] - PDF_GRID[0])
    # Silverman's rule with the robust spread, so that two peaks stay two.
    narrow = np.minimum(
        KERNEL_SPREAD * quartile * effective**-0.2, 0.12 * (1.0 + redshift.mean(axis=1))
    )
    width = np.maximum(narrow[:, None], np.maximum(KERNEL_FLOOR * (1.0 + redshift), resolution))
    pdf = np.zeros((len(redshift), len(PDF_GRID)))
    for column in range(redshift.shape[1]):
        sigma = width[:, column, None]
        deviation = (PDF_GRID - redshift[:, column, None]) / sigma
        pdf += weight[:, column, None] / sigma * np.exp(-0.5 * deviation**2)
    return np.asarray(pdf / (pdf * _trapezoid_weights()).sum(axis=1, keepdims=True))


def _trapezoid_weights() -> FloatArray:
    weight = np.full(len(PDF_GRID), PDF_GRID[1] - PDF_GRID[0])
    weight[[0, -1]] *= 0.5
    return weight


def _quantile(cumulative: FloatArray, level: float) -> FloatArray:
    after = np.clip((cumulative < level).sum(axis=1), 1, len(PDF_GRID) - 1)
    rows = np.arange(len(cumulative))
    low, high = cumulative[rows, after - 1], cumulative[rows, after]
    fraction = (level - low) / np.maximum(high - low, 1e-12)
    step = PDF_GRID[1] - PDF_GRID[0]
    return np.asarray(PDF_GRID[after - 1] + np.clip(fraction, 0.0, 1.0) * step)


def _probability_below(cumulative: FloatArray, redshift: FloatArray) -> FloatArray:
    position = np.clip(redshift / (PDF_GRID[1] - PDF_GRID[0]), 0.0, len(PDF_GRID) - 1.001)
    before = position.astype(np.intp)
    rows = np.arange(len(cumulative))
    low, high = cumulative[rows, before], cumulative[rows, before + 1]
    return np.asarray(low + (position - before) * (high - low))


def _peak(pdf: FloatArray) -> FloatArray:
    # A parabola through the logarithms of the highest point and its neighbours.
    top = np.clip(pdf.argmax(axis=1), 1, len(PDF_GRID) - 2)
    rows = np.arange(len(pdf))
    left, middle, right = (np.log(pdf[rows, top + shift] + 1e-12) for shift in (-1, 0, 1))
    curvature = np.minimum(left - 2.0 * middle + right, -1e-9)
    shift = np.clip(0.5 * (left - right) / curvature, -1.0, 1.0)
    return np.asarray(PDF_GRID[top] + shift * (PDF_GRID[1] - PDF_GRID[0]))
