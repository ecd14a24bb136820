"""What one bad visitor costs: memory of the whole service, and the small queries of somebody else.

Usage: python benchmarks/visitors.py [--rows N] [--sync-timeout S] [--settle S] [--only WORD ...]

Each line is one kind of bad visitor, who comes from 127.0.0.2, at a live service with default
settings. Meanwhile somebody else, from 127.0.0.1, asks a small query again and again. Printed are
the largest memory of the process tree (PSS: shared pages count once), the 95th percentile of the
other's query and whether it was ever refused, what the bad visitor was answered, the seconds by
which a query passed its time limit, and the memory of the tree as soon as it is back, or after
`--settle` seconds, beside that at the start. All of it takes some twelve minutes on two quiet
processors. Everything goes to addresses of this machine, and is bounded in number and time.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import http.client
import io
import json
import re
import socket
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from catalogue import write_catalogue
from installation import publish, served

BAD, GOOD = "127.0.0.2", "127.0.0.1"
"""Where the bad visitor and the other one come from."""

MEMORY_LIMIT_MIB = 4096
P95_LIMIT_MS = 500.0
OVERTIME_LIMIT_S = 2.0
GROWTH_LIMIT = 1.2
"""What is required: see `main`."""

_FORM = "application/x-www-form-urlencoded"

_LINGERING = b"GET /tap/availability HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
_HEAD = b"GET / HTTP/1.1\r\n"
_BODY = (
    b"POST /tap/sync HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 90000\r\n\r\n"
)


def ask(
    url: str,
    path: str,
    body: bytes | None = None,
    source: str = BAD,
    timeout_s: float = 200,
    **headers: str,
) -> tuple[int, bytes]:
    """Send one request, and give its status and its answer; 0 where the connection breaks."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=timeout_s, source_address=(source, 0)
    )
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        method = "GET" if body is None else "POST"
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def query(url: str, adql: str, source: str = BAD, timeout_s: float = 200) -> tuple[int, bytes]:
    """Ask a synchronous query."""
    sent = urlencode({"LANG": "ADQL", "QUERY": adql, "RESPONSEFORMAT": "csv", "MAXREC": 5_000_000})
    path = urlsplit(url).path + "/sync"
    return ask(url, path, sent.encode(), source, timeout_s, Content_Type=_FORM)


