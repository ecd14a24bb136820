"""HTML for people: one table, readable as it arrives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from registry.formats.writers.base import Outcome, Result, started
from registry.formats.writers.cells import PLAIN_TEXT, cell_text
from registry.formats.writers.markup import attribute, escaped, escaped_column
from registry.formats.writers.tabledata import joined_rows
from registry.model.field import Field

__all__ = ["HtmlWriter"]

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:1.5rem;color:#1b2733;background:#fff}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th{position:sticky;top:0;background:#eef3f7;text-align:left;vertical-align:bottom}
th small{display:block;font-weight:400;color:#4a5a68}
th,td{padding:.25rem .7rem;border-bottom:1px solid #d5dee6;white-space:pre-wrap}
tr:hover td{background:#f6f9fb}
.mark{padding:.5rem .8rem;border-left:4px solid #b45309;background:#fff7e6}
.error{border-color:#b91c1c;background:#fdecec}
@media (prefers-color-scheme:dark){
body{background:#12181e;color:#e3eaf0}th{background:#1e2932}th small{color:#a9b8c5}
th,td{border-color:#2e3b46}tr:hover td{background:#18212a}
.mark{background:#33270f}.error{background:#381818}}
"""


class HtmlWriter:
    """Write an HTML page with units and UCDs in the header, and its outcome below the table."""

    name = "html"
    media_type = "text/html; charset=utf-8"
    aliases: tuple[str, ...] = (name, "text/html", media_type)
    ivo_id: str | None = None
    extension = "html"

    def write(self, result: Result) -> Iterator[bytes]:
        """Produce the page; its end tells the number of rows, overflow and mid-stream errors."""
        batches = started(result.batches)
        yield _head(result).encode()
        rows = 0
        for batch in batches:
            rows += batch.num_rows
            yield _rows(batch, result.fields)
        yield _tail(rows, result.outcome()).encode()


def _head(result: Result) -> str:
    numeric = ",".join(
        f"td:nth-child({position})"
        for position, field in enumerate(result.fields, start=1)
        if field.type.is_numeric
    )
    aligned = f"{numeric}{{text-align:right}}\n" if numeric else ""
    facts = "".join(
        f"<dt>{escaped(info.name)}</dt><dd>{escaped(info.value)} {escaped(info.text or '')}</dd>\n"
        for info in result.infos
    )
    about = f"<details><summary>About this result</summary><dl>\n{facts}</dl></details>\n"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>Query result</title>\n<style>{_STYLE}{aligned}</style>\n</head>\n<body>\n"
        f"{about if facts else ''}<table>\n<thead>\n<tr>"
        f"{''.join(_heading(field) for field in result.fields)}</tr>\n</thead>\n<tbody>\n"
    )


def _heading(field: Field) -> str:
    unit = f"<small>{escaped(field.unit)}</small>" if field.unit else ""
    ucd = f"<small>{escaped(field.ucd)}</small>" if field.ucd else ""
    title = attribute("title", field.description)
    return f'<th scope="col"{title}>{escaped(field.name)}{unit}{ucd}</th>'


def _rows(batch: pa.RecordBatch, fields: Sequence[Field]) -> bytes:
    columns = []
    for column, field in zip(batch.columns, fields, strict=True):
        text = cell_text(column, field.type, PLAIN_TEXT)
        columns.append(escaped_column(text) if field.type.is_text else text)
    return joined_rows(columns, "<tr><td>", "</td><td>", "</td></tr>\n")


def _tail(rows: int, outcome: Outcome) -> str:
    count = "1 row" if rows == 1 else f"{rows:,} rows"
    text = f'</tbody>\n</table>\n<p class="count">{count}</p>\n'
    if outcome.error is not None:
        text += (
            f'<p class="mark error" role="alert" data-query-status="ERROR">The result is not '
            f"complete: {escaped(outcome.error)}</p>\n"
        )
    elif outcome.overflow:
        reason = f"The result was cut after {count}; there are more. Ask with a larger MAXREC."
        text += (
            '<p class="mark" role="status" data-query-status="OVERFLOW">'
            f"{reason if rows else 'MAXREC=0 asks for the columns alone.'}</p>\n"
        )
    return f"{text}</body>\n</html>\n"
