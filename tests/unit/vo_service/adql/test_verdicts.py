"""Verdicts on queries, from Python and from the command line."""

import json

import pytest
from click.testing import CliRunner

from vo_service.adql.limits import Limits
from vo_service.adql.verdicts import Verdict, check
from vo_service.cli import main

GOOD = "SELECT TOP 5 z FROM cosmos WHERE z > 1"
BAD = "SELECT z FROM cosmos\nLIMIT 10"


def run(*arguments, **options):
    return CliRunner().invoke(main, ["adql", "check", *arguments], **options)


def test_a_verdict_says_where_and_what_to_write():
    assert check(GOOD) == Verdict(True)
    verdict = check(BAD)
    assert not verdict.valid
    assert (verdict.line, verdict.column) == (2, 1)
    assert "TOP" in verdict.message


@pytest.mark.parametrize(
    "text", ["", "\0", "SELECT", "'", "((((", "\ud800", "SELECT 1;;", "x" * 10**6]
)
def test_any_text_gets_a_verdict(text):
    verdict = check(text)
    assert not verdict.valid
    assert verdict.message


def test_a_limit_is_a_verdict_too():
    assert "10" in check(GOOD, Limits(characters=10)).message


def test_each_file_is_a_query(tmp_path):
    (tmp_path / "good.adql").write_text(GOOD)
    (tmp_path / "bad.adql").write_text(BAD)
    found = run(str(tmp_path / "good.adql"))
    assert (found.exit_code, found.output) == (0, f"{tmp_path / 'good.adql'}: valid ADQL 2.1\n")
    found = run(str(tmp_path / "good.adql"), str(tmp_path / "bad.adql"))
    assert found.exit_code == 1
    assert found.output.splitlines()[1].startswith(f"{tmp_path / 'bad.adql'}:2:1: ")


def test_the_standard_input_is_read_by_default():
    found = run(input=GOOD)
    assert (found.exit_code, found.output) == (0, "standard input: valid ADQL 2.1\n")
    assert run("-", input=BAD).exit_code == 1


def test_json_gives_a_verdict_a_line():
    found = run("--json", input=json.dumps([{"query": GOOD, "x": 1}, {"query": BAD}]))
    first, second = map(json.loads, found.output.splitlines())
    assert first == {"valid": True, "message": None, "line": None, "column": None}
    assert (second["valid"], second["line"], second["column"]) == (False, 2, 1)
    assert found.exit_code == 1
    assert run("--json", input="[]").exit_code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT", "is not JSON"),
        ("{}", "holds no list"),
        ('[{"query": 1}]', 'entry 1 has no text as its "query"'),
        ("[[]]", "entry 1"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_other_input_is_an_error_of_usage(text, message):
    found = run("--json", input=text)
    assert found.exit_code == 2
    assert message in found.output


def test_bytes_that_are_no_text_are_an_error_of_usage():
    found = run(input=b"\xff\xfe")
    assert found.exit_code == 2
    assert "is not UTF-8" in found.output
