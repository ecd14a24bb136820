"""The tables that a caller may query, as one immutable snapshot."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from registry.access import AccessPolicy
from registry.maps.folder import MapFacts
from registry.model.dataset import DatasetIds
from registry.model.principal import ANONYMOUS, Principal
from registry.model.product import Product, ProductColumn, ProductType, ProductVersion, table_name
from registry.model.table import Position, Schema, Storage, Table, TableSet
from registry.obscore import ObservationTable
from registry.product_tables import ListedProduct, product_tables
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
    policy
        Gives the rights of the moment.
    ids
        How products are identified in the VO.
    base_url
        Public URL above all services, without trailing slash.
    maps
        Says what maps there are of a relation.

    Notes
    -----
    A call costs one small read, of the schema counter, which moves with every change of
    products, releases and groups. Sets are made anew only when it has moved, and then only
    from the versions that are new; callers who may see the same products share one set.
    """

    def __init__(
        self,
        products: SqlProductStore,
        policy: Callable[[], AccessPolicy] = AccessPolicy,
        ids: DatasetIds = DatasetIds(),  # noqa: B008 - immutable
        base_url: str = "",
        maps: Callable[[str], MapFacts | None] = lambda _: None,
    ) -> None:
        self._observations = ObservationTable(ids, base_url, maps)
        self._ids = ids
        self._products = products
        self._policy = policy
        self._lock = threading.Lock()
        self._state = _State("", self._observations, ids=ids)

    def tables(self, principal: Principal) -> TableSet:
        """Give what a caller may query, schemas in the order of product types.

        Parameters
        ----------
        principal
            Who asks; tables of products that are hidden from the caller do not exist.
        """
        version = str(self._products.schema_version())
        state = self._state
        if state.version == version:
            known = state.by_principal.get(principal)
            if known is not None:
                return known
        with self._lock:
            if self._state.version != version:
                self._state = self._read(version)
            return self._state.tables(principal)

    def products(self, principal: Principal) -> list[Product]:
        """List the published products that a caller may see, those without a table among them."""
        self.tables(principal)
        state = self._state
        return [p for p in state.products if state.policy.may_see(principal, p)]

    def _read(self, version: str) -> _State:
        policy = self._policy()
        published = self._products.published()
        heads = {_key(p, p.version): p for p in published if p.version is not None}
        before = self._state.columns
        fetched = self._products.columns(key[:2] for key in heads if key not in before)
        columns = {key: before[key] if key in before else fetched[key[0]] for key in heads}
        return _State(version, self._observations, policy, tuple(published), columns, ids=self._ids)


_CALLERS = 512
"""Callers whose table sets are found at once; more than use a service at one moment."""

_SETS = 64
"""Different table sets in memory; each costs some hundred bytes per table and column."""

_Key = tuple[int, int, int]


@dataclass(slots=True)
class _State:
    """The published products at one value of the schema counter, and the sets made of them."""

    version: str
    observations: ObservationTable
    policy: AccessPolicy = field(default_factory=AccessPolicy)
    products: tuple[Product, ...] = ()
    columns: dict[_Key, tuple[ProductColumn, ...]] = field(default_factory=dict)
    ids: DatasetIds = field(default_factory=DatasetIds)
    by_principal: dict[Principal, TableSet] = field(default_factory=dict)
    by_products: dict[tuple[int, ...], TableSet] = field(default_factory=dict)

    def tables(self, principal: Principal) -> TableSet:
        """Give the set of a caller; not safe for several threads."""
        if principal in self.by_principal:
            return self.by_principal[principal]
        seen = [p for p in self.products if self.policy.may_see(principal, p)]
        key = tuple(product.id for product in seen)
        if key not in self.by_products:
            if len(self.by_products) >= _SETS:
                # In the order of insertion; a reader may hold the old dictionary.
                self.by_products.pop(next(iter(self.by_products)))
            self.by_products[key] = self._made(seen)
        made = self.by_products[key]
        if len(self.by_principal) >= _CALLERS:
            self.by_principal = {}
        self.by_principal[principal] = made
        return made

    def _made(self, seen: Sequence[Product]) -> TableSet:
        tables: dict[str, list[Table]] = {}
        listed = []
        for product in seen:
            columns: tuple[ProductColumn, ...] = ()
            if product.version is not None:
                columns = self.columns[_key(product, product.version)]
                table = published_table(product, product.version, columns)
                tables.setdefault(product.product_type, []).append(table)
            listed.append(ListedProduct(product, columns))
        schemas = [
            _schema(product_type, tables[product_type.name])
            for product_type in product_types()
            if product_type.name in tables
        ]
        version = self.version
        if len(seen) < len(self.products):
            ids = ",".join(str(product.id) for product in seen)
            version += f"-{hashlib.sha256(ids.encode()).hexdigest()[:16]}"
        described, contents = product_tables(listed, self.ids)
        observed, rows = self.observations.made(
            listed, lambda product: self.policy.may_see(ANONYMOUS, product)
        )
        return with_tap_schema([*schemas, described, observed], version, contents | rows)


def _key(product: Product, version: ProductVersion) -> _Key:
    return product.id, version.number, version.annotation


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
        coverage=version.coverage,
    )


def _schema(product_type: ProductType, tables: list[Table]) -> Schema:
    return Schema(product_type.name, tuple(tables), product_type.description)
