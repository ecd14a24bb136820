"""The product types of this installation, from `config/product_types.toml`."""

from __future__ import annotations

from functools import cache

from registry.errors import AnnotationRejected
from registry.model.product import ProductType, find_type
from registry.resources import load_toml

__all__ = ["product_type_named", "product_types"]


@cache
def product_types() -> tuple[ProductType, ...]:
    """Load the product types, in display order."""
    entries = load_toml("product_types.toml")["type"]
    types = [
        ProductType(
            **{
                **entry,
                "mandatory": tuple(entry["mandatory"]),
                "synonyms": tuple(entry["synonyms"]),
            }
        )
        for entry in entries
    ]
    return tuple(sorted(types, key=lambda product_type: product_type.order))


def product_type_named(name: str) -> ProductType:
    """Find a product type by its name, display name or an older name, in any case.

    Raises
    ------
    AnnotationRejected
        If there is none; the message lists the types.
    """
    found = find_type(product_types(), name)
    if found is None:
        known = ", ".join(product_type.name for product_type in product_types())
        problem = f"product type {name!r} does not exist; the types are {known}"
        raise AnnotationRejected([problem])
    return found
