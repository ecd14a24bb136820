"""The query for products with the heads of their current versions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, and_, select

from registry.model.product import ProductStatus
from registry.stores.metadata.schema import product_versions, products

__all__ = ["HEADS", "PUBLISHED"]

PUBLISHED = products.c.status == int(ProductStatus.PUBLISHED)
"""What is visible through queries."""

HEADS: Select[Any] = select(
    products,
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
