"""A live service with published files, for real clients."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from command_line import pzvo
from live import LiveService


def survey_table(rows: int = 3000) -> pa.Table:
    """Make a redshift catalogue with every type that files have."""
    rng = np.random.default_rng(7)
    ids = rng.permutation(rows) + 2**53 + 1
    z = rng.gamma(2, 0.4, rows)
    z[::17] = np.nan
    return pa.table(
        {
            "OBJID": pa.array(ids),
            "RA": pa.array(rng.uniform(0, 360, rows)),
            "DEC": pa.array(np.degrees(np.arcsin(rng.uniform(-1, 1, rows)))),
            "z": pa.array(z),
            "zerr": pa.array((z * 0.01).astype(np.float32)),
            "quality": pa.array(rng.integers(0, 5, rows).astype(np.int16)),
            "mag.r": pa.array(
                rng.normal(22, 1, rows).astype(np.float32), mask=rng.random(rows) < 0.2
            ),
            "survey name": pa.array(["VVDS", "zCOSMOS", None] * (rows // 3)),
            "comment": pa.array(["é✓", "", "plain"] * (rows // 3)),
            "primary": pa.array(rng.random(rows) < 0.5),
            "seen": pa.array(np.datetime64("2025-01-01", "us") + rng.integers(0, 10**13, rows)),
            "pdf": pa.array([[0.1, 0.2, i / 7] for i in range(rows)], pa.list_(pa.float32())),
            "count": pa.array([None, 1, 2] * (rows // 3), pa.int64()),
        }
    )


@pytest.fixture(scope="session")
def survey() -> pa.Table:
    return survey_table()


@pytest.fixture(scope="session")
def service(tmp_path_factory, survey):
    """Serve a survey and an object catalogue."""
    home = tmp_path_factory.mktemp("home")
    path = tmp_path_factory.mktemp("files") / "survey.parquet"
    pa.parquet.write_table(survey, path)
    done = pzvo(
        home, "publish", str(path), "--name", "Test survey", "--type", "redshift_catalog",
        "--column", "OBJID=ID", "--column", "RA=RA", "--column", "DEC=Dec", "--column", "z=z",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    live = LiveService(home, {"PZVO_WEB_PROCESSES": "2"})
    live.start()
    yield live
    if live.process.poll() is None:
        live.stop()


@pytest.fixture(scope="session")
def stilts():
    """Run a task of STILTS."""
    path = shutil.which("stilts")
    if path is None:
        pytest.skip("stilts is not installed")

    def run(*arguments: str, timeout: float = 300) -> subprocess.CompletedProcess:
        return subprocess.run(
            [path, *arguments], capture_output=True, text=True, timeout=timeout, check=False
        )

    return run
