"""Columns in which no value may come twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from registry.errors import UserTableRefused
from registry.model.user_table import UserColumn

__all__ = ["check_unique", "unique_rows"]


def check_unique(columns: Sequence[UserColumn], batches: Iterable[pa.RecordBatch]) -> None:
    """Look at all rows.

    Parameters
    ----------
    columns
        Those in which no value may come twice; null may.
    batches
        Have columns of their physical names.

    Raises
    ------
    UserTableRefused
        If a value comes twice.
    """
    for _ in unique_rows(columns, batches):
        pass


def unique_rows(
    columns: Sequence[UserColumn], batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Give rows on, and fail behind the last one if a value came twice; as `check_unique`."""
    names = [each.column.physical for each in columns]
    seen: list[pa.RecordBatch] = []
    for batch in batches:
        seen.append(batch.select(names))
        yield batch
    if not seen or not names:
        return
    values = pa.Table.from_batches(seen)
    for each in columns:
        counts = pc.value_counts(values[each.column.physical].combine_chunks().drop_null())
        twice = counts.filter(pc.greater(counts.field("counts"), 1))
        if len(twice):
            value = str(twice[0]["values"].as_py())[:64]
            raise UserTableRefused(
                f"the column {each.column.field.name!r} has the value {value!r} "
                f"{twice[0]['counts'].as_py()} times, and may have each value once"
            )
