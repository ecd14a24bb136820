"""The page on which people write queries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import wraps
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask_babel import gettext

from registry.formats.writers.registry import WRITERS, content_type, writer_for
from vo_service.adql.errors import AdqlError
from vo_service.dali.errors import DaliError
from vo_service.engines.base import QueryTimeout
from vo_service.http.errors import STATUS
from vo_service.http.streaming import ResultStreaming
from vo_service.tap.examples import examples
from vo_service.web.jobs import JobDesk
from vo_service.web.plots import KINDS, Plot, PlotRequest, Plotter
from vo_service.web.quantities import cell_text
from vo_service.web.querying import UPLOAD_PART, AskedQuery, QueryDesk
from vo_service.web.shell import Shell
from vo_service.web.snippets import snippets
from vo_service.web.tables import TABLES_SHOWN, columns_of, find_tables, words

__all__ = ["QueryViews"]

_PAGE_TABLE_ROWS = 500
"""Rows that a page without scripts shows."""

_LINK_CHARACTERS = 6000
"""Longest query that an address holds everywhere: common proxies take 8 kB."""

_KNOWN = tuple(kind for kind, _ in STATUS)

_FORMATS = {
    "votable": "VOTable",
    "fits": "FITS",
    "csv": "CSV",
    "parquet": "Parquet",
    "hdf5": "HDF5",
    "arrow": "Arrow",
    "tsv": "TSV",
    "json": "JSON",
}


@dataclass(frozen=True, slots=True)
class QueryViews:
    """Views of queries."""

    desk: QueryDesk
    plotter: Plotter
    jobs: JobDesk
    shell: Shell

    def install(self, blueprint: Blueprint) -> None:
        """Add the routes."""
        for rule, method, view in (
            ("/query", "GET", self.show_query),
            ("/query", "POST", self.answer_query),
            ("/query/rows", "POST", _in_json(self.send_rows)),
            ("/query/check", "POST", self.check_query),
            ("/query/file", "POST", self.send_file),
            ("/query/plot", "POST", self.draw_plot),
            ("/query/code", "POST", self.show_code),
            ("/query/job", "POST", self.start_query_job),
            ("/query/words", "GET", self.send_words),
            ("/query/columns", "GET", self.send_columns),
            ("/query/tables", "GET", self.list_tables),
        ):
            blueprint.add_url_rule(rule, view.__name__, view, methods=[method])

    def show_query(self) -> Response:
        """Show the editor; a query in the address is not run by itself."""
        return self._page(AskedQuery.parse(request.args))

    def answer_query(self) -> Response:
        """Run a query, and show its first rows on a page."""
        asked = self._asked()
        try:
            maxrec = min(self.desk.shown_rows(asked), _PAGE_TABLE_ROWS)
            answer = self.desk.rows(self.shell.principal(), asked, maxrec)
        except _KNOWN as error:
            return self._page(asked, _status(error), problem=_described(error))
        return self._page(asked, answer=answer, shown=maxrec)

    def send_rows(self) -> Response:
        """Run a query, and give its rows as JSON."""
        asked = self._asked()
        running = self.desk.run(self.shell.principal(), asked, maxrec=self.desk.shown_rows(asked))
        return ResultStreaming().respond(running, writer_for("json"), "application/json")

    def check_query(self) -> Response:
        """Say what keeps a query from being run; no error of this request, but its answer."""
        problem, principal = None, self.shell.principal()
        try:
            self.desk.run(principal, self._asked(), maxrec=0).close()
        except (AdqlError, DaliError) as error:
            problem = _described(error)
        except _KNOWN:
            # A busy service says so when the query is run.
            problem = None
        return jsonify(problem=problem)

    def send_file(self) -> Response:
        """Run a query, and give its result as a file."""
        asked = self._asked()
        try:
            writer = writer_for(asked.responseformat)
            running = self.desk.run(self.shell.principal(), asked)
            response = ResultStreaming().respond(
                running, writer, content_type(asked.responseformat)
            )
        except _KNOWN as error:
            return self._page(asked, _status(error), problem=_described(error))
        response.headers["Content-Disposition"] = f'attachment; filename="query.{writer.extension}"'
        return response

    def draw_plot(self) -> Response:
        """Draw the result of a query."""
        asked = self._asked()
        wanted = _plot_request()
        try:
            plot = self.plotter.draw(self.shell.principal(), asked, wanted)
        except _KNOWN as error:
            problem = _described(error)
            if _is_fragment():
                return self.shell.render("query/plot.html", problem=problem, plot=None)
            return self._page(asked, _status(error), problem=problem)
        values: dict[str, Any] = {"plot": plot, "plot_link": self._plot_link(plot)}
        if _is_fragment():
            return self.shell.render("query/plot.html", **values)
        return self._page(asked, **values)

    def show_code(self) -> Response:
        """Show the same query for programs."""
        asked = self._asked()
        found = snippets(asked, self.shell.site.base_url, private=bool(self.shell.principal().user))
        if _is_fragment():
            return self.shell.render("query/code.html", snippets=found)
        return self._page(asked, snippets=found)

    def start_query_job(self) -> Response:
        """Make a job of a query, once it is known that the query can be run."""
        asked, principal = self._asked(), self.shell.principal()
        try:
            self.desk.run(principal, asked, maxrec=0).close()
            file = request.files.get(UPLOAD_PART) if asked.upload is not None else None
            if file is not None:
                file.stream.seek(0)
            table = None if file is None else file.stream
            made = self.jobs.start(principal, asked, table, self.shell.address())
        except _KNOWN as error:
            return self._page(asked, _status(error), problem=_described(error))
        return self.shell.see(f"/jobs/{made}")

    def send_words(self) -> Response:
        """Give what the editor completes."""
        return _private(jsonify(words(self._tables())))

    def send_columns(self) -> Response:
        """Give the columns of a table to the editor, or to the browser of tables."""
        name = request.args.get("table", "")
        columns = columns_of(self._tables(), name)
        if _is_fragment():
            return self.shell.render("query/columns.html", columns=columns, table=name)
        return _private(jsonify([asdict(column) for column in columns]))

    def list_tables(self) -> Response:
        """Give a part of the browser of tables."""
        return self.shell.render("query/tables.html", **self._browser())

    def _tables(self) -> Any:  # noqa: ANN401 - a table set
        return self.desk.queries.tables(self.shell.principal())

    def _asked(self) -> AskedQuery:
        file = request.files.get(UPLOAD_PART)
        return AskedQuery.parse(request.form, with_file=file is not None and bool(file.filename))

    def _plot_link(self, plot: Plot | None) -> str | None:
        if plot is None or len(plot.query) > _LINK_CHARACTERS:
            return None
        return self.shell.url("/query", q=plot.query)

    def _browser(self) -> dict[str, Any]:
        find = request.args.get("find", "")
        opened = request.args.get("table", "")
        found = find_tables(self._tables(), find)
        return {
            "find": find,
            "opened": opened,
            "opened_columns": columns_of(self._tables(), opened) if opened else [],
            "tables": found[:TABLES_SHOWN],
            "left_out": max(0, len(found) - TABLES_SHOWN),
        }

    def _page(self, asked: AskedQuery, status: int = 200, **values: Any) -> Response:  # noqa: ANN401 - what the page shows
        shown = examples(self._tables())
        formats = {
            name: _FORMATS[name]
            for name in _FORMATS
            if any(name in writer.aliases for writer in WRITERS)
        }
        return self.shell.render(
            "query.html",
            status,
            asked=asked,
            examples=shown,
            formats=formats,
            cell=cell_text,
            **self._browser(),
            **values,
        )


def _in_json(view: Callable[[], Response]) -> Callable[[], Response]:
    """Let the errors of a view be read by the script of the page."""

    @wraps(view)
    def answered() -> Response:
        try:
            return view()
        except _KNOWN as error:
            response = jsonify(_described(error))
            response.status_code = _status(error)
            return response

    return answered


def _described(error: Exception) -> dict[str, Any]:
    """Say what is wrong, and where."""
    message = str(error)
    place: dict[str, Any] = {}
    if isinstance(error, AdqlError):
        place = {"line": error.line, "column": error.column}
    slow = isinstance(error, QueryTimeout)
    if slow:
        message += ". " + gettext("Ask for less, or run it as a job, which may take longer.")
    return {"message": message[:1].upper() + message[1:], "slow": slow, **place}


def _status(error: Exception) -> int:
    return next(status for kind, status in STATUS if isinstance(error, kind))


def _plot_request() -> PlotRequest:
    form = request.form
    kind = form.get("kind", "")
    if kind not in KINDS:
        return PlotRequest()
    if kind != form.get("drawn", kind):
        # Another kind begins with the columns that suit it.
        return PlotRequest(kind)
    return PlotRequest(kind, form.get("x", ""), form.get("y", ""))


def _is_fragment() -> bool:
    return "HX-Request" in request.headers


def _private(response: Response) -> Response:
    response.vary.update(("Authorization", "Cookie"))
    response.cache_control.private = True
    response.cache_control.no_cache = True
    return response
