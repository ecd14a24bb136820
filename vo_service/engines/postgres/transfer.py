"""Rows between Arrow and the text that PostgreSQL's COPY reads and writes.

CSV keeps an empty text, which is quoted, apart from NULL, which is not; both sides write floating
numbers with the fewest digits that give them back. Arrow parses and prints it column by column.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

__all__ = ["CsvSource", "batch_from_csv", "csv_of"]


def csv_of(batch: pa.RecordBatch) -> bytes:
    """Print rows as CSV without heading.

    Parameters
    ----------
    batch
        Rows of any type that a `registry.model.field.ValueType` has.
    """
    columns = [_printable(column) for column in batch.columns]
    names = [f"c{number}" for number in range(len(columns))]
    sink = io.BytesIO()
    options = csv.WriteOptions(include_header=False, quoting_style="needed")
    csv.write_csv(pa.RecordBatch.from_arrays(columns, names=names), sink, options)
    return sink.getvalue()


def _printable(column: pa.Array) -> pa.Array:
    if pa.types.is_list(column.type):
        return _printed_lists(column)
    if pa.types.is_floating(column.type):
        return column.cast(pa.string())
    return column


def _printed_lists(lists: pa.ListArray) -> pa.Array:
    """Print lists as PostgreSQL writes arrays."""
    sizes = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    values = lists.flatten().cast(pa.string()).fill_null("NULL")
    words = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), values)
    inside = pc.binary_join(words, ",")
    text = pc.binary_join_element_wise("{", inside, "}", "")
    return pc.if_else(lists.is_valid(), text, pa.scalar(None, text.type))


def batch_from_csv(text: bytes, schema: pa.Schema) -> pa.RecordBatch:
    """Read rows that PostgreSQL printed as CSV without heading.

    Parameters
    ----------
    text
        Whole rows.
    schema
        Of the rows.

    Raises
    ------
    pyarrow.ArrowInvalid
        If a value does not fit into the type of its column.
    """
    names = [f"c{number}" for number in range(len(schema))]
    types = {
        name: pa.string() if pa.types.is_list(field.type) else field.type
        for name, field in zip(names, schema, strict=True)
    }
    table = csv.read_csv(
        pa.BufferReader(text),
        csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=names),
        csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        csv.ConvertOptions(
            check_utf8=False,
            column_types=types,
            null_values=[""],
            true_values=["t"],
            false_values=["f"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            timestamp_parsers=[csv.ISO8601],
        ),
    )
    columns = [
        _lists(column.combine_chunks(), field.type) if pa.types.is_list(field.type) else column
        for column, field in zip(table.columns, schema, strict=True)
    ]
    whole = [c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c for c in columns]
    return pa.RecordBatch.from_arrays(whole, schema=schema)


def _lists(texts: pa.Array, type_: pa.ListType) -> pa.Array:
    """Read arrays as PostgreSQL prints them."""
    inside = pc.utf8_slice_codeunits(texts.fill_null("{}"), 1, -1)
    filled = pc.not_equal(inside, "")
    words = pc.split_pattern(inside.filter(filled), ",")
    sizes = np.zeros(len(texts), np.int32)
    sizes[filled.to_numpy(zero_copy_only=False)] = words.value_lengths().to_numpy()
    elements = words.flatten()
    if pc.any(pc.match_substring(inside, "NULL")).as_py():
        missing = pc.equal(elements, "NULL")
        elements = pc.if_else(missing, pa.scalar(None, pa.string()), elements)
    if pa.types.is_boolean(type_.value_type):
        values = pc.equal(elements, "t")
    else:
        values = elements.cast(type_.value_type)
    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())
    mask = texts.is_null() if texts.null_count else None
    return pa.ListArray.from_arrays(offsets, values, type=type_, mask=mask)


class CsvSource(io.RawIOBase):
    """Rows as a file that the driver reads from, so that memory stays bounded.

    Parameters
    ----------
    batches
        The rows; each batch is taken when the one before was sent.

    Attributes
    ----------
    count
        Rows taken so far.
    failure
        What the batches raised; the driver only says that reading failed.
    """

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        super().__init__()
        self._parts = self._printed(batches)
        self._part = memoryview(b"")
        self.count = 0
        self.failure: BaseException | None = None

    def read(self, size: int = -1, /) -> bytes:
        """Give the next bytes, none at the end."""
        try:
            while not self._part:
                self._part = memoryview(next(self._parts, b""))
                if not self._part:
                    return b""
        except BaseException as failure:
            self.failure = failure
            raise
        size = len(self._part) if size < 0 else size
        given, self._part = self._part[:size], self._part[size:]
        return bytes(given)

    def _printed(self, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
        for batch in batches:
            self.count += batch.num_rows
            if batch.num_rows and batch.num_columns:
                yield csv_of(batch)
