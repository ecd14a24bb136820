"""Tokens: what is cut from a text, and what is refused."""

import pytest

from vo_service.adql.errors import AdqlSyntaxError
from vo_service.adql.lexer import DELIMITED, END, IDENTIFIER, NUMBER, STRING, tokenize
from vo_service.adql.reserved import ADQL_RESERVED_WORDS, RESERVED_WORDS, SQL_RESERVED_WORDS


def kinds(text):
    return [token.kind for token in tokenize(text)]


@pytest.mark.parametrize(
    "number", ["0", "10", "1.", ".5", "1.5", "1e3", "1E+3", "1.5E-3", ".5e1", "1.e2"]
)
def test_numbers_of_every_form_are_one_token(number):
    token, end = tokenize(number)
    assert (token.kind, token.text, end.kind) == (NUMBER, number, END)


@pytest.mark.parametrize("text", ["2desc", "89x", "1_0", "0x1F", "1e", "1.a"])
def test_a_number_with_a_letter_behind_it_is_refused_as_a_whole(text):
    with pytest.raises(AdqlSyntaxError, match=f'^"{text}" is neither a number nor a name'):
        tokenize(f"SELECT {text}")


def test_offsets_give_back_the_text_of_every_token():
    text = " SELECT\ta.\"b\"\"c\" , 'it''s'--x\n<>.5||1e3"
    assert all(text[token.start : token.end] == token.text for token in tokenize(text))
    assert kinds(text) == [
        "SELECT", IDENTIFIER, ".", DELIMITED, ",", STRING, "<>", NUMBER, "||", NUMBER, END,
    ]  # fmt: skip


def test_reserved_words_are_their_own_kind_in_any_case():
    assert kinds("select Select SELECT sElEcT selects") == ["SELECT"] * 4 + [IDENTIFIER, END]


def test_the_recommendation_reserves_266_words():
    assert len(RESERVED_WORDS) == 266
    assert not ADQL_RESERVED_WORDS & SQL_RESERVED_WORDS


def test_comments_end_with_the_line_or_the_text():
    assert kinds("a -- b\nc --- d") == [IDENTIFIER, IDENTIFIER, END]
    assert kinds("a--1") == [IDENTIFIER, END]


def test_quotes_inside_comments_and_dashes_inside_quotes_mean_nothing():
    assert kinds("-- it's\n'--' \"--\"") == [STRING, DELIMITED, END]


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("SELECT 'abc", 8, "A string is never closed"),
        ("SELECT 'a''", 8, "A string is never closed"),
        ('SELECT "abc', 8, "never closed"),
        ('SELECT "" FROM t', 8, "is empty"),
        ("SELECT gr\N{LATIN SMALL LETTER E WITH ACUTE}g", 10, "in double quotes"),
        ("SELECT _a", 8, "starts with _"),
        ("a = \N{RIGHT SINGLE QUOTATION MARK}x", 5, "Curly quotes"),
        ("a = \N{DOUBLE LOW-9 QUOTATION MARK}x", 5, "Curly quotes"),
        ("a\x00b", 2, r"Unexpected character '\x00'"),
        ("a # b", 3, "Unexpected character '#'"),
        ("1" * 101, 1, "more than 100 characters"),
    ],
)
def test_characters_that_are_not_adql_are_refused_where_they_stand(text, column, words):
    with pytest.raises(AdqlSyntaxError) as caught:
        tokenize(text)
    assert (caught.value.line, caught.value.column) == (1, column)
    assert words in caught.value.message


def test_a_hundred_thousand_quotes_take_no_quadratic_time():
    with pytest.raises(AdqlSyntaxError, match="never closed"):
        tokenize("'" * 99_999)
    assert kinds("'" * 100_000) == [STRING, END]
