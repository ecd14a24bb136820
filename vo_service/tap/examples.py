"""Examples of queries, made from the tables that the caller may see.

Which examples there are depends on the product types and on the meaning of the columns, so
that every query runs whatever is published; with nothing published, TAP_SCHEMA still serves.
The queries stay within ADQL 2.0, which is all that the editors of older clients accept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from registry.model.table import Column, Table, TableSet
from registry.tap_schema import SCHEMA_NAME, column_name

__all__ = ["CONTENT_TYPE", "Example", "examples", "render"]

CONTENT_TYPE = "application/xhtml+xml"
"""Media type of the document (DALI 1.1, section 2.3)."""

VOCABULARY = "http://www.ivoa.net/rdf/examples#"
"""Vocabulary of the markup (DALI 1.1, section 2.3)."""

COSMOS_DEG = (150.116, 2.206)
"""Centre of the COSMOS field, ICRS degrees (Scoville et al. 2007, ApJS 172, 1)."""

_RADIUS_DEG = 0.1
_HIDDEN_CHARACTERS = str.maketrans("", "", "".join(map(chr, [*range(9), 11, 12, *range(14, 32)])))


@dataclass(frozen=True, slots=True)
class Example:
    """A query that can be run as it is.

    Attributes
    ----------
    id
        An XML name, unique in the document.
    name
        What the query does, as a heading.
    description
        What there is to learn from it.
    tables
        Names of the tables that it reads.
    query
        ADQL 2.0.
    """

    id: str
    name: str
    description: str
    tables: tuple[str, ...]
    query: str


def examples(
    tables: TableSet, centres_deg: Mapping[str, tuple[float, float]] | None = None
) -> list[Example]:
    """Choose and write the examples.

    Parameters
    ----------
    tables
        Everything that the caller may query.
    centres_deg
        By name of the table, a position where it has rows (ICRS right ascension and
        declination); the COSMOS field otherwise.

    Returns
    -------
    list of Example
        Those about data first, those about TAP_SCHEMA last; each one reads only tables and
        columns of `tables`.
    """
    data = [_Roles(table) for table in tables if table.schema_name.upper() != SCHEMA_NAME]
    centres = centres_deg or {}
    return [*_data_examples(data, centres), *_product_examples(tables), *_schema_examples(tables)]


class _Roles:
    """The columns of a table by what they mean, written as queries need them."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.name = table.name
        main_id = next((c for c in table.columns if _words(c) == ["meta.id", "meta.main"]), None)
        self.id = self._written(main_id) if main_id else None
        self.id_is_number = main_id is not None and main_id.field.type.is_numeric
        self.id_is_text = main_id is not None and main_id.field.type.is_text
        self.redshift = self._redshift()
        self.position = self._position()
        self.colour = self._colour()

    @property
    def labels(self) -> list[str]:
        """The identifier and the position, as far as the table has them."""
        return [*([self.id] if self.id else []), *(self.position or ())]

    def _written(self, column: Column) -> str:
        return column_name(self.table, column)

    def _first(self, condition: Callable[[Column], bool]) -> str | None:
        return next((self._written(c) for c in self.table.columns if condition(c)), None)

    def _redshift(self) -> str | None:
        found = [c for c in self.table.columns if _is_redshift(c)]
        found.sort(key=lambda c: "meta.main" not in (c.field.ucd or ""))
        return self._written(found[0]) if found else None

    def _colour(self) -> tuple[str, str] | None:
        """Two magnitudes, of the bands B and R (g and r of the surveys) where they exist."""
        bands: dict[str, str] = {}
        for column in self.table.columns:
            if _is_magnitude(column):
                bands.setdefault(_words(column)[1], self._written(column))
        wanted = [bands[band] for band in ("em.opt.b", "em.opt.r") if band in bands]
        pair = wanted if len(wanted) == 2 else list(bands.values())
        return (pair[0], pair[1]) if len(pair) > 1 else None

    def _position(self) -> tuple[str, str] | None:
        position = self.table.position
        if position is None:
            return None
        ra = self._first(lambda c: c.physical == position.ra)
        dec = self._first(lambda c: c.physical == position.dec)
        return (ra, dec) if ra and dec else None


def _words(column: Column) -> list[str]:
    return (column.field.ucd or "").lower().split(";")


def _is_redshift(column: Column) -> bool:
    primary = _words(column)[0]
    known = primary == "src.redshift" or primary.startswith("src.redshift.")
    return known and column.field.type.is_numeric


