"""Real files of every kind are published, and come back equal cell by cell.

``benchmarks/shared_data.py`` without options does the same with every file of the shared data.
"""

from __future__ import annotations

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / ".." / "shared" / "data"

PATTERNS = (
    "/README.md",
    "/training/*",
    "/tsm_example*",
    "/redshift_surveys/[2d6fLv]*",
    "/redshift_surveys/elaiss1oid_collection*",
    "/redshift_surveys/test_survey_col_missing.parquet",
    "/pipeline_cases/metrics/*",
    "/pipeline_cases/tsm/*",
)
"""Every kind of file, within a minute."""

FORMATS = (
    *("votable/b2", "votable/td", "votable/b", "csv", "tsv", "fits", "parquet", "arrow", "json"),
    *("hdf5", "html"),
)

pytestmark = [
    pytest.mark.shared,
    pytest.mark.clients,
    pytest.mark.skipif(not DATA.is_dir(), reason="there is no shared data beside the checkout"),
]


@pytest.fixture(scope="module")
def outcome(stilts) -> subprocess.CompletedProcess:
    """The script's report; a survey and the widest file are also read by a tapquery each."""
    return subprocess.run(
        [
            sys.executable, str(ROOT / "benchmarks" / "shared_data.py"), str(DATA),
            "--only", ",".join(PATTERNS), "--tapquery", "*/desi_*,*/cosmos_*",
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=1800, check=False,
    )  # fmt: skip


def named(only: str = "*") -> set[str]:
    """Files and catalogues that the script has to judge."""
    found = set()
    for path in DATA.rglob("*"):
        name = "/" + path.relative_to(DATA).as_posix()
        catalogue = path.is_dir() and any(path.glob("*properties"))
        if (path.is_file() or catalogue) and any(fnmatch(name, p) for p in PATTERNS):
            found |= {name[1:]} if fnmatch(name, only) else set()
    return found


def published(outcome: subprocess.CompletedProcess) -> dict[str, str]:
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return dict(re.findall(r"^(\S[^:]*): .*?OK: (.*)$", outcome.stdout, re.MULTILINE))


def refused(outcome: subprocess.CompletedProcess) -> dict[str, str]:
    pattern = r"^(\S[^:]*): refused as documented: (.*)$"
    return dict(re.findall(pattern, outcome.stdout, re.MULTILINE))


def test_every_file_is_published_or_refused_with_a_reason(outcome) -> None:
    assert set(published(outcome)) | set(refused(outcome)) == named()
    assert not set(published(outcome)) & set(refused(outcome))


@pytest.mark.parametrize(
    "kind",
    [
        "*/cosmos_specz_*.txt",
        "*/test_dc2_training_9816.hdf5",
        "*/tiny_*.hdf5",
        "*/tiny_*.pq",
        "*_random_sample.parquet",
        "*/specz_collection",
        "*/elaiss1oid_collection",
        "*/dr2/mag/auto/sfd/catalog",
        "*/point_map.fits",
        "*/upload_example.csv",
    ],
)
def test_every_kind_of_file_is_among_them(outcome, kind) -> None:
    assert named(kind)
    assert named(kind) <= set(published(outcome))


def test_every_table_comes_back_equal_from_every_client_in_every_format(outcome) -> None:
    wanted = {f"pyvo {name}" for name in (*FORMATS, "annotations")} | {"astropy parquet"}
    wanted |= {f"stilts {name}" for name in ("votable/b2", "votable/td", "votable/b", "fits")}
    for name, found in published(outcome).items():
        assert wanted <= set(found.split(", ")), name
    by_tapquery = [n for n, found in published(outcome).items() if "stilts tapquery" in found]
    assert len(by_tapquery) == 2


def test_what_is_no_table_is_refused_with_its_reason(outcome) -> None:
    found = refused(outcome)
    for name, reason in found.items():
        if name.endswith((".yaml", ".json", "properties")) or "LICENSE" in name:
            assert "is of no format that is read; the formats are Parquet" in reason
        elif Path(name).name.startswith("margin"):
            assert "is a HATS margin" in reason
        elif name != "README.md":
            assert re.search("has no rows|is the summary of several Parquet files", reason), name
    assert len({reason.partition(" is ")[2] for reason in found.values()}) > 3
