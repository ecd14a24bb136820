"""The wheel: it has every file, and does its work outside of the checkout."""

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
import yaml
from live import ROOT, LiveService

from pipelines.specification import OUTPUT_FORMATS

PACKAGES = ("vo_service", "registry", "uws", "pipelines", "vosi", "config")


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """Files of the packages, as git knows them, and new ones."""
    found = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *PACKAGES],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if found.returncode != 0:
        pytest.skip("this is no checkout of git")
    return [name for name in found.stdout.splitlines() if (ROOT / name).is_file()]


def is_shipped(name: str) -> bool:
    """Tell whether a file is of the package, and not what parts of pages are made from."""
    return not (name.startswith("vo_service/web/assets/") or name.endswith(".po"))


@pytest.fixture(scope="module")
def wheel(tracked, tmp_path_factory) -> Path:
    """Build the wheel of a copy, so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in [*tracked, "pyproject.toml", "setup.py", "README.md", "LICENSE"]:
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / "source" / name)
    # The pages' scripts are bundled already where the service is installed: no Node is needed.
    pages = Path("vo_service", "web", "static")
    shutil.copytree(ROOT / pages, folder / "source" / pages)
    text = f"from setuptools.build_meta import build_wheel; build_wheel({str(folder)!r})"
    done = subprocess.run(
        [sys.executable, "-c", text],
        cwd=folder / "source", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory) -> Path:
    """Install the wheel into an empty environment that borrows the libraries of this one."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=False)
    (packages,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    # Lines of a .pth file are folders: the .pth files in those folders, by which the checkout
    # itself is installed, are not read.
    (packages / "libraries.pth").write_text("\n".join(libraries))
    return folder / "bin" / "python"


class Installed:
    """The command line of the wheel, on a home of its own."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.python = python
        self.folder = folder
        self.home = folder / "home"

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.python, "-m", "vo_service.cli", *arguments],
            cwd=self.folder, capture_output=True, text=True, timeout=600, check=False,
            env={"PZVO_HOME": str(self.home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def pzvo(python, tmp_path) -> Installed:
    return Installed(python, tmp_path)


def catalogue(folder: Path) -> Path:
    path = folder / "survey.parquet"
    table = {
        "name": ["a", "b", "c"],
        "ra": [10.0, 20.0, 359.9],
        "dec": [-10.0, 0.0, 89.0],
        "z": [0.5, 1.5, 0.1],
        "quality": [4.0, 3.0, 1.0],
        "kind": ["s", "s", "p"],
    }
    pq.write_table(pa.table(table), path)
    return path


def test_wheel_has_the_files_that_git_has(wheel, tracked):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    generated = {
        name for name in names if name.startswith("vo_service/web/static/") or name.endswith(".mo")
    }
    assert names - generated == {name for name in tracked if is_shipped(name)}
    assert {f"vo_service/web/static/site.{kind}" for kind in ("css", "js")} <= generated
    compiled = {f"{name[:-3]}.mo" for name in tracked if name.endswith(".po")}
    assert compiled == {name for name in generated if name.endswith(".mo")}


def test_packages_come_from_the_wheel(python, tmp_path):
    text = f"import {', '.join(PACKAGES)}; print({', '.join(f'{p}.__path__[0]' for p in PACKAGES)})"
    done = subprocess.run(
        [python, "-c", text], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for path in done.stdout.split():
        assert Path(path).is_relative_to(python.parents[1])


def test_demo_publish_query_and_serve(pzvo):
    pzvo("demo", "--no-serve", "--rows", "2000")
    path = catalogue(pzvo.folder)
    pzvo(
        "publish", str(path), "--name", "Survey", "--type", "redshift_catalog",
        "--column", "ra=RA", "--column", "dec=Dec", "--column", "z=z",
    )  # fmt: skip
    assert "Survey" in pzvo("products")
    table = next(word for word in pzvo("tables").split() if word.endswith("_survey"))
    said = pzvo("query", f"SELECT name FROM {table} WHERE z > 1", "--format", "csv")
    assert said.splitlines() == ["name", "b"]
    live = LiveService(pzvo.home, python=pzvo.python, folder=pzvo.folder)
    live.start()
    try:
        answer = requests.get(
            f"{live.url}/sync",
            params={"LANG": "ADQL", "QUERY": f"SELECT COUNT(*) AS n FROM {table}", "FORMAT": "csv"},
            timeout=240,
        )
        assert answer.text.split() == ["n", "3"]
    finally:
        live.stop()


@pytest.mark.parametrize("output_format", OUTPUT_FORMATS)
def test_combination_in_every_format(pzvo, output_format):
    path = catalogue(pzvo.folder)
    columns = {"id": "name", "ra": "ra", "dec": "dec", "z": "z", "z_flag": "quality"}
    columns |= {"z_flag_homogenized": "quality", "instrument_type_homogenized": "kind"}
    given = {"path": path.name, "internal_name": "1_survey", "columns": columns}
    configuration = pzvo.folder / "run.yaml"
    configuration.write_text(
        yaml.safe_dump({
            "inputs": {"specz": [given]},
            "param": {"combine_type": "concatenate_and_mark_duplicates"},
            "output_format": output_format,
        })
    )  # fmt: skip
    pzvo("pipeline", "run", "combine_redshift_dedup", str(configuration))
    outputs = list((pzvo.folder / "process001" / "outputs").iterdir())
    assert [path.name for path in outputs if path.name.startswith("crd")], outputs
