"""Positional joins in PostgreSQL's SQL: pairs of rows within a radius, without a cross product.

`vo_service.engines.positional_joins` finds the joins, and says which side is repeated.
Constant radii go by zones of fixed height, which published tables have indexes for: the repeated
side has a row for each zone that its circle meets, with the range of longitudes in which the
circle lies; so do radii that the repeated side brings with each row. Other radii of rows go by
zones as high as the largest, which the server joins by hash. With Q3C or pgSphere their index is
used for constant radii, and the hash for all others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from vo_service.adql.typed import Expression, Join, Relation, Select
from vo_service.engines.context import Context, Point
from vo_service.engines.positional_joins import (
    MAX_ZONE_DEG,
    MIN_ZONE_DEG,
    PositionalPair,
    positional_pairs,
)
from vo_service.engines.postgres.context import PostgresContext, Prefilter, quoted
from vo_service.engines.postgres.shapes import double, point_coordinates
from vo_service.engines.spatial import indexed_point

__all__ = ["PositionalJoins", "index_expressions"]

FINE, COARSE = 120, 1
"""Zones in a degree, of 30 arcsec and of a degree: the circles of a crossmatch meet one or two of
the fine ones, and a strip as long as the circle holds few other rows even in a deep survey."""

MAX_FINE_DEG = 1 / 6
"""Largest radius for fine zones: 42 of them to look into for each row."""

_PADDING = 1e-9
"""Relative and absolute widening in degrees (4 microarcseconds), far above rounding."""

_WIDTH_PADDING = 1e-6
"""Relative and absolute widening of a range of longitudes in degrees (3.6 mas)."""

_SAFE_LATITUDE = 89.9999
"""Circles that reach nearer to a pole (0.36 arcsec) are searched at all longitudes: up to there the
rounding of the range is far below its widening."""


def index_expressions(ra: str, dec: str, cell: str, prefilter: Prefilter) -> list[str]:
    """Print what is indexed for positional joins, as ``CREATE INDEX`` takes it.

    Positions that are none, with an infinite coordinate, are left out.

    Parameters
    ----------
    ra, dec
        Coordinates as double precision, printed.
    cell
        The hidden column of cells, printed; it is NULL where there is no position.
    prefilter
        Which extension serves the joins.
    """
    known = f"WHERE {cell} IS NOT NULL"
    if prefilter is Prefilter.NONE:
        zones = (_indexed_zone(dec, per_deg) for per_deg in (FINE, COARSE))
        return [f"btree (({zone}), ({_longitude(ra)})) {known}" for zone in zones]
    if prefilter is Prefilter.Q3C:
        return [f"btree ({_q3c_cell((ra, dec), cell)})"]
    return [f"gist (({_spoint((ra, dec))})) {known}"]


@dataclass(frozen=True, slots=True)
class PositionalJoins:
    """The positional joins of one SELECT.

    Attributes
    ----------
    pairs
        Where they are, and which side is repeated.
    """

    pairs: tuple[PositionalPair, ...]

    @classmethod
    def of(cls, select: Select) -> PositionalJoins:
        """Find the positional joins of a SELECT."""
        return cls(positional_pairs(select))

    def prepared(
        self, number: int, text: str, context: Context, plain: Callable[[Relation], str]
    ) -> str:
        """Print a relation with the columns that its positional joins need.

        Parameters
        ----------
        number
            Number of the relation.
        text
            The relation itself, printed.
        context
            Of the query.
        plain
            Prints any other relation.
        """
        alias = f"r{number}"
        columns: list[str] = []
        sources = [f"{text} AS {alias}"]
        conditions: list[str] = []
        for index, pair in enumerate(self.pairs):
            radius = pair.radius_deg
            if pair.relation == number:
                repeated = point_coordinates(pair.repeated, context)
                latitude = repeated[1]
                if _brings_radius(pair, context) and not isinstance(radius, float):
                    reach = _Reach.of_rows(*repeated, double(radius, context))
                    sources += reach.sources
                    columns += reach.columns
                    conditions += reach.conditions
                elif not isinstance(radius, float):
                    varying = _VaryingRadius(radius, pair.owner, number, context, plain)
                    sources.append(varying.reached(latitude))
                    columns.append("zones._zone")
                elif _extension(context) is not Prefilter.NONE:
                    continue
                else:
                    reach = _Reach.of_constant(*repeated, radius)
                    sources += reach.sources
                    columns += reach.columns
                    conditions += reach.conditions
            elif (
                pair.other == number
                and not isinstance(radius, float)
                and not _brings_radius(pair, context)
            ):
                latitude = point_coordinates(pair.fixed, context)[1]
                varying = _VaryingRadius(radius, pair.owner, pair.relation, context, plain)
                height = varying.height()
                columns.append(f"{_zone(latitude, height)} AS _zone_{index}")
        if not columns:
            return f"{text} AS {alias}"
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        shown = ", ".join((f"{alias}.*", *columns))
        return f"(SELECT {shown} FROM {' CROSS JOIN '.join(sources)}{where}) AS {alias}"

    def conditions(self, join: Join | None, context: Context) -> list[str]:
        """Print what the zones say about a join, or about WHERE."""
        key = None if join is None else id(join)
        printed = []
        for index, pair in enumerate(self.pairs):
            if pair.join != key:
                continue
            radius = pair.radius_deg
            one, other = f"r{pair.relation}", f"r{pair.other}"
            fixed = point_coordinates(pair.fixed, context)
            if not isinstance(radius, float) and not _brings_radius(pair, context):
                printed.append(f"({other}._zone_{index} = {one}._zone)")
            elif isinstance(radius, float) and _extension(context) is not Prefilter.NONE:
                printed.append(_extension_test(pair.repeated, pair.fixed, radius, context))
            else:
                lon = _longitude(fixed[0])
                per_deg = _zones_per_deg(radius) if isinstance(radius, float) else FINE
                zone = _indexed_zone(fixed[1], per_deg)
                printed.append(
                    f"({zone} = {one}._zone"
                    f" AND {lon} >= {one}._low AND {lon} < {one}._high"
                    f"{_known(pair.fixed, context)})"
                )
        return printed


@dataclass(frozen=True, slots=True)
class _Reach:
    """The zones of fixed height that circles meet, and the longitudes in them.

    Attributes
    ----------
    sources
        Relations to cross with the repeated side, in order.
    columns
        Of each zone: its number, and the range of longitudes, half open.
    conditions
        Which of the rows count.
    """

    sources: tuple[str, ...]
    columns: tuple[str, ...]
    conditions: tuple[str, ...]

    @classmethod
    def of_constant(cls, lon: str, lat: str, radius_deg: float) -> Self:
        """Print what circles of one radius reach."""
        reach = radius_deg * (1 + _PADDING) + _PADDING
        per_deg = _zones_per_deg(radius_deg)
        steps = int(2 * reach * per_deg) + 2
        sine = repr(math.sin(math.radians(reach)))
        return cls(
            (
                _circle(lon, lat, repr(reach), sine, per_deg),
                f"(VALUES {', '.join(f'({i})' for i in range(steps))}) AS zones(step)",
                _TURNS,
            ),
            ("reach.first + zones.step AS _zone", *_RANGE),
            ("reach.first + zones.step <= reach.last", *_TURNED),
        )

    @classmethod
    def of_rows(cls, lon: str, lat: str, radius: str) -> Self:
        """Print what circles reach whose radius in degrees comes with each row.

        Rows without a radius reach nothing, those with a negative one are near to nothing.
        """
        reach = f"(least({radius}, 180) * {1 + _PADDING!r} + {_PADDING!r})"
        return cls(
            (
                _circle(lon, lat, reach, f"sin(radians({reach}))", FINE),
                "LATERAL pzvo.zones(reach.first, reach.last) AS zones(zone)",
                _TURNS,
            ),
            ("zones.zone AS _zone", *_RANGE),
            (f"{radius} >= 0", *_TURNED),
        )


_TURNS = "(VALUES (-1), (0), (1)) AS turns(turn)"

_RANGE = (
    "reach.lon - reach.width - 360 * turns.turn AS _low",
    "reach.lon - reach.width + 2 * reach.width - 360 * turns.turn AS _high",
)
"""Half open, so that a range of all longitudes holds each of them once."""

_TURNED = (
    "reach.lon - reach.width < 360 * (turns.turn + 1)",
    "reach.lon + reach.width >= 360 * turns.turn",
)


def _circle(lon: str, lat: str, reach: str, sine: str, per_deg: int) -> str:
    """Print the zones and the longitudes of the circle of a row, as a relation of one row."""
    exact = f"degrees(asin(least(1, {sine} / cos(radians({lat})))))"
    width = (
        f"CASE WHEN abs({lat}) + {reach} < {_SAFE_LATITUDE}"
        f" THEN {exact} * {1 + _WIDTH_PADDING!r} + {_WIDTH_PADDING!r} ELSE 180 END"
    )
    first = _fixed_zone(f"greatest({lat} - {reach}, -90)", per_deg)
    last = _fixed_zone(f"least({lat} + {reach}, 90)", per_deg)
    return (
        f"LATERAL (SELECT {first} AS first, {last} AS last,"
        f" {_longitude(lon)} AS lon, {width} AS width) AS reach"
    )


def _brings_radius(pair: PositionalPair, context: Context) -> bool:
    """Tell whether the zones of a table's index serve a radius that differs from row to row."""
    return (
        pair.owner is not None
        and not isinstance(pair.owner, Join)
        and pair.owner.number == pair.relation
        and _extension(context) is Prefilter.NONE
    )


