"""Queries: from the text of a user to a running result, whoever asks and wherever it goes.

Synchronous and asynchronous TAP, the command line and the pages of the website all run the same
path; only the sink of the result differs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from registry.formats.writers.base import ResultInfo
from registry.formats.writers.descriptors import ServiceDescriptor, link_services
from registry.formats.writers.stream import ResultStream
from registry.formats.writers.votable import unique_identifiers
from registry.model.principal import Principal
from registry.model.table import Table, TableSet
from vo_service.engines.base import EngineError
from vo_service.engines.processor import (
    UPLOAD_SCHEMA,
    QueryProcessor,
    QueryRequest,
    StartedQuery,
    UploadedTable,
)
from vo_service.slots import Slots

__all__ = [
    "UPLOAD_SCHEMA",
    "QueryService",
    "RunningQuery",
    "Timings",
    "UploadedTable",
]

_SHAPE_S = 5.0
"""Seconds in which the shape of a query must be known."""


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
    shape
        What it has in common with others that take about as long, where that was asked for.
    """

    def __init__(
        self,
        started: StartedQuery,
        maxrec: int,
        release: Callable[[], None],
        links_url: str | None = None,
    ) -> None:
        self._links_url = links_url
        self.fields = started.fields
        self.maxrec = maxrec
        self.timings = Timings(parse_s=started.parse_s, resolve_s=started.resolve_s)
        self.shape = started.shape
        self._execution = started.execution
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
            services=self._services(),
            stream_errors=(EngineError,),
        )

    def _services(self) -> tuple[ServiceDescriptor, ...]:
        if self._links_url is None:
            return ()
        names = unique_identifiers([field.name for field in self.fields])
        return link_services(self.fields, names, self._links_url)

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
    processor
        Understands queries and computes their rows.
    slots
        Queries at once.
    slot_wait_s
        Seconds that a query waits for a slot.
    slots_per_visitor
        Queries of one visitor at once; by default as many as there are slots.
    used
        Told the tables that a query reads.
    links_url
        Of the service of links, which results with publisher DIDs name.
    """

    def __init__(
        self,
        tables: Callable[[Principal], TableSet],
        processor: QueryProcessor,
        *,
        slots: int,
        slot_wait_s: float,
        slots_per_visitor: int | None = None,
        used: Callable[[Sequence[Table]], object] = len,
        links_url: str | None = None,
    ) -> None:
        self._links_url = links_url
        self.tables = tables
        self._processor = processor
        self._slots = Slots(slots, slots_per_visitor or slots, wait_s=slot_wait_s)
        self._used = used

    def run(
        self,
        principal: Principal,
        adql: str,
        *,
        maxrec: int,
        time_limit_s: float,
        uploads: Sequence[UploadedTable] = (),
        visitor: str = "",
        shaped: bool = False,
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
            Seconds that may be spent on it, from its text to its last row.
        uploads
            Tables that come with the query.
        visitor
            Who shares the slots with others; the service itself by default.
        shaped
            Whether its shape is wanted.

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
        request = QueryRequest(
            adql,
            self.tables(principal),
            time_limit_s,
            maxrec + 1,
            tuple(uploads),
            check_only=maxrec == 0,
            shaped=shaped,
        )
        release = self._slots.take(visitor)
        try:
            started = self._processor.start(request)
        except BaseException:
            release()
            raise
        running = RunningQuery(started, maxrec, release, self._links_url)
        try:
            if started.execution is None:
                running.close()
            else:
                self._used(started.tables)
        except BaseException:
            running.close()
            raise
        return running

    def shape(self, principal: Principal, adql: str, maxrec: int) -> str:
        """Say what a query has in common with others that take about as long.

        Parameters
        ----------
        principal
            Who asks; decides which tables exist.
        adql
            Text of the query.
        maxrec
            Rows of the result at most.

        Raises
        ------
        AdqlError, ServiceBusy, EngineError
            As `run`.
        """
        request = QueryRequest(
            adql, self.tables(principal), _SHAPE_S, maxrec + 1, check_only=True, shaped=True
        )
        # Nobody waits for this: it is a guess that a busy service does without.
        release = self._slots.take("", wait_s=0)
        try:
            return self._processor.start(request).shape
        finally:
            release()
