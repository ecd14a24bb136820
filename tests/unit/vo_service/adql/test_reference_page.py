"""The page about ADQL against the registry and the engine."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from vo_service.adql.functions import CONSTRUCTS, FUNCTIONS

ROOT = Path(__file__).resolve().parents[4]


def page_script():
    spec = importlib.util.spec_from_file_location("adql_page", ROOT / "docs" / "adql_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_registry_and_the_engine_say():
    script = page_script()
    text = script.PAGE.read_text(encoding="utf-8")
    assert text == script.adql_page()
    for name in [f.name for f in FUNCTIONS.values()] + [c.name for c in CONSTRUCTS]:
        assert f"### {name}\n" in text
