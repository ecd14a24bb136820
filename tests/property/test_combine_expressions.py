"""Conditions mean over columns what they mean to Python row by row."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.combine_redshift_dedup.evaluation import holds
from pipelines.combine_redshift_dedup.expressions import ExpressionRefused, parse_expression

numbers = st.sampled_from(["a", "b", "n", "0", "1", "2.5", "10", "-3"])
texts = st.sampled_from(["s", "t", "'STAR'", "'x'", "'-'"])


def larger_numbers(inner):
    pair = st.tuples(inner, st.sampled_from("+-*/"), inner)
    return st.one_of(
        pair.map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(st.sampled_from(["np.trunc", "np.abs", "float", "int", "-"]), inner).map(
            lambda p: f"{p[0]}({p[1]})"
        ),
        texts.map(lambda text: f"len({text})"),
    )


number = st.recursive(numbers, larger_numbers, max_leaves=6)
letter = st.tuples(texts, st.sampled_from([0, 1, -1, -2])).map(lambda p: f"{p[0]}[{p[1]}]")
text = st.one_of(texts, letter, st.sampled_from(["str(int(a))", "str(n)", "str(int(n))[0]"]))
order = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
comparison = st.one_of(
    st.tuples(number, order, number).map(" ".join),
    st.tuples(number, order, number, order, number).map(" ".join),
    st.tuples(text, order, text).map(" ".join),
    number.map(lambda part: f"np.isfinite({part})"),
    st.sampled_from(["p == True", "p != True", "p", "p == 1"]),
)
condition = st.recursive(
    comparison,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda p: f"({' '.join(p)})"),
        inner.map(lambda part: f"not ({part})"),
    ),
    max_leaves=5,
)
row = st.fixed_dictionaries(
    {
        "a": st.floats(-500, 500, allow_nan=False).map(lambda value: round(value, 2)),
        "b": st.sampled_from([0.0, 1.0, -1.0, 2.5, 1e6]),
        "n": st.integers(-300, 300),
        "s": st.sampled_from(["STAR", "GALAXY", "x", "-", ""]),
        "t": st.sampled_from(["STAR", "xy", "-"]),
        "p": st.booleans(),
    }
)
KINDS = {"a": pa.float64(), "b": pa.float64(), "n": pa.int64(), "p": pa.bool_()}


def columns_of(rows):
    return {
        name: pa.array([r[name] for r in rows], KINDS.get(name, pa.string())) for name in "abnstp"
    }


@given(condition, st.lists(row, min_size=1, max_size=8))
@settings(max_examples=400, deadline=None)
def test_condition_holds_where_python_says_so(expression, rows):
    found = holds(parse_expression(expression), columns_of(rows), len(rows))
    for values, result in zip(rows, found.tolist(), strict=True):
        try:
            with np.errstate(all="raise"):
                expected = eval(expression, {"np": np, **values})
        except (ArithmeticError, IndexError, ValueError):
            continue
        assert result == bool(expected), (expression, values)


@given(comparison, row)
@settings(max_examples=200, deadline=None)
def test_missing_values_make_no_comparison_true(expression, values):
    nothing = {name: pa.nulls(1, array.type) for name, array in columns_of([values]).items()}
    parsed = parse_expression(expression)
    if parsed.names:
        assert not holds(parsed, nothing, 1)


@given(st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_text_is_parsed_or_refused(text):
    try:
        parsed = parse_expression(text)
    except ExpressionRefused:
        return
    rows = {name: pa.array([1.0, None]) for name in parsed.names}
    assert len(holds(parsed, rows, 2)) == 2
