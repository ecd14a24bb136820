"""Every real file is published with its annotations, and comes back equal cell by cell."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / ".." / "shared" / "data"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.clients,
    pytest.mark.skipif(not DATA.is_dir(), reason="there is no shared data beside the checkout"),
]


@pytest.fixture(scope="module")
def outcome(stilts) -> subprocess.CompletedProcess:
    """The script's report; one file in ten is also read by a tapquery of its own."""
    return subprocess.run(
        [
            sys.executable, str(ROOT / "benchmarks" / "shared_data.py"), str(DATA),
            "--tapquery", "*/[23d]*_random_sample*",
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip


def files() -> set[str]:
    return {
        path.relative_to(DATA).as_posix()
        for path in DATA.rglob("*")
        if path.suffix in (".parquet", ".csv") and not path.name.startswith("test_")
    }


def is_empty(name: str) -> bool:
    return name.endswith(".csv") and len((DATA / name).read_text().splitlines()) < 2


def test_every_file_comes_back_equal_from_every_client_in_every_format(outcome) -> None:
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    lines = dict(re.findall(r"^(\S[^:]*): .*?OK: (.*)$", outcome.stdout, re.MULTILINE))
    assert set(lines) == {name for name in files() if not is_empty(name)}
    formats = ("votable/b2", "votable/td", "csv", "tsv", "parquet", "html", "annotations")
    wanted = {f"pyvo {name}" for name in formats} | {"stilts votable/b2", "stilts votable/td"}
    for name, found in lines.items():
        assert wanted <= set(found.split(", ")), name
    assert "stilts tapquery" in outcome.stdout


def test_files_without_rows_are_refused_with_a_reason(outcome) -> None:
    refused = re.findall(r"^(\S[^:]*): refused as documented: (.*)$", outcome.stdout, re.MULTILINE)
    assert {name for name, _ in refused} == {name for name in files() if is_empty(name)}
    assert all("the file has no rows" in reason for _, reason in refused)
