"""Cone search: the rows of a table around a position (Simple Cone Search 1.03)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from registry.model.field import Datatype, Field, ValueType
from registry.model.principal import Principal
from registry.model.table import Column, Table
from registry.tap_schema import column_name
from vo_service.dali.errors import InvalidParameter
from vo_service.dali.numbers import bounded_number
from vo_service.dali.params import Parameters
from vo_service.dali.request import RequestLimits, parse_maxrec, parse_responseformat
from vo_service.queries import QueryService, RunningQuery
from vosi.tables import find_table

__all__ = ["MAX_RADIUS_DEG", "ConeRequest", "ConeSearch", "NoConeSearch", "is_searchable"]

MAX_RADIUS_DEG = 180.0
"""The whole sky; what may come back is bounded by MAXREC, not by the radius."""

_UCD_ID, _UCD_RA, _UCD_DEC = "ID_MAIN", "POS_EQ_RA_MAIN", "POS_EQ_DEC_MAIN"
"""UCDs of the first generation, which clients look for in cone searches (SCS 1.03, 2.2)."""

_VERBOSITIES = ("1", "2", "3")


class NoConeSearch(Exception):
    """There is no such table, or it has no positions; the caller is told the same of both.

    Parameters
    ----------
    name
        Of the table, as it was given.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no cone search for {name[:200]}: see the tables under /tap")


@dataclass(frozen=True, slots=True)
class ConeRequest:
    """The parameters of a cone search.

    Attributes
    ----------
    ra, dec
        Centre in degrees, ICRS.
    radius
        In degrees, 0 for the columns alone.
    verbosity
        1 for identifier and position, 2 for the main columns, 3 for all.
    maxrec
        Rows at most.
    responseformat
        As it was given, none for the service's own choice.
    """

    ra: float
    dec: float
    radius: float
    verbosity: int
    maxrec: int
    responseformat: str | None = None

    @classmethod
    def parse(cls, parameters: Parameters, limits: RequestLimits) -> ConeRequest:
        """Read and check the parameters.

        Raises
        ------
        MissingParameter
            If RA, DEC or SR is absent.
        InvalidParameter
            If a value cannot be used.

        Notes
        -----
        SCS 1.03, section 2.1; MAXREC and RESPONSEFORMAT are those of the draft of 1.1. What is
        not known is ignored.
        """
        verbosity = (parameters.single("VERB") or "2").strip()
        if verbosity not in _VERBOSITIES:
            raise InvalidParameter("VERB", verbosity, "give 1, 2 or 3")
        return cls(
            bounded_number(parameters, "RA", "right ascension of the centre in degrees", 0, 360),
            bounded_number(parameters, "DEC", "declination of the centre in degrees", -90, 90),
            bounded_number(parameters, "SR", "radius in degrees", 0, MAX_RADIUS_DEG),
            int(verbosity),
            parse_maxrec(parameters, limits),
            parse_responseformat(parameters),
        )


class ConeSearch:
    """Answers cone searches by queries like everybody's: the same rights, slots and limits.

    Parameters
    ----------
    queries
        Answers ADQL.
    time_limit_s
        Seconds that the engine may work on one.
    """

    def __init__(self, queries: QueryService, time_limit_s: float) -> None:
        self._queries = queries
        self._time_limit_s = time_limit_s

    def table(self, principal: Principal, name: str) -> Table:
        """Find a table with positions.

        Parameters
        ----------
        principal
            Who asks; tables hidden from the caller do not exist.
        name
            Qualified name.

        Raises
        ------
        NoConeSearch
            If there is none.
        """
        found = find_table(self._queries.tables(principal), name)
        if found is None or not is_searchable(found):
            raise NoConeSearch(name)
        return found

    def run(
        self, principal: Principal, table: Table, asked: ConeRequest, visitor: str
    ) -> RunningQuery:
        """Start the search.

        Parameters
        ----------
        principal
            Who asks.
        table
            As `table` gives it.
        asked
            What is asked for.
        visitor
            Who shares the slots with others.

        Returns
        -------
        RunningQuery
            To be closed by the caller.

        Raises
        ------
        AdqlError, ServiceBusy, EngineError
            As `QueryService.run`.
        """
        columns = _Columns(table)
        running = self._queries.run(
            principal,
            columns.query(asked),
            maxrec=asked.maxrec if asked.radius else 0,
            time_limit_s=self._time_limit_s,
            visitor=visitor,
        )
        # A radius of 0 asks for the columns alone: nothing was cut.
        running.maxrec = asked.maxrec
        running.fields = columns.fields(running.fields)
        return running


def is_searchable(table: Table) -> bool:
    """Tell whether a table has positions."""
    return table.position is not None


class _Columns:
    """What of a table a cone search shows, and how."""

    def __init__(self, table: Table) -> None:
        position = table.position
        assert position is not None  # noqa: S101 - asked before
        self._table = table
        self._ra = _physical(table, position.ra)
        self._dec = _physical(table, position.dec)
        self._id = next(filter(_is_main_id, table.columns), None)

    def query(self, asked: ConeRequest) -> str:
        """Write the query; what is shown for the identifier comes first."""
        shown = [c for c in self._table.columns if c is not self._id and self._shows(c, asked)]
        items = [self._identifier(), *map(self._written, shown)]
        point = f"POINT({self._written(self._ra)}, {self._written(self._dec)})"
        cone = f"CIRCLE({asked.ra!r}, {asked.dec!r}, {asked.radius!r})"
        return (
            f"SELECT {', '.join(items)} FROM {self._table.name} WHERE 1 = CONTAINS({point}, {cone})"  # noqa: S608 - ADQL of checked numbers and of names of the snapshot
        )

    def fields(self, found: tuple[Field, ...]) -> tuple[Field, ...]:
        """Say of three columns what cone search wants said of them."""
        names = {self._ra.field.name: _UCD_RA, self._dec.field.name: _UCD_DEC}
        first, *others = found
        text = ValueType(Datatype.CHAR, "*")
        identifier = replace(first, ucd=_UCD_ID, type=first.type if first.type.is_text else text)
        double = ValueType(Datatype.DOUBLE)
        return (
            identifier,
            *(
                replace(each, ucd=names[each.name], type=double) if each.name in names else each
                for each in others
            ),
        )

    def _shows(self, column: Column, asked: ConeRequest) -> bool:
        if column in (self._ra, self._dec) or asked.verbosity == 3:
            return True
        return asked.verbosity == 2 and column.principal

    def _written(self, column: Column) -> str:
        return column_name(self._table, column)

    def _identifier(self) -> str:
        if self._id is not None:
            return self._written(self._id)
        name = "main_id"
        while name in self._table.by_name:
            name += "_"
        place = f"{self._written(self._ra)}, {self._written(self._dec)}"
        return f"IVO_HEALPIX_INDEX(29, {place}) AS {name}"


def _physical(table: Table, name: str) -> Column:
    return next(column for column in table.columns if column.physical == name)


def _is_main_id(column: Column) -> bool:
    kind = column.field.type
    number = kind.datatype.is_integer and not kind.is_array
    return (column.field.ucd or "").lower() == "meta.id;meta.main" and (kind.is_text or number)
