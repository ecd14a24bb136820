"""The process that reads one file, and sends its columns and rows to the one that asked.

`registry.formats.reading_process` starts it, on the request of `sandbox`. Its standard input has
the `Request` on its first line, then one number of rows per batch for each reading; it answers
with frames on its standard output: a kind of one byte, a length, the content.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import traceback
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

import pyarrow as pa

from registry.errors import RegistryError
from registry.formats.readers.base import OpenedTable
from registry.formats.readers.opening import open_place, unpack_file
from registry.formats.readers.options import ReadLimits, ReadOptions

__all__ = ["BATCH", "END", "ERROR", "FRAME", "HEADER", "SCHEMA", "Request", "serve"]

FRAME = struct.Struct("<cQ")
"""Kind and length in bytes of a frame's content."""

HEADER, SCHEMA, BATCH, END, ERROR = b"H", b"S", b"R", b"E", b"X"


@dataclass(frozen=True, slots=True)
class Request:
    """What the child is asked to do.

    Attributes
    ----------
    path
        Absolute path of the file.
    scratch
        Folder for what has to be unpacked.
    options, limits
        Of the reading.
    """

    path: Path
    scratch: Path
    options: ReadOptions
    limits: ReadLimits

    def to_json(self) -> str:
        """Write it on one line."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Request:
        """Read what `to_json` wrote."""
        said = json.loads(text)
        return cls(
            Path(said["path"]),
            Path(said["scratch"]),
            ReadOptions(**said["options"]),
            ReadLimits(**said["limits"]),
        )


class _Frames:
    """Writes frames."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def send(self, kind: bytes, content: bytes | pa.Buffer = b"") -> None:
        """Write a frame and push it out."""
        view = memoryview(content)
        self._stream.write(FRAME.pack(kind, view.nbytes))
        self._stream.write(view)
        self._stream.flush()

    def send_json(self, kind: bytes, content: object) -> None:
        """Write a frame with JSON."""
        self.send(kind, json.dumps(content).encode("utf-8", "backslashreplace"))


def serve(request: str) -> int:
    """Serve one file until the parent closes the pipe.

    Parameters
    ----------
    request
        A `Request` as JSON.

    Returns
    -------
    int
        Exit code.
    """
    commands = sys.stdin
    # Libraries that print must not write into the frames.
    frames = _Frames(os.fdopen(os.dup(1), "wb"))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        _serve(Request.from_json(request), commands, frames)
    except BrokenPipeError:
        return 0
    except (MemoryError, pa.ArrowMemoryError):
        frames.send_json(ERROR, {"error": "memory"})
    except RegistryError as error:
        said = {"error": type(error).__name__, "message": str(error)}
        frames.send_json(ERROR, {**said, "option": getattr(error, "option", None)})
    except Exception as error:  # noqa: BLE001 - the parent logs it; there is nobody else to tell
        trace = "".join(traceback.format_exception(error))[-8_000:]
        frames.send_json(ERROR, {"error": "internal", "kind": type(error).__name__, "trace": trace})
    return 0


def _serve(request: Request, commands: TextIO, frames: _Frames) -> None:
    place, packings = unpack_file(request.path, request.scratch, request.limits)
    name, opened = open_place(request.path, place, packings, request.options)
    unpacked = str(place.relative_to(request.scratch)) if packings else None
    with opened as table:
        _send_header(name, table, unpacked, frames)
        for line in commands:
            _send_batches(table.batches(int(line)), frames)


def _send_header(name: str, table: OpenedTable, unpacked: str | None, frames: _Frames) -> None:
    said = [
        [c.name, c.unit, c.ucd, c.utype, c.description, c.frame, c.xtype] for c in table.columns
    ]
    header = {
        "format": name,
        "columns": said,
        "description": table.description,
        "n_rows": table.n_rows,
        "warnings": table.warnings,
        "unpacked": unpacked,
        "layout": getattr(table, "layout", {}),
    }
    frames.send_json(HEADER, header)
    schema = pa.schema([pa.field(f"c{i}", c.type) for i, c in enumerate(table.columns)])
    frames.send(SCHEMA, schema.serialize())


def _send_batches(batches: Iterable[pa.RecordBatch], frames: _Frames) -> None:
    for batch in batches:
        frames.send(BATCH, batch.serialize())
    frames.send(END)
