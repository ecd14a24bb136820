"""Arrow IPC stream: the columns as they are, for readers that copy nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from registry.formats.writers.base import Outcome, Result, started
from registry.formats.writers.pieces import Pieces
from registry.formats.writers.votable import overflow_text
from registry.model.field import Field

__all__ = ["ArrowWriter"]


class ArrowWriter:
    """Write an Arrow IPC stream whose last batch has no rows and tells the outcome.

    The metadata of each field are ``datatype``, ``arraysize``, ``xtype``, ``unit``, ``ucd``,
    ``utype`` and ``description``, those of the schema the INFO elements. The schema of a stream
    comes first, so that the outcome is in the custom metadata of the last batch instead:
    ``QUERY_STATUS`` (``OK``, ``OVERFLOW``, ``ERROR``) and ``message``.
    """

    name = "arrow"
    media_type = "application/vnd.apache.arrow.stream"
    aliases: tuple[str, ...] = (name, media_type)
    ivo_id: str | None = None
    extension = "arrows"

    def write(self, result: Result) -> Iterator[bytes]:
        """Produce the stream, a piece for each batch."""
        batches = started(result.batches)
        infos = {info.name: info.value for info in result.infos}
        schema = pa.schema([_described(field) for field in result.fields], metadata=infos)
        pieces = Pieces()
        with pa.ipc.new_stream(pa.PythonFile(pieces, "w"), schema) as writer:
            for batch in batches:
                writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
                yield pieces.taken()
            last = pa.RecordBatch.from_arrays(
                [pa.nulls(0, kind) for kind in schema.types], schema=schema
            )
            status = _status(result.outcome(), result.maxrec)
            writer.write_batch(last, custom_metadata=status)
        yield pieces.taken()


def _described(field: Field) -> pa.Field:
    metadata = {
        "datatype": field.type.datatype.value,
        "arraysize": field.type.arraysize,
        "xtype": field.type.xtype,
        "unit": field.unit,
        "ucd": field.ucd,
        "utype": field.utype,
        "description": field.description,
        "frame": field.frame,
    }
    known = {name: value for name, value in metadata.items() if value is not None}
    return field.arrow.with_metadata(known)


def _status(outcome: Outcome, maxrec: int | None) -> dict[str, str]:
    if outcome.error is not None:
        return {"QUERY_STATUS": "ERROR", "message": outcome.error}
    if outcome.overflow:
        return {"QUERY_STATUS": "OVERFLOW", "message": overflow_text(maxrec)}
    return {"QUERY_STATUS": "OK"}
