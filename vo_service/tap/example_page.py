"""The document of examples, with the markup that clients read."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from vo_service.tap.examples import Example

__all__ = ["CONTENT_TYPE", "render"]

CONTENT_TYPE = "application/xhtml+xml"
"""Media type of the document (DALI 1.1, section 2.3)."""

VOCABULARY = "http://www.ivoa.net/rdf/examples#"
"""Vocabulary of the markup (DALI 1.1, section 2.3)."""

_HIDDEN_CHARACTERS = str.maketrans("", "", "".join(map(chr, [*range(9), 11, 12, *range(14, 32)])))


_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:50em;margin:2em auto;padding:0 1em;color:#222}"
    "pre{background:#f4f4f4;border-left:4px solid #2a6f97;padding:.8em;overflow:auto}"
    "h2{margin-top:2em}"
)


def render(chosen: Iterable[Example]) -> bytes:
    """Write the document of examples.

    Returns
    -------
    bytes
        XHTML with the markup of DALI 1.1, section 2.3: the vocabulary once, each example with
        its type, identifier and resource, and name, tables and query as plain text.
    """
    body = "\n".join(_markup(example) for example in chosen)
    page = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html>\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" lang="en" xml:lang="en">\n'
        f"<head><title>TAP examples</title><style>{_STYLE}</style></head>\n"
        f'<body vocab="{VOCABULARY}">\n<h1>TAP examples</h1>\n'
        "<p>Queries that run on this service as they are.</p>\n"
        f"{body}\n</body>\n</html>\n"
    )
    return page.encode()


def _markup(example: Example) -> str:
    tables = ", ".join(f'<code property="table">{_text(name)}</code>' for name in example.tables)
    anchor = f"id={quoteattr(example.id)} resource={quoteattr('#' + example.id)}"
    return (
        f'<div typeof="example" {anchor}>\n'
        f'<h2 property="name">{_text(example.name)}</h2>\n'
        f"<p>{_text(example.description)} Reads {tables}.</p>\n"
        f'<pre property="query">{_text(example.query)}</pre>\n</div>'
    )


def _text(value: str) -> str:
    return escape(value.translate(_HIDDEN_CHARACTERS))
