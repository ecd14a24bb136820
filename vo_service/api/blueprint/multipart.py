"""Forms with one large file, which goes from the socket to its place without a copy between."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from vo_service.api.errors import InvalidFields, UnsupportedBody
from vo_service.http.requests import utf8_text

__all__ = ["SentFile", "read_upload"]

_PIECE_BYTES = 131_072

_FIELD_BYTES = 65_536
"""All fields beside the file together; they are kept in memory."""

_FIELDS_MAX = 50

_FILE_FIELD = "file"

_UNNAMED = "upload"
"""Name of a file that comes without one; its content tells what it is."""


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file and the fields that came with it.

    Attributes
    ----------
    fields
        By name; of several with one name the last.
    name
        Of the file, as its sender calls it; empty without a file.
    media_type
        As its sender says.
    stream
        Content, to be read once; absent without a file.
    """

    fields: dict[str, str]
    name: str
    media_type: str | None
    stream: BinaryIO | None


@contextmanager
def read_upload(needed: frozenset[str], spool_folder: Path) -> Iterator[SentFile]:
    """Read the form of the request at hand up to its file.

    Parameters
    ----------
    needed
        Fields without which nothing can be done. If one of them comes behind the file, the file
        waits in the folder until then.
    spool_folder
        Where it waits; on the disk of the installation.

    Raises
    ------
    UnsupportedBody
        If the request is no form with files.
    InvalidFields
        If the form is damaged.
    BadRequest
        If a field is not UTF-8.
    RequestEntityTooLarge
        If a limit is passed.
    """
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not boundary:
        raise UnsupportedBody("Send the file as multipart/form-data.")
    form = _Form(boundary.encode("latin-1", "replace"))
    head = form.read_fields()
    if head is None:
        yield SentFile(form.fields, "", None, None)
        return
    stream = cast(BinaryIO, io.BufferedReader(_FilePart(form), _PIECE_BYTES))
    media_type = head.headers.get("Content-Type")
    if needed <= form.fields.keys():
        yield SentFile(form.fields, head.filename, media_type, stream)
        return
    spool_folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=spool_folder) as waiting:
        while piece := stream.read(_PIECE_BYTES):
            waiting.write(piece)
        while form.read_fields() is not None:
            form.skip_file()
        waiting.seek(0)
        yield SentFile(form.fields, head.filename, media_type, waiting)


class _Form:
    """The parts of a form, in the order in which they come."""

    def __init__(self, boundary: bytes) -> None:
        self.fields: dict[str, str] = {}
        self._decoder = MultipartDecoder(
            boundary, max_form_memory_size=4 * _PIECE_BYTES, max_parts=_FIELDS_MAX
        )
        self._read_bytes = 0

    def read_fields(self) -> File | None:
        """Read fields up to the file, or to the end; other files are thrown away."""
        name, value = "", bytearray()
        while True:
            event = self._next()
            if isinstance(event, File):
                if event.name == _FILE_FIELD:
                    return event
                self.skip_file()
                continue
            if isinstance(event, Epilogue):
                return None
            if isinstance(event, Field) and event.name == _FILE_FIELD:
                # Some libraries send bytes without calling them a file.
                return File(name=event.name, headers=event.headers, filename=_UNNAMED)
            if isinstance(event, Field):
                name, value = event.name, bytearray()
            elif isinstance(event, Data):
                value += event.data
                self._read_bytes += len(event.data)
                if self._read_bytes > _FIELD_BYTES:
                    raise RequestEntityTooLarge
                if not event.more_data:
                    self.fields[name] = utf8_text(name, bytes(value))

    def read_piece(self) -> tuple[bytes, bool]:
        """Read a piece of the file at hand, and whether more of it follows."""
        event = self._next()
        if not isinstance(event, Data):
            raise InvalidFields({"file": ["The form ends within the file; send it again."]})
        return event.data, event.more_data

    def skip_file(self) -> None:
        """Throw the file at hand away."""
        while self.read_piece()[1]:
            pass

    def _next(self) -> Any:  # noqa: ANN401 - werkzeug's events
        try:
            event = self._decoder.next_event()
            while isinstance(event, NeedData):
                piece = request.stream.read(_PIECE_BYTES)
                self._decoder.receive_data(piece or None)
                event = self._decoder.next_event()
        except ValueError as error:
            raise InvalidFields({"file": ["The form is damaged; send it again."]}) from error
        return event


class _FilePart(io.RawIOBase):
    """The file of a form, to be read once."""

    def __init__(self, form: _Form) -> None:
        super().__init__()
        self._form = form
        self._piece = memoryview(b"")
        self._more = True

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:  # noqa: ANN401 - a writable buffer
        while not self._piece and self._more:
            piece, self._more = self._form.read_piece()
            self._piece = memoryview(piece)
        count = min(len(target), len(self._piece))
        target[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count
