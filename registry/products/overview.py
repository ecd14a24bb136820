"""Products as a whole: how many there are of which kind, and what was made of which."""

from __future__ import annotations

from typing import Any

from registry.model.principal import Principal
from registry.model.product import Product
from registry.product_types import product_types
from registry.products.access import ProductAccess
from registry.products.records import ProductStores
from registry.stores.metadata.selection import ProductFilter

__all__ = ["ProductOverview"]


class ProductOverview:
    """Looks at all products that a caller may see.

    Parameters
    ----------
    stores
        Of the installation.
    access
        Tells what callers may see.
    """

    def __init__(self, stores: ProductStores, access: ProductAccess) -> None:
        self._stores = stores
        self._access = access
        self._types = {known.name: known.display_name for known in product_types()}

    def counts(self, principal: Principal, wanted: ProductFilter, field: str) -> dict[Any, int]:
        """Count products by the values of one field.

        Parameters
        ----------
        principal
            Who asks.
        wanted
            Which; a condition on the field itself does not count.
        field
            Such as ``product_type``, ``release``, ``user``, ``status`` or ``official_product``.

        Raises
        ------
        ValueError
            If a field does not exist.
        """
        visibility = self._access.visibility(principal)
        return self._stores.selection.counts(visibility, wanted, self._types, field)

    def made_from(self, principal: Principal, key: int | str) -> list[Product]:
        """List the products that were made from a product, the oldest first.

        Raises
        ------
        ProductNotFound
            If there is no such product for the caller.
        """
        product = self._access.seen(principal, key)
        numbers = self._stores.provenance.used_by(product.id)
        if not numbers:
            return []
        wanted = ProductFilter(any_of={"id": numbers}, ordering=("id",))
        visibility = self._access.visibility(principal)
        return self._stores.selection.select(visibility, wanted, self._types).products
