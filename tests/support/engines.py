"""Engines with their stores, as contract and property tests use them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import psycopg2
import pyarrow as pa
from postgres import PostgresServer
from sky import Sky

from vo_service.adql.limits import DEFAULT_LIMITS
from vo_service.engines.duckdb.engine import DuckdbEngine
from vo_service.engines.duckdb.instance import DuckdbInstance
from vo_service.engines.duckdb.store import DuckdbTableStore
from vo_service.engines.postgres.context import Prefilter
from vo_service.engines.postgres.engine import PostgresEngine
from vo_service.engines.postgres.installation import prepare
from vo_service.engines.postgres.sessions import connect
from vo_service.engines.postgres.store import PostgresTableStore
from vo_service.engines.process.pool import EnginePool
from vo_service.engines.process.processor import ProcessProcessor, TranslatingProcessor
from vo_service.engines.process.program import EngineProgram
from vo_service.engines.processor import LocalProcessor, QueryRequest


class DuckdbBackend:
    """The embedded engine over a folder."""

    name = "duckdb"
    driver_error = duckdb.Error
    lacking: frozenset[pa.DataType] = frozenset()

    def __init__(self, home):
        (home / "tables").mkdir(parents=True)
        self.store = DuckdbTableStore(home / "tables", memory_limit_bytes=100_000_000)
        self._tables = home / "tables"
        self.engine = DuckdbEngine(
            lambda: DuckdbInstance(
                home / "tables",
                home / "temporary",
                memory_limit_bytes=2**29,
                temporary_limit_bytes=2**29,
                threads=2,
            )
        )
        self.processor = LocalProcessor(self.engine)

    def read(self, storage) -> pa.Table:
        """Give all columns of a published table."""
        with duckdb.connect(str(self._tables / storage.file), read_only=True) as connection:
            return connection.sql(f'SELECT * FROM "{storage.relation}"').to_arrow_table()

    def attempt(self, statement):
        """Run a statement that no query is printed as, as the engine would."""
        cursor = self.engine.instance.cursor()
        try:
            cursor.execute(statement)
        finally:
            cursor.close()

    def close(self):
        self.processor.close()


class ProcessBackend(DuckdbBackend):
    """The embedded engine in processes of its own."""

    def __init__(self, home, **limits):
        super().__init__(home)
        options = {
            "tables_folder": home / "tables",
            "memory_bytes": 2**28,
            "temporary_bytes": 2**29,
            "threads": 2,
            "attached_tables": 10,
            "limits": DEFAULT_LIMITS,
        }
        program = EngineProgram(
            "vo_service.engines.duckdb.program",
            options,
            (home / "tables",),
            **{"memory_bytes": 2**29, "all_memory_bytes": 2**30, **limits},
        )
        self.pool = EnginePool(program, home / "processes")
        self.processor = ProcessProcessor(self.pool)

    def close(self):
        self.processor.close()
        self.engine.close()


class PostgresBackend:
    """The engine over a database of a server of the tests' own."""

    name = "postgres"
    driver_error = psycopg2.Error
    lacking = frozenset((pa.uint8(),))

    def __init__(self, server: PostgresServer, prefilter: Prefilter = Prefilter.NONE):
        self.url = server.new_database()
        server.execute(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pzvo_reader') THEN"
            " CREATE ROLE pzvo_reader LOGIN; END IF; END $$"
        )
        prepare(self.url, prefilter, reader="pzvo_reader")
        self.store = PostgresTableStore(self.url, prefilter)
        self.reader_url = self.url.replace("//pzvo@", "//pzvo_reader@")
        self.engine = PostgresEngine(self.reader_url, prefilter=prefilter)
        options = {"prefilter": prefilter, "limits": DEFAULT_LIMITS}
        program = EngineProgram("vo_service.engines.postgres.program", options)
        self._folder = tempfile.TemporaryDirectory()
        pool = EnginePool(program, Path(self._folder.name))
        self.processor = TranslatingProcessor(pool, self.engine)

    def read(self, storage) -> pa.Table:
        """Give all columns of a published table, in the order of its pages."""
        types = {
            "bool": pa.bool_(),
            "int2": pa.int16(),
            "int4": pa.int32(),
            "int8": pa.int64(),
            "float4": pa.float32(),
            "float8": pa.float64(),
            "text": pa.string(),
            "timestamp": pa.timestamp("us"),
        }
        types |= {f"_{name}": pa.list_(type_) for name, type_ in types.items()}
        session = connect(self.url)
        try:
            with session, session.cursor() as cursor:
                cursor.execute(f'SELECT * FROM pzvo_tables."{storage.relation}"')
                rows = cursor.fetchall()
                names = [column.name for column in cursor.description]
                codes = [column.type_code for column in cursor.description]
                cursor.execute("SELECT oid, typname FROM pg_type WHERE oid = ANY (%s)", (codes,))
                named = dict(cursor.fetchall())
        finally:
            session.close()
        columns = list(zip(*rows, strict=True)) or [()] * len(names)
        arrays = [
            pa.array(values, types[named[code]])
            for values, code in zip(columns, codes, strict=True)
        ]
        return pa.table(arrays, names=names)

    def attempt(self, statement):
        """Run a statement that no query is printed as, as the role of the engine."""
        session = connect(self.reader_url)
        try:
            with session, session.cursor() as cursor:
                cursor.execute(statement)
        finally:
            session.close()

    def close(self):
        self.processor.close()
        self._folder.cleanup()


def answer(processor, sky: Sky, adql: str, row_limit=None, time_limit_s=600.0) -> pa.Table:
    """Ask a query over a sky."""
    started = processor.start(QueryRequest(adql, sky.tables, time_limit_s, row_limit))
    try:
        schema = pa.schema([field.arrow for field in started.fields])
        return pa.Table.from_batches(list(started.execution), schema)
    finally:
        started.execution.close()
