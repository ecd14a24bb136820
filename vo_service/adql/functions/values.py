"""Functions of any value: COALESCE and IN_UNIT (ADQL 2.1, sections 4.6.2 and 4.7)."""

from __future__ import annotations

from dataclasses import replace

from registry.model.field import Field
from vo_service.adql.functions.alignment import Misfit, common_field
from vo_service.adql.functions.arguments import (
    check_numbers,
    double_constant,
    string_value,
)
from vo_service.adql.functions.declaration import CallSite, Feature, Function, example_of
from vo_service.adql.functions.ucds import derived_ucd
from vo_service.adql.typed import Arithmetic, Call, Expression
from vo_service.adql.types import DOUBLE
from vo_service.adql.units import UNKNOWN_UNIT, IncompatibleUnits, conversion_factor

__all__ = ["VALUE_FUNCTIONS"]


def _coalesce(site: CallSite) -> Expression:
    try:
        field, aligned = common_field("coalesce", site.arguments)
    except Misfit as misfit:
        raise site.mismatch(f"COALESCE takes values of one kind: {misfit}") from None
    field = replace(field, ucd=derived_ucd(field.ucd))
    return Call(site.name, tuple(aligned), field)


def _in_unit(site: CallSite) -> Expression:
    value = site.arguments.pop()
    target = string_value(value)
    if target is None:
        raise site.mismatch("IN_UNIT takes the unit as text in single quotes", 1)
    check_numbers(site)
    operand = site.arguments[0]
    unit = operand.field.unit
    if unit is None or unit == UNKNOWN_UNIT:
        raise site.mismatch("IN_UNIT takes a value whose unit is known; this one has none", 0)
    try:
        factor = conversion_factor(unit, target)
    except IncompatibleUnits as problem:
        raise site.mismatch(f"IN_UNIT: {problem}", 1) from None
    ucd, frame = derived_ucd(operand.field.ucd), operand.field.frame
    field = Field("in_unit", DOUBLE, target, ucd, frame=frame)
    return Arithmetic("*", operand, double_constant(factor), field)


VALUE_FUNCTIONS = (
    Function(
        name="COALESCE",
        feature=Feature.CONDITIONAL,
        signatures=("COALESCE(x ANY, ...) -> ANY",),
        description="The first of its arguments that is not NULL; all must be of one kind.",
        example=example_of("COALESCE(NULL, 'none')"),
        build=_coalesce,
        arity=(1, None),
        value="none",
    ),
    Function(
        name="IN_UNIT",
        feature=Feature.UNIT,
        signatures=("IN_UNIT(x NUMERIC, unit TEXT) -> DOUBLE",),
        description="The value x in another unit (VOUnits); the unit of x must be known.",
        example=example_of("IN_UNIT(DEGREES(PI()), 'arcsec')"),
        build=_in_unit,
        arity=(2, 2),
        value=648000.0,
        rewritten=True,
    ),
)
"""ADQL 2.1, sections 4.6.2 and 4.7 (CAST is a construct of the grammar)."""
