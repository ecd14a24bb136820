"""Documents about what products are sorted by: types and releases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import RootModel

from vo_service.api.models.base import Answer

__all__ = ["ProductTypeAnswer", "ReleaseAnswer", "Root"]


class ProductTypeAnswer(Answer):
    """A kind of product; types come with the installation, so that nothing says when."""

    id: int
    name: str
    display_name: str
    order: int
    description: str | None
    created_at: datetime | None = None


class ReleaseAnswer(Answer):
    """A data release; `access_groups` are the names of the groups whose members may use it."""

    id: int
    name: str
    display_name: str
    description: str | None
    created_at: datetime
    indexing_column: str | None
    has_mag_hats: bool
    has_flux_hats: bool
    dereddening: list[dict[str, Any]] | None
    fluxes: list[dict[str, Any]] | None
    is_public: bool
    access_groups: list[str]


class Root(RootModel[dict[str, str]]):
    """Absolute URLs of the lists, by their names."""
