"""The process that reads one upload, started before the upload comes.

Started by `readers` as ``python -m vo_service.uploads.reading_process``. It puts on its locks for
an empty folder, loads the libraries, and waits: an upload that comes later finds everything ready.
The folder is all that it can see, so that the file is put there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from registry.host.confinement import confine
from registry.host.exclusion import exclude
from vo_service.uploads.declared import DECLARED_FILE, declared_fields

__all__ = ["main"]


def main() -> int:
    """Lock this process, load the readers, wait for a request and serve its file."""
    line = sys.stdin.readline()
    if not line:
        return 0
    opening = json.loads(line)
    folder = Path(opening["folder"])
    limits = opening["limits"]
    confine(
        [],
        [folder],
        memory_bytes=limits["memory_bytes"],
        cpu_s=limits["cpu_s"],
        open_files=limits["open_files"],
        file_bytes=limits["unpacked_bytes"],
    )
    exclude("pandas")
    from registry.formats.readers.child import serve

    request = sys.stdin.readline()
    if not request:
        return 0
    fields = declared_fields(Path(json.loads(request)["path"]))
    text = json.dumps([field.as_list() for field in fields])
    (folder / DECLARED_FILE).write_text(text, encoding="ascii")
    return serve(request)


if __name__ == "__main__":
    sys.exit(main())
