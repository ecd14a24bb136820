"""Pages of pipelines for people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from typing import Any

__all__ = ["render_list", "render_pipeline"]

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1.5rem}
td,th{padding:.3rem .6rem;text-align:left;border-bottom:1px solid #d8dee4;vertical-align:top}
table{border-collapse:collapse} code,pre{font:14px/1.45 ui-monospace,monospace}
pre{background:#f3f5f8;padding:.6rem;overflow:auto}
@media (prefers-color-scheme:dark){body{background:#12181f;color:#dde5ee}a{color:#7db8ff}
pre{background:#1c242d}}
"""


def render_list(pipelines: Iterable[dict[str, Any]]) -> str:
    """Write the list of pipelines."""
    rows = "".join(
        f'<tr><td><a href="{escape(each["url"])}">{escape(each["display_name"])}</a></td>'
        f"<td>{escape(each['version'])}</td><td>{escape(each['description'])}</td></tr>"
        for each in pipelines
    )
    return _page("Pipelines", f"<h1>Pipelines</h1><table>{rows}</table>")


def render_pipeline(pipeline: dict[str, Any]) -> str:
    """Write the description of a pipeline: parameters, inputs, and how to run it."""
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each['description'])}</td>"
        f"<td><code>{escape(json.dumps(each['default']))}</code></td></tr>"
        for each in pipeline["parameters"]
    )
    command = (
        f"curl -H 'Authorization: Bearer TOKEN' {pipeline['jobs_url']} \\\n"
        "  -d NAME='My product' -d INPUTS=1 -d INPUTS=2 -d PHASE=RUN -i"
    )
    title = pipeline["display_name"]
    body = (
        f"<h1>{escape(title)} {escape(pipeline['version'])}</h1>"
        f"<p>{escape(pipeline['description'])}</p>"
        f"<table><tr><th>Parameter</th><th>Meaning</th><th>Default</th></tr>{rows}</table>"
        f"<h2>Run it</h2><pre>{escape(command)}</pre>"
    )
    return _page(title, body)


def _page(title: str, body: str) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
        f"</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )
