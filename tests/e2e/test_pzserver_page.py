"""The calls of the page on the `pzserver` client, in order, and what they print.

With ``PZVO_UPDATE_PAGES=1`` in the environment the page gets the present output.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from product_service import installed, run
from pzserver_client import client_python, run_python

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "pzserver.md"

BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)

HOST = "http://127.0.0.1:8000/api/"

SEPARATOR = "=== end of block ==="

pytestmark = pytest.mark.clients


@pytest.fixture
def installation(tmp_path):
    client_python()
    home = tmp_path / "home"
    home.mkdir()
    run(home, "user", "add", "ann")
    run(home, "release", "add", "dp1", "--display-name", "Data Preview 1", "--public")
    found = installed(home, people=False)
    found.tokens["ann"] = run(home, "token", "create", "ann").strip()
    yield found
    found.live.stop()


def test_page_shows_what_its_calls_print(installation, tmp_path):
    text = PAGE.read_text(encoding="utf-8")
    folder = tmp_path / "work"
    folder.mkdir()
    script = [f"TOKEN = {installation.tokens['ann']!r}"]
    for language, name, content in BLOCK.findall(text):
        if name:
            (folder / name).write_text(content, encoding="utf-8")
        if language == "python":
            script += [content.replace(HOST, installation.api_url), f"print({SEPARATOR!r})"]
    printed = run_python(client_python(), "\n".join(script), folder)
    lines = "\n".join(line.rstrip() for line in printed.splitlines())
    outputs = [part.strip("\n") for part in lines.split(SEPARATOR)]
    present = with_outputs(text, outputs)
    if os.environ.get("PZVO_UPDATE_PAGES"):
        PAGE.write_text(present, encoding="utf-8")
    assert present == text


def with_outputs(text: str, outputs: list[str]) -> str:
    """Put the output of each Python block into the text block behind it."""
    waiting = list(outputs)
    last = ""

    def block(match: re.Match[str]) -> str:
        nonlocal last
        if match[1] == "python":
            last = waiting.pop(0)
        return f"```text\n{last}\n```" if match[1] == "text" else match[0]

    return BLOCK.sub(block, text)
