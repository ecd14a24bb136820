"""Plots of queries: the engine counts, so that a million rows are drawn as fast as a thousand."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from registry.model.field import Field
from registry.model.principal import Principal
from vo_service.web.charts.density import Density
from vo_service.web.charts.field import SkyField
from vo_service.web.charts.histogram import Histogram
from vo_service.web.charts.sky import Sky
from vo_service.web.querying import AskedQuery, QueryDesk

__all__ = ["KINDS", "Plot", "PlotChoice", "PlotRequest", "Plotter"]

KINDS = ("histogram", "density", "sky")
"""What can be drawn."""

_BINS = 60
_BINS_X, _BINS_Y = 120, 80

_POINTS_MAX = 2_000
"""Rows up to which every one is a point of its own."""

_COARSE_ORDER, _FINEST_ORDER = 5, 12
_CELLS_MAX = 3_000

_TOKEN = re.compile(r"'[^']*'|\"[^\"]*\"|--[^\n]*|[()]|[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class PlotRequest:
    """What is to be drawn; nothing is left to the plotter.

    Attributes
    ----------
    kind
        One of `KINDS`.
    x, y
        Names of columns.
    """

    kind: str = ""
    x: str = ""
    y: str = ""


@dataclass(frozen=True, slots=True)
class PlotChoice:
    """What can be drawn of a result, and what is.

    Attributes
    ----------
    columns
        Columns of numbers.
    kind, x, y
        As in `PlotRequest`, filled in.
    """

    columns: tuple[Field, ...]
    kind: str
    x: str
    y: str

    @classmethod
    def of(cls, fields: Sequence[Field], wanted: PlotRequest) -> PlotChoice | None:
        """Choose by what the columns mean; nothing if no column is a number."""
        columns = tuple(each for each in fields if each.type.is_numeric)
        if not columns:
            return None
        names = [each.name for each in columns]
        ra, dec = _first(columns, "pos.eq.ra"), _first(columns, "pos.eq.dec")
        kind = wanted.kind
        if kind not in KINDS:
            kind = _suitable(columns)
        if kind == "sky":
            x, y = ra or names[0], dec or names[min(1, len(names) - 1)]
        else:
            x = _first(columns, "src.redshift") or _first(columns, "phot.mag") or _plain(columns)
            others = [each for each in columns if each.name != x] or list(columns)
            y = _first(others, "meta.number") or _first(others, "phot.mag") or _plain(others)
        return cls(
            columns,
            kind,
            wanted.x if wanted.x in names else x,
            wanted.y if wanted.y in names else y,
        )

    def label(self, name: str) -> str:
        """Give the title of an axis: name and unit."""
        unit = next((each.unit for each in self.columns if each.name == name), None)
        return f"{name} [{unit}]" if unit else name


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot.

    Attributes
    ----------
    choice
        What was drawn.
    total
        Rows of the query.
    nulls
        Rows without a value.
    drawing
        What the template draws; none where no row has a value.
    query
        The ADQL that gives the numbers.
    field
        A closer look at the densest part of the sky.
    """

    choice: PlotChoice
    total: int
    nulls: int
    drawing: Histogram | Density | Sky | None
    query: str
    field: SkyField | None = None


class Plotter:
    """Draws the results of queries.

    Parameters
    ----------
    desk
        Runs queries.
    """

    def __init__(self, desk: QueryDesk) -> None:
        self._desk = desk

    def draw(self, principal: Principal, asked: AskedQuery, wanted: PlotRequest) -> Plot | None:
        """Draw the whole result of a query, however many rows it has.

        Returns
        -------
        Plot or None
            None where no column is a number.

        Raises
        ------
        AdqlError, DaliError, EngineError, ServiceBusy
            As the query itself.
        """
        checked = self._desk.run(principal, asked, maxrec=0)
        checked.close()
        choice = PlotChoice.of(checked.fields, wanted)
        if choice is None:
            return None
        source = _Source(self._desk, principal, asked)
        match choice.kind:
            case "histogram":
                return _histogram(source, choice)
            case "density":
                return _density(source, choice)
            case _:
                return _sky(source, choice)


