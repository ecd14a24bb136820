"""Queries: from the text of a user to a running result, whoever asks and wherever it goes.

Synchronous and asynchronous TAP, the command line and the pages of the website all run the same
path; only the sink of the result differs.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from registry import tap_schema
from registry.formats.writers.base import ResultInfo
from registry.formats.writers.stream import ResultStream
from registry.model.field import Field
from registry.model.principal import Principal
from registry.model.table import Schema, Table, TableSet
from vo_service.adql.limits import DEFAULT_LIMITS, Limits
from vo_service.adql.parser import parse
from vo_service.adql.resolver import resolve
from vo_service.engines.base import Engine, EngineError, Execution
from vo_service.slots import Slots

__all__ = [
    "UPLOAD_SCHEMA",
    "QueryService",
    "RunningQuery",
    "Timings",
    "UploadedTable",
]

UPLOAD_SCHEMA = "TAP_UPLOAD"
"""Schema of the tables that come with a query (TAP 1.1, section 2.7.6)."""


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


@dataclass(slots=True)
class Timings:
    """What a query spent its time on, in seconds."""

    parse_s: float = 0.0
    resolve_s: float = 0.0
    first_row_s: float = 0.0


class RunningQuery:
    """A query whose rows are being computed.

    Attributes
    ----------
    fields
        Columns of the result.
    maxrec
        Rows of the result at most.
    timings
        What was spent until the first row.
    """

    def __init__(
        self,
        fields: tuple[Field, ...],
        maxrec: int,
        execution: Execution | None,
        release: Callable[[], None],
        timings: Timings,
    ) -> None:
        self.fields = fields
        self.maxrec = maxrec
        self.timings = timings
        self._execution = execution
        self._release = release
        self._lock = threading.Lock()
        self._closed = False

    def result(self, infos: tuple[ResultInfo, ...] = ()) -> ResultStream:
        """Give the rows as a stream for a writer, read once.

        Parameters
        ----------
        infos
            Statements that precede the table.
        """
        return ResultStream(
            self.fields,
            iter(()) if self._execution is None else self._execution,
            maxrec=self.maxrec,
            infos=infos,
            stream_errors=(EngineError,),
        )

    def cancel(self) -> None:
        """Stop the query, from any thread."""
        if self._execution is not None:
            self._execution.cancel()

    def close(self) -> None:
        """Stop the query if it runs, and release what it holds; may be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        try:
            if self._execution is not None:
                self._execution.close()
        finally:
            self._release()


class QueryService:
    """Answers ADQL.

    Parameters
    ----------
    tables
        Everything that a caller may query.
    engine
        Computes the rows.
    slots
        Queries at once.
    slot_wait_s
        Seconds that a query waits for a slot.
    slots_per_visitor
        Queries of one visitor at once; by default as many as there are slots.
    limits
        Of the size of a query.
    used
        Told the tables that a query reads, before it does.
    """

    def __init__(
        self,
        tables: Callable[[Principal], TableSet],
        engine: Engine,
        *,
        slots: int,
        slot_wait_s: float,
        slots_per_visitor: int | None = None,
        limits: Limits = DEFAULT_LIMITS,
        used: Callable[[Sequence[Table]], object] = len,
    ) -> None:
        self.tables = tables
        self._engine = engine
        self._slots = Slots(slots, slots_per_visitor or slots, wait_s=slot_wait_s)
        self._limits = limits
        self._used = used
        self._snapshots = _Snapshots()

    def run(
        self,
        principal: Principal,
        adql: str,
        *,
        maxrec: int,
        time_limit_s: float,
        uploads: Sequence[UploadedTable] = (),
        visitor: str = "",
    ) -> RunningQuery:
        """Start a query.

        Parameters
        ----------
        principal
            Who asks; decides which tables exist.
        adql
            Text of the query.
        maxrec
            Rows of the result at most; with 0 the query is checked and not run.
        time_limit_s
            Seconds that the engine may work on it.
        uploads
            Tables that come with the query.
        visitor
            Who shares the slots with others; the service itself by default.

        Returns
        -------
        RunningQuery
            To be closed by the caller.

        Raises
        ------
        AdqlError
            If the query is not ADQL, or names what the caller cannot see.
        ServiceBusy
            If no slot becomes free, or too many queries of the visitor wait.
        EngineError
            If the engine cannot start it.
        """
        started = time.perf_counter()
        tables = self.tables(principal)
        syntax = parse(adql, self._limits)
        parsed = time.perf_counter()
        query = resolve(syntax, _with_uploads(tables, uploads), adql)
        timings = Timings(parse_s=parsed - started, resolve_s=time.perf_counter() - parsed)
        if maxrec == 0:
            return RunningQuery(query.fields, 0, None, _nothing, timings)
        self._used(query.tables)
        statement = self._engine.translate(query, maxrec + 1)
        temporaries = self._snapshots.rows(
            tables, [t for t in query.tables if t.schema_name != UPLOAD_SCHEMA]
        )
        temporaries |= {each.table.storage.relation: each.rows for each in uploads}
        release = self._slots.take(visitor)
        try:
            execution = self._engine.execute(statement, temporaries, time_limit_s)
        except BaseException:
            release()
            raise
        return RunningQuery(query.fields, maxrec, execution, release, timings)


def _nothing() -> None:
    pass


def _with_uploads(tables: TableSet, uploads: Sequence[UploadedTable]) -> TableSet:
    if not uploads:
        return tables
    schema = Schema(UPLOAD_SCHEMA, tuple(each.table for each in uploads))
    # The next query may have other tables of the same names.
    version = f"{tables.version}+{secrets.token_hex(8)}"
    return TableSet((*tables.schemas, schema), version)


_SNAPSHOTS = 8
"""Table sets whose TAP_SCHEMA is kept: callers with different rights take turns."""


@dataclass(slots=True)
class _Snapshots:
    """Rows of the tables that come with a query, for the table sets that were used last."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: OrderedDict[str, dict[str, pa.Table]] = field(default_factory=OrderedDict)

    def rows(self, tables: TableSet, used: Sequence[Table]) -> dict[str, pa.Table]:
        """Give the rows of those of the used tables that are not stored."""
        names = [table.storage.relation for table in used if table.storage.file is None]
        if not names:
            return {}
        with self._lock:
            found = self._known.get(tables.version)
            if found is None:
                found = self._known[tables.version] = tap_schema.rows(tables)
            self._known.move_to_end(tables.version)
            while len(self._known) > _SNAPSHOTS:
                self._known.popitem(last=False)
            return {name: found[name] for name in names}
