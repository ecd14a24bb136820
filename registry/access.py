"""Who may see and do what: the one place where rights are decided."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Protocol

from registry.errors import (
    LoginRequired,
    NotAllowed,
    ProductNotFound,
    ProductRefused,
    ReleaseNotFound,
)
from registry.model.principal import Principal
from registry.model.product import ProductStatus, ProductVisibility

__all__ = ["AccessPolicy", "GuardedProduct", "ReleaseAccess"]


class GuardedProduct(Protocol):
    """What rights on a product depend on."""

    @property
    def internal_name(self) -> str:
        """Name by which it is spoken of."""

    @property
    def status(self) -> ProductStatus:
        """Where it is in its life."""

    @property
    def owner(self) -> str | None:
        """Name of the user who made it."""

    @property
    def official(self) -> bool:
        """Whether it is a product of the collaboration."""

    @property
    def release(self) -> str | None:
        """Name of its data release."""

    @property
    def visibility(self) -> ProductVisibility:
        """Who may see it when it is published."""

    @property
    def groups(self) -> Set[str]:
        """Names of the groups that it is for, if it is for groups."""


@dataclass(frozen=True, slots=True)
class ReleaseAccess:
    """Who may see a release: everybody, its groups, or without groups every member."""

    name: str
    is_public: bool
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """The rights of an installation at one moment.

    Attributes
    ----------
    anonymous_read
        Whether visitors without an account may read what is public.
    releases
        The data releases by name. A product of a release that is not here is shown to those
        alone who administer it.

    Notes
    -----
    Owners see their own products, coordinators all official ones, operators everything. Others see
    what both the release of a product and its visibility let them see. What a caller may not see
    is answered as if it did not exist.
    """

    anonymous_read: bool = True
    releases: Mapping[str, ReleaseAccess] = field(default_factory=dict)

    def may_see_release(self, principal: Principal, name: str) -> bool:
        """Tell whether a caller may see a release, and published products of it."""
        release = self.releases.get(name)
        if release is None:
            return False
        if principal.operator or principal.coordinator:
            return True
        return self._opens(release, principal)

    def may_see(self, principal: Principal, product: GuardedProduct) -> bool:
        """Tell whether a caller may know of a product and read its data."""
        if principal.operator:
            return True
        if product.status is ProductStatus.DELETED:
            return False
        if _owns(principal, product) or (principal.coordinator and product.official):
            return True
        if product.status is not ProductStatus.PUBLISHED or not _is_for(principal, product):
            return False
        if product.release is None:
            return self.anonymous_read or principal.user is not None
        release = self.releases.get(product.release)
        return release is not None and self._opens(release, principal)

    def may_edit(self, principal: Principal, product: GuardedProduct) -> bool:
        """Tell whether a caller may change a product."""
        if principal.operator:
            return True
        if product.status is ProductStatus.DELETED:
            return False
        return principal.coordinator if product.official else _owns(principal, product)

    def may_delete(self, principal: Principal, product: GuardedProduct) -> bool:
        """Tell whether a caller may withdraw a product: whoever may change it."""
        return self.may_edit(principal, product)

    def may_publish_official(self, principal: Principal) -> bool:
        """Tell whether a caller may make products official."""
        return principal.operator or (principal.user is not None and principal.coordinator)

    def may_upload(self, principal: Principal) -> bool:
        """Tell whether a caller may make products: every member."""
        return principal.user is not None

    def may_use_release(self, principal: Principal, name: str) -> bool:
        """Tell whether a caller may put a new product into a release."""
        return principal.user is not None and self.may_see_release(principal, name)

    def may_run(self, principal: Principal) -> bool:
        """Tell whether a caller may start pipelines: every member."""
        return principal.user is not None

    def may_stop(self, principal: Principal, owner: str | None) -> bool:
        """Tell whether a caller may stop the process of an owner."""
        return principal.operator or (principal.user is not None and principal.user == owner)

    def require_see(
        self, principal: Principal, product: GuardedProduct, asked: str | int | None = None
    ) -> None:
        """Check that a caller may see a product.

        Parameters
        ----------
        principal
            Who asks.
        product
            What is there.
        asked
            The name or number by which the caller asked; the internal name by default.

        Raises
        ------
        ProductNotFound
            If the caller may not: with the same words as if there were no such product.
        """
        if not self.may_see(principal, product):
            raise ProductNotFound.named(product.internal_name if asked is None else asked)

    def require_edit(self, principal: Principal, product: GuardedProduct) -> None:
        """Check that a caller may change a product.

        Raises
        ------
        ProductNotFound
            If the caller may not even see it.
        LoginRequired, NotAllowed
            If the caller sees it and may not change it.
        """
        self.require_see(principal, product)
        if self.may_edit(principal, product):
            return
        _require_member(principal, "change products")
        if product.official:
            raise NotAllowed(
                f"product {product.internal_name!r} is official; only coordinators and operators "
                "may change it"
            )
        raise NotAllowed(
            f"product {product.internal_name!r} belongs to somebody else; only its owner and "
            "operators may change it"
        )

    def require_delete(self, principal: Principal, product: GuardedProduct) -> None:
        """Check that a caller may withdraw a product.

        Raises
        ------
        ProductNotFound, LoginRequired, NotAllowed
            As `require_edit`.
        """
        self.require_edit(principal, product)

    def require_upload(self, principal: Principal) -> None:
        """Check that a caller may make products.

        Raises
        ------
        LoginRequired
            If the caller is anonymous.
        """
        _require_member(principal, "publish")

    def require_publish(self, principal: Principal, *, official: bool) -> None:
        """Check that a caller may make a product, official or not.

        Raises
        ------
        LoginRequired, NotAllowed
            As `require_upload` and `require_publish_official`.
        """
        self.require_upload(principal)
        if official:
            self.require_publish_official(principal)

    def require_publish_official(self, principal: Principal) -> None:
        """Check that a caller may make products official.

        Raises
        ------
        LoginRequired, NotAllowed
            If the caller is anonymous, or neither coordinator nor operator.
        """
        _require_member(principal, "publish")
        if not self.may_publish_official(principal):
            raise NotAllowed(
                "only coordinators and operators publish official products; leave `official` out"
            )

    def require_use_release(self, principal: Principal, name: str) -> None:
        """Check that a caller may put a new product into a release.

        Raises
        ------
        LoginRequired
            If the caller is anonymous.
        ReleaseNotFound
            If there is no such release, or the caller may not see it.
        """
        _require_member(principal, "publish")
        if not self.may_see_release(principal, name):
            raise ReleaseNotFound.named(name)

    def require_visibility(
        self, principal: Principal, product: GuardedProduct, before: Set[str] = frozenset()
    ) -> None:
        """Check that a caller may let a product be seen by those whom it names.

        Parameters
        ----------
        principal
            Who asks.
        product
            As it shall be.
        before
            Names of the groups that it is for already.

        Raises
        ------
        ProductRefused
            If an official product would be hidden from all others, if groups are named for a
            product that is not for groups, or none for one that is, or if a member names a group
            of others: with the same words as if there were no such group.
        """
        if product.official and product.visibility is ProductVisibility.OWNER:
            raise ProductRefused(
                "visibility",
                "an official product cannot be for its owner alone; choose members or groups",
            )
        for_groups = product.visibility is ProductVisibility.GROUPS
        if for_groups and not product.groups:
            raise ProductRefused("groups", "name the groups that the product is for")
        if product.groups and not for_groups:
            raise ProductRefused(
                "groups",
                f"groups are named, and the visibility is {product.visibility.value!r}; choose "
                "the visibility 'groups', or name none",
            )
        if principal.operator or principal.coordinator:
            return
        for name in sorted(product.groups - before - principal.groups):
            raise ProductRefused.group(name)

    def require_run(self, principal: Principal) -> None:
        """Check that a caller may start pipelines.

        Raises
        ------
        LoginRequired
            If the caller is anonymous.
        """
        _require_member(principal, "start pipelines")

    def require_stop(self, principal: Principal, owner: str | None) -> None:
        """Check that a caller may stop the process of an owner.

        Raises
        ------
        LoginRequired, NotAllowed
            If the caller is anonymous, or neither its owner nor an operator.
        """
        _require_member(principal, "stop processes")
        if not self.may_stop(principal, owner):
            raise NotAllowed(
                "this process belongs to somebody else; only its owner and operators may stop it"
            )

    def _opens(self, release: ReleaseAccess, principal: Principal) -> bool:
        if principal.user is None:
            return release.is_public and self.anonymous_read
        return release.is_public or not release.groups or bool(release.groups & principal.groups)


def _owns(principal: Principal, product: GuardedProduct) -> bool:
    return principal.user is not None and principal.user == product.owner


def _is_for(principal: Principal, product: GuardedProduct) -> bool:
    match product.visibility:
        case ProductVisibility.RELEASE:
            return True
        case ProductVisibility.MEMBERS:
            return principal.user is not None
        case ProductVisibility.GROUPS:
            return bool(product.groups & principal.groups)
        case ProductVisibility.OWNER:
            return False


def _require_member(principal: Principal, what: str) -> None:
    if principal.user is None:
        raise LoginRequired(f"anonymous visitors may not {what}; log in first")
