"""The SELECT list: its values, and the names of the columns of a result."""

from __future__ import annotations

from dataclasses import dataclass, replace

from registry.model.field import Field
from vo_service.adql import tree, typed
from vo_service.adql.bounds import check_columns
from vo_service.adql.errors import UnknownTable
from vo_service.adql.functions.arguments import is_pure_number
from vo_service.adql.resolver.environment import Environment
from vo_service.adql.resolver.expressions import ExpressionResolver
from vo_service.adql.resolver.scopes import find_sources
from vo_service.adql.resolver.sources import Frame, Visible
from vo_service.adql.resolver.spelling import near, shown
from vo_service.adql.units import UNKNOWN_UNIT

__all__ = ["SelectList", "as_result", "resolve_items"]


@dataclass(frozen=True, slots=True)
class SelectList:
    """A resolved SELECT list.

    Attributes
    ----------
    values
        Names and values of the columns.
    outputs
        The columns as engines print them.
    nodes
        What each column was made of, for errors.
    """

    values: tuple[Visible, ...]
    outputs: tuple[typed.Output, ...]
    nodes: tuple[tree.SelectItem, ...]


def resolve_items(
    env: Environment,
    items: tuple[tree.SelectItem, ...],
    frame: Frame,
    expressions: ExpressionResolver,
) -> SelectList:
    """Resolve a SELECT list.

    Parameters
    ----------
    env
        The resolution.
    items
        The list as written.
    frame
        FROM, for ``*``.
    expressions
        Resolver of its values.

    Returns
    -------
    SelectList
        One column for each value, and as many as there are for ``*``. A plain column is called
        as its table spells it, any other value without alias gets a name of its own.

    Raises
    ------
    AdqlError
        One of its subclasses but the syntax error: a name, a function or a type.
    """
    found: list[tuple[tree.Identifier | None, typed.Expression, tree.SelectItem]] = []
    for item in items:
        check_columns(len(found), env.limits)
        if isinstance(item, tree.AllColumns):
            found += [(v.name, v.expression, item) for v in _all_columns(env, item, frame)]
            continue
        value = expressions.resolve(item.expression)
        name = item.alias
        if name is None and isinstance(item.expression, tree.ColumnReference):
            name = tree.Identifier(value.field.name, delimited=True)
        found.append((name, value, item))
    check_columns(len(found), env.limits)
    taken = {name.name.lower() for name, _, _ in found if name is not None}
    values = []
    for index, (name, value, _) in enumerate(found):
        if name is None:
            base = value.field.name or f"col{index + 1}"
            name = tree.Identifier(_free(base, taken))  # noqa: PLW2901 - completes the entry
            taken.add(name.name.lower())
        values.append(Visible(name, value))
    outputs = tuple(typed.Output(v.expression, _output_field(v)) for v in values)
    return SelectList(tuple(values), outputs, tuple(item for _, _, item in found))


def as_result(query: typed.Query) -> typed.Query:
    """Finish the columns of the outermost query.

    Their names differ, by numbers from 2 on; what could not be known of them is left out.
    """
    fields = query.fields
    taken = {field.name for field in fields}
    seen: set[str] = set()
    renamed: list[Field] = []
    for field in fields:
        name = field.name
        if name in seen:
            name = _free(name, taken)
            taken.add(name)
        seen.add(name)
        unit = None if field.unit == UNKNOWN_UNIT else field.unit
        renamed.append(replace(field, name=name, unit=unit))
    if isinstance(query.body, typed.SetOperation):
        return replace(query, body=replace(query.body, fields=tuple(renamed)))
    outputs = tuple(
        replace(output, field=field)
        for output, field in zip(query.body.outputs, renamed, strict=True)
    )
    return replace(query, body=replace(query.body, outputs=outputs))


def _all_columns(env: Environment, node: tree.AllColumns, frame: Frame) -> list[Visible]:
    if node.qualifier is None:
        return list(frame.columns())
    sources = find_sources(env, frame, node.qualifier)
    if not sources:
        raise env.error(
            UnknownTable,
            f"{shown(node.qualifier.parts)} is no table of this FROM",
            node,
            near(node.qualifier.table.name, (source.exposed for source in frame.sources())),
        )
    return list(sources[0].columns())


def _output_field(visible: Visible) -> Field:
    field, name = visible.expression.field, visible.name.name
    if is_pure_number(visible.expression):
        # To a query around this one it is a column; what it multiplies has no known unit.
        return replace(field, name=name, unit=UNKNOWN_UNIT)
    return field if field.name == name else field.renamed(name)


def _free(base: str, taken: set[str]) -> str:
    """Give a name that is not taken: the base, or the base with a number from 2 on."""
    if base not in taken:
        return base
    number = 2
    while f"{base}_{number}" in taken:
        number += 1
    return f"{base}_{number}"
