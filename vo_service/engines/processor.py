"""The seam between the text of a query and its rows: parse, resolve, print, execute.

`LocalProcessor` does it in this process, over an `Engine`. A service does not: it uses
`vo_service.engines.process`, whose processes do the same behind a socket, so that no text of a
stranger is read where others are served.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from registry import tap_schema
from registry.model.field import Field
from registry.model.table import Schema, Table, TableSet
from vo_service.adql.bounds import check_bounds, check_sql
from vo_service.adql.limits import DEFAULT_LIMITS, Limits
from vo_service.adql.parser import parse
from vo_service.adql.resolver import resolve
from vo_service.engines.base import Engine, Execution, Statement
from vo_service.engines.shape import UPLOAD_SCHEMA, query_shape

__all__ = [
    "UPLOAD_SCHEMA",
    "LocalProcessor",
    "PreparedQuery",
    "QueryProcessor",
    "QueryRequest",
    "Snapshots",
    "StartedQuery",
    "UploadedTable",
]


@dataclass(frozen=True, slots=True)
class UploadedTable:
    """A table that comes with a query, and is seen by it alone.

    Attributes
    ----------
    table
        In the schema TAP_UPLOAD; its relation differs from those of the query's other uploads.
    rows
        Columns have the physical names of the table's.
    """

    table: Table
    rows: pa.Table


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """What is asked of a processor.

    Attributes
    ----------
    text
        ADQL.
    tables
        Everything that the caller may query, without the uploads.
    time_limit_s
        Seconds for all work on the query.
    row_limit
        At most so many rows are wanted.
    uploads
        Tables that come with the query.
    check_only
        Whether the query is understood and not run.
    shaped
        Whether its shape is wanted (`vo_service.engines.shape`).
    """

    text: str
    tables: TableSet
    time_limit_s: float
    row_limit: int | None = None
    uploads: tuple[UploadedTable, ...] = ()
    check_only: bool = False
    shaped: bool = False


@dataclass(frozen=True, slots=True)
class StartedQuery:
    """A query that was understood.

    Attributes
    ----------
    fields
        Columns of the result, in order.
    tables
        Tables that are read.
    parse_s, resolve_s
        Seconds spent.
    shape
        What it has in common with others that take about as long; empty where not asked for.
    execution
        Its rows; none where it was only checked.
    """

    fields: tuple[Field, ...]
    tables: tuple[Table, ...]
    parse_s: float
    resolve_s: float
    shape: str = ""
    execution: Execution | None = None


class QueryProcessor(Protocol):
    """Answers queries, from their text to their rows."""

    def start(self, request: QueryRequest) -> StartedQuery:
        """Understand a query, and begin to compute its rows.

        Parameters
        ----------
        request
            The query.

        Raises
        ------
        AdqlError
            If it is not ADQL, passes a limit, or names what the caller cannot see.
        QueryRejected, QueryTimeout, ResourceExhausted, EngineUnavailable
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
        """Stop everything; no query may be started after this."""
        ...


@dataclass(frozen=True, slots=True)
class PreparedQuery:
    """A query that was understood and printed.

    Attributes
    ----------
    started
        What is known of it, without an execution.
    statement
        In the engine's language; none where it was only checked.
    """

    started: StartedQuery
    statement: Statement | None


class LocalProcessor:
    """A processor in this process.

    Parameters
    ----------
    engine
        Prints and executes.
    limits
        Of the size of a query.
    """

    def __init__(self, engine: Engine, limits: Limits = DEFAULT_LIMITS) -> None:
        self._engine = engine
        self._limits = limits
        self._snapshots = Snapshots()

    def start(self, request: QueryRequest) -> StartedQuery:
        """Understand a query, and begin to compute its rows; see `QueryProcessor.start`."""
        prepared = self.prepare(request)
        started, statement = prepared.started, prepared.statement
        if statement is None:
            return started
        temporaries = self._snapshots.temporaries(request, started.tables)
        return StartedQuery(
            started.fields,
            started.tables,
            started.parse_s,
            started.resolve_s,
            started.shape,
            self._engine.execute(statement, temporaries, request.time_limit_s),
        )

    def prepare(self, request: QueryRequest) -> PreparedQuery:
        """Understand and print a query; raises as `start`."""
        began = time.perf_counter()
        syntax = parse(request.text, self._limits)
        parsed = time.perf_counter()
        query = resolve(syntax, _with_uploads(request), request.text, self._limits)
        check_bounds(query, self._limits)
        resolved = time.perf_counter()
        statement = None
        if not request.check_only:
            statement = self._engine.translate(query, request.row_limit)
            check_sql(statement.sql, statement.parameters, self._limits)
        started = StartedQuery(
            query.fields,
            query.tables,
            parsed - began,
            resolved - parsed,
            query_shape(query, request.row_limit) if request.shaped else "",
        )
        return PreparedQuery(started, statement)

    def check(self) -> None:
        """Do a small piece of real work; raises `EngineUnavailable` if it fails."""
        self._engine.check()

    def close(self) -> None:
        """Stop everything and release the database."""
        self._engine.close()


def _with_uploads(request: QueryRequest) -> TableSet:
    tables = request.tables
    if not request.uploads:
        return tables
    schema = Schema(UPLOAD_SCHEMA, tuple(each.table for each in request.uploads))
    # The next query may have other tables of the same names.
    version = f"{tables.version}+{secrets.token_hex(8)}"
    return TableSet((*tables.schemas, schema), version)


_SNAPSHOTS = 8
"""Table sets whose TAP_SCHEMA is kept: callers with different rights take turns."""


@dataclass(slots=True)
class Snapshots:
    """Rows of the tables that come with a query, for the table sets that were used last."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: OrderedDict[str, dict[str, pa.Table]] = field(default_factory=OrderedDict)

    def temporaries(self, request: QueryRequest, used: Sequence[Table]) -> dict[str, pa.Table]:
        """Give the rows of those tables of a query that are not stored, by their relation."""
        names = [
            table.storage.relation
            for table in used
            if table.storage.file is None and table.schema_name != UPLOAD_SCHEMA
        ]
        found = self._rows(request.tables, names) if names else {}
        return found | {each.table.storage.relation: each.rows for each in request.uploads}

    def _rows(self, tables: TableSet, names: Sequence[str]) -> dict[str, pa.Table]:
        with self._lock:
            found = self._known.get(tables.version)
            if found is None:
                found = self._known[tables.version] = tap_schema.rows(tables)
            self._known.move_to_end(tables.version)
            while len(self._known) > _SNAPSHOTS:
                self._known.popitem(last=False)
            return {name: found[name] for name in names}
