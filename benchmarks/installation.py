"""A published and served installation in a temporary folder, for the benchmarks."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def _environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PZVO_")}
    return (
        clean
        | {"PZVO_HOME": str(home), "PYTHONUNBUFFERED": "1", "PZVO_LOG_LEVEL": "warning"}
        | dict(more or {})
    )


def publish(home: Path, file: Path) -> tuple[str, float]:
    """Publish the catalogue with the command line; give its table and the seconds it took."""
    started = time.perf_counter()
    done = subprocess.run(
        [
            sys.executable, "-m", "vo_service.cli", "publish", str(file), "--name", "bench",
            "--type", "redshift_catalog", "--column", "id=ID", "--column", "ra=RA",
            "--column", "dec=Dec", "--column", "z=z", "--column", "z_err=z_err",
        ],
        cwd=ROOT, env=_environment(home), capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    found = re.search(r"redshift_catalog\.\w+", done.stdout)
    if done.returncode or found is None:
        raise SystemExit(done.stderr or done.stdout)
    return found[0], seconds


@contextlib.contextmanager
def served(home: Path, settings: Mapping[str, str] | None = None) -> Iterator[tuple[str, int]]:
    """Serve the installation with some settings; give the URL of TAP and the id of the process."""
    log = home / "serve.log"
    with log.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "vo_service.cli", "serve", "--port", "0"],
            cwd=ROOT, env=_environment(home, settings), stdout=sink, stderr=sink,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not (found := re.search(r"TAP service: (\S+)", log.read_text())):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(log.read_text())
            time.sleep(0.05)
        yield found[1], process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def peak_memory_mib(pid: int) -> float:
    """Largest resident memory so far of any process below a server, in MiB."""
    parents, peaks = {}, {}
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            text = status.read_text()
            number = int(status.parent.name)
            found = re.search(r"VmHWM:\s*(\d+)", text)
            parents[number] = int(re.search(r"PPid:\s*(\d+)", text)[1])
            peaks[number] = int(found[1]) if found else 0
    below = {pid}
    while more := {number for number, parent in parents.items() if parent in below} - below:
        below |= more
    return max((peaks[number] for number in below - {pid}), default=0) / 1024
