"""Publish every file of a data folder, and read it back in every format cell by cell.

Usage: python benchmarks/shared_data.py [DATA] [--only PATTERNS] [--formats NAMES]
                                        [--clients pyvo,stilts] [--tapquery PATTERNS] [--commands]

DATA is the folder ``shared/data`` beside the checkout unless given. ``--commands`` only prints the
commands that publish the files. Each file, and each HATS catalogue as a folder, is published into
a temporary installation, served, read with pyvo in every format and with STILTS (``tapquery``, and
``tmulti`` on the URLs of the VOTable serialisations and of FITS), and compared with what pyarrow,
astropy and h5py read from the file. The status is 1 if one cell differs, or if a file that must be
refused is not.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import astropy.io.votable
import pyarrow as pa
import pyvo
import yaml
from astropy.utils.exceptions import AstropyWarning
from click.testing import CliRunner
from installation import ROOT, served
from publications import publication
from source_files import data_files, read_file

sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import readback  # noqa: E402 - found only with the path above
import result_files  # noqa: E402 - found only with the path above

ANNOTATIONS = ROOT / "docs" / "examples" / "annotations"

MAXREC = 1_000_000

ALL_FORMATS = (*readback.FORMATS, "html")


@dataclass
class Published:
    """A file with its table, and the outcome of its comparisons."""

    file: str
    table: str
    cells: readback.Cells
    outcomes: dict[str, list[str]] = field(default_factory=dict)

    @property
    def query(self) -> str:
        """The whole table."""
        return f"SELECT * FROM {self.table}"


def arguments(path: Path, name: str) -> list[str]:
    """Give the arguments of ``pzvo`` that publish a file."""
    how = publication(name)
    words = ["publish", str(path), "--name", name, "--type", how.type]
    for column, meaning in how.columns.items():
        words += ["--column", f"{column}={meaning}"]
    if how.group is not None:
        words += ["--group", how.group]
    if how.suggestions:
        words += ["--accept-suggestions"]
    if how.annotations is not None:
        words += ["--annotations", str(ANNOTATIONS / f"{how.annotations}.yaml")]
    return words


def publish_all(home: Path, data: Path, only: str) -> tuple[list[Published], int]:
    """Publish the files with the command line; give the tables and the number of faults."""
    from vo_service.cli import main

    found, faults = [], 0
    for name, path in data_files(data, only):
        done = CliRunner().invoke(main, ["--home", str(home), *arguments(path, name)])
        refused = publication(name).refused
        if refused is not None:
            said = [line.strip() for line in done.output.splitlines() if refused in line]
            as_documented = done.exit_code != 0 and bool(said)
            faults += not as_documented
            verdict = "refused as documented" if as_documented else "NOT REFUSED as documented"
            print(f"{name}: {verdict}: {' '.join(said) or done.output}", flush=True)
        elif done.exit_code != 0:
            faults += 1
            print(f"{name}: NOT PUBLISHED: {done.output} {done.exception or ''}", flush=True)
        else:
            table = done.stdout.splitlines()[-1].split("\t")[1]
            found.append(Published(name, table, read_file(path, name)))
    return found, faults


def judge(
    published: Published, outcome: str, format_name: str, read: Callable[[], readback.Cells]
) -> None:
    """Compare a result, and note the differences under the name of the outcome."""
    reader = outcome.split(maxsplit=1)[0]
    try:
        found = readback.differences(published.cells, read(), format_name, reader)
    except (ValueError, AssertionError, KeyError, IndexError, pa.ArrowException) as error:
        found = [f"cannot be read: {type(error).__name__}: {error}"]
    published.outcomes[outcome] = found


def ask_pyvo(url: str, published: Published, formats: Sequence[str]) -> None:
    """Read a table with pyvo: VOTables as its results, other formats as bytes."""
    service = pyvo.dal.TAPService(url)
    for name in formats:
        if name in readback.VOTABLES:
            result = service.run_sync(published.query, maxrec=MAXREC, RESPONSEFORMAT=name)
            table = result.votable.get_first_table()
            judge(published, f"pyvo {name}", name, partial(result_files.votable_cells, table))
        elif name == "html":
            rows = result_files.html_rows(raw(service, published, name))
            wrong = rows != published.cells.rows
            published.outcomes["pyvo html"] = [f"there are {rows} rows"] if wrong else []
        else:
            data = raw(service, published, name)
            read = partial(result_files.read_result, data, name, published.cells)
            judge(published, f"pyvo {name}", name, read)
        if name == "parquet":
            found, wanted = result_files.astropy_parquet_cells(data, published.cells)
            published.outcomes["astropy parquet"] = readback.differences(wanted, found, name)
    published.outcomes["pyvo annotations"] = lost_annotations(service, published)


def raw(service: pyvo.dal.TAPService, published: Published, format_name: str) -> bytes:
    """Give the body of an answer."""
    query = service.create_query(published.query, maxrec=MAXREC, RESPONSEFORMAT=format_name)
    body: bytes = query.execute_raw()
    return body


def lost_annotations(service: pyvo.dal.TAPService, published: Published) -> list[str]:
    """UCDs and units that were given and that the service does not tell."""
    how = publication(published.file)
    given: dict[str, dict[str, str]] = {}
    if how.annotations is not None:
        text = (ANNOTATIONS / f"{how.annotations}.yaml").read_text(encoding="utf-8")
        given |= yaml.safe_load(text)["columns"]
    given |= {name: {"ucd": ucd} for name, ucd in how.columns.items() if "." in ucd}
    columns = {column.name: column for column in service.tables[published.table].columns}
    return [
        f"column {name!r} has {key} {getattr(found, key)!r}, not {entry[key]!r}"
        for name, entry in given.items()
        for key in ("ucd", "unit")
        if key in entry
        for found in [columns.get(name) or columns[f'"{name}"']]
        if getattr(found, key) != entry[key]
    ]


def run_stilts(*words: str) -> None:
    """Run a task of STILTS, and fail with what it says."""
    done = subprocess.run(["stilts", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"stilts {shlex.join(words)}: {done.stderr}")


def ask_tapquery(url: str, folder: Path, published: Published) -> None:
    """Read a table with ``stilts tapquery``."""
    out = folder / "tapquery.vot"
    run_stilts(
        "tapquery", f"tapurl={url}", f"adql={published.query}", f"maxrec={MAXREC}", "sync=true",
        "ofmt=votable-binary2-inline", f"out={out}",
    )  # fmt: skip
    table = astropy.io.votable.parse(out).get_first_table()
    read = partial(result_files.votable_cells, table)
    judge(published, "stilts tapquery", "votable/b2", read)


def ask_stilts(url: str, folder: Path, published: list[Published], format_name: str) -> None:
    """Read all tables in one serialisation with one process of STILTS, in one file."""
    urls = [
        f"{url}/sync?" + urlencode({"LANG": "ADQL", "QUERY": each.query, "MAXREC": MAXREC,
                                    "RESPONSEFORMAT": format_name})
        for each in published
    ]  # fmt: skip
    listing, out = folder / "urls.txt", folder / "all.vot"
    listing.write_text("\n".join(urls) + "\n")
    run_stilts(
        "tmulti", f"in=@{listing}", f"ifmt={format_name.partition('/')[0]}",
        "icmd=clearparams *", "ofmt=votable-binary2-inline", f"out={out}",
    )  # fmt: skip
    tables = astropy.io.votable.parse(out).iter_tables()
    for each, table in zip(published, tables, strict=True):
        cells = result_files.votable_cells(table)
        read = partial(result_files.retyped, cells, each.cells, format_name)
        judge(each, f"stilts {format_name}", format_name, read)


def report(published: list[Published]) -> int:
    """Print a line for each file, and the first differences; give their number."""
    total = 0
    for each in published:
        total += sum(map(len, each.outcomes.values()))
        equal = [name for name, found in each.outcomes.items() if not found]
        print(f"{each.file}: {each.cells.rows} x {len(each.cells.names)}, OK: {', '.join(equal)}")
        for name, found in each.outcomes.items():
            if found:
                print(f"    {name}: {len(found)} DIFFERENCES")
            for difference in found[:5]:
                print(f"        {difference[:400]}")
    cells = sum(each.cells.rows * len(each.cells.names) for each in published)
    comparisons = sum(len(each.outcomes) for each in published)
    print(f"{len(published)} files, {cells} cells, {comparisons} readings, {total} differences")
    return total


def main() -> None:
    """Publish, serve, read back, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("data", nargs="?", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--only", default="*", help="patterns of files, with commas between")
    parser.add_argument("--formats", default=",".join(ALL_FORMATS), help="with commas between")
    parser.add_argument("--clients", default="pyvo,stilts", help="pyvo, stilts or both")
    parser.add_argument("--tapquery", default="*", help="patterns of files that tapquery reads")
    parser.add_argument("--commands", action="store_true", help="print the commands only")
    options = parser.parse_args()
    if options.commands:
        for name, path in data_files(options.data, options.only):
            print(shlex.join(["pzvo", *arguments(path, name)]))
        return
    warnings.simplefilter("ignore", AstropyWarning)
    clients, formats = options.clients.split(","), options.formats.split(",")
    if "stilts" in clients and shutil.which("stilts") is None:
        raise SystemExit("stilts is not installed: --clients pyvo, or apt-get install stilts")
    with tempfile.TemporaryDirectory(prefix="pzvo-shared-") as name:
        home = Path(name)
        published, faults = publish_all(home / "home", options.data, options.only)
        with served(home / "home") as (url, _):
            if "pyvo" in clients:
                for each in published:
                    ask_pyvo(url, each, formats)
            if "stilts" in clients:
                for each in published:
                    if any(fnmatch("/" + each.file, p) for p in options.tapquery.split(",")):
                        ask_tapquery(url, home, each)
                for each_format in (*readback.VOTABLES, "fits"):
                    if each_format in formats:
                        ask_stilts(url, home, published, each_format)
    if report(published) + faults:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
