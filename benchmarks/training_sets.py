"""Training sets: 100,000 redshifts against a HATS catalogue of 20,000,000 objects.

Run it from the root of the checkout::

    python benchmarks/training_sets.py /tmp/benchmark            # makes the catalogue once
    python benchmarks/training_sets.py /tmp/benchmark --objects 2_000_000 --redshifts 10_000

Prints wall and processor seconds, the peak of memory of all processes of the run together, and the
rows of each run; the same rows must come of any number of workers.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from pipelines.catalogue import OfferedPipeline, packaged_pipelines
from pipelines.hats import write_hats
from uws.executors.processes import ProcessExecutor
from vo_service.processing.local import free_folder, run_configuration

_AREA = ((50.0, 65.0), (-37.0, -22.0))
"""About 200 square degrees, as a data preview has."""

_BANDS = "ugrizy"


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the inputs where they are missing, run, and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--objects", type=int, default=20_000_000)
    parser.add_argument("--redshifts", type=int, default=100_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[2])
    asked = parser.parse_args(arguments)
    asked.folder.mkdir(parents=True, exist_ok=True)
    objects = _catalogue(asked.folder, asked.objects)
    configuration = _configuration(asked.folder, objects, asked.redshifts)
    offered = packaged_pipelines().pipeline("training_set_maker")
    for workers in asked.workers:
        site = offered.site.model_copy(update={"workers": workers})
        _measure(OfferedPipeline(offered.specification, site, offered.package), configuration)


def _measure(offered: OfferedPipeline, configuration: Path) -> None:
    begin = time.monotonic()
    done = run_configuration(
        offered, ProcessExecutor(), configuration, free_folder(configuration.parent),
        told=lambda _step, _fraction: None,
    )  # fmt: skip
    wall = time.monotonic() - begin
    match = done.outcome["summary"]["match"]
    print(
        json.dumps(
            {
                "workers": offered.site.workers,
                "wall_s": round(wall, 2),
                "steps_s": dict(map(tuple, done.outcome["timings"])),
                "driver_peak_mb": round(done.outcome["peak_memory_bytes"] / 1e6),
                "own_peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
                "rows": done.outcome["n_rows"],
                "matched": match["redshifts_matched"],
                "chance_match_rate": match["chance_match_rate"],
            }
        )
    )


def _positions(random: np.random.Generator, count: int) -> tuple[pa.Array, pa.Array]:
    (west, east), (south, north) = _AREA
    low, high = (np.sin(np.radians(dec)) for dec in (south, north))
    dec = np.degrees(np.arcsin(random.uniform(low, high, count)))
    return pa.array(random.uniform(west, east, count)), pa.array(dec)


def _catalogue(folder: Path, count: int) -> Path:
    path = folder / f"objects_{count}"
    if path.exists():
        return path
    random = np.random.default_rng(20)
    ra, dec = _positions(random, count)
    columns = {"objectId": pa.array(np.arange(count)), "ra": ra, "dec": dec}
    for band in _BANDS:
        columns[f"{band}_cModelFlux"] = pa.array(random.lognormal(5, 1, count).astype(np.float32))
        columns[f"{band}_cModelFluxErr"] = pa.array(np.full(count, 20, np.float32))
    write_hats(pa.table(columns), path)
    return path


def _configuration(folder: Path, objects: Path, count: int) -> Path:
    files = sorted((objects / "catalog" / "dataset").glob("Norder=*/Dir=*/*.parquet"))
    table = pa.concat_tables([pq.read_table(path, columns=["ra", "dec"]) for path in files])
    random = np.random.default_rng(21)
    chosen = table.take(pa.array(random.choice(table.num_rows, min(count, table.num_rows), False)))
    shift = random.normal(0, 0.2 / 3600, (2, chosen.num_rows))
    path = folder / f"redshifts_{count}.parquet"
    redshifts = {
        "id": np.arange(chosen.num_rows),
        "ra": chosen["ra"].to_numpy() + shift[0],
        "dec": chosen["dec"].to_numpy() + shift[1],
        "z": random.uniform(0, 3, chosen.num_rows),
    }
    pq.write_table(pa.table(redshifts), path)
    fluxes = {"cmodel": ["{band}_cModelFlux", "{band}_cModelFluxErr"]}
    document = {
        "inputs": {
            "specz": {"path": path.name, "columns": {n: n for n in ("id", "ra", "dec", "z")}},
            "dataset": {
                "path": str(objects),
                "columns": {"id": "objectId"},
                "catalogue": {"fluxes": fluxes},
            },
        },
        "param": {"dereddening": "none"},
        "output_format": "parquet",
    }
    configuration = folder / f"training_{count}.yaml"
    configuration.write_text(yaml.safe_dump(document), encoding="utf-8")
    return configuration


if __name__ == "__main__":
    main()
