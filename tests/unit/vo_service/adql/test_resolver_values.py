"""Types of values: literals, arithmetic, functions, conversions."""

import pytest

from registry.model.field import Datatype, ValueType
from tests.support.tables import ARRAY, field_of, resolved
from vo_service.adql import typed
from vo_service.adql.errors import (
    AdqlError,
    QueryTooComplex,
    TypeMismatch,
)
from vo_service.adql.resolver.environment import MAX_DEPTH

SHORT = ValueType(Datatype.SHORT)
INT = ValueType(Datatype.INT)
LONG = ValueType(Datatype.LONG)
FLOAT = ValueType(Datatype.FLOAT)
DOUBLE = ValueType(Datatype.DOUBLE)
TEXT = ValueType(Datatype.CHAR, "*")
UNICODE = ValueType(Datatype.UNICODE_CHAR, "*")
TIMESTAMP = ValueType(Datatype.CHAR, "*", "timestamp")


def value_of(expression):
    return resolved(f"SELECT {expression} FROM cat.objects").body.outputs[0].expression


def condition(text):
    return resolved(f"SELECT ra FROM cat.objects WHERE {text}").body.where


@pytest.mark.parametrize(
    ("literal", "value", "value_type"),
    [
        ("7", 7, INT),
        ("2147483647", 2147483647, INT),
        ("2147483648", 2147483648, LONG),
        ("-2147483648", -2147483648, INT),
        ("-2147483649", -2147483649, LONG),
        ("9223372036854775807", 9223372036854775807, LONG),
        ("9223372036854775808", 9223372036854775808.0, DOUBLE),
        ("123456789012345678901234567890", 123456789012345678901234567890.0, DOUBLE),
        (".5", 0.5, DOUBLE),
        ("1.", 1.0, DOUBLE),
        ("1.5E-3", 0.0015, DOUBLE),
        ("-.5", -0.5, DOUBLE),
        ("-(-5)", 5, INT),
        ("'it''s'", "it's", ValueType(Datatype.CHAR, "4*")),
        ("'µ'", "µ", ValueType(Datatype.UNICODE_CHAR, "1*")),
        ("'µ😀'", "µ😀", ValueType(Datatype.UNICODE_CHAR, "3*")),
        ("''", "", ValueType(Datatype.CHAR, "1*")),
        ("NULL", None, TEXT),
    ],
)
def test_literals_are_constants(literal, value, value_type):
    constant = value_of(literal)
    assert isinstance(constant, typed.Constant)
    assert (constant.value, constant.field.type) == (value, value_type)
    assert type(constant.value) is type(value)


@pytest.mark.parametrize(
    ("expression", "value_type"),
    [
        ("quality + 1", LONG),
        ("n_obs * quality", LONG),
        ("n_obs / 2", LONG),
        ("objectId - 1", LONG),
        ("n_obs + 1.0", DOUBLE),
        ("mag_g - mag_r", DOUBLE),
        ("mag_g * 2", DOUBLE),
        ("-mag_g", DOUBLE),
        ("-n_obs", LONG),
        ("+quality", SHORT),
        ("NULL + 1", DOUBLE),
        ("survey || code", TEXT),
        ("code || code", ValueType(Datatype.CHAR, "8")),
        ("survey || comment", UNICODE),
        ("survey || 'µ'", UNICODE),
        ("code || '-µ'", ValueType(Datatype.UNICODE_CHAR, "6*")),
        ("code || ''", ValueType(Datatype.CHAR, "5*")),
        ("UPPER('µ')", ValueType(Datatype.UNICODE_CHAR, "3*")),
        ("LOWER('AB')", ValueType(Datatype.CHAR, "2*")),
        ("MAX(code)", ValueType(Datatype.CHAR, "4")),
        ("CAST(code AS VARCHAR)", ValueType(Datatype.CHAR, "4*")),
        ("CAST(code AS VARCHAR(2))", ValueType(Datatype.CHAR, "2*")),
        ("CAST(code AS VARCHAR(9))", ValueType(Datatype.CHAR, "4*")),
        ("CAST(comment AS CHAR(9))", ValueType(Datatype.UNICODE_CHAR, "18*")),
        ("CAST(z AS VARCHAR(9))", ValueType(Datatype.CHAR, "9*")),
        ("ABS(n_obs)", LONG),
        ("ABS(mag_g)", DOUBLE),
        ("ROUND(objectId, -2)", LONG),
        ("ROUND(mag_g, 2)", DOUBLE),
        ("FLOOR(z)", DOUBLE),
        ("MOD(objectId, 10)", LONG),
        ("MOD(z, 1)", DOUBLE),
        ("SQRT(n_obs)", DOUBLE),
        ("RAND()", DOUBLE),
        ("PI()", DOUBLE),
        ("COUNT(pdf)", LONG),
        ("SUM(quality)", LONG),
        ("SUM(mag_g)", DOUBLE),
        ("AVG(n_obs)", DOUBLE),
        ("MIN(mag_g)", FLOAT),
        ("MAX(survey)", TEXT),
        ("MAX(observed)", TIMESTAMP),
        ("MIN(quality)", SHORT),
        ("COALESCE(quality, n_obs)", INT),
        ("COALESCE(quality, 0.5)", DOUBLE),
        ("COALESCE(code, 'none')", ValueType(Datatype.CHAR, "4*")),
        ("COALESCE(code, 'unknown')", ValueType(Datatype.CHAR, "7*")),
        ("COALESCE(code, NULL)", ValueType(Datatype.CHAR, "4")),
        ("COALESCE(survey, comment)", UNICODE),
        ("COALESCE(observed, '2026-01-31')", TIMESTAMP),
        ("COALESCE(NULL, quality)", SHORT),
        ("COALESCE(NULL, 2, NULL)", INT),
        ("COALESCE(NULL, 'none')", ValueType(Datatype.CHAR, "4*")),
        ("COALESCE(NULL, NULL)", TEXT),
        ("LOWER(comment)", UNICODE),
        ("UPPER(code)", ValueType(Datatype.CHAR, "4")),
        ("CAST(z AS INTEGER)", INT),
        ("CAST(survey AS SMALLINT)", SHORT),
        ("CAST('9' AS BIGINT)", LONG),
        ("CAST(z AS REAL)", FLOAT),
        ("CAST(n_obs AS DOUBLE PRECISION)", DOUBLE),
        ("CAST(is_star AS INTEGER)", INT),
        ("CAST(z AS VARCHAR)", TEXT),
        ("CAST(comment AS VARCHAR(9))", ValueType(Datatype.UNICODE_CHAR, "18*")),
        ("CAST(survey AS CHAR(3))", ValueType(Datatype.CHAR, "3")),
        ("CAST(survey AS CHAR)", TEXT),
        ("CAST(observed AS VARCHAR)", TEXT),
        ("CAST(survey AS TIMESTAMP)", TIMESTAMP),
        ("CAST(NULL AS INTEGER)", INT),
        ("pdf", ARRAY),
    ],
)
def test_the_type_of_a_value(expression, value_type):
    assert field_of(expression).type == value_type