def tree_of(pid: int) -> dict[int, int]:
    """List a process and all below it, each with its parent."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            text = status.read_text()
            parents[int(status.parent.name)] = int(text.rpartition(")")[2].split()[1])
    below = {pid}
    while more := {number for number, parent in parents.items() if parent in below} - below:
        below |= more
    return {number: parents.get(number, 0) for number in below}


def tree_mib(pid: int) -> float:
    """Add up the memory of a process and of all below it, in MiB."""
    total = 0
    for number in tree_of(pid):
        with contextlib.suppress(OSError):
            found = re.search(
                r"^Pss:\s+(\d+)", Path(f"/proc/{number}/smaps_rollup").read_text(), re.M
            )
            total += int(found[1]) if found else 0
    return total / 1024


def settled_mib(pid: int, wanted_mib: float, limit_s: float) -> float:
    """Wait until a process tree is small again, at most so many seconds; give its memory."""
    ending = time.monotonic() + limit_s
    while (found := tree_mib(pid)) > wanted_mib and time.monotonic() < ending:
        time.sleep(1)
    return found


class Watch:
    """Looks at the memory and asks small queries in the name of somebody else."""

    def __init__(self, url: str, pid: int, table: str) -> None:
        self._url, self._pid = url, pid
        self._adql = f"SELECT TOP 5 id, ra, dec, z FROM {table}"
        self.peak_mib = 0.0
        self.seconds: list[float] = []
        self.refused: collections.Counter[int] = collections.Counter()
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=work) for work in (self._weigh, self._ask)]

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def p95_ms(self) -> float:
        """Give the 95th percentile of the small queries."""
        values = sorted(self.seconds) or [0.0]
        return values[min(len(values) - 1, int(0.95 * len(values)))] * 1e3

    def _weigh(self) -> None:
        while not self._ending.wait(0.2):
            self.peak_mib = max(self.peak_mib, tree_mib(self._pid))

    def _ask(self) -> None:
        while not self._ending.wait(0.1):
            started = time.perf_counter()
            status, _ = query(self._url, self._adql, GOOD, 60)
            self.seconds.append(time.perf_counter() - started)
            if status != 200:
                self.refused[status] += 1


def at_once(work: Callable[[int], int], number: int, threads: int = 64) -> collections.Counter[int]:
    """Do something `number` times in some threads, and count the statuses."""
    found: collections.Counter[int] = collections.Counter()
    numbers, lock = iter(range(number)), threading.Lock()

    def run() -> None:
        while True:
            with lock:
                mine = next(numbers, None)
            if mine is None:
                return
            status = work(mine)
            with lock:
                found[status] += 1

    running = [threading.Thread(target=run) for _ in range(min(threads, number))]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return found


def queries(table: str) -> Iterator[tuple[str, str]]:
    """Give bad queries by name."""

    def chain(pattern: str, number: int, word: str = "AND") -> str:
        return f" {word} ".join(pattern.format(n=n) for n in range(number))

    where = f"SELECT COUNT(*) AS n FROM {table} WHERE "
    yield "chain of <>", where + chain("ra <> {n}", 12_000)
    yield "chain of NOT BETWEEN", where + chain("ra NOT BETWEEN {n} AND {n}.5", 5_000)
    yield "chain of NOT LIKE", where + chain("survey NOT LIKE 'A%{n}_'", 7_000)
    yield "chain of NOT IN", where + chain("id NOT IN ({n}, 1, 2)", 6_000)
    yield (
        "OR of cones",
        where + chain("1 = CONTAINS(POINT(ra, dec), CIRCLE({n} * 0.01, 1, 0.1))", 2_500, "OR"),
    )
    yield (
        "GROUP BY of thousands",
        (
            f"SELECT COUNT(*) AS n FROM {table} GROUP BY "
            + ", ".join(f"ra + {n}" for n in range(9_000))
        ),
    )
    yield "wide CAST", f"SELECT CAST(z AS CHAR(100000000)) AS x FROM {table}"
    inner = "SELECT table_name AS x FROM TAP_SCHEMA.tables"
    for depth in range(12):
        inner = f"SELECT {'||'.join('x' * 8)} AS x FROM ({inner}) AS t{depth}"
    yield "doubling by ||", f"SELECT LOWER(x) AS y FROM ({inner}) AS u WHERE x <> 'b'"
    common = ["t0 AS (SELECT ra FROM " + table + ")"]
    common += [f"t{n} AS (SELECT a.ra FROM t{n - 1} AS a, t{n - 1} AS b)" for n in range(1, 16)]
    yield "doubling by WITH", f"WITH {', '.join(common)} SELECT COUNT(*) AS n FROM t15"
    yield "nested functions", f"SELECT {'ABS(' * 180}ra{')' * 180} AS x FROM {table}"
    yield "deep parentheses", f"SELECT {'(' * 60_000}ra{')' * 60_000} AS x FROM {table}"
    yield "24,000 columns", f"SELECT {', '.join(f'ra AS c{n}' for n in range(24_000))} FROM {table}"
    yield (
        "cross product",
        f"SELECT COUNT(*) AS n FROM {table} AS a, {table} AS b WHERE a.z + b.z > 9",
    )
    yield (
        "sorted cross product",
        (f"SELECT a.id, b.id FROM {table} AS a, {table} AS b ORDER BY a.mag_g * b.mag_r"),
    )
    yield (
        "ivo_string_agg of everything",
        (f"SELECT ivo_string_agg(CAST(id AS VARCHAR) || survey, ', ') AS x FROM {table} AS a"),
    )
    yield (
        "grouping by everything",
        (
            f"SELECT id, ra, dec, z, mag_g, mag_r, COUNT(*) AS n FROM {table}"
            " GROUP BY id, ra, dec, z, mag_g, mag_r"
        ),
    )
    corners = ", ".join(f"{180 + n % 90}.{n}, {n % 40}.{n}" for n in range(4_000))
    yield "polygon of 4,000 corners", where + f"1 = CONTAINS(POINT(ra, dec), POLYGON({corners}))"


class BadVisitor:
    """Everything that one bad visitor may try at a service."""

    def __init__(self, url: str, table: str, relaxed_s: float) -> None:
        self._url, self._table, self._hold_s = url, table, relaxed_s
        self._root = urlsplit(url).path.removesuffix("/tap")

    def tries(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """Give what is tried, by name; each says what was answered."""
        for name, adql in queries(self._table):
            yield f"query: {name}", lambda adql=adql: self._query(adql)
        slow = f"SELECT a.*, b.* FROM {self._table} AS a, {self._table} AS b"
        for name, work in (
            ("uploaded: five strings of 100 MB", self._upload_bomb),
            ("bomb as a job", self._job_bomb),
            ("1,000 lingering connections", lambda: self._connections(1000, _LINGERING)),
            ("1,000 idle connections", lambda: self._connections(1000, b"")),
            ("1,000 trickled headers", lambda: self._connections(1000, _HEAD, b"X: y\r\n")),
            ("1,000 trickled bodies", lambda: self._connections(1000, _BODY, b"A=1&")),
            ("100 slow readers", lambda: self._readers(100, slow)),
            ("100 that hang up", lambda: self._hang_up(100, slow)),
            ("100 large downloads at once", lambda: self._downloads(100)),
            ("200 wrong passwords, one account", lambda: self._passwords(200, "ann{0}")),
            ("200 wrong passwords, many accounts", lambda: self._passwords(200, "user{n}")),
            ("20,000 jobs", self._jobs),
            ("1 GB of posted files", self._files),
            ("60 conversions that are not read", self._conversions),
            ("8 damaged HDF5 files, hung up", self._damaged),
        ):  # fmt: skip
            yield name, work

    def _query(self, adql: str) -> str:
        started = time.perf_counter()
        status, body = query(self._url, adql)
        self.overtime(time.perf_counter() - started)
        return f"{status} {_message(body)}"

    last_s = 0.0

    def overtime(self, seconds: float) -> None:
        """Remember how long the last query took."""
        self.last_s = seconds

    def _upload_bomb(self) -> str:
        import pyarrow as pa
        import pyarrow.parquet as pq

        buffer = io.BytesIO()
        pq.write_table(pa.table({"s": ["x" * 100_000_000] * 5}), buffer, compression="zstd")
        body, kind = multipart(
            {
                "LANG": "ADQL",
                "QUERY": "SELECT s || s AS t FROM TAP_UPLOAD.b",
                "UPLOAD": "b,param:f",
            },
            {"f": buffer.getvalue()},
        )
        started = time.perf_counter()
        status, text = ask(self._url, self._root + "/tap/sync", body, Content_Type=kind)
        self.overtime(time.perf_counter() - started)
        return f"{len(body)} bytes sent: {status} {_message(text)}"

    def _job_bomb(self) -> str:
        bombs = [adql for name, adql in queries(self._table) if "product" in name or "||" in name]
        asked = {"LANG": "ADQL", "PHASE": "RUN", "EXECUTIONDURATION": "10"}
        jobs = [self._job(urlencode(asked | {"QUERY": adql}).encode()) for adql in bombs]
        time.sleep(20)
        phases: collections.Counter[str] = collections.Counter()
        for job in jobs:
            phases[ask(self._url, job + "/phase")[1].decode()[:20]] += 1
        return ", ".join(f"{count} {phase}" for phase, count in phases.items())

    def _connections(self, number: int, first: bytes, more: bytes = b"") -> str:
        parts = urlsplit(self._url)
        opened: list[socket.socket] = []
        refused = 0
        for _ in range(number):
            try:
                one = socket.create_connection(
                    (parts.hostname or "", parts.port or 80), 10, (BAD, 0)
                )
                one.sendall(first)
                opened.append(one)
            except OSError:
                refused += 1
        ending = time.monotonic() + self._hold_s
        while time.monotonic() < ending:
            time.sleep(1)
            for one in opened if more else ():
                with contextlib.suppress(OSError):
                    one.sendall(more)
        for one in opened:
            one.close()
        return f"{len(opened)} opened, {refused} refused"

    def _readers(self, number: int, adql: str) -> str:
        parts = urlsplit(self._url)
        sent = urlencode({"LANG": "ADQL", "QUERY": adql, "RESPONSEFORMAT": "csv"})
        request = f"GET {parts.path}/sync?{sent} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        opened = []
        for _ in range(number):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
            one.bind((BAD, 0))
            one.connect((parts.hostname, parts.port))
            one.sendall(request)
            one.setblocking(False)
            opened.append(one)
        read, ending = 0, time.monotonic() + self._hold_s
        while time.monotonic() < ending:
            time.sleep(1)
            for one in opened:
                with contextlib.suppress(OSError):
                    read += len(one.recv(3_000))
        for one in opened:
            one.close()
        return f"{read / 1e3:.0f} kB read in all"

    def _hang_up(self, number: int, adql: str) -> str:
        parts = urlsplit(self._url)
        sent = urlencode({"LANG": "ADQL", "QUERY": adql + " ORDER BY a.z", "RESPONSEFORMAT": "csv"})
        for _ in range(number):
            one = socket.create_connection((parts.hostname or "", parts.port or 80), 10, (BAD, 0))
            one.sendall(f"GET {parts.path}/sync?{sent} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            time.sleep(0.02)
            one.close()
        time.sleep(5)
        return "all gone"

    def _downloads(self, number: int) -> str:
        found = at_once(lambda _: query(self._url, f"SELECT * FROM {self._table}")[0], number, 100)
        return _counted(found)

    def _passwords(self, number: int, name: str) -> str:
        def guess(n: int) -> int:
            secret = b64encode(f"{name.format(0, n=n)}:wrong{n}".encode()).decode()
            return ask(self._url, self._root + "/auth/tap/tables", Authorization=f"Basic {secret}")[
                0
            ]

        return _counted(at_once(guess, number, 200))

    def _jobs(self) -> str:
        sent = urlencode({"LANG": "ADQL", "QUERY": f"SELECT TOP 1 * FROM {self._table}"}).encode()

        def create(_: int) -> int:
            return ask(self._url, self._root + "/tap/async", sent, Content_Type=_FORM)[0]

        return _counted(at_once(create, 20_000, 16))

    def _job(self, sent: bytes) -> str:
        """Make a job, and give its path; nothing if it was refused."""
        parts = urlsplit(self._url)
        connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=60, source_address=(BAD, 0)
        )
        connection.request("POST", parts.path + "/async", sent, {"Content-Type": _FORM})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return urlsplit(answer.headers.get("Location", "")).path

    def _files(self) -> str:
        sent = urlencode({"LANG": "ADQL", "QUERY": "SELECT * FROM TAP_UPLOAD.t"}).encode()
        job = self._job(sent)
        if not job:
            return "no job was made"
        piece = b"ra,dec\n" + b"1.0,2.0\n" * 6_500_000

        def post(n: int) -> int:
            body, kind = multipart({"UPLOAD": f"t{n},param:f{n}"}, {f"f{n}": piece})
            return ask(self._url, job + "/parameters", body, Content_Type=kind)[0]

        return _counted(at_once(post, 20, 4))

    def _conversions(self) -> str:
        status, body = ask(self._url, self._root + "/api/products/")
        number = json.loads(body)["results"][0]["id"] if status == 200 else 1
        parts = urlsplit(self._url)
        opened = []
        for _ in range(60):
            one = socket.create_connection((parts.hostname or "", parts.port or 80), 10, (BAD, 0))
            path = f"{self._root}/api/products/{number}/data/?format=csv"
            one.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            opened.append(one)
        time.sleep(self._hold_s)
        for one in opened:
            one.close()
        return "60 asked"

    def _damaged(self) -> str:
        import h5py
        import numpy as np

        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            for name in ("ra", "dec", "z"):
                file.create_dataset(name, data=np.arange(500.0), chunks=(50,), compression="gzip")
        parts = urlsplit(self._url)
        for number in range(8):
            content = bytearray(buffer.getvalue())
            content[600 + 400 * number : 640 + 400 * number] = b"\xff" * 40
            sent, kind = multipart(
                {"LANG": "ADQL", "QUERY": "SELECT * FROM TAP_UPLOAD.t", "UPLOAD": "t,param:f"},
                {"f": bytes(content)},
            )
            head = (
                f"POST {parts.path}/sync HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
                f"Content-Length: {len(sent)}\r\n\r\n"
            )
            one = socket.create_connection((parts.hostname or "", parts.port or 80), 10, (BAD, 0))
            one.sendall(head.encode() + sent)
            one.close()
        # Somebody's own table is read at once all the same.
        sent, kind = multipart(
            {"LANG": "ADQL", "QUERY": "SELECT * FROM TAP_UPLOAD.t", "UPLOAD": "t,param:f"},
            {"f": b"ra,dec\n1.0,2.0\n"},
        )
        started = time.perf_counter()
        status, _ = ask(self._url, parts.path + "/sync", sent, GOOD, Content_Type=kind)
        return f"another's upload: {status} after {time.perf_counter() - started:.1f} s"


def multipart(fields: dict[str, str], files: dict[str, bytes]) -> tuple[bytes, str]:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode()
        for k, v in fields.items()
    ]
    for name, content in files.items():
        head = f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'
        parts += [head.encode(), content, b"\r\n"]
    return b"".join([*parts, b"--b--\r\n"]), "multipart/form-data; boundary=b"


def _message(body: bytes) -> str:
    text = re.sub(r"<[^>]*>", " ", body[:4000].decode(errors="replace"))
    return " ".join(text.split())[:110]


def _counted(found: collections.Counter[int]) -> str:
    return ", ".join(f"{count} x {status}" for status, count in sorted(found.items()))


def main() -> None:
    """Play every bad visitor, and say whether each stayed within what is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sync-timeout", type=float, help="seconds; the default setting if absent")
    parser.add_argument(
        "--settle", type=float, default=60.0, help="seconds until the memory is back at most"
    )
    parser.add_argument("--hold", type=float, default=10.0, help="seconds that connections stay")
    parser.add_argument("--only", nargs="*", default=[""], help="parts of names of what is tried")
    options = parser.parse_args()
    environment = {}
    if options.sync_timeout is not None:
        environment["PZVO_SYNC_TIMEOUT_S"] = str(options.sync_timeout)
    limit_s = options.sync_timeout or 60.0
    failures = 0
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        write_catalogue(home / "catalogue.parquet", options.rows)
        table, _ = publish(home, home / "catalogue.parquet")
        with served(home, environment) as (url, pid):
            query(url, f"SELECT TOP 1 * FROM {table}", GOOD)
            time.sleep(3)
            start = tree_mib(pid)
            print(f"{options.rows:,} rows; tree at the start {start:.0f} MiB; limits: tree below"
                  f" {MEMORY_LIMIT_MIB} MiB, other's p95 below {P95_LIMIT_MS:.0f} ms, no refusal,"
                  f" time limit ({limit_s:g} s) kept to {OVERTIME_LIMIT_S:g} s, tree back within"
                  f" {GROWTH_LIMIT - 1:.0%}")  # fmt: skip
            visitor = BadVisitor(url, table, options.hold)
            for what, attempt in visitor.tries():
                if not any(word in what for word in options.only):
                    continue
                visitor.last_s = 0.0
                with Watch(url, pid, table) as watch:
                    answered = attempt()
                after = settled_mib(pid, GROWTH_LIMIT * start, options.settle)
                over = max(0.0, visitor.last_s - limit_s)
                wrong = [
                    word
                    for word, bad in (
                        ("MEMORY", watch.peak_mib > MEMORY_LIMIT_MIB),
                        ("SLOW", watch.p95_ms() > P95_LIMIT_MS),
                        ("REFUSED", bool(watch.refused)),
                        ("LATE", over > OVERTIME_LIMIT_S),
                        ("KEPT", after > GROWTH_LIMIT * start),
                    )
                    if bad
                ]
                failures += bool(wrong)
                print(
                    f"{what:38} tree {watch.peak_mib:6.0f} MiB  other p95 {watch.p95_ms():6.0f} ms"
                    f" of {len(watch.seconds):4}  refused {sum(watch.refused.values()):3}"
                    f"  took {visitor.last_s:5.1f} s  after {after:5.0f} MiB"
                    f"  {' '.join(wrong) or 'ok':8}  {answered}",
                    flush=True,
                )
    print(f"{failures} outside of what is required")


if __name__ == "__main__":
    main()
