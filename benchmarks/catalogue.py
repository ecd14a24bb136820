"""The catalogue that the benchmarks run on: 1,000,000 redshifts in 20 columns, made from a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

BANDS = "ugrizy"
"""Bands with a magnitude and an error each."""


def write_catalogue(path: Path, rows: int = 1_000_000, seed: int = 20261120) -> None:
    """Write the catalogue as Parquet, uniform on the sphere, in random order."""
    rng = np.random.default_rng(seed)
    z = rng.gamma(2.0, 0.4, rows).astype(np.float32)
    columns: dict[str, object] = {
        "id": rng.permutation(rows).astype(np.int64) + 10**15,
        "ra": rng.uniform(0, 360, rows),
        "dec": np.degrees(np.arcsin(rng.uniform(-1, 1, rows))),
        "z": z,
        "z_err": (0.001 * (1 + z) * rng.exponential(1, rows)).astype(np.float32),
        "z_flag": rng.integers(0, 5, rows).astype(np.int16),
        "survey": np.array(["ALPHA", "BETA", "GAMMA", "DELTA-2"])[rng.integers(0, 4, rows)],
        "type": np.array(["G", "Q", "S"])[rng.choice(3, rows, p=[0.85, 0.1, 0.05])],
    }
    for band in BANDS:
        magnitude = rng.normal(22, 1.5, rows).astype(np.float32)
        columns[f"mag_{band}"] = pa.array(magnitude, mask=rng.random(rows) < 0.02)
    for band in BANDS:
        columns[f"mag_err_{band}"] = rng.exponential(0.05, rows).astype(np.float32)
    pq.write_table(pa.table(columns), path, compression="zstd", row_group_size=131_072)