class _Source:
    """The query that is drawn, as the table ``t`` of others."""

    def __init__(self, desk: QueryDesk, principal: Principal, asked: AskedQuery) -> None:
        self._desk, self._principal, self._asked = desk, principal, asked
        self._head, self._main = _parted(asked.text)

    def text(self, select: str, rest: str = "") -> str:
        # A comment at the end of the query ends before the parenthesis.
        return f"{self._head}SELECT {select}\nFROM (\n{self._main}\n) AS t{rest}"

    def rows(self, text: str, maxrec: int) -> list[list[Any]]:
        asked = self._desk.over(self._asked, text)
        found: list[list[Any]] = self._desk.rows(self._principal, asked, maxrec)["rows"]
        return found


def _histogram(source: _Source, choice: PlotChoice) -> Plot:
    name = _quoted(choice.x)
    facts = source.rows(source.text(", ".join(["COUNT(*) AS n", *_range(name)])), 1)[0]
    total, present, low, high = facts[0], facts[1], *_ends(*facts[2:6])
    if low is None or high is None:
        return Plot(choice, total, total - present, None, source.text(_range(name)[0]))
    if _is_whole(choice) and high - low < _BINS:
        low, bins, width = math.floor(low) - 0.5, math.floor(high) - math.floor(low) + 1, 1.0
    else:
        bins, width = _BINS, (high - low) / _BINS
    query = source.text(
        f"ivo_histogram({name}, {_number(low)}, {_number(low + width * bins)}, {bins}) AS counts"
    )
    counts = source.rows(query, 1)[0][0]
    # The upper end of the range belongs to the last bin.
    inside = list(counts[1:-1])
    label = choice.label(choice.x)
    drawing = Histogram.of_counts(label, low, width, inside, present - sum(inside))
    return Plot(choice, total, total - present, drawing, query)


def _density(source: _Source, choice: PlotChoice) -> Plot:
    x, y = _quoted(choice.x), _quoted(choice.y)
    both = f"\nWHERE {x} IS NOT NULL AND {y} IS NOT NULL"
    facts = source.rows(source.text(", ".join([*_range(x), *_range(y)]), both), 1)[0]
    present, total = facts[0], source.rows(source.text("COUNT(*) AS n"), 1)[0][0]
    x_low, x_high, y_low, y_high = *_ends(*facts[1:5]), *_ends(*facts[6:10])
    labels = choice.label(choice.x), choice.label(choice.y)
    if x_low is None or y_low is None or x_high is None or y_high is None:
        return Plot(choice, total, total - present, None, source.text(f"{x}, {y}"))
    limits = x_low, x_high, y_low, y_high
    if present <= _POINTS_MAX:
        query = source.text(f"{x} AS x, {y} AS y", both)
        drawing = Density.of_points(labels, limits, source.rows(query, _POINTS_MAX))
        return Plot(choice, total, total - present, drawing, query)
    steps = (x_high - x_low) / _BINS_X, (y_high - y_low) / _BINS_Y
    inside = (
        f"\nWHERE {x} >= {_number(x_low)} AND {x} < {_number(x_high)}"
        f" AND {y} >= {_number(y_low)} AND {y} < {_number(y_high)}"
    )
    query = source.text(
        f"FLOOR(({x} - {_number(x_low)}) / {steps[0]!r}) AS i, "
        f"FLOOR(({y} - {_number(y_low)}) / {steps[1]!r}) AS j, COUNT(*) AS n",
        f"{inside}\nGROUP BY i, j",
    )
    cells = source.rows(query, 2 * _BINS_X * _BINS_Y)
    drawing = Density.of_cells(labels, limits, (_BINS_X, _BINS_Y), cells, present)
    return Plot(choice, total, total - present, drawing, query)


