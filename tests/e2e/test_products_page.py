"""The commands of the page on products, in order, and what they print.

With ``PZVO_UPDATE_PAGES=1`` in the environment the page gets the present output.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from product_service import installed, run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "products.md"

BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)

HOST = "http://127.0.0.1:8000"

SEPARATOR = "=== end of block ==="

pytestmark = pytest.mark.clients


@pytest.fixture
def installation(tmp_path):
    if not all(map(shutil.which, ("bash", "curl", "jq"))):
        pytest.skip("curl and jq are not installed")
    home = tmp_path / "home"
    home.mkdir()
    run(home, "user", "add", "ann")
    found = installed(home, people=False)
    found.tokens["ann"] = run(home, "token", "create", "ann").strip()
    yield found
    found.live.stop()


def test_page_shows_what_its_commands_print(installation, tmp_path):
    text = PAGE.read_text(encoding="utf-8")
    folder = tmp_path / "work"
    folder.mkdir()
    token = installation.tokens["ann"]
    script = ["set -eu", f"TOKEN={token}"]
    for number, (language, name, content) in enumerate(BLOCK.findall(text)):
        here = content.replace(HOST, installation.url)
        if language == "csv":
            (folder / name).write_text(content, encoding="utf-8")
        elif language == "python":
            (folder / f"{number}.py").write_text(f"TOKEN = {token!r}\n{here}", encoding="utf-8")
            script += [f"{sys.executable} {number}.py", f"echo {SEPARATOR!r}"]
        elif language == "sh":
            script.append(here)
            if name != "setup":
                script.append(f"echo {SEPARATOR!r}")
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    outputs = [part.strip("\n") for part in done.stdout.split(SEPARATOR)]
    present = with_outputs(text, outputs)
    if os.environ.get("PZVO_UPDATE_PAGES"):
        PAGE.write_text(present, encoding="utf-8")
    assert present == text


def with_outputs(text: str, outputs: list[str]) -> str:
    """Put the output of each command block into the text block behind it."""
    waiting = list(outputs)
    last = ""

    def block(match: re.Match[str]) -> str:
        nonlocal last
        if match[1] in ("sh", "python") and match[2] != "setup":
            last = waiting.pop(0)
        return f"```text\n{last}\n```" if match[1] == "text" else match[0]

    return BLOCK.sub(block, text)
