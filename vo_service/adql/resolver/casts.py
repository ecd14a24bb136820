"""CAST: which conversions exist, and what the value means afterwards."""

from __future__ import annotations

from registry.model.field import Datatype, Field, ValueType
from vo_service.adql import tree, typed
from vo_service.adql.errors import TypeMismatch, UnsupportedFeature
from vo_service.adql.functions.alignment import timestamp_literal
from vo_service.adql.functions.arguments import is_null, string_value
from vo_service.adql.functions.ucds import derived_ucd
from vo_service.adql.resolver.environment import Environment
from vo_service.adql.types import (
    DOUBLE,
    FLOAT,
    INT,
    LONG,
    SHORT,
    TIMESTAMP,
    Kind,
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
_TEXTS = (tree.CastType.CHAR, tree.CastType.VARCHAR)
_SCALARS = frozenset((Kind.NUMBER, Kind.TEXT, Kind.TIMESTAMP, Kind.BOOLEAN))


def make_cast(env: Environment, node: tree.Cast, operand: typed.Expression) -> typed.Cast:
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
    typed.Cast
        The conversion; a number keeps unit and UCD as a number.

    Raises
    ------
    TypeMismatch
        When the value cannot be of that type.
    UnsupportedFeature
        When the target is a shape.
    """
    target = node.target.type
    kind = kind_of(operand.field.type)
    if target in _TEXTS:
        return _text_cast(env, node, operand, kind)
    if target is tree.CastType.TIMESTAMP:
        return _timestamp_cast(env, node, operand, kind)
    value_type = _NUMBERS.get(target)
    if value_type is None:
        raise env.error(
            UnsupportedFeature,
            f"CAST to {target} is not offered; make shapes with {target}(...)",
            node.target,
        )
    fractional = value_type.datatype.is_floating
    allowed = is_null(operand) or kind in (Kind.NUMBER, Kind.TEXT)
    if not (allowed or (kind is Kind.BOOLEAN and not fractional)):
        raise _refusal(env, node, kind)
    unit, ucd = None, None
    if kind is Kind.NUMBER:
        unit, ucd = operand.field.unit, derived_ucd(operand.field.ucd)
    return typed.Cast(operand, Field("cast", value_type, unit, ucd))


def _text_cast(
    env: Environment, node: tree.Cast, operand: typed.Expression, kind: Kind
) -> typed.Cast:
    if kind not in _SCALARS:
        raise _refusal(env, node, kind)
    length = node.target.length
    padded = node.target.type is tree.CastType.CHAR and length is not None
    source = operand.field.type
    datatype = text_type(source).datatype if kind is Kind.TEXT else Datatype.CHAR
    size = "*" if length is None else f"{length}" if padded else f"{length}*"
    return typed.Cast(operand, Field("cast", ValueType(datatype, size)), length, padded)


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
    return typed.Cast(operand, Field("cast", TIMESTAMP))


def _refusal(env: Environment, node: tree.Cast, kind: Kind) -> TypeMismatch:
    message = f"CAST does not make {node.target.type} of {kind}"
    return env.error(TypeMismatch, message, node)
