"""Probability densities of redshift that stand in columns, over arrays.

A density is given by its values at the points of a grid, and is linear between them. The grid is
an array of as many increasing redshifts, or just the first and the last of an even one.
"""

from __future__ import annotations

import numpy as np

from vo_service.engines.sphere.vectors import Floats

__all__ = ["integrals", "means", "quantiles"]

_TINY = 1e-100
"""Squares of values below the square root of the smallest double, about 1e-154, are zero."""


def integrals(densities: Floats, grids: Floats, low: Floats, high: Floats) -> Floats:
    """Integrate densities between two redshifts, as they are stored.

    Parameters
    ----------
    densities
        Values, shape (k, n), n of 2 or more.
    grids
        Redshifts of the values, shape (k, n) or (k, 2).
    low, high
        Bounds, shape (k,); a density is 0 off its grid.
    """
    grid, cumulated = _cumulated(densities, grids)
    return _up_to(grid, densities, cumulated, high) - _up_to(grid, densities, cumulated, low)


def means(densities: Floats, grids: Floats) -> Floats:
    """Give the mean redshifts; NaN where a density is 0 everywhere."""
    grid, cumulated = _cumulated(densities, grids)
    step = np.diff(grid, axis=1)
    first, last = densities[:, :-1], densities[:, 1:]
    moments = step / 6 * (grid[:, :-1] * (2 * first + last) + grid[:, 1:] * (first + 2 * last))
    return _quotient(moments.sum(axis=1), cumulated[:, -1])


def quantiles(densities: Floats, grids: Floats, fractions: Floats) -> Floats:
    """Give the redshifts below which fractions of the probability lie.

    Parameters
    ----------
    densities
        Values, shape (k, n), none negative.
    grids
        Redshifts of the values, shape (k, n) or (k, 2).
    fractions
        From 0 to 1, shape (k,); NaN is given for any other.
    """
    # Squares of tiny densities would be zero.
    peak = densities.max(axis=1, keepdims=True)
    densities = densities / np.where((peak > 0) & (peak < _TINY), peak, 1)
    grid, cumulated = _cumulated(densities, grids)
    total = cumulated[:, -1]
    wanted = fractions * total
    rows = np.arange(len(grid))
    # The last point below which there is less than wanted.
    bin_ = np.clip((cumulated < wanted[:, None]).sum(axis=1) - 1, 0, grid.shape[1] - 2)
    left = wanted - cumulated[rows, bin_]
    step = grid[rows, bin_ + 1] - grid[rows, bin_]
    start, end = densities[rows, bin_], densities[rows, bin_ + 1]
    # start t + (end - start) t^2 / (2 step) = left, in the form that holds for equal ends too.
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt(np.maximum(start**2 + 2 * (end - start) * left / step, 0))
        inside = np.where(left > 0, 2 * left / (start + root), 0)
    found = grid[rows, bin_] + np.minimum(inside, step)
    allowed = (fractions >= 0) & (fractions <= 1) & (total > 0)
    return np.where(allowed, found, np.nan)


def _cumulated(densities: Floats, grids: Floats) -> tuple[Floats, Floats]:
    """Give the full grid, and the integral up to each of its points; NaN for a wrong grid."""
    points = densities.shape[1]
    grid = grids
    if grids.shape[1] == 2:
        fraction = np.linspace(0, 1, points)
        grid = grids[:, :1] * (1 - fraction) + grids[:, 1:] * fraction
    step = np.diff(grid, axis=1)
    parts = np.where(step > 0, step, np.nan) * (densities[:, :-1] + densities[:, 1:]) / 2
    start = np.zeros((len(densities), 1))
    return grid, np.concatenate([start, np.cumsum(parts, axis=1)], axis=1)


def _up_to(grid: Floats, densities: Floats, cumulated: Floats, bound: Floats) -> Floats:
    rows = np.arange(len(grid))
    inside = np.clip(bound, grid[:, 0], grid[:, -1])
    bin_ = np.clip((grid <= inside[:, None]).sum(axis=1) - 1, 0, grid.shape[1] - 2)
    start, end = densities[rows, bin_], densities[rows, bin_ + 1]
    width = grid[rows, bin_ + 1] - grid[rows, bin_]
    part = inside - grid[rows, bin_]
    slope = (end - start) / width
    value: Floats = cumulated[rows, bin_] + part * (start + slope * part / 2)
    return value


def _quotient(numerator: Floats, denominator: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(denominator != 0, numerator / denominator, np.nan)
