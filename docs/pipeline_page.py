"""Write the tables of ``docs/reference/combine-redshift-catalogs.md`` from the specification.

Run it from the root of the checkout after a change of the pipeline::

    python docs/pipeline_page.py

The text around the tables stays. The tests compare the page with what this script would write.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "combine-redshift-catalogs.md"

_BEGIN, _END = "<!-- specification -->\n", "<!-- end of specification -->\n"

_INPUTS = """
Products of the type {types}. A column is found by its role; in a configuration without a server
`columns` says which one it is. Other columns may be used in conditions, cuts and `extra_columns`.
"""


def pipeline_page() -> str:
    """Give the text of the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return "".join([before, _BEGIN, *_tables(), "\n", _END, after])


def _tables() -> Iterator[str]:
    from pipelines.combine_redshift_dedup import SPECIFICATION

    defaults = SPECIFICATION.defaults()
    yield "\n## Parameters\n\n| parameter | default | meaning |\n|---|---|---|\n"
    for name, field in SPECIFICATION.parameters.model_fields.items():
        meaning = f"{field.description}{_choices(field.annotation)}"
        yield f"| `{name}` | `{json.dumps(defaults[name])}` | {meaning} |\n"
    types = ", ".join(f"`{name}`" for name in SPECIFICATION.accepted_types)
    yield "\n## Inputs\n" + _INPUTS.format(types=types) + "\n| column | role |\n|---|---|\n"
    for group in SPECIFICATION.inputs:
        for name, role in group.columns.items():
            yield f"| `{name}` | {role or '-'} |\n"
    formats = ", ".join(SPECIFICATION.output_formats)
    made = f"A product of the type `{SPECIFICATION.output_type}`"
    yield f"\n## Output\n\n{made}; formats: {formats}.\n"
    yield "\n| column | unit | UCD | role | meaning |\n|---|---|---|---|---|\n"
    for column in SPECIFICATION.output_columns:
        ucd = f"`{column.ucd}`" if column.ucd else ""
        cells = (f"`{column.name}`", column.unit or "", ucd, column.alias or "", column.description)
        yield f"| {' | '.join(cells)} |\n"


def _choices(annotation: object) -> str:
    if not (isinstance(annotation, type) and issubclass(annotation, StrEnum)):
        return ""
    return " One of " + ", ".join(f"`{choice}`" for choice in annotation) + "."


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    PAGE.write_text(pipeline_page(), encoding="utf-8")
