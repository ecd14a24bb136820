"""A product service over a folder of its own, and what a client would do with it."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from registry.access import AccessPolicy, ReleaseAccess
from registry.catalogue import Catalogue
from registry.ingestion.service import PublishService
from registry.model.principal import Principal
from registry.model.product_file import FileRole
from registry.products.outputs import OutputService
from registry.products.records import ProductDraft, ProductLimits, ProductStores
from registry.products.service import ProductService
from registry.stores.files import FileStore
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.sweep import sweep_staging
from vo_service.engines.duckdb.store import DuckdbTableStore

ADA = Principal("ada")
BOB = Principal("bob")
CARL = Principal("carl", coordinator=True)
DR1 = ReleaseAccess("dr1", is_public=True)
SECRET = ReleaseAccess("secret", is_public=False, groups=frozenset({"team"}))
POLICY = AccessPolicy(anonymous_read=True, releases={"dr1": DR1, "secret": SECRET})
REDSHIFTS = "id,ra,dec,z,name\n1,10.5,-20.25,0.1,a\n2,11.5,-21.25,0.25,b\n3,12.5,,0.5,\n"


_TELLING = ("manifest.json", "identity.json", "releases.json")


@dataclass
class Shelf:
    """Everything over one home folder."""

    home: Path
    url: str | None = None
    limits: ProductLimits = field(default_factory=ProductLimits)
    policy: AccessPolicy = POLICY

    def __post_init__(self):
        self.database = (
            MetadataDatabase(self.url) if self.url else MetadataDatabase.in_folder(self.home)
        )
        self.database.prepare()
        self.files = FileStore(self.home)
        self.tables = DuckdbTableStore(self.home / "tables")
        self.stores = ProductStores.over(self.database, self.files)
        self.publishing = PublishService(
            self.stores.products, self.files, self.tables, policy=lambda: self.policy
        )
        self.service = ProductService(
            self.stores, self.publishing.publisher, lambda: self.policy, self.limits
        )
        self.outputs = OutputService(self.stores, self.publishing.publisher, lambda: self.policy)
        self.catalogue = Catalogue(self.stores.products, lambda: self.policy)

    def close(self):
        self.database.close()

    def draft(self, who=ADA, product_type="redshift_catalog", name="A set", **said):
        return self.service.create(who, ProductDraft(name, product_type, **said))

    def add(self, product, content, name="data.csv", role=FileRole.MAIN, who=ADA):
        data = content if isinstance(content, bytes) else content.encode()
        return self.service.files.add(who, product.id, role, name, None, io.BytesIO(data))

    def associate(self, product, who=ADA, **aliases):
        for content in self.service.contents.select(who, product.id):
            if content.column_name in aliases:
                alias = aliases[content.column_name]
                self.service.contents.update(who, content.id, {"alias": alias})

    def published(self, who=ADA, content=REDSHIFTS, name="data.csv", **said):
        product = self.draft(who, **said)
        self.add(product, content, name, who=who)
        self.service.register(who, product.id)
        self.associate(product, who, ra="RA", dec="Dec", z="z")
        return self.service.publish(who, product.id)

    def tables_of(self, who):
        return {table.name for table in self.catalogue.tables(who)}

    def sweep(self):
        return sweep_staging(
            self.files,
            self.stores.products,
            self.tables,
            timedelta(0),
            orphan_age=timedelta(0),
            everything=True,
        )

    def on_disk(self):
        """Every file of products, tables and staging, without what tells of them."""
        return sorted(
            str(path.relative_to(self.home))
            for folder in ("archive", "tables", "staging")
            for path in (self.home / folder).rglob("*")
            if path.is_file() and path.name not in _TELLING
        )


def parquet(**columns):
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()