def test_char_pads_and_varchar_does_not():
    char, varchar = value_of("CAST(z AS CHAR(5))"), value_of("CAST(z AS VARCHAR(5))")
    assert (char.length, char.padded) == (5, True)
    assert (varchar.length, varchar.padded) == (5, False)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", "2026-01-31T00:00:00"),
        ("2026-01-31T23:59", "2026-01-31T23:59:00"),
        ("2026-01-31 23:59:58", "2026-01-31T23:59:58"),
        ("2026-01-31T23:59:58.25Z", "2026-01-31T23:59:58.250000"),
        ("2026-01-31T23:59:58.123456789", "2026-01-31T23:59:58.123456"),
    ],
)
def test_a_literal_timestamp_is_checked_and_normalised(text, moment):
    cast = value_of(f"CAST('{text}' AS TIMESTAMP)")
    assert (cast.operand.value, cast.field.type) == (moment, TIMESTAMP)
    assert condition(f"observed > '{text}'").right.operand.value == moment
    assert condition(f"'{text}' < observed").left.operand.value == moment


@pytest.mark.parametrize("text", ["2026-13-01", "yesterday", "2026-02-30", "2026-1-1", "60000.5"])
def test_a_literal_that_is_no_moment_is_refused(text):
    message = f"'{text}' is not a timestamp such as '2026-01-31' or '2026-01-31T23:59:59'"
    with pytest.raises(TypeMismatch, match=message):
        condition(f"observed > '{text}'")
    with pytest.raises(TypeMismatch, match=r"line 1, column 13"):
        value_of(f"CAST('{text}' AS TIMESTAMP)")


@pytest.mark.parametrize("literal", ["1", "'true'", "'T'", "'1'"])
def test_a_boolean_is_compared_with_its_stand_ins(literal):
    test = condition(f"is_star = {literal}")
    assert test.right.operand.value == 1
    assert test.right.field.type.datatype is Datatype.BOOLEAN


def test_a_list_and_bounds_take_the_kind_of_the_operand():
    listed = condition("is_star IN (0, 1)")
    assert [value.operand.value for value in listed.values] == [0, 1]
    between = condition("observed BETWEEN '2026-01-01' AND '2026-02-01'")
    assert (between.low.field.type, between.high.field.type) == (TIMESTAMP, TIMESTAMP)
    mirrored = condition("'2026-01-01' BETWEEN observed AND '2026-02-01'")
    assert mirrored.operand.field.type == mirrored.high.field.type == TIMESTAMP
    several = condition("'2026-01-01' IN (observed, NULL)")
    assert several.operand.field.type == several.values[1].field.type == TIMESTAMP


def test_null_takes_the_type_of_the_other_side():
    assert condition("z = NULL").right.field.type == DOUBLE
    assert condition("NULL = survey").left.field.type == TEXT


