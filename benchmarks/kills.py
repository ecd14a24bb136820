"""What is lost when a process of the service is killed under load: its own requests, and no more.

Usage: python benchmarks/kills.py [--rows N] [--clients N] [--rounds N]

A hundred clients ask small queries, a tenth of them with tables of their own. Meanwhile one
process of each kind is killed with SIGKILL, some times over. Printed are the requests that failed
because they were under way at that moment, those that failed later (there must be none but those
that found the service busy, with 503), and the memory of the tree; at the end how long as many
queries at once as there are slots take, which would show a slot that was lost.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from catalogue import write_catalogue
from installation import publish, served
from visitors import ask, at_once, multipart, query, settled_mib, tree_mib, tree_of

AFTER_S = 2.0
"""Seconds after a kill beyond which nothing may fail: those under way are over by then."""

KINDS = {
    "web process": " web ",
    "worker": " worker ",
    "host of queries": "engines.process.host",
    "query process": "engines.process.host",
    "reading process": "reading_process",
}
"""What the command line of each kind has in it."""


def processes(pid: int, kind: str) -> list[int]:
    """List the processes of a kind below the service."""
    parents = tree_of(pid)
    found = []
    for number, parent in parents.items():
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            if KINDS[kind] in command:
                found.append((number, parent))
    # A query process is a fork of its host, which is a child of the service.
    if kind in ("host of queries", "query process"):
        found = [each for each in found if (each[1] == pid) is (kind == "host of queries")]
    return [number for number, _ in found]


class Clients:
    """Clients that ask again and again, each from an address of its own."""

    def __init__(self, url: str, table: str, number: int) -> None:
        self._url, self._table = url, table
        self._ending = threading.Event()
        self.failed: list[tuple[float, int]] = []
        self.answered = 0
        self._threads = [
            threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(number)
        ]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        source = f"127.0.1.{number + 1}"
        adql = f"SELECT TOP 5 id, ra, dec, z FROM {self._table}"
        fields = {"LANG": "ADQL", "QUERY": "SELECT * FROM TAP_UPLOAD.t", "UPLOAD": "t,param:f"}
        body, kind = multipart(fields, {"f": b"ra,dec\n1.0,2.0\n"})
        path = urlsplit(self._url).path + "/sync"
        while not self._ending.wait(0.2):
            if number % 10:
                status, _ = query(self._url, adql, source, 60)
            else:
                status, _ = ask(self._url, path, body, source, 60, Content_Type=kind)
            # Counted by one thread at a time: appending and adding are atomic enough here.
            if status == 200:
                self.answered += 1
            else:
                self.failed.append((time.monotonic(), status))


def kill(pid: int, kind: str) -> bool:
    """Kill one process of a kind, if there is any."""
    for number in processes(pid, kind):
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
            return True
    return False


def main() -> None:
    """Kill each kind of process under load."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5, help="kills of each kind")
    options = parser.parse_args()
    lost = 0
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        write_catalogue(home / "catalogue.parquet", options.rows)
        table, _ = publish(home, home / "catalogue.parquet")
        with served(home, {"PZVO_WORKER_PROCESSES": "1"}) as (url, pid):
            query(url, f"SELECT TOP 1 * FROM {table}")
            time.sleep(3)
            start = tree_mib(pid)
            print(f"{options.rows:,} rows, {options.clients} clients; tree {start:.0f} MiB")
            for kind in KINDS:
                lost += _kill_some(url, pid, table, kind, options.clients, options.rounds)
                after = settled_mib(pid, 1.2 * start, 60)
                print(f"{'':18} tree afterwards {after:.0f} MiB", flush=True)
            adql = urlencode({"LANG": "ADQL", "QUERY": f"SELECT AVG(z) AS z FROM {table}"})
            path = f"{urlsplit(url).path}/sync?{adql}"
            started = time.perf_counter()
            found = at_once(lambda n: ask(url, path, source=f"127.0.2.{n % 8 + 1}")[0], 64, 64)
            print(f"64 queries at once: {dict(found)} in {time.perf_counter() - started:.1f} s")
    print(f"{lost} requests failed later than those under way")


def _kill_some(url: str, pid: int, table: str, kind: str, clients: int, rounds: int) -> int:
    at, later = Counter[int](), Counter[int]()
    killed = 0
    with Clients(url, table, clients) as running:
        time.sleep(3)
        for _ in range(rounds):
            before, moment = len(running.failed), time.monotonic()
            killed += kill(pid, kind)
            time.sleep(2 * AFTER_S)
            for when, status in running.failed[before:]:
                (at if when < moment + AFTER_S else later)[status] += 1
    print(
        f"{kind:18} killed {killed} times: {running.answered} requests answered, failed"
        f" {dict(at)} under way and {dict(later)} later (status 0 is a broken connection)"
    )
    return later.total() - later[503]


if __name__ == "__main__":
    main()
