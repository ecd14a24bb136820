"""What pages cost: a plot of a large table, a list of many products, and a first visit.

Usage: python benchmarks/website.py [--rows N] [--products N]

Printed are the time of the histogram of a table (the first one and the median of the others), that
of pages of the list of products on the server, the size of scripts and styles of each page as they
are sent, and, where Debian's `chromium` is installed, the first contentful paint of a browser that
was never here. Required are 1 s, 200 ms,
300 kB (700 kB with the editor) and 1 s. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import re
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from catalogue import write_catalogue
from installation import ROOT, publish, served
from sqlalchemy import insert

from registry.model.product import ProductStatus, internal_name
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.schema import products

PAGES = ("/", "/products", "/product/{}", "/query", "/pipelines")
LISTS = ("/products", "/products?type=other", "/products?q=product+99", "/products?page=300",
         "/products?sort=display_name&page=50", "/datasets", "/")  # fmt: skip
STATIC = ROOT / "vo_service" / "web" / "static"


def fill(home: Path, count: int) -> None:
    """Record many published products whose data are elsewhere."""
    database = MetadataDatabase.in_folder(home)
    database.prepare()
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    rows = []
    for number in range(1000, 1000 + count):
        name, made = f"product {number}", begin + timedelta(minutes=number)
        rows.append(
            {
                "id": number, "internal_name": internal_name(number, name), "display_name": name,
                "product_type": "other", "status": int(ProductStatus.PUBLISHED), "owner": "ann",
                "official": number % 10 == 0, "created": made, "updated": made,
                "data_url": "https://example.org/data", "description": f"What **{name}** is.",
                "visibility": "members" if number % 7 == 0 else "release",
                # Nobody writes ten thousand manifests before the first page.
                "revision": 1, "manifest_revision": 1,
            }
        )  # fmt: skip
    with database.writing(quiet=True) as connection:
        connection.execute(insert(products), rows)
    database.close()


def get(url: str, path: str) -> float:
    """Ask for a page; give the milliseconds until all of it is there."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=300)
    started = time.perf_counter()
    connection.request("GET", path, headers={"HX-Request": "true"} if "/plot/" in path else {})
    answer = connection.getresponse()
    body = answer.read()
    taken = 1000 * (time.perf_counter() - started)
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status} {body[:300]!r}")
    return taken


def timed(url: str, path: str, limit_ms: float, times: int = 15) -> None:
    """Print how long a page takes."""
    first, *others = [get(url, path) for _ in range(times)]
    median = statistics.median(others)
    verdict = "" if median < limit_ms else f"  over {limit_ms:.0f} ms"
    print(f"{path:45} first {first:7.0f} ms, median {median:6.0f} ms{verdict}", flush=True)


def scripts(url: str, path: str) -> None:
    """Print how much script and style a page loads, compressed, in kB."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=300)
    connection.request("GET", path)
    text = connection.getresponse().read().decode()
    names = set(re.findall(r"/static/[^/]+/([\w.]+\.(?:js|css))", text))
    sizes = {name: len(gzip.compress((STATIC / name).read_bytes())) / 1000 for name in names}
    plain = {name: (STATIC / name).stat().st_size / 1000 for name in names}
    listed = ", ".join(f"{name} {size:.0f}" for name, size in sorted(sizes.items()))
    js = sum(size for name, size in plain.items() if name.endswith(".js"))
    print(f"{path:45} {sum(sizes.values()):5.0f} kB sent ({listed}); scripts {js:.0f} kB unpacked")


def paints(url: str, paths: list[str]) -> None:
    """Print when a new browser first shows something of each page."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("first contentful paint: chromium is not installed")
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for path in paths:
            found = []
            for _ in range(3):
                context = browser.new_context()
                page = context.new_page()
                page.goto(url + path, wait_until="networkidle", timeout=120_000)
                entries = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
                found.append(page.evaluate(entries))
                context.close()
            print(f"{path:45} first contentful paint {min(found):5.0f} ms")
        browser.close()


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--products", type=int, default=10_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        file = Path(folder) / "catalogue.parquet"
        write_catalogue(file, asked.rows)
        table, seconds = publish(home, file)
        product = table.partition(".p")[2]
        print(f"{asked.rows} rows published in {seconds:.0f} s")
        fill(home, asked.products)
        with served(home) as (tap, _):
            url = tap.removesuffix("/tap")
            timed(url, f"/product/{product}/plot/redshift", 1000)
            timed(url, f"/product/{product}/plot/sky", 1000, times=3)
            timed(url, f"/product/{product}", 200)
            for path in LISTS:
                timed(url, path, 200)
            for path in PAGES:
                scripts(url, path.format(product))
            paints(url, [path.format(product) for path in PAGES])


if __name__ == "__main__":
    main()
