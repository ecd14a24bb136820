"""Values that mean that there is none: -99, 99, N/A, which only people know of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from registry.formats.readers.base import BATCH_ROWS, FileColumn, OpenedTable

__all__ = ["NulledTable", "null_problems", "without_values"]


class NulledTable:
    """A table whose values that mean "none" come as null; the file stays as it is.

    Parameters
    ----------
    opened
        The table.
    nulls
        Such values, as texts, by the name of the column; those that the column cannot hold are
        passed over (`null_problems` names them).
    """

    def __init__(self, opened: OpenedTable, nulls: Mapping[str, Sequence[str]]) -> None:
        self._opened = opened
        self._sets = {
            place: values
            for place, column in enumerate(opened.columns)
            if (values := _value_set(column.type, nulls.get(column.name, ()))) is not None
        }

    @property
    def columns(self) -> tuple[FileColumn, ...]:
        """Columns in file order."""
        return self._opened.columns

    @property
    def description(self) -> str | None:
        """What the file says about the table."""
        return self._opened.description

    @property
    def n_rows(self) -> int | None:
        """Number of rows, where the file tells it."""
        return self._opened.n_rows

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know of the reading."""
        return self._opened.warnings

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Read the rows in file order.

        Parameters
        ----------
        batch_rows
            Rows per batch at most.

        Raises
        ------
        UnreadableFile
            If the file turns out to be damaged.
        """
        for batch in self._opened.batches(batch_rows):
            if not self._sets:
                yield batch
                continue
            columns = [
                _nulled(values, self._sets[place]) if place in self._sets else values
                for place, values in enumerate(batch.columns)
            ]
            names = [str(place) for place in range(len(columns))]
            yield pa.RecordBatch.from_arrays(columns, names=names)

    def close(self) -> None:
        """Release the file."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def without_values(values: pa.Array, nulls: Sequence[str]) -> pa.Array:
    """Give an array with null in the place of some values.

    Parameters
    ----------
    values
        Numbers or texts.
    nulls
        The values, as texts.
    """
    found = _value_set(values.type, nulls)
    return values if found is None else _nulled(values, found)


def null_problems(columns: Sequence[FileColumn], nulls: Mapping[str, Sequence[str]]) -> list[str]:
    """Say which of such values a column cannot hold.

    Parameters
    ----------
    columns
        Of the file.
    nulls
        Values by the name of the column.
    """
    return [
        f"column {column.name!r}: {text!r} is no value that it could have, so that it cannot stand "
        f"for none (null); the column holds {column.type}"
        for column in columns
        for text in nulls.get(column.name, ())
        if _value_set(column.type, (text,)) is None
    ]


def _nulled(values: pa.Array, nulls: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_in(values, nulls), pa.scalar(None, values.type), values)


def _value_set(kind: pa.DataType, texts: Sequence[str]) -> pa.Array | None:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.array(texts, kind) if texts else None
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return None
    numbers = []
    for text in texts:
        number = _number(text, kind)
        if number is not None:
            numbers.append(number)
    return pa.array(numbers, kind) if numbers else None


def _number(text: str, kind: pa.DataType) -> int | float | None:
    """Read a number that a column of a type can hold."""
    try:
        if pa.types.is_floating(kind):
            return float(text)
        exact = int(text) if text.strip().lstrip("+-").isdigit() else float(text)
        whole = int(exact)
        pa.scalar(whole, kind)
    except (ValueError, OverflowError, pa.ArrowInvalid):
        return None
    return whole if whole == exact else None
