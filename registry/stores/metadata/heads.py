"""The query for products with the heads of their current versions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, and_, func, select

from registry.model.product import ProductStatus
from registry.stores.metadata.schema import product_groups, product_versions, products

__all__ = ["BETWEEN_GROUPS", "HEADS", "PUBLISHED"]

PUBLISHED = products.c.status == int(ProductStatus.PUBLISHED)
"""What is visible through queries."""

BETWEEN_GROUPS = "\x1f"
"""Between the names of groups in one value; no name has a control character."""

_GROUPS = (
    select(func.aggregate_strings(product_groups.c.name, BETWEEN_GROUPS))
    .where(product_groups.c.product_id == products.c.id)
    .correlate(products)
    .scalar_subquery()
)

HEADS: Select[Any] = select(
    products,
    _GROUPS.label("group_names"),
    *(column.label(f"version_{column.name}") for column in product_versions.c),
).join(
    product_versions,
    and_(
        product_versions.c.product_id == products.c.id,
        product_versions.c.number == products.c.current_version,
    ),
    isouter=True,
)
"""Rows for `product_from_row`."""
