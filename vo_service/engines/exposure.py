"""What a sub-query shows of the tables in it: the cells of positions that pass through it.

A sub-query that gives the coordinates of an indexed table gives its cells too, in a hidden column,
so that a cone around them outside reads the index as it would inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vo_service.adql.typed import (
    Arithmetic,
    Call,
    Cast,
    ColumnValue,
    CommonTableRelation,
    DerivedRelation,
    Expression,
    Join,
    Relation,
    Select,
    TableRelation,
)
from vo_service.engines.bounds import is_aggregated
from vo_service.engines.context import quoted
from vo_service.engines.spatial import IndexedColumns

__all__ = ["HIDDEN_CELLS", "Exposure", "exposed_position", "is_grouped", "plain_relations"]

HIDDEN_CELLS = "_cells"
"""Name of the hidden column; those of results are ``c0``, ``c1`` ..."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """A position that passes through a sub-query.

    Attributes
    ----------
    source
        Column of cells inside, printed.
    columns
        Names outside.
    """

    source: str
    columns: IndexedColumns


def exposed_position(select: Select, positions: Mapping[int, IndexedColumns]) -> Exposure | None:
    """Find a position that passes through a SELECT row by row.

    Parameters
    ----------
    select
        The sub-query.
    positions
        Indexed columns of its relations, by number.
    """
    if select.distinct or select.group_by or is_grouped(select):
        return None
    columns = {
        (output.expression.relation, output.expression.physical): f"c{number}"
        for number, output in reversed(list(enumerate(select.outputs)))
        if isinstance(output.expression, ColumnValue)
    }
    for relation in plain_relations(select):
        known = positions.get(relation.number)
        if known is None:
            continue
        ra = columns.get((relation.number, known.ra))
        dec = columns.get((relation.number, known.dec))
        if ra is not None and dec is not None:
            source = f"r{relation.number}.{quoted(known.healpix)}"
            return Exposure(source, IndexedColumns(ra, dec, HIDDEN_CELLS, known.rows))
    return None


def is_grouped(select: Select) -> bool:
    """Whether the rows of a SELECT are groups of rows, not told apart by chance alone."""
    grouped = bool(select.group_by) or any(is_aggregated(o.expression) for o in select.outputs)
    grouped = grouped or select.having is not None
    return grouped and not any(map(_is_random, select.group_by))


def plain_relations(
    select: Select,
) -> Iterator[TableRelation | DerivedRelation | CommonTableRelation]:
    """Give the relations of FROM, also those inside of joins."""
    for relation in select.relations:
        yield from _plain(relation)


def _plain(relation: Relation) -> Iterator[TableRelation | DerivedRelation | CommonTableRelation]:
    if isinstance(relation, Join):
        yield from _plain(relation.left)
        yield from _plain(relation.right)
    else:
        yield relation


def _is_random(node: Expression) -> bool:
    match node:
        case Call(function=function, arguments=arguments):
            return function == "RAND" or any(map(_is_random, arguments))
        case Arithmetic(left=left, right=right):
            return _is_random(left) or _is_random(right)
        case Cast(operand=operand):
            return _is_random(operand)
        case _:
            return False
