"""Rows of a published table in a chosen order, read through the engine that holds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pyarrow as pa

from registry.errors import RegistryError
from registry.model.field import Datatype, Field, ValueType
from registry.model.table import Column, Schema, Table, TableSet
from vo_service.engines.base import EngineError, EngineUnavailable
from vo_service.engines.processor import QueryProcessor, QueryRequest

__all__ = ["EngineRows", "RowsUnavailable"]

_TIME_LIMIT_S = 600.0
"""For a whole table: a gigabyte takes some seconds, and more behind other queries."""


class RowsUnavailable(RegistryError):
    """Say that the rows of a table cannot be read now; the same may work later."""


class EngineRows:
    """Reads published tables by queries of the service's own.

    Parameters
    ----------
    processor
        Answers the queries.
    """

    def __init__(self, processor: QueryProcessor) -> None:
        self._processor = processor

    @contextmanager
    def read(self, table: Table, order: str) -> Iterator[Iterator[pa.RecordBatch]]:
        """Read a table.

        Parameters
        ----------
        table
            As it is published.
        order
            Physical name of the column by which the rows are sorted, visible or hidden.

        Raises
        ------
        RowsUnavailable
            If the engine fails, also while the rows are taken.
        """
        names = [column.physical for column in table.columns]
        with _mapped_errors():
            execution = self._processor.start(_request(table, order)).execution
            if execution is None:
                raise EngineUnavailable("the table was not read")
            with closing(execution):

                def batches() -> Iterator[pa.RecordBatch]:
                    with _mapped_errors():
                        for batch in execution:
                            yield pa.RecordBatch.from_arrays(
                                batch.columns[: len(names)], names=names
                            )

                yield batches()


def _request(table: Table, order: str) -> QueryRequest:
    """Write the query in names of its own: those of users may need quotes."""
    plain = [
        replace(column, field=Field(f"v{number}", column.field.type))
        for number, column in enumerate(table.columns)
    ]
    hidden = Column(Field("sort_key", ValueType(Datatype.LONG)), order)
    keys = [column.field.name for column in plain if column.physical == order]
    source = replace(
        table,
        schema_name="stored",
        table_name="stored_rows",
        columns=(*plain, hidden),
        position=None,
        foreign_keys=(),
    )
    outputs = ", ".join(column.field.name for column in plain)
    key = keys[0] if keys else "sort_key"
    text = f"SELECT {outputs} FROM stored.stored_rows ORDER BY {key}"  # noqa: S608 - names of our own
    tables = TableSet((Schema("stored", (source,)),), f"stored {table.storage.relation}")
    return QueryRequest(text, tables, _TIME_LIMIT_S)


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        yield
    except EngineError as error:
        raise RowsUnavailable(f"the rows of the table cannot be read: {error}") from error
