"""Views of product types and releases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from flask import Response

from registry.model.product import find_type
from registry.product_types import product_types
from registry.releases import ReleaseService
from vo_service.api.blueprint.answers import answer
from vo_service.api.blueprint.bodies import arguments
from vo_service.api.blueprint.guard import Guard
from vo_service.api.errors import NotFound
from vo_service.api.lists import Filter, ListRules, select
from vo_service.api.models.base import Page
from vo_service.api.models.listings import ProductTypeAnswer, ReleaseAnswer, Root
from vo_service.api.operation import Access, operation
from vo_service.api.presentation import product_type_answer, release_answer

__all__ = ["ListingViews"]

_FILTERS = (Filter("id", "NumberFilter"), Filter("name"))

_TYPES = ListRules(
    _FILTERS,
    ("display_name", "description"),
    ("id", "name", "display_name", "order", "description"),
    title="Product Type List",
)

_RELEASES = ListRules(
    _FILTERS,
    ("display_name", "description"),
    ("id", "name", "display_name", "created_at"),
    "-created_at",
    "Release List",
)

_LISTS = (
    "users", "releases", "product-types", "products", "products-specz", "product-contents",
    "product-files", "pipelines", "processes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ListingViews:
    """Views of what products are sorted by, and of the root."""

    tag: ClassVar[str] = "listings"
    releases: ReleaseService
    guard: Guard
    api_url: str

    @operation("GET", "/", "List the lists.", access=Access.READER, answer=Root)
    def show_root(self) -> Response:
        """Give the URLs of the lists."""
        return answer(Root({name: f"{self.api_url}{name}/" for name in _LISTS}))

    @operation(
        "GET", "/product-types/", "List the product types.",
        access=Access.READER, answer=Page[ProductTypeAnswer], rules=_TYPES, errors=(400, 404),
    )  # fmt: skip
    def list_product_types(self) -> Response:
        """List the types that products can have."""
        asked = dict(arguments())
        # Clients of older servers call types by older names.
        known = find_type(product_types(), asked.get("name", ""))
        if known is not None:
            asked["name"] = known.name
        return answer(
            select(_TYPES, [product_type_answer(each) for each in product_types()], asked)
        )

    @operation(
        "GET", "/product-types/<int:type_id>/", "Show a product type.",
        access=Access.READER, answer=ProductTypeAnswer, errors=(404,),
    )  # fmt: skip
    def show_product_type(self, type_id: int) -> Response:
        """Show a type."""
        for known in product_types():
            if known.id == type_id:
                return answer(product_type_answer(known))
        raise NotFound("No ProductType matches the given query.")

    @operation(
        "GET", "/releases/", "List the data releases.",
        access=Access.READER, answer=Page[ReleaseAnswer], rules=_RELEASES, errors=(400, 404),
    )  # fmt: skip
    def list_releases(self) -> Response:
        """List the releases that the caller may see."""
        found = self.releases.releases(self.guard.principal())
        return answer(
            select(_RELEASES, [release_answer(release) for release in found], arguments())
        )

    @operation(
        "GET", "/releases/<int:release_id>/", "Show a data release.",
        access=Access.READER, answer=ReleaseAnswer, errors=(404,),
    )  # fmt: skip
    def show_release(self, release_id: int) -> Response:
        """Show a release that the caller may see."""
        release = self.releases.release(self.guard.principal(), release_id)
        return answer(release_answer(release))
