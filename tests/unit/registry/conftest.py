from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from registry.catalogue import Catalogue
from registry.ingestion.service import PublishService
from registry.stores.files import FileStore
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.products import SqlProductStore
from vo_service.engines.duckdb.store import DuckdbTableStore


@dataclass
class Site:
    home: Path
    database: MetadataDatabase
    products: SqlProductStore
    files: FileStore
    tables: DuckdbTableStore
    service: PublishService
    catalogue: Catalogue

    def rows(self, internal_name):
        version = self.products.product(internal_name).version
        path = self.home / "tables" / version.table_file
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.sql(
                f'SELECT * FROM "{version.relation}" ORDER BY "_row"'
            ).to_arrow_table()

    def left_over(self):
        """Files of products, tables and staging, wherever they are but in quarantine."""
        folders = [self.home / name for name in ("archive", "tables", "staging")]
        return [p for folder in folders for p in folder.rglob("*") if p.is_file()]


@pytest.fixture
def site(tmp_path):
    home = tmp_path / "home"
    database = MetadataDatabase.in_folder(home)
    database.prepare()
    products = SqlProductStore(database)
    files = FileStore(home)
    tables = DuckdbTableStore(home / "tables")
    service = PublishService(products, files, tables)
    yield Site(home, database, products, files, tables, service, Catalogue(products))
    database.close()


@pytest.fixture
def small_table():
    return pa.table(
        {
            "objid": pa.array([2**53 + 1, 2**63 - 1, None], pa.int64()),
            "RA": [350.0, 10.0, 180.0],
            "DEC": [-10.0, 20.0, 0.0],
            "Z": pa.array([0.1, float("nan"), 0.3], pa.float32()),
            "name": ["a", "", None],
        }
    )
