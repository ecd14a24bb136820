"""Uploads over HTTP: 10,000 positions joined within 1 arcsec to 1,000,000 rows.

Usage: python benchmarks/uploads.py [ROWS]

The floor of each join is COUNT of the uploaded rows alone: transfer, reading and typing.
"""

from __future__ import annotations

import http.client
import io
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.table import Table
from catalogue import write_catalogue
from installation import publish, served

UPLOADED_ROWS = 10_000

REPEATS = 6

TARGET_S = 0.3

_BOUNDARY = "pzvo-benchmark"

_JOINS = {
    "DISTANCE": "DISTANCE(a.ra, a.dec, t.ra, t.dec) < 1/3600.",
    "CONTAINS": "1 = CONTAINS(POINT('ICRS', a.ra, a.dec),"
    " CIRCLE('ICRS', t.ra, t.dec, 0.0002777777777777778))",
}
"""The two ways to write the condition."""


def uploads(catalogue: Path) -> dict[str, bytes]:
    """Make the upload in several formats: every hundredth object, moved by 0.3 arcsec."""
    rows = pq.read_table(catalogue, columns=["id", "ra", "dec"])
    step = max(1, rows.num_rows // UPLOADED_ROWS)
    chosen = rows.take(pa.array(np.arange(0, rows.num_rows, step)[:UPLOADED_ROWS]))
    table = Table(
        {
            "id": chosen["id"].to_numpy(),
            "ra": chosen["ra"].to_numpy(),
            "dec": np.clip(chosen["dec"].to_numpy() + 0.3 / 3600, -90, 90),
        }
    )
    made = {}
    for kind in ("tabledata", "binary", "binary2"):
        sink = io.BytesIO()
        table.write(sink, format="votable", tabledata_format=kind)
        made[f"VOTable {kind}"] = sink.getvalue()
    sink = io.BytesIO()
    pq.write_table(pa.table({name: np.asarray(table[name]) for name in table.colnames}), sink)
    made["Parquet"] = sink.getvalue()
    return made


def ask(connection: http.client.HTTPConnection, path: str, adql: str, content: bytes) -> bytes:
    """Send a query with its upload; give the answer."""
    fields = {"LANG": "ADQL", "QUERY": adql, "RESPONSEFORMAT": "csv", "UPLOAD": "t,param:f"}
    head = "".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head += (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="f"; filename="t"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head.encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    connection.request("POST", f"{path}/sync", body, kind)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise SystemExit(text.decode())
    return text


def main() -> None:
    """Run everything."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        catalogue = home / "catalogue.parquet"
        write_catalogue(catalogue, rows)
        table, _ = publish(home, catalogue)
        with served(home) as (url, _):
            report(url, table, uploads(catalogue))


def report(url: str, table: str, contents: dict[str, bytes]) -> None:
    """Measure and print."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=300)
    queries = {"count": "SELECT COUNT(*) AS n FROM TAP_UPLOAD.t"}
    queries |= {
        name: f"SELECT t.id, a.id AS match_id, a.z FROM TAP_UPLOAD.t AS t JOIN {table} AS a ON {on}"
        for name, on in _JOINS.items()
    }
    for kind, content in contents.items():
        for name, adql in queries.items():
            times, lines = [], 0
            for _ in range(REPEATS):
                # Somebody thinks between two queries; the next reader gets ready meanwhile.
                time.sleep(1)
                started = time.perf_counter()
                lines = ask(connection, parts.path, adql, content).count(b"\n") - 1
                times.append(time.perf_counter() - started)
            print(
                f"{kind:18} {name:9} {len(content) / 1e3:7.0f} kB  first {times[0]:.3f} s"
                f"  median {statistics.median(times[1:]):.3f} s  worst {max(times[1:]):.3f} s"
                f"  {lines:6} rows   target {TARGET_S} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
