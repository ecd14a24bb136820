"""CAST: which conversions exist, and what the value means afterwards."""

from __future__ import annotations

from dataclasses import replace

from registry.model.field import Datatype, Field, ValueType
from vo_service.adql import tree, typed
from vo_service.adql.errors import TypeMismatch
from vo_service.adql.functions.alignment import timestamp_literal
from vo_service.adql.functions.arguments import is_null, string_value
from vo_service.adql.functions.serialised import ShapeProblem, listed_shape
from vo_service.adql.functions.ucds import derived_ucd
from vo_service.adql.resolver.environment import Environment
from vo_service.adql.types import (
    CIRCLE,
    DOUBLE,
    FLOAT,
    INT,
    LONG,
    POINT,
    POLYGON,
    SHORT,
    TEXT,
    TIMESTAMP,
    Kind,
    bounded_text,
    kind_of,
    text_type,
)

__all__ = ["make_cast"]

_NUMBERS = {
    tree.CastType.SMALLINT: SHORT,
    tree.CastType.INTEGER: INT,
    tree.CastType.BIGINT: LONG,
    tree.CastType.REAL: FLOAT,
    tree.CastType.DOUBLE_PRECISION: DOUBLE,
}
_SHAPES = {
    tree.CastType.POINT: POINT,
    tree.CastType.CIRCLE: CIRCLE,
    tree.CastType.POLYGON: POLYGON,
}
_TEXTS = (tree.CastType.CHAR, tree.CastType.VARCHAR)
_SCALARS = frozenset((Kind.NUMBER, Kind.TEXT, Kind.TIMESTAMP, Kind.BOOLEAN))


def make_cast(env: Environment, node: tree.Cast, operand: typed.Expression) -> typed.Expression:
    """Check a conversion and make it.

    Parameters
    ----------
    env
        The resolution.
    node
        The CAST.
    operand
        What is converted, resolved.

    Returns
    -------
    typed.Expression
        The conversion; a number keeps unit and UCD as a number, a literal shape is a call.

    Raises
    ------
    TypeMismatch
        When the value cannot be of that type.
    """
    target = node.target.type
    kind = kind_of(operand.field.type)
    if target in _TEXTS:
        return _text_cast(env, node, operand, kind)
    if target is tree.CastType.TIMESTAMP:
        return _timestamp_cast(env, node, operand, kind)
    if target in _SHAPES:
        return _shape_cast(env, node, operand, kind)
    value_type = _NUMBERS[target]
    fractional = value_type.datatype.is_floating
    allowed = is_null(operand) or kind in (Kind.NUMBER, Kind.TEXT)
    if not (allowed or (kind is Kind.BOOLEAN and not fractional)):
        raise _refusal(env, node, kind)
    if kind is not Kind.NUMBER:
        return typed.Cast(operand, Field("cast", value_type))
    said = operand.field
    field = Field("cast", value_type, said.unit, derived_ucd(said.ucd), frame=said.frame)
    return typed.Cast(operand, field)


def _text_cast(
    env: Environment, node: tree.Cast, operand: typed.Expression, kind: Kind
) -> typed.Cast:
    if kind not in _SCALARS:
        raise _refusal(env, node, kind)
    length = node.target.length
    padded = node.target.type is tree.CastType.CHAR and length is not None
    source = operand.field.type
    value_type = _text_of(source, length, padded) if kind is Kind.TEXT else TEXT
    if kind is not Kind.TEXT and length is not None:
        value_type = bounded_text(TEXT, length, fixed=padded)
    return typed.Cast(operand, Field("cast", value_type), length, padded)


def _text_of(source: ValueType, length: int | None, padded: bool) -> ValueType:
    """Give the type of text of at most `length` characters, of which UTF-16 may need two units."""
    whole = text_type(source)
    unicode = whole.datatype is Datatype.UNICODE_CHAR
    bounds = [] if source.bound is None or padded else [source.bound]
    if length is not None:
        bounds.append(2 * length if unicode else length)
    return bounded_text(whole, min(bounds), fixed=padded and not unicode) if bounds else whole


def _timestamp_cast(
    env: Environment, node: tree.Cast, operand: typed.Expression, kind: Kind
) -> typed.Cast:
    text = string_value(operand)
    if text is not None:
        with env.misfits_at(node.operand):
            literal = timestamp_literal(text)
        return typed.Cast(literal.operand, Field("cast", TIMESTAMP))
    if kind not in (Kind.TEXT, Kind.TIMESTAMP):
        raise _refusal(env, node, kind)
    return typed.Cast(operand, Field("cast", TIMESTAMP, frame=operand.field.frame))


def _shape_cast(
    env: Environment, node: tree.Cast, operand: typed.Expression, kind: Kind
) -> typed.Expression:
    """Make a shape of DALI's list of numbers; a literal one becomes the call that it stands for."""
    text = string_value(operand)
    if text is not None:
        try:
            shape = listed_shape(text, str(node.target.type))
        except ShapeProblem as problem:
            raise env.error(
                TypeMismatch, f"{problem}, as in CAST('10 20' AS POINT)", node.operand
            ) from None
        return replace(shape, field=replace(shape.field, name="cast"))
    if kind is not Kind.TEXT:
        raise _refusal(env, node, kind)
    return typed.Cast(operand, Field("cast", _SHAPES[node.target.type], "deg"))


def _refusal(env: Environment, node: tree.Cast, kind: Kind) -> TypeMismatch:
    message = f"CAST does not make {node.target.type} of {kind}"
    return env.error(TypeMismatch, message, node)
