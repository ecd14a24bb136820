"""Rows of a published table in a chosen order, read through the engine that holds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pyarrow as pa

from registry.errors import RegistryError
from registry.model.field import Datatype, Field, ValueType
from registry.model.table import Column, Schema, Table, TableSet
from vo_service.adql.parser import parse
from vo_service.adql.resolver import resolve
from vo_service.adql.typed import Query
from vo_service.engines.base import Engine, EngineError

__all__ = ["EngineRows", "RowsUnavailable"]

_TIME_LIMIT_S = 600.0
"""For a whole table: a gigabyte takes some seconds, and more behind other queries."""


class RowsUnavailable(RegistryError):
    """Say that the rows of a table cannot be read now; the same may work later."""


class EngineRows:
    """Reads published tables by queries of the service's own.

    Parameters
    ----------
    engine
        Holds the tables.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

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
            statement = self._engine.translate(_query(table, order))
            with closing(self._engine.execute(statement, {}, _TIME_LIMIT_S)) as execution:

                def batches() -> Iterator[pa.RecordBatch]:
                    with _mapped_errors():
                        for batch in execution:
                            yield pa.RecordBatch.from_arrays(
                                batch.columns[: len(names)], names=names
                            )

                yield batches()


def _query(table: Table, order: str) -> Query:
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
    return resolve(parse(text), TableSet((Schema("stored", (source,)),), ""), text)


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        yield
    except EngineError as error:
        raise RowsUnavailable(f"the rows of the table cannot be read: {error}") from error
