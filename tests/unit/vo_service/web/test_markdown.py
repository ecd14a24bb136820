"""Texts of people as HTML."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from vo_service.web.markdown import first_line, rendered

PIECES = st.sampled_from([
    "<script>x</script>", "[a](javascript:x)", "[a](data:text/html,x)", "![i](http://e.org/x.png)",
    "<img src=x onerror=y>", "**b**", "# h", "| a | b |\n|---|---|\n| 1 | 2 |", "`c`",
    "<b onclick=x>",
    "\n", " ", "text", "&lt;script&gt;", "[a](http://e.org)", "<a href='//e'>", "~~s~~",
])  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join))
def test_no_text_becomes_more_than_text_with_style(text):
    tree = html.fromstring(f"<div>{rendered(text)}</div>")
    assert not tree.xpath(".//script|.//img|.//iframe|.//style|.//h1|.//h2")
    for element in tree.iterdescendants():
        assert set(element.attrib) <= {"href", "title", "rel"}
        if "href" in element.attrib:
            assert element.get("href").split(":")[0] in ("http", "https", "mailto")


def test_tables_and_headings_are_kept_below_those_of_the_page():
    text = rendered("# Top\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    assert "<h3>Top</h3>" in text
    assert "<td>1</td>" in text


def test_first_line_is_plain_text():
    assert (
        first_line("\n\n**Redshifts** of <b>a & b</b>, `z`\n\nmore")
        == "Redshifts of <b>a & b</b>, z"
    )
    assert len(first_line("x" * 1000)) == 200
    assert first_line(None) == ""
