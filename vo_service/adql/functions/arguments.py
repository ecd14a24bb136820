"""Checks of arguments, and the fields of values, that many functions share."""

from __future__ import annotations

from registry.model.field import Field, ValueType
from vo_service.adql.functions.declaration import CallSite
from vo_service.adql.typed import Arithmetic, Call, Cast, Constant, Expression
from vo_service.adql.types import DOUBLE, TEXT, Kind, kind_of

__all__ = [
    "check_numbers",
    "check_text",
    "check_whole_number",
    "double_constant",
    "is_literal",
    "is_null",
    "is_pure_number",
    "make_call",
    "retyped_null",
    "string_value",
]

_HINTS = {
    Kind.TEXT: "convert it with CAST(... AS DOUBLE PRECISION)",
    Kind.BOOLEAN: "convert it with CAST(... AS INTEGER)",
}


def is_null(expression: Expression) -> bool:
    """Whether an expression is the word NULL."""
    return isinstance(expression, Constant) and expression.value is None


def is_literal(expression: Expression) -> bool:
    """Whether an expression is made of literals alone."""
    if isinstance(expression, Arithmetic):
        return is_literal(expression.left) and is_literal(expression.right)
    return isinstance(expression, Constant)


def is_pure_number(expression: Expression) -> bool:
    """Whether an expression is a number that was written, or computed of such: it has no unit."""
    match expression:
        case Constant(value=value):
            return isinstance(value, int | float)
        case Arithmetic(left=left, right=right):
            return is_pure_number(left) and is_pure_number(right)
        case Cast(operand=operand):
            return is_pure_number(operand)
        case Call(function=function, arguments=arguments, field=field):
            pure = all(map(is_pure_number, arguments)) if arguments else function == "PI"
            return pure and field.unit is None
        case _:
            return False


def string_value(expression: Expression) -> str | None:
    """Give the text of a string literal, or None for anything else."""
    if isinstance(expression, Constant) and isinstance(expression.value, str):
        return expression.value
    return None


def retyped_null(value_type: ValueType) -> Constant:
    """Make a NULL of a type."""
    return Constant(None, Field("", value_type))


def double_constant(value: float) -> Constant:
    """Make a floating literal."""
    return Constant(float(value), Field("", DOUBLE))


def check_numbers(site: CallSite, first: int = 0) -> None:
    """Require numbers from one argument on; the word NULL becomes a number.

    Raises
    ------
    TypeMismatch
        When an argument is something else.
    """
    for index in range(first, len(site.arguments)):
        argument = site.arguments[index]
        if is_null(argument):
            site.arguments[index] = retyped_null(DOUBLE)
            continue
        kind = kind_of(argument.field.type)
        if kind is not Kind.NUMBER:
            hint = _HINTS.get(kind)
            advice = f"; {hint}" if hint else ""
            raise site.mismatch(f"{site.name} takes numbers, not {kind}{advice}", index)


def check_text(site: CallSite) -> None:
    """Require text in every argument; the word NULL becomes text.

    Raises
    ------
    TypeMismatch
        When an argument is something else.
    """
    for index, argument in enumerate(site.arguments):
        if is_null(argument):
            site.arguments[index] = retyped_null(TEXT)
            continue
        kind = kind_of(argument.field.type)
        if kind is not Kind.TEXT:
            raise site.mismatch(
                f"{site.name} takes text, not {kind}; convert it with CAST(... AS VARCHAR)", index
            )


def make_call(
    site: CallSite,
    value_type: ValueType,
    unit: str | None = None,
    ucd: str | None = None,
    *,
    name: str | None = None,
    frame: str | None = None,
) -> Call:
    """Make the call of a site with its arguments as they are now."""
    field = Field(name or site.name.lower(), value_type, unit, ucd, frame=frame)
    return Call(site.name.upper(), tuple(site.arguments), field, site.distinct)


def check_whole_number(site: CallSite, index: int) -> None:
    """Require a whole number.

    Raises
    ------
    TypeMismatch
        When the argument is something else.
    """
    argument = site.arguments[index]
    if not argument.field.type.datatype.is_integer:
        raise site.mismatch(f"{site.name} takes a whole number here", index)