def _longitude(lon: str) -> str:
    """Print a longitude from 0 to 360; tiny negative ones would be refused."""
    return (
        f"CASE WHEN {lon} >= 0 AND {lon} < 360 THEN {lon} WHEN abs({lon}) < 1e-200 THEN 0"
        f" WHEN abs({lon}) < 1e15 THEN {lon} - 360 * floor({lon} / 360) END"
    )


def _zones_per_deg(radius_deg: float) -> int:
    return FINE if radius_deg <= MAX_FINE_DEG else COARSE


def _fixed_zone(lat: str, per_deg: int) -> str:
    return f"floor(({lat} + 90) * {per_deg})::int4"


def _indexed_zone(lat: str, per_deg: int) -> str:
    return f"CASE WHEN abs({lat}) <= 90 THEN {_fixed_zone(lat, per_deg)} END"


def _zone(lat: str, height: str) -> str:
    return f"floor(({lat} + 90) / {height})::int8"


@dataclass(frozen=True, slots=True)
class _VaryingRadius:
    """A radius that is computed for each row of one relation.

    Attributes
    ----------
    radius
        The radius.
    owner
        The relation that it is computed from.
    repeated
        Number of the relation that is repeated.
    context, plain
        As in `PositionalJoins.prepared`.
    """

    radius: Expression
    owner: Relation | None
    repeated: int
    context: Context
    plain: Callable[[Relation], str]

    def height(self) -> str:
        """Print the height of the zones: the mean radius, or the largest."""
        if self.owner is None or isinstance(self.owner, Join):
            return repr(MAX_ZONE_DEG)
        column = double(self.radius, self.context)
        number = f"CASE WHEN {column} IS NOT NULL THEN least(greatest({column}, 0), 180) END"
        function = "avg" if self.owner.number == self.repeated else "max"
        return (
            f"(SELECT greatest(coalesce({function}({number}), 1) * {1 + _PADDING!r} + 1e-12,"
            f" {MIN_ZONE_DEG!r}) FROM {self.plain(self.owner)} AS r{self.owner.number})"
        )

    def reached(self, latitude: str) -> str:
        """Print the zones that a row of the repeated side reaches, as a relation."""
        height = self.height()
        if isinstance(self.owner, Join) or self.owner is None or self.owner.number != self.repeated:
            zone = _zone(latitude, height)
            first, last = f"{zone} - 1", f"{zone} + 1"
        else:
            column = double(self.radius, self.context)
            reach = f"(least({column}, 180) * {1 + _PADDING!r} + 1e-12)"
            # The least of a number and NULL is the number; rows without radius reach nothing.
            missing = f"CASE WHEN {column} IS NOT NULL THEN"
            first = f"{missing} {_zone(f'greatest({latitude} - {reach}, -90)', height)} END"
            last = f"{missing} {_zone(f'least({latitude} + {reach}, 90)', height)} END"
        return f"LATERAL generate_series({first}, {last}) AS zones(_zone)"


