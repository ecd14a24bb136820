"""Random queries: they resolve to a consistent tree, or end in an error with a place."""

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.model.field import ValueType
from tests.support.tables import OBJECTS, resolved
from vo_service.adql import typed
from vo_service.adql.errors import AdqlError, AdqlSyntaxError
from vo_service.adql.units import UNKNOWN_UNIT

COLUMNS = [f'o."{column.field.name}"' for column in OBJECTS.columns]
NUMBERS = [f'o."{c.field.name}"' for c in OBJECTS.columns if c.field.type.is_numeric]
LITERALS = ["'a'", "'2026-01-31'", "'µ'", "NULL", "1"]
NUMERIC_FUNCTIONS = ["ABS", "SQRT", "LOG", "FLOOR", "SIN", "DEGREES", "ROUND", "EXP"]
TYPES = ["INTEGER", "REAL", "VARCHAR", "CHAR(3)", "TIMESTAMP", "DOUBLE PRECISION"]

numbers = st.recursive(
    st.sampled_from([*NUMBERS, "1", "0.5", "12345678901"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("{}({})".format, st.sampled_from(NUMERIC_FUNCTIONS), inner),
        st.builds("MOD({}, {})".format, inner, inner),
        st.builds("COALESCE({}, {})".format, inner, inner),
        st.builds("DISTANCE({}, {}, 10, 20)".format, inner, inner),
        st.builds("(-{})".format, inner),
    ),
    max_leaves=6,
)
anything = st.sampled_from(COLUMNS + LITERALS)
values = st.one_of(
    numbers,
    numbers,
    anything,
    st.builds("({} || {})".format, anything, anything),
    st.builds("LOWER({})".format, anything),
    st.builds("COALESCE({}, {})".format, anything, anything),
    st.builds("CAST({} AS {})".format, st.one_of(anything, numbers), st.sampled_from(TYPES)),
)
conditions = st.one_of(
    st.builds("{} < {}".format, numbers, numbers),
    st.builds("{} BETWEEN {} AND {}".format, numbers, numbers, numbers),
    st.builds("{} IN (SELECT {} FROM cat.objects o)".format, numbers, numbers),
    st.builds("{} {} {}".format, values, st.sampled_from(["=", "<>", "<", ">="]), values),
    st.builds("{} BETWEEN {} AND {}".format, values, values, values),
    st.builds("{} IN ({}, {})".format, values, values, values),
    st.builds("{} LIKE {}".format, values, values),
    st.builds("{} IN (SELECT {} FROM cat.objects o)".format, values, values),
)


def expressions(node):
    """Give every expression of a typed query."""
    if isinstance(node, typed.Expression):
        yield node
    if isinstance(node, tuple):
        for each in node:
            yield from expressions(each)
    elif hasattr(node, "__dataclass_fields__"):
        for name in node.__dataclass_fields__:
            yield from expressions(getattr(node, name))


def outcome(text):
    """Give the typed query, or what is wrong with it."""
    try:
        return resolved(text), None
    except AdqlError as error:
        return None, error


@settings(max_examples=300, deadline=None)
@given(values, conditions, st.booleans())
def test_a_query_resolves_or_says_where_it_is_wrong(value, condition, grouped):
    text = f"SELECT {value} AS x FROM cat.objects o WHERE {condition}"
    text += f" GROUP BY {value} ORDER BY x" if grouped else ""
    query, problem = outcome(text)
    if problem is not None:
        assert isinstance(problem, AdqlSyntaxError) or problem.line == 1
        assert len(str(problem)) < 400
        return
    for expression in expressions(query):
        assert isinstance(expression.field.type, ValueType)
        assert expression.field.type.arrow is not None
    assert query.fields[0].name == "x"
    assert query.fields[0].unit != UNKNOWN_UNIT
    assert resolved(text) == query