def test_conditions_become_nodes():
    where = condition("NOT (ra > 1 OR dec < 2) AND survey NOT LIKE 'a%' AND code ILIKE 'B_'")
    negation, like, ilike = where.operands
    assert isinstance(negation.operand, typed.Or)
    assert (like.negated, like.fold_case) == (True, False)
    assert (ilike.negated, ilike.fold_case) == (False, True)
    assert condition("pdf IS NOT NULL").negated


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("z > '0.5'", "Numbers and text do not go together; write 0.5 without quotes (line 1"),
        ("survey = 3", "Text and numbers do not go together; convert one of them with CAST"),
        ("observed > 60000", "write the moment as '2026-01-31T23:59:59'"),
        ("is_star > 0", "Booleans are compared with = or <> only"),
        ("is_star BETWEEN 0 AND 1", "Booleans are compared with = or <> only"),
        ("is_star = 2", "A boolean is compared with 1 or 0, or 'true' or 'false', not 2"),
        ("is_star = 1.0", "A boolean is compared with 1 or 0"),
        ("pdf = 1", "arrays can be selected, counted and tested with IS NULL"),
        ("pdf = pdf", "Arrays cannot be compared; arrays can be selected"),
        ("place = place", "Points cannot be compared; test shapes with CONTAINS"),
        ("z LIKE '1%'", "LIKE takes text, not numbers; convert with CAST(... AS VARCHAR)"),
        ("z IN (1, 'a')", "Numbers and text do not go together; convert one of them with CAST"),
        ("z IN (SELECT ra, dec FROM cat.objects)", "gives 2 columns; it must give one"),
        ("z IN (SELECT survey FROM cat.objects)", "Numbers and text do not go together"),
        ("COUNT(*) > 1", "COUNT works on groups and cannot stand in WHERE; put the condition"),
        ("z > 1e999", "The number 1e999 is too large"),
    ],
)
def test_conditions_that_compare_unlike_things_are_refused(text, message):
    with pytest.raises(TypeMismatch) as caught:
        condition(text)
    assert message in str(caught.value)
    assert "(line 1, column " in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("survey * 3", 'The operator "*" takes numbers, not text (line 1, column 8)'),
        ("survey + code", 'The operator "+" takes numbers, not text; texts are joined with ||'),
        ("observed - observed", 'The operator "-" takes numbers, not timestamps'),
        ("-survey", 'The operator "-" takes numbers, not text'),
        ("footprint * 3", 'The operator "*" takes numbers, not regions'),
        ("survey || z", 'The operator "||" joins text, not numbers; convert with CAST'),
        ("SQRT(survey)", "SQRT takes numbers, not text; convert it with CAST"),
        ("SUM(is_star)", "SUM takes numbers, not booleans; convert it with CAST(... AS INTEGER)"),
        ("MAX(pdf)", "MAX takes numbers, text or timestamps, not arrays"),
        ("MIN(is_star)", "MIN takes numbers, text or timestamps, not booleans"),
        ("COUNT(DISTINCT pdf)", "COUNT(DISTINCT ...) does not take arrays"),
        ("AVG(SUM(z))", "SUM cannot stand inside AVG; compute it in a sub-query"),
        ("LOWER(z)", "LOWER takes text, not numbers; convert it with CAST(... AS VARCHAR)"),
        ("COALESCE(z, 'none')", "COALESCE takes values of one kind: Numbers and text"),
        ("COALESCE(place, footprint)", "COALESCE takes values of one kind: "),
        ("CAST(z AS TIMESTAMP)", "CAST does not make TIMESTAMP of numbers"),
        ("CAST(pdf AS VARCHAR)", "CAST does not make VARCHAR of arrays"),
        ("CAST(is_star AS REAL)", "CAST does not make REAL of booleans"),
        ("CAST(observed AS INTEGER)", "CAST does not make INTEGER of timestamps"),
    ],
)
def test_values_of_the_wrong_kind_are_refused(expression, message):
    with pytest.raises(TypeMismatch) as caught:
        value_of(expression)
    assert message in str(caught.value)


def test_casts_to_shapes_take_the_lists_of_dali():
    with pytest.raises(TypeMismatch, match="A POINT is 2 numbers, not 3"):
        value_of("CAST('1 2 3' AS POINT)")
    with pytest.raises(TypeMismatch, match="CAST does not make CIRCLE of numbers"):
        value_of("CAST(z AS CIRCLE)")
    assert value_of("CAST(survey AS POLYGON)").field.type.xtype == "polygon"


@pytest.mark.parametrize("operator", ["+", "*"])
def test_chains_of_operators_are_bounded(operator):
    value_of(operator.join(["z"] * (MAX_DEPTH - 2)))
    with pytest.raises(QueryTooComplex, match=f"more than {MAX_DEPTH} levels"):
        value_of(operator.join(["z"] * (MAX_DEPTH + 2)))


def test_the_bound_counts_chains_inside_chains():
    inner = "+".join(["z"] * 120)
    with pytest.raises(QueryTooComplex):
        value_of(f"({inner}) * " + "*".join(["z"] * 120))


def test_depth_is_given_back_after_a_clause():
    chain = "+".join(["z"] * 150)
    resolved(f"SELECT {chain}, {chain} FROM cat.objects WHERE {chain} > 1 ORDER BY {chain}")


def test_every_error_is_an_adql_error():
    with pytest.raises(AdqlError):
        value_of("MOD(1, 'x')")
