"""VOTable with its rows as BINARY: for clients older than BINARY2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from registry.formats.writers.base import Result, started
from registry.formats.writers.binary2 import base64_pieces
from registry.formats.writers.packing import binary_fields, packed_rows
from registry.formats.writers.votable import VOTABLE_MEDIA_TYPE, document_head, document_tail
from registry.model.field import Datatype, Field

__all__ = ["BinaryWriter"]


class BinaryWriter:
    """Write VOTable 1.4 with the BINARY serialisation, base64 in one line.

    Notes
    -----
    BINARY marks no nulls (VOTable 1.4, section 5.3). A null integer is the smallest value of
    its type, which the FIELD declares; ``unsignedByte``, which has no value to spare, is declared
    and written as ``short``.
    """

    name = "votable/b"
    media_type = f"{VOTABLE_MEDIA_TYPE};serialization=BINARY"
    aliases: tuple[str, ...] = (name, media_type)
    ivo_id: str | None = "ivo://ivoa.net/std/TAPRegExt#output-votable-binary"
    extension = "vot"

    def write(self, result: Result) -> Iterator[bytes]:
        """Produce the document; its end tells overflow and mid-stream errors."""
        batches = started(result.batches)
        fields = [_with_room_for_null(field) for field in binary_fields(result.fields)]
        head = document_head(fields, result.infos, declared_nulls=True)
        yield f'{head}<DATA>\n<BINARY>\n<STREAM encoding="base64">'.encode()
        rows = (packed_rows(_columns(batch, fields), fields, null_flags=False) for batch in batches)
        yield from base64_pieces(rows)
        tail = document_tail(result.outcome(), result.maxrec, result.services)
        yield f"</STREAM>\n</BINARY>\n</DATA>\n{tail}".encode()


def _with_room_for_null(field: Field) -> Field:
    if field.type.datatype is Datatype.UNSIGNED_BYTE:
        return replace(field, type=replace(field.type, datatype=Datatype.SHORT))
    return field


def _columns(batch: pa.RecordBatch, fields: list[Field]) -> list[pa.Array]:
    return [
        column if column.type == field.type.arrow else column.cast(field.type.arrow)
        for column, field in zip(batch.columns, fields, strict=True)
    ]