def _extension_test(
    repeated: Expression, fixed: Expression, radius_deg: float, context: Context
) -> str:
    """Print the condition that an extension answers from its index: a superset of the pairs."""
    outer, inner = point_coordinates(repeated, context), point_coordinates(fixed, context)
    indexed = fixed
    if indexed_point(fixed, context.positions) is None:
        outer, inner, indexed = inner, outer, repeated
    padded = radius_deg * (1 + _EXTENSION_PADDING) + _EXTENSION_PADDING
    if _extension(context) is Prefilter.PGSPHERE:
        circle = f"scircle({_spoint(outer)}, {math.radians(padded)!r})"
        return f"({_spoint(inner)} <@ {circle}{_known(indexed, context)})"
    # The ranges of q3c_join; with the rest of it PostgreSQL does not take the index.
    cell = _q3c_cell(inner, _cell_column(indexed, context))
    circle = f"{outer[0]}, {outer[1]}, {padded!r}"
    ranges = " OR ".join(
        f"{cell} BETWEEN q3c_nearby_it({circle}, {first}) AND q3c_nearby_it({circle}, {first + 1})"
        for first in range(0, 8, 2)
    )
    return f"({ranges})"


def _extension(context: Context) -> Prefilter:
    return context.prefilter if isinstance(context, PostgresContext) else Prefilter.NONE


def _cell_column(point: Expression, context: Context) -> str | None:
    indexed = indexed_point(point, context.positions)
    return None if indexed is None else f"r{indexed.relation}.{quoted(indexed.columns.healpix)}"


def _known(point: Expression, context: Context) -> str:
    """Print the condition under which an index over positions has a row."""
    cell = _cell_column(point, context)
    return "" if cell is None else f" AND {cell} IS NOT NULL"


def _q3c_cell(point: Point, cell: str | None) -> str:
    """Print a cell of Q3C; with a condition beside it PostgreSQL would not take the index."""
    lon = point[0] if cell is None else f"CASE WHEN {cell} IS NOT NULL THEN {point[0]} END"
    return f"q3c_ang2ipix({lon}, {point[1]})"


_EXTENSION_PADDING = 1e-6
"""Relative and absolute (3.6 mas): both extensions are good to 2 mas."""


def _spoint(point: Point) -> str:
    return f"spoint(radians({point[0]}), radians({point[1]}))"
