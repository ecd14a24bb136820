"""HATS collections: a catalogue in Parquet files by HEALPix cell, and its margin.

HATS 1.0 (IVOA Note): ``dataset/Norder=k/Dir=d/Npix=n.parquet``, ``partition_info.csv``,
``hats.properties`` (and ``properties``, its older name), and ``dataset/_metadata``; a collection
holds the catalogue and the rows that lie just outside each cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from registry.healpix import HEALPIX_ORDER, healpix_index

__all__ = ["INDEX_COLUMN", "write_hats"]

Places: TypeAlias = npt.NDArray[np.int64]

INDEX_COLUMN = "_healpix_29"

MAX_ROWS = 1_000_000
"""Rows of a partition at most, as the importers of LSDB have it."""

_MAX_ORDER = 10

MARGIN_ARCSEC = 5.0
"""Width of the margin, as the original's products have it."""

_BORDER_ORDER = 14
"""Cells of 12.9 arcsec: a circle of the margin's width around any point of a cell stays within
the cell and its neighbours."""

_POINTS = 32
"""Directions in which the surroundings of a row are looked at."""

_CATALOGUE, _MARGIN = "catalog", "margin_5arcs"


def write_hats(table: pa.Table, folder: Path, position: tuple[str, str] = ("ra", "dec")) -> None:
    """Write a collection.

    Parameters
    ----------
    table
        With positions, ICRS in degrees, without nulls in them.
    folder
        To be made.
    position
        Columns with right ascension and declination.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    ra, dec = (_one(table[name]) for name in position)
    index = healpix_index(ra, dec).to_numpy(zero_copy_only=False)
    order = np.argsort(index, kind="stable")
    index = index[order]
    table = table.take(pa.array(order)).add_column(0, INDEX_COLUMN, pa.array(index))
    partitions = _partitions(index)
    ra, dec = (_one(table[name]) for name in position)
    rows, cells = _margin_rows(ra, dec, index, partitions)
    folder.mkdir(parents=True)
    columns = {"hats_col_ra": position[0], "hats_col_dec": position[1]}
    _write_catalogue(
        folder / _CATALOGUE,
        table,
        {cell: np.arange(start, stop) for cell, (start, stop) in partitions.items()},
        {"dataproduct_type": "object", **columns},
    )
    _write_catalogue(
        folder / _MARGIN,
        table,
        {cell: rows[cells == place] for place, cell in enumerate(partitions)},
        {
            "dataproduct_type": "margin",
            **columns,
            "hats_primary_table_url": f"../{_CATALOGUE}",
            "hats_margin_threshold": str(MARGIN_ARCSEC),
        },
    )
    _write_properties(
        folder / "collection.properties",
        "HATS Collection",
        {
            "obs_collection": folder.name,
            "hats_primary_table_url": _CATALOGUE,
            "all_margins": _MARGIN,
            "default_margin": _MARGIN,
        },
    )


def _one(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole


def _partitions(index: Places) -> dict[tuple[int, int], tuple[int, int]]:
    """Cut sorted positions into cells, finer ones where there are more rows.

    Returns
    -------
    dict
        Range of rows by order and number of the cell, in the order of the rows.
    """
    found: dict[tuple[int, int], tuple[int, int]] = {}
    waiting = [(0, cell) for cell in range(11, -1, -1)]
    while waiting:
        order, cell = waiting.pop()
        shift = 2 * (HEALPIX_ORDER - order)
        start, stop = np.searchsorted(index, [cell << shift, (cell + 1) << shift])
        if start == stop:
            continue
        if stop - start > MAX_ROWS and order < _MAX_ORDER:
            waiting += [(order + 1, 4 * cell + child) for child in (3, 2, 1, 0)]
        else:
            found[order, cell] = (int(start), int(stop))
    return found


def _margin_rows(
    longitude: pa.Array,
    latitude: pa.Array,
    index: Places,
    partitions: Mapping[tuple[int, int], tuple[int, int]],
) -> tuple[Places, Places]:
    """Find the rows that lie just outside of partitions.

    Returns
    -------
    tuple
        Rows, and the place of the partition to whose margin they belong.
    """
    near = np.concatenate(
        [
            start + _border_rows(index[start:stop], order)
            for (order, _), (start, stop) in partitions.items()
        ]
    )
    starts = np.array([cell << 2 * (HEALPIX_ORDER - order) for order, cell in partitions])
    stops = np.array([(cell + 1) << 2 * (HEALPIX_ORDER - order) for order, cell in partitions])
    ra = np.radians(longitude.to_numpy(zero_copy_only=False)[near])
    dec = np.radians(latitude.to_numpy(zero_copy_only=False)[near])
    own = np.searchsorted(starts, index[near], side="right") - 1
    found = []
    for radius in (0.5, 1.02):
        for turn in np.arange(_POINTS) * 2 * np.pi / _POINTS:
            point = healpix_index(*_displaced(ra, dec, radius * MARGIN_ARCSEC, turn)).to_numpy()
            cell = np.searchsorted(starts, point, side="right") - 1
            other = (cell != own) & (cell >= 0) & (point < stops[cell])
            found.append(np.stack([near[other], cell[other]]))
    both = np.unique(np.concatenate(found, axis=1), axis=1)
    return both[0], both[1]


def _border_rows(index: Places, order: int) -> Places:
    """Find the rows of a cell that may be nearer to its border than the margin is wide."""
    if order >= _BORDER_ORDER:
        return np.arange(len(index))
    bits = 2 * (_BORDER_ORDER - order)
    inner = (index >> 2 * (HEALPIX_ORDER - _BORDER_ORDER)) & ((1 << bits) - 1)
    even = int("01" * (bits // 2), 2)
    x, y = inner & even, (inner >> 1) & even
    return np.flatnonzero((x == 0) | (x == even) | (y == 0) | (y == even))


def _displaced(
    ra: npt.NDArray[np.float64], dec: npt.NDArray[np.float64], arcsec: float, turn: float
) -> tuple[pa.Array, pa.Array]:
    """Go from positions some way in a direction; also from the poles, where all is south."""
    step = np.radians(arcsec / 3600)
    ahead, along, aside = np.cos(step), np.sin(step) * np.cos(turn), np.sin(step) * np.sin(turn)
    outward = np.cos(dec) * ahead - np.sin(dec) * along
    x = outward * np.cos(ra) - aside * np.sin(ra)
    y = outward * np.sin(ra) + aside * np.cos(ra)
    z = np.sin(dec) * ahead + np.cos(dec) * along
    lon, lat = np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))
    return pa.array(lon % 360), pa.array(lat)


def _write_catalogue(
    folder: Path,
    table: pa.Table,
    rows_by_cell: Mapping[tuple[int, int], Places],
    said: Mapping[str, Any],
) -> None:
    dataset = folder / "dataset"
    dataset.mkdir(parents=True)
    summaries: list[pq.FileMetaData] = []
    lines = ["Norder,Npix"]
    total = 0
    for (order, cell), rows in rows_by_cell.items():
        if not len(rows):
            continue
        name = f"Norder={order}/Dir={cell // 10_000 * 10_000}/Npix={cell}.parquet"
        path = dataset / name
        path.parent.mkdir(parents=True, exist_ok=True)
        own = table.take(pa.array(rows))
        with pq.ParquetWriter(path, own.schema, metadata_collector=summaries) as writer:
            writer.write_table(own)
        summaries[-1].set_file_path(name)
        lines.append(f"{order},{cell}")
        total += len(rows)
    pq.write_metadata(table.schema, dataset / "_metadata", metadata_collector=summaries)
    pq.write_metadata(table.schema, dataset / "_common_metadata")
    (folder / "partition_info.csv").write_text("\n".join(lines) + "\n", encoding="ascii")
    orders = [order for order, _ in rows_by_cell]
    sky = sum(1 / (12 * 4**order) for (order, _), rows in rows_by_cell.items() if len(rows))
    facts = {
        "obs_collection": folder.name,
        **said,
        "hats_nrows": total,
        "hats_col_healpix": INDEX_COLUMN,
        "hats_col_healpix_order": HEALPIX_ORDER,
        "hats_npix_suffix": ".parquet",
        "hats_max_rows": MAX_ROWS,
        "hats_order": max(orders, default=0),
        "moc_sky_fraction": f"{sky:.5f}",
    }
    for name in ("hats.properties", "properties"):
        _write_properties(folder / name, "HATS catalog", facts)


def _write_properties(path: Path, title: str, facts: Mapping[str, Any]) -> None:
    made = f"{datetime.now(UTC):%Y-%m-%dT%H:%MUTC}"
    facts = {**facts, "hats_builder": "pzvo", "hats_creation_date": made, "hats_version": "v1.0"}
    text = "".join(f"{key}={value}\n" for key, value in facts.items())
    path.write_text(f"#{title}\n{text}", encoding="ascii")
