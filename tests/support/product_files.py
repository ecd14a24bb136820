"""The same small redshift catalogue in every format that people upload."""

from __future__ import annotations

from pathlib import Path

import astropy.table
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

ROWS = 60


def catalogue(rows: int = ROWS) -> pa.Table:
    """Make the catalogue."""
    rng = np.random.default_rng(11)
    return pa.table(
        {
            "objid": pa.array(np.arange(rows) + 10**15),
            "ra": pa.array(rng.uniform(149, 151, rows)),
            "dec": pa.array(rng.uniform(1, 3, rows)),
            "redshift": pa.array(rng.gamma(2, 0.4, rows)),
            "flag": pa.array(rng.integers(0, 5, rows)),
            "survey": pa.array(["VVDS", "zCOSMOS"] * (rows // 2)),
        }
    )


def write_all(folder: Path) -> dict[str, Path]:
    """Write the catalogue in every format; give the files by their ending."""
    table = catalogue()
    paths = {
        ending: folder / f"catalogue.{ending}" for ending in ("csv", "fits", "hdf5", "parquet")
    }
    pa.csv.write_csv(table, paths["csv"])
    pa.parquet.write_table(table, paths["parquet"])
    rows = astropy.table.Table(
        {name: np.asarray(table[name].to_pylist()) for name in table.column_names}
    )
    rows.write(paths["fits"])
    with h5py.File(paths["hdf5"], "w") as file:
        for name in table.column_names:
            values = table[name].to_pylist()
            file[name] = np.asarray(values, "S8") if name == "survey" else np.asarray(values)
    paths["headerless"] = folder / "headerless.csv"
    numbers = pa.csv.WriteOptions(include_header=False)
    pa.csv.write_csv(table.drop_columns(["survey"]), paths["headerless"], numbers)
    return paths
