"""Write ``docs/reference/adql.md`` from the registry of functions, running every example.

Run it from the root of the checkout after a change of a function::

    python docs/adql_page.py

The tests compare the page with what this script would write.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "adql.md"

CHANCE = frozenset(("RAND", "ivo_normal_random"))
"""Functions whose example has another value each time."""

_HEAD = """\
# ADQL: what is supported

All of ADQL 2.1, mandatory and optional, and functions beyond it. Types, units, NULL and the
corners of arithmetic are on [a page of their own](adql-values.md). Every example here was run
over `TAP_SCHEMA`, which every service has; the results are those of the embedded engine.

Whether a text is ADQL 2.1 can be asked without a service, of a file, of the standard input, or of
many queries at once (a list of objects with a `query` each; one verdict object a line comes back
with `valid`, `message`, `line` and `column`). The exit status is 1 when any query is not:

    pzvo adql check query.adql
    pzvo adql check --json queries.json

The same from Python:

```python
from vo_service.adql.verdicts import check

verdict = check("SELECT z FROM cosmos LIMIT 10")
print(verdict.valid, verdict.line, verdict.column, verdict.message)
```

Not in ADQL, and refused with what to write instead: `LIMIT` (`TOP`), `CASE`, `%`, bit operators,
window functions, sub-queries as values, `WITH` inside a query, more than one statement.

"""

_TITLES = {
    "MANDATORY": "Mandatory functions",
    "GEOMETRY": "Geometry",
    "STRING": "Text",
    "COMMON_TABLE": "Common tables",
    "SETS": "Set operations",
    "TYPE": "Conversion",
    "CONDITIONAL": "Conditions",
    "UNIT": "Units",
    "OFFSET": "Offset",
    "USER_DEFINED": "Functions beyond ADQL",
}

_NOTES = {
    "GEOMETRY": """\
Positions are ICRS degrees; the coordinate system as first argument is accepted and must mean ICRS.
A polygon's sides are great circles shorter than 180 degrees, it may be concave, hold a pole and
cross RA 0; its inside is the smaller side, whatever the order of its vertices. One of numbers that
crosses itself, comes back to a vertex, or has no inside is refused with the reason (up to 1000
vertices); one of a column is not looked at, and what is inside where it crosses itself is not
defined. A vertex repeated at once, such as the first at the end, counts once. A `BOX` is the
polygon whose sides are great circles at right angles to the ends of a cross of that width and
height (each below 180 degrees); at a pole it is as good as anywhere. Borders are inside.

`REGION` takes `CIRCLE lon lat radius`, `POLYGON lon lat ...`, `BOX lon lat width height` and
`POSITION lon lat`, with `ICRS` before the numbers or without. `CAST('150 2 0.5' AS CIRCLE)` reads
the lists that DALI writes, also of `POINT` and `POLYGON`, also from a column of text.

Conditions that read the positional index instead of the table: a table's main position (or that
of a sub-query or common table that passes it on) in a circle, polygon, box or coverage map of
literals, whichever way round it is written: `DISTANCE(a, b) < r`, `r > DISTANCE(...)`,
`DISTANCE(...) BETWEEN s AND r`, `1 = CONTAINS(point, region)`, `INTERSECTS`; alone or with other
conditions joined by AND. Joins by `DISTANCE` or `CONTAINS` compare neighbours only; the radius may
be a column of one of the tables.

""",
    "USER_DEFINED": """\
Names with `ivo_` are those of the IVOA's catalogue of user-defined functions 1.2. A distribution
of redshift (`pdf`) is an array column of densities on a grid, linear between its points; the grid
is an array column, or the first and the last redshift of an even one. Means and quantiles hold for
distributions that are not normalised; `pz_pdf_integral` integrates what is stored.

`MOC` makes a region of a coverage map for `CONTAINS(point, MOC('...'))`, in the ASCII form
`order/cell cell-cell order/cell`.

""",
}

_TAIL = """\
## Limits

