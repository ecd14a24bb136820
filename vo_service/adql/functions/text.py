"""Functions of text: LOWER and UPPER (ADQL 2.1, section 4.3)."""

from __future__ import annotations

from registry.model.field import Datatype
from vo_service.adql.functions.arguments import check_text, make_call
from vo_service.adql.functions.declaration import CallSite, Feature, Function, example_of
from vo_service.adql.functions.ucds import derived_ucd
from vo_service.adql.typed import Expression
from vo_service.adql.types import bounded_text

_LONGEST_CASE = 3
"""Characters that the other case of one may have: the ligature ffi is FFI (Unicode 15, 5.18)."""

__all__ = ["TEXT_FUNCTIONS"]


def _case(site: CallSite) -> Expression:
    check_text(site)
    field = site.arguments[0].field
    value_type = field.type
    if value_type.datatype is Datatype.UNICODE_CHAR and value_type.bound is not None:
        value_type = bounded_text(value_type, _LONGEST_CASE * value_type.bound)
    return make_call(site, value_type, ucd=derived_ucd(field.ucd))


def _declare(name: str, description: str, value: str) -> Function:
    return Function(
        name=name,
        feature=Feature.STRING,
        signatures=(f"{name}(x TEXT) -> TEXT",),
        description=description,
        example=example_of(f"{name}('Photo-z')"),
        build=_case,
        arity=(1, 1),
        value=value,
    )


TEXT_FUNCTIONS = (
    _declare("LOWER", "The text in lower case.", "photo-z"),
    _declare("UPPER", "The text in upper case.", "PHOTO-Z"),
)
"""ADQL 2.1, section 4.3 (ILIKE is a construct of the grammar)."""
