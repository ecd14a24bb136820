"""Mixed load for as long as one likes: memory, descriptors and threads must stay flat.

Usage: python benchmarks/endurance.py [--rows N] [--minutes M] [--clients N]

Some clients do what people do, one thing after the other at a modest rate: small queries, cones,
aggregates, downloads in several formats, uploads, asynchronous jobs, lists, pages, wrong queries,
and hang-ups in the middle of an answer. At the start (when each has been done once), in the middle
and at the end all clients pause for some seconds, and the tree is weighed: memory (PSS), open
descriptors and threads of all processes together, and how many of them there are.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from catalogue import write_catalogue
from installation import publish, served
from visitors import ask, multipart, query, tree_mib, tree_of

_FORM = "application/x-www-form-urlencoded"

_REST_S = 15.0
"""Seconds without requests before the tree is weighed: what a burst needs goes after five."""


class Visitor:
    """One client, from an address of its own."""

    def __init__(self, url: str, table: str, number: int) -> None:
        self._url, self._table = url, table
        self._path = urlsplit(url).path
        self._root = self._path.removesuffix("/tap")
        self._source = f"127.0.3.{number + 1}"
        self._random = random.Random(number)
        self.things: tuple[Callable[[], int], ...] = (
            lambda: self._adql(f"SELECT TOP 5 id, ra, dec, z FROM {table}"),
            self._cone,
            lambda: self._adql(f"SELECT survey, COUNT(*) AS n FROM {table} GROUP BY survey"),
            lambda: self._download("votable"),
            lambda: self._download("csv"),
            lambda: self._download("fits"),
            self._upload,
            self._job,
            lambda: self._page("/api/products/"),
            lambda: self._page("/"),
            lambda: self._page("/tap/tables"),
            lambda: self._adql("SELECT nothing FROM nowhere"),
            self._hang_up,
        )

    def _adql(self, adql: str) -> int:
        return query(self._url, adql, self._source, 120)[0]

    def _cone(self) -> int:
        ra, dec = self._random.uniform(0, 360), self._random.uniform(-60, 60)
        return self._adql(
            f"SELECT id, ra, dec FROM {self._table}"
            f" WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE({ra}, {dec}, 0.5))"
        )

    def _download(self, kind: str) -> int:
        sent = {"LANG": "ADQL", "QUERY": f"SELECT TOP 50000 * FROM {self._table}", "FORMAT": kind}
        return ask(self._url, f"{self._path}/sync?{urlencode(sent)}", source=self._source)[0]

    def _upload(self) -> int:
        rows = "\n".join(f"{n}.5,{n % 60}.5" for n in range(300))
        fields = {"LANG": "ADQL", "QUERY": "SELECT * FROM TAP_UPLOAD.t", "UPLOAD": "t,param:f"}
        body, kind = multipart(fields, {"f": f"ra,dec\n{rows}".encode()})
        return ask(self._url, f"{self._path}/sync", body, self._source, Content_Type=kind)[0]

    def _job(self) -> int:
        sent = {"LANG": "ADQL", "PHASE": "RUN", "QUERY": f"SELECT TOP 100 * FROM {self._table}"}
        body = urlencode(sent).encode()
        return ask(self._url, f"{self._path}/async", body, self._source, Content_Type=_FORM)[0]

    def _page(self, path: str) -> int:
        return ask(self._url, self._root + path, source=self._source)[0]

    def _hang_up(self) -> int:
        adql = f"SELECT a.id FROM {self._table} AS a, {self._table} AS b WHERE a.z + b.z > 9"
        return query(self._url, adql, self._source, 0.5)[0]


class Weights:
    """Sums over all processes of the service."""

    def __init__(self, pid: int) -> None:
        self.mib = tree_mib(pid)
        self.processes = self.descriptors = self.threads = 0
        for number in tree_of(pid):
            with contextlib.suppress(OSError):
                self.descriptors += len(list(Path(f"/proc/{number}/fd").iterdir()))
                self.threads += len(list(Path(f"/proc/{number}/task").iterdir()))
                self.processes += 1

    def __str__(self) -> str:
        return (
            f"tree {self.mib:5.0f} MiB, {self.descriptors} descriptors, {self.threads} threads,"
            f" {self.processes} processes"
        )


def play(visitors: list[Visitor], seconds: float, pause_s: float) -> Counter[int]:
    """Let all visitors do things for some seconds; each does everything at least once."""
    found: Counter[int] = Counter()
    lock = threading.Lock()
    ending = time.monotonic() + seconds

    def run(visitor: Visitor) -> None:
        done = 0
        while done < len(visitor.things) or time.monotonic() < ending:
            status = visitor.things[done % len(visitor.things)]()
            done += 1
            with lock:
                found[status] += 1
            time.sleep(pause_s)

    threads = [threading.Thread(target=run, args=(each,)) for each in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def main() -> None:
    """Play mixed load, and weigh the service at the start, in the middle and at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between two requests")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        write_catalogue(home / "catalogue.parquet", options.rows)
        table, _ = publish(home, home / "catalogue.parquet")
        # Jobs beyond what one address may have are refused, which is one more answer.
        with served(home) as (url, pid):
            visitors = [Visitor(url, table, number) for number in range(options.clients)]
            for part, minutes in (
                ("start", 0.0), ("middle", options.minutes / 2), ("end", options.minutes / 2)
            ):  # fmt: skip
                found = play(visitors, 60 * minutes, options.pause)
                time.sleep(_REST_S)
                answers = ", ".join(f"{n} x {status}" for status, n in sorted(found.items()))
                print(f"{part:7} {Weights(pid)}; answers {answers}", flush=True)


if __name__ == "__main__":
    main()
