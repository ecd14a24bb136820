"""Queries of the page: the same request, limits and service as synchronous TAP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from registry.formats.writers.registry import writer_for
from registry.model.principal import Principal
from vo_service.dali.params import Parameters
from vo_service.dali.request import RequestLimits, TapRequest
from vo_service.queries import QueryService, RunningQuery
from vo_service.tap.capabilities import LANGUAGE
from vo_service.tap.uploads import Uploads, request_part

__all__ = ["LANG", "PAGE_ROWS", "UPLOAD_PART", "AskedQuery", "QueryDesk"]

LANG = "ADQL"
"""Language of the page."""

PAGE_ROWS = 1000
"""Rows that the page asks for unless somebody says otherwise: what a person looks at."""

UPLOAD_PART = "table"
"""Name of the file of a form."""

_SHOWN_ROWS = 100_000
"""Rows that a browser is given to look at; larger results are for files and jobs."""


@dataclass(frozen=True, slots=True)
class AskedQuery:
    """What a form asks for.

    Attributes
    ----------
    text
        In ADQL.
    maxrec
        Rows at most, as it was typed.
    responseformat
        Of a file or a job.
    upload
        Name of the table that comes with the query, none without one.
    """

    text: str = ""
    maxrec: str = str(PAGE_ROWS)
    responseformat: str = ""
    upload: str | None = None

    @classmethod
    def parse(cls, form: Mapping[str, str], *, with_file: bool = False) -> AskedQuery:
        """Read a form, or an address; lines end as editors count them."""
        sent = {name.upper(): value for name, value in form.items()}
        text = sent.get("QUERY", sent.get("Q", "")).replace("\r\n", "\n")
        return cls(
            text,
            sent.get("MAXREC", "").strip() or str(PAGE_ROWS),
            sent.get("RESPONSEFORMAT", ""),
            (sent.get("UPLOAD_NAME", "").strip() or "mine") if with_file else None,
        )

    def parameters(self) -> dict[str, str]:
        """Give it as TAP takes it."""
        found = {"LANG": LANG, "QUERY": self.text, "MAXREC": self.maxrec}
        if self.responseformat:
            found["RESPONSEFORMAT"] = self.responseformat
        if self.upload is not None:
            found["UPLOAD"] = f"{self.upload},param:{UPLOAD_PART}"
        return found


@dataclass(frozen=True, slots=True)
class QueryDesk:
    """Runs queries for the page.

    Attributes
    ----------
    queries
        Answers ADQL.
    limits
        What requests may ask for.
    time_limit_s
        Seconds that the engine may work on a query.
    visitor
        Who shares slots with others, for the request at hand.
    uploads
        Takes tables that come with queries.
    """

    queries: QueryService
    limits: RequestLimits
    time_limit_s: float
    visitor: Callable[[], str]
    uploads: Uploads

    def request(self, asked: AskedQuery) -> TapRequest:
        """Check what is asked for; raises `DaliError`."""
        parameters = Parameters(asked.parameters())
        return TapRequest.parse(parameters, self.limits, LANGUAGE.lang_values)

    def run(
        self, principal: Principal, asked: AskedQuery, *, maxrec: int | None = None
    ) -> RunningQuery:
        """Start a query; raises as `QueryService.run`, and as reading its table.

        Parameters
        ----------
        principal
            Who asks.
        asked
            What for; its table is a part of the request at hand.
        maxrec
            Rows at most, instead of what is asked for.
        """
        request = self.request(asked)
        return self.queries.run(
            principal,
            request.query,
            maxrec=request.maxrec if maxrec is None else maxrec,
            time_limit_s=self.time_limit_s,
            uploads=self.uploads.service.read(request.uploads, request_part),
            visitor=self.visitor(),
        )

    def shown_rows(self, asked: AskedQuery) -> int:
        """Give the rows that a browser gets."""
        return min(self.request(asked).maxrec, _SHOWN_ROWS)

    def rows(self, principal: Principal, asked: AskedQuery, maxrec: int) -> dict[str, Any]:
        """Answer a query whole: ``fields``, ``rows`` as lists of values, and ``overflow``.

        Raises
        ------
        AdqlError, DaliError, EngineError, ServiceBusy, UploadError
            As `run`.
        """
        running = self.run(principal, asked, maxrec=maxrec)
        try:
            result = running.result()
            rows = [list(row.values()) for batch in result.batches for row in batch.to_pylist()]
            return {
                "fields": running.fields, "rows": rows, "overflow": result.outcome().overflow,
                "error": result.outcome().error,
            }  # fmt: skip
        finally:
            running.close()

    def over(self, asked: AskedQuery, text: str) -> AskedQuery:
        """Give another query with the same table beside it."""
        return replace(asked, text=text)

    def writer(self, asked: AskedQuery) -> Any:  # noqa: ANN401 - one of many writers
        """Choose the writer of a file; raises `UnsupportedFormat`."""
        return writer_for(asked.responseformat)
