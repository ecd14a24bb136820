"""Run folders of training sets, made without the service."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hats_catalogues import write_catalogue

from pipelines.configuration import RunConfiguration
from pipelines.runs import RunFolder
from pipelines.training_set_maker import SPECIFICATION, run

ARCSEC = 1 / 3600


def silent(step, fraction=None, text=None) -> None:
    """Be told of progress, and say nothing."""


def run_folder(
    folder: Path, redshifts, objects: Path, *, output_format="parquet", catalogue=None,
    columns=None, ids=None, **param,
) -> RunFolder:  # fmt: skip
    """Make a run folder; `redshifts` are columns as lists, or a table."""
    made = RunFolder(folder)
    made.make()
    path = made.inputs_folder / "specz.parquet"
    pq.write_table(redshifts if isinstance(redshifts, pa.Table) else pa.table(redshifts), path)
    names = {"ra": "ra", "dec": "dec", "z": "z"} | (columns or {})
    dataset = {"path": str(objects), "columns": ids or {}, "catalogue": catalogue}
    made.write_configuration(
        RunConfiguration(
            pipeline=SPECIFICATION.name,
            version=SPECIFICATION.version,
            param=param,
            inputs={
                "specz": [{"path": "inputs/specz.parquet", "columns": names}],
                "dataset": [dataset],
            },
            output_name="tsm",
            output_format=output_format,
        )
    )
    return made


def training_set(folder: RunFolder, executor=None):
    """Run a folder in this process; give the output and its rows."""
    if executor is not None:
        output = run(folder, silent, executor)
    else:
        with ThreadPoolExecutor(1) as threads:
            output = run(folder, silent, threads)
    return output, pq.read_table(output.main) if output.main.suffix == ".parquet" else None


def sky(count: int, seed: int, spread_arcsec: float = 3.0, centres: int = 40):
    """Give positions in small groups: at both poles, at RA 0, at borders of cells, elsewhere."""
    random = np.random.default_rng(seed)
    ra = [0.0, 0.0, 0.0, 90.0, 180.0, 45.0, 0.0, 359.99999]
    dec = [90.0, -90.0, 0.0, 41.810314895778596, 0.0, 41.8103149, 10.0, -60.0]
    ra = np.concatenate([ra, random.uniform(0, 360, centres - len(ra))])
    dec = np.concatenate([dec, np.degrees(np.arcsin(random.uniform(-1, 1, centres - len(dec))))])
    which = random.integers(0, centres, count)
    angle, step = random.uniform(0, 2 * np.pi, count), random.uniform(0, spread_arcsec, count)
    return displaced(ra[which], dec[which], angle, step)


def displaced(ra, dec, angle, arcsec):
    """Go some way from positions, also from the poles."""
    lon, lat, step = np.radians(ra), np.radians(dec), np.radians(np.asarray(arcsec) / 3600)
    along, aside = np.sin(step) * np.cos(angle), np.sin(step) * np.sin(angle)
    outward = np.cos(lat) * np.cos(step) - np.sin(lat) * along
    x = outward * np.cos(lon) - aside * np.sin(lon)
    y = outward * np.sin(lon) + aside * np.cos(lon)
    z = np.sin(lat) * np.cos(step) + np.cos(lat) * along
    return np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arctan2(z, np.hypot(x, y)))


def separations(one, other):
    """Give all distances in arcsec between two sets of positions, by astropy's own formula."""
    from astropy.coordinates import angular_separation

    (a, b), (c, d) = (np.radians(each) for each in (one, other))
    return np.degrees(angular_separation(a[:, None], b[:, None], c[None], d[None])) * 3600


__all__ = [
    "ARCSEC", "displaced", "run_folder", "separations", "silent", "sky", "training_set",
    "write_catalogue",
]  # fmt: skip
