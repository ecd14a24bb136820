"""The process that reads one file, from its first instruction: locks before libraries.

Started by `readers.sandbox` as ``python -m registry.formats.reading_process``. A thread that was
there before the locks would not have them, and libraries start threads when they are imported:
so this module imports none, and the readers only when the locks are on.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from registry.host.confinement import confine
from registry.host.exclusion import exclude

__all__ = ["main"]


def main() -> int:
    """Take the request from standard input, put on the locks and serve the file."""
    line = sys.stdin.readline()
    if not line:
        return 0
    request = json.loads(line)
    limits = request["limits"]
    path = Path(request["path"])
    confine(
        [path],
        [Path(request["scratch"])],
        memory_bytes=limits["memory_bytes"],
        cpu_s=limits["cpu_s"] + int(limits["cpu_s_per_mb"] * _size_mb(path)),
        open_files=limits["open_files"],
        file_bytes=limits["unpacked_bytes"],
    )
    exclude("pandas")
    from registry.formats.readers.child import serve

    return serve(line)


def _size_mb(path: Path) -> float:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.exists()) / 1e6


if __name__ == "__main__":
    sys.exit(main())
