"""Functions of ADQL that the service offers: one registry, from declarations.

`FUNCTIONS` is what the resolver, VOSI capabilities, the documentation and the tests of the
engines go by. Nothing here knows an engine: an engine has a table from the canonical name to its
own SQL, with an entry for every function that is not `Function.rewritten`.
"""

from __future__ import annotations

from types import MappingProxyType

from vo_service.adql.functions.aggregates import AGGREGATE_FUNCTIONS
from vo_service.adql.functions.catalogue import CATALOGUE_FUNCTIONS
from vo_service.adql.functions.constructs import CONSTRUCTS, Construct
from vo_service.adql.functions.declaration import CallSite, Feature, Function
from vo_service.adql.functions.distributions import DISTRIBUTION_FUNCTIONS
from vo_service.adql.functions.geometry import GEOMETRY_FUNCTIONS
from vo_service.adql.functions.mathematics import MATHEMATICAL_FUNCTIONS
from vo_service.adql.functions.positions import POSITION_FUNCTIONS
from vo_service.adql.functions.statistics import STATISTICAL_FUNCTIONS
from vo_service.adql.functions.text import TEXT_FUNCTIONS
from vo_service.adql.functions.values import VALUE_FUNCTIONS

__all__ = [
    "CONSTRUCTS",
    "FUNCTIONS",
    "CallSite",
    "Construct",
    "Feature",
    "Function",
    "feature_forms",
]

FUNCTIONS = MappingProxyType(
    {
        function.name.upper(): function
        for function in (
            *AGGREGATE_FUNCTIONS,
            *MATHEMATICAL_FUNCTIONS,
            *TEXT_FUNCTIONS,
            *VALUE_FUNCTIONS,
            *GEOMETRY_FUNCTIONS,
            *POSITION_FUNCTIONS,
            *CATALOGUE_FUNCTIONS,
            *STATISTICAL_FUNCTIONS,
            *DISTRIBUTION_FUNCTIONS,
        )
    }
)
"""Every function by its name in upper case."""


def feature_forms() -> dict[Feature, tuple[str, ...]]:
    """List the optional features of the language as TAPRegExt declares them.

    Returns
    -------
    dict[Feature, tuple[str, ...]]
        For each feature set the forms: names, or the signatures of user-defined functions.
    """
    forms: dict[Feature, list[str]] = {}
    for function in FUNCTIONS.values():
        if function.feature is Feature.USER_DEFINED:
            forms.setdefault(function.feature, []).extend(function.signatures)
        elif function.feature is not Feature.MANDATORY:
            forms.setdefault(function.feature, []).append(function.name)
    for construct in CONSTRUCTS:
        forms.setdefault(construct.feature, []).append(construct.name)
    return {feature: tuple(sorted(forms[feature])) for feature in Feature if feature in forms}
