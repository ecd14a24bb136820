"""ADQL on the embedded engine: the front end alone, crossmatches, cones and polygons.

Usage: python benchmarks/adql.py [ROWS]

Everything is asked of the engine directly, without HTTP. Rows scanned are those that the engine
itself counts at its table scans.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from registry.model.field import Datatype, Field, ValueType  # noqa: E402 - after the path
from registry.model.table import (  # noqa: E402 - after the path
    Column,
    Position,
    Schema,
    Storage,
    Table,
    TableSet,
)
from registry.stores.table import HEALPIX_COLUMN, ORDER_COLUMN  # noqa: E402 - after the path
from registry.tap_schema import with_tap_schema  # noqa: E402 - after the path
from vo_service.adql.parser import parse  # noqa: E402 - after the path
from vo_service.adql.resolver import resolve  # noqa: E402 - after the path
from vo_service.engines.base import Statement  # noqa: E402 - after the path
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


def publish(store: DuckdbTableStore, folder: Path, name: str, rows: pa.Table) -> Table:
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


class Service:
    """Tables and the engine over them."""

    def __init__(self, tables: TableSet, engine: DuckdbEngine) -> None:
        self.tables = tables
        self.engine = engine

    def statement(self, adql: str) -> Statement:
        """Parse, resolve and print a query."""
        return self.engine.translate(resolve(parse(adql), self.tables, adql))

    def rows(self, adql: str) -> int:
        """Run a query and count its rows."""
        with closing(self.engine.execute(self.statement(adql), {}, 300.0)) as found:
            return sum(batch.num_rows for batch in found)

    def scanned(self, adql: str) -> int:
        """Give the rows that the engine reads from tables."""
        statement = self.statement(adql)
        self.rows(adql)
        files = [t.storage.file for t in statement.tables if t.storage.file is not None]
        instance = self.engine.instance
        instance.acquire(files)
        cursor = instance.cursor()
        try:
            cursor.execute(
                "EXPLAIN (ANALYZE, FORMAT json) " + statement.sql, list(statement.parameters)
            )
            plan = json.loads(cursor.fetchall()[0][1])
        finally:
            cursor.close()
            instance.release(files)
        return sum(_scans(plan))


def _scans(node: dict[str, object]) -> Iterator[int]:
    rows = node.get("rows_scanned", 0)
    if isinstance(rows, int):
        yield rows
    children = node.get("children", node.get("operator", []))
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


def main() -> None:
    """Print the report."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tables").mkdir()
        store = DuckdbTableStore(folder / "tables")
        big, small = catalogue(rows, 1), catalogue(UPLOADED, 2)
        chosen = np.random.default_rng(3).integers(0, rows, UPLOADED // 2)
        near = small.to_pydict()
        for column, offset in (("c1", 0.0), ("c2", 0.3 * ARCSEC)):
            near[column][: len(chosen)] = (big[column].to_numpy()[chosen] + offset).tolist()
        published = tuple(
            publish(store, folder, label, table)
            for label, table in (("big", big), ("small", pa.table(near, small.schema)))
        )
        tables = with_tap_schema((Schema("s", published),), "1")
        engine = DuckdbEngine(
            lambda: DuckdbInstance(
                folder / "tables",
                folder / "temporary",
                memory_limit_bytes=2**31,
                temporary_limit_bytes=2**31,
                threads=2,
            )
        )
        with closing(engine):
            report(Service(tables, engine), rows)


def report(service: Service, rows: int) -> None:
    """Measure and print."""
    print(f"{rows} rows in the embedded engine")
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
        print(f"{seconds:8.3f} s  {found:6} pairs  {condition[:80]}")
    print("\ncones, boxes, polygons, coverage maps")
    for region in REGIONS:
        condition = region.format(ra=150.1, dec=2.2, cell=24_000)
        adql = f"SELECT id, z FROM s.big WHERE {condition}"
        milliseconds = median_s(lambda q=adql: service.rows(q), 20) * 1e3
        print(
            f"{milliseconds:8.2f} ms  {service.rows(adql):6} rows of {service.scanned(adql):8}"
            f" scanned  {condition[:70]}"
        )


if __name__ == "__main__":
    main()
