"""Synchronous TAP over HTTP: latency, throughput, downloads; each beside a floor of this run.

Usage: python benchmarks/sync.py [ROWS]

Floors: the same rows or the same condition asked of the embedded engine directly, in this
process, without ADQL and HTTP; for small requests also the service's own static answer.
"""

from __future__ import annotations

import http.client
import random
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import duckdb
import pyarrow as pa
from catalogue import write_catalogue
from installation import ROOT, peak_memory_mib, publish, served

sys.path.insert(0, str(ROOT))

REPEATS = 100
CLIENTS = 16
SECONDS = 8.0


def line(
    what: str, measured: str, floor: str = "", ratio: float | None = None, target: str = ""
) -> None:
    """Print one row of the report."""
    shown = "" if ratio is None else f"{ratio:6.2f} x floor"
    print(f"{what:42} {measured:>26}   {floor:>24}   {shown:14} {target}", flush=True)


class Client:
    """One connection that asks again and again."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path
        self._connection = http.client.HTTPConnection(self._host or "", self._port, timeout=300)

    def get(self, path: str) -> bytes:
        """Ask for a path below the service."""
        self._connection.request("GET", self._path + path)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {body[:300]!r}")
        return body

    def query(self, adql: str, responseformat: str = "csv", maxrec: int = 10_000_000) -> bytes:
        """Ask a query."""
        return self.get(query_path(adql, responseformat, maxrec))


def query_path(adql: str, responseformat: str, maxrec: int) -> str:
    """Write the path of a synchronous query."""
    parameters = {"LANG": "ADQL", "QUERY": adql, "RESPONSEFORMAT": responseformat, "MAXREC": maxrec}
    return "/sync?" + urlencode(parameters)


def timed(work: Callable[[], object], repeats: int) -> list[float]:
    """Give the seconds of each repetition."""
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return found


def percentile(values: list[float], share: float) -> float:
    """Give a percentile in milliseconds."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] * 1e3


def cone(what: str, table: str, rng: random.Random) -> str:
    """Write a cone query of 0.5 degrees around a random position."""
    ra, dec = rng.uniform(0, 360), rng.uniform(-80, 80)
    return (
        f"SELECT {what} FROM {table} WHERE 1 = CONTAINS(POINT('ICRS', ra, dec),"
        f" CIRCLE('ICRS', {ra:.6f}, {dec:.6f}, 0.5))"
    )


def downloads(
    url: str, pid: int, table: str, rows: int, engine: duckdb.DuckDBPyConnection, relation: str
) -> None:
    """Whole table in each format."""
    columns = ", ".join(f"c{number}" for number in range(20))

    def floor_read() -> None:
        reader = engine.sql(f"SELECT {columns} FROM {relation}").to_arrow_reader(32_768)
        for _ in reader:
            pass

    floor_s = statistics.median(timed(floor_read, 3))
    before = peak_memory_mib(pid)
    for name, target in (
        ("votable/b2", 1_500_000),
        ("votable/td", 400_000),
        ("csv", 400_000),
        ("parquet", 0),
    ):
        best, first_byte, size = 1e9, 0.0, 0
        for _ in range(3):
            parts = urlsplit(url)
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=300)
            started = time.perf_counter()
            connection.request(
                "GET", parts.path + query_path(f"SELECT * FROM {table}", name, 10**7)
            )
            answer = connection.getresponse()
            size = len(answer.read(1))
            first = time.perf_counter() - started
            buffer = bytearray(1 << 20)
            while count := answer.readinto(buffer):
                size += count
            seconds = time.perf_counter() - started
            if seconds < best:
                best, first_byte = seconds, first
        line(
            f"whole table as {name}",
            f"{rows / best:,.0f} rows/s, {size / best / 1e6:.0f} MB/s",
            f"engine {rows / floor_s:,.0f} rows/s",
            best / floor_s,
            f"target {target:,} rows/s" if target else "",
        )
        line(f"  first byte as {name}", f"{first_byte * 1e3:.1f} ms", target="target 100 ms")
    line("  peak memory of a web process", f"{peak_memory_mib(pid):.0f} MiB (before {before:.0f})")


def latencies(url: str, table: str, engine: duckdb.DuckDBPyConnection, relation: str) -> None:
    """Single requests, one after the other."""
    client = Client(url)
    static = statistics.median(timed(lambda: client.get("/capabilities"), REPEATS))
    rng = random.Random(3)
    for what in ("COUNT(*)", "*"):
        values = timed(lambda what=what: client.query(cone(what, table, rng), "votable"), REPEATS)
        sql = print_sql(url, cone(what, table, rng), table)
        direct = statistics.median(
            timed(lambda sql=sql: run_direct(engine, sql, relation), REPEATS)
        )
        line(
            f"cone 0.5 deg, {what}",
            f"p50 {percentile(values, 0.5):.1f}, p95 {percentile(values, 0.95):.1f} ms",
            f"engine {direct * 1e3:.1f} ms, http {static * 1e3:.1f} ms",
            percentile(values, 0.5) / 1e3 / (direct + static),
            "target p50 10, p95 25 ms",
        )
    for what, adql in (
        ("group by survey", f"SELECT survey, COUNT(*), AVG(z) FROM {table} GROUP BY survey"),
        ("N(z) histogram", f"SELECT FLOOR(z*10), COUNT(*) FROM {table} GROUP BY FLOOR(z*10)"),
        ("TOP 1", f"SELECT TOP 1 * FROM {table}"),
        ("TAP_SCHEMA.tables", "SELECT * FROM TAP_SCHEMA.tables"),
    ):
        values = timed(lambda adql=adql: client.query(adql), 30)
        line(what, f"p50 {percentile(values, 0.5):.1f}, p95 {percentile(values, 0.95):.1f} ms")


