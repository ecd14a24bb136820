"""The program of a run: its command line, its environment, its limits."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pipelines.catalogue import OfferedPipeline
from pipelines.runs import RunFolder
from registry.host.landlock import landlock_version
from uws.executors.base import Task

__all__ = ["may_link", "run_task"]

_PACKAGES = Path(__file__).resolve().parents[1]
"""The folder from which the program imports `pipelines`."""

_PATH = "/usr/local/bin:/usr/bin:/bin"

_FORWARDED = ("LD_LIBRARY_PATH",)
"""Variables of this process that the program needs as well; no secrets are among them."""


def may_link(offered: OfferedPipeline) -> bool:
    """Tell whether the inputs of a run may be other names of archived files.

    Notes
    -----
    Only where the run cannot write them: it is confined, and the kernel can do that.
    """
    return offered.site.confined and landlock_version() > 0


def run_task(
    offered: OfferedPipeline,
    folder: RunFolder,
    action: str = "run",
    time_limit_s: float | None = None,
) -> Task:
    """Describe the program that runs a folder.

    Parameters
    ----------
    offered
        The pipeline, with the limits of the site.
    folder
        Filled by `stage`.
    action
        ``run`` or ``check``.
    time_limit_s
        Where it is shorter than that of the site.
    """
    site = offered.site
    command = [sys.executable, "-P", "-s", "-m", "pipelines", action, str(folder.path)]
    command += ["--package", offered.package, "--file-bytes", str(site.output_bytes)]
    for library in offered.specification.unused_libraries:
        command += ["--without", library]
    if offered.specification.partitioned and action == "run":
        command += ["--workers", str(site.workers)]
    if site.confined:
        command.append("--confined")
        for place in _in_place(offered, folder):
            command += ["--readable", str(place)]
    threads = str(site.threads)
    environment = {
        **{name: os.environ[name] for name in _FORWARDED if name in os.environ},
        "PATH": _PATH,
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(_PACKAGES),
        "HOME": str(folder.work),
        "TMPDIR": str(folder.work),
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        # Arrow's own allocators reserve a gigabyte at once, which would count as used.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "HDF5_PLUGIN_PRELOAD": "::",
        "HDF5_USE_FILE_LOCKING": "FALSE",
    }
    return Task(
        folder.path,
        tuple(command),
        environment,
        memory_bytes=site.memory_bytes,
        time_limit_s=min(site.time_limit_s, time_limit_s or site.time_limit_s),
    )


def _in_place(offered: OfferedPipeline, folder: RunFolder) -> list[Path]:
    """Name what a run reads outside of its folder."""
    found: list[str] = []
    for group in sorted(offered.in_place):
        for entry in folder.configuration.inputs.get(group, ()):
            found += [entry.path, *(entry.catalogue.maps.values() if entry.catalogue else ())]
    return [Path(path).resolve() for path in found]
