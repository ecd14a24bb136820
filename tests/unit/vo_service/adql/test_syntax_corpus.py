"""Syntax verdicts against the conformance corpus beside the checkout.

Disputed entries are free; this parser refuses ``JOIN`` without ``ON`` or ``USING`` (as the IVOA's
own suite does for INNER JOIN), a number with a letter behind it, and strings in arithmetic or as
coordinates, and accepts any user-defined function, which the resolver checks.
"""

import json
from pathlib import Path

import pytest

from vo_service.adql.errors import AdqlError
from vo_service.adql.parser import parse
from vo_service.adql.text import to_adql

CORPUS = Path(__file__).resolve().parents[4] / ".." / "shared" / "conformance" / "adql_corpus.json"

INVALID_BEFORE_2_1 = {
    "SELECT * FROM foo ORDER BY id OFFSET 10": "<offset_clause> is new in 2.1",
    "SELECT LOWER(foo) FROM aTable": "<case_folding_function> is new in 2.1",
    "SELECT * FROM cat ORDER BY cat.oid;": "<order_by_expression> may be qualified",
    "SELECT * FROM foo UNION SELECT * FROM bar": "<query_set_expression> is new in 2.1",
    "SELECT * FROM cat GROUP BY sqrt(foo);": "<group_by_term> is a value expression",
    "SELECT * FROM cat GROUP BY 1;": "<group_by_term> is a value expression",
    "WITH foo AS (SELECT * FROM bar) SELECT * FROM foo": "<with_clause> is new in 2.1",
}
"""Entries that only ADQL 2.0 refuses, with the production of 2.1 (Appendix A) that allows them."""


def entries():
    if not CORPUS.exists():
        return []
    return json.loads(CORPUS.read_text(encoding="utf-8"))


def accepts(query):
    try:
        parse(query)
    except AdqlError:
        return False
    return True


pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not beside this checkout"),
]


def test_every_undisputed_verdict_on_syntax_is_the_same():
    wrong = [
        (entry["query"], entry["valid"], entry["note"])
        for entry in entries()
        if entry["level"] == "syntax"
        and not entry.get("disputed")
        and entry["query"].strip() not in INVALID_BEFORE_2_1
        and accepts(entry["query"]) is not entry["valid"]
    ]
    assert wrong == []


def test_what_only_adql_2_0_refuses_is_accepted_and_in_the_corpus_so():
    found = {
        entry["query"].strip()
        for entry in entries()
        if entry["version"] == "adql-2.0" and not entry["valid"] and accepts(entry["query"])
    }
    semantic = {entry["query"].strip() for entry in entries() if entry["level"] == "semantic"}
    assert found - semantic == set(INVALID_BEFORE_2_1)


def test_entries_that_only_metadata_can_judge_parse():
    refused = [
        entry["query"]
        for entry in entries()
        if entry["level"] == "semantic" and not accepts(entry["query"])
    ]
    assert refused == []


def test_every_query_of_the_corpus_survives_printing():
    for entry in entries():
        if accepts(entry["query"]):
            tree = parse(entry["query"])
            assert parse(to_adql(tree)) == tree, entry["query"]
