"""Datasets: pages with which coordinators lead people to products that belong together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from registry.errors import NotAllowed, ProductNotFound, ProductRefused
from registry.model.curated_dataset import CuratedDataset, DatasetLink
from registry.model.principal import Principal
from registry.model.product import Product, slug
from registry.products.names import check_text
from registry.products.service import ProductService
from registry.stores.metadata.datasets import SqlDatasetStore
from registry.stores.metadata.selection import ProductFilter

__all__ = ["DatasetDraft", "DatasetService"]

_PRODUCTS_MAX = 500
_LINKS_MAX = 50
"""Of one page: more is a list of products with a filter."""

_URL = re.compile(r"https?://[^\s/<>\"]\S{0,1990}")

_RESERVED = ("", "new")
"""Names that are no names of pages."""


@dataclass(frozen=True, slots=True)
class DatasetDraft:
    """What a coordinator says of a dataset.

    Attributes
    ----------
    title, description
        For people; the description is Markdown.
    links
        Pairs of title and address.
    products
        Internal names or numbers.
    """

    title: str
    description: str = ""
    links: Sequence[tuple[str, str]] = ()
    products: Sequence[str] = ()


class DatasetService:
    """Shows datasets to all, with the products that each may see, and lets coordinators edit.

    Parameters
    ----------
    store
        Keeps them.
    products
        Tells which products a caller may see.
    """

    def __init__(self, store: SqlDatasetStore, products: ProductService) -> None:
        self._store = store
        self._products = products

    def datasets(self, principal: Principal) -> list[tuple[CuratedDataset, int]]:
        """List all datasets by title, each with the number of products that the caller sees."""
        found = self._store.datasets()
        seen = self._seen(principal, {number for each in found for number in each.products})
        return [(each, len(seen.keys() & set(each.products))) for each in found]

    def dataset(self, name: str) -> CuratedDataset:
        """Find a dataset.

        Raises
        ------
        DatasetNotFound
            If there is none.
        """
        return self._store.dataset(name)

    def products(self, principal: Principal, dataset: CuratedDataset) -> list[Product]:
        """List the products of a dataset that the caller may see, in its order."""
        seen = self._seen(principal, set(dataset.products))
        return [seen[number] for number in dataset.products if number in seen]

    def may_edit(self, principal: Principal) -> bool:
        """Tell whether a caller may make and change datasets: coordinators and operators."""
        return principal.user is not None and (principal.coordinator or principal.operator)

    def add(self, principal: Principal, draft: DatasetDraft) -> CuratedDataset:
        """Make a dataset; its name is made of its title.

        Raises
        ------
        NotAllowed
            If the caller may not.
        ProductRefused
            If a value cannot be taken, or the name is taken.
        """
        self._require_edit(principal)
        now = datetime.now(UTC)
        empty = CuratedDataset(slug(draft.title)[:200], "", "", (), (), None, now, now)
        if empty.name in _RESERVED:
            raise ProductRefused("title", "give a title with letters in it")
        made = self._checked(principal, empty, draft)
        self._store.add(made)
        return made

    def change(self, principal: Principal, name: str, draft: DatasetDraft) -> CuratedDataset:
        """Change a dataset; products in it that the caller may not see stay in it, at its end.

        Raises
        ------
        NotAllowed
            If the caller may not.
        DatasetNotFound
            If there is none.
        ProductRefused
            If a value cannot be taken.
        """
        self._require_edit(principal)
        changed = self._checked(principal, self._store.dataset(name), draft)
        self._store.replace(changed)
        return changed

    def remove(self, principal: Principal, name: str) -> None:
        """Remove a dataset; raises as `change`."""
        self._require_edit(principal)
        self._store.remove(name)

    def _require_edit(self, principal: Principal) -> None:
        if not self.may_edit(principal):
            raise NotAllowed("only coordinators and operators make and change datasets")

    def _checked(
        self, principal: Principal, before: CuratedDataset, draft: DatasetDraft
    ) -> CuratedDataset:
        title = check_text("title", draft.title.strip(), 255)
        if not title:
            raise ProductRefused("title", "give a title")
        numbers = self._numbers(principal, draft.products)
        seen = self._seen(principal, set(before.products))
        hidden = [number for number in before.products if number not in seen]
        return replace(
            before,
            title=title,
            description=check_text("description", draft.description, 100_000, lines=True),
            links=_links(draft.links),
            products=tuple(dict.fromkeys((*numbers, *hidden))),
            editor=principal.user,
        )

    def _numbers(self, principal: Principal, keys: Sequence[str]) -> list[int]:
        if len(keys) > _PRODUCTS_MAX:
            raise ProductRefused("products", f"name at most {_PRODUCTS_MAX} products")
        found = []
        for text in keys:
            key = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else text
            try:
                found.append(self._products.product(principal, key).id)
            except ProductNotFound as error:
                raise ProductRefused("products", str(error)[:300]) from error
        return found

    def _seen(self, principal: Principal, numbers: set[int]) -> dict[int, Product]:
        if not numbers:
            return {}
        wanted = ProductFilter(any_of={"id": sorted(numbers)})
        return {each.id: each for each in self._products.select(principal, wanted).products}


def _links(pairs: Sequence[tuple[str, str]]) -> tuple[DatasetLink, ...]:
    if len(pairs) > _LINKS_MAX:
        raise ProductRefused("links", f"give at most {_LINKS_MAX} links")
    links = []
    for title, url in pairs:
        if not _URL.fullmatch(url):
            raise ProductRefused("links", f"{url[:100]!r} is no address of the web")
        links.append(DatasetLink(check_text("links", title.strip(), 255) or url, url))
    return tuple(links)