| what | most |
|---|---|
"""

_LIMITS = {
    "characters": "characters of a query",
    "tokens": "words, names, numbers and symbols",
    "depth": "parentheses, calls and sub-queries inside each other",
    "subqueries": "sub-queries inside each other",
    "tables": "tables and joins",
    "in_items": "values in one IN list",
    "columns": "columns of one SELECT",
    "conditions": "conditions, those of a common table wherever it is used",
    "keys": "items of one GROUP BY or ORDER BY",
    "relations": "tables, those of a common table wherever it is used",
    "expanded_values": "values and operators, each name of a value written out",
    "text_characters": "characters of a text that an expression may make",
    "sql_characters": "characters of the query in the language of the engine",
}

Run = Callable[[str], tuple[object, int]]
"""Runs a query, gives its first value and the number of its rows."""


def adql_page() -> str:
    """Give the text of the page."""
    with _engine() as run:
        return _HEAD + "".join(_sections(run)) + _TAIL + "".join(_limits()) + _END


_END = """
This page is written by `python docs/adql_page.py` from the declarations in
`vo_service/adql/functions`.
"""


def _sections(run: Run) -> Iterator[str]:
    from vo_service.adql.functions import CONSTRUCTS, FUNCTIONS, Feature

    for feature in Feature:
        functions = [f for f in FUNCTIONS.values() if f.feature is feature]
        constructs = [c for c in CONSTRUCTS if c.feature is feature]
        if not functions and not constructs:
            continue
        yield f"## {_TITLES[feature.name]}\n\n{_NOTES.get(feature.name, '')}"
        for function in functions:
            signatures = "\n".join(f"{signature}" for signature in function.signatures)
            shown = "(random)" if function.name in CHANCE else _shown(run(function.example)[0])
            yield (
                f"### {function.name}\n\n{function.description}\n\n```text\n{signatures}\n```\n\n"
                f"`{function.example}`  \ngives `{shown}`\n\n"
            )
        for construct in constructs:
            yield (
                f"### {construct.name}\n\n{construct.description}\n\n"
                f"`{construct.example}`  \ngives {_counted(*run(construct.example))}\n\n"
            )


def _limits() -> Iterator[str]:
    from vo_service.adql.limits import DEFAULT_LIMITS

    for field in dataclasses.fields(DEFAULT_LIMITS):
        most = getattr(DEFAULT_LIMITS, field.name)
        yield f"| {_LIMITS[field.name]} | {most:,} |\n"


def _counted(value: object, rows: int) -> str:
    # Rows without ORDER BY come in any order.
    return f"`{_shown(value)}`" if rows == 1 else f"{rows} rows"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if isinstance(value, float):
        # The last digits differ between libraries of mathematics.
        return f"{value:.12g}" if value != int(value) else repr(value)
    return "NULL" if value is None else str(value)


@contextmanager
def _engine() -> Iterator[Run]:
    from registry import tap_schema
    from vo_service.adql.parser import parse
    from vo_service.adql.resolver import resolve
    from vo_service.engines.duckdb.engine import DuckdbEngine
    from vo_service.engines.duckdb.instance import DuckdbInstance

    tables = tap_schema.with_tap_schema((), "1")
    rows = tap_schema.rows(tables)

    with tempfile.TemporaryDirectory() as folder:
        engine = DuckdbEngine(
            lambda: DuckdbInstance(
                Path(folder),
                Path(folder) / "temporary",
                memory_limit_bytes=2**28,
                temporary_limit_bytes=2**28,
                threads=1,
            )
        )

        def run(adql: str) -> tuple[object, int]:
            query = resolve(parse(adql), tables, adql)
            used = {t.storage.relation for t in query.tables}
            statement = engine.translate(query)
            with closing(engine.execute(statement, {n: rows[n] for n in used}, 60.0)) as found:
                values = [value for batch in found for value in batch.column(0).to_pylist()]
            return (values[0] if values else None), len(values)

        with closing(engine):
            yield run


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    PAGE.write_text(adql_page(), encoding="utf-8")
