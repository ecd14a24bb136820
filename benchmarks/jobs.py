"""Asynchronous queries over HTTP: round trip, many submissions, and waiters beside queries.

Usage: python benchmarks/jobs.py [WAITERS]

The floor of the round trip is four requests to a resource that needs no work: a client creates,
waits, reads the job and fetches the result.
"""

from __future__ import annotations

import http.client
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from catalogue import write_catalogue
from installation import publish, served
from sync import Client, line, percentile, timed

QUERY = "SELECT TOP 1 * FROM TAP_SCHEMA.tables"


def request(connection: http.client.HTTPConnection, method: str, path: str, form=None):
    """Ask, and give status, headers and body."""
    body = None if form is None else urlencode(form)
    headers = {} if form is None else {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def round_trip(connection, path: str) -> None:
    """Create a job that runs, wait for it, fetch its result."""
    form = {"LANG": "ADQL", "QUERY": QUERY, "PHASE": "RUN"}
    status, headers, _ = request(connection, "POST", f"{path}/async", form)
    assert status == 303, status
    job = urlsplit(headers["Location"]).path
    while b"COMPLETED" not in request(connection, "GET", f"{job}?WAIT=10")[2]:
        pass
    assert request(connection, "GET", f"{job}/results/result")[0] == 200


def submissions(parts, total: int, clients: int) -> None:
    """Submit jobs from many clients, and wait until all are over."""
    errors = []
    jobs: list[str] = []

    def submit(count: int) -> None:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        form = {"LANG": "ADQL", "QUERY": QUERY, "PHASE": "RUN"}
        for _ in range(count):
            status, headers, _ = request(connection, "POST", f"{parts.path}/async", form)
            if status == 303:
                jobs.append(urlsplit(headers["Location"]).path)
            else:
                errors.append(status)

    started = time.perf_counter()
    threads = [threading.Thread(target=submit, args=(total // clients,)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    submitted = time.perf_counter() - started
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    left = set(jobs)
    while left:
        job = next(iter(left))
        body = request(connection, "GET", f"{job}/phase")[2].strip()
        if body == b"COMPLETED":
            left.discard(job)
        elif body in (b"ERROR", b"ABORTED"):
            raise SystemExit(f"{job}: {body!r}")
        else:
            time.sleep(0.02)
    done = time.perf_counter() - started
    line(f"{total} jobs from {clients} clients", f"{total / submitted:.0f} submissions/s")
    line("  all completed", f"after {done:.1f} s", target=f"{len(errors)} errors")


def rate(url: str, seconds: float) -> tuple[float, list[float]]:
    """Give trivial queries per second of one client, and its waits for /phase-like answers."""
    client, lags = Client(url), []
    count, stop = 0, time.monotonic() + seconds
    while time.monotonic() < stop:
        client.query(QUERY)
        count += 1
        started = time.perf_counter()
        client.get("/availability")
        lags.append(time.perf_counter() - started)
    return count / seconds, lags


def waiters(url: str, parts, number: int) -> None:
    """Compare the rate of queries with and without clients that wait for a pending job."""
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    form = {"LANG": "ADQL", "QUERY": QUERY}
    _, headers, _ = request(connection, "POST", f"{parts.path}/async", form)
    job = urlsplit(headers["Location"]).path
    alone, _ = rate(url, 4)
    stop = threading.Event()

    def wait() -> None:
        held = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        while not stop.is_set():
            request(held, "GET", f"{job}?WAIT=20")

    threads = [threading.Thread(target=wait, daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    time.sleep(2)
    beside, lags = rate(url, 4)
    stop.set()
    line(
        f"queries beside {number} waiters",
        f"{beside:.0f} of {alone:.0f} per second",
        target=f"{100 * beside / alone:.0f} % (target 80 %)",
    )
    line(
        "  small requests meanwhile", f"p95 {percentile(lags, 0.95):.0f} ms", target="target 50 ms"
    )
    request(connection, "DELETE", job)


def main() -> None:
    """Run everything."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as folder:
        home, file = Path(folder) / "home", Path(folder) / "catalogue.parquet"
        home.mkdir()
        write_catalogue(file, 10_000)
        publish(home, file)
        with served(home) as (url, _):
            parts = urlsplit(url)
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
            client = Client(url)
            time.sleep(1)
            for _ in range(5):
                round_trip(connection, parts.path)
            trips = timed(lambda: round_trip(connection, parts.path), 40)
            floor = 4 * statistics.median(timed(lambda: client.get("/availability"), 40))
            line(
                "round trip of a trivial job",
                f"p50 {percentile(trips, 0.5):.0f}, p95 {percentile(trips, 0.95):.0f} ms",
                f"four requests {floor * 1e3:.0f} ms",
                statistics.median(trips) / floor,
                "target 150 ms",
            )
            submissions(parts, 1000, 16)
            waiters(url, parts, number)


if __name__ == "__main__":
    main()
