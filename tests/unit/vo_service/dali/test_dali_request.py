"""A TAP request: what is read, what is refused and in which words."""

import pytest

from vo_service.dali.errors import (
    DaliError,
    InvalidParameter,
    MissingParameter,
    UnsupportedFormat,
)
from vo_service.dali.params import Parameters
from vo_service.dali.request import RequestLimits, TapRequest
from vo_service.dali.upload import Upload, parse_uploads

LIMITS = RequestLimits(maxrec_default_rows=1000, maxrec_hard_rows=5000)
UPLOADS = RequestLimits(1000, 5000, uploads_offered=True)
LANGUAGES = ("ADQL", "ADQL-2.0", "ADQL-2.1")


def parse(limits=LIMITS, **given):
    values = {"LANG": "ADQL", "QUERY": "SELECT 1", **given}
    kept = {name: value for name, value in values.items() if value is not None}
    return TapRequest.parse(Parameters(kept), limits, LANGUAGES)


def test_a_plain_request_gets_the_defaults():
    assert parse() == TapRequest("SELECT 1", "ADQL", 1000)


def test_what_tap_does_not_know_is_ignored():
    assert (
        parse(REQUEST="doQuery", VERSION="1.0", DUMMY="xyz", PHASE="RUN", tapclient="x") == parse()
    )


@pytest.mark.parametrize(
    ("given", "lang"),
    [("ADQL", "ADQL"), ("adql-2.0", "ADQL-2.0"), ("Adql-2.1", "ADQL-2.1"), (" ADQL ", "ADQL")],
)
def test_declared_languages_are_known_in_any_case(given, lang):
    assert parse(LANG=given).lang == lang


def test_an_unknown_language_is_named_with_those_that_are_known():
    with pytest.raises(InvalidParameter) as caught:
        parse(LANG="OOBLECK")
    assert str(caught.value) == (
        "LANG=OOBLECK is not valid: this service understands ADQL, ADQL-2.0, ADQL-2.1"
    )


@pytest.mark.parametrize("name", ["LANG", "QUERY"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_language_and_query_are_required(name, value):
    with pytest.raises(MissingParameter, match=f"^{name} is missing"):
        parse(**{name: value})


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ("0", 0),
        ("1", 1),
        ("+7", 7),
        (" 12 ", 12),
        ("007", 7),
        ("4999", 4999),
        ("5000", 5000),
        ("5001", 5000),
        ("20000000", 5000),
        ("9" * 6000, 5000),
        (None, 1000),
        ("", 1000),
    ],
)
def test_maxrec_is_clipped_to_the_hard_limit(given, rows):
    assert parse(MAXREC=given).maxrec == rows


@pytest.mark.parametrize("given", ["abc", "-1", "1.5", "1e3", "0x10", "١٢", "1_000", "nan"])
def test_maxrec_must_be_a_whole_number_of_rows(given):
    with pytest.raises(InvalidParameter) as caught:
        parse(MAXREC=given)
    assert (caught.value.parameter, caught.value.value) == ("MAXREC", given)
    assert str(caught.value).endswith("give a whole number of rows, 0 or more")


def test_the_default_never_exceeds_the_hard_limit():
    assert parse(RequestLimits(10, 3)).maxrec == 3


@pytest.mark.parametrize("name", ["RESPONSEFORMAT", "FORMAT", "format"])
def test_the_format_has_two_names(name):
    assert parse(**{name: " text/csv "}).responseformat == "text/csv"


def test_the_newer_name_of_the_format_wins():
    assert parse(FORMAT="votable", RESPONSEFORMAT="csv").responseformat == "csv"


def test_a_runid_of_64_characters_is_kept_and_a_longer_one_refused():
    assert parse(RUNID="r" * 64).runid == "r" * 64
    with pytest.raises(InvalidParameter, match="at most 64 characters"):
        parse(RUNID="r" * 65)


def test_a_parameter_given_twice_is_refused():
    parameters = Parameters({"LANG": "ADQL", "QUERY": ["SELECT 1", "SELECT 2"]})
    with pytest.raises(InvalidParameter, match=r"^QUERY="):
        TapRequest.parse(parameters, LIMITS, LANGUAGES)


def test_uploads_are_refused_where_they_are_not_offered():
    with pytest.raises(InvalidParameter, match="uploads are not offered by this service"):
        parse(UPLOAD="t,param:f")


def test_uploads_are_read_where_they_are_offered():
    request = parse(UPLOADS, UPLOAD=["a,param:fa;b,http://h/x.vot", "c,https://h/y?p=1;q=2"])
    assert request.uploads == (
        Upload("a", "param:fa"),
        Upload("b", "http://h/x.vot"),
        Upload("c", "https://h/y?p=1;q=2"),
    )
    assert [u.part for u in request.uploads] == ["fa", None, None]


def test_a_semicolon_at_the_end_is_harmless():
    assert parse_uploads(["a,param:fa;", "b , PARAM:fb"]) == (
        Upload("a", "param:fa"),
        Upload("b", "PARAM:fb"),
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("t", "no name and source"),
        ("t,", "no name and source"),
        (",param:f", "letters, digits and underscores"),
        ("t,f", "no name and source"),
        ("t,param:", "no name and source"),
        ("1t,param:f", "letters, digits and underscores"),
        ("a b,param:f", "letters, digits and underscores"),
        ("tap_upload.t,param:f", "letters, digits and underscores"),
        ("t,file:///etc/passwd", "scheme file:"),
        ("t,ftp://h/x", "scheme ftp:"),
        ("a,param:f;b,file:///x", "scheme file:"),
        ("t,param:f;T,param:g", "two tables have this name"),
    ],
)
def test_other_uploads_are_refused_with_the_reason(value, reason):
    with pytest.raises(InvalidParameter, match=reason) as caught:
        parse(UPLOADS, UPLOAD=value)
    assert caught.value.parameter == "UPLOAD"


def test_a_long_value_is_cut_in_the_message_alone():
    error = InvalidParameter("QUERY", "x" * 5000, "shorten it")
    assert len(str(error)) < 200
    assert error.value == "x" * 5000


def test_an_unsupported_format_lists_those_that_are_offered():
    error = UnsupportedFormat("image/png", ["votable", "csv"])
    assert str(error) == "RESPONSEFORMAT=image/png is not offered: choose one of votable, csv"
    assert isinstance(error, DaliError)
