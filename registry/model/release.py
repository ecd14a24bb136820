"""Data releases: what products are drawn from, and who may see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from registry.model.object_catalogue import ObjectCatalogue

__all__ = ["Release"]


@dataclass(frozen=True, slots=True)
class Release:
    """A data release.

    Attributes
    ----------
    id, name
        Number and name, both unique; products name their release.
    display_name, description
        For people.
    created
        UTC.
    indexing_column
        Column with the object identifier in the photometric catalogue of the release.
    has_mag_hats, has_flux_hats
        Which variants of its catalogue exist in HATS form: magnitudes, fluxes.
    dereddening, fluxes
        Choices of pipelines, records of ``name`` and ``display_name``; absent where unknown.
    is_public
        Whether everybody may see its products.
    catalogs
        Its object catalogues, the usual one first.
    groups
        Names of the groups whose members may, where it is not public; without any, every
        signed-in member may.
    """

    id: int
    name: str
    display_name: str
    description: str
    created: datetime
    indexing_column: str = ""
    has_mag_hats: bool = False
    has_flux_hats: bool = True
    dereddening: tuple[dict[str, Any], ...] | None = field(default=None, hash=False)
    fluxes: tuple[dict[str, Any], ...] | None = field(default=None, hash=False)
    is_public: bool = False
    groups: frozenset[str] = frozenset()
    catalogs: tuple[ObjectCatalogue, ...] = field(default=(), hash=False)
