"""The tables that a caller may query, as one immutable snapshot."""

from __future__ import annotations

import threading

from registry.model.principal import Principal
from registry.model.product import Product, ProductColumn, ProductType, ProductVersion, table_name
from registry.model.table import Position, Schema, Storage, Table, TableSet
from registry.product_types import product_types
from registry.stores.metadata.products import SqlProductStore
from registry.stores.table import HEALPIX_COLUMN, ORDER_COLUMN
from registry.tap_schema import with_tap_schema

__all__ = ["Catalogue", "published_table"]


class Catalogue:
    """Builds table sets from the published products.

    Parameters
    ----------
    products
        The metadata of products.

    Notes
    -----
    A call costs one small read, of the schema counter; the set itself is made anew only when
    the counter has moved, and then only from the versions that are new.
    """

    def __init__(self, products: SqlProductStore) -> None:
        self._products = products
        self._lock = threading.Lock()
        self._snapshot: TableSet | None = None
        self._columns: dict[tuple[int, int], tuple[ProductColumn, ...]] = {}

    def tables(self, principal: Principal) -> TableSet:  # noqa: ARG002 - rights per product come with users
        """Give what a caller may query, schemas in the order of product types.

        Parameters
        ----------
        principal
            Who asks. Every published product is public as long as there are no restricted
            releases.
        """
        version = str(self._products.schema_version())
        snapshot = self._snapshot
        if snapshot is not None and snapshot.version == version:
            return snapshot
        with self._lock:
            if self._snapshot is None or self._snapshot.version != version:
                self._snapshot = self._build(version)
            return self._snapshot

    def _build(self, version: str) -> TableSet:
        published = self._products.published()
        heads = {(p.id, p.version.number): p for p in published if p.version is not None}
        missing = [key for key in heads if key not in self._columns]
        fetched = self._products.columns(missing)
        self._columns = {
            key: self._columns[key] if key in self._columns else fetched[key[0]] for key in heads
        }
        tables: dict[str, list[Table]] = {}
        for key, product in heads.items():
            if product.version is not None:
                table = published_table(product, product.version, self._columns[key])
                tables.setdefault(product.product_type, []).append(table)
        schemas = [
            _schema(product_type, tables[product_type.name])
            for product_type in product_types()
            if product_type.name in tables
        ]
        return with_tap_schema(schemas, version)


def published_table(
    product: Product, version: ProductVersion, columns: tuple[ProductColumn, ...]
) -> Table:
    """Describe the table of one version of a product.

    Parameters
    ----------
    product, version, columns
        As the metadata store gives them.
    """
    position = None
    if version.ra is not None and version.dec is not None:
        position = Position(version.ra, version.dec, HEALPIX_COLUMN)
    return Table(
        schema_name=product.product_type,
        table_name=table_name(product.internal_name),
        columns=tuple(column.column for column in columns),
        storage=Storage(version.relation, version.table_file),
        description=version.description or product.description or product.display_name,
        title=product.display_name,
        nrows=version.n_rows,
        position=position,
        order=ORDER_COLUMN,
        product=product.internal_name,
    )


def _schema(product_type: ProductType, tables: list[Table]) -> Schema:
    return Schema(product_type.name, tuple(tables), product_type.description)