def print_sql(url: str, adql: str, table: str) -> tuple[str, list[object]]:
    """Print a query as the service does, for the floor."""
    from vo_service.adql.parser import parse
    from vo_service.adql.resolver import resolve
    from vo_service.engines.duckdb.printer import print_statement

    started = time.perf_counter()
    for _ in range(200):
        statement = print_statement(resolve(parse(adql), TABLES[0], adql), 1000)
    each_ms = (time.perf_counter() - started) * 5
    line("  parse, resolve, print", f"{each_ms:.2f} ms", target="target 1 ms")
    return statement.sql, list(statement.parameters)


def run_direct(
    engine: duckdb.DuckDBPyConnection, sql: tuple[str, list[object]], relation: str
) -> None:
    """Run the floor of a query."""
    engine.sql(sql[0], params=sql[1]).to_arrow_reader(32_768).read_all()


def concurrency(url: str, table: str) -> None:
    """Sixteen clients for some seconds."""
    parts = urlsplit(url)
    for what, target in (("COUNT(*)", 350), ("*", 250)):
        counts, errors, lags = [0] * CLIENTS, [0] * CLIENTS, [[] for _ in range(CLIENTS)]
        stop = time.monotonic() + SECONDS

        def ask(
            number: int, what: str = what, counts=counts, errors=errors, lags=lags, stop=stop
        ) -> None:
            rng = random.Random(number)
            connection = socket.create_connection((parts.hostname, parts.port))
            stream = connection.makefile("rb")
            while time.monotonic() < stop:
                path = parts.path + query_path(cone(what, table, rng), "votable", 10_000)
                started = time.perf_counter()
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                ok, close = read_answer(stream)
                lags[number].append(time.perf_counter() - started)
                counts[number] += 1
                errors[number] += not ok
                if close:
                    connection = socket.create_connection((parts.hostname, parts.port))
                    stream = connection.makefile("rb")

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        every = [lag for each in lags for lag in each]
        line(
            f"{CLIENTS} clients, cone {what}",
            f"{sum(counts) / SECONDS:.0f} requests/s",
            f"p50 {percentile(every, 0.5):.0f}, p95 {percentile(every, 0.95):.0f} ms",
            target=f"target {target} requests/s; {sum(errors)} errors",
        )


def read_answer(stream) -> tuple[bool, bool]:
    """Read one answer; tell whether it was good, and whether the connection ends."""
    status = stream.readline()
    length, chunked, close = 0, False, False
    while (header := stream.readline().lower()) not in (b"\r\n", b""):
        if header.startswith(b"content-length:"):
            length = int(header.split(b":")[1])
        chunked |= header.startswith(b"transfer-encoding: chunked")
        close |= header.startswith(b"connection: close")
    if chunked:
        while size := int(stream.readline(), 16):
            stream.read(size + 2)
        stream.readline()
    else:
        stream.read(length)
    return b" 200 " in status, close


TABLES: list[object] = []


def main() -> None:
    """Run everything."""
    from registry.model.principal import OPERATOR
    from vo_service.assemble import assemble
    from vo_service.settings import load_settings

    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        home, file = Path(folder) / "home", Path(folder) / "catalogue.parquet"
        home.mkdir()
        write_catalogue(file, rows)
        started = time.perf_counter()
        duckdb.connect().sql(f"SELECT * FROM '{file}' ORDER BY ra").to_arrow_table()
        floor_s = time.perf_counter() - started
        table, seconds = publish(home, file)
        print(f"{rows:,} rows, duckdb {duckdb.__version__}, pyarrow {pa.__version__}")
        line(
            "publish (whole command)",
            f"{seconds:.2f} s",
            f"read and sort {floor_s:.2f} s",
            seconds / floor_s,
            "target 5 s",
        )
        services = assemble(load_settings(environment={"PZVO_HOME": str(home)}))
        tables = services.queries.tables(OPERATOR)
        TABLES.append(tables)
        storage = next(t.storage for t in tables if t.name == table)
        name = storage.file.rsplit(".", 1)[0]
        engine = duckdb.connect()
        engine.execute(f"ATTACH '{home / 'tables' / storage.file}' AS \"{name}\" (READ_ONLY)")
        with served(home) as (url, pid):
            latencies(url, table, engine, f'"{name}".main."{storage.relation}"')
            concurrency(url, table)
            downloads(url, pid, table, rows, engine, f'"{name}".main."{storage.relation}"')


if __name__ == "__main__":
    main()
