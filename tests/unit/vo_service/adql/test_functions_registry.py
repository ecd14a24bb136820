"""The registry of functions: complete, described, and every example resolves."""

import re

import pytest

from registry.model.field import Field
from tests.support.tables import DOUBLE, INT, resolved
from vo_service.adql import typed
from vo_service.adql.errors import TypeMismatch
from vo_service.adql.functions import CONSTRUCTS, FUNCTIONS, CallSite, Feature, feature_forms

TRIGONOMETRY = {"ACOS", "ASIN", "ATAN", "ATAN2", "COS", "SIN", "TAN", "COT"}
ROUNDING = {"ABS", "CEILING", "FLOOR", "MOD", "ROUND", "TRUNCATE"}
POWERS = {"EXP", "LOG", "LOG10", "POWER", "SQRT"}
AGGREGATES = {"COUNT", "SUM", "AVG", "MIN", "MAX"}
MANDATORY = TRIGONOMETRY | ROUNDING | POWERS | AGGREGATES | {"DEGREES", "PI", "RADIANS", "RAND"}


def calls(node):
    """Give the names of all calls in a typed query."""
    if isinstance(node, typed.Call):
        yield node.function
    if isinstance(node, tuple):
        for each in node:
            yield from calls(each)
    elif hasattr(node, "__dataclass_fields__"):
        for name in node.__dataclass_fields__:
            yield from calls(getattr(node, name))


def test_the_mandatory_functions_of_adql_are_there():
    offered = {f.name for f in FUNCTIONS.values() if f.feature is Feature.MANDATORY}
    assert offered == MANDATORY


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_a_function_says_what_it_is(function):
    assert FUNCTIONS[function.name.upper()] is function
    assert function.signatures
    for signature in function.signatures:
        assert re.fullmatch(rf"{function.name}\s*\(.*\)\s*->\s*[A-Z]+(\[\])?", signature)
    assert function.description.endswith(".")


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_the_example_of_a_function_resolves_and_uses_it(function):
    query = resolved(function.example)
    assert re.search(rf"\b{function.name}\(", function.example)
    assert len(query.fields) == 1
    if function.rewritten:
        assert function.name not in set(calls(query))
    else:
        assert function.name.upper() in set(calls(query))


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_the_value_of_an_example_has_the_type_that_is_declared(function):
    datatype = resolved(function.example).fields[0].type.datatype
    if isinstance(function.value, float):
        assert datatype.is_floating
    elif isinstance(function.value, int):
        assert datatype.is_integer
    elif isinstance(function.value, str):
        assert datatype.is_text


@pytest.mark.parametrize("construct", CONSTRUCTS, ids=lambda construct: construct.name)
def test_the_example_of_a_construct_resolves(construct):
    resolved(construct.example)
    assert construct.name in construct.example
    assert construct.description.endswith(".")


def test_the_features_of_the_language_are_listed_as_they_are_declared():
    forms = feature_forms()
    assert Feature.MANDATORY not in forms
    assert forms[Feature.STRING] == ("ILIKE", "LOWER", "UPPER")
    assert forms[Feature.SETS] == ("EXCEPT", "INTERSECT", "UNION")
    assert forms[Feature.CONDITIONAL] == ("COALESCE",)
    assert {"POINT", "CIRCLE", "CONTAINS", "DISTANCE"} <= set(forms[Feature.GEOMETRY])


def test_a_call_with_the_wrong_number_of_arguments_names_the_forms():
    site = CallSite("DISTANCE", [], [], 7, "SELECT DISTANCE() FROM t")
    with pytest.raises(TypeMismatch, match=r"DISTANCE is called as DISTANCE\(first POINT, .* or "):
        FUNCTIONS["DISTANCE"].apply(site)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("ROUND", [1.5, 0.5], "ROUND takes a whole number here"),
        ("RAND", [0.5], "RAND takes a whole number here"),
        ("POLYGON", [1, 2, 3, 4, 5, 6, 7], "POLYGON takes pairs of longitude and latitude"),
        ("POLYGON", [1, 2, 3, 4], "POLYGON takes 3 vertices or more, not 2"),
        ("IN_UNIT", [1, 2], "IN_UNIT takes the unit as text in single quotes"),
    ],
)
def test_arguments_are_checked_whoever_made_the_call(name, values, message):
    fields = [Field("", DOUBLE if isinstance(value, float) else INT) for value in values]
    arguments = [typed.Constant(v, field) for v, field in zip(values, fields, strict=True)]
    site = CallSite(name, arguments, [0] * len(values), 0, "")
    with pytest.raises(TypeMismatch, match=message):
        FUNCTIONS[name].apply(site)
