"""The products around a product, as far as a visitor may know of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from registry.errors import ProductNotFound
from registry.model.principal import Principal
from registry.model.product import Product
from registry.products.service import ProductService
from vo_service.web.charts.lineage import Lineage

__all__ = ["Relatives", "relatives_of"]

_GENERATIONS = 4
"""Steps that are followed in either direction."""

_PRODUCTS_MAX = 40
"""Boxes of a drawing that can still be read; each is a small query."""


@dataclass(frozen=True, slots=True)
class Relatives:
    """A drawing and what it shows.

    Attributes
    ----------
    drawing
        Its boxes have the numbers of the products.
    products
        By number.
    complete
        Whether all relatives are there.
    """

    drawing: Lineage
    products: dict[int, Product]
    complete: bool


def relatives_of(
    products: ProductService, principal: Principal, product: Product
) -> Relatives | None:
    """Find what a product was made from and what was made of it, several steps away.

    Parameters
    ----------
    products
        Shows products and how they were made.
    principal
        Who looks: what is hidden from them ends a branch.
    product
        That the caller sees.

    Returns
    -------
    Relatives or None
        Nothing for a product without any.
    """

    def inputs(of: Product) -> list[Product]:
        made = products.provenance(principal, of.id)
        found = []
        for each in () if made is None else made.inputs:
            try:
                found.append(products.product(principal, each.product_id))
            except ProductNotFound:
                continue
        return found

    search = _Search({product.id: product}, {product.id: 0})
    search.follow(product, -1, inputs)
    search.follow(product, 1, lambda of: products.overview.made_from(principal, of.id))
    if len(search.found) == 1:
        return None
    drawing = Lineage.of(search.generations, search.uses)
    return Relatives(drawing, search.found, search.complete)


class _Search:
    def __init__(self, found: dict[int, Product], generations: dict[int, int]) -> None:
        self.found = found
        self.generations = generations
        self.uses: list[tuple[int, int]] = []
        self.complete = True

    def follow(
        self, start: Product, step: int, neighbours: Callable[[Product], Iterable[Product]]
    ) -> None:
        """Go in one direction, each generation after the other."""
        front = [start]
        for generation in range(step, step * (_GENERATIONS + 1), step):
            reached = []
            for each in front:
                reached += self._add(each, neighbours(each), generation, step)
            front = reached
        self.complete = self.complete and not front

    def _add(
        self, each: Product, others: Iterable[Product], generation: int, step: int
    ) -> list[Product]:
        new = []
        for other in others:
            if other.id not in self.found:
                if len(self.found) >= _PRODUCTS_MAX:
                    self.complete = False
                    continue
                self.found[other.id] = other
                self.generations[other.id] = generation
                new.append(other)
            pair = (other.id, each.id) if step < 0 else (each.id, other.id)
            self.uses.append(pair)
        return new
