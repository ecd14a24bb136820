"""The seam between queries and databases.

An engine prints a typed query as its own SQL, and runs it over published tables and over Arrow
tables that come with the query. Everything above this module is the same for every engine.

Errors::

    EngineError
    ├── QueryRejected       the data made the query fail (a cast, an overflow)
    ├── QueryTimeout        the time limit was reached
    ├── QueryCancelled      somebody stopped it
    ├── ResourceExhausted   memory or temporary space ran out
    └── EngineUnavailable   transient: a table file is missing, the database is down
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from registry.model.field import Field
from registry.model.table import Table
from vo_service.adql.typed import Query

__all__ = [
    "Engine",
    "EngineError",
    "EngineUnavailable",
    "Execution",
    "QueryCancelled",
    "QueryRejected",
    "QueryTimeout",
    "ResourceExhausted",
    "Statement",
]


class EngineError(Exception):
    """Root of what can go wrong in an engine; the text may be shown to the user."""


class QueryRejected(EngineError):
    """The query is right, but the data made it fail."""


class QueryTimeout(EngineError):
    """The time limit was reached.

    Attributes
    ----------
    limit_s
        The limit in seconds.
    """

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"the query did not finish within its time limit of {limit_s:g} s")
        self.limit_s = limit_s


class QueryCancelled(EngineError):
    """Somebody stopped the query."""


class ResourceExhausted(EngineError):
    """The query needs more memory or temporary space than it may have."""


class EngineUnavailable(EngineError):
    """The engine cannot answer now; the same query may work later."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A query in the language of one engine.

    Attributes
    ----------
    sql
        Text with placeholders for the parameters.
    parameters
        Values of the literals, in order.
    fields
        Columns of the result, in order.
    tables
        Tables that are read.
    rows_at_most
        Largest number of rows that the result can have, where that is known.
    """

    sql: str
    parameters: tuple[object, ...]
    fields: tuple[Field, ...]
    tables: tuple[Table, ...]
    rows_at_most: int | None = None


class Execution(Protocol):
    """A running query; its rows come as they are computed.

    Iterating gives record batches whose columns are those of the statement's fields, in order
    and in their Arrow types. `close` must be called, and may be called at any time and twice.
    """

    def __iter__(self) -> Execution:
        """Give itself."""
        ...

    def __next__(self) -> pa.RecordBatch:
        """Give the next batch.

        Raises
        ------
        QueryRejected, QueryTimeout, QueryCancelled, ResourceExhausted, EngineUnavailable
            As the class says.
        StopIteration
            After the last batch.
        """
        ...

    def cancel(self) -> None:
        """Stop the query from any thread; the reader gets `QueryCancelled`."""
        ...

    def close(self) -> None:
        """Release everything that the query holds."""
        ...


class Engine(Protocol):
    """A database that answers typed queries."""

    def translate(self, query: Query, row_limit: int | None = None) -> Statement:
        """Print a query.

        Parameters
        ----------
        query
            The typed query.
        row_limit
            At most so many rows are wanted; TOP still applies.
        """
        ...

    def execute(
        self,
        statement: Statement,
        temporaries: Mapping[str, pa.Table],
        time_limit_s: float,
    ) -> Execution:
        """Start a statement and wait for nothing.

        Parameters
        ----------
        statement
            What `translate` gave.
        temporaries
            Rows of the tables without a file, by the relation name of their storage.
        time_limit_s
            Seconds from now after which the query is stopped.

        Raises
        ------
        QueryRejected, ResourceExhausted, EngineUnavailable
            As the class says.
        """
        ...

    def check(self) -> None:
        """Do a small piece of real work.

        Raises
        ------
        EngineUnavailable
            If it fails.
        """
        ...

    def close(self) -> None:
        """Stop everything and release the database."""
        ...
