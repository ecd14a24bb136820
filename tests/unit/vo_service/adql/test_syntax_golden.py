"""Queries with how they are printed, and texts that are not ADQL with what the user reads."""

from pathlib import Path

import pytest

from vo_service.adql.errors import AdqlSyntaxError, QueryTooComplex
from vo_service.adql.parser import parse
from vo_service.adql.text import to_adql

GOLDEN = Path(__file__).resolve().parents[3] / "golden" / "adql"


def pairs(name):
    blocks = (GOLDEN / name).read_text(encoding="utf-8").split("\n\n")[1:]
    found = []
    for block in blocks:
        query, expected = block.strip("\n").split("\n=> ")
        found.append((query.replace("\\n", "\n"), expected))
    return found


@pytest.mark.parametrize(("query", "printed"), pairs("accept.txt"))
def test_a_valid_query_is_printed_in_its_canonical_form(query, printed):
    assert to_adql(parse(query)) == printed


@pytest.mark.parametrize(("query", "printed"), pairs("accept.txt"))
def test_the_canonical_form_has_the_same_tree_and_is_its_own(query, printed):
    assert parse(printed) == parse(query)
    assert to_adql(parse(printed)) == printed


@pytest.mark.parametrize(("text", "message"), pairs("reject.txt"))
def test_a_text_that_is_not_adql_is_refused_with_words_and_place(text, message):
    with pytest.raises((AdqlSyntaxError, QueryTooComplex)) as caught:
        parse(text)
    assert str(caught.value) == message


def test_the_golden_files_hold_what_they_promise():
    assert len(pairs("accept.txt")) > 50
    assert len(pairs("reject.txt")) > 90
