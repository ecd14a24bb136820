import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import hats
from pipelines.combine_redshift_dedup.matching import find_links
from registry.formats.readers.opening import open_file
from registry.healpix import healpix_index


@pytest.fixture
def crowded(tmp_path, monkeypatch):
    """Rows around corners of cells, in partitions of few rows."""
    monkeypatch.setattr(hats, "MAX_ROWS", 300)
    random = np.random.default_rng(7)
    corners = [(45.0, 0.0), (0.0, 90.0), (0.0, -90.0), (0.0, 0.0), (45.0, 41.8103149)]
    ra, dec = [random.uniform(0, 360, 500)], [random.uniform(-80, 80, 500)]
    for lon, lat in corners:
        dec.append(np.clip(lat + random.normal(0, 8 / 3600, 400), -90, 90))
        width = np.maximum(np.cos(np.radians(dec[-1])), 1e-9)
        ra.append((lon + random.normal(0, 8 / 3600, 400) / width) % 360)
    table = pa.table({"row": np.arange(2500), "ra": np.concatenate(ra), "dec": np.concatenate(dec)})
    hats.write_hats(table, tmp_path / "crd.hats")
    return table, tmp_path / "crd.hats"


def rows_by_cell(catalogue):
    found = {}
    for path in sorted((catalogue / "dataset").rglob("Npix=*.parquet")):
        order = int(path.parts[-3].removeprefix("Norder="))
        found[order, int(path.stem.removeprefix("Npix="))] = pq.read_table(path)
    return found


def test_every_row_is_in_the_partition_of_its_cell(crowded):
    _, folder = crowded
    cells = rows_by_cell(folder / "catalog")
    assert sum(len(rows) for rows in cells.values()) == 2500
    assert sorted(n for rows in cells.values() for n in rows["row"].to_pylist()) == [*range(2500)]
    for (order, cell), rows in cells.items():
        index = rows[hats.INDEX_COLUMN].to_numpy()
        assert (index >> 2 * (29 - order) == cell).all()
        assert (np.diff(index) >= 0).all()
        own = healpix_index(rows["ra"].combine_chunks(), rows["dec"].combine_chunks())
        assert own.to_pylist() == index.tolist()
        assert len(rows) <= 300 or order == 10


def test_margin_has_the_rows_that_are_near_rows_of_another_partition(crowded):
    table, folder = crowded
    cells = rows_by_cell(folder / "catalog")
    home = {row: cell for cell, rows in cells.items() for row in rows["row"].to_pylist()}
    margin = {
        cell: set(rows["row"].to_pylist())
        for cell, rows in rows_by_cell(folder / "margin_5arcs").items()
    }
    links = find_links(table["ra"].to_numpy(), table["dec"].to_numpy(), 5.0)
    across = [
        (row, home[other])
        for row, other in zip(links.rows.tolist(), links.neighbours.tolist(), strict=True)
        if home[row] != home[other]
    ]
    assert len(across) > 1000
    assert all(row in margin[cell] for row, cell in across)
    assert all(home[row] != cell for cell, rows in margin.items() for row in rows)


def test_margin_is_of_rows_near_the_border_alone(crowded):
    _, folder = crowded
    rows = [n for part in rows_by_cell(folder / "margin_5arcs").values() for n in part["row"]]
    assert len({row.as_py() for row in rows if row.as_py() < 500}) < 5


def test_documents_of_a_collection_name_its_parts(crowded):
    _, folder = crowded

    def said(path):
        lines = path.read_text().splitlines()[1:]
        return dict(line.split("=", 1) for line in lines)

    collection = said(folder / "collection.properties")
    assert collection["hats_primary_table_url"] == "catalog"
    assert collection["all_margins"] == "margin_5arcs"
    main, margin = (said(folder / name / "hats.properties") for name in ("catalog", "margin_5arcs"))
    assert main["dataproduct_type"] == "object"
    assert main["hats_nrows"] == "2500"
    assert margin["hats_margin_threshold"] == "5.0"
    with (folder / "catalog" / "partition_info.csv").open() as handle:
        listed = {(int(row["Norder"]), int(row["Npix"])) for row in csv.DictReader(handle)}
    assert listed == set(rows_by_cell(folder / "catalog"))
    summary = pq.read_metadata(folder / "catalog" / "dataset" / "_metadata")
    assert summary.num_rows == 2500
    assert {summary.row_group(n).column(0).file_path for n in range(summary.num_row_groups)} == {
        f"Norder={order}/Dir=0/Npix={cell}.parquet"
        if cell < 10_000
        else f"Norder={order}/Dir={cell // 10_000 * 10_000}/Npix={cell}.parquet"
        for order, cell in listed
    }


def test_our_own_reader_reads_it(crowded):
    table, folder = crowded
    kind, opened = open_file(Path(folder))
    with opened:
        assert kind == "HATS"
        assert [column.name for column in opened.columns] == [
            hats.INDEX_COLUMN,
            *table.column_names,
        ]
        assert opened.n_rows == 2500


def test_one_partition_has_an_empty_margin(tmp_path):
    table = pa.table({"ra": [10.0, 10.0], "dec": [0.1, 0.2]})
    hats.write_hats(table, tmp_path / "one.hats")
    assert (tmp_path / "one.hats" / "margin_5arcs" / "partition_info.csv").read_text() == (
        "Norder,Npix\n"
    )