def _is_magnitude(column: Column) -> bool:
    words = _words(column)
    banded = len(words) > 1 and words[1].startswith("em.")
    return words[0] == "phot.mag" and banded and column.field.type.is_numeric


def _preferred(
    data: Iterable[_Roles], types: tuple[str, ...], condition: Callable[[_Roles], object]
) -> _Roles | None:
    """Give the first fitting table, of the product types in `types` before any other."""
    fitting = [roles for roles in data if condition(roles)]
    ranks = {name: rank for rank, name in enumerate(types)}
    return min(
        fitting, key=lambda r: ranks.get(r.table.schema_name.lower(), len(types)), default=None
    )


def _data_examples(
    data: list[_Roles], centres_deg: Mapping[str, tuple[float, float]]
) -> Iterator[Example]:
    redshifts = ("photoz_estimates", "redshift_catalog", "training_set")
    objects = ("object_catalog", "redshift_catalog", "training_set")
    if (roles := _preferred(data, redshifts, lambda r: r.redshift)) is not None:
        yield _redshift_range(roles)
        yield _histogram(roles)
    if (roles := _preferred(data, objects, lambda r: r.position)) is not None:
        centre = centres_deg.get(roles.name, COSMOS_DEG)
        yield _cone(roles, centre)
        yield _neighbours(roles, centre)
    if (roles := _preferred(data, objects, lambda r: r.colour)) is not None:
        yield _colour(roles)
    if (pair := _joinable(data)) is not None:
        yield _join(*pair)


def _select(top: int, columns: Iterable[str]) -> str:
    return f"SELECT TOP {top} {', '.join(dict.fromkeys(columns)) or '*'}"


def _redshift_range(roles: _Roles) -> Example:
    z = roles.redshift
    columns = [*roles.labels, str(z)]
    return Example(
        "redshift-range",
        "Objects in a range of redshift",
        "A condition on the redshift alone; change the limits, or take away TOP for all rows.",
        (roles.name,),
        f"{_select(100, columns)}\nFROM {roles.name}\nWHERE {z} BETWEEN 0.5 AND 0.6",
    )


def _histogram(roles: _Roles) -> Example:
    z = roles.redshift
    return Example(
        "redshift-histogram",
        "N(z): how many objects in each bin of redshift",
        "The inner query gives every object the lower edge of its bin, 0.1 wide; the outer one "
        "counts.",
        (roles.name,),
        "SELECT z_bin, COUNT(*) AS n_objects\n"  # noqa: S608 - shown to people, never run here
        f"FROM (SELECT FLOOR({z} * 10) / 10.0 AS z_bin FROM {roles.name}"
        f" WHERE {z} IS NOT NULL) AS binned\n"
        "GROUP BY z_bin\nORDER BY z_bin",
    )


def _around(roles: _Roles, centre_deg: tuple[float, float]) -> tuple[str, str, str]:
    """Write the point of the row, the point of the centre, and the cone's condition."""
    ra, dec = roles.position or ("", "")
    lon, lat = centre_deg
    row = f"POINT('ICRS', {ra}, {dec})"
    cone = f"CIRCLE('ICRS', {lon:.6f}, {lat:.6f}, {_RADIUS_DEG})"
    return row, f"POINT('ICRS', {lon:.6f}, {lat:.6f})", f"1 = CONTAINS({row}, {cone})"


def _cone(roles: _Roles, centre_deg: tuple[float, float]) -> Example:
    inside = _around(roles, centre_deg)[2]
    columns = [*roles.labels, *([roles.redshift] if roles.redshift else [])]
    return Example(
        "cone-search",
        "Objects within 6 arcminutes of a position",
        "CONTAINS with a POINT and a CIRCLE uses the index on the sky; angles are in degrees.",
        (roles.name,),
        f"{_select(1000, columns)}\nFROM {roles.name}\nWHERE {inside}",
    )


def _neighbours(roles: _Roles, centre_deg: tuple[float, float]) -> Example:
    row, centre, inside = _around(roles, centre_deg)
    columns = [*roles.labels, f"DISTANCE({row}, {centre}) AS separation_deg"]
    return Example(
        "nearest-neighbours",
        "The ten objects nearest to a position",
        "DISTANCE gives degrees; the cone keeps the search short.",
        (roles.name,),
        f"{_select(10, columns)}\nFROM {roles.name}\nWHERE {inside}\nORDER BY separation_deg",
    )


