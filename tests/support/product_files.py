"""The same small redshift catalogue in every format that people upload."""

from __future__ import annotations

from pathlib import Path

import astropy.io.fits
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


UNPLAIN_TEXTS = {
    "comment.csv": "# made by me\n# on monday\nname,ra,dec,z\na,1,2,0.5\nb,3,4,1.0\n",
    "inner.csv": "name,ra,dec,z\na,1,2,0.5\n# note\nb,3,4,1.0\n",
    "commented_names.csv": "# name,ra,dec,z\na,1,2,0.5\nb,3,4,1.0\n",
    "blanks.csv": "name, ra, dec, z\na, 1, 2, 0.5\nb, 3, 4, 1.0\n",
    "decimal_comma.csv": "name;ra;dec;z\na;1,5;2,5;0,5\nb;3,5;4,5;1,0\n",
    "space.txt": "name ra dec z\na 1 2 0.5\nb 3 4 1.0\n",
    "table.dat": "# name ra dec z\na 1 2 0.5\nb 3 4 1.0\n",
    "tabs.tsv": "name\tra\tdec\tz\na\t1\t2\t0.5\nb\t3\t4\t1.0\n",
}
"""The same two rows in texts that pandas does not read with a delimiter and a header alone."""


def write_unplain(folder: Path) -> list[str]:
    """Write two rows in ways that common readers take for something else than one table."""
    for name, text in UNPLAIN_TEXTS.items():
        (folder / name).write_text(text)
    rows = astropy.table.Table({"name": ["a", "b"], "ra": [1.0, 3.0], "dec": [2.0, 4.0]})
    rows["z"] = [0.5, 1.0]
    rows.write(folder / "table.vot", format="votable")
    fits = astropy.io.fits
    table = fits.table_to_hdu(rows)
    image = fits.ImageHDU(np.zeros((2, 2)))
    fits.HDUList([fits.PrimaryHDU(), image, table]).writeto(folder / "image.fits")
    table.name = "Joined"
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(folder / "named.fits")
    with h5py.File(folder / "group.hdf5", "w") as file:
        for name in rows.colnames:
            file[f"photometry/{name}"] = np.asarray(rows[name], "S1" if name == "name" else float)
    frame = pa.table({name: rows[name].tolist() for name in rows.colnames})
    pa.parquet.write_table(frame, folder / "texts.parquet")
    others = ["table.vot", "image.fits", "named.fits", "group.hdf5", "texts.parquet"]
    return [*UNPLAIN_TEXTS, *others]
