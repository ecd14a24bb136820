"""Whatever kills a publication, the product is there whole or not at all."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from registry.ingestion.plan import PublishRequest
from registry.model.principal import OPERATOR
from registry.stores.sweep import sweep_staging

ROOT = Path(__file__).resolve().parents[3]
ROWS = 100_000

PUBLISH = """
import sys
from pathlib import Path
from registry.ingestion.plan import PublishRequest
from registry.ingestion.service import PublishService
from registry.model.principal import OPERATOR
from registry.stores.files import FileStore
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.products import SqlProductStore
from vo_service.engines.duckdb.store import DuckdbTableStore
home, file = Path(sys.argv[1]), Path(sys.argv[2])
products = SqlProductStore(MetadataDatabase.in_folder(home))
service = PublishService(products, FileStore(home), DuckdbTableStore(home / "tables"))
request = PublishRequest("x", "object_catalog", (("ra", "RA"), ("dec", "Dec")))
service.publish(OPERATOR, file, request)
"""


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    rng = np.random.default_rng(3)
    path = tmp_path_factory.mktemp("data") / "catalogue.parquet"
    columns = {f"v{i}": rng.normal(size=ROWS) for i in range(6)}
    columns |= {"ra": rng.uniform(0, 360, ROWS), "dec": rng.uniform(-90, 90, ROWS)}
    pq.write_table(pa.table(columns), path)
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
        ("staging/*/file/*", 0.0),
        ("staging/*/file/*", 0.05),
        ("staging/*/*.duckdb", 0.0),
        ("staging/*/*.duckdb", 0.1),
        ("tables/*.duckdb", 0.0),
        ("archive/products/*/v1-*", 0.0),
    ],
)
def test_kill_at_any_moment(site, catalogue, pattern, delay_s):
    process = subprocess.Popen(
        [sys.executable, "-c", PUBLISH, str(site.home), str(catalogue)], cwd=ROOT
    )
    try:
        wait_for(site.home, pattern, process)
        time.sleep(delay_s)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    sweep_staging(site.files, site.products, site.tables, orphan_age=timedelta(0), everything=True)
    published = site.products.published()
    assert site.products.unfinished() == []
    if published:
        (product,) = published
        assert site.rows(product.internal_name).num_rows == ROWS
        (kept,) = site.home.glob(f"archive/products/*/v1-*/{catalogue.name}")
        assert kept.read_bytes() == catalogue.read_bytes()
    else:
        assert [p for p in site.left_over() if p.suffix != ".lock"] == []
    again = site.service.publish(
        OPERATOR, catalogue, PublishRequest("y", "object_catalog", (("ra", "RA"), ("dec", "Dec")))
    )
    assert site.rows(again.internal_name).num_rows == ROWS


def test_a_stray_lock_goes_when_it_is_old(site):
    with site.files.staging() as staging:
        stray = staging.path.parent / "stray.lock"
        stray.touch()
        site.files.remove_abandoned()
        assert stray.exists()
        os.utime(stray, (0, 0))
        assert site.files.remove_abandoned() == []
        assert not stray.exists()
        assert staging.path.is_dir()


def test_a_sweep_leaves_a_living_publication_alone(site, catalogue):
    process = subprocess.Popen(
        [sys.executable, "-c", PUBLISH, str(site.home), str(catalogue)], cwd=ROOT
    )
    wait_for(site.home, "staging/*/file/*", process)
    while process.poll() is None:
        swept = sweep_staging(site.files, site.products, site.tables)
        assert (swept.staging, swept.reservations) == ((), ())
        time.sleep(0.02)
    assert process.returncode == 0
    assert len(site.products.published()) == 1
