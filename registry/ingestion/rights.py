"""Who may publish, replace and withdraw products."""

from __future__ import annotations

from registry.errors import NotAllowed
from registry.ingestion.plan import PublishRequest
from registry.model.principal import Principal
from registry.model.product import Product

__all__ = ["may_change", "may_publish"]


def may_publish(principal: Principal, request: PublishRequest) -> None:
    """Check that a caller may publish what is asked for.

    Raises
    ------
    NotAllowed
        If the caller is anonymous, or no operator and the product is to be official.
    """
    if principal.user is None:
        raise NotAllowed("anonymous visitors may not publish; log in first")
    if request.official and not principal.operator:
        raise NotAllowed("only operators publish official products; leave `official` out")


def may_change(principal: Principal, product: Product) -> None:
    """Check that a caller may replace or withdraw a product.

    Raises
    ------
    NotAllowed
        If the caller is neither its owner nor an operator.
    """
    if principal.operator or (principal.user is not None and principal.user == product.owner):
        return
    raise NotAllowed(
        f"product {product.internal_name!r} belongs to somebody else; only its owner and "
        "operators may change it"
    )
