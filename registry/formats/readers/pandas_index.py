"""The index of a DataFrame, which pandas may keep in the metadata of a file alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["RangeColumn", "has_index", "index_notes", "named_range"]

_LONG = 2**63


@dataclass(frozen=True, slots=True)
class RangeColumn:
    """A column of equal steps whose values are not in the file.

    Attributes
    ----------
    name
        Of the index.
    start, step
        First value, and what is between two.
    """

    name: str
    start: int
    step: int

    def before(
        self, batches: Iterator[pa.RecordBatch], schema: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        """Put the column before those of each batch, whose schema is given with it."""
        row = 0
        for batch in batches:
            values = self.start + self.step * np.arange(row, row + batch.num_rows, dtype=np.int64)
            row += batch.num_rows
            yield pa.RecordBatch.from_arrays([pa.array(values), *batch.columns], schema=schema)


def named_range(schema: pa.Schema, n_rows: int | None) -> RangeColumn | None:
    """Find a named RangeIndex of pandas; one without a name counts rows and is nothing.

    Parameters
    ----------
    schema
        Arrow schema with its metadata.
    n_rows
        Of the file, where it is known: an index of another length is not of this file.
    """
    for index in _index_columns(schema):
        if not isinstance(index, dict) or index.get("kind") != "range":
            continue
        name = index.get("name")
        bounds: list[Any] = [index.get(key) for key in ("start", "stop", "step")]
        if not isinstance(name, str) or name in schema.names:
            continue
        if not all(type(bound) is int and abs(bound) < _LONG for bound in bounds) or not bounds[2]:
            continue
        if n_rows is None or len(range(*bounds)) == n_rows:
            return RangeColumn(name, bounds[0], bounds[2])
    return None


def index_notes(schema: pa.Schema) -> tuple[str, ...]:
    """Say which columns are an index without a name."""
    return tuple(
        f"column {name!r} is an index of pandas without a name, and becomes a column: name it "
        "(df.index.name), or leave it out (index=False)"
        for name in _index_columns(schema)
        if isinstance(name, str) and name.startswith("__index_level_") and name in schema.names
    )


def has_index(schema: pa.Schema) -> bool:
    """Tell whether pandas makes an index of some column, which then is no column.

    Parameters
    ----------
    schema
        Arrow schema with its metadata.
    """
    return any(
        isinstance(index, str) or (isinstance(index, dict) and index.get("name") is not None)
        for index in _index_columns(schema)
    )


def _index_columns(schema: pa.Schema) -> list[Any]:
    try:
        found = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))["index_columns"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return []
    return found if isinstance(found, list) else []
