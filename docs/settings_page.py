"""Write ``docs/reference/settings.md`` from the settings themselves.

Run it from the root of the checkout after a change of the settings::

    python docs/settings_page.py

The tests compare the page with what this script would write.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "settings.md"

COMPUTED_DEFAULTS = {
    "home": "`pzvo` in the user's data folder",
    "anonymous_query": "as `anonymous_read`",
    "anonymous_upload": "as `anonymous_query`",
    "anonymous_jobs": "as `anonymous_query`",
    "query_slots_per_visitor": "two for each processor, divided by `web_processes`, at most half of"
    " `query_slots`",
    "query_slots": "12, or three quarters of `web_threads` where these are few",
    "engine_threads": "number of processors divided by `web_processes`",
    "engine_memory_bytes": "a sixth of the memory, at most 8 GiB",
    "engine_total_memory_bytes": "an eighth of the memory up to 3 GiB, or `engine_memory_bytes`",
    "publish_memory_bytes": "a sixth of the memory, at most 4 GiB",
}
"""Defaults that depend on the machine, in words."""

_HEAD = """\
# Settings

Every setting has a default. A TOML file changes it (`--config FILE`, or `PZVO_CONFIG`), a variable
of the environment wins over the file, and an option of the command line (`--home`, `--host`,
`--port`) wins over all. In the environment a setting is written in upper case behind `PZVO_`.

A key that does not exist and a value that cannot be used are refused, all of them at once; nothing
starts with half of its settings. `pzvo config` prints the settings in force, without secrets.
[config/pzvo.example.toml](../../config/pzvo.example.toml) is a file to start from;
[the operator's page](../how-to/operate.md) says which ones matter and when.

| setting | type | default | meaning |
|---|---|---|---|
"""

_TAIL = """
`PZVO_CONFIG` is no setting: it names the TOML file.

This page is written by `python docs/settings_page.py`; change the descriptions in
`vo_service/settings/model.py`.
"""


def settings_page() -> str:
    """Give the text of the page."""
    from vo_service.settings import Settings

    rows = [
        f"| `{name}` | {_type(name)} | {_default(name)} | {field.description} |\n"
        for name, field in Settings.model_fields.items()
    ]
    return _HEAD + "".join(rows) + _TAIL


def _type(name: str) -> str:
    from vo_service.settings import Settings

    schema = Settings.model_json_schema()["properties"][name]
    if "anyOf" in schema:
        schema = next(option for option in schema["anyOf"] if option["type"] != "null")
    kinds = {"integer": "whole number", "number": "number", "string": "text"}
    kinds["boolean"] = "`true` or `false`"
    kinds["array"] = "list of texts"
    words = kinds[schema["type"]]
    if schema.get("format") == "path":
        words = "path"
    if schema.get("writeOnly"):
        words = "text, secret"
    if "pattern" in schema:
        words = ", ".join(f"`{choice}`" for choice in schema["pattern"].strip("^$()").split("|"))
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{words}, {_number(low)} to {_number(high)}"
    if low is not None:
        return f"{words}, at least {_number(low)}"
    if "exclusiveMinimum" in schema:
        return f"{words} above {_number(schema['exclusiveMinimum'])}"
    return words


def _default(name: str) -> str:
    from vo_service.settings import Settings

    if name in COMPUTED_DEFAULTS:
        return COMPUTED_DEFAULTS[name]
    value = Settings.model_fields[name].get_default()
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return _number(value) if isinstance(value, int | float) else f"`{value}`"


def _number(value: float) -> str:
    whole = int(value)
    if whole >= 2**20 and whole % 2**20 == 0:
        mebibytes = whole // 2**20
        return (
            f"{whole} ({mebibytes} MiB)"
            if mebibytes % 1024
            else f"{whole} ({mebibytes // 1024} GiB)"
        )
    return f"{value:g}" if value != whole else str(whole)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    PAGE.write_text(settings_page(), encoding="utf-8")