def _colour(roles: _Roles) -> Example:
    blue, red = roles.colour or ("", "")
    columns = [*roles.labels, blue, red, f"{blue} - {red} AS colour_mag"]
    return Example(
        "colour-cut",
        "Objects of a colour, down to a limit of magnitude",
        "Arithmetic in the list of columns and in the condition.",
        (roles.name,),
        f"{_select(100, columns)}\nFROM {roles.name}\n"
        f"WHERE {blue} - {red} BETWEEN 0.5 AND 1.5 AND {red} < 24",
    )


def _joinable(data: list[_Roles]) -> tuple[_Roles, _Roles] | None:
    """Find two tables with the same kind of identifier, the second one with redshifts."""
    groups: dict[tuple[str, bool], list[_Roles]] = {}
    for roles in data:
        if roles.id is not None and (roles.id_is_number or roles.id_is_text):
            groups.setdefault((roles.id.lower(), roles.id_is_number), []).append(roles)
    for group in groups.values():
        right = next((roles for roles in group if roles.redshift), None)
        left = next((roles for roles in group if roles is not right), None)
        if left is not None and right is not None:
            return left, right
    return None


def _join(left: _Roles, right: _Roles) -> Example:
    columns = [f"a.{label}" for label in left.labels] + [f"b.{right.redshift}"]
    return Example(
        "join-by-identifier",
        "Two tables joined by the identifier of the object",
        "Rows that have the same identifier in both tables, with columns of each.",
        (left.name, right.name),
        f"{_select(100, columns)}\nFROM {left.name} AS a\n"
        f"JOIN {right.name} AS b ON a.{left.id} = b.{right.id}",
    )


def _product_examples(tables: TableSet) -> Iterator[Example]:
    products = tables.by_name.get(("pz", "products"))
    if products is not None:
        yield Example(
            "products",
            "The list of data products",
            "Each product with its type, release and table; the list is a table itself.",
            (products.name,),
            f"SELECT TOP 100 *\nFROM {products.name}",
        )


def _schema_examples(tables: TableSet) -> Iterator[Example]:
    needed = ("tables", "columns")
    if any((SCHEMA_NAME.lower(), name) not in tables.by_name for name in needed):
        return
    yield Example(
        "redshift-columns",
        "Where are the redshifts?",
        "UCDs say what a column means, whatever its name: this finds every redshift.",
        (f"{SCHEMA_NAME}.columns",),
        "SELECT table_name, column_name, ucd, unit, description\n"
        f"FROM {SCHEMA_NAME}.columns\nWHERE ucd LIKE '%src.redshift%'\nORDER BY table_name",
    )
    yield Example(
        "tables-with-positions",
        "Tables with positions on the sky, and how long they are",
        "A join of two tables of TAP_SCHEMA.",
        (f"{SCHEMA_NAME}.tables", f"{SCHEMA_NAME}.columns"),
        "SELECT t.table_name, t.nrows, t.description\n"
        f"FROM {SCHEMA_NAME}.tables AS t\n"
        f"JOIN {SCHEMA_NAME}.columns AS c ON t.table_name = c.table_name\n"
        "WHERE c.ucd = 'pos.eq.ra;meta.main'\nORDER BY nrows DESC",
    )


_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:50em;margin:2em auto;padding:0 1em;color:#222}"
    "pre{background:#f4f4f4;border-left:4px solid #2a6f97;padding:.8em;overflow:auto}"
    "h2{margin-top:2em}"
)


def render(chosen: Iterable[Example]) -> bytes:
    """Write the document of examples.

    Returns
    -------
    bytes
        XHTML with the markup of DALI 1.1, section 2.3: the vocabulary once, each example with
        its type, identifier and resource, and name, tables and query as plain text.
    """
    body = "\n".join(_markup(example) for example in chosen)
    page = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html>\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" lang="en" xml:lang="en">\n'
        f"<head><title>TAP examples</title><style>{_STYLE}</style></head>\n"
        f'<body vocab="{VOCABULARY}">\n<h1>TAP examples</h1>\n'
        "<p>Queries that run on this service as they are.</p>\n"
        f"{body}\n</body>\n</html>\n"
    )
    return page.encode()


def _markup(example: Example) -> str:
    tables = ", ".join(f'<code property="table">{_text(name)}</code>' for name in example.tables)
    anchor = f"id={quoteattr(example.id)} resource={quoteattr('#' + example.id)}"
    return (
        f'<div typeof="example" {anchor}>\n'
        f'<h2 property="name">{_text(example.name)}</h2>\n'
        f"<p>{_text(example.description)} Reads {tables}.</p>\n"
        f'<pre property="query">{_text(example.query)}</pre>\n</div>'
    )


def _text(value: str) -> str:
    return escape(value.translate(_HIDDEN_CHARACTERS))
