"""The page that a person sees at the URL of the TAP service."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import quote

from registry.model.table import Table, TableSet
from vo_service.tap.examples import Example

__all__ = ["render_error_page", "render_page"]

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:1.5rem;color:#1b2733}
a{color:#0b5cad} code,pre,textarea{font:14px/1.45 ui-monospace,monospace}
textarea{width:100%;height:8rem;box-sizing:border-box;padding:.6rem}
table{border-collapse:collapse;width:100%} td,th{padding:.3rem .6rem;text-align:left;
border-bottom:1px solid #d8dee4;vertical-align:top} td.n{text-align:right}
pre{background:#f3f5f8;padding:.6rem;overflow:auto}
[role=alert]{border-left:.3rem solid #b91c1c;white-space:pre-wrap}
button,select,input{font:inherit;padding:.3rem .8rem}
@media (prefers-color-scheme:dark){body{background:#12181f;color:#dde5ee}a{color:#7db8ff}
pre{background:#1c242d}td,th{border-color:#33404d}}
"""

_FORMATS = (
    ("html", "table on this page"),
    ("votable", "VOTable"),
    ("fits", "FITS"),
    ("csv", "CSV"),
    ("parquet", "Parquet"),
)


def render_page(title: str, tap_url: str, tables: TableSet, examples: list[Example]) -> str:
    """Write the page.

    Parameters
    ----------
    title
        Name of the service.
    tap_url
        Public URL of the service, without trailing slash.
    tables
        What the visitor may query.
    examples
        Queries to start with; the first one fills the form.
    """
    first = examples[0].query if examples else "SELECT * FROM TAP_SCHEMA.tables"
    rows = "\n".join(_row(table, tap_url) for table in tables)
    shown = "\n".join(_example(example, tap_url) for example in examples)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head>
<body><h1>{escape(title)}</h1>
<p>This is a TAP service of the Virtual Observatory. Give its address to TOPCAT, Aladin, STILTS or
pyvo: <code>{escape(tap_url)}</code></p>
{_form(tap_url, first)}
<h2>Tables</h2>
<table><thead><tr><th>Table</th><th>Rows</th><th>What it is</th></tr></thead>
<tbody>{rows}</tbody></table>
<h2>Examples</h2>
{shown}
<h2>For programs</h2>
<ul><li><a href="{escape(tap_url)}/capabilities">capabilities</a></li>
<li><a href="{escape(tap_url)}/tables">tables</a></li>
<li><a href="{escape(tap_url)}/availability">availability</a></li>
<li><a href="{escape(tap_url)}/examples">examples</a></li></ul>
</body></html>
"""


def render_error_page(
    title: str, tap_url: str, message: str, sent: Mapping[str, str], method: str = "get"
) -> str:
    """Write the page of an error, with the query to be mended where one was sent.

    Parameters
    ----------
    title
        Name of the service.
    tap_url
        Public URL of the TAP service that was asked, without trailing slash.
    message
        What was wrong.
    sent
        Parameters of the request, names in upper case.
    method
        By which the form sends the query again.
    """
    query = sent.get("QUERY", "")
    form = _form(tap_url, query, sent, method) if query.strip() else ""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Error - {escape(title)}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head>
<body><h1>{escape(title)}</h1>
<pre role="alert">{escape(message)}</pre>
{form}
<p><a href="{escape(tap_url)}">Tables, examples and a form for queries</a></p>
</body></html>
"""


def _form(
    tap_url: str, query: str, sent: Mapping[str, str] | None = None, method: str = "get"
) -> str:
    chosen, maxrec = (sent or {}).get("RESPONSEFORMAT", ""), (sent or {}).get("MAXREC", "1000")
    formats = "".join(
        f'<option value="{key}"{" selected" if key == chosen else ""}>{label}</option>'
        for key, label in _FORMATS
    )
    # A line feed behind the tag is not part of the text, one of the query would be lost.
    return f"""<form action="{escape(tap_url)}/sync" method="{method}">
<input type="hidden" name="LANG" value="ADQL">
<label for="query"><b>Query</b> (ADQL)</label>
<textarea id="query" name="QUERY" spellcheck="false">
{escape(query)}</textarea>
<p><label>Format <select name="RESPONSEFORMAT">{formats}</select></label>
<label>Rows at most
<input name="MAXREC" value="{escape(maxrec)}" size="9" inputmode="numeric"></label>
<button>Run</button></p></form>"""


def _row(table: Table, tap_url: str) -> str:
    about = table.description or table.title or ""
    count = "" if table.nrows is None else f"{table.nrows:,}"
    link = f"{tap_url}/tables/{quote(table.name)}"
    return (
        f'<tr><td><a href="{escape(link)}">{escape(table.name)}</a></td>'
        f'<td class="n">{count}</td><td>{escape(about)}</td></tr>'
    )


def _example(example: Example, tap_url: str) -> str:
    run = f"{tap_url}/sync?LANG=ADQL&MAXREC=1000&RESPONSEFORMAT=html&QUERY={quote(example.query)}"
    return (
        f"<h3>{escape(example.name)}</h3><p>{escape(example.description)} "
        f'<a href="{escape(run)}">Run it</a></p><pre>{escape(example.query)}</pre>'
    )
