"""Ensembles of probability densities as qp writes them: ``meta``, ``data`` and ``ancil``.

The values of each object become a column of arrays, and what they share (the kind of density,
the grid of redshifts) goes into its description.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from registry.formats.readers.hdf5_column import to_arrow

__all__ = ["ensemble_description", "is_ensemble"]

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


def ensemble_description(meta: Mapping[str, Any]) -> str:
    """Say what the densities of an ensemble share.

    Parameters
    ----------
    meta
        The shared arrays, or datasets that are all checked, by name.
    """
    said = [_kind(meta), *(_grid(name, meta[name]) for name in _GRIDS if name in meta)]
    return "; ".join(text for text in said if text)


def _kind(meta: Mapping[str, Any]) -> str:
    if "pdf_name" not in meta:
        return "a qp ensemble"
    names = to_arrow(np.atleast_1d(meta["pdf_name"][()]).reshape(-1)).to_pylist()
    return f"a qp ensemble of kind {names[0]}" if names else "a qp ensemble"


def _grid(name: str, shared: object) -> str:
    values = np.atleast_1d(np.asarray(shared)).reshape(-1)
    if values.dtype.kind != "f" or len(values) < 2:
        return ""
    first, last, count = float(values[0]), float(values[-1]), len(values)
    even = np.linspace(first, last, count)
    if np.allclose(values, even, rtol=0, atol=1e-6 * abs(last - first)):
        return f"{name}: {count} values from {first:.12g} to {last:.12g} in equal steps"
    written = " ".join(f"{value:.9g}" for value in values[:_MAX_WRITTEN])
    return f"{name}: {count} values {written}{' ...' if count > _MAX_WRITTEN else ''}"
