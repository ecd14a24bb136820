"""Whatever kills an upload, a registration or a publication: nothing is half there."""

import io
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from shelf import ADA, REDSHIFTS, Shelf, parquet

from registry.errors import StorageFull
from registry.model.product import ProductStatus

ROOT = Path(__file__).resolve().parents[3]
ROWS = 60_000

UPLOAD = """
import io, sys, time
sys.path[:0] = ["tests/support"]
from pathlib import Path
from shelf import ADA, Shelf
shelf = Shelf(Path(sys.argv[1]))
product = shelf.draft()
content = Path(sys.argv[2]).read_bytes()
class Slow(io.BytesIO):
    def read(self, size=-1):
        time.sleep(0.02)
        return super().read(200_000)
shelf.service.files.add(ADA, product.id, 0, "t.parquet.gz", None, Slow(content))
print("acknowledged", flush=True)
shelf.service.register(ADA, product.id)
shelf.associate(product, ra="RA", dec="Dec", z="z")
print("registered", flush=True)
shelf.service.publish(ADA, product.id)
print("published", flush=True)
"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    import gzip

    rng = np.random.default_rng(5)
    columns = {f"v{i}": rng.normal(size=ROWS) for i in range(4)}
    columns |= {
        "ra": rng.uniform(0, 360, ROWS), "dec": rng.uniform(-90, 90, ROWS),
        "z": rng.uniform(0, 3, ROWS),
    }  # fmt: skip
    path = tmp_path_factory.mktemp("data") / "t.parquet.gz"
    path.write_bytes(gzip.compress(parquet(**columns), 1))
    return path


def wait_for(home, pattern, process, timeout_s=60):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end and process.poll() is None:
        if any(home.glob(pattern)):
            return
        time.sleep(0.0005)
    pytest.fail(f"{pattern} never came (exit code {process.poll()})")


@pytest.mark.parametrize(
    ("pattern", "delay_s"),
    [
        ("staging/*.lock", 0.0),
        ("staging/*/*.gz", 0.05),
        ("archive/products/*/files/*.gz", 0.0),
        ("staging/*/unpacked/layer1/*", 0.0),
        ("archive/products/*/files/*.parquet", 0.0),
        ("archive/products/*/files/*.parquet", 0.05),
        ("staging/*/*.duckdb", 0.0),
        ("staging/*/*.duckdb", 0.1),
        ("tables/*.duckdb", 0.0),
    ],
)
def test_kill_at_any_moment(tmp_path, packed, pattern, delay_s):
    home = tmp_path / "home"
    process = subprocess.Popen(
        [sys.executable, "-c", UPLOAD, str(home), str(packed)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        wait_for(home, pattern, process)
        time.sleep(delay_s)
    finally:
        process.send_signal(signal.SIGKILL)
        said = process.communicate()[0].split()
    shelf = Shelf(home)
    shelf.sweep()
    (product,) = shelf.service.products(ADA)
    files = shelf.service.files.select(ADA, product.id)
    if "acknowledged" in said:
        assert len(files) == 1
    kept = [f"archive/products/{product.internal_name}/{f.stored}" for f in files]
    # A lock whose folder was not made yet is empty, and goes when it is old.
    on_disk = [path for path in shelf.on_disk() if not path.endswith(".lock")]
    assert [p for p in on_disk if p.startswith("archive")] == sorted(kept)
    if "published" in said:
        assert product.status is ProductStatus.PUBLISHED
    if product.status is ProductStatus.PUBLISHED:
        assert product.version.n_rows == ROWS
        assert product.table_name in shelf.tables_of(ADA)
    else:
        assert on_disk == kept
        assert product.table_name not in shelf.tables_of(ADA)
        # The same product goes on from where it was.
        if not files:
            shelf.add(product, packed.read_bytes(), "t.parquet.gz")
        shelf.service.register(ADA, product.id)
        shelf.associate(product, ra="RA", dec="Dec", z="z")
        done = shelf.service.publish(ADA, product.id)
        assert done.version.n_rows == ROWS
    shelf.close()


def go_all_the_way(shelf, product, content):
    if not shelf.service.files.select(ADA, product.id):
        shelf.add(product, content, "t.parquet")
    shelf.service.register(ADA, product.id)
    shelf.associate(product, ra="RA", dec="Dec", z="z")
    return shelf.service.publish(ADA, product.id)


@pytest.mark.parametrize("limit_bytes", [50_000, 700_000])
def test_a_full_disk_leaves_nothing_half_done(tmp_path, limit_bytes):
    shelf = Shelf(tmp_path / "home")
    rng = np.random.default_rng(1)
    content = parquet(
        ra=rng.uniform(0, 360, 20_000),
        dec=rng.uniform(-90, 90, 20_000),
        z=rng.uniform(0, 1, 20_000),
    )
    product = shelf.draft()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        with pytest.raises(StorageFull):
            go_all_the_way(shelf, product, content)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    left = shelf.service.product(ADA, product.id)
    assert left.status is ProductStatus.REGISTERING
    assert [p for p in shelf.on_disk() if not p.startswith("archive")] == []
    assert len(shelf.on_disk()) == len(shelf.service.files.select(ADA, product.id))
    assert go_all_the_way(shelf, product, content).version.n_rows == 20_000
    shelf.close()


def test_a_connection_that_breaks_leaves_nothing(tmp_path):
    shelf = Shelf(tmp_path / "home")
    product = shelf.draft()

    class Broken(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > 20:
                raise ConnectionResetError("gone")
            return super().read(10)

    with pytest.raises(ConnectionResetError):
        shelf.service.files.add(ADA, product.id, 0, "a.csv", None, Broken(REDSHIFTS.encode()))
    assert shelf.on_disk() == []
    assert shelf.add(product, REDSHIFTS).size_bytes == len(REDSHIFTS)
    shelf.close()
