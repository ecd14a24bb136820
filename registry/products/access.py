"""Products as a caller may see and change them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from registry.access import AccessPolicy
from registry.model.principal import Principal
from registry.model.product import Product, ProductStatus
from registry.model.product_file import FileRole, ProductFile
from registry.model.provenance import Provenance, ProvenanceInput
from registry.products.records import ProductStores
from registry.stores.metadata.selection import Visibility

__all__ = ["ProductAccess"]


class ProductAccess:
    """Finds products for a caller, and checks what the caller may do.

    Parameters
    ----------
    stores
        Of the installation.
    policy
        Gives the rights of the moment.
    """

    def __init__(self, stores: ProductStores, policy: Callable[[], AccessPolicy]) -> None:
        self._stores = stores
        self.policy = policy

    def seen(self, principal: Principal, key: int | str) -> Product:
        """Find a product.

        Parameters
        ----------
        principal
            Who asks.
        key
            Id or internal name.

        Raises
        ------
        ProductNotFound
            If there is none, or the caller may not see it.
        """
        product = self._stores.drafts.product(key)
        self.policy().require_see(principal, product, key)
        return product

    def edited(self, principal: Principal, key: int | str) -> Product:
        """Find a product that the caller wants to change.

        Raises
        ------
        ProductNotFound
            If there is none, or the caller may not see it.
        LoginRequired, NotAllowed
            If the caller may not change it.
        """
        product = self.seen(principal, key)
        self.policy().require_edit(principal, product)
        return product

    def visibility(self, principal: Principal) -> Visibility:
        """Say in general what a caller may know of."""
        policy = self.policy()
        if principal.operator:
            return Visibility(everything=True)
        member = principal.user is not None
        # Coordinators see every release, but no more of its products than other members.
        plain = replace(principal, coordinator=False)
        return Visibility(
            user=principal.user,
            coordinator=member and principal.coordinator,
            unreleased=member or policy.anonymous_read,
            releases=frozenset(
                name for name in policy.releases if policy.may_see_release(plain, name)
            ),
            groups=principal.groups,
        )

    def known(self, principal: Principal, made: Provenance | None) -> Provenance | None:
        """Take number and name from the inputs of a product that a caller may not know of.

        Parameters
        ----------
        principal
            Who asks.
        made
            How the product was made. What was deleted since counts as when it was there.
        """
        if made is None:
            return None
        policy = self.policy()
        found = self._stores.drafts.products(each.product_id for each in made.inputs)
        seen = {
            number
            for number, product in found.items()
            if policy.may_see(principal, replace(product, status=ProductStatus.PUBLISHED))
        }
        unnamed = ProvenanceInput(0, "")
        inputs = tuple(each if each.product_id in seen else unnamed for each in made.inputs)
        return replace(made, inputs=inputs)

    def working(self, principal: Principal, files: Iterable[ProductFile]) -> list[ProductFile]:
        """Leave out the main files that a caller has nothing to do with.

        Parameters
        ----------
        principal
            Who asks.
        files
            Of products that the caller may see.

        Returns
        -------
        list
            In the same order: one main file for each product, which is the published one, or
            for those who may change the product the one that is to be published.
        """
        listed = list(files)
        products = self._stores.drafts.products(file.product_id for file in listed)
        # Operators know of deleted products, but lists are of what there is.
        given = [
            file for file in listed if products[file.product_id].status is not ProductStatus.DELETED
        ]
        policy = self.policy()
        pending = {
            file.product_id
            for file in given
            if file.role is FileRole.MAIN
            and file.version is None
            and policy.may_edit(principal, products[file.product_id])
        }
        return [
            file
            for file in given
            if file.role is not FileRole.MAIN
            or (
                file.version is None
                if file.product_id in pending
                else file.version is not None and file.version == products[file.product_id].edition
            )
        ]

    def main_file(self, product: Product) -> ProductFile | None:
        """Find the main file that stands for a product: the published one, if there is one."""
        files = self._stores.drafts.files_of(product.id)
        wanted = product.edition if product.status is ProductStatus.PUBLISHED else None
        mains = [file for file in files if file.role is FileRole.MAIN and file.version == wanted]
        if product.status is ProductStatus.PUBLISHED and wanted is None:
            return None
        return mains[0] if mains else None

    def pending_file(self, product: Product) -> ProductFile | None:
        """Find the main file that waits for publication."""
        for file in self._stores.drafts.files_of(product.id):
            if file.role is FileRole.MAIN and file.version is None:
                return file
        return None
