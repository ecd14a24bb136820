"""Ensembles of probability densities as qp writes them: ``meta``, ``data`` and ``ancil``.

The values of each object become a column of arrays, and what they share (the kind of density,
the grid of redshifts) goes into its description.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.formats.readers.hdf5_column import Hdf5Column, to_arrow

if TYPE_CHECKING:
    import h5py

__all__ = ["ensemble_columns", "is_ensemble"]

_GRIDS = ("xvals", "bins", "quants")
"""Names of the shared grid, by kind: interpolated, histogram, quantiles."""

_MAX_WRITTEN = 2_000
"""Values of a grid that are written out when its steps are not equal."""


def is_ensemble(members: Mapping[str, Any]) -> bool:
    """Tell whether a group has the parts of an ensemble."""
    return (
        {"meta", "data"} <= members.keys()
        and members.keys() <= {"meta", "data", "ancil"}
        and all(hasattr(member, "keys") for member in members.values())
    )


def ensemble_columns(
    columns: list[Hdf5Column], densities: set[str], meta: Mapping[str, h5py.Dataset]
) -> None:
    """Describe the columns of densities.

    Parameters
    ----------
    columns
        Of the ensemble; changed in place.
    densities
        Names of those from ``data``.
    meta
        The shared datasets, all checked.
    """
    said = [_kind(meta), *(_grid(name, meta[name]) for name in _GRIDS if name in meta)]
    description = "; ".join(text for text in said if text)
    for index, column in enumerate(columns):
        if column.name in densities:
            columns[index] = replace(column, description=f"{column.name} of {description}")


def _kind(meta: Mapping[str, h5py.Dataset]) -> str:
    if "pdf_name" not in meta:
        return "a qp ensemble"
    names = to_arrow(np.atleast_1d(meta["pdf_name"][()]).reshape(-1)).to_pylist()
    return f"a qp ensemble of kind {names[0]}" if names else "a qp ensemble"


def _grid(name: str, dataset: h5py.Dataset) -> str:
    values = np.atleast_1d(dataset[()]).reshape(-1)
    if values.dtype.kind != "f" or len(values) < 2:
        return ""
    first, last, count = float(values[0]), float(values[-1]), len(values)
    even = np.linspace(first, last, count)
    if np.allclose(values, even, rtol=0, atol=1e-6 * abs(last - first)):
        return f"{name}: {count} values from {first:.12g} to {last:.12g} in equal steps"
    written = " ".join(f"{value:.9g}" for value in values[:_MAX_WRITTEN])
    return f"{name}: {count} values {written}{' ...' if count > _MAX_WRITTEN else ''}"
