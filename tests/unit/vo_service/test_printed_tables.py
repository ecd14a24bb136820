"""Tables at a terminal: what is to be copied is never broken."""

import re
import sys

import pytest

from vo_service.cli.listing import print_table

HEADINGS = ("product", "type", "name", "rows", "table", "owner", "release", "updated (UTC)")
ROW = (
    "7012_a_catalogue_with_a_long_name",
    "photoz_estimates",
    "A catalogue of galaxies with a name that is quite long",
    123456789012,
    "photoz_estimates.p7012_a_catalogue_with_a_long_name",
    "an.owner@institute.example.org",
    None,
    "2026-11-28 12:50",
)


@pytest.fixture
def terminal(monkeypatch):
    def set_width(columns):
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "dumb")

    return set_width


@pytest.mark.parametrize("columns", [20, 40, 80, 120, 300])
def test_names_and_numbers_are_whole_at_every_width(terminal, capsys, columns):
    terminal(columns)
    print_table(HEADINGS, [ROW, ROW])
    printed = capsys.readouterr().out
    for cell in ROW:
        if cell is not None and cell != ROW[2]:
            assert printed.count(str(cell)) >= 2
    for word in ROW[2].split():
        assert printed.count(word) >= 2


def test_description_is_folded_where_the_rest_has_room(terminal, capsys):
    terminal(80)
    text = "words of a description " * 10
    print_table(("table", "rows", "description"), [("schema.table_of_some_length", 20000, text)])
    printed = re.sub("\x1b\\[[0-9;]*m", "", capsys.readouterr().out)
    lines = printed.splitlines()
    assert lines[0].split() == ["table", "rows", "description"]
    assert all(len(line) <= 80 for line in lines)
    assert "schema.table_of_some_length  20000" in lines[1]


def test_row_of_a_program_is_one_line_with_its_cells(capsys):
    print_table(("a", "b", "c"), [("x\ty", "two\nlines", None), (1, 2.5, "z")])
    assert capsys.readouterr().out == "a\tb\tc\nx y\ttwo lines\t\n1\t2.5\tz\n"
