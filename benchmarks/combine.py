"""Combine Redshift Catalogs: time and memory of whole jobs, beside those of the program alone.

Usage: python benchmarks/combine.py [ROWS CATALOGUES]...

A whole job goes through a served installation: from the request that submits it to the answer of
the first query of its table. Its largest process is any of the service or of the run. The program
alone is the floor: the same run folder in a process of its own. Each is done `REPEATS` times, and
the fastest counts.

Without arguments: 18,700 rows of 19 catalogues, 1,000,000 of 4, 5,000,000 of 4. The catalogues are
made from a seed: objects over the whole sky, each seen by some of the surveys, with their own
flags, errors of position of 0.1 arcsec, some stars and some wrong redshifts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import requests
from installation import ROOT, peak_memory_mib, served

sys.path.insert(0, str(ROOT))

from pipelines.combine_redshift_dedup import SPECIFICATION
from pipelines.configuration import RunConfiguration
from pipelines.runs import RunFolder
from registry.model.principal import Principal
from registry.products.records import ProductDraft
from vo_service.assemble import assemble, prepare
from vo_service.settings import load_settings

CASES = ((18_700, 19), (1_000_000, 4), (5_000_000, 4))
REPEATS = 3
FLOORS_S = {18_700: 5.0, 1_000_000: 15.0, 5_000_000: 60.0}
ROLES = {"name": "ID", "ra": "RA", "dec": "Dec", "redshift": "z", "flag": "z_flag",
         "survey": "survey", "z_err": "z_err"}  # fmt: skip
PARAMETERS = {"combine_type": "concatenate_and_mark_duplicates",
              "z_flag_homogenized_value_to_cut": 0.0}  # fmt: skip
SEED = 20_260_601
POSITION_ERROR_ARCSEC = 0.1
REPEATED = 0.3
SURVEYS = ("2DFGRS", "VVDS", "DESI", "NED")


def catalogue(objects: dict[str, np.ndarray], survey: str, random: np.random.Generator) -> pa.Table:
    """See some objects as one survey does."""
    rows = len(objects["z"])
    error = POSITION_ERROR_ARCSEC / 3600
    dec = np.clip(objects["dec"] + random.normal(0, error, rows), -90, 90)
    ra = objects["ra"] + random.normal(0, error, rows) / np.cos(np.radians(dec))
    wrong = random.random(rows) < 0.03
    redshift = np.where(wrong, random.gamma(2, 0.4, rows), objects["z"])
    columns = {
        "name": pa.array(np.char.add("J", random.integers(0, 10**12, rows).astype("U12"))),
        "ra": ra % 360,
        "dec": dec,
        "redshift": np.round(redshift + random.normal(0, 2e-4, rows), 5),
        "survey": pa.repeat(pa.scalar(survey), rows),
        "magnitude": random.uniform(17, 25, rows),
    }
    if survey == "DESI":
        columns |= {
            "flag": np.where(random.random(rows) < 0.2, 4, 0),
            "z_err": random.uniform(1e-5, 2e-3, rows),
            "SPECTYPE": pa.array(np.where(random.random(rows) < 0.1, "STAR", "GALAXY")),
            "ZCAT_PRIMARY": random.random(rows) < 0.9,
        }
    elif survey == "NED":
        columns |= {
            "flag": np.round(random.uniform(0, 1, rows), 3),
            "type": pa.array(np.array(["s", "g", "p"])[random.integers(0, 3, rows)]),
        }
    elif survey == "VVDS":
        columns["flag"] = random.choice([1, 2, 3, 4, 9, 12, 13, 14, 22, 23], rows)
    else:
        columns["flag"] = random.integers(1, 6, rows)
    return pa.table(columns)


def make_run(folder: Path, rows: int, catalogues: int) -> RunFolder:
    """Make a run folder with catalogues of so many rows together."""
    random = np.random.default_rng(SEED)
    each = rows // catalogues
    pool = int(rows / (1 + REPEATED))
    sky = {
        "ra": random.uniform(0, 360, pool),
        "dec": np.degrees(np.arcsin(random.uniform(-1, 1, pool))),
        "z": random.gamma(2, 0.4, pool),
    }
    run = RunFolder(folder)
    run.make()
    entries = []
    for number in range(1, catalogues + 1):
        survey = SURVEYS[(number - 1) % len(SURVEYS)]
        seen = random.choice(pool, each, replace=False)
        path = run.inputs_folder / f"{number:03d}.parquet"
        table = catalogue({name: values[seen] for name, values in sky.items()}, survey, random)
        pq.write_table(table, path)
        columns = {"id": "name", "z": "redshift", "z_flag": "flag", "survey": "survey"}
        if survey == "DESI":
            columns["z_err"] = "z_err"
        entries.append(
            {
                "path": str(path.relative_to(run.path)),
                "internal_name": f"{number:03d}_{survey.lower()}",
                "columns": columns,
            }
        )
    run.write_configuration(
        RunConfiguration(
            pipeline=SPECIFICATION.name,
            version=SPECIFICATION.version,
            param=PARAMETERS,
            inputs={"specz": entries},
            output_name="crd",
            output_format="parquet",
        )
    )
    return run


def run_alone(run: RunFolder) -> tuple[float, float, dict]:
    """Run once; give the seconds, the memory in MiB and the counts of the report."""
    command = [sys.executable, "-P", "-m", "pipelines", "run", str(run.path), "--confined"]
    for library in SPECIFICATION.unused_libraries:
        command += ["--without", library]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for made in run.outputs.iterdir():
        made.unlink()
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - start
    if status:
        raise SystemExit(f"the run failed: {run.log_file.read_text()[-2000:]}")
    counts = json.loads((run.outputs / "report.json").read_text())["counts"]
    return elapsed, usage.ru_maxrss / 1024, counts


def publish(home: Path, run: RunFolder) -> tuple[list[int], str]:
    """Publish the catalogues of a run folder; give their products and a token of their owner."""
    settings = load_settings(environment={}, overrides={"home": home})
    prepare(settings)
    services = assemble(settings)
    services.people.accounts.add_user("owner", password="benchmark-password")
    _, token = services.people.credentials.create_token("owner", "benchmark")
    owner, products = Principal("owner"), services.data.products
    made = []
    for path in sorted(run.inputs_folder.glob("*.parquet")):
        product = products.create(owner, ProductDraft(path.stem, "redshift_catalog"))
        with path.open("rb") as stream:
            products.files.add(owner, product.id, 0, path.name, None, stream)
        products.register(owner, product.id)
        for column in products.contents.select(owner, product.id):
            role = ROLES.get(column.column_name)
            products.contents.update(owner, column.id, {"alias": role})
        products.publish(owner, product.id)
        made.append(product.id)
    services.close()
    return made, token


@contextmanager
def memory_watched(pid: int) -> Iterator[list[float]]:
    """Keep the largest resident memory of any process of the service, in MiB."""
    largest, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            largest[0] = max(largest[0], peak_memory_mib(pid))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield largest
    finally:
        over.set()
        thread.join()


def run_job(url: str, token: str, inputs: list[int]) -> tuple[float, dict]:
    """Run a job to its table; give the seconds, and the report with where they went."""
    headers = {"Authorization": f"Token {token}"}
    form = {"NAME": "Combined", "INPUTS": inputs, "PHASE": "RUN"} | PARAMETERS
    start = time.perf_counter()
    job = requests.post(
        f"{url}/pipelines/{SPECIFICATION.name}/async", data=form, headers=headers, timeout=60,
        allow_redirects=False,
    ).headers["Location"]  # fmt: skip
    while (phase := requests.get(f"{job}/phase", headers=headers, timeout=60).text) in (
        "QUEUED",
        "EXECUTING",
    ):
        requests.get(job, params={"WAIT": 60, "PHASE": phase}, headers=headers, timeout=120)
    if phase != "COMPLETED":
        raise SystemExit(requests.get(f"{job}/error", headers=headers, timeout=60).text)
    made = requests.get(f"{job}/results/product", headers=headers, timeout=60).json()
    query = {"LANG": "ADQL", "RESPONSEFORMAT": "csv"}
    query["QUERY"] = f"SELECT COUNT(*) AS n FROM {made['table']}"
    counted = requests.get(f"{url}/tap/sync", params=query, headers=headers, timeout=60)
    elapsed = time.perf_counter() - start
    if counted.text.split() != ["n", str(made["rows"])]:
        raise SystemExit(counted.text)
    return elapsed, requests.get(f"{job}/results/report", headers=headers, timeout=60).json()


def measure(rows: int, catalogues: int) -> None:
    """Measure both and print what they took."""
    with tempfile.TemporaryDirectory() as scratch:
        run = make_run(Path(scratch) / "run", rows, catalogues)
        home = Path(scratch) / "home"
        inputs, token = publish(home, run)
        alone = min((run_alone(run) for _ in range(REPEATS)), key=lambda found: found[0])
        with served(home) as (tap, pid), memory_watched(pid) as largest:
            url = tap.removesuffix("/tap")
            jobs = [run_job(url, token, inputs) for _ in range(REPEATS)]
        elapsed, report = min(jobs, key=lambda found: found[0])
        program = report["peak_memory_bytes"] / 2**20
        aim = f" (aim {FLOORS_S[rows]:g} s)" if rows in FLOORS_S else ""
        print(
            f"{rows:>9,} rows, {catalogues:>2} catalogues: job {elapsed:6.2f} s{aim}, largest "
            f"process {max(largest[0], program):5.0f} MiB (service {largest[0]:.0f}); program "
            f"alone {alone[0]:6.2f} s, {alone[1]:.0f} MiB"
        )
        print(f"          all jobs {', '.join(f'{found[0]:.2f}' for found in jobs)} s; "
              f"steps {report['timings']}; {alone[2]['pairs']:,} pairs, "
              f"ties {alone[2]['tie_result']}")  # fmt: skip


def main() -> None:
    numbers = [int(text.replace(",", "")) for text in sys.argv[1:]]
    for rows, catalogues in zip(numbers[::2], numbers[1::2], strict=True) if numbers else CASES:
        measure(rows, catalogues)


if __name__ == "__main__":
    main()
