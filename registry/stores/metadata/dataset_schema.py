"""Table of the datasets of coordinators."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Integer, String, Table, Text

from registry.stores.metadata.schema import METADATA, UtcDateTime

__all__ = ["datasets"]

_ID = BigInteger().with_variant(Integer(), "sqlite")

datasets = Table(
    "datasets",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("title", String(255), nullable=False),
    Column("description", Text, nullable=False),
    Column("links", JSON, nullable=False),
    Column("products", JSON, nullable=False),
    Column("editor", String(150)),
    Column("created", UtcDateTime, nullable=False),
    Column("updated", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)
"""One row per dataset. `links` has pairs of title and address, `products` numbers, which are unique
for ever: a dataset belongs to no product, and is carried by no manifest of one."""
