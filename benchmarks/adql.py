"""ADQL on the engines: the front end alone, crossmatches, cones and polygons.

Usage: python benchmarks/adql.py [--engine duckdb|postgres|both] [ROWS]

Everything is asked of the engine directly, without HTTP. Rows scanned are those that the engine
itself counts at its table scans. PostgreSQL runs in a cluster of the benchmark's own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pyarrow as pa

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from registry.model.field import Datatype, Field, ValueType  # noqa: E402 - after the path
from registry.model.table import (  # noqa: E402 - after the path
    Column,
    Position,
    Schema,
    Storage,
    Table,
    TableSet,
)
from registry.stores.table import HEALPIX_COLUMN, ORDER_COLUMN, TableStore  # noqa: E402 - after the path
from registry.tap_schema import with_tap_schema  # noqa: E402 - after the path
from vo_service.adql.parser import parse  # noqa: E402 - after the path
from vo_service.adql.resolver import resolve  # noqa: E402 - after the path
from vo_service.engines.base import Engine, Statement  # noqa: E402 - after the path
from vo_service.engines.duckdb.engine import DuckdbEngine  # noqa: E402 - after the path
from vo_service.engines.duckdb.instance import DuckdbInstance  # noqa: E402 - after the path
from vo_service.engines.duckdb.store import DuckdbTableStore  # noqa: E402 - after the path

REPEATS = 200
UPLOADED = 10_000
ARCSEC = 1 / 3600

FIELDS = (
    Field("id", ValueType(Datatype.LONG), ucd="meta.id;meta.main"),
    Field("ra", ValueType(Datatype.DOUBLE), "deg", "pos.eq.ra;meta.main"),
    Field("dec", ValueType(Datatype.DOUBLE), "deg", "pos.eq.dec;meta.main"),
    Field("z", ValueType(Datatype.DOUBLE), ucd="src.redshift"),
    Field("r", ValueType(Datatype.DOUBLE), "deg"),
)

TYPICAL = (
    "SELECT TOP 100 id, ra, dec, z FROM s.big WHERE z BETWEEN 0.4 AND 0.6 ORDER BY z DESC",
    "SELECT id, z FROM s.big WHERE 1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', 150, 2, 1))",
    "SELECT ROUND(z, 1) AS bin, COUNT(*) AS n, AVG(z) FROM s.big GROUP BY ROUND(z, 1) ORDER BY bin",
    "SELECT a.id, b.id FROM s.big a JOIN s.small b ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < 0.0003",
)

JOINS = (
    "DISTANCE(POINT(a.ra, a.dec), POINT(b.ra, b.dec)) < {r}",
    "DISTANCE(b.ra, b.dec, a.ra, a.dec) <= {r}",
    "{r} > DISTANCE(POINT(a.ra, a.dec), POINT(b.ra, b.dec))",
    "1 = CONTAINS(POINT(a.ra, a.dec), CIRCLE(b.ra, b.dec, {r}))",
    "CONTAINS(POINT('ICRS', b.ra, b.dec), CIRCLE('ICRS', a.ra, a.dec, {r})) = 1",
    "DISTANCE(a.ra, a.dec, b.ra, b.dec) BETWEEN 0 AND {r}",
    "DISTANCE(a.ra, a.dec, b.ra, b.dec) < b.r",
)

REGIONS = (
    "1 = CONTAINS(POINT(ra, dec), CIRCLE({ra}, {dec}, 0.5))",
    "DISTANCE(ra, dec, {ra}, {dec}) < 0.5",
    "1 = CONTAINS(POINT(ra, dec), BOX({ra}, {dec}, 1, 1))",
    "1 = CONTAINS(POINT(ra, dec), POLYGON({ra}, {dec}, {ra} + 1, {dec}, {ra}, {dec} + 1))",
    "1 = INTERSECTS(CIRCLE(ra, dec, 0.1), CIRCLE({ra}, {dec}, 0.4))",
    "1 = CONTAINS(POINT(ra, dec), MOC('6/{cell}'))",
)


def catalogue(rows: int, seed: int) -> pa.Table:
    """Make positions all over the sky."""
    rng = np.random.default_rng(seed)
    columns = [
        np.arange(rows),
        rng.uniform(0, 360, rows),
        np.degrees(np.arcsin(rng.uniform(-1, 1, rows))),
        rng.gamma(2, 0.4, rows),
        np.full(rows, ARCSEC),
    ]
    return pa.table(columns, [f"c{i}" for i in range(len(columns))])


def publish(store: TableStore, folder: Path, name: str, rows: pa.Table) -> Table:
    """Put a catalogue into the store."""
    columns = tuple(Column(f, f"c{i}", indexed=i in (1, 2)) for i, f in enumerate(FIELDS))
    position = Position("c1", "c2", HEALPIX_COLUMN)
    work = folder / name
    work.mkdir()
    staged = store.stage(f"{name}_v1", columns, rows.to_batches(), work, position)
    store.publish(staged)
    storage = Storage(staged.storage.relation, staged.storage.file)
    return Table(
        "s", name, columns, storage, nrows=rows.num_rows, position=position, order=ORDER_COLUMN
    )


Plan = Callable[[Statement], dict[str, object]]
"""Runs a statement and gives what the engine did."""


class Service:
    """Tables and the engine over them."""

    def __init__(self, name: str, tables: TableSet, engine: Engine, plan: Plan) -> None:
        self.name = name
        self.tables = tables
        self.engine = engine
        self._plan = plan

    def statement(self, adql: str) -> Statement:
        """Parse, resolve and print a query."""
        return self.engine.translate(resolve(parse(adql), self.tables, adql))

    def rows(self, adql: str) -> int:
        """Run a query and count its rows."""
        with closing(self.engine.execute(self.statement(adql), {}, 300.0)) as found:
            return sum(batch.num_rows for batch in found)

    def scanned(self, adql: str) -> int:
        """Give the rows that the engine reads from tables."""
        self.rows(adql)
        return sum(_scans(self._plan(self.statement(adql))))


def _scans(node: dict[str, object]) -> Iterator[int]:
    """Give the rows that each scan of a plan reads, kept or not, in the words of either engine."""
    rows = node.get("rows_scanned", 0)
    if "Relation Name" in node:
        kept = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        kept += node.get("Rows Removed by Index Recheck", 0)
        rows = kept * node["Actual Loops"]
    if isinstance(rows, int | float):
        yield round(rows)
    children = node.get("children", node.get("operator", node.get("Plans", [])))
    for child in children if isinstance(children, list) else []:
        yield from _scans(child)


def median_s(work: Callable[[], object], repeats: int) -> float:
    """Time a piece of work."""
    times = []
    work()
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def embedded(folder: Path, rows: int, stack: ExitStack) -> Service:
    """Publish to the embedded engine."""
    (folder / "tables").mkdir()
    engine = DuckdbEngine(
        lambda: DuckdbInstance(
            folder / "tables",
            folder / "temporary",
            memory_limit_bytes=2**31,
            temporary_limit_bytes=2**31,
            threads=2,
        )
    )
    stack.enter_context(closing(engine))

    def plan(statement: Statement) -> dict[str, object]:
        files = [t.storage.file for t in statement.tables if t.storage.file is not None]
        engine.instance.acquire(files)
        try:
            with closing(engine.instance.cursor()) as cursor:
                explained = "EXPLAIN (ANALYZE, FORMAT json) " + statement.sql
                cursor.execute(explained, list(statement.parameters))
                found: dict[str, object] = json.loads(cursor.fetchall()[0][1])
                return found
        finally:
            engine.instance.release(files)

    tables = published(DuckdbTableStore(folder / "tables"), folder, rows)
    return Service("duckdb", tables, engine, plan)


def served(folder: Path, rows: int, stack: ExitStack) -> Service:
    """Publish to PostgreSQL."""
    from postgres import PostgresServer

    from vo_service.engines.postgres.context import parameter_names
    from vo_service.engines.postgres.engine import PostgresEngine
    from vo_service.engines.postgres.installation import prepare
    from vo_service.engines.postgres.sessions import connect
    from vo_service.engines.postgres.store import PostgresTableStore

    server = PostgresServer()
    stack.callback(server.stop)
    server.start()
    url = server.new_database()
    prepare(url)
    engine = PostgresEngine(url)
    stack.enter_context(closing(engine))

    def plan(statement: Statement) -> dict[str, object]:
        with closing(connect(url)) as session, session.cursor() as cursor:
            explained = "EXPLAIN (ANALYZE, FORMAT json) " + statement.sql
            cursor.execute(explained, parameter_names(statement.parameters))
            found: dict[str, object] = cursor.fetchone()[0][0]["Plan"]
            return found

    tables = published(PostgresTableStore(url), folder, rows)
    return Service("postgres", tables, engine, plan)


def published(store: TableStore, folder: Path, rows: int) -> TableSet:
    """Publish the two catalogues: half of the small one is near rows of the big one."""
    big, small = catalogue(rows, 1), catalogue(UPLOADED, 2)
    chosen = np.random.default_rng(3).integers(0, rows, UPLOADED // 2)
    near = small.to_pydict()
    for column, offset in (("c1", 0.0), ("c2", 0.3 * ARCSEC)):
        near[column][: len(chosen)] = (big[column].to_numpy()[chosen] + offset).tolist()
    names = (("big", big), ("small", pa.table(near, small.schema)))
    made = tuple(publish(store, folder, label, table) for label, table in names)
    return with_tap_schema((Schema("s", made),), "1")


ENGINES = {"duckdb": embedded, "postgres": served}


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description="Measure ADQL on the engines.")
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--engine", choices=(*ENGINES, "both"), default="duckdb")
    given = parser.parse_args()
    names = ENGINES if given.engine == "both" else (given.engine,)
    taken: list[list[float]] = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            taken.append(report(ENGINES[name](Path(folder), given.rows, stack), given.rows))
    if len(taken) == 2:
        print("\npostgres / duckdb, in the order above")
        print(" ".join(f"{second / first:.1f}" for first, second in zip(*taken, strict=True)))


def report(service: Service, rows: int) -> list[float]:
    """Measure and print; give the seconds of the joins and the regions."""
    taken: list[float] = []
    print(f"\n{rows} rows in {service.name}")
    print("\nparse + resolve + print (target: under 1 ms)")
    for adql in TYPICAL:
        print(
            f"{median_s(lambda q=adql: service.statement(q), REPEATS) * 1e3:8.3f} ms  {adql[:80]}"
        )
    print(f"\n{UPLOADED} positions with {rows} rows within 1 arcsec (target: under 0.1 s)")
    for join in JOINS:
        condition = join.format(r=repr(ARCSEC))
        adql = f"SELECT a.id, b.id FROM s.big AS a JOIN s.small AS b ON {condition}"
        found = service.rows(adql)
        seconds = median_s(lambda q=adql: service.rows(q), 5)
        taken.append(seconds)
        print(f"{seconds:8.3f} s  {found:6} pairs  {condition[:80]}")
    print("\ncones, boxes, polygons, coverage maps")
    for region in REGIONS:
        condition = region.format(ra=150.1, dec=2.2, cell=24_000)
        adql = f"SELECT id, z FROM s.big WHERE {condition}"
        milliseconds = median_s(lambda q=adql: service.rows(q), 20) * 1e3
        taken.append(milliseconds / 1e3)
        print(
            f"{milliseconds:8.2f} ms  {service.rows(adql):6} rows of {service.scanned(adql):8}"
            f" scanned  {condition[:70]}"
        )
    return taken


if __name__ == "__main__":
    main()
