"""Making maps of catalogues, in the background: by queries like everybody's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import numpy as np

from registry.formats.writers.base import Outcome
from registry.maps.drawing import CellMap, MapPlan, draw, plan_map
from registry.maps.files import cells_file, image_file, picture
from registry.maps.folder import MapFacts, MapFolder
from registry.model.principal import OPERATOR
from registry.model.table import Column, Table, TableSet
from registry.tap_schema import column_name
from vo_service.adql.errors import AdqlError
from vo_service.engines.base import EngineError
from vo_service.engines.process.messages import EngineFault
from vo_service.queries import QueryService, RunningQuery

__all__ = ["MapMaker"]

_LOG = logging.getLogger("pzvo.maps")

_CELLS_MAX = 4_000_000
"""Cells of a map at most; `plan_map` stays far below."""

_TIME_S = 3600.0
"""Seconds for the query of one map."""

_POLL_S = 0.5

_REDSHIFT = "src.redshift"

_TITLES = {"density": "Rows in each place", "redshift": "Mean redshift in each place"}


class MapMaker:
    """Makes the maps that are missing, and removes those of tables that are gone.

    Parameters
    ----------
    queries
        Answers ADQL.
    tables
        Gives the published tables.
    folder
        Keeps maps.
    changed
        Told after new maps were made: lists of data have them from then on.
    """

    def __init__(
        self,
        queries: QueryService,
        tables: Callable[[], TableSet],
        folder: MapFolder,
        changed: Callable[[], None],
    ) -> None:
        self._queries = queries
        self._tables = tables
        self._folder = folder
        self._changed = changed
        self._failed: set[str] = set()

    def work(self, stopping: Event) -> int:
        """Make what is missing, unless another process is at it, and give the number of tables.

        Parameters
        ----------
        stopping
            Set when the work is to end after the present table.
        """
        with self._folder.alone() as alone:
            return self._made(stopping) if alone else 0

    def _made(self, stopping: Event) -> int:
        tables = {t.storage.relation: t for t in self._tables() if t.coverage is not None}
        present = self._folder.names()
        for relation in present - tables.keys():
            self._folder.remove(relation)
        made = 0
        try:
            for relation in tables.keys() - present - self._failed:
                if stopping.is_set():
                    break
                made += self._attempt(tables[relation], stopping)
        finally:
            if made:
                self._changed()
        return made

    def _attempt(self, table: Table, stopping: Event) -> bool:
        try:
            return self._make(table, stopping)
        except (AdqlError, EngineError, EngineFault, ArithmeticError, ValueError):
            if stopping.is_set():
                return False
            # The next start of the service may have more room or time for it.
            _LOG.exception("no map could be made of %s", table.name)
            self._failed.add(table.storage.relation)
            return False

    def _make(self, table: Table, stopping: Event) -> bool:
        plan = plan_map(table.coverage or "", table.nrows or 0)
        if plan is None:
            return False
        redshift = _redshift(table)
        found = self._cells(table, plan, redshift, stopping)
        numbers, means = draw(plan, found)
        images = {"density": numbers} | ({} if means is None else {"redshift": means})
        files = {}
        for kind, image in images.items():
            said: dict[str, object] = {
                "OBJECT": table.name[:60], "MAPKIND": _TITLES[kind],
                "BUNIT": "count" if kind == "density" else "",
            }  # fmt: skip
            files[f"{kind}.fits"] = image_file(plan, image, said)
            files[f"{kind}.healpix.fits"] = cells_file(plan, found, kind, {"CATALOG": table.name})
            files[f"{kind}.png"] = picture(image, stretched=kind == "density")
        facts = MapFacts(
            tuple(images),
            plan.shape[1],
            plan.shape[0],
            plan.cell_deg,
            {name: len(content) for name, content in files.items()},
            None if redshift is None else redshift.field.ucd,
        )
        self._folder.keep(table.storage.relation, facts, files)
        return True

    def _cells(
        self, table: Table, plan: MapPlan, redshift: Column | None, stopping: Event
    ) -> CellMap:
        position = table.position
        assert position is not None  # noqa: S101 - without positions there is no coverage
        names = {column.physical: column_name(table, column) for column in table.columns}
        place = f"{names[position.ra]}, {names[position.dec]}"
        value, mean = "", ""
        if redshift is not None:
            value, mean = f", {names[redshift.physical]} AS z_one", ", AVG(z_one) AS z_mean"
        inner = f"SELECT IVO_HEALPIX_INDEX({plan.order}, {place}) AS cell{value} FROM {table.name}"  # noqa: S608 - ADQL of names of the snapshot
        query = f"SELECT cell, COUNT(*) AS n{mean} FROM ({inner}) AS s WHERE cell IS NOT NULL GROUP BY cell"  # noqa: S608, E501 - as before
        running = self._queries.run(OPERATOR, query, maxrec=_CELLS_MAX, time_limit_s=_TIME_S)
        try:
            with _cancelled_by(stopping, running):
                stream = running.result()
                batches = list(stream.batches)
        finally:
            running.close()
        if stream.outcome() != Outcome():
            raise EngineError(f"the cells of {table.name} did not come: {stream.outcome()}")
        parts = [
            np.concatenate([b.column(n).to_numpy(zero_copy_only=False) for b in batches])
            for n in range(2 if redshift is None else 3)
        ]
        order = np.argsort(parts[0])
        cells, counts = (part[order].astype(np.int64) for part in parts[:2])
        return CellMap(cells, counts, None if redshift is None else parts[2][order].astype(float))


@contextmanager
def _cancelled_by(stopping: Event, running: RunningQuery) -> Iterator[None]:
    """Stop a query when the process is to end, which waits for it."""
    done = Event()

    def watch() -> None:
        while not done.wait(_POLL_S):
            if stopping.is_set():
                running.cancel()
                return

    watcher = Thread(target=watch, name="maps-watcher", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _redshift(table: Table) -> Column | None:
    """Choose the redshift that is averaged: the main one, else the first."""
    found = [
        column
        for column in table.columns
        if (column.field.ucd or "").startswith(_REDSHIFT) and column.field.type.is_numeric
    ]
    return min(found, key=lambda c: "meta.main" not in (c.field.ucd or ""), default=None)
