"""Messages speak in the words of the way by which people came: no options to those by HTTP."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

COMMAND = re.compile(r"(^|[\s`(])(--[a-z]|pzvo [a-z])")

OPERATORS = (
    # Say what is wrong with the words of a command line, or with the state of the host at a start.
    "registry/annotation/annotation_file.py",
    "registry/annotation/merging.py",
    "registry/stores/identity.py",
    "registry/stores/sweep.py",
    "vo_service/cli",
    "vo_service/processing/remote.py",
    "vo_service/server/listening.py",
    # Shows lines of curl.
    "vo_service/web/snippets.py",
    "vo_service/demo",
    "pipelines/launching.py",
    "pipelines/__main__.py",
    # Speak to the commands of Slurm, and of their options to operators.
    "uws/executors/keeper.py",
    "uws/executors/slurm/",
)

MODULES = sorted(
    path
    for package in ("registry", "uws", "vosi", "pipelines", "vo_service")
    for path in (ROOT / package).rglob("*.py")
    if not str(path.relative_to(ROOT)).startswith(OPERATORS)
)


def texts(tree: ast.AST):
    """Give the literals that are no docstrings."""
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in documentation:
            yield node


def test_a_command_is_found():
    assert COMMAND.search("see `pzvo user list`")
    assert COMMAND.search("say --column z=z")
    assert not COMMAND.search("a -- b, pzvo-read")


@pytest.mark.parametrize("package", ["registry", "uws", "vosi", "pipelines", "vo_service"])
def test_no_message_of_the_service_speaks_of_the_command_line(package):
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value!r}"
        for path in MODULES
        if path.relative_to(ROOT).parts[0] == package
        for node in texts(ast.parse(path.read_text()))
        if COMMAND.search(node.value)
    ]
    assert not found, "\n".join(found)
