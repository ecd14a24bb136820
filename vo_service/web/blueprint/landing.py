"""The page at the root."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response

from registry.model.product import ProductStatus
from registry.products.service import ProductService
from registry.stores.metadata.selection import ProductFilter
from vo_service.api.processes import ProcessService
from vo_service.web.shell import Shell

__all__ = ["LandingViews"]

_NEWEST = 5


@dataclass(frozen=True, slots=True)
class LandingViews:
    """View of the root."""

    products: ProductService
    processes: ProcessService
    shell: Shell

    def install(self, blueprint: Blueprint) -> None:
        """Add the route."""
        blueprint.get("/")(self.show_landing)

    def show_landing(self) -> Response:
        """Show what there is, what is new, and how to connect."""
        principal = self.shell.principal()
        published = ProductFilter(
            exact={"status": int(ProductStatus.PUBLISHED)},
            ordering=("-created_at", "-id"),
            limit=_NEWEST,
        )
        counts = self.products.overview.counts(principal, published, "official_product")
        return self.shell.render(
            "landing.html",
            newest=self.products.select(principal, published).products,
            official=counts.get(True, 0),
            users=counts.get(False, 0),
            pipelines=len(self.processes.pipelines()),
        )
