"""Examples of queries, made from the tables that the caller may see.

Which examples there are depends on the product types and on the meaning of the columns, so
that every query runs whatever is published; with nothing published, TAP_SCHEMA still serves.
The queries stay within ADQL 2.0, which is all that the editors of older clients accept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from registry.healpix import covered_place
from registry.model.table import Column, Table, TableSet
from registry.tap_schema import SCHEMA_NAME, column_name

__all__ = ["Example", "examples"]

_RADIUS_DEG = 0.1
"""Of the cones, where the place of the rows is known well enough."""

_MATCH_DEG = "0.000278"
"""Largest separation of the same object in two catalogues: an arcsecond."""


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
    tables: TableSet,
) -> list[Example]:
    """Choose and write the examples.

    Parameters
    ----------
    tables
        Everything that the caller may query.

    Returns
    -------
    list of Example
        Those about data first, those about TAP_SCHEMA last; each one reads only tables and
        columns of `tables`.
    """
    data = [_Roles(table) for table in tables if table.schema_name.upper() != SCHEMA_NAME]
    return [*_data_examples(data), *_product_examples(tables), *_schema_examples(tables)]


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
        self.pdf = self._first(_is_distribution)
        self.place = None if table.coverage is None else covered_place(table.coverage)

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


def _is_distribution(column: Column) -> bool:
    words = _words(column)
    return column.field.type.is_array and (
        words[0] == "stat.probability" or words[0].startswith("src.redshift")
    )


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


def _data_examples(data: list[_Roles]) -> Iterator[Example]:
    redshifts = ("photoz_estimates", "redshift_catalog", "training_set")
    objects = ("object_catalog", "redshift_catalog", "training_set")
    if (roles := _preferred(data, redshifts, lambda r: r.redshift)) is not None:
        yield _redshift_range(roles)
        yield _histogram(roles)
    if (roles := _preferred(data, redshifts, lambda r: r.pdf)) is not None:
        yield _distribution(roles)
    placed = [roles for roles in data if roles.position and roles.place]
    if (roles := _preferred(placed, objects, lambda r: r.position)) is not None:
        yield _cone(roles)
        yield _neighbours(roles)
        yield _upload(roles)
        if (other := _preferred(placed, redshifts, lambda r: r is not roles)) is not None:
            yield _crossmatch(roles, other)
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


def _distribution(roles: _Roles) -> Example:
    columns = [*([roles.id] if roles.id else []), str(roles.pdf)]
    return Example(
        "redshift-distributions",
        "Probability distributions of redshifts",
        "A distribution is an array in one column; pz_pdf_mean, pz_pdf_quantile and "
        "pz_pdf_integral compute with it and the redshifts of its first and last element.",
        (roles.name,),
        f"{_select(10, columns)}\nFROM {roles.name}\nWHERE {roles.pdf} IS NOT NULL",
    )


def _crossmatch(left: _Roles, right: _Roles) -> Example:
    """Match two tables around a place of the first; rows without a match are kept."""
    ra, dec = left.position or ("", "")
    other_ra, other_dec = right.position or ("", "")
    lon, lat, radius = left.place or (0.0, 0.0, 0.0)
    columns = [f"a.{label}" for label in left.labels] + [f"b.{label}" for label in right.labels]
    inside = (
        f"1 = CONTAINS(POINT('ICRS', a.{ra}, a.{dec}), "
        f"CIRCLE('ICRS', {lon:.6f}, {lat:.6f}, {max(radius, _RADIUS_DEG):g}))"
    )
    return Example(
        "crossmatch",
        "Two tables matched by position",
        "The objects of one table around a position, with those of another within an arcsecond; "
        "where there is none, its columns are empty.",
        (left.name, right.name),
        f"{_select(100, columns)}\nFROM {left.name} AS a\nLEFT JOIN {right.name} AS b\n"
        f"ON DISTANCE(POINT('ICRS', a.{ra}, a.{dec}), POINT('ICRS', b.{other_ra}, b.{other_dec}))"
        f" < {_MATCH_DEG}\n"
        f"WHERE {inside}",
    )


def _upload(roles: _Roles) -> Example:
    """Match a list of positions, here one that is written; an upload takes its place."""
    ra, dec = roles.position or ("", "")
    lon, lat, radius = roles.place or (0.0, 0.0, 0.0)
    columns = [f"a.{label}" for label in roles.labels]
    return Example(
        "own-positions",
        "Objects around positions of your own",
        "Upload a table with the columns ra and dec, and put its name, TAP_UPLOAD.mine, in the "
        "place of the query in parentheses.",
        (f"{SCHEMA_NAME}.schemas", roles.name),
        f"{_select(100, columns)}\n"  # noqa: S608 - shown to people, never run here
        f"FROM (SELECT TOP 1 {lon:.6f} AS ra, {lat:.6f} AS dec"
        f" FROM {SCHEMA_NAME}.schemas) AS mine\n"
        f"JOIN {roles.name} AS a\n"
        f"ON DISTANCE(POINT('ICRS', a.{ra}, a.{dec}), POINT('ICRS', mine.ra, mine.dec)) < "
        f"{max(radius, _RADIUS_DEG):g}",
    )


def _around(roles: _Roles) -> tuple[str, str, str]:
    """Write the point of the row, the point of the centre, and the cone's condition."""
    ra, dec = roles.position or ("", "")
    lon, lat, radius = roles.place or (0.0, 0.0, 0.0)
    row = f"POINT('ICRS', {ra}, {dec})"
    cone = f"CIRCLE('ICRS', {lon:.6f}, {lat:.6f}, {max(radius, _RADIUS_DEG):g})"
    return row, f"POINT('ICRS', {lon:.6f}, {lat:.6f})", f"1 = CONTAINS({row}, {cone})"


def _cone(roles: _Roles) -> Example:
    inside = _around(roles)[2]
    columns = [*roles.labels, *([roles.redshift] if roles.redshift else [])]
    return Example(
        "cone-search",
        "Objects around a position",
        "CONTAINS with a POINT and a CIRCLE uses the index on the sky; angles are in degrees.",
        (roles.name,),
        f"{_select(1000, columns)}\nFROM {roles.name}\nWHERE {inside}",
    )


def _neighbours(roles: _Roles) -> Example:
    row, centre, inside = _around(roles)
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
    """Find two tables with the same kind of identifier, the second one with redshifts.

    Only tables that are said to belong together: the same number is another object elsewhere.
    """
    groups: dict[tuple[str, bool], list[_Roles]] = {}
    for roles in data:
        if roles.id is not None and (roles.id_is_number or roles.id_is_text):
            groups.setdefault((roles.id.lower(), roles.id_is_number), []).append(roles)
    for group in groups.values():
        right = next((roles for roles in group if roles.redshift), None)
        left = next((r for r in group if right is not None and _related(r, right)), None)
        if left is not None and right is not None:
            return left, right
    return None


def _related(left: _Roles, right: _Roles) -> bool:
    """Whether one of two tables refers to the other."""
    return right.name in {key.target_table for key in left.table.foreign_keys} or left.name in {
        key.target_table for key in right.table.foreign_keys
    }


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
