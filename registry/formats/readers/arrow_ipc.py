"""Reader of Arrow IPC: files (Feather version 2) and streams."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from registry.errors import UnreadableFile
from registry.formats.readers.base import BATCH_ROWS, FileColumn
from registry.formats.readers.options import DEFAULT_OPTIONS, ReadOptions
from registry.formats.readers.pandas_index import index_notes, named_range
from registry.formats.readers.plain_arrow import plain_batch, plain_schema
from registry.formats.readers.voparquet import file_metadata

__all__ = ["ArrowIpcReader", "ArrowIpcTable"]

_FILE_MAGIC = b"ARROW1\x00\x00"

_STREAM_START = b"\xff\xff\xff\xff"
"""The continuation marker before a message; a schema's length follows (Arrow columnar format)."""


class ArrowIpcReader:
    """Recognises and opens Arrow IPC files and streams."""

    name = "Arrow IPC"
    options: frozenset[str] = frozenset()

    def recognises(self, head: bytes, suffix: str) -> bool:  # noqa: ARG002 - the signature decides
        """Tell whether a file starts as an Arrow file or stream does."""
        length = int.from_bytes(head[4:8], "little")
        is_stream = head.startswith(_STREAM_START) and 0 < length < 2**28 and length % 8 == 0
        return head.startswith(_FILE_MAGIC) or is_stream

    def open(
        self,
        path: Path,
        options: ReadOptions = DEFAULT_OPTIONS,  # noqa: ARG002 - there is nothing to choose
    ) -> ArrowIpcTable:
        """Open a file and read its schema.

        Raises
        ------
        UnreadableFile
            If the schema, or a file's footer, is missing or damaged.
        """
        return ArrowIpcTable(path)


class ArrowIpcTable:
    """An Arrow IPC file or stream.

    Parameters
    ----------
    path
        The file; it stays open until `close`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as handle:
            self._is_file = handle.read(8) == _FILE_MAGIC
        with _readable(path):
            self._source = pa.memory_map(str(path))
            schema = self._open().schema
            self._stored = plain_schema(schema)
            self.warnings: tuple[str, ...] = index_notes(schema)
            self._range = named_range(schema, None)
            first = [] if self._range is None else [pa.field(self._range.name, pa.int64())]
            self._schema = pa.schema([*first, *self._stored])
        metadata = file_metadata(schema)
        self.columns = tuple(
            FileColumn(field.name, field.type, *metadata.said_of(field.name))
            for field in self._schema
        )
        self.description = metadata.description
        self.n_rows: int | None = None

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Read the rows in file order.

        Parameters
        ----------
        batch_rows
            Rows per batch at most.

        Raises
        ------
        UnreadableFile
            If a message is damaged or missing.
        """
        with _readable(self._path):
            plain = (plain_batch(batch, self._stored) for batch in self._messages())
            ranged = plain if self._range is None else self._range.before(plain, self._schema)
            for batch in ranged:
                for start in range(0, batch.num_rows, batch_rows):
                    yield batch.slice(start, batch_rows)

    def _open(self) -> pa.RecordBatchFileReader | pa.RecordBatchStreamReader:
        self._source.seek(0)
        return pa.ipc.open_file(self._source) if self._is_file else pa.ipc.open_stream(self._source)

    def _messages(self) -> Iterator[pa.RecordBatch]:
        reader = self._open()
        if self._is_file:
            for index in range(reader.num_record_batches):
                yield _valid(reader.get_batch(index))
            return
        yield from map(_valid, reader)
        self._source.seek(max(0, self._source.size() - 8))
        if self._source.read(8)[-4:] != bytes(4):
            # A stream that was cut between two messages looks whole otherwise.
            raise pa.ArrowInvalid("the stream's end is missing")

    def close(self) -> None:
        """Release the file."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _valid(batch: pa.RecordBatch) -> pa.RecordBatch:
    batch.validate(full=True)
    return batch


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        # Arrow's is an ArrowException as well, but tells nothing of the file.
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnreadableFile(
            f"{path.name!r} is a damaged Arrow file ({first[:200]}); write or transfer it again"
        ) from error
