"""Small HATS catalogues, written by hand: cells of any orders, with or without a margin."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from registry.healpix import healpix_index


def write_catalogue(
    folder: Path, columns: dict, order: int = 1, *, ra="ra", dec="dec", index=True, split=()
) -> Path:
    """Write a catalogue whose cells are of one order, and one order finer for those in `split`."""
    table = pa.table(columns)
    cells = healpix_index(table[ra].combine_chunks(), table[dec].combine_chunks()).to_numpy()
    rank = np.argsort(cells, kind="stable")
    table, cells = table.take(pa.array(rank)), cells[rank]
    if index:
        table = table.add_column(0, "_healpix_29", pa.array(cells))
    lines = ["Norder,Npix"]
    orders = np.full(len(cells), order)
    orders[np.isin(cells >> 2 * (29 - order), list(split))] = order + 1
    for own in np.unique(orders):
        numbers = np.where(orders == own, cells >> 2 * (29 - int(own)), -1)
        for cell in np.unique(numbers[numbers >= 0]):
            path = folder / f"dataset/Norder={own}/Dir={cell // 10000 * 10000}/Npix={cell}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table.take(pa.array(np.flatnonzero(numbers == cell))), path)
            lines.append(f"{own},{cell}")
    (folder / "partition_info.csv").write_text("\n".join(lines) + "\n")
    facts = {"obs_collection": folder.name, "dataproduct_type": "object", "hats_nrows": len(cells)}
    facts |= {"hats_col_ra": ra, "hats_col_dec": dec, "hats_version": "v1.0"}
    if index:
        facts |= {"hats_col_healpix": "_healpix_29", "hats_col_healpix_order": 29}
    text = "".join(f"{key}={value}\n" for key, value in facts.items())
    (folder / "hats.properties").write_text(f"#HATS catalog\n{text}")
    return folder
