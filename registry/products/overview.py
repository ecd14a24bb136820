"""Products as a whole: how many of which kind, what was made of which, and what is the same."""

from __future__ import annotations

from typing import Any

from registry.model.principal import Principal
from registry.model.product import Product, ProductStatus
from registry.model.product_file import FileRole
from registry.product_types import product_types
from registry.products.access import ProductAccess
from registry.products.records import ProductStores
from registry.stores.metadata.selection import ProductFilter

__all__ = ["ProductOverview"]

_BEGUN = (ProductStatus.REGISTERING, ProductStatus.FAILED)


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

    def drafts(self, principal: Principal) -> list[Product]:
        """List what the caller has begun and not published, the newest first."""
        if principal.user is None:
            return []
        wanted = ProductFilter(
            exact={"user": principal.user},
            any_of={"status": [int(status) for status in _BEGUN]},
            ordering=("-id",),
        )
        visibility = self._access.visibility(principal)
        found = self._stores.selection.select(visibility, wanted, self._types).products
        # What a pipeline could not make is not for people to finish.
        return [product for product in found if product.origin is None]

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

    def same_file(self, principal: Principal, key: int | str) -> list[Product]:
        """List the other products whose present main file is the same, byte for byte.

        Raises
        ------
        ProductNotFound
            If the product is hidden from the caller.
        """
        product = self._access.seen(principal, key)
        files = self._stores.drafts.files(self._access.visibility(principal))
        main = [file for file in files if file.role is FileRole.MAIN]
        sums = {file.sha256 for file in main if file.product_id == product.id}
        same = {file.product_id for file in main if file.sha256 in sums} - {product.id}
        if not same:
            return []
        wanted = ProductFilter(any_of={"id": sorted(same)}, ordering=("id",))
        visibility = self._access.visibility(principal)
        return self._stores.selection.select(visibility, wanted, self._types).products
