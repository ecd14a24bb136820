"""The command line for tests: in this process where that is enough, else in one of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import live
import pytest
from click.testing import CliRunner

from vo_service.cli import main

ROOT = Path(__file__).resolve().parents[2]

CSV = """\
id,ra,dec,z,z_err,quality,mag.i
9007199254740993,150.1012,2.2054,0.3411,0.0003,4,19.82
9007199254740994,150.1154,2.1987,0.7302,0.0005,4,21.47
9007199254740995,150.0931,2.2311,0.7289,0.0005,3,21.90
9007199254740996,150.1420,2.1803,,,1,22.64
"""
ROLES = ("--column", "id=ID", "--column", "ra=RA", "--column", "dec=Dec", "--column", "z=z")
TABLE = "redshift_catalog.p1_deep_field"


@dataclass(frozen=True)
class Done:
    """What a command did."""

    returncode: int
    stdout: str
    stderr: str


def pzvo(home: Path, *arguments: str, environment: dict[str, str] | None = None, **options) -> Done:
    """Run a command in this process; it must never end in an exception of its own.

    A process of its own costs seconds, most of them for what it imports: `pzvo_process` is for
    what only a process shows.
    """
    variables: dict[str, str | None] = {k: None for k in os.environ if k.startswith("PZVO_")}
    variables |= {"PZVO_HOME": str(home), **(environment or {})}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        runner = CliRunner(env=variables)
        result = runner.invoke(main, list(arguments), prog_name="pzvo", **options)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def pzvo_process(home: Path, *arguments: str, **options):
    """Run a command as a person does; it must never end in a traceback."""
    done = live.pzvo_process(home, *arguments, **options)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def publish(home: Path, file: Path, *arguments: str, name: str = "Deep field", run=pzvo, **options):
    """Publish a redshift catalogue, with the roles of `CSV` unless others are given."""
    return run(
        home, "publish", str(file), "--name", name, "--type", "redshift_catalog",
        *(arguments or ROLES), **options,
    )  # fmt: skip


def refused(home: Path, file: Path, *arguments: str, **options) -> str:
    """Publish what cannot be: give the message, and see that nothing is left of it."""
    before = left_behind(home), cells(pzvo(home, "products").stdout)
    done = publish(home, file, *arguments, **options)
    assert done.returncode == 1, done.stdout
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert (left_behind(home), cells(pzvo(home, "products").stdout)) == before
    return done.stderr


def left_behind(home: Path) -> list[str]:
    """List the files of an installation but for what every home has."""
    found = [path.relative_to(home) for path in home.rglob("*") if path.is_file()]
    always = ("metadata.", "identity.json", "gate", "releases.json", "manifests.lock")
    return sorted(
        str(path)
        for path in found
        if not path.name.startswith(always) and path.parts[0] not in ("places", "locks")
    )


def cells(output: str) -> list[list[str]]:
    """Split what a program reads: a line for a row, tabs between cells."""
    return [line.split("\t") for line in output.splitlines()]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a small file."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
