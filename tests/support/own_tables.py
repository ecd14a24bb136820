"""Users' own tables over an installation in a folder."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from registry.model.field import Datatype, Field, ValueType
from registry.model.principal import Principal
from registry.model.user_table import UserTableQuota
from registry.stores.files import FileStore
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.products import SqlProductStore
from registry.stores.metadata.user_tables import SqlUserTableStore
from registry.tap_schema import with_tap_schema
from registry.user_tables.content import TableContent
from registry.user_tables.expiry import UserTableExpiry
from registry.user_tables.service import UserTableService
from registry.user_tables.visibility import OwnTables
from vo_service.engines.duckdb.engine import DuckdbEngine
from vo_service.engines.duckdb.instance import DuckdbInstance
from vo_service.engines.duckdb.store import DuckdbTableStore
from vo_service.engines.processor import LocalProcessor
from vo_service.queries import QueryService
from vo_service.tap.stored_rows import EngineRows

ANNA = Principal("anna.b")
BOB = Principal("bob")

TYPES = {
    pa.int32(): ValueType(Datatype.INT),
    pa.int64(): ValueType(Datatype.LONG),
    pa.float64(): ValueType(Datatype.DOUBLE),
    pa.float32(): ValueType(Datatype.FLOAT),
    pa.string(): ValueType(Datatype.CHAR, "*"),
    pa.bool_(): ValueType(Datatype.BOOLEAN),
}


def content(columns, **ucds) -> TableContent:
    """Make what somebody sends: columns by name."""
    rows = pa.table(columns)
    fields = [Field(f.name, TYPES[f.type], ucd=ucds.get(f.name)) for f in rows.schema]
    physical = [f"c{number}" for number in range(rows.num_columns)]
    return TableContent(tuple(fields), rows.rename_columns(physical))


@dataclass
class OwnTablesSite:
    """An installation with nothing but users' tables."""

    home: Path
    quota: UserTableQuota = field(default_factory=UserTableQuota)
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __post_init__(self):
        self.database = MetadataDatabase.in_folder(self.home)
        self.database.prepare()
        (self.home / "tables").mkdir(exist_ok=True)
        self.store = SqlUserTableStore(self.database)
        self.products = SqlProductStore(self.database)
        self.files = FileStore(self.home)
        self.tables = DuckdbTableStore(self.home / "tables", memory_limit_bytes=100_000_000)
        self.engine = DuckdbEngine(
            lambda: DuckdbInstance(
                self.home / "tables",
                self.home / "temporary",
                memory_limit_bytes=2**28,
                temporary_limit_bytes=2**28,
                threads=2,
            )
        )
        self.processor = LocalProcessor(self.engine)
        self.rows = EngineRows(self.processor)
        self.service = UserTableService(
            self.store, self.files, self.tables, self.rows.read, quota=self.quota, clock=self.clock
        )
        self.base = with_tap_schema([], "1")
        self.own = OwnTables(lambda _principal: self.base, self.store)
        self.expiry = UserTableExpiry(
            self.store, self.files, self.tables, timedelta(days=30), self.clock
        )
        self.queries = QueryService(self.own.tables, self.processor, slots=2, slot_wait_s=5)

    def clock(self):
        return self.now

    def ask(self, principal, adql) -> list[dict]:
        """Give the rows of a query."""
        running = self.queries.run(principal, adql, maxrec=100_000, time_limit_s=600)
        with contextlib.closing(running):
            schema = pa.schema([f.arrow for f in running.fields])
            return pa.Table.from_batches(list(running._execution), schema).to_pylist()

    def table_files(self) -> list[str]:
        return sorted(path.name for path in (self.home / "tables").iterdir())

    def close(self):
        self.engine.close()
        self.database.close()