def _sky(source: _Source, choice: PlotChoice) -> Plot:
    ra, dec = _quoted(choice.x), _quoted(choice.y)
    # What is no place on the sky is not drawn, and no error.
    there = f"\nWHERE {ra} IS NOT NULL AND {dec} BETWEEN -90 AND 90"

    def counted(order: int) -> str:
        select = f"ivo_healpix_index({order}, {ra}, {dec}) AS hpx, COUNT(*) AS n"
        return source.text(select, f"{there}\nGROUP BY hpx")

    total = source.rows(source.text("COUNT(*) AS n"), 1)[0][0]
    coarse = source.rows(counted(_COARSE_ORDER), 12 * 4**_COARSE_ORDER)
    present = sum(row[1] for row in coarse)
    cells, counts = [row[0] for row in coarse], [row[1] for row in coarse]
    facts = {"order": _COARSE_ORDER, "cells": cells, "counts": counts}
    order = _COARSE_ORDER
    while order < _FINEST_ORDER and len(coarse) * 4 ** (order + 1 - _COARSE_ORDER) <= _CELLS_MAX:
        order += 1
    query = counted(order)
    fine = coarse if order == _COARSE_ORDER else source.rows(query, 4 * _CELLS_MAX)
    field = SkyField.densest(order, [r[0] for r in fine], [r[1] for r in fine])
    return Plot(choice, total, total - present, Sky.of_facts(facts), query, field)


def _range(name: str) -> list[str]:
    """Ask for what decides on the range of an axis: a few wild values do not."""
    return [
        f"COUNT({name})",
        f"MIN({name})",
        f"MAX({name})",
        f"pz_quantile({name}, 0.005)",
        f"pz_quantile({name}, 0.995)",
    ]


def _ends(
    low: float | None, high: float | None, quantile_low: float | None, quantile_high: float | None
) -> tuple[float | None, float | None]:
    """Choose the ends of an axis: all values, or the middle 99 % where the rest is far away."""
    values = (low, high, quantile_low, quantile_high)
    if any(each is None or not math.isfinite(each) for each in values):
        return None, None
    first, last, q_low, q_high = (float(each) for each in values if each is not None)
    spread = q_high - q_low
    if spread > 0:
        first, last = max(first, q_low - 0.5 * spread), min(last, q_high + 0.5 * spread)
    if last <= first:
        half = max(0.5, abs(first) * 1e-3)
        return first - half, last + half
    # The largest value is inside of the last bin, not at its open end.
    return first, last + (last - first) * 1e-6


def _is_whole(choice: PlotChoice) -> bool:
    return next(each.type.datatype.is_integer for each in choice.columns if each.name == choice.x)


def _first(columns: Sequence[Field], ucd: str) -> str | None:
    """Find the column of a meaning, the main one first."""
    found = [
        each for each in columns
        if (each.ucd or "").lower().split(";")[0].startswith(ucd)
    ]  # fmt: skip
    found.sort(key=lambda each: "meta.main" not in (each.ucd or "").lower())
    return found[0].name if found else None


def _suitable(columns: Sequence[Field]) -> str:
    """Choose what to draw first: counts against what was counted, redshifts, else the sky."""
    if len(columns) > 1 and _first(columns, "meta.number"):
        return "density"
    if _first(columns, "src.redshift"):
        return "histogram"
    placed = _first(columns, "pos.eq.ra") and _first(columns, "pos.eq.dec")
    return "sky" if placed else "histogram"


def _plain(columns: Sequence[Field]) -> str:
    """Find a column that is neither identifier nor count, where there is one."""
    others = [each for each in columns if not (each.ucd or "").startswith(("meta.id", "meta.num"))]
    return (others or columns)[0].name


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _number(value: float) -> str:
    return repr(float(value))


def _parted(text: str) -> tuple[str, str]:
    """Part a query into the tables that it names first (WITH) and the rest.

    Notes
    -----
    ADQL 2.1 has WITH at the beginning of a query alone, so that it has to stay there when the
    rest becomes a sub-query. The rest begins with the first SELECT outside of parentheses.
    """
    text = text.strip().rstrip(";")
    depth, first = 0, True
    for token in _TOKEN.finditer(text):
        word = token.group()
        if word.startswith("--"):
            continue
        if first and word.upper() != "WITH":
            return "", text
        first = False
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth == 0 and word.upper() == "SELECT":
            return text[: token.start()], text[token.start() :]
    return "", text
