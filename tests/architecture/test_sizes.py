"""Sizes past which files of this field's projects become trouble."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("vo_service", "registry", "uws", "pipelines", "vosi")
SOURCES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
LARGER = {
    # One family of types that refer to each other; parts of it would import in circles.
    "vo_service/adql/tree.py": 560,
    "vo_service/adql/typed.py": 420,
    # One declaration without logic: every setting in one place.
    "vo_service/settings/model.py": 540,
}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_is_small_named_and_described(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert path.stem not in FORBIDDEN_NAMES
    assert len(text.splitlines()) <= LARGER.get(str(path.relative_to(ROOT)), 400)
    assert ast.get_docstring(tree), "a module says what it is"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            start = node.body[0].end_lineno if ast.get_docstring(node) else node.lineno
            length = (node.end_lineno or 0) - start
            assert length <= 60, f"{node.name} has {length} lines"
