"""Texts that people wrote in Markdown, as HTML that can do nothing."""

from __future__ import annotations

from functools import cache
from html import unescape

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

__all__ = ["first_line", "rendered"]

_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p",
    "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_SCHEMES = {"http", "https", "mailto"}

_SUMMARY_CHARACTERS = 200


@cache
def _parser() -> MarkdownIt:
    # HTML is text here; what the parser makes is cleaned once more all the same.
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def rendered(text: str | None) -> Markup:
    """Render a text; headings begin below those of the page, and images are left out.

    Parameters
    ----------
    text
        In Markdown with tables, as its author wrote it: not trusted.
    """
    tokens = _parser().parse(text or "")
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    html = _parser().renderer.render(tokens, _parser().options, {})
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href", "title"}},
        url_schemes=_SCHEMES,
        link_rel="noopener nofollow",
    )
    return Markup(clean)  # noqa: S704 - cleaned in the line above


def first_line(text: str | None) -> str:
    """Give the beginning of a text without markup, for lists."""
    plain = nh3.clean(_parser().render(text or ""), tags=set(), clean_content_tags=set())
    line = next((line.strip() for line in plain.splitlines() if line.strip()), "")
    line = unescape(line)
    return line if len(line) <= _SUMMARY_CHARACTERS else line[: _SUMMARY_CHARACTERS - 1] + "…"
