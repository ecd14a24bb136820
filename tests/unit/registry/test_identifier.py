"""Which names ADQL takes bare, and how it quotes the others."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.model.identifier import RESERVED, adql_name, is_regular, is_reserved
from vo_service.adql.reserved import RESERVED_WORDS

CORPUS = Path(__file__).resolve().parents[3] / ".." / "shared" / "conformance" / "adql_corpus.json"


@pytest.mark.parametrize("name", ["z", "z_phot", "MAG_g", "ra", "dec", "x1", "sizes", "columns"])
def test_plain_names_stay_bare(name):
    assert is_regular(name)
    assert adql_name(name) == name


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("size", '"size"'),
        ("Size", '"Size"'),
        ("DISTANCE", '"DISTANCE"'),
        ("flux.g", '"flux.g"'),
        ("z best", '"z best"'),
        ("1z", '"1z"'),
        ("_row", '"_row"'),
        ("größe", '"größe"'),
        ('a"b', '"a""b"'),
        ("z\n", '"z\n"'),
    ],
)
def test_other_names_are_quoted(name, written):
    assert not is_regular(name)
    assert adql_name(name) == written


def test_an_empty_name_is_refused():
    with pytest.raises(ValueError, match="empty"):
        adql_name("")


def test_the_declination_is_no_reserved_word():
    assert not is_reserved("DEC")


def test_the_parser_reserves_the_same_words():
    assert {word.lower() for word in RESERVED_WORDS} == RESERVED


@given(st.text(min_size=1))
def test_a_quoted_name_can_be_read_back(name):
    written = adql_name(name)
    read = written[1:-1].replace('""', '"') if written.startswith('"') else written
    assert read == name


@pytest.mark.shared
@pytest.mark.skipif(not CORPUS.exists(), reason="the shared corpus is not beside the checkout")
def test_every_reserved_word_of_the_corpus_is_known():
    entries = json.loads(CORPUS.read_text())
    queries = [e for e in entries if e["origin"] == "spec-derived-reserved" and not e["valid"]]
    words = {e["query"].removesuffix(" FROM t").split()[-1].lower() for e in queries}
    assert len(words) > 200
    assert words <= RESERVED
