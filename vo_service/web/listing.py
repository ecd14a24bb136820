"""Lists of products: which part is asked for, and what else could be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from registry.model.principal import Principal
from registry.model.product import Product, ProductStatus
from registry.products.service import ProductService
from registry.stores.metadata.selection import ProductFilter

__all__ = ["FACETS", "PAGE_ROWS", "SCOPES", "Facet", "FacetValue", "ListRequest", "Listing"]

PAGE_ROWS = 25
"""Products of a page, as in the Photo-z Server's lists."""

SCOPES = ("all", "official", "users", "mine")
"""Parts of the list that have a tab of their own."""

FACETS = {"type": "product_type", "release": "release", "owner": "user", "status": "status"}
"""Fields of products by the names that the address of a list gives them."""

_ORDERS = ("display_name", "product_type", "created_at")
_FACET_VALUES = 30
_WORDS_MAX = 20
_PAGE_MAX = 10**6


@dataclass(frozen=True, slots=True)
class ListRequest:
    """What the address of a list asks for; what cannot be is left out, never an error.

    Attributes
    ----------
    scope
        One of `SCOPES`.
    words
        What is searched for.
    chosen
        Values by the names of `FACETS`.
    order
        Field, descending behind a minus.
    page
        From 1.
    """

    scope: str = "all"
    words: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)
    order: str = "-created_at"
    page: int = 1

    @classmethod
    def parse(cls, arguments: Mapping[str, str]) -> ListRequest:
        """Read the query string."""
        scope = arguments.get("scope", "")
        order = arguments.get("sort", "")
        page = arguments.get("page", "")
        words = " ".join(arguments.get("q", "").split()[:_WORDS_MAX])
        return cls(
            scope if scope in SCOPES else "all",
            words,
            {name: arguments[name] for name in FACETS if arguments.get(name)},
            order if order.removeprefix("-") in _ORDERS else "-created_at",
            min(max(1, int(page)), _PAGE_MAX) if page.isascii() and page.isdigit() else 1,
        )

    def address(self, **changes: str | int | None) -> dict[str, str]:
        """Give the arguments of the same list with something changed; page 1 unless said."""
        found: dict[str, str | int | None] = {
            "scope": None if self.scope == "all" else self.scope,
            "q": self.words,
            **self.chosen,
            "sort": None if self.order == "-created_at" else self.order,
            **changes,
        }
        return {name: str(value) for name, value in found.items() if value not in (None, "")}


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value by which a list can be thinned out.

    Attributes
    ----------
    value
        As the address says it.
    count
        Products that have it, among those that the other conditions leave.
    """

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Facet:
    """A field by which a list can be thinned out.

    Attributes
    ----------
    name
        One of `FACETS`.
    values
        The most frequent ones.
    chosen
        The value that is asked for.
    """

    name: str
    values: tuple[FacetValue, ...]
    chosen: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """A part of the list of products.

    Attributes
    ----------
    request
        What was asked for.
    count
        Products of the whole list.
    products
        Those of the page.
    facets
        What else could be asked for.
    """

    request: ListRequest
    count: int
    products: Sequence[Product]
    facets: tuple[Facet, ...]

    @property
    def pages(self) -> int:
        """Number of pages, at least one."""
        return max(1, -(-self.count // PAGE_ROWS))

    @classmethod
    def read(cls, products: ProductService, principal: Principal, asked: ListRequest) -> Listing:
        """Ask the service for a part of the list.

        Parameters
        ----------
        products
            The service.
        principal
            Who looks.
        asked
            What the address says.
        """
        wanted = _filter(principal, asked)
        page = replace(wanted, limit=PAGE_ROWS, offset=(asked.page - 1) * PAGE_ROWS)
        selection = products.select(principal, page)
        facets = tuple(_facet(products, principal, wanted, name, asked) for name in FACETS)
        return cls(asked, selection.count, selection.products, facets)


def _filter(principal: Principal, asked: ListRequest) -> ProductFilter:
    exact: dict[str, object] = {}
    if asked.scope in ("official", "users"):
        exact["official_product"] = asked.scope == "official"
    for name, value in asked.chosen.items():
        exact[FACETS[name]] = _status(value) if name == "status" else value
    if asked.scope == "mine":
        # Nobody's own list is empty: no user has this name.
        exact["user"] = principal.user or ""
    elif "status" not in exact:
        exact["status"] = int(ProductStatus.PUBLISHED)
    # Names need not be unique: the id keeps pages apart.
    return ProductFilter(exact=exact, search=asked.words or None, ordering=(asked.order, "-id"))


def _status(word: str) -> int:
    found = {status.name.lower(): int(status) for status in ProductStatus}
    found.pop("deleted")
    return found.get(word, -1)


def _facet(
    products: ProductService,
    principal: Principal,
    wanted: ProductFilter,
    name: str,
    asked: ListRequest,
) -> Facet:
    counts = products.overview.counts(principal, wanted, FACETS[name])
    words = {int(status): status.name.lower() for status in ProductStatus}
    named = [
        FacetValue(words[value] if name == "status" else str(value), count)
        for value, count in counts.items()
        if value is not None
    ]
    named.sort(key=lambda each: (-each.count, each.value))
    return Facet(name, tuple(named[:_FACET_VALUES]), asked.chosen.get(name))
